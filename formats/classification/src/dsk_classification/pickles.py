"""The pickles of CIFAR."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsk.errors import InputError
from dsk.pickles import load, text_of

__all__ = ["load_dict", "load_pixels"]

MAX_BYTES = 4 << 30
"""CIFAR-100's largest file has 155 MB."""

_COLOURS = 3


def load_dict(data: bytes, where: str) -> dict[str, Any]:
    """Return a pickled dict with text keys; arrays of objects are lists.

    Args:
        data: The pickle.
        where: The file, for messages.

    Raises:
        InputError: It is damaged, names anything but arrays, or holds something else.
        LimitError: It is too large.
    """
    value = load(data, where, what="a CIFAR batch", limit=MAX_BYTES, encoding="bytes")
    if not isinstance(value, dict):
        raise InputError(f"a dict is expected, not {type(value).__name__}", where=where)
    try:
        return {text_of(key): found for key, found in value.items()}
    except ValueError as error:
        raise InputError(f"no CIFAR pickle: {error}", where=where) from error


def load_pixels(value: Any) -> NDArray[np.uint8] | list[Any] | None:
    """Return an array of rows, or a list of rows and None; None for no rows at all.

    Raises:
        TypeError: It holds something else.
        ValueError: It holds numbers that are no pixels.
    """
    if value is None or len(value) == 0:
        return None
    if isinstance(value, np.ndarray):
        return _bytes(_planes(value, 1))
    if not isinstance(value, list):
        raise TypeError(f"data are rows of an array, not {type(value).__name__}")
    return [None if row is None else _bytes(_planes(np.asarray(row), 0)) for row in value]


def _planes(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return an array of which each image is red, green and blue planes.

    Args:
        array: Flat rows of planes; or images that are none, with colours on their first or last
            axis, as re-packed sets have them.
        axis: Where images begin.
    """
    if array.ndim <= axis + 1 or array.shape[axis] == _COLOURS:
        return array
    if array.shape[-1] == _COLOURS:
        return np.moveaxis(array, -1, axis)
    raise ValueError(f"data are rows of red, green and blue planes, not of shape {array.shape}")


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "iuf" or (array.size and not 0 <= array.min() <= array.max() <= 255):
        raise ValueError(f"pixels are 0 to 255, not of type {array.dtype}")
    pixels = array.astype(np.uint8)
    if array.dtype.kind == "f" and not np.array_equal(pixels, array):
        raise ValueError("pixels are whole numbers from 0 to 255")
    return pixels
