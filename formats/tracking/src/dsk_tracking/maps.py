"""Label maps read on demand: 16-bit PNG, a pixel is 1000 x class + track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk import masks
from dsk.annotations import Rle
from dsk.errors import InputError, RecordError
from dsk.pixels import decode_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.media import Image

__all__ = ["MapFile", "ValueMask"]

_NARROW = 256


class MapFile:
    """One map; it is decoded once while its item is read, and again only if pixels are wanted.

    Args:
        image: The file.
    """

    __slots__ = ("_image", "_map", "_runs", "_size")

    def __init__(self, image: Image) -> None:
        self._image = image
        self._map: NDArray[np.uint16] | None = None
        self._runs: dict[int, bytes] | None = None
        self._size = (0, 0)

    def values(self) -> list[int]:
        """Return the values that occur, without 0.

        Raises:
            RecordError: The file is no map.
        """
        found = self._map = self._load()
        counts = np.bincount(found.ravel())
        values: list[int] = np.flatnonzero(counts).tolist()
        if found.dtype.itemsize == 1 and values not in ([], [0]):
            raise RecordError(
                "the mask has 8 bits a pixel, its classes are lost",
                where=self._image.path,
                hint="16-bit PNG files are needed",
            )
        return [value for value in values if value]

    def _load(self) -> NDArray[np.uint16]:
        try:
            pixels, _ = decode_labels(self._image)
        except InputError as error:
            raise RecordError(error.message, where=self._image.path) from error
        if pixels.ndim != 2:
            raise RecordError("the mask is no grey image", where=self._image.path)
        self._size = (int(pixels.shape[0]), int(pixels.shape[1]))
        if pixels.dtype.itemsize > 2:
            if int(pixels.min()) < 0 or int(pixels.max()) > 0xFFFF:
                raise RecordError("the mask has values beyond 16 bits", where=self._image.path)
            pixels = pixels.astype(np.uint16)
        return pixels

    def forget(self) -> None:
        """Let go of decoded pixels."""
        self._map = None

    def rle(self, value: int) -> Rle:
        """Return the run lengths of one value; those of all are computed together and kept."""
        if self._runs is None:
            found = self._map if self._map is not None else self._load()
            runs = masks.runs_by_value(found, ignore=(0,))
            packed = masks.encode_counts_many(list(runs.values()))
            self._runs = dict(zip(runs, packed, strict=True))
            self._map = None
        if value not in self._runs:
            raise RecordError("the mask changed since it was read", where=self._image.path)
        return Rle(self._size, self._runs[value])


class ValueMask:
    """One value of a map, see ``dsk.rle.MaskSource``."""

    __slots__ = ("_file", "_value")

    def __init__(self, file: MapFile, value: int) -> None:
        self._file = file
        self._value = value

    def rle(self) -> Rle:
        """Return the run lengths.

        Raises:
            InputError: The file is no longer there.
        """
        return self._file.rle(self._value)
