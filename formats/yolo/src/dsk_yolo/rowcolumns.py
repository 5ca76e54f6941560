"""Label files that hold plain boxes only, read as columns for a partition at once.

Gives the same numbers, bit by bit, as ``dsk_yolo.rows`` gives row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["RowColumns"]

FIELDS = 5
_NUMERIC = b"0123456789+-.eE"
_LINE = b"    \n"
"""What is left of a row ``class x y w h`` without its numbers."""

_COMMAS = bytes.maketrans(b" \n", b",,")
_decode = msgspec.json.Decoder(list[float]).decode


class RowColumns:
    """The rows of some label files.

    Args:
        contents: Content of each file; None for one that is not there.
        sizes: (height, width) of each one's image, or None.
        ids: Label index by class id.

    Attributes:
        counts: How many rows each file has; 0 for those that are not ``usual``.
        usual: Whether all rows of a file are boxes of known classes inside of an image of known
            size. Nothing is known of the others here.
        boxes: (rows, 4): x, y, width, height in pixels.
        labels: (rows,): indices of labels.

    Raises:
        ValueError: A number is written in a way that JSON does not know.
    """

    def __init__(
        self,
        contents: Sequence[bytes | None],
        sizes: Sequence[tuple[int, int] | None],
        ids: Mapping[Any, int],
    ) -> None:
        counts = np.array(
            [
                _row_count(d) if size or not d else -1
                for d, size in zip(contents, sizes, strict=True)
            ]
        )
        regular = [d for d, n in zip(contents, counts.tolist(), strict=True) if d and n > 0]
        text = b"\n".join([d.removesuffix(b"\n") for d in regular]).translate(_COMMAS)
        numbers = _decode(b"[%b]" % text)
        values = np.fromiter(numbers, np.float64, len(numbers)).reshape(-1, FIELDS)
        classes, inverse = np.unique(values[:, 0], return_inverse=True)
        labels = np.array([ids.get(c, -1) for c in classes.tolist()], np.int64)[inverse]
        places = values[:, 1:]
        rows = np.maximum(counts, 0)
        odd = np.concatenate([[0], np.cumsum(~_inside(places) | (labels < 0))])
        ends = np.concatenate([[0], np.cumsum(rows)])
        self.usual = (counts >= 0) & (odd[ends[1:]] == odd[ends[:-1]])
        self.counts = np.where(self.usual, rows, 0)
        keep = np.repeat(self.usual, rows)
        shapes = np.array([size or (0, 0) for size in sizes], np.float64).reshape(-1, 2)
        scale = np.repeat(shapes[:, ::-1], rows, axis=0)[keep]
        # The same operations in the same order as for a single row give the same bits.
        extent = places[keep, 2:] * scale
        self.boxes = np.concatenate([places[keep, :2] * scale - extent / 2, extent], axis=1)
        self.labels: NDArray[np.int64] = labels[keep]


def _inside(places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which of (rows, 4) places lie in their image and have an extent."""
    # Three numbers tell it of most slices, in a third of the time.
    if len(places) and places.min() >= 0.0 and places.max() <= 1.0 and places[:, 2:].min() > 0.0:
        return np.ones(len(places), np.bool_)
    inside = ((places >= 0.0) & (places <= 1.0)).all(axis=1) & (places[:, 2:] > 0.0).all(axis=1)
    return np.asarray(inside, np.bool_)


def _row_count(data: bytes | None) -> int:
    """Return the number of rows of a file of nothing but boxes, or -1."""
    if not data:
        return 0
    shape = data.translate(None, _NUMERIC)
    if shape[-1:] != b"\n":
        shape += b"\n"
    count = len(shape) // len(_LINE)
    return count if shape == _LINE * count else -1
