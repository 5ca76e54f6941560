"""Plain boxes as columns: the short way from a source to an exporter that hold many of them.

A dataset's boxes are mostly plain: a label, an id and four numbers. A source that can tell so gives
a partition's items with those boxes as arrays, core fits them to the target in one step, and an
exporter that takes them writes them without an object for each. Items with anything else keep
their annotations, and whatever is asked for as an item comes out as one; so the long way, over
``Source.read``, writes the same bytes and reports the same losses.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Annotation, Bbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from dsk.item import DatasetItem

__all__ = ["BoxColumns", "RowCount"]


class BoxColumns(Struct):
    """A partition's items, those with nothing but plain boxes as rows of columns.

    A plain box has a label and shares its attributes with all others; it has no group, no
    ``object_id``, no ``z_order`` and no ``extra``.

    Attributes:
        items: The items in their order. One that has rows has no annotations of its own.
        bounds: The rows of item n are ``bounds[n]`` to ``bounds[n + 1]``.
        boxes: (rows, 4): x, y, width, height in pixels. Whole numbers are floats, too: a target
            that tells 1 from 1.0 takes no columns, unless its sources have none.
        labels: (rows,): indices of labels.
        ids: (rows,): ids, 0 for those without.
        attributes: What every row has.
        outlined: (rows,): which of them are the stated boxes of outlines; None if none is. Core
            counts them as converted and removes the mark.
        unread: Family and name of fields of every item that are not in its ``extra``, since the
            target keeps none of that family. Core counts them as lost.
    """

    items: list[DatasetItem]
    bounds: list[int]
    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]
    attributes: dict[str, Any]
    outlined: NDArray[np.bool_] | None = None
    unread: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_items(cls, items: list[DatasetItem]) -> BoxColumns:
        """Return items that all keep their annotations."""
        import numpy as np

        none = np.zeros(0, np.int64)
        return cls(items, [0] * (len(items) + 1), np.zeros((0, 4)), none, none, {})

    def __iter__(self) -> Iterator[DatasetItem]:
        """Yield whole items."""
        return (self.whole(number) for number in range(len(self.items)))

    def whole(self, number: int) -> DatasetItem:
        """Return one item with its rows as annotations."""
        item, start, stop = self.items[number], self.bounds[number], self.bounds[number + 1]
        if start == stop:
            return item
        rows = zip(
            self.boxes[start:stop].tolist(),
            self.labels[start:stop].tolist(),
            self.ids[start:stop].tolist(),
            strict=True,
        )
        boxes = [Bbox(*box, label=n, id=i, attributes=self.attributes) for box, n, i in rows]
        return item.replace(annotations=boxes)

    def outlines(self) -> NDArray[np.bool_]:
        """Return ``outlined``, also if none is."""
        import numpy as np

        return np.zeros(len(self.ids), np.bool_) if self.outlined is None else self.outlined

    def counts(self) -> list[int]:
        """Return how many rows each item has."""
        return [stop - start for start, stop in pairwise(self.bounds)]

    def unless(self, done: Iterable[Any]) -> Iterator[DatasetItem]:
        """Yield the items: as they are where ``done`` is not None, else whole."""
        for number, (item, text) in enumerate(zip(self.items, done, strict=True)):
            yield self.whole(number) if text is None else item


class RowCount(Struct):
    """Rows of columns that cause an event.

    Attributes:
        event: Its code and what it is about.
        cls: What the rows were.
        bounds: Those of item n are ``bounds[n]`` to ``bounds[n + 1]``.
        ids: Their ids.
    """

    event: tuple[str, str]
    cls: type[Annotation]
    bounds: list[int]
    ids: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        event: tuple[str, str],
        kind: type[Annotation],
        marks: NDArray[np.bool_],
        given: BoxColumns,
    ) -> RowCount:
        """Take the rows that are marked."""
        import numpy as np

        before = np.concatenate([[0], np.cumsum(marks)])
        return cls(event, kind, before[given.bounds].tolist(), given.ids[marks])
