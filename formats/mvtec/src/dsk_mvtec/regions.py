"""Masks in files of black and white, and the boxes around their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk import masks
from dsk.contours import to_rings
from dsk.errors import InputError, RecordError
from dsk.pixels import decode_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.media import Image

__all__ = ["boxes_of", "read_mask"]

Box = tuple[int, int, int, int]
"""x, y, width, height in whole pixels."""


def read_mask(image: Image) -> tuple[NDArray[np.int64], tuple[int, int], int]:
    """Return the run lengths of all pixels of a file that are not black.

    Returns:
        The run lengths, (height, width), and the highest value of a pixel.

    Raises:
        RecordError: The file is no image.
    """
    try:
        pixels, _ = decode_labels(image)
    except InputError as error:
        raise RecordError(error.message, where=image.path) from error
    if pixels.ndim == 3:
        pixels = pixels[..., : 3 if pixels.shape[2] > 2 else 1].max(axis=2)
    size = (int(pixels.shape[0]), int(pixels.shape[1]))
    return masks.from_dense(pixels), size, int(pixels.max(initial=0))


def boxes_of(counts: NDArray[np.int64], size: tuple[int, int]) -> list[Box]:
    """Return the boxes around the parts of a mask; parts that touch at a corner are one.

    Args:
        counts: Run lengths.
        size: (height, width).
    """
    rings, holes = to_rings(counts, *size)
    outer = [ring for number, ring in enumerate(rings) if number not in holes]
    owner = list(range(len(outer)))

    def first(number: int) -> int:
        while owner[number] != number:
            number = owner[number]
        return number

    corners: dict[tuple[float, float], int] = {}
    for number, ring in enumerate(outer):
        for corner in zip(ring[::2], ring[1::2], strict=True):
            other = corners.setdefault(corner, number)
            a, b = sorted((first(other), first(number)))
            owner[b] = a
    found: dict[int, tuple[float, float, float, float]] = {}
    for number, ring in enumerate(outer):
        place = first(number)
        own = (min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2]))
        known = found.get(place, own)
        found[place] = (
            min(own[0], known[0]),
            min(own[1], known[1]),
            max(own[2], known[2]),
            max(own[3], known[3]),
        )
    return [(int(x), int(y), int(r - x), int(b - y)) for x, y, r, b in found.values()]
