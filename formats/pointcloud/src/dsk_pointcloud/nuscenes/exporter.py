"""Writing the tables of nuScenes that loaders need, and clouds and images of keyframes.

A subset of nuScenes: keyframes only, one lidar, cameras whose matrices are known. What the tables
need and dsk does not know is stated as such: the vehicle stands still at the origin unless the
source was nuScenes, maps and logs are empty, timestamps are half a second apart.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from dsk.annotations import Cuboid3d
from dsk.errors import InputError, MediaError, OptionError, OutputError
from dsk.flow import Exporter
from dsk.media import PointCloud
from dsk.rotations import matrix_of, quaternion_matrix, rigid
from dsk_pointcloud.axes import stated_pose
from dsk_pointcloud.cameras import CAMERA
from dsk_pointcloud.clouds.saver import CloudSaver
from dsk_pointcloud.frames import note_boxes, note_frames, turned
from dsk_pointcloud.nuscenes.keyframes import Annotation, Camera, Frame, Place, save_frames
from dsk_pointcloud.nuscenes.rows import FAMILY, LEVELS, write_tables
from dsk_pointcloud.tracks import track_of, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["NuscenesExporter"]

_VERSION = re.compile(r"v\d+\.\d+[\w.-]*")
_STILL = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))
_OWN = frozenset({"track_id", "instance_token", "visibility", "num_lidar_pts", "num_radar_pts"})


class NuscenesExporter(Exporter):
    """Writes ``v1.0-*/*.json``, ``samples/LIDAR_TOP`` and ``samples/CAM_*``.

    Args:
        version: Name of the folder of tables.
        count_points: Count the points in boxes that do not state ``num_lidar_pts``; loaders leave
            out boxes that have none.
        cloud_ext: "pcd.bin" writes clouds as nuScenes has them, "keep" keeps their kind of file.
    """

    def __init__(
        self,
        *,
        version: str = "v1.0-trainval",
        count_points: bool = True,
        cloud_ext: str = "pcd.bin",
    ) -> None:
        if not _VERSION.fullmatch(version):
            raise OptionError(f"version is like v1.0-trainval, not {version!r}")
        self._version = version
        self._count = count_points
        if cloud_ext not in ("pcd.bin", "keep"):
            raise OptionError(f"cloud_ext is pcd.bin or keep, not {cloud_ext!r}")
        self._clouds = CloudSaver("" if cloud_ext == "keep" else ".pcd.bin")

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._labels = header.categories.names
        if "" in self._labels:
            raise OutputError("a label has no name", hint="rename it")
        ctx.ledger.equal_names(self._labels)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[Place]:
        """Write clouds and images; the tables need all items."""
        return save_frames((self._frame(item, ctx) for item in items), ctx)

    def _frame(self, item: DatasetItem, ctx: WriteContext) -> Frame:
        media = item.media if isinstance(item.media, PointCloud) else None
        known = (item.extra or {}).get(FAMILY) or {}
        scene, slash, _ = item.id.rpartition("/")
        flat = f"{item.subset}__{item.id}".replace("/", "__")
        cloud = f"samples/LIDAR_TOP/{flat}{self._clouds.suffix(media)}"
        if media is not None:
            self._clouds.save(item, media, cloud, ctx)
        lidar, ego = (stated_pose(item, name) or _STILL for name in ("lidar", "ego"))
        to_global = _pose(ego) @ _pose(lidar)
        points = self._points(item, media)
        frame = Frame(
            id=item.id,
            subset=item.subset,
            scene=scene if slash else item.subset,
            cloud=cloud,
            lidar=lidar,
            ego=ego,
            cameras=self._cameras(item, media, flat, ctx),
            annotations=[],
            order=item.attributes.get("frame"),
            timestamp=known.get("timestamp"),
            empty=media is None,
        )
        boxes = [a for a in item.annotations if isinstance(a, Cuboid3d)]
        note_frames(ctx.ledger, item, boxes)
        if known.get("sweeps"):
            ctx.ledger.add_at("DSK-L011", "nuscenes field sweeps", item)
        frame.annotations = [self._annotation(item, a, to_global, points, ctx) for a in boxes]
        what = "boxes turned: +x ahead instead of +y"
        note_boxes(ctx.ledger, what, [a.forward for a in boxes].count("+y"))
        note_boxes(ctx.ledger, "boxes brought to the global frame; w, l, h", len(frame.annotations))
        return frame

    def _points(self, item: DatasetItem, media: PointCloud | None) -> NDArray[Any] | None:
        """Return the coordinates to count, or None if nobody asks for them."""
        if media is None or not self._count or not media.exists:
            return None
        if all("num_lidar_pts" in a.attributes for a in item.annotations):
            return None
        from dsk_pointcloud.clouds.cloud import xyz_of
        from dsk_pointcloud.clouds.files import load

        try:
            return xyz_of(load(media))
        except InputError:
            return None  # saving it has said what is wrong

    def _cameras(
        self, item: DatasetItem, media: PointCloud | None, flat: str, ctx: WriteContext
    ) -> list[Camera]:
        found: list[Camera] = []
        for number, image in enumerate(media.extra_images if media is not None else ()):
            about = (image.extra or {}).get(CAMERA) or {}
            outer, inner = about.get("extrinsics"), about.get("intrinsics")
            name = re.sub(r"\W", "_", str(about.get("name") or f"{number:02d}")).upper()
            channel = name if name.startswith("CAM_") else f"CAM_{name}"
            if not outer or not inner or channel in {c.channel for c in found}:
                what = "images of cameras whose matrices are not known"
                ctx.ledger.add_at("DSK-L016", what, item)
                continue
            end = ctx.media.image_ext or posixpath.splitext(image.path)[1] or ".jpg"
            file = f"samples/{channel}/{flat}{end}"
            ctx.save_image(item.replace(media=image), file)
            size = _size(image) or (0, 0)
            found.append(Camera(channel, file, list(outer), list(inner), size))
        return found

    def _annotation(
        self,
        item: DatasetItem,
        a: Cuboid3d,
        to_global: NDArray[Any],
        points: NDArray[Any] | None,
        ctx: WriteContext,
    ) -> Annotation:
        where: dict[str, Any] = {"item": item.id, "subset": item.subset, "annotation": a.id}
        box = turned(a, "+x")
        own = rigid(matrix_of(box.rotation), box.position)
        names = []
        for name, value in a.attributes.items():
            if name not in _OWN:
                text = _attribute(name, value)
                if text:
                    names.append(text)
                else:
                    ctx.ledger.add("DSK-L004", name, kind=a.kind, **where)
        count = a.attributes.get("num_lidar_pts")
        if type(count) is not int:
            count = _inside(own, box.scale, points) if points is not None else 0
        radar = a.attributes.get("num_radar_pts")
        visibility = a.attributes.get("visibility")
        if visibility is not None and visibility not in LEVELS.values():
            ctx.ledger.add("DSK-L004", "visibility", kind=a.kind, **where)
        token, track = a.attributes.get("instance_token"), a.attributes.get("track_id")
        if track is not None and whole(track) is None:
            ctx.ledger.add("DSK-L004", "track_id", kind=a.kind, **where)
        length, width, height = map(float, box.scale)
        return Annotation(
            label=a.label or 0,
            track=track_of(a),
            instance=token if isinstance(token, str) else "",
            pose=(to_global @ own).ravel().tolist(),
            size=(width, length, height),
            attributes=names,
            visibility=visibility if isinstance(visibility, str) else "",
            points=count,
            radar=radar if type(radar) is int else 0,
        )

    def finish(self, states: list[list[Place]], ctx: WriteContext) -> None:
        """Write the tables."""
        if not ctx.out.dry:
            places = [place for state in states for place in state]
            write_tables(places, self._version, self._labels, ctx)


def _pose(known: Any) -> NDArray[Any]:
    translation, rotation = known
    return rigid(quaternion_matrix(tuple(rotation)), tuple(translation))


def _attribute(name: str, value: Any) -> str:
    """Return an attribute as nuScenes has it, ``name.value`` or ``name``, or "" if it cannot."""
    if value is True:
        return "" if "." in name else name
    whole = isinstance(value, str) and value and "." not in value
    return f"{name}.{value}" if whole and name else ""


def _inside(own: NDArray[Any], scale: tuple[float, float, float], points: NDArray[Any]) -> int:
    """Return the number of points in a box; NaN points are in none."""
    local = (points - own[:3, 3]) @ own[:3, :3]
    return int((abs(local) * 2 <= scale).all(axis=1).sum())


def _size(image: Any) -> tuple[int, int] | None:
    try:
        return image.get_size()  # type: ignore[no-any-return]
    except MediaError:
        return None
