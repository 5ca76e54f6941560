"""Leaving out what is small or there twice; coordinates rounded or moved by one."""

from __future__ import annotations

from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk.annotations import (
    Annotation,
    Bbox,
    Box,
    Cuboid2d,
    Ellipse,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from dsk.convert import area_of, bbox_of
from dsk.errors import OptionError
from dsk_transforms.pixels.following import flats_of, refreshed
from dsk_transforms.shapes.base import MALFORMED, KindTransform, drop, note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Lists = list[list[float]]

__all__ = ["BboxValuesDecrement", "DropSmall", "Round"]

_LISTED = (Polygon, PolyLine, Points, Skeleton, Cuboid2d)


class BboxValuesDecrement(KindTransform):
    """Move boxes by one pixel to the left and up, for sources that count pixels from 1."""

    kinds = frozenset({Bbox})

    def change(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Subtract 1 from x and y; width and height stay."""
        made = [
            replace(a, x=a.x - 1, y=a.y - 1) if isinstance(a, Bbox) else a for a in item.annotations
        ]
        moved = [a for a in item.annotations if isinstance(a, Bbox)]
        note(ledger, "moved by one pixel", item, moved)
        return item.replace(annotations=made)


class DropSmall(KindTransform):
    """Remove annotations that are small.

    That concerns boxes, rotated boxes, polygons, ellipses, masks and 2D cuboids (which have width
    and height only). Points, lines and skeletons may be thin and stay.

    Args:
        min_area: What has less area goes, in px²; the area that the source states counts first.
        min_width: What is narrower goes, in px; of rotated boxes the box's own side counts.
        min_height: What is lower goes, in px.

    Raises:
        OptionError: There is no threshold, or a negative one.
    """

    kinds = frozenset({Bbox, RotatedBbox, Polygon, Ellipse, Mask, Cuboid2d})

    def __init__(
        self, *, min_area: float = 0.0, min_width: float = 0.0, min_height: float = 0.0
    ) -> None:
        limits = (min_area, min_width, min_height)
        if not all(limit >= 0 for limit in limits) or not any(limits):
            raise OptionError(
                "drop_small needs a threshold above 0", hint="min_area, min_width or min_height"
            )
        self._area, self._width, self._height = limits

    def change(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Remove the small ones, which is reported (DSK-L019)."""
        small = {
            n for n, a in enumerate(item.annotations) if type(a) in self.kinds and self._is_small(a)
        }
        if not small:
            return item
        note(ledger, "small", item, [item.annotations[n] for n in sorted(small)], code="DSK-L019")
        left = [a for n, a in enumerate(item.annotations) if n not in small]
        return item.replace(annotations=left)

    def _is_small(self, a: Annotation) -> bool:
        if isinstance(a, Bbox):
            return a.w < self._width or a.h < self._height or a.w * a.h < self._area
        try:
            if self._width or self._height:
                sides = (a.w, a.h) if isinstance(a, RotatedBbox) else (bbox_of(a) or (0.0,) * 4)[2:]
                if sides[0] < self._width or sides[1] < self._height:
                    return True
            return bool(self._area) and self._lacks_area(a)
        except MALFORMED:
            return False  # not known to be small: whoever needs the geometry reports it

    def _lacks_area(self, a: Annotation) -> bool:
        area = area_of(a)
        return area is not None and area < self._area


class Round(KindTransform):
    """Round the coordinates of everything that lies in an image, except masks.

    Boxes are rounded by their edges, so boxes that touch go on touching.

    Args:
        digits: How many digits stay after the decimal point, 0 to 12.

    Raises:
        OptionError: It is not given, or another number.
    """

    kinds = frozenset({Bbox, RotatedBbox, Polygon, PolyLine, Points, Skeleton, Ellipse, Cuboid2d})

    def __init__(self, *, digits: int | None = None) -> None:
        if digits is None or not 0 <= digits <= 12:
            raise OptionError(
                f"round: digits is a number from 0 to 12, not {digits!r}", hint="--digits 2"
            )
        self._digits = digits

    def change(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Round the coordinates; annotations that are round already stay the same objects."""
        lists, failed = _rounded_lists(item.annotations, self._digits)
        made: list[Annotation] = []
        changed: list[Annotation] = []
        for n, a in enumerate(item.annotations):
            b = a
            if n in failed:
                drop(ledger, item, a, f"{a.kind}: {failed[n]}")
                continue
            if n in lists:
                b = self._listed(a, *lists[n])
            elif type(a) in self.kinds:
                b = self._rounded(a)
            made.append(b)
            if b is not a:
                changed.append(a)
                if _vanished(a, b):
                    what = "width or height rounded to 0"
                    note(ledger, what, item, (a,), code="DSK-L007", hint="more digits")
        note(ledger, f"rounded to {self._digits} digits", item, changed)
        return item.replace(annotations=made) if changed or failed else item

    def _rounded(self, a: Any) -> Annotation:
        digits = self._digits
        changes: dict[str, float]
        if isinstance(a, RotatedBbox):
            names = ("cx", "cy", "w", "h", "r")
            changes = {name: round(getattr(a, name), digits) for name in names}
        else:
            changes = dict(zip(("x", "y", "w", "h"), _round_box(a.bbox, digits), strict=True))
        if all(getattr(a, name) == value for name, value in changes.items()):
            return a  # type: ignore[no-any-return]
        return refreshed(replace(a, **changes), None)

    def _listed(self, a: Any, old: Lists, new: Lists) -> Any:
        changes: dict[str, Any] = {}
        if new != old:
            changes["points"] = new if isinstance(a, Polygon) and len(new) != 1 else new[0]
            if isinstance(a, Polygon):  # the area of a skeleton is not that of its points
                changes["area"] = None
        box = getattr(a, "bbox", None)
        if box is not None and _round_box(box, self._digits) != box:
            changes["bbox"] = _round_box(box, self._digits)
        return replace(a, **changes) if changes else a


def _rounded_lists(
    annotations: Sequence[Annotation], digits: int
) -> tuple[dict[int, tuple[Lists, Lists]], dict[int, str]]:
    """Return coordinate lists before and after rounding, and what is malformed, by number."""
    old: dict[int, Lists] = {}
    failed: dict[int, str] = {}
    for n, a in enumerate(annotations):
        if isinstance(a, _LISTED):
            try:
                old[n] = [flat if type(flat) is list else list(flat) for flat in flats_of(a)]
            except MALFORMED as error:
                failed[n] = str(error)
    try:
        rounded = _round_all([flat for lists in old.values() for flat in lists], digits)
    except MALFORMED as error:
        if len(annotations) == 1:
            return {}, {0: str(error)}
        found: dict[int, tuple[Lists, Lists]] = {}
        for n in old:  # one of them is malformed: find out which
            one, wrong = _rounded_lists(annotations[n : n + 1], digits)
            if wrong:
                failed[n] = wrong[0]
            else:
                found[n] = one[0]
        return found, failed
    rest = iter(rounded)
    return {n: (lists, [next(rest) for _ in lists]) for n, lists in old.items()}, failed


def _round_all(flats: Lists, digits: int) -> Lists:
    sizes = [len(flat) for flat in flats]
    values = np.fromiter(chain.from_iterable(flats), np.float64, sum(sizes))
    rounded = np.round(values, digits).tolist()
    stops = list(accumulate(sizes))
    return [rounded[a:b] for a, b in zip([0, *stops], stops, strict=False)]


def _round_box(box: Box, digits: int) -> Box:
    x, y, w, h = box
    left, top = round(x, digits), round(y, digits)
    width, height = round(x + w, digits) - left, round(y + h, digits) - top
    return left, top, round(width, digits), round(height, digits)


def _vanished(a: Any, b: Any) -> bool:
    return isinstance(a, Bbox | Ellipse | RotatedBbox) and bool(
        (a.w and not b.w) or (a.h and not b.h)
    )
