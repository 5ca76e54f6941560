"""Writing KITTI 3D datasets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dsk.annotations import Bbox, Cuboid3d
from dsk.errors import OptionError, OutputError
from dsk.flow import Exporter
from dsk.media import Image, PointCloud
from dsk.metafile import META_NAME, meta_text
from dsk_pointcloud.axes import facing_ahead, quarter_turns
from dsk_pointcloud.calib import identity_calibration
from dsk_pointcloud.clouds.saver import CloudSaver
from dsk_pointcloud.frames import is_finite, is_upright, note_boxes, note_frames, turned
from dsk_pointcloud.kitti3d.labels import DONT_CARE, HUGE, LabelLine, project_box, to_camera
from dsk_pointcloud.kitti3d.views import View, view_of
from dsk_pointcloud.kitti_raw.states import OCCLUSION, TRUNCATION, enum_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["Kitti3dExporter"]

_TEST = ("test", "testing")
DECIMALS = 2
"""Of the numbers in KITTI's labels."""
MAX_DECIMALS = 17
_EXACT = 1e-9
_INCLINED = 2.5e-4
"""Radians by which a heading of KITTI's decimals may differ after the way to the lidar's frame and
back, whose grounds are a degree or so inclined to each other."""


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
        precision: int = DECIMALS,
        cloud_ext: str = "bin",
        save_dataset_meta: bool = False,
    ) -> None:
        if calib not in ("source", "identity"):
            raise OptionError(f"calib is source or identity, not {calib!r}")
        if cloud_ext not in ("bin", "keep"):
            raise OptionError(f"cloud_ext is bin or keep, not {cloud_ext!r}")
        if not 0 <= precision <= MAX_DECIMALS:
            raise OptionError(f"precision is a number of decimals, 0 to {MAX_DECIMALS}")
        self._calib = calib
        self._scores = save_scores
        self._digits = precision
        self._inclined = _INCLINED if precision <= DECIMALS else _EXACT
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
        ctx.ledger.equal_names(self._labels)
        if self._calib == "identity":
            ctx.ledger.warn("calibration with ideal axes: the camera sits in the lidar")
        if self._meta:
            ctx.write(META_NAME, meta_text(header.categories))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, list[str]]:
        """Write the files of some items; return their ids by subset."""
        lists: dict[str, list[str]] = {}
        for given in items:
            turns = quarter_turns(given)
            item = facing_ahead(given, turns, ctx.ledger)
            if item.id != item.id.strip() or len(item.id.splitlines()) != 1:
                raise OutputError(f"ImageSets cannot hold the name {item.id!r}")
            lists.setdefault(item.subset, []).append(item.id)
            part = "testing" if item.subset in _TEST else "training"
            view = self._view(item)
            lines = self._lines(item, view, ctx)
            # An empty label says that an item is there of which nothing else is.
            bare = item.media is None or not ctx.save_media
            if item.annotations or bare or part == "training":
                rows = [line.text(self._digits, score=self._scores) + "\n" for line in lines]
                ctx.write(f"{part}/label_2/{item.id}.txt", "".join(rows).encode())
            ctx.write(f"{part}/calib/{item.id}.txt", view.text)
            self._media(item, part, view, turns, ctx)
        return lists

    def _view(self, item: DatasetItem) -> View:
        ideal = self._calib == "identity"
        view = view_of(item, ideal=ideal)
        if view.known or ideal or not any(isinstance(a, Cuboid3d) for a in item.annotations):
            return view
        raise OutputError(
            f"item {item.id} has no calibration, which labels in the camera's frame need",
            hint="-O calib=identity writes ideal axes",
        )

    def _media(
        self, item: DatasetItem, part: str, view: View, turns: int, ctx: WriteContext
    ) -> None:
        media = item.media
        images: tuple[Image, ...] = ()
        if isinstance(media, PointCloud):
            images = media.extra_images
            ext = self._clouds.suffix(media)
            self._clouds.save(item, media, f"{part}/velodyne/{item.id}{ext}", ctx, turns)
        elif isinstance(media, Image):
            images = (media,)
        for number, image in view.images.items():
            ext = ctx.media.image_ext or image.ext or ".png"
            ctx.save_image(item.replace(media=image), f"{part}/image_{number}/{item.id}{ext}")
        if ctx.save_media:
            for _ in range(len(images) - len(view.images)):
                what = "further images left out"
                ctx.ledger.add_at("DSK-L016", what, item)

    def _lines(self, item: DatasetItem, view: View, ctx: WriteContext) -> list[LabelLine]:
        """Return an item's labels; a box in the image and one in space of a group are one."""
        flat: dict[int, Bbox] = {}
        for a in item.annotations:
            if isinstance(a, Bbox) and a.group:
                flat.setdefault(a.group, a)
        used: set[int] = set()
        lines = []
        solids = [a for a in item.annotations if isinstance(a, Cuboid3d)]
        note_frames(ctx.ledger, item, solids)
        for a in solids:
            partner = flat.get(a.group)
            if partner is not None and (id(partner) in used or partner.label != a.label):
                partner = None
            line = self._solid(item, a, partner, view, ctx)
            if line is not None:
                lines.append(line)
                note_boxes(ctx.ledger, "boxes brought to the camera's frame", 1)
                if partner is not None:
                    used.add(id(partner))
                if line.name == DONT_CARE:
                    code = "DSK-L003" if partner is None else "DSK-L017"
                    ctx.ledger.add_at(code, f"{DONT_CARE} is no box in space", item, a)
                self._told(item, a, line, ctx)
        for a in item.annotations:
            if isinstance(a, Bbox) and id(a) not in used:
                lines.append(self._flat(a))
                self._told(item, a, lines[-1], ctx)
        return lines

    def _told(
        self, item: DatasetItem, a: Cuboid3d | Bbox, line: LabelLine, ctx: WriteContext
    ) -> None:
        """Report what attributes say and a label does not."""
        where: dict[str, Any] = {"item": item.id, "subset": item.subset, "annotation": a.id}
        if line.truncated == -1 and "truncated" not in a.attributes and line.name != DONT_CARE:
            what = "truncation of unknown share written as -1"
            ctx.ledger.add("DSK-L007", what, kind=a.kind, **where)
        if line.score is not None and not self._scores:
            hint = "-O save_scores=true writes them as the 16th column"
            ctx.ledger.add("DSK-L004", "score", kind=a.kind, hint=hint, **where)
        for name in _unsaid(a.attributes, line):
            ctx.ledger.add("DSK-L004", name, kind=a.kind, **where)

    def _solid(
        self, item: DatasetItem, a: Cuboid3d, partner: Bbox | None, view: View, ctx: WriteContext
    ) -> LabelLine | None:
        def drop(code: str, why: str) -> None:
            ctx.ledger.add_at(code, why, item, a)

        numbers = (*a.position, *a.rotation, *a.scale)
        if max(map(abs, numbers)) > HUGE:
            drop("DSK-L018", "a number is beyond all metres")
            return None
        if a.forward == "+y":
            note_boxes(ctx.ledger, "boxes turned: +x ahead instead of +y", 1)
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
            ctx.ledger.add_at("DSK-L007", what, item, a)
        elif self._is_rounded(*line.size, *location) or self._is_rounded(ry, much=self._inclined):
            what = f"rounded to {self._digits} decimals"
            more = 6 if self._digits < 6 else MAX_DECIMALS
            hint = f"-O precision={more} keeps more" if more > self._digits else ""
            ctx.ledger.add_at("DSK-L007", what, item, a, hint=hint)
        return line

    def _is_rounded(self, *values: float, much: float = _EXACT) -> bool:
        return any(abs(round(value, self._digits) - value) > much for value in values)

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


