"""CVAT's run lengths: row by row within a box; the model's run column by column in the image."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from dsk import masks
from dsk.annotations import Rle

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_PIXELS", "CroppedMask", "crop_runs", "read_runs"]

MAX_PIXELS = 500_000_000


def read_runs(text: str, width: int, height: int) -> array[int]:
    """Return the run lengths of a box, checked.

    Args:
        text: Numbers with commas between them; the first one counts zeros.
        width: Of the box, in pixels.
        height: Of the box, in pixels.

    Raises:
        ValueError: They are no numbers, negative, or more than the box has pixels.
    """
    runs = list(map(int, text.split(","))) if text.strip() else []
    total = width * height
    if total > MAX_PIXELS or width < 0 or height < 0:
        raise ValueError(f"a box of {width} × {height} pixels")
    if runs and min(runs) < 0:
        raise ValueError("a run length is negative")
    covered = sum(runs)
    if covered > total:
        raise ValueError(f"the runs cover {covered} pixels, the box {width} × {height} has {total}")
    if covered < total:  # zeros at the end may be left out, but not every reader fills them in
        if len(runs) % 2:
            runs[-1] += total - covered
        else:
            runs.append(total - covered)
    return array("q", runs)


class CroppedMask:
    """A mask given by run lengths within a box, see ``dsk.rle.MaskSource``.

    Args:
        runs: Run lengths, row by row, zeros first; they cover the box.
        box: left, top, width, height in pixels.
        size: (height, width) of the image.
    """

    __slots__ = ("box", "runs", "size")

    def __init__(
        self, runs: array[int], box: tuple[int, int, int, int], size: tuple[int, int]
    ) -> None:
        self.runs = runs
        self.box = box
        self.size = size

    def covers(self) -> bool:
        """Tell whether the mask has any pixel."""
        return any(self.runs[1::2])

    def rle(self) -> Rle:
        """Return the run lengths in the image, column by column."""
        left, top, width, height = self.box
        rows, columns = self.size
        runs = np.array(self.runs)
        values = (np.arange(len(runs)) & 1).astype(np.uint8)
        flat = np.repeat(values, runs)
        crop = np.zeros((height, width), np.uint8)
        crop.reshape(-1)[: len(flat)] = flat
        # A row of zeros below keeps runs of neighbouring columns apart.
        padded = np.zeros((width, height + (height < rows)), np.uint8)
        padded[:, :height] = crop.T
        changes = np.flatnonzero(np.diff(padded.reshape(-1), prepend=0, append=0))
        column, row = np.divmod(changes, max(padded.shape[1], 1))
        places = (left + column) * rows + top + row
        counts = np.diff(places, prepend=0, append=rows * columns)
        return Rle(self.size, masks.encode_counts(counts))


def crop_runs(rle: Rle) -> tuple[tuple[int, int, int, int], Sequence[int]]:
    """Return the box (left, top, width, height) around a mask and its run lengths row by row.

    Raises:
        ValueError: The run lengths are malformed.
    """
    from dsk.rle import counts_of

    counts = counts_of(rle)
    height = rle.size[0]
    left, top, w, h = masks.bbox(counts, height)
    if not w or not h:
        return (0, 0, 0, 0), ()
    edges = np.cumsum(counts)
    starts, stops = edges[:-1:2], edges[1::2]
    # Column-major spans, cut at the borders of the box's columns, mark the crop's pixels.
    crop = np.zeros(w * height + 1, np.int8)
    np.add.at(crop, starts - left * height, 1)
    np.add.at(crop, stops[: len(starts)] - left * height, -1)
    filled = np.cumsum(crop[:-1], dtype=np.int8).reshape(w, height)[:, top : top + h].T.reshape(-1)
    changes = np.flatnonzero(np.diff(filled, prepend=0))
    runs = np.diff(changes, prepend=0, append=len(filled))
    return (left, top, w, h), runs.tolist()
