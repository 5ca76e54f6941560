"""The layouts that OpenPCDet and mmdetection3d document for custom datasets; written only.

Both want a line ``x y z dx dy dz heading class`` per box in the lidar's frame, x ahead; nuScenes'
boxes and points, whose y is ahead, are turned. OpenPCDet's z is that of the centre, mmdetection3d's
(1.0 and later) that of the bottom face.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dsk.annotations import Cuboid3d
from dsk.errors import InputError, OutputError
from dsk.flow import Exporter
from dsk.media import PointCloud
from dsk_pointcloud.axes import facing_ahead, quarter_turns
from dsk_pointcloud.clouds.cloud import quarter_turned
from dsk_pointcloud.clouds.files import load
from dsk_pointcloud.clouds.losses import lost_in
from dsk_pointcloud.clouds.saver import CloudSaver, has_cloud
from dsk_pointcloud.clouds.velodyne import write_bin
from dsk_pointcloud.frames import is_upright, note_boxes, note_frames, turned, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["Mmdet3dExporter", "OpenPcDetExporter"]


class _PlainExporter(Exporter):
    """Writes points, labels and lists of items."""

    bottom: ClassVar[bool] = False
    """Whether z is that of the bottom face."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._labels = header.categories.names
        for name in self._labels:
            if len(name.split()) != 1 or name != name.strip():
                raise OutputError(
                    f"label {name!r} has blanks, which divide the fields of a label",
                    hint="-t remap_labels renames it",
                )
        ctx.ledger.equal_names(self._labels)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, list[str]]:
        """Write the files of some items; return their ids by subset."""
        lists: dict[str, list[str]] = {}
        for item in items:
            if item.id != item.id.strip() or len(item.id.splitlines()) != 1:
                raise OutputError(f"ImageSets cannot hold the name {item.id!r}")
            lists.setdefault(item.subset, []).append(item.id)
            turns = quarter_turns(item)
            item = facing_ahead(item, turns, ctx.ledger)  # noqa: PLW2901
            boxes = [a for a in item.annotations if isinstance(a, Cuboid3d)]
            note_frames(ctx.ledger, item, boxes)
            rows = "".join(self._row(item, a, ctx) for a in boxes)
            ctx.write(f"labels/{item.id}.txt", rows.encode())
            if ctx.save_media and isinstance(item.media, PointCloud) and has_cloud(item.media):
                self._points(item, item.media, turns, ctx)
            elif ctx.save_media:
                ctx.ledger.add_at("DSK-L016", "item without a point cloud", item)
        return lists

    def _row(self, item: DatasetItem, a: Cuboid3d, ctx: WriteContext) -> str:
        if a.forward == "+y":
            a = turned(a, "+x")
            note_boxes(ctx.ledger, "boxes turned: +x ahead instead of +y", 1)
        if not is_upright(a.rotation):
            what = "roll and pitch left out"
            ctx.ledger.add_at("DSK-L007", what, item, a)
        x, y, z = a.position
        z -= a.scale[2] / 2 if self.bottom else 0.0
        numbers = (x, y, z, *a.scale, wrap(a.rotation[2]))
        return f"{' '.join(map(repr, map(float, numbers)))} {self._labels[a.label or 0]}\n"

    def _points(self, item: DatasetItem, media: PointCloud, turns: int, ctx: WriteContext) -> None:
        """Write an item's points, turned by some quarters about z."""
        CloudSaver(".bin").save(item, media, f"points/{item.id}.bin", ctx, turns)

    def finish(self, states: list[dict[str, list[str]]], ctx: WriteContext) -> None:
        """Write ImageSets."""
        lists: dict[str, list[str]] = {}
        for state in states:
            for subset, ids in state.items():
                lists.setdefault(subset, []).extend(ids)
        for subset, ids in lists.items():
            ctx.write(f"ImageSets/{subset}.txt", "".join(f"{i}\n" for i in ids).encode())


class Mmdet3dExporter(_PlainExporter):
    """Writes mmdetection3d's layout of custom datasets."""

    bottom = True


class OpenPcDetExporter(_PlainExporter):
    """Writes OpenPCDet's layout of custom datasets."""

    def _points(self, item: DatasetItem, media: PointCloud, turns: int, ctx: WriteContext) -> None:
        if media.source is None or not media.exists:
            ctx.save_file(item, media, f"points/{item.id}.npy")  # says that it is missing
            return
        try:
            cloud = load(media)
            if turns:
                cloud = quarter_turned(cloud, turns)
            data = write_bin(cloud)
        except InputError as error:
            what = f"point cloud not saved: {error.message}"
            ctx.ledger.add_at("DSK-L016", what, item)
            return
        for lost in lost_in(cloud, ".bin"):
            ctx.ledger.add_at("DSK-L016", f".npy holds no {lost}", item)
        out = io.BytesIO()
        np.save(out, np.frombuffer(data, "<f4").reshape(-1, 4), allow_pickle=False)
        ctx.ledger.add_at("DSK-L016", "point cloud re-encoded →.npy", item)
        ctx.write(f"points/{item.id}.npy", out.getvalue())
        ctx.ledger.media_saved += 1
