"""Saving images where items of several subsets may have one id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import OutputError

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["save_image"]


def save_image(item: DatasetItem, name: str, ctx: WriteContext, hint: str) -> bool:
    """Write an item's image, see ``WriteContext.save_image``.

    Args:
        item: The item.
        name: Relative name of the file.
        ctx: Where to write.
        hint: What to do when another item has written this file.
    """
    try:
        return ctx.save_image(item, name)
    except OutputError as error:
        if isinstance(error.__cause__, FileExistsError):
            error.hint = hint
        raise
