"""Another kind for the same object, one annotation for each: boxes, rotated boxes, polygons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk import geometry
from dsk.annotations import (
    Annotation,
    Bbox,
    Cuboid2d,
    Ellipse,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from dsk.convert import area_of, bbox_of, from_box, to_polygon
from dsk.errors import OptionError
from dsk_transforms.shapes.base import Conversion, kinds_named, note, with_area

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = [
    "BoxesToPolygons",
    "MasksToBoxes",
    "MasksToPolygons",
    "PolygonsToRotatedBoxes",
    "RotatedBoxesToPolygons",
    "ShapesToBoxes",
]

SHAPES: tuple[type[Annotation], ...] = (
    Mask,
    Polygon,
    PolyLine,
    Points,
    Ellipse,
    RotatedBbox,
    Skeleton,
    Cuboid2d,
)
"""Kinds with an extent in an image, other than boxes."""


class ShapesToBoxes(Conversion):
    """Replace shapes by the axis-parallel boxes around them, the stated ones where there are any.

    Args:
        kinds: Kinds to replace; empty: all that have an extent in an image.

    Raises:
        OptionError: There is no such kind, or it has no box.
    """

    target = "bbox"

    def __init__(self, *, kinds: Sequence[str] = ()) -> None:
        self.kinds = kinds_named("shapes_to_boxes", kinds, SHAPES)

    def convert(self, a: Any, item: DatasetItem, ledger: Ledger) -> Bbox | None:  # noqa: ARG002
        """Return the box."""
        box = getattr(a, "bbox", None) or bbox_of(a)
        return None if box is None else from_box(a, *box)


class MasksToBoxes(ShapesToBoxes):
    """Replace masks by the boxes around them."""

    def __init__(self) -> None:
        super().__init__(kinds=("mask",))


class BoxesToPolygons(Conversion):
    """Replace boxes by polygons of four corners."""

    target = "polygon"
    kinds = frozenset({Bbox})

    def convert(self, a: Any, item: DatasetItem, ledger: Ledger) -> Annotation | None:  # noqa: ARG002
        """Return the corners from the top left one on, clockwise."""
        outline = to_polygon(a)
        return outline and with_area(a, outline)


class RotatedBoxesToPolygons(BoxesToPolygons):
    """Replace rotated boxes by polygons of four corners, the first being the box's top left."""

    kinds = frozenset({RotatedBbox})


class MasksToPolygons(Conversion):
    """Replace masks by polygons along the edges of their pixels, with holes.

    Args:
        min_area: Parts and holes of fewer pixels are left out, and reported.

    Raises:
        OptionError: ``min_area`` is negative.
    """

    target = "polygon"
    kinds = frozenset({Mask})

    def __init__(self, *, min_area: float = 0.0) -> None:
        if not min_area >= 0:
            raise OptionError(f"min_area is a number of pixels from 0 up, not {min_area!r}")
        self._min_area = min_area

    def convert(self, a: Any, item: DatasetItem, ledger: Ledger) -> Polygon | None:
        """Return the outline; without small parts the same pixels are in it."""
        outline = to_polygon(a)
        if outline is None or not self._min_area:
            return outline
        return self._without_small(a, outline, item, ledger)

    def _without_small(
        self, a: Mask, outline: Polygon, item: DatasetItem, ledger: Ledger
    ) -> Polygon | None:
        rings, holes = outline.rings, frozenset(outline.holes)
        areas = [abs(geometry.ring_area(ring)) for ring in rings]
        # A hole makes its part smaller, but a part does not go because it is mostly hole.
        kept = [n for n, area in enumerate(areas) if area >= self._min_area]
        if len(kept) == len(rings):
            return outline
        owners = _owners(rings, holes)
        kept = [n for n in kept if n not in holes or owners[n] in kept]
        note(ledger, f"parts of less than {self._min_area:g} px² left out", item, (a,), code=SMALL)
        if not kept:
            return None
        left = tuple(k for k, n in enumerate(kept) if n in holes)
        return replace(outline, points=[rings[n] for n in kept], holes=left, bbox=None, area=None)


SMALL = "DSK-L007"
"""The code for outlines from which something is missing."""


def _owners(rings: Sequence[Sequence[float]], holes: frozenset[int]) -> dict[int, int]:
    """Return the outer ring in which each hole lies: the smallest before it whose box holds it."""
    boxes = [geometry.rings_bbox([ring]) for ring in rings]
    owners = {}
    for n in holes:
        x, y, w, h = boxes[n]
        around = [
            k
            for k, (left, top, width, height) in enumerate(boxes)
            if k not in holes
            and left <= x
            and top <= y
            and left + width >= x + w
            and top + height >= y + h
            and _holds(rings[k], *rings[n][:2])
        ]
        owners[n] = min(around, key=lambda k: abs(geometry.ring_area(rings[k])))
    return owners


def _holds(ring: Sequence[float], x: float, y: float) -> bool:
    """Tell whether the pixel left of a hole's first edge is inside a ring of pixel edges."""
    px, py = x - 0.5, y + 0.5
    crossed = False
    xs, ys = ring[0::2], ring[1::2]
    for k, x1 in enumerate(xs):
        y1, y2 = ys[k - 1], ys[k]
        if (y1 > py) != (y2 > py) and x1 > px:
            crossed = not crossed
    return crossed


class PolygonsToRotatedBoxes(Conversion):
    """Replace polygons by the smallest rectangles around them."""

    target: ClassVar[str] = "rotated_bbox"
    kinds = frozenset({Polygon})

    def convert(self, a: Any, item: DatasetItem, ledger: Ledger) -> RotatedBbox | None:
        """Return the rectangle; one drawn by four corners keeps its first side and its angle."""
        rings = [ring for n, ring in enumerate(a.rings) if n not in a.holes and len(ring)]
        if not rings:
            return None
        box = geometry.min_area_rect([value for ring in rings for value in ring])
        if len(rings) == 1 and len(rings[0]) == 8:
            drawn = geometry.rotated_box_from_corners(rings[0])
            if _same_corners(rings[0], geometry.rotated_box_corners(*drawn)):
                box = drawn
        area = area_of(replace(a, area=None)) or 0.0
        if not math.isclose(area, box[2] * box[3], rel_tol=1e-6, abs_tol=1e-6):
            what = "outlines that are no rectangles, now the smallest around them"
            note(ledger, what, item, (a,), code="DSK-L007")
        cx, cy, w, h, r = box
        return RotatedBbox(
            cx,
            cy,
            w,
            h,
            r,
            label=a.label,
            id=a.id,
            group=a.group,
            object_id=a.object_id,
            z_order=a.z_order,
            attributes=a.attributes,
            extra=a.extra,
        )


def _same_corners(one: Sequence[float], other: Sequence[float]) -> bool:
    reach = max(map(abs, one))
    return all(abs(a - b) <= 1e-9 * reach + 1e-9 for a, b in zip(one, other, strict=True))
