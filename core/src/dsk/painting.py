"""Masks that are painted into one map: which can be, and what the others hide of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.masks import area
from dsk.rle import counts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dsk.annotations import Mask
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Ints = NDArray[np.int64]

__all__ = ["drawable", "report_background", "report_covered"]


def drawable(mask: Mask, size: tuple[int, int] | None = None) -> tuple[Ints, tuple[int, int]]:
    """Return the run lengths of a mask that is to be drawn into a map, and its size.

    Args:
        mask: The mask.
        size: (height, width) of the map; None: the mask's own.

    Raises:
        ValueError: It is malformed, empty, or not of the map's size; the message says so in words
            for the ledger (DSK-L018).
    """
    try:
        rle = mask.rle
        counts = counts_of(rle)
    except ValueError as error:
        msg = f"mask: {error}"
        raise ValueError(msg) from error
    if not counts[1::2].any():
        msg = "empty mask"
        raise ValueError(msg)
    if size is not None and rle.size != size:
        msg = "mask of another size than the map of its image"
        raise ValueError(msg)
    return counts, rle.size


def report_covered(mask: Mask, counts: Ints, seen: int, item: DatasetItem, ledger: Ledger) -> None:
    """Report a mask that others cover, wholly or in part.

    Args:
        mask: The mask.
        counts: Its run lengths.
        seen: How many of its pixels are seen.
        item: Its item.
        ledger: Where it is reported.
    """
    if not seen:
        ledger.add_at("DSK-L017", "mask covered by others", item, mask)
    elif seen != area(counts):
        ledger.add_at("DSK-L006", "mask covered in part by another one", item, mask)


def report_background(
    masks: Iterable[Mask],
    seen: Sequence[int],
    size: tuple[int, int],
    item: DatasetItem,
    ledger: Ledger,
) -> None:
    """Report masks of a background that takes in what no mask covers.

    Args:
        masks: The masks whose value is that of pixels of no mask.
        seen: How many pixels are seen of each mask, also of others.
        size: (height, width) of the map.
        item: Their item.
        ledger: Where they are reported.
    """
    if sum(seen) < size[0] * size[1]:
        for mask in masks:
            ledger.add_at("DSK-L007", "background, which is all that no mask covers", item, mask)
