"""Writing KITTI 3D datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import Bbox, Cuboid3d
from dsk.errors import InputError, OptionError, OutputError
from dsk.flow import Exporter
from dsk.media import Image, PointCloud
from dsk.metafile import META_NAME, meta_text
from dsk_pointcloud.calib import (
    Calibration,
    calibration_text,
    identity_calibration,
    read_calibration,
)
from dsk_pointcloud.cameras import CAMERA
from dsk_pointcloud.clouds.saver import CloudSaver
from dsk_pointcloud.frames import is_finite, is_upright, note_boxes, turned
from dsk_pointcloud.kitti3d.labels import DONT_CARE, HUGE, LabelLine, project_box, to_camera

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["Kitti3dExporter", "calibration_of"]

_TEST = ("test", "testing")


@dataclass(frozen=True, slots=True)
class _View:
    """An item's camera: calibration, its lidar→camera matrix, size of the image if known."""

    calibration: Calibration
    matrix: Any
    size: tuple[int, int] | None


class Kitti3dExporter(Exporter):
    """Writes training/ and testing/ with label_2, calib, velodyne, image_2, and ImageSets.

    Args:
        calib: "source": the items' own, or their cameras' matrices; "identity": ideal axes.
        save_scores: Write the attribute score as the 16th column.
        precision: Decimals of the labels' numbers; KITTI has 2.
        cloud_ext: "bin", or "keep" for clouds as they are, which KITTI's tools do not read.
        save_dataset_meta: Write ``dataset_meta.json`` with the labels.
    """

    def __init__(
        self,
        *,
        calib: str = "source",
        save_scores: bool = False,
        precision: int = 2,
        cloud_ext: str = "bin",
        save_dataset_meta: bool = False,
    ) -> None:
        if calib not in ("source", "identity"):
            raise OptionError(f"calib is source or identity, not {calib!r}")
        if cloud_ext not in ("bin", "keep"):
            raise OptionError(f"cloud_ext is bin or keep, not {cloud_ext!r}")
        if not 0 <= precision <= 17:
            raise OptionError("precision is a number of decimals, 0 to 17")
        self._calib = calib
        self._scores = save_scores
        self._digits = precision
        self._meta = save_dataset_meta
        self._clouds = CloudSaver(".bin" if cloud_ext == "bin" else "")

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._labels = header.categories.names
        for name in self._labels:
            if len(name.split()) != 1 or name != name.strip():
                raise OutputError(
                    f"label {name!r} has blanks, which divide the fields of a KITTI label",
                    hint="-t remap_labels renames it",
                )
        if self._calib == "identity":
            ctx.ledger.warn("calibration with ideal axes: the camera sits in the lidar")
        if self._meta:
            ctx.write(META_NAME, meta_text(header.categories))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, list[str]]:
        """Write the files of some items; return their ids by subset, and the labels used."""
        lists: dict[str, list[str]] = {}
        for item in items:
            if item.id != item.id.strip() or len(item.id.splitlines()) != 1:
                raise OutputError(f"ImageSets cannot hold the name {item.id!r}")
            lists.setdefault(item.subset, []).append(item.id)
            part = "testing" if item.subset in _TEST else "training"
            calibration, text = self._calibration(item)
            view = None
            if calibration is not None:
                view = _View(calibration, calibration.to_camera, _image_size(item))
            lines = self._lines(item, view, ctx)
            if item.annotations or part == "training":
                rows = [line.text(self._digits, score=self._scores) + "\n" for line in lines]
                ctx.write(f"{part}/label_2/{item.id}.txt", "".join(rows).encode())
            if text:
                ctx.write(f"{part}/calib/{item.id}.txt", text)
            self._media(item, part, ctx)
        return lists

    def _calibration(self, item: DatasetItem) -> tuple[Calibration | None, bytes]:
        if self._calib == "identity":
            calibration = identity_calibration()
            return calibration, calibration_text(calibration)
        known = calibration_of(item)
        if known is not None:
            return known
        if any(isinstance(a, Cuboid3d) for a in item.annotations):
            raise OutputError(
                f"item {item.id} has no calibration, which labels in the camera's frame need",
                hint="-O calib=identity writes ideal axes",
            )
        calibration = identity_calibration()
        return calibration, calibration_text(calibration)

    def _media(self, item: DatasetItem, part: str, ctx: WriteContext) -> None:
        media = item.media
        images: tuple[Image, ...] = ()
        if isinstance(media, PointCloud):
            images = media.extra_images
            if media.source is not None or not images:
                ext = self._clouds.suffix(media)
                self._clouds.save(item, media, f"{part}/velodyne/{item.id}{ext}", ctx)
        elif isinstance(media, Image):
            images = (media,)
        for number, image in enumerate(sorted(images, key=_camera_name)[:2], 2):
            ext = ctx.media.image_ext or image.ext or ".png"
            ctx.save_image(item.replace(media=image), f"{part}/image_{number}/{item.id}{ext}")
        if ctx.save_media:
            for _ in images[2:]:
                what = "further images left out"
                ctx.ledger.add("DSK-L016", what, item=item.id, subset=item.subset)

    def _lines(self, item: DatasetItem, view: _View | None, ctx: WriteContext) -> list[LabelLine]:
        """Return an item's labels; a box in the image and one in space of a group are one."""
        flat: dict[int, Bbox] = {}
        for a in item.annotations:
            if isinstance(a, Bbox) and a.group:
                flat.setdefault(a.group, a)
        used: set[int] = set()
        lines = []
        for a in item.annotations:
            if isinstance(a, Cuboid3d) and view is not None:
                partner = flat.get(a.group)
                if partner is not None and (id(partner) in used or partner.label != a.label):
                    partner = None
                line = self._solid(item, a, partner, view, ctx)
                if line is not None:
                    lines.append(line)
                    note_boxes(ctx.ledger, "boxes brought to the camera's frame", 1)
                    if partner is not None:
                        used.add(id(partner))
        lines += [
            self._flat(a) for a in item.annotations if isinstance(a, Bbox) and id(a) not in used
        ]
        return lines

    def _solid(
        self, item: DatasetItem, a: Cuboid3d, partner: Bbox | None, view: _View, ctx: WriteContext
    ) -> LabelLine | None:
        def drop(code: str, why: str) -> None:
            ctx.ledger.add(
                code, why, kind=a.kind, item=item.id, subset=item.subset, annotation=a.id
            )

        numbers = (*a.position, *a.rotation, *a.scale)
        if not is_finite(*numbers) or max(map(abs, numbers)) > HUGE:
            drop("DSK-L018", "a number is not finite, or beyond all metres")
            return None
        box = turned(a, "+x")
        location, ry, alpha = to_camera(box, view.matrix)
        if location[2] <= 0:
            drop("DSK-L017", "behind the camera")
            return None
        if partner is not None:
            place = (partner.x, partner.y, partner.x + partner.w, partner.y + partner.h)
        else:
            projection = view.calibration.projections.get(2)
            if projection is None:
                projection = identity_calibration().projections[2]
            found = project_box(box, view.matrix, projection, view.size)
            if found is None:
                drop("DSK-L017", "outside the image")
                return None
            place = found
        length, width, height = box.scale
        line = _line(self._labels[a.label or 0], a.attributes, alpha, place)
        line.size, line.location, line.rotation_y = (height, width, length), location, ry
        if not is_upright(box.rotation):
            what = "roll and pitch left out"
            ctx.ledger.add("DSK-L007", what, kind=a.kind, item=item.id, annotation=a.id)
        elif any(abs(round(v, self._digits) - v) > 1e-9 for v in (*line.size, *location, ry)):
            what = f"rounded to {self._digits} decimals"
            hint = "-O precision=6 keeps more"
            ctx.ledger.add("DSK-L007", what, kind=a.kind, item=item.id, annotation=a.id, hint=hint)
        return line

    def _flat(self, a: Bbox) -> LabelLine:
        name = self._labels[a.label or 0]
        place = (a.x, a.y, a.x + a.w, a.y + a.h)
        if name == DONT_CARE:
            return LabelLine(name, -1.0, -1, -10.0, place)
        return _line(name, a.attributes, -10.0, place)

    def finish(self, states: list[dict[str, list[str]]], ctx: WriteContext) -> None:
        """Write ImageSets."""
        lists: dict[str, list[str]] = {}
        for state in states:
            for subset, ids in state.items():
                lists.setdefault(subset, []).extend(ids)
        for subset, ids in lists.items():
            ctx.write(f"ImageSets/{subset}.txt", "".join(f"{i}\n" for i in ids).encode())


