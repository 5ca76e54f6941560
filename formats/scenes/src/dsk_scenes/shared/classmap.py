"""Writing class masks: the label of every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import OutputError
from dsk.labelmaps import encode_map
from dsk_scenes.shared.painting import labelled, paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.annotations import Mask
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_scenes.shared.target import Target

__all__ = ["ClassMaps"]


class ClassMaps:
    """Makes the class masks of items.

    Args:
        target: The labels.
        colors: Whether pixels have the labels' colours; otherwise they are labels.
    """

    def __init__(self, target: Target, *, colors: bool) -> None:
        self._target = target
        self._colors = colors
        count = len(target.entries)
        if not colors and count > 256:
            raise OutputError(
                f"a grey class mask can name 256 labels, there are {count}",
                hint="leave apply_colormap on",
            )
        table = [entry.color or (0, 0, 0) for entry in target.entries]
        self._table = np.array(table, np.uint8).reshape(-1, 3)

    def __call__(self, item: DatasetItem, found: Sequence[Mask], ledger: Ledger) -> bytes | None:
        """Return the file of an item, or None when it has no masks."""
        painted = paint(item, labelled(item, found, self._target, ledger), ledger)
        if painted is None:
            return None
        if self._colors:
            return encode_map(painted.drawn(self._table[painted.values]))
        return encode_map(painted.drawn(painted.values.astype(np.uint8)))
