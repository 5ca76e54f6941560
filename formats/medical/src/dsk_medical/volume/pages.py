"""PNG and TIFF files as volumes: rows, columns, pages, and colours if there are any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from dsk.errors import LimitError, MediaError
from dsk.media import Media, Volume
from dsk.pixels import BAD_IMAGE, guard
from dsk_medical.volume.arrays import COLORS, LazyVolume, full_key

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PageVolume", "open_array", "volume_of"]

_MODES = {
    "1": ("u1", 0),
    "L": ("u1", 0),
    "P": ("u1", 0),
    "I;16": ("u2", 0),
    "I;16B": ("u2", 0),
    "I;16L": ("u2", 0),
    "I": ("i4", 0),
    "F": ("f4", 0),
    "RGB": ("u1", 3),
    "RGBA": ("u1", 4),
}
"""Type of the values and number of colours by Pillow's modes; of a palette the indices count."""


class PageVolume(LazyVolume):
    """The pages of a file, decoded when they are asked for.

    Args:
        media: The file.

    Raises:
        MediaError: It is no PNG or TIFF, damaged, or of a kind that is not read.
    """

    def __init__(self, media: Media) -> None:
        self.media = media
        with self._opened() as picture:
            self.mode = picture.mode
            if picture.mode not in _MODES:
                raise MediaError(
                    f"pictures of the mode {picture.mode} are not read", where=media.path
                )
            kind, colors = _MODES[picture.mode]
            pages = int(getattr(picture, "n_frames", 1))
            width, height = picture.size
        self.dtype = np.dtype(kind)
        self.shape = (height, width, pages, *((colors,) if colors else ()))

    @contextmanager
    def _opened(self) -> Iterator[PilImage.Image]:
        guard()
        where = self.media.path
        try:
            with (
                self.media.open() as file,
                PilImage.open(file, formats=("PNG", "TIFF")) as picture,
            ):
                yield picture
        except PilImage.DecompressionBombError as error:
            raise LimitError(str(error), where=where) from error
        except BAD_IMAGE as error:
            raise MediaError(f"no readable image: {error}", where=where) from error

    def _pages(self, numbers: Sequence[int]) -> Iterator[NDArray[Any]]:
        with self._opened() as picture:
            for number in numbers:
                picture.seek(number)
                pixels = np.asarray(picture)
                if pixels.shape != (*self.shape[:2], *self.shape[3:]) or picture.mode != self.mode:
                    raise MediaError(
                        f"page {number} is {picture.mode} {pixels.shape}, the first one "
                        f"{self.mode} {self.shape[:2]}",
                        where=self.media.path,
                    )
                yield pixels.astype(self.dtype, copy=False)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        wanted = full_key(key, self.shape)
        rest = (*wanted[:2], *wanted[3:])
        if not isinstance(wanted[2], slice):
            return next(self._pages([wanted[2]]))[rest]
        numbers = range(self.shape[2])[wanted[2]]
        whole = np.empty((*self.shape[:2], len(numbers), *self.shape[3:]), self.dtype)
        for n, page in enumerate(self._pages(numbers)):
            whole[:, :, n] = page
        return whole[(*wanted[:2], slice(None), *wanted[3:])]

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``; the file is opened once."""
        return self._pages(range(self.shape[2]))


def open_array(media: Media) -> LazyVolume:
    """Return the pages of a file, see ``arrays.OPENERS``; errors as ``PageVolume``."""
    return PageVolume(media)


def volume_of(array: PageVolume, media: Media) -> Volume:
    """Return the medium of an item for an opened file; how it lies in space is not known."""
    colors = COLORS[: array.shape[3]] if len(array.shape) > 3 else ()
    return Volume(
        media.path, media.source, None, array.shape, None, array.dtype.name, channels=colors
    )
