"""Columns of numbers that grow, and what is said about them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["BINS", "Table", "by_group", "histogram", "per_item", "share", "summary", "usable"]

BINS = 10

ABSURD = 1e100
"""Coordinates and areas from here on are as good as infinite: their sums would overflow."""


class Table:
    """Rows of numbers in typed columns, without an object for each.

    Args:
        codes: Type of each column, as ``array.array`` names it.
    """

    def __init__(self, codes: str) -> None:
        self._columns: list[array[Any]] = [array(code) for code in codes]

    def __len__(self) -> int:
        return len(self._columns[0])

    def add(self, *columns: NDArray[Any]) -> None:
        """Append rows; as many arrays of equal length as there are columns."""
        for mine, new in zip(self._columns, columns, strict=True):
            mine.frombytes(np.ascontiguousarray(new, dtype=mine.typecode).tobytes())

    def row(self, *values: float) -> None:
        """Append one row."""
        for mine, value in zip(self._columns, values, strict=True):
            mine.append(value)

    def join(self, other: Table) -> None:
        """Append the rows of another table of the same types."""
        for mine, new in zip(self._columns, other._columns, strict=True):
            mine.extend(new)

    def arrays(self) -> list[NDArray[Any]]:
        """Return the columns; the table must not grow as long as they are used."""
        return [np.asarray(column) for column in self._columns]


def usable(*columns: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell for each row whether all its numbers are finite and not absurdly large."""
    good = np.ones(len(columns[0]), np.bool_)
    for column in columns:
        good &= np.abs(column) < ABSURD
    return good


def share(count: float, total: float) -> float:
    """Return a part of a total, 0 to 1; 0 of nothing."""
    return float(count) / float(total) if total else 0.0


def summary(values: NDArray[Any]) -> dict[str, float] | None:
    """Return least, quartiles, greatest and mean of some finite numbers; None when there is none.

    The quartiles are interpolated as numpy does it.
    """
    if not len(values):
        return None
    low, first, middle, third, high = np.percentile(values, [0, 25, 50, 75, 100]).tolist()
    return {
        "min": low,
        "q1": first,
        "median": middle,
        "q3": third,
        "max": high,
        "mean": float(np.mean(values)),
    }


def histogram(values: NDArray[np.float64]) -> list[dict[str, float]]:
    """Return ten bins of equal width from the least to the greatest value; [] of nothing.

    ``percent`` is a share of 1, which is what Datumaro calls so.
    """
    if not len(values):
        return []
    counts, edges = np.histogram(values, BINS)
    return [
        {"min": low, "max": high, "count": count, "percent": count / len(values)}
        for count, low, high in zip(
            counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True
        )
    ]


def per_item(counts: NDArray[np.int64]) -> dict[str, Any]:
    """Describe how many annotations items have: a summary and bins 0, 1, 2–3, 4–7, 8–15 ….

    ``max`` of a bin belongs to it.
    """
    bins = []
    if len(counts):
        numbers, items = np.unique(np.frexp(counts.astype(np.float64))[1], return_counts=True)
        found = dict(zip(numbers.tolist(), items.tolist(), strict=True))
        for n in range(max(found) + 1):
            low, high = (2 ** (n - 1), 2**n - 1) if n else (0, 0)
            bins.append({"min": low, "max": high, "count": found.get(n, 0)})
    return {"summary": summary(counts), "histogram": bins}


def by_group(
    groups: NDArray[np.int32], columns: Iterable[NDArray[Any]]
) -> dict[int, list[NDArray[Any]]]:
    """Split columns by a column of group numbers, ascending; the order of rows stays."""
    order = np.argsort(groups, kind="stable")
    numbers, starts = np.unique(groups[order], return_index=True)
    parts = [np.split(column[order], starts[1:]) for column in columns]
    return {number: [part[n] for part in parts] for n, number in enumerate(numbers.tolist())}
