"""Images that look alike: a perceptual hash, and groups by its distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dsk.errors import OptionError
from dsk_transforms.sampling.hamming import BITS, components
from dsk_transforms.sampling.thumbnails import batches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk_transforms.sampling.thumbnails import OnBad

__all__ = ["ImageHashes", "hash_images", "image_hashes", "near_duplicate_groups"]

SIDE = 32
"""Side of the images that are hashed, in pixels."""

_LOW = 8
_SCALE = 1 << 12
_PARTS = 4
_NOISE = 16
"""What rounding and compression leave of a frequency that is not there, in summed grey levels;
rounding alone has a standard deviation of 5."""


class ImageHashes(NamedTuple):
    """The hashes of the images of some items.

    Attributes:
        values: (n,) 64-bit hashes; 0 where there is none.
        there: (n,) whether there is one.
    """

    values: NDArray[np.uint64]
    there: NDArray[np.bool_]


def near_duplicate_groups(items: Iterable[DatasetItem], *, threshold: int) -> list[int]:
    """Group items by what their images look like.

    Near-duplicates are put in one group, and so are theirs; so no image of one group looks like
    one of another.

    Args:
        items: The items; one at a time is looked at.
        threshold: Bits of 64 in which the hashes of near-duplicates may differ. 0 finds copies in
            other file formats, 4 also compressed and resized ones; above 10 other images come in.

    Returns:
        A group number per item, in the order given; groups are numbered as they come. An item
        whose image is missing or damaged, or that shows no image, has a group of its own.

    Raises:
        OptionError: The threshold is not in 0 … 64.
    """
    if not 0 <= threshold <= BITS:
        raise OptionError(f"threshold is from 0 to {BITS} bits, not {threshold}")
    hashes = hash_images(items)
    first = np.arange(len(hashes.values))
    places = np.flatnonzero(hashes.there)
    first[places] = places[components(hashes.values[places], threshold)]
    # ``first`` names the first of each group, so sorting by it numbers groups as they come.
    _, numbers = np.unique(first, return_inverse=True)
    found: list[int] = numbers.reshape(-1).tolist()
    return found


def hash_images(items: Iterable[DatasetItem], on_bad: OnBad | None = None) -> ImageHashes:
    """Hash the images of items; only some hundred small versions are held.

    Args:
        items: The items.
        on_bad: Is told of damaged images.
    """
    values: list[NDArray[np.uint64]] = []
    there: list[bool] = []
    for images, seen in batches(items, SIDE, "L", on_bad):
        values.append(image_hashes(images))
        there += seen
    found = np.array(there, bool)
    hashes = np.concatenate(values) if values else np.zeros(0, np.uint64)
    return ImageHashes(np.where(found, hashes, np.uint64(0)), found)


def _cosines() -> NDArray[np.float64]:
    """Return the lowest rows of the DCT-II, as whole numbers.

    Sums of whole numbers below 2⁵³ are exact whatever the order, so every machine finds the same
    bits, in symmetric images too.
    """
    frequency, place = np.mgrid[:_LOW, :SIDE]
    rows: NDArray[np.float64] = np.cos(np.pi * frequency * (2 * place + 1) / (2 * SIDE))
    return np.rint(rows * _SCALE)


def image_hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the perceptual hashes (pHash) of small images.

    A bit tells whether one of the 8 × 8 lowest frequencies of the image is above their median
    (Krawetz, "Looks Like It", 2011; the same as ImageHash's ``phash``). Of plain surfaces, ramps
    and the like most frequencies are nothing but noise, which says nothing or takes them all for
    one; for these the bits are the grey levels of 4 × 4 parts.

    Args:
        images: (n, 32, 32) luminance.
    """
    rows = _cosines()
    low = (rows @ images.astype(np.float64) @ rows.T).reshape(len(images), _LOW * _LOW)
    bits = low > np.median(low, axis=1, keepdims=True)
    values = _as_numbers(np.packbits(bits, axis=1))
    plain = np.flatnonzero(np.median(np.abs(low), axis=1) <= _NOISE * _SCALE**2)
    values[plain] = _shades(images[plain])
    return values


def _shades(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the mean grey of 4 × 4 parts, 4 bits each, in Gray code: next levels differ in one."""
    count, step = len(images), SIDE // _PARTS
    parts = images.reshape(count, _PARTS, step, _PARTS, step).astype(np.int64)
    levels = parts.sum(axis=(2, 4)).reshape(count, _PARTS * _PARTS) // (16 * step * step)
    coded = (levels ^ (levels >> 1)).astype(np.uint8)
    return _as_numbers(coded[:, ::2] << 4 | coded[:, 1::2])


def _as_numbers(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(rows).view(">u8").astype(np.uint64).reshape(-1)
