"""Sets of pixels or voxels as runs, of which any two are compared without drawing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Runs"]


class Runs(NamedTuple):
    """What of a grid belongs to a shape.

    Attributes:
        size: The grid's: (height, width) of a sheet, voxels along each axis of a volume.
        edges: Where its runs begin and end, those of other cells first, with 0 and the last end.
        covered: How many of its cells lie before each edge.
        area: The number of its cells.
    """

    size: tuple[int, ...]
    edges: NDArray[np.float64]
    covered: NDArray[np.float64]
    area: int

    @classmethod
    def of(cls, size: tuple[int, ...], counts: NDArray[Any]) -> Runs:
        """Return what run lengths stand for, those of other cells first."""
        runs = np.zeros((2, len(counts) + 1))
        runs[0, 1:] = counts
        runs[1, 2::2] = counts[1::2]
        edges, covered = runs.cumsum(axis=1)
        return cls(size, edges, covered, int(covered[-1]))

    def common(self, other: Runs) -> float:
        """Return the number of cells that another shape on the same grid has, too."""
        stops = self.edges[2::2]
        starts = self.edges[1::2][: len(stops)]
        # Between two edges the number of covered cells grows evenly, or not at all.
        inside = np.interp([starts, stops], other.edges, other.covered).sum(axis=1)
        return float(inside[1] - inside[0])
