"""Rows of boxes as text, for all items of a partition at once.

Says the same, byte for byte, as ``dsk_yolo.encode`` says box by box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.media import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsk.columns import BoxColumns
    from dsk.item import DatasetItem

__all__ = ["box_texts"]

DIGITS = 6
_ONE = 10**DIGITS
_THREE = np.frombuffer(b"".join(b"%03d" % n for n in range(1000)), np.uint8).reshape(1000, 3)
_SPLITTER = float(2**27 + 1)  # Veltkamp's constant: halves of 26 bits, whose products are exact
_NUMBER = len(" 0.000000")


def box_texts(given: BoxColumns, classes: Sequence[int | None]) -> list[bytes | memoryview | None]:
    """Return the label file of each item whose rows are boxes inside of its image.

    Args:
        given: The items and their boxes.
        classes: Class id by label index; None for labels that are no classes.

    Returns:
        A text for each item that has rows and a known image size, if they are usual; else None.
    """
    counts = np.array(given.counts(), np.int64)
    sizes = np.array([_size(item) for item in given.items], np.float64).reshape(-1, 2)
    rows = np.repeat(sizes, counts, axis=0)
    ids = np.array([-1 if c is None else c for c in classes] or [-1], np.int64)[given.labels]
    with np.errstate(invalid="ignore", divide="ignore"):
        extent = given.boxes[:, 2:] / rows
        # The same operations in the same order as for a single box give the same bits.
        values = np.concatenate([given.boxes[:, :2] / rows + extent / 2, extent], axis=1)
        usual = ((values >= 0.0) & (values <= 1.0)).all(axis=1) & (ids >= 0)
    odd = np.concatenate([[0], np.cumsum(~usual)])
    bounds = np.array(given.bounds)
    done = (counts > 0) & (odd[bounds[1:]] == odd[bounds[:-1]])
    keep = np.repeat(done, counts)
    text, lengths = _rows(ids[keep], values[keep])
    ends = np.concatenate([[0], np.cumsum(lengths)])
    at = np.concatenate([[0], np.cumsum(np.where(done, counts, 0))])
    cuts = ends[at].tolist()
    return [text[cuts[n] : cuts[n + 1]] if good else None for n, good in enumerate(done.tolist())]


def _size(item: DatasetItem) -> tuple[int, int]:
    """Return (width, height), or zeros when they are not known without a look at the image."""
    size = item.media.size if isinstance(item.media, Image) else None
    return size[::-1] if size is not None else (0, 0)


def _rows(
    classes: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[memoryview, NDArray[np.int64]]:
    """Return ``class x y w h`` lines of values from 0 to 1, and how long each is."""
    count = len(classes)
    width = len(str(int(classes.max(initial=0))))
    out = np.empty((count, width + 4 * _NUMBER + 1), np.uint8)
    keep = np.ones(out.shape, np.bool_)
    for place in range(width):
        power = 10 ** (width - 1 - place)
        out[:, place] = classes // power % 10 + ord("0")
        if power > 1:
            keep[:, place] = classes >= power
    whole, part = np.divmod(_micros(values), _ONE)
    high, low = np.divmod(part, 1000)
    numbers = out[:, width:-1].reshape(count, 4, _NUMBER)
    numbers[..., 0], numbers[..., 2] = ord(" "), ord(".")
    numbers[..., 1] = whole + ord("0")
    numbers[..., 3:6], numbers[..., 6:] = _THREE[high], _THREE[low]
    out[:, -1] = ord("\n")
    return memoryview(out[keep].tobytes()), keep.sum(axis=1)


def _micros(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return values from 0 to 1 in millionths, rounded as ``%.6f`` rounds: by their exact value.

    The product of a value and a million may be rounded to just a half, while the exact one lies a
    little beside it; what rounding cut off (T. J. Dekker, 1971) tells on which side.
    """
    product = values * _ONE
    scaled = values * _SPLITTER
    high = scaled - (scaled - values)
    cut_off = (high * _ONE - product) + (values - high) * _ONE
    floor = np.floor(product)
    above, odd = product - floor, floor % 2 == 1
    up = (above > 0.5) | ((above == 0.5) & ((cut_off > 0) | ((cut_off == 0) & odd)))
    micros: NDArray[np.int64] = (floor + up).astype(np.int64)
    return micros
