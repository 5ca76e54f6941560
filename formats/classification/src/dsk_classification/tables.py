"""What writers of MNIST's formats have in common: columns of labels, ids and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from dsk.names import NO_LINE, fit_labels
from dsk_classification.pixels import gray_of, load
from dsk_classification.single import first_label

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from dsk.categories import Categories
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["Rows", "add", "joined", "labels_text", "meta_rows"]

_NO_SIZE = (0, 0)


class Rows(Struct):
    """A partition's items of one subset: ids, labels, and sizes of images."""

    ids: list[str] = field(default_factory=list)
    labels: list[int | None] = field(default_factory=list)
    sizes: list[tuple[int, int] | None] = field(default_factory=list)


def add(rows: Rows, item: DatasetItem, ctx: WriteContext) -> NDArray[np.uint8] | None:
    """Add an item and return its image, (height, width), or None."""
    rows.ids.append(item.id)
    rows.labels.append(first_label(item, ctx))
    pixels = load(item, ctx)
    if pixels is None:
        rows.sizes.append(None)
        return None
    gray = gray_of(pixels, item, ctx)
    rows.sizes.append((gray.shape[0], gray.shape[1]))
    return gray


def joined(states: Iterable[dict[str, Rows]]) -> dict[str, Rows]:
    """Join the partitions' rows by subset."""
    subsets: dict[str, Rows] = {}
    for state in states:
        for name, part in state.items():
            rows = subsets.setdefault(name, Rows())
            rows.ids += part.ids
            rows.labels += part.labels
            rows.sizes += part.sizes
    return subsets


def meta_rows(rows: Rows, side: int) -> list[list[str]]:
    """Return what the table of ids and sizes must say: nothing, id, sizes, or all three.

    Args:
        rows: The items.
        side: Height and width that need not be said.
    """
    ids = any(item != str(number) for number, item in enumerate(rows.ids))
    usual = (side, side)
    known = any(rows.sizes)
    sizes = known and any(size != usual for size in rows.sizes)
    if not ids and not sizes:
        return []
    table = []
    for item, size in zip(rows.ids, rows.sizes, strict=True):
        row = [item] if ids else []
        if sizes:
            row += [str(n) for n in size or _NO_SIZE]
        table.append(row)
    return table


def labels_text(categories: Categories, ledger: Ledger) -> bytes:
    """Return a file of label names, one a line; names that are no line change."""
    return "".join(f"{name}\n" for name in fit_labels(categories.names, NO_LINE, ledger)).encode()
