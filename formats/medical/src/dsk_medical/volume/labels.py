"""Label volumes: whole numbers per voxel, whatever type they were stored in.

Masks are often written through floating point or with a scale factor; numbers that are whole but
for rounding are recognised, probability maps are refused.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsk import masks
from dsk.annotations import Rle
from dsk.errors import MediaError
from dsk_medical.volume.arrays import ChannelView, LazyVolume, check_axes, full_key

__all__ = ["LabelVolume", "NumberedMask", "SliceMask", "distinct", "label_maps"]

TOLERANCE = 0.01
"""How far a stored label may be from a whole number, relative to the label."""

MOST_VALUES = 65536
"""A volume with more different values holds no labels."""

_SMALL = 1 << 16
_RECENT = 4


def distinct(piece: NDArray[Any]) -> list[int]:
    """Return the different values of an integer array, ascending."""
    if not piece.size:
        return []
    if piece.dtype == np.bool_:
        piece = piece.view(np.uint8)
    flat = piece.ravel(order="K")
    if not flat.any():
        return [0]
    if piece.dtype.kind == "u" and piece.dtype.itemsize == 1:
        return [int(v) for v in np.flatnonzero(np.bincount(flat, minlength=1))]
    low, high = int(flat.min()), int(flat.max())
    if high - low < _SMALL and low > -_SMALL:
        counts = np.bincount(flat.astype(np.int64) - low)
        return [int(v) + low for v in np.flatnonzero(counts)]
    return [int(v) for v in np.unique(flat)]


class LabelVolume(LazyVolume):
    """A label volume as whole numbers, read slice by slice.

    Args:
        base: What is stored, (i, j, k).
        name: What messages call it.

    Raises:
        MediaError: It has more than three axes.
    """

    def __init__(self, base: LazyVolume, name: str) -> None:
        check_axes(base, name)
        self.base = base
        self.name = name
        self.shape = base.shape
        kind = base.dtype.kind
        self.dtype = np.dtype(np.int64) if kind == "f" else base.dtype
        self.warnings: list[str] = []
        self._values: list[list[int]] | None = None
        self._recent: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._runs: tuple[int, dict[int, NDArray[np.int64]]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_recent": OrderedDict(), "_runs": None}

    def _whole(self, piece: NDArray[Any]) -> NDArray[Any]:
        if piece.dtype.kind != "f":
            return piece
        whole = np.nan_to_num(np.rint(piece), nan=0.0, posinf=0.0, neginf=0.0)
        integers: NDArray[Any] = whole.astype(np.int64)
        return integers

    def __getitem__(self, key: Any) -> NDArray[Any]:
        wanted = full_key(key, self.shape)
        if not isinstance(wanted[2], slice):
            return self.slice(wanted[2])[wanted[:2]]
        return self._whole(self.base[wanted])

    def slice(self, k: int) -> NDArray[Any]:
        """Return ``array[:, :, k]``; the last few are kept."""
        piece = self._recent.get(k)
        if piece is None:
            piece = self._recent[k] = self._whole(self.base[:, :, k])
            while len(self._recent) > _RECENT:
                self._recent.popitem(last=False)
        return piece

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``."""
        for piece in self.base.slices():
            yield self._whole(piece)

    def blocks(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.blocks``."""
        yield from map(self._whole, self.base.blocks())

    def slice_values(self) -> list[list[int]]:
        """Return the values of each slice, ascending; read once.

        Raises:
            MediaError: They are not labels: not whole, negative, or too many.
        """
        if self._values is None:
            self._values = self._scan()
        return self._values

    def values(self) -> list[int]:
        """Return the values of the whole volume, ascending; errors as ``slice_values``."""
        return sorted({value for values in self.slice_values() for value in values})

    def _scan(self) -> list[list[int]]:
        found = []
        floats: set[float] = set()
        nans = 0
        for block in self.base.blocks():
            if block.dtype.kind == "f":
                nans += self._check_floats(block, floats)
            whole = self._whole(block)
            found += [distinct(whole[:, :, k]) for k in range(whole.shape[2])]
        every = sorted({value for values in found for value in values})
        if nans:
            what = f"{nans} voxels of {self.name} are no numbers (NaN): taken for background"
            self.warnings.append(what)
        if floats:
            self._check_few(floats)
        if every and every[0] < 0:
            raise MediaError(
                f"the label map has negative values: {every[0]}",
                where=self.name,
                hint="labels are 0 (background) and above; is this a scan?",
            )
        if len(every) > MOST_VALUES:
            raise MediaError(
                f"{len(every)} different values are no labels", where=self.name, hint="a scan?"
            )
        return found

    def _check_floats(self, piece: NDArray[Any], floats: set[float]) -> int:
        finite = np.isfinite(piece)
        nans = int(piece.size - np.count_nonzero(finite))
        numbers = piece[finite] if nans else piece
        whole = np.rint(numbers)
        off = numbers != whole
        if off.any():
            bad = np.abs(numbers - whole) > TOLERANCE * np.maximum(1.0, np.abs(numbers))
            if bad.any():
                raise MediaError(
                    f"the value {float(numbers[bad].flat[0]):g} is no label",
                    where=self.name,
                    hint="probability maps are not label maps: choose a threshold first",
                )
            floats.update(float(v) for v in np.unique(numbers[off]))
            if len(floats) > MOST_VALUES:
                raise MediaError("fractions of too many sorts are no labels", where=self.name)
        return nans

    def _check_few(self, floats: set[float]) -> None:
        if len({round(v) for v in floats}) < len(floats):
            raise MediaError(
                f"different values near one whole number are no labels: {sorted(floats)[:4]}",
                where=self.name,
                hint="probability maps are not label maps: choose a threshold first",
            )
        self.warnings.append(
            f"non_integer_labels: {self.name} holds {min(floats):g} … {max(floats):g}, which are "
            "rounded; it was written through floating point"
        )

    def rle(self, k: int, value: int) -> Rle:
        """Return the run lengths of a value in ``array[:, :, k]``; rows are i, columns j.

        Those of all values of a slice are computed together and kept until another is asked for.
        """
        if self._runs is None or self._runs[0] != k:
            self._runs = k, masks.runs_by_value(self.slice(k))
        runs = self._runs[1].get(value)
        height, width = self.shape[:2]
        if runs is None:
            runs = np.array([height * width], np.int64)
        return Rle((height, width), masks.encode_counts(runs))


class NumberedMask(LazyVolume):
    """A mask of 0 and 1 whose voxels get a number.

    Args:
        base: The mask.
        number: What its voxels are.
    """

    def __init__(self, base: LazyVolume, number: int) -> None:
        self.base = base
        self.number = number
        self.shape = base.shape
        self.dtype = np.dtype(np.uint8 if number < 256 else np.int32)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return self._numbered(self.base[key])

    def _numbered(self, piece: NDArray[Any]) -> NDArray[Any]:
        numbered: NDArray[Any] = piece.astype(self.dtype) * self.dtype.type(self.number)
        return numbered

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``."""
        yield from map(self._numbered, self.base.slices())

    def blocks(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.blocks``."""
        yield from map(self._numbered, self.base.blocks())


def label_maps(base: LazyVolume, name: str) -> list[LazyVolume]:
    """Return the label maps that a file holds: itself, or of one with channels a mask for each.

    The voxels of the first channel's mask are 1, of the second's 2 and so on: masks of channels may
    overlap.

    Args:
        base: What is stored, (i, j, k) or (i, j, k, c).
        name: What messages call it.

    Raises:
        MediaError: Channels hold other values than 0 and 1.
    """
    if len(base.shape) != 4:
        return [base]
    found: list[LazyVolume] = []
    for channel in range(base.shape[3]):
        mask = LabelVolume(ChannelView(base, channel), f"{name}, channel {channel}")
        other = [value for value in mask.values() if value not in (0, 1)]
        if other:
            raise MediaError(
                f"a mask with channels has 0 and 1 in each, channel {channel} has {other[0]}",
                where=name,
                hint="split it into one file per channel",
            )
        found.append(NumberedMask(mask, channel + 1))
    return found


class SliceMask:
    """One value in one slice of a label volume, see ``dsk.rle.MaskSource``."""

    __slots__ = ("k", "labels", "value")

    def __init__(self, labels: LabelVolume, k: int, value: int) -> None:
        self.labels = labels
        self.k = k
        self.value = value

    def rle(self) -> Rle:
        """Return the run lengths.

        Raises:
            MediaError: The file is no longer there, or damaged.
        """
        return self.labels.rle(self.k, self.value)
