"""Datasets that no configuration file describes: folders of images, rows, maybe class names."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dsk.errors import InputError
from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.names import stem_of
from dsk_yolo.config import read_names_file
from dsk_yolo.listing import (
    Listing,
    images_below,
    keep_sized,
    label_files,
    make_unique,
    read_list,
)
from dsk_yolo.paths import IMAGE_FOLDERS, LABEL_FOLDERS, SPLIT_KEYS, class_files, is_class_file
from dsk_yolo.rows import is_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_yolo.listing import Sizes

__all__ = ["Loose", "Place", "find_beside", "find_loose", "list_loose"]

BESIDE_DEPTH = 3
"""How many levels of folders are looked into for images with label files beside them."""

BESIDE_FOLDERS = 64
"""How many folders of a level."""

BESIDE_FILES = 100
"""How many of those label files in a folder are looked into."""

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
    folders = root.listing(home).folders
    places = []
    inner = []
    for split in [name for key in SPLIT_KEYS for name in folders if name.lower() == key]:
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
    folders = root.listing(home).folders
    names = class_files(root, home, 0)[:1]
    labels = next((prefix + n for n in LABEL_FOLDERS if n in folders), None)
    images = next((prefix + n for n in IMAGE_FOLDERS if n in folders), None)
    if labels is not None and not names:
        names = class_files(root, labels, 0)[:1]
    if names and (labels is None or images is None) and not _holds_images(root, home):
        images, labels = _by_content(root, [prefix + n for n in folders], images, labels)
    if labels is None or not (names or images):
        return None, names
    return Place("", home if images is None else images, labels), names


def _by_content(
    root: InputRoot, folders: list[str], images: str | None, labels: str | None
) -> tuple[str | None, str | None]:
    """Return the folders of images and labels where one or both have names of their own.

    What is in them tells, if just one folder of each kind is there.
    """
    if images is None:
        found = [f for f in folders if f != labels and _holds_images(root, f)]
        inner = root.listing(labels).folders if labels is not None else ()
        if len(found) != 1 or found[0].rpartition("/")[2] in inner:
            return images, labels  # labels/train belongs to train
        images = found[0]
    if labels is None and not _has_rows_beside(root, images):
        found = [f for f in folders if f != images and _holds_rows(root, f)]
        if len(found) == 1:
            return images, found[0]
    return (images if labels is not None else None), labels


def _holds_images(root: InputRoot, folder: str) -> bool:
    return any(is_image_name(f"a{ending}") for ending in root.listing(folder).endings)


def _holds_rows(root: InputRoot, folder: str) -> bool:
    texts = (n for n in root.listing(folder).pick((".txt",)) if not is_class_file(n))
    return any(_is_row(root, f"{folder}/{n}") for n in islice(texts, BESIDE_FILES))


def find_beside(root: InputRoot) -> Loose | None:
    """Return images with label files beside them and no class names, of which nothing else tells.

    Its first label files must hold rows.
    """
    folders = [""]
    for _ in range(BESIDE_DEPTH):
        for folder in folders:
            files = root.listing(folder).pick((".txt",))
            texts = {stem_of(n): n for n in files if not is_class_file(n)}
            images = filter(is_image_name, root.entries(folder)[1] if texts else ())
            beside = [texts[stem] for stem in map(stem_of, images) if stem in texts]
            if any(_is_row(root, f"{folder}/{n}" if folder else n) for n in beside[:BESIDE_FILES]):
                return Loose("", [], [Place("", "", None)])
        folders = [f"{f}/{n}" if f else n for f in folders for n in root.listing(f).folders]
        folders = folders[:BESIDE_FOLDERS]
    return None


def _is_row(root: InputRoot, file: str) -> bool:
    """Tell whether a file's first line is a row."""
    return is_row(root.read(file, 1 << 12).split(b"\n", 1)[0].split())


def _has_rows_beside(root: InputRoot, folder: str) -> bool:
    texts = root.listing(folder).pick((".txt",))
    return any(n.endswith(".txt") and not is_class_file(n) for n in texts)


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
    listings = _by_lists(root, ledger, loose.home, listings)
    for listing in listings:
        make_unique(listing, ledger)
    return names[0] if names else [], listings


