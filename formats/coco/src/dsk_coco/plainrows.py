"""Objects of official files as columns, for targets that hold only their boxes."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Struct

from dsk.columns import BoxColumns
from dsk.jsonerrors import UNDECODABLE
from dsk_coco.parse import NOT_CROWD
from dsk_coco.records import decode_floats, good_outlines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk_coco.records import Plain

__all__ = ["Gathered", "PlainRows", "whole_items"]


class PlainRows(Struct):
    """The columns of some records.

    Attributes:
        boxes: (n, 4): x, y, width, height in pixels.
        ids: (n,).
        categories: (n,): ids of categories.
        outlined: (n,): which have an outline.
        fit: (n,): which are plain boxes or outlines, if their categories are known.
    """

    boxes: NDArray[np.float64]
    ids: NDArray[np.int64]
    categories: NDArray[np.int64]
    outlined: NDArray[np.bool_]
    fit: NDArray[np.bool_]

    @classmethod
    def of(cls, records: Sequence[Plain]) -> PlainRows:
        """Take the columns of records.

        Raises:
            OverflowError: A number does not fit a column.
        """
        count = len(records)
        numbers = chain.from_iterable([r.bbox for r in records])
        outlined = good_outlines([r.segmentation for r in records])
        fit = outlined & np.fromiter([r.iscrowd == 0 for r in records], np.bool_, count)
        for n in np.flatnonzero(~outlined).tolist():
            r = records[n]
            _, _, w, h = r.bbox
            fit[n] = not r.iscrowd and bytes(r.segmentation) == b"[]" and r.area == w * h
        return cls(
            np.fromiter(numbers, np.float64, 4 * count).reshape(count, 4),
            np.fromiter([r.id for r in records], np.int64, count),
            np.fromiter([r.category_id for r in records], np.int64, count),
            outlined,
            fit,
        )

    def rows(self, rows: NDArray[np.signedinteger[Any]]) -> PlainRows:
        """Return the columns of some records."""
        return PlainRows(*(column[rows] for column in msgspec.structs.astuple(self)))

    def labels(self, index: Mapping[int | None, int | None]) -> NDArray[np.int64]:
        """Return labels, -1 for those without; ``index`` has them by id of category."""
        known = sorted((c, n) for c, n in index.items() if c is not None and n is not None)
        if not known:
            return np.full(len(self.ids), -1, np.int64)
        ids, labels = np.array(known, np.int64).T
        at = np.minimum(np.searchsorted(ids, self.categories), len(ids) - 1)
        return np.where(ids[at] == self.categories, labels[at], -1)

    def columns(
        self,
        items: list[DatasetItem],
        bounds: NDArray[np.int64],
        whole: NDArray[np.bool_],
        labels: NDArray[np.int64],
    ) -> BoxColumns:
        """Return the records of the items that are ``whole``, beside all items.

        Args:
            items: All items.
            bounds: The records of item n are ``bounds[n]`` to ``bounds[n + 1]``.
            whole: Which items have only records that are boxes here.
            labels: See there.
        """
        counts = np.diff(bounds)
        kept = np.repeat(whole, counts)
        ends = np.cumsum(np.where(whole, counts, 0))
        return BoxColumns(
            items,
            [0, *ends.tolist()],
            self.boxes[kept],
            labels[kept],
            self.ids[kept],
            NOT_CROWD,
            self.outlined[kept],
        )


def whole_items(fit: NDArray[np.bool_], bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of items, given by the bounds of their records, whether all of them are fit."""
    misfits = np.concatenate([[0], np.cumsum(~fit)])
    none: NDArray[np.bool_] = misfits[bounds[1:]] == misfits[bounds[:-1]]
    return none


class Gathered:
    """The columns of a file's records, kept while it is indexed: each is decoded once then.

    Args:
        size: Length of the file, from which the number of records is guessed. What is set aside
            takes no memory before it is used, and joining parts would take it twice.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._columns: list[NDArray[Any]] = []
        self._count = 0

    def take(self, text: bytes, count: int) -> Sequence[Plain] | None:
        """See ``jsonindex.Gatherer``; it keeps objects as official files have them."""
        try:
            records = decode_floats(text)
            if len(records) == count:
                self._keep(msgspec.structs.astuple(PlainRows.of(records)), len(text))
                return records
        except (*UNDECODABLE, OverflowError):
            pass
        self._columns.clear()
        return None

    def _keep(self, columns: Sequence[NDArray[Any]], length: int) -> None:
        start, stop = self._count, self._count + len(columns[0])
        if not self._columns:
            room = 1 + stop * self._size // max(length, 1)
            self._columns = [np.empty((room, *c.shape[1:]), c.dtype) for c in columns]
        for n, column in enumerate(columns):
            if stop > len(self._columns[n]):
                more = np.empty((stop // 4 + stop, *column.shape[1:]), column.dtype)
                more[:start] = self._columns[n][:start]
                self._columns[n] = more
            self._columns[n][start:stop] = column
        self._count = stop

    def rows(self, count: int) -> PlainRows | None:
        """Return the columns, None if they are not those of all of a file's records."""
        if not self._columns or self._count != count:
            return None
        return PlainRows(*(column[:count] for column in self._columns))
