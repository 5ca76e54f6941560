"""What formats of one label per image have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["first_label"]


def first_label(item: DatasetItem, ctx: WriteContext) -> int | None:
    """Return an item's first label; further ones are lost, and the report says so."""
    annotations = item.annotations
    if not annotations:
        return None
    for a in annotations[1:]:
        ctx.ledger.add_at(
            "DSK-L017",
            "further labels of an image",
            item,
            a,
            hint="imagenet_txt holds several labels",
        )
    return annotations[0].label
