"""Listed images of which nothing is there: a list may speak of folders above those given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.names import stem_of
from dsk_yolo.paths import is_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_yolo.listing import Listing

__all__ = ["any_there", "tell_absent"]

_SAMPLES = 8


def any_there(root: InputRoot, listings: Sequence[Listing]) -> bool:
    """Whether an image or a label file of some images is there, by a few from all over."""
    for listing in listings:
        for number in range(0, len(listing.images), len(listing.images) // _SAMPLES + 1):
            if is_there(root, listing.images[number]) or root.is_file(listing.label(number)):
                return True
    return False


def tell_absent(root: InputRoot, listings: Sequence[Listing], ledger: Ledger) -> bool:
    """Warn if neither the images nor the label files of a subset are there; return whether so."""
    count = sum(len(listing.images) for listing in listings)
    if not count or any_there(root, listings) or _finds_one(root, listings):
        return False
    ledger.warn(
        f"{listings[0].subset}: no label file was found for {count} of {count} images, and the "
        f"listed images are not there; if they lie further up, give a folder above {root.path}"
    )
    return True


def _finds_one(root: InputRoot, listings: Sequence[Listing]) -> bool:
    """Look for every file, but at each folder only once."""
    for listing in listings:
        firsts: dict[str, int] = {}
        for number, image in enumerate(listing.images):
            firsts.setdefault(image.rpartition("/")[0], number)
        there = {}
        for folder, number in firsts.items():
            labels = listing.label(number).rpartition("/")[0]
            found = frozenset(root.entries(folder)[1]), frozenset(root.entries(labels)[1])
            if any(found):
                there[folder] = found
        for image in listing.images if there else ():
            folder, _, base = image.rpartition("/")
            images, texts = there.get(folder, (frozenset(), frozenset()))
            if base in images or f"{stem_of(base)}.txt" in texts:
                return True
    return False
