"""Objects of a whole partition as text, from boxes that are columns."""

from __future__ import annotations

from operator import mod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dsk.columns import BoxColumns
    from dsk_voc.writing import ObjectWriter, Text

__all__ = ["ObjectTexts"]


class ObjectTexts:
    """Makes the texts of rows, item by item: what is written at once stays in the caches.

    Args:
        given: The boxes; their labels are in the label map.
        writer: For the XML text.
    """

    def __init__(self, given: BoxColumns, writer: ObjectWriter) -> None:
        self._given = given
        labels, first, counts = np.unique(given.labels, return_index=True, return_counts=True)
        texts = {label: writer.text(label, given.attributes) for label in labels.tolist()}
        self._templates = [texts[label].template for label in given.labels.tolist()]
        corners = np.concatenate(
            [given.boxes[:, :2] + writer.shift, given.boxes[:, :2] + given.boxes[:, 2:]], axis=1
        )
        self._corners = [*map(tuple, corners.tolist())]
        self._lost: dict[int, list[tuple[Text, int, int]]] = {}
        owners = np.searchsorted(given.bounds, first, side="right") - 1
        for at in np.argsort(first).tolist():
            found = texts[int(labels[at])]
            if found.lost:
                entry = (found, int(counts[at]), int(given.ids[first[at]]))
                self._lost.setdefault(int(owners[at]), []).append(entry)

    def lines(self, number: int) -> list[str]:
        """Return the texts of an item's objects."""
        rows = slice(self._given.bounds[number], self._given.bounds[number + 1])
        return [*map(mod, self._templates[rows], self._corners[rows])]

    def lost(self, number: int) -> list[tuple[Text, int, int]]:
        """Return texts that lose something and occur in this item first.

        Each comes with the number of objects of the whole partition that it stands for, and the id
        of the first one.
        """
        return self._lost.get(number, [])
