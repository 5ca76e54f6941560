"""Where images and masks are written: a mask names its image, but not the subset of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.staging import FRAGMENTS
from dsk_mvtec.layout import ENDING, TRUTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.output import WriteContext

__all__ = ["STAGE", "Place", "publish"]

STAGE = f"{FRAGMENTS}/masks"
"""Where masks wait until the names of all images are known."""

Name = tuple[str, str]
"""A category's folder with a slash, or "", and an image's name below the subset."""


class Place(Struct, array_like=True):
    """An image that was written.

    Attributes:
        category: The folder of its category with a slash, or "".
        subset: Its subset.
        name: Its name below the subset, without ending.
        ext: Its ending.
        staged: Where its mask waits, or "".
        labelled: Whether its folder is its label.
    """

    category: str
    subset: str
    name: str
    ext: str
    staged: str
    labelled: bool


def publish(places: Sequence[Place], ctx: WriteContext) -> None:
    """Put masks in their places; images that could not be found again get names of their own."""
    first = _with_categories(places)
    categories = {category for category, _ in first}
    joined = _joined(places) if len(categories) > 1 and "" in categories else first
    names = _apart(places, joined)
    alone = len(categories) == 1 and "" not in categories
    masked: dict[str, bool] = {}
    for place, old, beside, new in zip(places, first, joined, names, strict=True):
        if alone:
            _tell("item id, which loses the one category", place, ctx)
        if beside != old:
            _tell("item id, which begins with its label now", place, ctx)
        if new != beside:
            _tell("item id, which another image has", place, ctx)
        category, name = new
        if not place.labelled and "/" in name:
            _tell("item without a label whose folder is read as one", place, ctx)
        if new != (place.category, place.name):
            written = f"{place.category}{place.subset}/{place.name}{place.ext}"
            ctx.out.move(written, f"{category}{place.subset}/{name}{place.ext}")
        if place.staged:
            ctx.out.move(place.staged, f"{category}{TRUTH}/{name}{ENDING}.png")
        masked[category] = masked.get(category, False) or bool(place.staged)
    for category, known in (masked or {"": False}).items():
        if not known:
            # Without this folder nobody takes it for what it is; archives lose empty ones.
            ctx.write(f"{category}{TRUTH}/readme.txt", b"Masks of defects; there are none.\n")


def _with_categories(places: Sequence[Place]) -> list[Name]:
    """Return names with categories, which images without a label have if others do."""
    known = {place.category for place in places if place.category}
    names = []
    for place in places:
        head, _, rest = place.name.partition("/")
        inside = not place.labelled and rest and f"{head}/" in known
        names.append((f"{head}/", rest) if inside else (place.category, place.name))
    return names


def _joined(places: Sequence[Place]) -> list[Name]:
    """Return names without categories: there are none beside images of no category."""
    taken = {(place.subset, place.name) for place in places if not place.category}
    names = []
    for place in places:
        name = place.name
        if place.category:
            label, _, rest = name.partition("/")
            name = _free(place.subset, f"{label}/{place.category}{rest}", taken)
        names.append(("", name))
    return names


def _apart(places: Sequence[Place], names: Sequence[Name]) -> list[Name]:
    """Return names that no image has in common with one that has a mask, or is of its subset.

    Of images of one name the first that has a mask keeps it.
    """
    owners: dict[Name, int] = {}
    for number, (place, known) in enumerate(zip(places, names, strict=True)):
        if place.staged:
            owners.setdefault(known, number)
    taken = set(names)
    found = []
    kept: set[tuple[str, Name]] = set()
    for number, (place, known) in enumerate(zip(places, names, strict=True)):
        category, name = known
        if owners.get(known, number) != number or (place.subset, known) in kept:
            name = _free(category, f"{name}_{place.subset}", taken)
        else:
            kept.add((place.subset, known))
        found.append((category, name))
    return found


def _free(group: str, base: str, taken: set[Name]) -> str:
    """Return a name that is not taken in a group, and take it."""
    name, number = base, 2
    while (group, name) in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add((group, name))
    return name


def _tell(what: str, place: Place, ctx: WriteContext) -> None:
    ctx.ledger.add("DSK-L008", what, item=place.category + place.name, subset=place.subset)
