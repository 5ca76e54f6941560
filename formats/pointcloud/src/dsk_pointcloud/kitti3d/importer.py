"""Reading KITTI 3D datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.annotations import Bbox, Cuboid3d
from dsk.categories import GrowingLabels
from dsk.errors import InputError, RecordError
from dsk.flow import HEAVY_ITEMS, Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud
from dsk.metafile import stated_labels
from dsk_pointcloud.calib import Calibration, read_calibration
from dsk_pointcloud.cameras import camera_extra
from dsk_pointcloud.frames import NO_SIZE, note_boxes
from dsk_pointcloud.kitti3d import layout
from dsk_pointcloud.kitti3d.labels import DONT_CARE, LabelLine, parse_line, to_lidar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["CLASSES", "Kitti3dImporter"]

CLASSES = (
    "Car",
    "Van",
    "Truck",
    "Pedestrian",
    "Person_sitting",
    "Cyclist",
    "Tram",
    "Misc",
    DONT_CARE,
)
"""KITTI's classes in its order."""


class Kitti3dImporter(Importer):
    """Opens label_2, calib, velodyne and image_2 folders.

    Args:
        difficulty: Give boxes the attribute ``difficulty``, see ``labels.LEVELS``.
    """

    def __init__(self, *, difficulty: bool = False) -> None:
        self._difficulty = difficulty

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        parts = layout.find_parts(root)
        if not parts:
            raise InputError(
                "no KITTI 3D dataset: there is no calib with label_2 or velodyne beside it",
                where=root.path,
                hint="give the folder that holds training/ or calib/",
            )
        datasets = layout.all_datasets(root)
        if len(datasets) > 1:
            raise InputError(
                f"there are several datasets: {', '.join(datasets)}",
                where=root.path,
                hint="give the folder of one of them",
            )
        tracking = layout.tracking_folder(root, parts)
        if tracking:
            raise InputError("this is KITTI's tracking task, which is not read", where=tracking)
        for folder in layout.unread_folders(root, parts):
            ledger.warn(f"{folder}: not read; KITTI's are label_2, image_2 and image_3")
        return Kitti3dSource(root, parts, ledger, difficulty=self._difficulty)


class Kitti3dSource(Source):
    """A dataset, indexed by item."""

    partition_items = HEAVY_ITEMS

    def __init__(
        self, root: InputRoot, parts: list[layout.Part], ledger: Ledger, *, difficulty: bool
    ) -> None:
        self._root = root
        self._difficulty = difficulty
        self._rows = list(layout.read_rows(root, parts))
        for note in layout.notes_on_lists(root, parts, self._rows):
            ledger.warn(f"{root.path}: {note}")
        seen: set[tuple[str, str]] = set()
        for row in self._rows:
            if (row.id, row.subset) in seen:
                raise InputError(f"item {row.id} is there twice in {row.subset}", where=root.path)
            seen.add((row.id, row.subset))
        labels = GrowingLabels(stated_labels(root))
        found = self._names()
        met = [n for n in CLASSES if n in found] + sorted(found - set(CLASSES))
        self._label = {name: labels.number(name) for name in met}
        self._clouds = any(row.cloud for row in self._rows) or not any(r.images for r in self._rows)
        if any(row.label and not row.calib for row in self._rows):
            ledger.warn(f"{root.path}: labels without calibration have no boxes in space")
        self.header = Header(
            categories=labels.categories(),
            media=frozenset({"point_cloud" if self._clouds else "image"}),
            subsets=tuple(dict.fromkeys(row.subset for row in self._rows)),
            items=len(self._rows),
        )

    def _names(self) -> set[str]:
        names: set[str] = set()
        for row in self._rows:
            if row.label:
                data = self._root.text_bytes(row.label)
                names.update(
                    line.split(None, 1)[0].decode("utf-8", "replace")
                    for line in data.splitlines()
                    if line.strip()
                )
        return names

    def partitions(self) -> Sequence[Any]:
        """Return slices of the items."""
        return spans(len(self._rows), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield some items."""
        start, stop = partition
        solids = 0
        for row in self._rows[start:stop]:
            calibration, extra = None, None
            if row.calib:
                where = self._root.show(row.calib)
                try:
                    text = self._root.text(row.calib).replace("\r\n", "\n")
                    calibration = read_calibration(text, where)
                    extra = {"kitti3d": {"calib": text}}
                except RecordError as error:
                    ledger.bad_record(error)
            boxes = self._boxes(row, calibration, ledger) if row.label else []
            medium = self._medium(row, calibration)
            solids += sum(isinstance(a, Cuboid3d) for a in boxes)
            yield DatasetItem(row.id, row.subset, medium, boxes, {}, extra)
        note_boxes(ledger, "boxes brought from the camera's frame to the lidar's, +x ahead", solids)

    def _medium(
        self, row: layout.Row, calibration: Calibration | None
    ) -> PointCloud | Image | None:
        locate = self._root.locate
        images = []
        for kind, file in row.images:
            matrices = calibration.cameras.get(int(kind[-1])) if calibration is not None else None
            extra = camera_extra(f"image_0{kind[-1]}", matrices)
            images.append(Image(file, locate(file), extra if self._clouds else None))
        if not self._clouds:
            return images[0] if images else None
        if row.cloud:
            return PointCloud(row.cloud, locate(row.cloud), None, tuple(images))
        return PointCloud(f"velodyne/{row.id}.bin", None, None, tuple(images)) if images else None

    def _boxes(
        self, row: layout.Row, calibration: Calibration | None, ledger: Ledger
    ) -> list[Annotation]:
        where = self._root.show(row.label)
        inverse = None if calibration is None else calibration.from_camera
        found: list[Annotation] = []
        for number, text in enumerate(self._root.text(row.label).splitlines(), 1):
            if not text.strip():
                continue
            try:
                line = parse_line(text)
            except ValueError as error:
                place = f"{where}:{number}"
                ledger.bad_record(RecordError(str(error), where=place, item=row.id))
                continue
            boxes = list(self._object(line, number, inverse))
            found += boxes
            if any(isinstance(a, Cuboid3d) and min(a.scale) <= 0 for a in boxes):
                ledger.warn(NO_SIZE)
        return found

    def _object(self, line: LabelLine, number: int, inverse: Any) -> Iterator[Annotation]:
        """Yield the box in the image and, if there is one, the box in space, in one group."""
        x1, y1, x2, y2 = line.box
        solid = line.is_solid and inverse is not None
        attributes: dict[str, Any] = {
            "truncated": line.truncated,
            "occluded": line.occluded in (1, 2),
            "occluded_level": line.occluded,
            "alpha": line.alpha,
        }
        if line.score is not None:
            attributes["score"] = line.score
        if self._difficulty:
            attributes["difficulty"] = line.difficulty
        if line.name == DONT_CARE:
            attributes = {"ignore": True}
        label, group = self._label[line.name], number if solid else 0
        yield Bbox(
            x1, y1, x2 - x1, y2 - y1, label=label, id=number, group=group, attributes=attributes
        )
        if solid:
            centre, scale, heading = to_lidar(line, inverse)
            yield Cuboid3d(
                centre,
                (0.0, 0.0, heading),
                scale,
                label=label,
                id=number,
                group=group,
                attributes=attributes,
            )
