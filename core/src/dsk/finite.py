"""Telling NaN and infinity among coordinates, cheaply: no target can hold them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from dsk.annotations import (
    Bbox,
    Cuboid2d,
    Cuboid3d,
    Ellipse,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dsk.annotations import Annotation

__all__ = ["are_finite"]


def _box_sum(a: Any) -> float:
    return a.x + a.y + a.w + a.h  # type: ignore[no-any-return]


def _point_sum(a: Any) -> float:
    return float(sum(a.points))


def _stated_sum(a: Any) -> float:
    return float(sum(a.points) + sum(a.bbox or ()))


def _outline_sum(a: Any) -> float:
    # Undecoded geometry is JSON, which knows finite numbers only.
    return sum(a.bbox or ()) + (0.0 if type(a.points) is Raw else sum(map(sum, a.rings)))


def _solid_sum(a: Any) -> float:
    (x, y, z), (rx, ry, rz), (w, h, d) = a.position, a.rotation, a.scale
    return x + y + z + rx + ry + rz + w + h + d  # type: ignore[no-any-return]


_SUMS: dict[type[Annotation], Callable[[Any], float]] = {
    Bbox: _box_sum,
    Ellipse: _box_sum,
    RotatedBbox: lambda a: a.cx + a.cy + a.w + a.h + a.r,
    Polygon: _outline_sum,
    PolyLine: _point_sum,
    Points: _stated_sum,
    Skeleton: _stated_sum,
    Cuboid2d: _point_sum,
    Cuboid3d: _solid_sum,
    Mask: lambda a: sum(a.bbox or ()),
}


def are_finite(annotations: Iterable[Annotation]) -> bool:
    """Tell whether there is no NaN and no infinity among the coordinates of some annotations.

    Any of them makes the sum one, too. Masks and volumes are pixels and cannot hold them.
    """
    total = 0.0
    for a in annotations:
        numbers = _SUMS.get(type(a))
        if numbers is not None:
            total += numbers(a)
    return isfinite(total)
