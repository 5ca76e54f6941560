"""Sizes of annotations: collected by label and attribute, and described."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import Bbox, Ellipse, Mask, Polygon, RotatedBbox
from dsk.convert import area_of, bbox_of
from dsk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk_analysis.validation.thresholds import Thresholds

__all__ = ["PROPERTIES", "Sizes", "box_sizes", "described", "key_text", "mask_sizes"]

Key = tuple[str, str]
"""Id and subset of an item."""

BINS = 10

PROPERTIES = {
    "detection": ("width", "height", "area(wxh)", "ratio(w/h)", "short", "long"),
    "segmentation": ("area", "width", "height"),
}
"""What is measured, by task."""

_NAN = float("nan")


def key_text(key: Key) -> str:
    """Return an item's key as JSON has it in the place of a name, as Datumaro writes it."""
    return str(key)


def box_sizes(a: Annotation) -> tuple[float, ...]:
    """Return what is measured of a box; NaN where it cannot be."""
    width, height = _sides(a)
    ratio = width / height if height else _NAN
    return width, height, width * height, ratio, min(width, height), max(width, height)


def mask_sizes(a: Annotation) -> tuple[float, ...]:
    """Return what is measured of an outline or mask; NaN where it cannot be."""
    try:
        area = area_of(a)
    except (ValueError, InputError):
        area = None
    return (_NAN if area is None else area, *_sides(a))


def _sides(a: Annotation) -> tuple[float, float]:
    if isinstance(a, Bbox | RotatedBbox | Ellipse):
        return a.w, a.h
    try:
        box = bbox_of(a)
    except (ValueError, InputError):
        return _NAN, _NAN
    if box is None:  # nothing is drawn
        return (0.0, 0.0) if isinstance(a, Polygon | Mask) else (_NAN, _NAN)
    return box[2], box[3]


class Sizes:
    """The sizes of some annotations, in rows.

    Args:
        width: How many numbers a row has.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows = array("d")
        self._owners: list[tuple[Key, int]] = []

    def add(self, key: Key, number: int, row: Iterable[float]) -> None:
        """Take in one annotation's.

        Args:
            key: Its item.
            number: Its own number.
            row: Its sizes.
        """
        self._rows.extend(row)
        self._owners.append((key, number))

    def columns(self) -> NDArray[np.float64]:
        """Return (sizes, annotations)."""
        return np.frombuffer(self._rows, np.float64).reshape(-1, self._width).T

    def owner(self, row: int) -> tuple[Key, int]:
        """Return the item's key and the annotation's number of a row."""
        return self._owners[row]


def described(sizes: Sizes, names: Iterable[str], limits: Thresholds) -> dict[str, Any]:
    """Describe each size with numbers, a histogram and what is far from the mean."""
    columns = zip(names, sizes.columns(), strict=True)
    return {name: _described(values, sizes, limits) for name, values in columns}


def _described(values: NDArray[np.float64], sizes: Sizes, limits: Thresholds) -> dict[str, Any]:
    with np.errstate(over="ignore", invalid="ignore"):  # of huge numbers the sum is infinite
        mean, deviation = values.mean(), values.std()
        far = np.abs(values - mean) > limits.far_from_mean_thr * deviation
        found: dict[str, dict[int, float]] = {}
        for row in np.flatnonzero(far & np.isfinite(deviation)).tolist():
            key, number = sizes.owner(row)
            found.setdefault(key_text(key), {})[number] = float(values[row])
        numbers = (mean, deviation, values.min(), values.max(), np.median(values))
        names = ("mean", "stdev", "min", "max", "median")
        return {
            "items_far_from_mean": found,
            **{name: _finite(number) for name, number in zip(names, numbers, strict=True)},
            "histogram": _histogram(values),
        }


def _finite(number: np.float64) -> float | None:
    return float(number) if np.isfinite(number) else None


def _histogram(values: NDArray[np.float64]) -> dict[str, list[float]]:
    try:
        counts, edges = np.histogram(values, BINS)
    except ValueError:  # huge numbers so near to one another that nothing lies between
        counts, edges = np.array([len(values)]), np.array([values.min(), values.max()])
    return {"bins": edges.tolist(), "counts": counts.tolist()}
