"""Masks that are stretched, cut and mirrored as run lengths, without painting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk import masks
from dsk.contours import ranges, spans, split_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["gather", "transposed"]


def gather(counts: NDArray[Any], height: int, rows: Ints, columns: Ints) -> Ints:
    """Return the mask whose pixel (i, j) is the pixel (rows[i], columns[j]) of another.

    Args:
        counts: Run lengths of the other mask.
        height: Its height.
        rows: Which of its rows to take, never falling or never rising; some may repeat.
        columns: Which of its columns to take, likewise.

    Returns:
        Run lengths of a mask of ``len(rows)`` × ``len(columns)`` pixels.
    """
    column, top, bottom, _ = split_columns(*spans(counts), height)
    down, across = _rises(rows), _rises(columns)
    begin, end = np.searchsorted(rows if down else rows[::-1], [top, bottom])
    if not down:
        begin, end = len(rows) - end, len(rows) - begin
    order = columns if across else columns[::-1]
    first = np.searchsorted(order, column)
    times = np.searchsorted(order, column, side="right") - first
    times[begin >= end] = 0
    target = ranges(first, times)
    if not across:
        target = len(columns) - 1 - target
    base = target * len(rows)
    starts, stops = np.repeat(begin, times) + base, np.repeat(end, times) + base
    order = np.argsort(starts, kind="stable")
    bounds = np.empty(2 * len(starts) + 2, np.int64)
    bounds[0], bounds[-1] = 0, len(rows) * len(columns)
    bounds[1:-1:2], bounds[2:-1:2] = starts[order], stops[order]
    return masks.union([np.diff(bounds)])  # joins runs between which nothing is left


def _rises(numbers: Ints) -> bool:
    return len(numbers) < 2 or bool(numbers[0] <= numbers[-1])


def transposed(counts: NDArray[Any], height: int, width: int) -> Ints:
    """Return a mask of (height, width) with rows and columns exchanged."""
    return masks.from_dense(masks.to_dense(counts, height, width).T)