def calibration_of(item: DatasetItem) -> tuple[Calibration, bytes] | None:
    """Return an item's calibration and its text: from its source, or from its cameras' matrices."""
    known = ((item.extra or {}).get("kitti3d") or {}).get("calib")
    if isinstance(known, str):
        try:
            return read_calibration(known, f"calibration of {item.id}"), known.encode()
        except InputError as error:
            raise OutputError(error.message, where=error.where) from error
    media = item.media
    for image in sorted(getattr(media, "extra_images", ()), key=_camera_name):
        about = (image.extra or {}).get(CAMERA) or {}
        outer, inner = about.get("extrinsics"), about.get("intrinsics")
        if outer and inner and len(outer) == 12 and len(inner) == 9:
            lens = np.column_stack([np.array(inner, dtype=float).reshape(3, 3), np.zeros(3)])
            calibration = Calibration(
                dict.fromkeys(range(4), lens), np.eye(3), np.array(outer, dtype=float).reshape(3, 4)
            )
            return calibration, calibration_text(calibration)
    return None


def _line(
    name: str,
    attributes: dict[str, Any],
    alpha: float,
    place: tuple[float, float, float, float],
) -> LabelLine:
    """Return a label with what attributes say about it."""
    truncated = _number(attributes.get("truncated"), 0.0)
    level = attributes.get("occluded_level")
    if level is None:
        given = attributes.get("occluded")
        level = 3 if given is None else int(_number(given, 3))
    score = attributes.get("score")
    stated = attributes.get("alpha")
    if alpha == -10.0 and stated is not None:
        alpha = _number(stated, -10.0)
    return LabelLine(
        name,
        truncated,
        int(_number(level, 3)),
        alpha,
        place,
        score=None if score is None else _number(score, 0.0),
    )


def _number(value: Any, default: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if is_finite(number) else default


def _camera_name(image: Image) -> tuple[str, str]:
    name = (image.extra or {}).get(CAMERA, {}).get("name")
    return (name if isinstance(name, str) else "", image.path)


def _image_size(item: DatasetItem) -> tuple[int, int] | None:
    media = item.media
    images = media.extra_images if isinstance(media, PointCloud) else (media,)
    for image in sorted((i for i in images if isinstance(i, Image)), key=_camera_name):
        try:
            return image.get_size()
        except InputError:
            return None
    return None
