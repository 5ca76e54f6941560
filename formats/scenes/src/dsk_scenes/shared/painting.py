"""Painting an item's masks into one map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from dsk import masks
from dsk.overlay import Overlay
from dsk.painting import drawable, report_background, report_covered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.annotations import Mask
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_scenes.shared.target import Target

__all__ = ["Painted", "labelled", "leave_bare", "paint"]


class Painted(Struct):
    """Masks painted over one another.

    Attributes:
        overlay: What is seen of each layer.
        values: (layers + 1,): the value of each layer, behind that of none, 0.
    """

    overlay: Overlay
    values: NDArray[np.int64]

    def drawn(self, table: NDArray[Any]) -> NDArray[Any]:
        """Return a map of what stands for each of ``values``; see ``Overlay.drawn``."""
        return self.overlay.drawn(table)


class _Layer(Struct):
    """Pixels of one value on their way into the map."""

    value: int
    found: list[Mask]
    counts: list[NDArray[np.int64]]


def labelled(
    item: DatasetItem, found: Sequence[Mask], target: Target, ledger: Ledger
) -> list[tuple[Mask, int]]:
    """Return masks with the new index of their label; those without one are reported."""
    kept = []
    for mask in found:
        label = target.index[mask.label] if mask.label is not None else None
        if label is None:
            ledger.add_at("DSK-L017", "mask whose label is not in the label map", item, mask)
        else:
            kept.append((mask, label))
    return kept


def leave_bare(item: DatasetItem, ledger: Ledger) -> None:
    """Report an item of which no file was written: neither its image nor a map."""
    ledger.add_at("DSK-L008", "item without image and masks", item)


def paint(item: DatasetItem, found: Sequence[tuple[Mask, int]], ledger: Ledger) -> Painted | None:
    """Paint masks, higher ``z_order`` over lower; those of one value become one area.

    Args:
        item: The item, for reports.
        found: Masks and the value of each.
        ledger: For masks that are not painted, hidden, joined or, of the background, larger.

    Returns:
        What is seen; None when nothing could be painted.
    """
    layers, size = _layers(item, found, ledger)
    if not layers:
        return None
    merged = [c[0] if len(c) == 1 else masks.union(c) for c in (x.counts for x in layers)]
    overlay = Overlay(merged, size)
    seen = overlay.seen().tolist()
    visible: dict[int, int] = {}
    for layer, counts, shown in zip(layers, merged, seen, strict=True):
        for mask in layer.found:
            report_covered(mask, counts, shown, item, ledger)
        if shown:
            visible[layer.value] = visible.get(layer.value, 0) + len(layer.found)
    joined = sum(visible.values()) - len(visible)
    if joined:
        ledger.add(
            "DSK-L014",
            "masks of one class",
            kind="mask",
            count=joined,
            item=item.id,
            subset=item.subset,
        )
    background = (mask for layer in layers if not layer.value for mask in layer.found)
    report_background(background, seen, size, item, ledger)
    values = np.array([0, *(layer.value for layer in layers)], np.int64)
    return Painted(overlay, values)


def _layers(
    item: DatasetItem, found: Sequence[tuple[Mask, int]], ledger: Ledger
) -> tuple[list[_Layer], tuple[int, int]]:
    layers: list[_Layer] = []
    size: tuple[int, int] | None = None
    for mask, value in sorted(found, key=lambda pair: pair[0].z_order):
        try:
            counts, size = drawable(mask, size)
        except ValueError as error:
            ledger.add_at("DSK-L018", str(error), item, mask)
            continue
        if layers and layers[-1].value == value:
            layers[-1].found.append(mask)
            layers[-1].counts.append(counts)
        else:
            layers.append(_Layer(value, [mask], [counts]))
    return layers, size or (0, 0)
