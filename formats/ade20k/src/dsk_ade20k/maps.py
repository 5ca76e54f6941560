"""The maps of ADE20K: red and green say the class of a pixel, blue the object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk import masks
from dsk.annotations import Rle
from dsk.errors import RecordError
from dsk.pixels import decode_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dsk.media import Image

__all__ = ["HIDDEN", "SceneMap", "ValueMask", "classes", "grey", "objects"]

HIDDEN = 128
"""Value of the pixels of an object that others cover; those that are seen have 255."""


def classes(image: Image) -> NDArray[np.int32]:
    """Return the class number of every pixel (from 1; 0 where there is none).

    Raises:
        ValueError: The file has no three channels.
    """
    pixels = _rgb(image)
    found: NDArray[np.int32] = (pixels[..., 0] // 10).astype(np.int32) * 256 + pixels[..., 1]
    return found


def objects(image: Image) -> NDArray[np.uint16]:
    """Return the object number of every pixel: the rank of its blue among the map's.

    The lowest blue is the background's, 0, whether there is such a pixel or not.

    Raises:
        ValueError: The file has no three channels.
    """
    blue = _rgb(image)[..., 2]
    seen = np.zeros(256, np.bool_)
    seen[blue] = True
    seen[0] = True
    ranks = np.cumsum(seen).astype(np.uint16) - 1
    found: NDArray[np.uint16] = ranks[blue]
    return found


def _rgb(image: Image) -> NDArray[Any]:
    pixels, colors = decode_labels(image)
    if colors is not None:
        shown: NDArray[np.uint8] = colors[np.minimum(pixels, len(colors) - 1)]
        return shown
    if pixels.ndim != 3 or pixels.shape[2] < 3:
        raise ValueError("a map has three channels, this one has not")
    return pixels


def grey(image: Image) -> NDArray[Any]:
    """Return the values of an object's own file, one channel.

    Raises:
        ValueError: They are no whole numbers.
    """
    pixels, _ = decode_labels(image)
    if pixels.dtype.kind not in "iu":
        raise ValueError(f"it holds {pixels.dtype} where each pixel should be a whole number")
    return pixels[..., 0] if pixels.ndim == 3 else pixels


class SceneMap:
    """One map of an item, decoded once while the item is being read; see ``dsk.rle``.

    Run lengths are held, not pixels: an image may have a file for each of hundreds of objects.

    Args:
        image: The file.
        read: Gives the values of its pixels.
    """

    __slots__ = ("_image", "_read", "_runs", "size")

    def __init__(self, image: Image, read: Callable[[Image], NDArray[Any]]) -> None:
        self._image = image
        self._read = read
        self._runs: dict[int, NDArray[np.int64]] | None = None
        self.size = (0, 0)

    def __getstate__(self) -> tuple[Image, Callable[[Image], NDArray[Any]]]:
        return self._image, self._read

    def __setstate__(self, state: tuple[Image, Callable[[Image], NDArray[Any]]]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def _decoded(self) -> dict[int, NDArray[np.int64]]:
        pixels = self._read(self._image)
        self.size = (int(pixels.shape[0]), int(pixels.shape[1]))
        return masks.runs_by_value(pixels)

    def values(self) -> frozenset[int]:
        """Return the values that occur.

        Raises:
            ValueError: The file is no map.
            InputError: It is missing or damaged.
        """
        self._runs = self._decoded()
        return frozenset(self._runs)

    def forget(self) -> None:
        """Let go of what was decoded."""
        self._runs = None

    def runs(self, wanted: frozenset[int]) -> Rle:
        """Return the run lengths of the pixels that have one of some values."""
        if self._runs is None:
            try:
                self._runs = self._decoded()
            except ValueError as error:
                raise RecordError(str(error), where=self._image.path) from error
        found = [self._runs[value] for value in sorted(wanted) if value in self._runs]
        if not found:
            total = self.size[0] * self.size[1]
            return Rle(self.size, masks.encode_counts(np.array([total], np.int64)))
        counts = found[0] if len(found) == 1 else masks.union(found)
        return Rle(self.size, masks.encode_counts(counts))


class ValueMask:
    """The pixels of a map that have one of some values, see ``dsk.rle.MaskSource``."""

    __slots__ = ("_map", "_values")

    def __init__(self, scene_map: SceneMap, *values: int) -> None:
        self._map = scene_map
        self._values = frozenset(values)

    def rle(self) -> Rle:
        """Return the run lengths.

        Raises:
            InputError: The file is no longer there.
        """
        return self._map.runs(self._values)
