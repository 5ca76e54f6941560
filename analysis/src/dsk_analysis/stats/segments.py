"""Areas of outlines and masks: the stated one, else from the geometry, whole batches at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.annotations import Mask, Polygon
from dsk.convert import area_of
from dsk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Fail = Callable[[Polygon | Mask, Exception], None]

__all__ = ["areas", "ring_areas"]


def areas(shapes: Sequence[Polygon | Mask], fail: Fail) -> list[float | None]:
    """Return areas in px²; None of what is malformed.

    Args:
        shapes: All polygons, or all masks.
        fail: Called with each that is malformed, and why.
    """
    found = [a.area for a in shapes]
    unstated = [n for n, area in enumerate(found) if area is None]
    outlines: list[tuple[int, Polygon]] = []
    for n in unstated:
        shape = shapes[n]
        if isinstance(shape, Polygon):
            outlines.append((n, shape))
            continue
        try:  # run lengths are summed up, no pixel is drawn
            found[n] = area_of(shape)
        except (ValueError, InputError) as error:
            fail(shape, error)
    if outlines:
        _measure(outlines, found, fail)
    return found


def _measure(
    outlines: Sequence[tuple[int, Polygon]], found: list[float | None], fail: Fail
) -> None:
    """Fill in the areas of polygons that state none."""
    flat: list[float] = []
    sizes, signs, owners = [], [], []
    good: list[int] = []
    for n, polygon in outlines:
        try:
            rings = polygon.rings
            if any(len(ring) % 2 for ring in rings):
                raise ValueError("a ring holds an odd number of values")  # noqa: TRY301 - with others
        except ValueError as error:
            fail(polygon, error)
            continue
        for number, ring in enumerate(rings):
            if len(ring):
                flat.extend(ring)
                sizes.append(len(ring) // 2)
                signs.append(-1.0 if number in polygon.holes else 1.0)
                owners.append(len(good))
        good.append(n)
    if not good:
        return
    parts = np.asarray(signs) * ring_areas(np.asarray(flat, np.float64), np.asarray(sizes, int))
    totals = np.bincount(np.asarray(owners, int), parts, minlength=len(good))
    for n, area in zip(good, totals.tolist(), strict=True):
        found[n] = area


def ring_areas(flat: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the areas of many rings in one pass.

    Args:
        flat: (2 × points,): x1, y1, x2, y2, … of all rings one after the other, in pixels.
        sizes: (rings,): how many points each has, 1 or more.

    Returns:
        (rings,): areas in px², not negative.
    """
    if not len(sizes):
        return np.zeros(0)
    xs, ys = flat[0::2], flat[1::2]
    starts = np.cumsum(sizes) - sizes
    # From the first point: far from the origin the products would lose the small differences.
    dx = xs - np.repeat(xs[starts], sizes)
    dy = ys - np.repeat(ys[starts], sizes)
    after = np.arange(1, len(xs) + 1)
    after[starts + sizes - 1] = starts
    cross = dx * dy[after] - dx[after] * dy
    doubled: NDArray[np.float64] = np.abs(np.add.reduceat(cross, starts))
    return doubled / 2
