"""Objects of official files as columns, for targets that hold only their boxes."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from dsk.columns import BoxColumns
from dsk_coco.parse import NOT_CROWD
from dsk_coco.records import good_outlines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk_coco.records import Plain

__all__ = ["PlainRows"]


class PlainRows:
    """The columns of some records.

    Args:
        records: The records.
        labels: Label by category id.

    Raises:
        OverflowError: A number does not fit a column.
    """

    def __init__(self, records: Sequence[Plain], labels: Mapping[int | None, int | None]) -> None:
        count = len(records)
        self._boxes = np.fromiter(
            chain.from_iterable([r.bbox for r in records]), np.float64, 4 * count
        ).reshape(count, 4)
        self._ids = np.fromiter([r.id for r in records], np.int64, count)
        known = {category: -1 if label is None else label for category, label in labels.items()}
        self._labels = np.fromiter([known.get(r.category_id, -1) for r in records], np.int64, count)
        self._outlined = np.fromiter(
            good_outlines([r.segmentation for r in records]), np.bool_, count
        )
        self._fit = (self._labels >= 0) & self._outlined
        self._fit &= np.fromiter([r.iscrowd == 0 for r in records], np.bool_, count)
        for n in np.flatnonzero(~self._outlined & (self._labels >= 0)).tolist():
            r = records[n]
            _, _, w, h = r.bbox
            self._fit[n] = not r.iscrowd and bytes(r.segmentation) == b"[]" and r.area == w * h

    def whole(self, bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell of items, given by the bounds of their records, whether all of them fit columns."""
        misfits = np.concatenate([[0], np.cumsum(~self._fit)])
        none: NDArray[np.bool_] = misfits[bounds[1:]] == misfits[bounds[:-1]]
        return none

    def columns(
        self, items: list[DatasetItem], bounds: NDArray[np.int64], whole: NDArray[np.bool_]
    ) -> BoxColumns:
        """Return the records of the items that are ``whole``, beside all items."""
        counts = np.diff(bounds)
        kept = np.repeat(whole, counts)
        ends = np.cumsum(np.where(whole, counts, 0))
        return BoxColumns(
            items,
            [0, *ends.tolist()],
            self._boxes[kept],
            self._labels[kept],
            self._ids[kept],
            NOT_CROWD,
            self._outlined[kept],
        )
