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
    """The texts of all rows, made in one go.

    Args:
        given: The boxes; their labels are in the label map.
        writer: For the XML text.
    """

    def __init__(self, given: BoxColumns, writer: ObjectWriter) -> None:
        self._given = given
        labels, first, counts = np.unique(given.labels, return_index=True, return_counts=True)
        texts = {label: writer.text(label, given.attributes) for label in labels.tolist()}
        templates = {label: text.template for label, text in texts.items()}
        boxes = given.boxes
        corners = zip(
            (boxes[:, 0] + writer.shift).tolist(),
            (boxes[:, 1] + writer.shift).tolist(),
            (boxes[:, 0] + boxes[:, 2]).tolist(),
            (boxes[:, 1] + boxes[:, 3]).tolist(),
            strict=True,
        )
        self._lines = [*map(mod, map(templates.__getitem__, given.labels.tolist()), corners)]
        self._lost: dict[int, list[tuple[Text, int, int]]] = {}
        owners = np.searchsorted(given.bounds, first, side="right") - 1
        for at in np.argsort(first).tolist():
            found = texts[int(labels[at])]
            if found.lost:
                entry = (found, int(counts[at]), int(given.ids[first[at]]))
                self._lost.setdefault(int(owners[at]), []).append(entry)

    def lines(self, number: int) -> list[str]:
        """Return the texts of an item's objects."""
        return self._lines[self._given.bounds[number] : self._given.bounds[number + 1]]

    def lost(self, number: int) -> list[tuple[Text, int, int]]:
        """Return texts that lose something and occur in this item first.

        Each comes with the number of objects of the whole partition that it stands for, and the id
        of the first one.
        """
        return self._lost.get(number, [])
