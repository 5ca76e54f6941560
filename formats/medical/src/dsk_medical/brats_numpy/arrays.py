"""Arrays in .npy files, read where they lie."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsk import npy
from dsk.errors import MediaError
from dsk_medical.volume.arrays import FileArray, TransposedVolume
from dsk_medical.volume.reader import DAMAGE, ByteReader

if TYPE_CHECKING:
    from dsk.media import Media

__all__ = ["npy_header", "open_npy"]

_MAX_HEADER = 10000


class _NpyVolume(TransposedVolume):
    """An array in a file, which is let go of after a pass."""

    base: FileArray

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``."""
        try:
            yield from super().slices()
        finally:
            self.base.reader.close()

    def planes(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.planes``."""
        try:
            yield from super().planes()
        finally:
            self.base.reader.close()


def open_npy(media: Media, axes: int) -> TransposedVolume:
    """Return a case's array with the axes (X2, X1, X0[, C]): Datumaro's frames lie along X0.

    A single channel has no axis of its own.

    Args:
        media: The file, (1, C, X0, X1, X2) or (1, X0, X1, X2).
        axes: How many axes it must have, 5 or 4.

    Raises:
        MediaError: It is no array of numbers of this shape, or ends early.
    """
    name = media.path or str(media.source)
    reader = ByteReader(media.source, name)
    try:
        shape, fortran, dtype, offset = _read_header(media, name)
        if len(shape) != axes or shape[0] != 1 or not math.prod(shape):
            raise MediaError(
                f"the array has the shape {shape}",
                where=name,
                hint="(1, C, X0, X1, X2) is expected of data, (1, X0, X1, X2) of labels",
            )
        if dtype.kind not in "biuf":
            raise MediaError(f"an array of numbers is expected, not of {dtype}", where=name)
        reader.check_length(offset + math.prod(shape) * dtype.itemsize)
    finally:
        reader.close()
    base = FileArray(reader, shape, dtype, offset, order="F" if fortran else "C")
    return _NpyVolume(base, 2 if axes == 5 and shape[1] == 1 else 1)


def _read_header(media: Media, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    try:
        with media.open() as file:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, fortran, dtype = read(file, max_header_size=_MAX_HEADER)
            offset = file.tell()
    except (*DAMAGE, *npy.DAMAGE, KeyError) as error:
        text = str(error).partition("\n")[0]
        raise MediaError(f"no readable .npy file: {text}", where=name) from error
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise MediaError(f"the array has the shape {shape}", where=name)
    return tuple(shape), bool(fortran), dtype, offset


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the beginning of a .npy file with an array in C order."""
    import io

    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out,
        {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": shape,
        },
    )
    return out.getvalue()
