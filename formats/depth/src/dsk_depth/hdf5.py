"""HDF5 files of one image and its depth map."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import h5py  # type: ignore[import-untyped]
import numpy as np
from msgspec import Struct

from dsk.errors import LimitError, MediaError
from dsk.media import ArchiveMember, MediaElement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dsk.files import Located

    Location = str | ArchiveMember | Located

__all__ = ["DEPTH", "RGB", "Stored", "encode", "inspect"]

RGB, DEPTH = "rgb", "depth"
_PIXELS = 100_000_000
"""Images with more pixels are refused: no camera has them, bombs do."""

_DAMAGED = (OSError, KeyError, ValueError, RuntimeError, TypeError, OverflowError, MemoryError)
"""What h5py raises for damaged files."""


class Stored(Struct, frozen=True):
    """One of the two arrays of a file as a ``Media.source``: a function that reads it.

    Attributes:
        location: Where the file is, as ``Media.source``.
        name: The array.
    """

    location: Any
    name: str

    def __call__(self) -> NDArray[Any]:
        """Return (height, width, 3) uint8 in RGB order, or (height, width) metres.

        Raises:
            MediaError: The file is missing or damaged.
        """
        with _opened(self.location) as (file, where):
            stored = _array(file, self.name, where)
            array: NDArray[Any] = stored[()]
        return _bytes(array.transpose(1, 2, 0)) if self.name == RGB else array


def _bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return pixels as bytes; some files hold the same numbers, 0 to 255, as floats."""
    if pixels.dtype != np.uint8:
        pixels = np.clip(np.rint(np.nan_to_num(pixels)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels)


def inspect(location: Location) -> tuple[tuple[int, int], bool]:
    """Return (height, width) of a file's image, and whether there is a depth map.

    Raises:
        MediaError: It is missing or damaged, or holds something else.
        LimitError: The image is too large to be one.
    """
    with _opened(location) as (file, where):
        _, height, width = _array(file, RGB, where).shape
        if DEPTH not in file:
            return (height, width), False
        depth = _array(file, DEPTH, where)
        if depth.shape != (height, width):
            raise MediaError(
                f"depth has shape {depth.shape}, the image is {height}×{width}", where=where
            )
        return (height, width), True


def encode(rgb: NDArray[np.uint8], depth: NDArray[Any] | None) -> bytes:
    """Return the content of a file.

    Args:
        rgb: (height, width, 3).
        depth: (height, width), metres.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="earliest", track_order=False) as file:
        for name, array in ((RGB, np.ascontiguousarray(rgb.transpose(2, 0, 1))), (DEPTH, depth)):
            if array is not None:
                file.create_dataset(name, data=array, track_times=False)
    return buffer.getvalue()


@contextmanager
def _opened(location: Location) -> Iterator[tuple[h5py.File, str]]:
    """Open a file, and turn what h5py raises inside into ``MediaError``."""
    where = _show(location)
    medium = MediaElement(where, location)
    source: BinaryIO
    if isinstance(location, ArchiveMember):  # read whole: HDF5 jumps to and fro
        source = io.BytesIO(medium.read_bytes())
    else:
        source = medium.open()
    try:
        with source, h5py.File(source, "r") as file:
            yield file, where
    except (MediaError, LimitError):
        raise
    except _DAMAGED as error:
        text = str(error) or type(error).__name__
        raise MediaError(f"no readable HDF5 file: {text}", where=where) from error


def _array(file: h5py.File, name: str, where: str) -> h5py.Dataset:
    """Return one of the arrays after looking whether it is what it should be.

    Links to other files and arrays that lie in other files are refused.
    """
    link = file.get(name, getlink=True)
    if link is None:
        raise MediaError(f"there is no {name} in the file", where=where)
    if not isinstance(link, h5py.HardLink):
        raise MediaError(f"{name} is a link", where=where)
    stored = file[name]
    if not isinstance(stored, h5py.Dataset) or stored.external or stored.is_virtual:
        raise MediaError(f"{name} is no array in the file itself", where=where)
    shape: tuple[int, ...] = stored.shape or ()
    fits = len(shape) == 3 and shape[0] == 3 if name == RGB else len(shape) == 2
    if not fits or 0 in shape or stored.dtype.kind not in "fiu":
        raise MediaError(f"{name} is {stored.dtype} {shape}", where=where)
    if shape[-1] * shape[-2] > _PIXELS:
        raise LimitError(f"{name} has {shape[-1]}×{shape[-2]} pixels", where=where)
    return stored


def _show(location: Location) -> str:
    if isinstance(location, ArchiveMember):
        return f"{location.archive}/{location.name}"
    return str(location)
