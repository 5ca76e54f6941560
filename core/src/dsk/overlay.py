"""Masks of one size laid over one another: what is seen of each, and maps of it.

Nothing is looked up by pixel: what is seen is kept as pieces of columns, and a map is made from
where they begin and end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.contours import ranges, spans, split_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["Overlay", "layers", "topmost"]

_CHUNK = 1 << 22  # how many places are looked at at once, to bound memory
_CHANNELS = 4  # of colours that are handled as one number


class Overlay:
    """Masks over one another, later ones over earlier ones.

    Args:
        masks: Run lengths, each of this size.
        size: (height, width).

    Raises:
        ValueError: A mask has another size.
    """

    def __init__(self, masks: Sequence[NDArray[Any]], size: tuple[int, ...]) -> None:
        self.size = height, width = size
        for number, counts in enumerate(masks):
            if int(counts.sum()) != height * width:
                msg = f"mask {number} is not of the label map's size {size}"
                raise ValueError(msg)
        self._count = len(masks)
        starts, stops, owners = topmost(*layers(masks))
        self._columns, self._tops, self._bottoms, origin = split_columns(starts, stops, height)
        self._owners = owners[origin]

    def seen(self) -> Ints:
        """Return how many pixels of each mask are seen."""
        found = np.zeros(self._count, np.int64)
        np.add.at(found, self._owners, self._bottoms - self._tops)
        return found

    def drawn(self, table: NDArray[Any]) -> NDArray[Any]:
        """Return a map of what stands for each mask.

        Args:
            table: The integer of where no mask is and then that of each mask; or, as bytes of
                (masks + 1, 3 or 4), colours.

        Returns:
            (height, width) of the table's type, or (height, width, 3 or 4).
        """
        if table.ndim == 1:
            return self._drawn(table)
        # A colour is one number: that is many times as fast as byte by byte.
        colors = np.zeros((len(table), _CHANNELS), np.uint8)
        colors[:, : table.shape[1]] = table
        found = self._drawn(colors.view(np.uint32).reshape(-1))
        return found.view(np.uint8).reshape(*self.size, _CHANNELS)[..., : table.shape[1]]

    def _drawn(self, table: NDArray[Any]) -> NDArray[Any]:
        canvas = np.zeros(self.size, table.dtype)
        if len(self._columns):
            window, corners = self._window(canvas)
            _fill(window, *corners, (table[1:] - table[0])[self._owners])
        if table[0]:
            canvas += table[0]
        return canvas

    def _window(self, canvas: NDArray[Any]) -> tuple[NDArray[Any], tuple[Ints, Ints, Ints]]:
        """Return the part of a map that has masks, and the corners of the pieces in it."""
        x0, x1 = int(self._columns[0]), int(self._columns[-1]) + 1
        y0, y1 = int(self._tops.min()), int(self._bottoms.max())
        corners = self._columns - x0, self._tops - y0, self._bottoms - y0
        return canvas[y0:y1, x0:x1], corners


def _fill(
    canvas: NDArray[Any], columns: Ints, tops: Ints, bottoms: Ints, values: NDArray[Any]
) -> None:
    """Fill disjoint pieces of columns of an empty canvas.

    Where a value begins it is added, where it ends it is subtracted, and the rows are summed up
    from top to bottom. That is modular, so it is exact in every integer type.
    """
    if canvas.dtype == np.bool_:
        canvas, values = canvas.view(np.uint8), values.view(np.uint8)
    canvas[tops, columns] = values
    inside = bottoms < len(canvas)
    canvas[bottoms[inside], columns[inside]] -= values[inside]
    above = canvas[0]
    for row in canvas[1:]:  # np.add.accumulate over axis 0 is up to twenty times slower
        np.add(above, row, out=row)
        above = row


def layers(masks: Iterable[NDArray[Any]]) -> tuple[Ints, Ints, Ints]:
    """Return starts and stops of the pixels of all masks, and the number of the mask of each."""
    parts = [spans(counts) for counts in masks]
    if not parts:
        return (np.zeros(0, np.int64),) * 3
    sizes = [len(starts) for starts, _ in parts]
    starts = np.concatenate([starts for starts, _ in parts])
    stops = np.concatenate([stops for _, stops in parts])
    return starts, stops, np.repeat(np.arange(len(parts)), sizes)


def topmost(starts: Ints, stops: Ints, owners: Ints) -> tuple[Ints, Ints, Ints]:
    """Return spans in order without overlap; of overlapping ones the greatest owner stays."""
    order = np.argsort(starts, kind="stable")
    sorted_starts, sorted_stops = starts[order], stops[order]
    if not (sorted_starts[1:] < sorted_stops[:-1]).any():
        return sorted_starts, sorted_stops, owners[order]
    places = np.unique(np.concatenate([starts, stops]))
    begin, end = np.searchsorted(places, starts), np.searchsorted(places, stops)
    top = np.full(len(places) - 1, -1)
    lengths = end - begin
    reach = np.cumsum(lengths)
    done = 0
    while done < len(starts):
        base = int(reach[done - 1]) if done else 0
        stop = max(done + 1, int(np.searchsorted(reach, base + _CHUNK, side="right")))
        part = slice(done, stop)
        # Where an index is repeated numpy keeps the last value, that of the greatest owner.
        top[ranges(begin[part], lengths[part])] = np.repeat(owners[part], lengths[part])
        done = stop
    fresh = np.concatenate([[True], top[1:] != top[:-1]])
    firsts = np.flatnonzero(fresh)
    lasts = np.concatenate([firsts[1:], [len(top)]])
    shown = top[firsts] >= 0
    return places[firsts[shown]], places[lasts[shown]], top[firsts[shown]]
