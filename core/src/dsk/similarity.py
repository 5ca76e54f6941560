"""How alike annotations made of points are: object keypoint similarity, as in COCO's evaluation.

Each point counts with ``exp(-d² / (2·s²·k²))``: d is how far apart the two annotations have it, s
how large they are, k what people differ by (twice ``SIGMA``, the same for all points).

Points that only one of two has count as far apart. Lines may be drawn from either end. What has no
size, like a single point, is like nothing but the same place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.annotations import Cuboid2d, Cuboid3d, Points, PolyLine, Skeleton, Visibility
from dsk.rotations import corners

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation

__all__ = ["similar", "similarity"]

SIGMA = 0.1
"""As a share of an object's size; COCO's are 0.025 (eyes) to 0.107 (hips)."""

ALONG = 64
"""Points at equal distances that stand for a line."""

AT_ONCE = 1 << 18
"""Coordinates that are compared at once."""

_POINTED = {kind.kind for kind in (Points, Skeleton, PolyLine, Cuboid2d, Cuboid3d)}

_Sort = tuple[str, str, tuple[int, ...]]
"""Kind, frame, and shape of the points: only annotations of one sort are alike."""


def similarity(a: Annotation, b: Annotation) -> float:
    """Return how alike two annotations are, 0–1; 0 unless both are of one sort of points."""
    return next((share for _, _, share in similar((a, b), 0.0)), 0.0)


def similar(annotations: Sequence[Annotation], least: float) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of annotations that are so much alike, the first before the second.

    Args:
        annotations: What is not made of finite points is passed over.
        least: The least similarity, 0–1.
    """
    sorts: dict[_Sort, list[int]] = {}
    points: dict[int, NDArray[np.float64]] = {}
    for n, a in enumerate(annotations):
        if a.kind not in _POINTED:
            continue
        found = _points(a)
        if found.size and not np.isinf(found).any():
            frame = a.frame if isinstance(a, Cuboid3d) else ""
            sorts.setdefault((a.kind, frame, found.shape), []).append(n)
            points[n] = found
    for (kind, _, shape), numbers in sorts.items():
        if len(numbers) < 2:
            continue
        every = np.stack([points[n] for n in numbers])
        step = max(AT_ONCE // (len(numbers) * shape[0] * shape[1]), 1)
        for start in range(0, len(numbers), step):
            some = every[start : start + step]
            shares = _alike(some, every)
            if kind == PolyLine.kind:
                shares = np.maximum(shares, _alike(some, every[:, ::-1]))
            after = np.arange(len(numbers)) > np.arange(start, start + len(some))[:, None]
            for n, m in np.argwhere((shares >= least) & after).tolist():
                yield numbers[start + n], numbers[m], float(shares[n, m])


def _alike(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the similarities (n, m) of points (n, p, d) and (m, p, d), each with each.

    NaN are points that are not there.
    """
    a, b = first[:, None], second[None]
    seen, also = ~np.isnan(a[..., 0]), ~np.isnan(b[..., 0])
    extents = [
        (np.where(there[..., None], p, np.inf), np.where(there[..., None], p, -np.inf))
        for p, there in ((a, seen), (b, also))
    ]
    with np.errstate(all="ignore"):  # those without a point or without a size
        low = np.minimum(*(least.min(axis=2) for least, _ in extents))
        high = np.maximum(*(most.max(axis=2) for _, most in extents))
        size = ((high - low) ** 2).mean(axis=2)[..., None]  # of a square its area
        apart = ((a - b) ** 2).sum(axis=3)
        shares = np.where(size > 0, np.exp(-apart / (2 * size * (2 * SIGMA) ** 2)), apart == 0)
        found: NDArray[np.float64] = np.where(seen & also, shares, 0.0).sum(axis=2)
        found /= (seen | also).sum(axis=2)
    return np.nan_to_num(found)


def _points(a: Annotation) -> NDArray[np.float64]:
    """Return the points of an annotation, (n, 2 or 3), NaN for those that are not there."""
    if isinstance(a, Cuboid3d):
        finite = np.isfinite([*a.position, *a.rotation, *a.scale]).all()
        return corners(a) if finite else np.empty((0, 3))
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
