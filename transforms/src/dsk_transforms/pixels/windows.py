"""What remains of annotations in a window of their image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from dsk import geometry, masks
from dsk.annotations import (
    Annotation,
    Bbox,
    Ellipse,
    Mask,
    Points,
    Polygon,
    PolyLine,
    Rle,
    RotatedBbox,
    Skeleton,
)
from dsk.convert import ELLIPSE_POINTS
from dsk.rle import counts_of
from dsk_transforms.pixels.clipping import area, clip_line, clip_ring, is_simple
from dsk_transforms.pixels.following import (
    PLANAR,
    GeometryError,
    drop,
    flats_of,
    moved,
    present,
    refreshed,
)
from dsk_transforms.pixels.places import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Window = tuple[int, int, int, int]
    Bounds = tuple[float, float, float, float]

__all__ = ["Cutter", "Part"]


class Part(Struct, frozen=True):
    """What a window shows of an annotation.

    Attributes:
        number: Which of the item's annotations it is.
        annotation: The part, in coordinates of the window.
        cut: Whether something of the annotation is missing.
    """

    number: int
    annotation: Annotation
    cut: bool = False


class _Shape(Struct):
    """A readable annotation."""

    number: int
    annotation: Annotation
    bounds: Bounds | None
    flats: Sequence[Sequence[float]] = ()
    rings: Sequence[Sequence[float]] = ()
    counts: NDArray[np.int64] | None = None

    @property
    def arrays(self) -> list[NDArray[np.float64]]:
        """Its outlines, each (n, 2)."""
        return [np.array(ring, np.float64).reshape(-1, 2) for ring in self.rings]


class Cutter:
    """Cuts the annotations of one item to windows; what is malformed is reported once.

    Args:
        item: The item.
        size: (height, width) of its image.
        named: Labels whose points have names, so that none may be left out of the list.
        ledger: Gets what cannot be cut.
    """

    def __init__(
        self, item: DatasetItem, size: tuple[int, int], named: Collection[int], ledger: Ledger
    ) -> None:
        self._size = size
        self._named = named
        self.shapes: list[_Shape] = []
        self.failed: set[int] = set()
        for number, a in enumerate(item.annotations):
            try:
                self.shapes.append(self._shape(number, a))
            except GeometryError as error:
                drop(ledger, item, a, str(error))
                self.failed.add(number)

    def _shape(self, number: int, a: Annotation) -> _Shape:
        if type(a) not in PLANAR:
            return _Shape(number, a, None)
        if isinstance(a, Mask):
            return self._mask(number, a)
        if isinstance(a, Bbox):
            bounds = (a.x, a.y, a.x + a.w, a.y + a.h)
            return _Shape(number, a, bounds)
        flats = flats_of(a)
        rings = flats
        if isinstance(a, RotatedBbox):
            rings = [geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)]
        elif isinstance(a, Ellipse):
            rings = [geometry.ellipse_ring(a.x, a.y, a.w, a.h, ELLIPSE_POINTS)]
        elif isinstance(a, Points | Skeleton):
            seen = present(a.points, a.visibility)
            rings = [[value for n in seen for value in a.points[2 * n : 2 * n + 2]]]
        if not any(map(len, rings)):
            raise GeometryError("empty geometry")
        try:
            around = _around([ring for ring in rings if len(ring)])
        except (TypeError, ValueError) as error:
            raise GeometryError(f"malformed {a.kind}") from error
        return _Shape(number, a, around, flats, rings)

    def _mask(self, number: int, a: Mask) -> _Shape:
        try:
            rle = a.rle
            counts = counts_of(rle)
        except (TypeError, ValueError) as error:
            raise GeometryError(f"mask: {error}") from error
        if tuple(rle.size) != self._size:
            what = f"a mask of {rle.size[1]} × {rle.size[0]} on an image of another size"
            raise GeometryError(what)
        x, y, w, h = masks.bbox(counts, self._size[0])
        bounds = (float(x), float(y), float(x + w), float(y + h))
        return _Shape(number, a, bounds, counts=counts)

    def cut(self, window: Window, min_share: float = 0.0) -> list[Part]:
        """Return what a window shows.

        Shapes that stay what they are only as a whole (ellipses, rotated boxes, 2D cuboids) are not
        cut but reach over the edge of the window.

        Args:
            window: x, y, width, height in whole pixels, inside the image.
            min_share: The least share of an area that must be inside; shapes without area are kept
                if any of their points is.
        """
        x, y, w, h = window
        bounds = (float(x), float(y), float(x + w), float(y + h))
        place = Place.cutting(self._size, window)
        parts: list[Part] = []
        for shape in self.shapes:
            box = shape.bounds
            if box is None:
                parts.append(Part(shape.number, shape.annotation))
            elif _inside(box, bounds):
                parts.append(Part(shape.number, _shifted(shape, place)))
            elif _meets(box, bounds):
                found = self._part(shape, bounds, place, min_share)
                parts += [Part(shape.number, refreshed(a, None), cut) for a, cut in found]
        return parts

    def _part(
        self, shape: _Shape, bounds: Bounds, place: Place, share: float
    ) -> list[tuple[Annotation, bool]]:
        a = shape.annotation
        if isinstance(a, Mask):
            return _mask_part(a, shape, place, share)
        if isinstance(a, Bbox):
            x, y, w, h = a.bbox
            left, top = max(x, bounds[0]), max(y, bounds[1])
            right, bottom = min(x + w, bounds[2]), min(y + h, bounds[3])
            if (right - left) * (bottom - top) < share * a.w * a.h:
                return []
            x, y, w, h = left + place.bx, top + place.by, right - left, bottom - top
            return [(replace(a, x=x, y=y, w=w, h=h), True)]
        if isinstance(a, Points | Skeleton):
            return self._points(a, bounds, place)
        if isinstance(a, PolyLine):
            lines = [place.array(line) for line in clip_line(shape.arrays[0], bounds)]
            return [(replace(a, points=line.reshape(-1).tolist()), True) for line in lines]
        arrays = shape.arrays
        clipped = [clip_ring(ring, bounds, shape.bounds) for ring in arrays]
        holes = a.holes if isinstance(a, Polygon) else ()
        rings = [ring for parts in clipped for ring in parts]
        inner = {sum(map(len, clipped[:n])) + k for n in holes for k in range(len(_at(clipped, n)))}
        left_over = _area(rings, inner)
        if not rings or (share and left_over < share * _area(arrays, holes)):
            return []
        if left_over <= 0 and all(map(is_simple, rings)):  # lobes of a bow tie cancel out
            return []
        if not isinstance(a, Polygon):
            return [(moved(a, shape.flats, place), False)]
        lists = [place.array(ring).reshape(-1).tolist() for ring in rings]
        points: Any = lists if len(lists) != 1 else lists[0]
        holes = tuple(sorted(inner))
        return [(replace(a, points=points, holes=holes, bbox=None, area=None), True)]

    def _points(
        self, a: Points | Skeleton, bounds: Bounds, place: Place
    ) -> list[tuple[Annotation, bool]]:
        places = np.array(a.points, np.float64).reshape(-1, 2)
        low, high = np.array(bounds[:2]), np.array(bounds[2:])
        seen = ((places >= low) & (places <= high)).all(axis=1)
        there = np.zeros(len(places), np.bool_)
        there[list(present(a.points, a.visibility))] = True
        seen &= there
        if not seen.any():
            return []
        visibility = list(a.visibility) if len(a.visibility) == len(places) else [2] * len(places)
        if isinstance(a, Points) and not len(a.visibility) and a.label not in self._named:
            points = place.array(places[seen]).reshape(-1).tolist()
            return [(replace(a, points=points, bbox=None), True)]
        values = place.array(places)
        values[~seen] = 0.0
        marks = [v if s else 0 for v, s in zip(visibility, seen.tolist(), strict=True)]
        changes: dict[str, Any] = {"points": values.reshape(-1).tolist(), "visibility": marks}
        if isinstance(a, Skeleton):
            changes["area"] = None
        return [(replace(a, bbox=None, **changes), True)]


def _at(parts: list[Any], number: int) -> Any:
    return parts[number] if number < len(parts) else ()


def _area(rings: Sequence[NDArray[np.float64]], holes: Collection[int]) -> float:
    return sum(-area(ring) if n in holes else area(ring) for n, ring in enumerate(rings))


def _around(rings: Sequence[Sequence[float]]) -> Bounds:
    """Return left, top, right and bottom, exactly: x + width would round."""
    xs, ys = [ring[0::2] for ring in rings], [ring[1::2] for ring in rings]
    return min(map(min, xs)), min(map(min, ys)), max(map(max, xs)), max(map(max, ys))


def _inside(box: Bounds, window: Bounds) -> bool:
    return (
        box[0] >= window[0] and box[1] >= window[1] and box[2] <= window[2] and box[3] <= window[3]
    )


def _meets(box: Bounds, window: Bounds) -> bool:
    """Tell whether a box and a window overlap; one without width or height needs no area."""
    return all(
        low < window[axis + 2] and high > window[axis]
        if low < high
        else window[axis] <= low <= window[axis + 2]
        for axis, (low, high) in enumerate(((box[0], box[2]), (box[1], box[3])))
    )


def _shifted(shape: _Shape, place: Place) -> Annotation:
    a = shape.annotation
    if shape.counts is not None and isinstance(a, Mask):
        box = None if a.bbox is None else place.box(a.bbox)
        return replace(a, source=_encoded(place.counts(shape.counts), place.new), bbox=box)
    return moved(a, shape.flats, place)


def _encoded(counts: NDArray[np.int64], size: tuple[int, int]) -> Rle:
    return Rle(size, masks.encode_counts(counts))


def _mask_part(a: Mask, shape: _Shape, place: Place, share: float) -> list[tuple[Annotation, bool]]:
    if shape.counts is None:
        return []
    counts = place.counts(shape.counts)
    left_over = masks.area(counts)
    whole = masks.area(shape.counts)
    if not left_over or left_over < share * whole:
        return []
    cut = left_over < whole
    stated: dict[str, Any] = {"bbox": None, "area": None}
    return [(replace(a, source=_encoded(counts, place.new), **stated), cut)]