def _line(
    name: str,
    attributes: dict[str, Any],
    alpha: float,
    place: tuple[float, float, float, float],
) -> LabelLine:
    """Return a label with what attributes say about it.

    A stated ``alpha`` goes before the given one, as annotators measure it on its own; -10 says
    that it is not known.
    """
    score = attributes.get("score")
    stated = _number(attributes.get("alpha"), -10.0)
    return LabelLine(
        name,
        _truncated(attributes),
        _occluded(attributes),
        alpha if stated == -10.0 else stated,
        place,
        score=None if score is None else _number(score, 0.0),
    )


def _occluded(attributes: dict[str, Any]) -> int:
    """Return the level of occlusion: as stated, -1 of results too, or what words say."""
    given = attributes.get("occluded")
    stated = attributes.get("occluded_level")
    if stated is not None and not (given and stated == -1):
        return int(_number(stated, 3))
    level = _level(attributes.get("occlusion"))
    if level is None or level == -1:
        return 3 if given is None else int(_number(given, 3))
    return level


def _unsaid(attributes: dict[str, Any], line: LabelLine) -> Iterator[str]:
    """Yield the attributes that a reader of a label does not get back, other than the score."""
    if line.name == DONT_CARE:
        yield from (n for n in attributes if n not in ("ignore", "difficulty", "score"))
        return
    level = line.occluded
    occluded, stated = attributes.get("occluded"), attributes.get("occluded_level")
    if isinstance(occluded, bool):
        if occluded != (level in (1, 2)):
            yield "occluded"
    elif occluded is not None and _number(occluded, math.nan) != level:
        yield "occluded"
    if stated not in (None, -1) and _number(stated, math.nan) != level:
        yield "occluded_level"
    for name in ("truncated", "alpha"):
        value = attributes.get(name)
        if value is not None and math.isnan(_number(value, math.nan)):
            yield name
    if _level(attributes.get("occlusion")) is None:
        yield "occlusion"
    if attributes.get("ignore"):
        yield "ignore"


def _level(stated: Any) -> int | None:
    """Return the level that an ``occlusion`` of KITTI raw is, -1 unset, or None if it is none."""
    try:
        return enum_value(stated, OCCLUSION, -1)
    except ValueError:
        return None


def _truncated(attributes: dict[str, Any]) -> float:
    """Return the share outside the image; -1 if there is one that nobody has measured."""
    stated = attributes.get("truncated")
    if stated is not None:
        return _number(stated, 0.0)
    try:
        state = enum_value(attributes.get("truncation"), TRUNCATION, 0)
    except ValueError:
        return -1.0
    return 0.0 if state in (-1, 0) else -1.0


def _number(value: Any, default: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if is_finite(number) else default
