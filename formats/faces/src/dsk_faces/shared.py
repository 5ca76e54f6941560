"""What writers of landmarks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk.annotations import Visibility
from dsk.names import fit_labels

if TYPE_CHECKING:
    import re

    from dsk.annotations import Annotation, Points
    from dsk.categories import Categories
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = [
    "LANDMARKS",
    "all_visible",
    "drop",
    "fit_categories",
    "five_points",
    "number",
    "relabelled",
]

LANDMARKS = 10
"""Coordinates of five landmarks: eyes, nose, corners of the mouth."""


def fit_categories(categories: Categories, bad: re.Pattern[str], ledger: Ledger) -> Categories:
    """Return categories whose labels have names that can be written; report those that change.

    Args:
        categories: The labels; a parent that is one of them changes with it.
        bad: See ``dsk.names.fitting``.
        ledger: For names that change.
    """
    names = categories.names
    fits = fit_labels(names, bad, ledger, hint="choose another name: -t remap_labels")
    renamed = dict(zip(names, fits, strict=True))
    return categories.with_labels(
        replace(label, name=fit, parent=renamed.get(label.parent, label.parent))
        for label, fit in zip(categories.labels, fits, strict=True)
    )


def drop(a: Annotation, item: DatasetItem, ctx: WriteContext, what: str) -> None:
    """Report an annotation that the format's rules leave out."""
    ctx.ledger.add_at("DSK-L017", what, item, a)


def five_points(a: Points, item: DatasetItem, ctx: WriteContext) -> bool:
    """Tell whether an annotation is five landmarks; report what of it is lost."""
    if len(a.points) != LANDMARKS:
        drop(a, item, ctx, "landmarks other than five")
        return False
    all_visible(a, item, ctx)
    return True


def all_visible(a: Points, item: DatasetItem, ctx: WriteContext) -> None:
    """Report the visibility of landmarks, unless all of them are visible."""
    if any(v != Visibility.VISIBLE for v in a.visibility):
        ctx.ledger.add("DSK-L005", "visibility", kind=a.kind, item=item.id, subset=item.subset)


def relabelled(a: Annotation, item: DatasetItem, ctx: WriteContext) -> None:
    """Report an annotation that takes the label of its image's folder."""
    what = f"{a.kind} takes the label of its image"
    ctx.ledger.add("DSK-L010", what, item=item.id, subset=item.subset, annotation=a.id)


def number(value: float) -> str:
    """Return a number's shortest text."""
    return str(value).removesuffix(".0")
