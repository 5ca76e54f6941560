"""Datasets that no configuration file describes: folders of images, rows, maybe class names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import InputError
from dsk.media import is_image_name
from dsk.names import stem_of
from dsk_yolo.config import read_names_file
from dsk_yolo.listing import Listing, keep_sized, label_files, make_unique
from dsk_yolo.paths import IMAGE_FOLDERS, LABEL_FOLDERS, SPLIT_KEYS, is_class_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_yolo.listing import Sizes

__all__ = ["Loose", "Place", "find_loose", "list_loose"]

NO_SUBSETS = frozenset({"data", "obj"})
"""Folders of images that name no subset: FiftyOne's and darknet's."""


class Place(Struct):
    """Where images and their rows are.

    Attributes:
        subset: The subset; "" if the folders in ``images`` name it.
        images: Folder of the images.
        labels: Folder of the label files; None if they lie beside the images.
    """

    subset: str
    images: str
    labels: str | None


class Loose(Struct):
    """A loose dataset.

    Attributes:
        home: The folder that holds all of it.
        names: Files of class names, all of which must say the same.
        places: Its folders.
    """

    home: str
    names: list[str]
    places: list[Place]


def find_loose(root: InputRoot, home: str = "") -> Loose | None:
    """Return the loose dataset of a folder, or None.

    Images and label files lie in two folders, below folders named ``train``, ``val`` … or above
    such folders; or beside one another, if there is a file of class names, too.
    """
    place, names = _pair(root, home)
    if place is not None:
        return Loose(home, names, [place])
    prefix = f"{home}/" if home else ""
    folders = root.entries(home)[0]
    places = []
    inner = []
    for split in [key for key in SPLIT_KEYS if key in folders]:
        found, more = _pair(root, prefix + split)
        if found is None and more and _has_rows_beside(root, prefix + split):
            found = Place("", prefix + split, None)
        if found is not None:
            found.subset = split
            places.append(found)
            inner += more
    if places:
        return Loose(home, names or inner, places)
    if names and any(_has_rows_beside(root, f) for f in (home, *(prefix + n for n in folders))):
        return Loose(home, names, [Place("", home, None)])
    return None


def _pair(root: InputRoot, home: str) -> tuple[Place | None, list[str]]:
    """Return a folder's image and label folders, if it has both, and its file of class names."""
    prefix = f"{home}/" if home else ""
    folders, files = root.entries(home)
    names = [prefix + n for n in files if is_class_file(n)][:1]
    labels = next((prefix + n for n in LABEL_FOLDERS if n in folders), None)
    images = next((prefix + n for n in IMAGE_FOLDERS if n in folders), None)
    if labels is not None and not names:
        names = [f"{labels}/{n}" for n in root.entries(labels)[1] if is_class_file(n)][:1]
    if labels is None or not (names or images):
        return None, names
    return Place("", home if images is None else images, labels), names


def _has_rows_beside(root: InputRoot, folder: str) -> bool:
    return any(n.endswith(".txt") and not is_class_file(n) for n in root.entries(folder)[1])


def list_loose(
    root: InputRoot, ledger: Ledger, loose: Loose, sizes: Sizes
) -> tuple[list[str], list[Listing]]:
    """List a loose dataset's images and label files; return label names too.

    Raises:
        InputError: Its files of class names differ.
    """
    names = [read_names_file(root, file, ledger) for file in loose.names]
    for file, other in zip(loose.names, names, strict=True):
        if other != names[0]:
            raise InputError(
                f"class names differ from those of {loose.names[0]}",
                where=root.show(file),
                hint="convert each folder by itself",
            )
    listings: list[Listing] = []
    for place in loose.places:
        listings += _list_place(root, ledger, place, sizes)
    for listing in listings:
        make_unique(listing, ledger)
    return names[0] if names else [], listings


def _list_place(root: InputRoot, ledger: Ledger, place: Place, sizes: Sizes) -> list[Listing]:
    cut = len(place.images) + 1 if place.images else 0
    labels = place.labels
    found = [n for n in root.walk(place.images) if is_image_name(n)]
    if labels is None:
        return _by_folder(found, cut, place.subset, None)
    listings = _by_folder(found, cut, place.subset, (place.images, labels))
    known = {listing.label(n) for listing in listings for n in range(len(listing.images))}
    lost = [n for n in label_files(root, labels) if n not in known]
    bare = _by_folder(lost, len(labels) + 1, place.subset, None, bare=True)
    return listings + [b for b in bare if not found or keep_sized(b, sizes, labels, ledger)]


def _by_folder(
    names: Iterable[str],
    cut: int,
    subset: str,
    roots: tuple[str, str] | None,
    *,
    bare: bool = False,
) -> list[Listing]:
    """List files; without a given subset, their first folder below the top one names it."""
    groups: dict[str, Listing] = {}
    for name in names:
        head, slash, tail = name[cut:].partition("/")
        key, rest = (head, tail) if slash else ("default", head)
        if subset:
            key, rest = subset, name[cut:]
        elif key in NO_SUBSETS and roots is None and not bare:
            key = "default"
        listing = groups.get(key)
        if listing is None:
            listing = groups[key] = Listing(key, [], [], None, bare, roots)
        listing.images.append(name)
        listing.ids.append(stem_of(rest))
    return list(groups.values())
