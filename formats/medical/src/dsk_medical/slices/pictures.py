"""Slices of a scan as grey or coloured pictures of 8 bits."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from dsk.errors import MediaError
from dsk_medical.volume.arrays import LazyVolume

__all__ = ["MOST_HELD", "HeldVolume", "Pictures", "Window", "percentiles"]

MOST_HELD = 256 << 20
"""Larger volumes are held in a temporary file."""

MOST_HOLDERS = 4
"""So many volumes are held at the same time: an item's channels."""

_TOGETHER = 1 << 18
"""Pixels of pictures that are made together: their values fit in a processor's cache."""

_BINS = 1 << 16
_holders: WeakValueDictionary[int, HeldVolume] = WeakValueDictionary()


class HeldVolume(LazyVolume):
    """A volume unpacked once, to be read along any axis without reading the file for each slice.

    It is held from the first access on, in memory or, if it is large, in an unnamed temporary file,
    until others were needed since.

    Args:
        base: The volume, (i, j, k).
        along: The axis whose slices will be read.
    """

    def __init__(self, base: LazyVolume, along: int) -> None:
        self.base = base
        self.along = along
        self.shape = base.shape
        self.dtype = base.dtype
        self._held: NDArray[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held": None}

    def _unpacked(self) -> NDArray[Any]:
        """Return the volume with the axis that slices are read along as the slowest one."""
        if self._held is None:
            rest = [axis for axis in (2, 1, 0) if axis != self.along]  # the order of the files
            order = [self.along, *rest]
            shape = tuple(self.shape[axis] for axis in order)
            held: NDArray[Any]
            if math.prod(shape) * self.dtype.itemsize <= MOST_HELD:
                held = np.empty(shape, self.dtype)
            else:
                with tempfile.TemporaryFile(prefix="dsk-") as file:
                    held = np.memmap(file, self.dtype, "w+", shape=shape)
            view = held.transpose(np.argsort(order).tolist())
            k = 0
            for block in self.base.blocks():
                view[:, :, k : k + block.shape[2]] = block
                k += block.shape[2]
            self._held = view
        _holders.pop(id(self), None)
        _holders[id(self)] = self  # the last one in order
        while len(_holders) > MOST_HOLDERS:
            _holders.pop(next(iter(_holders)))._held = None  # noqa: SLF001 - its own class
        return self._held

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return np.asarray(self._unpacked()[key])


def percentiles(volume: LazyVolume, low: float, high: float) -> tuple[float, float]:
    """Return two percentiles of a volume's finite values, read slice by slice.

    Of values that are no whole numbers they are exact to a 65536th of the range.
    """
    least, counts, step = _counts(volume)
    if not counts.any():
        return 0.0, 1.0
    total = np.cumsum(counts)
    ranks = np.array([low, high]) / 100 * (total[-1] - 1) + 1
    a, b = (least + step * int(n) for n in np.searchsorted(total, ranks))
    if a < b:
        return a, b
    there = np.flatnonzero(counts)
    a, b = least + step * int(there[0]), least + step * int(there[-1])
    return (a, b) if a < b else (a, a + 1)


def _counts(volume: LazyVolume) -> tuple[float, NDArray[np.int64], float]:
    """Return how often values occur: the lowest value, counts from it on, and their step."""
    kind = volume.dtype.newbyteorder("=")
    if kind.kind in "iu" and kind.itemsize <= 2:  # every value has its own count: one pass
        least = int(np.iinfo(kind).min)
        counts = np.zeros(1 << 8 * kind.itemsize, np.int64)
        for piece in volume.blocks():
            flat = piece.astype(kind, copy=False).ravel(order="K")
            if not flat.size:
                continue
            first = flat.min()
            there = flat != first
            rest = int(np.count_nonzero(there))
            if 2 * rest < flat.size:  # mostly background: counting the rest takes half the time
                counts[int(first) - least] += flat.size - rest
                flat = flat[there]
            found = np.bincount((flat - first).view(f"u{kind.itemsize}"))  # differences wrap round
            counts[int(first) - least :][: len(found)] += found
        return least, counts, 1.0
    low, most = _range(volume)
    if low > most:
        return 0.0, np.zeros(1, np.int64), 1.0
    whole = kind.kind in "iub" and most - low < _BINS
    step = 1.0 if whole or low == most else (most - low) / (_BINS - 1)
    counts = np.zeros(_BINS, np.int64)
    for piece in volume.blocks():
        values = piece[np.isfinite(piece)] if piece.dtype.kind == "f" else piece.ravel(order="K")
        places = ((values.astype(np.float64) - low) / step).astype(np.int64)
        counts += np.bincount(places, minlength=_BINS)
    return low, counts, step


def _range(volume: LazyVolume) -> tuple[float, float]:
    """Return the least and the greatest finite value; the first one is greater if there is none."""
    least, most = np.inf, -np.inf
    for piece in volume.blocks():
        values = piece[np.isfinite(piece)] if piece.dtype.kind == "f" else piece
        if values.size:
            least, most = min(least, float(values.min())), max(most, float(values.max()))
    return least, most


class Window:
    """Which values become black and white; percentiles are computed when they are needed.

    Args:
        volume: The volume.
        limits: The two values, or None for percentiles.
        percentile: The two percentiles.
    """

    def __init__(
        self,
        volume: LazyVolume,
        limits: tuple[float, float] | None,
        percentile: tuple[float, float],
    ) -> None:
        self._volume = volume
        self._limits = limits
        self._percentile = percentile
        self._table: NDArray[np.uint8] | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """The two values."""
        if self._limits is None:
            self._limits = percentiles(self._volume, *self._percentile)
        return self._limits

    def apply(self, piece: NDArray[Any]) -> NDArray[np.uint8]:
        """Return values as 0 to 255; what is no number becomes 0."""
        if piece.dtype.kind in "iu" and piece.dtype.itemsize <= 2:
            if self._table is None or self._table.size != 1 << 8 * piece.dtype.itemsize:
                every = np.arange(1 << 8 * piece.dtype.itemsize).astype(f"u{piece.dtype.itemsize}")
                self._table = self._grey(every.view(piece.dtype))
            places = piece.view(f"u{piece.dtype.itemsize}")
            found: NDArray[np.uint8] = self._table.take(places, mode="wrap")  # checks nothing: fast
            return found
        return self._grey(piece)

    def _grey(self, piece: NDArray[Any]) -> NDArray[np.uint8]:
        low, high = self.limits
        scaled = piece.astype(np.float64)
        scaled -= low
        scaled *= 255 / (high - low)
        np.fmax(scaled, 0, out=scaled)  # of a number and none it takes the number
        np.fmin(scaled, 255, out=scaled)
        grey: NDArray[np.uint8] = np.rint(scaled, out=scaled).astype(np.uint8)
        return grey


class Pictures:
    """The slices of volumes as pictures; a few are made at a time.

    Args:
        channels: One volume, or three for red, green, blue.
        windows: One for each; empty: values stay as they are.
    """

    def __init__(self, channels: Sequence[LazyVolume], windows: Sequence[Window]) -> None:
        self._channels = channels
        self._windows = windows
        rows, columns, self._depth = channels[0].shape
        self._step = max(1, _TOGETHER // max(1, rows * columns))
        self._made: tuple[int, NDArray[Any]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": None}

    def picture(self, k: int) -> NDArray[Any]:
        """Return a slice as (rows, columns) or (rows, columns, 3).

        Raises:
            MediaError: The slice is damaged; what others are does not matter.
        """
        first = k - k % self._step
        found: NDArray[Any]
        if self._made is None or self._made[0] != first:
            try:
                self._made = first, self._make(first, min(first + self._step, self._depth))
            except MediaError:
                found = self._make(k, k + 1)[0]
                return found
        found = self._made[1][k - first]
        return found

    def _make(self, first: int, end: int) -> NDArray[Any]:
        """Return slices, (k, rows, columns) or (k, rows, columns, 3)."""
        # in the order of files, so that nothing is rearranged before it has become small
        pieces = [volume[:, :, first:end].transpose(2, 1, 0) for volume in self._channels]
        if self._windows:
            pairs = zip(pieces, self._windows, strict=True)
            pieces = [window.apply(piece) for piece, window in pairs]
        upright = [piece.transpose(0, 2, 1) for piece in pieces]
        if len(upright) == 1:
            return np.ascontiguousarray(upright[0])
        return np.stack(upright, axis=-1)
