"""Annotations that are there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk import geometry, masks
from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid3d,
    Ellipse,
    Mask,
    Mask3d,
    Points,
    Polygon,
    RotatedBbox,
    Skeleton,
)
from dsk.convert import bbox_of
from dsk.errors import DskError, OptionError
from dsk.flow import Transform
from dsk_transforms.pixels.base import size_of
from dsk_transforms.pixels.following import flats_of
from dsk_transforms.shapes.base import MALFORMED, note
from dsk_transforms.shapes.rasterising import counts_by_number

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["Deduplicate"]

_OUTLINED = (Polygon, Mask, Ellipse, RotatedBbox)
_AREAS = (Bbox, *_OUTLINED)


class Deduplicate(Transform):
    """Remove annotations that repeat another of the same item: same kind, label and place.

    The first stays. Attributes, groups and ids are not compared.

    Args:
        tolerance: How far coordinates may be apart, in pixels (3D: in the units of the data).
        iou: Boxes, rotated boxes, polygons, ellipses and masks also repeat another if they overlap
            at least so much (intersection over union); 1: only the coordinates count.

    Raises:
        OptionError: ``tolerance`` is negative, or ``iou`` is not above 0 and at most 1.
    """

    keeps_ids = True

    def __init__(self, *, tolerance: float = 0.0, iou: float = 1.0) -> None:
        if not tolerance >= 0:
            raise OptionError(f"deduplicate: tolerance is 0 or more pixels, not {tolerance!r}")
        if not 0 < iou <= 1:
            raise OptionError(f"deduplicate: iou is above 0 and at most 1, not {iou!r}")
        self._tolerance, self._iou = tolerance, iou

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Remove the repetitions, which is reported (DSK-L019)."""
        if len(item.annotations) < 2:
            return item
        groups: dict[tuple[type, int | None], list[int]] = {}
        for n, a in enumerate(item.annotations):
            groups.setdefault((type(a), a.label), []).append(n)
        twins: dict[int, int] = {}
        for numbers in groups.values():
            if len(numbers) > 1:
                self._find(item, numbers, twins)
        if not twins:
            return item
        same: list[Annotation] = []
        other: list[Annotation] = []
        for n, first in sorted(twins.items()):
            a, b = item.annotations[n], item.annotations[first]
            (same if a.attributes == b.attributes else other).append(a)
        note(ledger, "repeats another", item, same, code="DSK-L019")
        note(ledger, "repeats another with other attributes", item, other, code="DSK-L019")
        left = [a for n, a in enumerate(item.annotations) if n not in twins]
        return item.replace(annotations=left)

    def _find(self, item: DatasetItem, numbers: Sequence[int], twins: dict[int, int]) -> None:
        """Add to ``twins``, for each annotation that goes, the one that stays for it."""
        shapes: dict[Hashable, list[tuple[int, NDArray[np.float64]]]] = {}
        for n in numbers:
            try:
                key, values = _signature(item.annotations[n])
            except MALFORMED:
                continue  # whoever needs the geometry reports it
            shapes.setdefault(key, []).append((n, values))
        for alike in shapes.values():
            if len(alike) > 1:
                self._near([n for n, _ in alike], np.array([v for _, v in alike]), twins)
        if self._iou < 1 and isinstance(item.annotations[numbers[0]], _AREAS):
            self._overlapping(item, [n for n in numbers if n not in twins], twins)

    def _near(
        self, numbers: Sequence[int], values: NDArray[np.float64], twins: dict[int, int]
    ) -> None:
        gone = np.zeros(len(numbers), np.bool_)
        for k in range(len(numbers) - 1):
            if gone[k]:
                continue
            near = (np.abs(values[k + 1 :] - values[k]) <= self._tolerance).all(axis=1)
            for m in (np.flatnonzero(near) + k + 1).tolist():
                if not gone[m]:
                    gone[m] = True
                    twins[numbers[m]] = numbers[k]

    def _overlapping(
        self, item: DatasetItem, numbers: Sequence[int], twins: dict[int, int]
    ) -> None:
        annotations = item.annotations
        boxes = {}
        for n in numbers:
            try:
                boxes[n] = bbox_of(annotations[n])
            except MALFORMED:
                continue
        pairs = [
            (n, m)
            for k, n in enumerate(numbers)
            for m in numbers[k + 1 :]
            if (b := boxes.get(n)) and (c := boxes.get(m)) and geometry.iou_boxes(b, c) > 0
        ]
        counts: dict[int, Any] = {}
        if pairs and not isinstance(annotations[numbers[0]], Bbox):
            counts = _pixels(item, {n for pair in pairs for n in pair})
        for n, m in pairs:
            if n in twins or m in twins:
                continue
            if isinstance(annotations[n], Bbox):
                share = geometry.iou_boxes(boxes[n] or _NOWHERE, boxes[m] or _NOWHERE)
            elif n in counts and m in counts:
                share = masks.iou(counts[n], counts[m])
            else:
                continue
            if share >= self._iou:
                twins[m] = n


_NOWHERE = (0.0, 0.0, 0.0, 0.0)
_FAR = 1 << 15  # no side of a canvas is longer


def _pixels(item: DatasetItem, numbers: Iterable[int]) -> dict[int, Any]:
    """Return run lengths of annotations on a canvas that holds them, by number."""
    chosen = {n: item.annotations[n] for n in numbers}
    try:
        size = size_of(item)
    except DskError:
        size = None
    if size is None:  # then there are no masks, and any canvas does that holds the outlines
        boxes = [box for a in chosen.values() if (box := bbox_of(a))]
        bottom, right = max(b[1] + b[3] for b in boxes), max(b[0] + b[2] for b in boxes)
        size = int(min(max(bottom, 0), _FAR)) + 2, int(min(max(right, 0), _FAR)) + 2
    found = counts_by_number(chosen, size)[0]
    return {n: counts for n, counts in found.items() if len(counts) > 1}  # what shows any pixel


def _signature(a: Any) -> tuple[Hashable, NDArray[np.float64]]:
    """Return what must be equal, and numbers that must be near, for two to be the same.

    Raises:
        ValueError: The geometry is malformed.
    """
    key: Hashable = None
    values: Any = ()
    if isinstance(a, Caption):
        key = a.caption
    elif isinstance(a, Mask):
        rle = a.rle
        counts = counts_by_number({0: a}, (rle.size[0], rle.size[1]))[0]
        key = (tuple(rle.size), counts[0].tobytes() if counts else id(a))
    elif isinstance(a, Mask3d):
        key = (id(a.source), a.value, a.affine)
    elif isinstance(a, Cuboid3d):
        key, values = (a.forward, a.frame), (*a.position, *a.rotation, *a.scale)
    elif isinstance(a, Bbox | Ellipse):
        values = a.bbox
    elif isinstance(a, RotatedBbox):
        values = geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
    else:
        flats = flats_of(a)
        holes = a.holes if isinstance(a, Polygon) else ()
        marks = tuple(a.visibility) if isinstance(a, Points | Skeleton) else ()
        key = (tuple(len(flat) for flat in flats), holes, marks)
        values = [value for flat in flats for value in flat]
    return key, np.array(values, np.float64)
