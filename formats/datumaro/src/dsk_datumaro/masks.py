"""Checking the run lengths of many masks at once, without decoding them one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsk_datumaro.parse import ItemIn

__all__ = ["bad_masks", "totals"]


def totals(compressed: Sequence[bytes]) -> NDArray[np.int64]:
    """Return the number of pixels each compressed string of run lengths covers; -1 if damaged.

    From the fourth run on, a string holds differences to the run before the last one, so that a
    stored number counts once for its run and once for every second run after it.
    """
    if not compressed:
        return np.zeros(0, np.int64)
    sizes = np.array([len(text) for text in compressed], np.int64)
    codes = np.frombuffer(b"".join(compressed), np.uint8).astype(np.int64) - 48
    owner = np.repeat(np.arange(len(sizes)), sizes)
    damaged = np.zeros(len(sizes), bool)
    damaged[owner[(codes < 0) | (codes > 63)]] = True
    ends = np.cumsum(sizes)
    some = sizes > 0
    damaged[some] |= (codes[ends[some] - 1] & 0x20) != 0
    last = np.flatnonzero((codes & 0x20) == 0)
    result = np.zeros(len(sizes), np.int64)
    if len(last):
        first = np.concatenate([[0], last[:-1] + 1])
        place = np.arange(last[-1] + 1) - np.repeat(first, last - first + 1)
        digits = (codes[: last[-1] + 1] & 0x1F) << np.minimum(5 * place, 60)
        values = np.add.reduceat(digits, first)
        shift = np.minimum(5 * (last - first + 1), 60)
        values -= ((codes[last] & 0x10) != 0) * (np.int64(1) << shift)
        of = owner[first]
        count = np.bincount(of, minlength=len(sizes))
        begin = np.concatenate([[0], np.cumsum(count)[:-1]])
        number = np.arange(len(first)) - begin[of]
        weight = np.where(number == 0, 1, (count[of] - 1 - number) // 2 + 1)
        np.add.at(result, of, values * weight)
    result[damaged] = -1
    return result


def bad_masks(items: Sequence[ItemIn | None]) -> dict[int, set[int]]:
    """Find masks whose run lengths do not fill their size.

    Returns:
        Numbers of bad annotations by the position of their item.
    """
    places: list[tuple[int, int]] = []
    texts: list[bytes] = []
    pixels: list[int] = []
    bad: dict[int, set[int]] = {}
    for position, item in enumerate(items):
        if item is None:
            continue
        for number, a in enumerate(item.annotations or ()):
            rle = a.rle
            if rle is None:
                continue
            if isinstance(rle.counts, str):
                places.append((position, number))
                texts.append(rle.counts.encode("ascii", "replace"))
                pixels.append(rle.size[0] * rle.size[1])
            elif sum(rle.counts) != rle.size[0] * rle.size[1] or min(rle.counts, default=0) < 0:
                bad.setdefault(position, set()).add(number)
    for (position, number), total, size in zip(places, totals(texts).tolist(), pixels, strict=True):
        if total != size:
            bad.setdefault(position, set()).add(number)
    return bad
