"""What writers of landmarks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.annotations import Visibility
from dsk.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.annotations import Annotation, Points
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["LANDMARKS", "check_names", "drop", "five_points", "number", "relabelled"]

LANDMARKS = 10
"""Coordinates of five landmarks: eyes, nose, corners of the mouth."""


def check_names(names: Iterable[str], forbidden: str) -> None:
    """Refuse labels that cannot be written.

    Raises:
        OutputError: A name is empty, padded, or holds one of some characters.
    """
    for name in names:
        if not name or name != name.strip() or any(c in name for c in forbidden):
            raise OutputError(
                f"the label {name!r} cannot be written", hint="change it: -t remap_labels"
            )


def drop(a: Annotation, item: DatasetItem, ctx: WriteContext, what: str) -> None:
    """Report an annotation that the format's rules leave out."""
    ctx.ledger.add("DSK-L017", what, kind=a.kind, item=item.id, subset=item.subset, annotation=a.id)


def five_points(a: Points, item: DatasetItem, ctx: WriteContext) -> bool:
    """Tell whether an annotation is five landmarks; report what of it is lost."""
    if len(a.points) != LANDMARKS:
        drop(a, item, ctx, "landmarks other than five")
        return False
    if any(v != Visibility.VISIBLE for v in a.visibility):
        ctx.ledger.add("DSK-L005", "visibility", kind=a.kind, item=item.id, subset=item.subset)
    return True


def relabelled(a: Annotation, item: DatasetItem, ctx: WriteContext) -> None:
    """Report an annotation that takes the label of its image's folder."""
    what = f"{a.kind} takes the label of its image"
    ctx.ledger.add("DSK-L010", what, item=item.id, subset=item.subset, annotation=a.id)


def number(value: float) -> str:
    """Return a number's shortest text."""
    return str(int(value)) if value == int(value) else repr(float(value))
