"""What the algorithm "gradient" of near-duplicate removal sees of an image."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Features = NDArray[np.int16]

__all__ = ["LEAST", "LENGTH", "SIDE", "features", "hashes_of", "similarities"]

SIDE = 64
"""Side of the images that are looked at, in pixels."""

_GRID = 8
_SCALE = 1 << 14
_FLAT = 2
"""Grey levels between neighbouring parts up to which an image shows nothing."""

LEAST = 0.5 ** (1 / 50)
"""Similarity from which on images are duplicates: Datumaro's threshold, about 0.986."""

LENGTH = _GRID * _GRID * 12
"""Numbers in a feature: along two axes the gradients of mean and deviation of three colours."""


def features(images: NDArray[np.uint8]) -> Features:
    """Return the gradients between the parts of images, as vectors of one length.

    Each image is parted into 8 × 8 blocks; of each the mean and the standard deviation of the
    colours is taken, and of these the differences between the blocks on either side. So neither
    brightness nor contrast count. Of images that show nothing the colour counts instead. Whole
    numbers make sums exact: all machines find the same.

    Args:
        images: (n, 64, 64, 3) RGB.

    Returns:
        (n, ``LENGTH``), each row of the Euclidean length 2¹⁴ but for rounding.
    """
    count, step = len(images), SIDE // _GRID
    blocks = images.reshape(count, _GRID, step, _GRID, step, 3).astype(np.int64)
    total, squares = blocks.sum(axis=(2, 4)), (blocks * blocks).sum(axis=(2, 4))
    pixels = step * step
    deviation = np.sqrt((squares * pixels - total * total).astype(np.float64))
    facts = np.concatenate([total.astype(np.float64), deviation], axis=-1)
    # Zeros around the image would be gradients too, larger than all others, and alike for all.
    padded = np.pad(facts, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    x = padded[:, 1:-1, :-2] - padded[:, 1:-1, 2:]
    y = padded[:, :-2, 1:-1] - padded[:, 2:, 1:-1]
    vectors = np.concatenate([x, y], axis=-1).reshape(count, LENGTH)
    flat = np.flatnonzero(np.abs(vectors).max(axis=1) <= _FLAT * pixels)
    vectors[flat] = 0.0
    vectors[flat, _color_number(images[flat])] = 1.0
    length = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    found: Features = np.rint(vectors / length * _SCALE).astype(np.int16)
    return found


def _color_number(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return a number below 512 for the mean colour of each image."""
    means = images.astype(np.int64).sum(axis=(1, 2)) // (SIDE * SIDE)
    found: NDArray[np.int64] = (means // 32) @ np.array([64, 8, 1])
    return found


@functools.cache
def _planes() -> NDArray[np.float64]:
    """Return 64 random planes through the origin, by their normals.

    Whole numbers of many values: with ones and minus ones alone, regular patterns would lie in
    many of the planes, where noise decides on the side.
    """
    drawn = np.random.PCG64(0x6E6472).random_raw(LENGTH * 16).astype("<u8")
    return drawn.view("<i2").reshape(LENGTH, 64).astype(np.float64)


def hashes_of(vectors: Features) -> NDArray[np.uint64]:
    """Return a bit for each of 64 planes: on which side a vector lies.

    Two vectors differ in a bit with a probability of their angle / π (Charikar 2002).
    """
    bits = vectors.astype(np.float64) @ _planes() >= 0
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).reshape(-1)


def similarities(one: Features, others: Features) -> NDArray[np.float64]:
    """Return the cosines of the angles between a vector and others."""
    found: NDArray[np.float64] = others.astype(np.float64) @ one.astype(np.float64) / _SCALE**2
    return found
