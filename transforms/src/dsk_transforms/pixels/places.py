"""Where pixels and coordinates of an image go when it is scaled, cut, mirrored or turned.

The pixel in column x and row y covers [x, x+1] × [y, y+1]; the image begins at x = 0 with the left
edge of its first pixels and ends at x = width. So mirroring an image takes x to width - x, and
scaling it multiplies by new width / old width.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk import masks
from dsk.annotations import Rle
from dsk.rle import counts_of, rle_of
from dsk_transforms.pixels.pictures import Turned, nearest
from dsk_transforms.pixels.runs import gather, transposed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Box
    from dsk.rle import MaskSource

__all__ = ["MovedMask", "Place"]


class Place(Struct, frozen=True):
    """A map of coordinates: ``x' = ax·u + bx``, ``y' = ay·v + by`` with (u, v) = (x, y) or (y, x).

    Attributes:
        old: (height, width) of the image before.
        new: (height, width) of the image after.
        swap: Whether x and y are exchanged first.
        ax: Factor of x'.
        bx: Offset of x' in pixels.
        ay: Factor of y'.
        by: Offset of y' in pixels.
    """

    old: tuple[int, int]
    new: tuple[int, int]
    swap: bool = False
    ax: float = 1.0
    bx: float = 0.0
    ay: float = 1.0
    by: float = 0.0

    @classmethod
    def scaling(cls, old: tuple[int, int], new: tuple[int, int]) -> Place:
        """Return the map of scaling an image."""
        return cls(old, new, ax=new[1] / old[1], ay=new[0] / old[0])

    @classmethod
    def turning(cls, old: tuple[int, int], work: Turned) -> Place:
        """Return the map of mirroring or turning an image."""
        height, width = new = old[::-1] if work.swap else old
        return cls(
            old,
            new,
            work.swap,
            -1.0 if work.left_right else 1.0,
            float(width) if work.left_right else 0.0,
            -1.0 if work.up_down else 1.0,
            float(height) if work.up_down else 0.0,
        )

    @classmethod
    def cutting(cls, old: tuple[int, int], box: tuple[int, int, int, int]) -> Place:
        """Return the map of cutting a window (x, y, width, height) out of an image."""
        x, y, width, height = box
        return cls(old, (height, width), bx=float(-x), by=float(-y))

    @property
    def factor(self) -> float:
        """By how much areas grow."""
        return abs(self.ax * self.ay)

    @property
    def mirrors(self) -> bool:
        """Whether a picture becomes its mirror image."""
        return (self.ax * self.ay < 0) != self.swap

    def lists(self, flats: Sequence[Sequence[float]]) -> list[list[float]]:
        """Map flat lists ``[x1, y1, …]``, all in one go.

        Raises:
            ValueError: One holds an odd number of values, or something else than numbers.
        """
        sizes = [len(flat) for flat in flats]
        if any(size % 2 for size in sizes):
            msg = "a flat list of x, y pairs holds an odd number of values"
            raise ValueError(msg)
        try:
            values = np.fromiter(chain.from_iterable(flats), np.float64, sum(sizes))
        except TypeError as error:
            msg = "coordinates are a flat list of numbers"
            raise ValueError(msg) from error
        moved = self.array(values.reshape(-1, 2)).reshape(-1).tolist()
        lists, begin = [], 0
        for size in sizes:
            lists.append(moved[begin : begin + size])
            begin += size
        return lists

    def array(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points, (n, 2)."""
        if self.swap:
            points = points[:, ::-1]
        moved: NDArray[np.float64] = points * (self.ax, self.ay) + (self.bx, self.by)
        return moved

    def box(self, box: Box) -> Box:
        """Map a box (x, y, w, h)."""
        x, y, w, h = box
        if self.swap:
            x, y, w, h = y, x, h, w
        x, y, w, h = self.ax * x + self.bx, self.ay * y + self.by, self.ax * w, self.ay * h
        return (x + w if w < 0 else x, y + h if h < 0 else y, abs(w), abs(h))

    def angle(self, degrees: float) -> float:
        """Map the angle of a box, so that the side that was its top stays its top."""
        base = (270.0 if self.ax > 0 else 90.0) if self.swap else (0.0 if self.ay > 0 else 180.0)
        if base or self.mirrors:
            return (base - degrees if self.mirrors else base + degrees) % 360.0
        return degrees

    def rle(self, rle: Rle) -> Rle:
        """Map a mask, each pixel of the result taking the one in which its middle lies.

        Raises:
            ValueError: The mask is malformed, or not of the image's size.
        """
        if tuple(rle.size) != self.old:
            msg = f"a mask of {rle.size[1]} × {rle.size[0]} on an image of another size"
            raise ValueError(msg)
        return Rle(self.new, masks.encode_counts(self.counts(counts_of(rle))))

    def counts(self, counts: NDArray[Any]) -> NDArray[np.int64]:
        """Map run lengths of a mask of the image's size."""
        height, width = self.old
        if self.swap:
            counts = transposed(counts, height, width)
            height, width = width, height
        rows = self._sources(height, self.new[0], self.ay, self.by)
        return gather(counts, height, rows, self._sources(width, self.new[1], self.ax, self.bx))

    @staticmethod
    def _sources(old: int, new: int, factor: float, offset: float) -> NDArray[np.int64]:
        if factor < 0:
            return np.arange(old)[::-1]
        if factor == 1 and new <= old:
            first = round(-offset)
            return np.arange(first, first + new)
        return nearest(old, new)


class MovedMask(Struct, frozen=True):
    """A mask that follows its image, computed when it is asked for; a ``MaskSource``.

    Attributes:
        source: The mask as it was, see ``Mask.source``.
        place: Where its image went.
    """

    source: Any
    place: Place

    def rle(self) -> Rle:
        """Map the mask; errors as ``Place.rle``."""
        source: Rle | MaskSource = self.source
        return self.place.rle(rle_of(source))
