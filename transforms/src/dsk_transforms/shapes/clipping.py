"""Cutting annotations at the edges of their image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk import geometry
from dsk.annotations import Annotation, Bbox, Ellipse, Mask, Points, RotatedBbox, Skeleton
from dsk.convert import to_polygon
from dsk_transforms.pixels.base import account
from dsk_transforms.pixels.crop import grouped
from dsk_transforms.pixels.following import PLANAR, flats_of, present
from dsk_transforms.pixels.windows import Cutter
from dsk_transforms.shapes.base import MALFORMED, KindTransform, known_size, note

if TYPE_CHECKING:
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Size = tuple[int, int]

__all__ = ["ClipToImage", "inside"]


def inside(a: Annotation, size: Size) -> bool:
    """Tell whether all of an annotation lies in its image; False if it is malformed.

    Kinds that do not lie in an image are inside, and so are masks, which have its size.
    """
    height, width = size
    if isinstance(a, Bbox | Ellipse):
        return a.x >= 0 and a.y >= 0 and a.x + a.w <= width and a.y + a.h <= height
    if type(a) not in PLANAR or isinstance(a, Mask):
        return True
    try:
        if isinstance(a, RotatedBbox):
            lists: Any = [geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)]
        else:
            lists = flats_of(a)
            if isinstance(a, Points | Skeleton):
                numbers = present(a.points, a.visibility)
                lists = [[v for n in numbers for v in a.points[2 * n : 2 * n + 2]]]
        # A comparison with NaN is False, so that is not inside.
        return all(
            min(flat[0::2]) >= 0
            and min(flat[1::2]) >= 0
            and max(flat[0::2]) <= width
            and max(flat[1::2]) <= height
            for flat in lists
            if len(flat)
        )
    except MALFORMED:
        return False


class ClipToImage(KindTransform):
    """Cut annotations at the edges of their image; what lies outside goes.

    Boxes, polygons, lines and points are cut. Ellipses, rotated boxes and cuboids exist only as a
    whole: they stay as they are while a part of them is inside.

    Args:
        outlines: Make polygons of ellipses and rotated boxes that reach over an edge, and cut them.
    """

    kinds = PLANAR - {Mask}

    def __init__(self, *, outlines: bool = False) -> None:
        self._outlines = outlines
        self._named: frozenset[int] = frozenset()

    def header(self, header: Header) -> Header:
        """Look up whose points have names."""
        self._named = frozenset(header.categories.points)
        return header

    def change(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Cut what is not inside; the rest stays the same objects."""
        size = known_size(item, ledger, "clip_to_image")
        if size is None:
            return item
        outer = {n: a for n, a in enumerate(item.annotations) if not inside(a, size)}
        if not outer:
            return item
        before = list(outer.values())
        if self._outlines:
            before = [self._outlined(a, item, ledger) for a in before]
        cut = item.replace(annotations=before)
        cutter = Cutter(cut, size, self._named, ledger)
        parts = cutter.cut((0, 0, size[1], size[0]))
        copies = [0] * len(before)
        for part in parts:
            copies[part.number] += 1
        _account(cut, cutter, copies, ledger)
        clipped = [before[p.number] for p in parts if p.cut]
        note(ledger, "cut at the edge of the image", item, clipped)
        whole = [before[p.number] for p in parts if not p.cut and type(p.annotation) in PLANAR]
        hint = "outlines makes polygons of ellipses and rotated boxes, which can be cut"
        note(ledger, "reaches over the edge, kept whole", item, whole, hint=hint)
        numbers = list(outer)
        counts = [1] * len(item.annotations)
        for place, count in zip(numbers, copies, strict=True):
            counts[place] = count
        made = [(n, a) for n, a in enumerate(item.annotations) if n not in outer]
        made += [(numbers[p.number], p.annotation if p.cut else before[p.number]) for p in parts]
        made.sort(key=lambda pair: pair[0])
        return item.replace(annotations=grouped(item, made, counts))

    @staticmethod
    def _outlined(a: Annotation, item: DatasetItem, ledger: Ledger) -> Annotation:
        if not isinstance(a, Ellipse | RotatedBbox):
            return a
        note(ledger, "→polygon", item, (a,))
        return to_polygon(a) or a


def _account(item: DatasetItem, cutter: Cutter, copies: list[int], ledger: Ledger) -> None:
    # The cutter has reported what it cannot cut.
    counted = [1 if n in cutter.failed else count for n, count in enumerate(copies)]
    account(item, counted, ledger, "outside the image")