def _by_lists(root: InputRoot, ledger: Ledger, home: str, listings: list[Listing]) -> list[Listing]:
    """Put images of no subset in those whose lists (``train.txt`` …) name them."""
    prefix = f"{home}/" if home else ""
    some = any(listing.subset == DEFAULT_SUBSET for listing in listings)
    files = root.listing(home).pick((".txt",)) if some else []
    lists = {key: f"{prefix}{key}.txt" for key in SPLIT_KEYS if f"{key}.txt" in files}
    subsets: dict[str, str] = {}
    for key, file in lists.items():
        if is_image_name(
            root.read(file, 1 << 12).decode("utf-8", "replace").split("\n")[0].strip()
        ):
            for name in read_list(root, file, [home], ledger):
                subsets.setdefault(name, key)
    if not subsets:
        return listings
    groups: dict[tuple[int, str], Listing] = {}
    for n, one in enumerate(listings):
        own = one.subset
        for name, item in zip(one.images, one.ids, strict=True):
            key = subsets.get(name, own) if own == DEFAULT_SUBSET else own
            group = groups.get((n, key))
            if group is None:
                group = groups[n, key] = replace(one, subset=key, images=[], ids=[])
            group.images.append(name)
            group.ids.append(item)
    return list(groups.values())


def _list_place(root: InputRoot, ledger: Ledger, place: Place, sizes: Sizes) -> list[Listing]:
    cut = len(place.images) + 1 if place.images else 0
    labels = place.labels
    found = images_below(root, place.images, ledger)
    if labels is None:
        return _by_folder(found, cut, place.subset, None)
    listings = _by_folder(found, cut, place.subset, (place.images, labels))
    known = {listing.label(n) for listing in listings for n in range(len(listing.images))}
    there = label_files(root, labels)
    lost = [n for n in there if n not in known]
    if lost and (inner := _further_down(root, ledger, place, found, there)):
        listings = []
        for folder, names in inner.items():
            listings += _by_folder(names, cut, place.subset, (place.images, folder))
        known = {listing.label(n) for listing in listings for n in range(len(listing.images))}
        lost = [n for n in lost if n not in known]
    bare = _by_folder(lost, len(labels) + 1, place.subset, None, bare=True)
    return listings + [b for b in bare if not found or keep_sized(b, sizes, labels, ledger)]


def _further_down(
    root: InputRoot, ledger: Ledger, place: Place, images: list[str], texts: list[str]
) -> dict[str, list[str]]:
    """Return images by folder of their labels, if some lie a folder further down than usual.

    ``labels/yolo/a.txt`` belongs to ``images/a.jpg``, if no other folder there has such a file;
    ``labels/train/a.txt`` does not, where there is ``images/train/``.
    """
    top = f"{place.labels}/"
    own = {f"{place.labels}/{name}" for name in root.listing(place.images).folders}
    below: dict[str, list[str]] = {}
    for name in texts:
        head, slash, tail = name[len(top) :].partition("/")
        if slash and top + head not in own:
            below.setdefault(stem_of(tail), []).append(top + head)
    cut = len(place.images) + 1 if place.images else 0
    direct = frozenset(texts)
    doubtful: list[str] = []
    out: dict[str, list[str]] = {}
    for image in images:
        stem = stem_of(image[cut:])
        folders = [] if f"{top}{stem}.txt" in direct else below.get(stem, [])
        if len(folders) > 1:
            doubtful.append(image)
        out.setdefault(folders[0] if len(folders) == 1 else top[:-1], []).append(image)
    if doubtful:
        ledger.warn(
            f"{len(doubtful)} images have label files in several folders of {place.labels}, none "
            f"of which is read, e.g. {min(doubtful)}"
        )
    return {} if out.keys() == {top[:-1]} else out


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
        key, rest = (head, tail) if slash else (DEFAULT_SUBSET, head)
        if subset:
            key, rest = subset, name[cut:]
        elif key in NO_SUBSETS and roots is None and not bare:
            key = DEFAULT_SUBSET
        listing = groups.get(key)
        if listing is None:
            listing = groups[key] = Listing(key, [], [], None, bare, roots)
        listing.images.append(name)
        listing.ids.append(stem_of(rest))
    return list(groups.values())
