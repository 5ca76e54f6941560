"""How alike annotations made of points are: object keypoint similarity, as in COCO's evaluation.

Each point counts with ``exp(-d² / (2·s²·k²))``: d is how far apart the two annotations have it, s
how large they are, k what people differ by (twice ``SIGMA``, the same for all points).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.annotations import Cuboid2d, Cuboid3d, Points, PolyLine, Skeleton, Visibility
from dsk.rotations import corners

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.annotations import Annotation

__all__ = ["POINTED", "similarity"]

POINTED = frozenset({"points", "skeleton", "polyline", "cuboid_2d", "cuboid_3d"})
"""Kinds that are made of points."""

SIGMA = 0.1
"""As a share of an object's size; COCO's are 0.025 (eyes) to 0.107 (hips)."""

ALONG = 64
"""Points at equal distances that stand for a line."""


def similarity(a: Annotation, b: Annotation) -> float:
    """Return how alike two annotations are, 0–1.

    Points that only one of them has count as far apart. Lines may be drawn from either end. What
    has no size, like a single point, is like nothing but the same place.

    Args:
        a: An annotation.
        b: Another one; 0 unless both are of one of the kinds ``POINTED``, of as many points, and in
            the same frame.
    """
    if a.kind != b.kind or a.kind not in POINTED:
        return 0.0
    if isinstance(a, Cuboid3d) and isinstance(b, Cuboid3d) and a.frame != b.frame:
        return 0.0
    one, two = _points(a), _points(b)
    if one.shape != two.shape or not one.size:
        return 0.0
    if isinstance(a, PolyLine):
        return max(_alike(one, two), _alike(one, two[::-1]))
    return _alike(one, two)


def _alike(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """Return the similarity of points (n, 2 or 3), NaN for those that are not there."""
    seen = ~np.isnan(one[:, 0])
    also = ~np.isnan(two[:, 0])
    count = int((seen | also).sum())
    if not count:
        return 0.0
    both = seen & also
    everything = np.concatenate([one[seen], two[also]])
    if not np.isfinite(everything).all():
        return 0.0
    extent = everything.max(axis=0) - everything.min(axis=0)
    size = float((extent**2).mean())  # of a square its area
    apart = ((one[both] - two[both]) ** 2).sum(axis=1)
    if not size:
        return float(both.sum()) / count
    return float(np.exp(-apart / (2 * size * (2 * SIGMA) ** 2)).sum()) / count


def _points(a: Annotation) -> NDArray[np.float64]:
    """Return the points of an annotation, (n, 2 or 3), NaN for those that are not there."""
    if isinstance(a, Cuboid3d):
        return corners(a)
    if not isinstance(a, Points | Skeleton | PolyLine | Cuboid2d):
        return np.empty((0, 2))
    found = np.array(a.points, dtype=np.float64)[: len(a.points) // 2 * 2].reshape(-1, 2)
    if isinstance(a, PolyLine):
        return _along(found)
    if isinstance(a, Points | Skeleton) and len(a.visibility) == len(found):
        found[np.array(a.visibility) == Visibility.ABSENT] = np.nan
    return found


def _along(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points at equal distances along a line (n, 2), its ends among them."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    length = steps.sum() if len(steps) else 0.0
    if not length or not np.isfinite(length):
        return line[:1]
    at = np.concatenate([[0.0], steps.cumsum()])
    wanted = np.linspace(0.0, length, ALONG)
    return np.stack([np.interp(wanted, at, line[:, axis]) for axis in (0, 1)], axis=1)
