"""Finding the files of VOC datasets without the lists of the development kit."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.listings import is_hidden, without_hidden
from dsk.splits import NUMBERED_SPLIT
from dsk_voc.images import used_images
from dsk_voc.layouts import DEPTH, IMAGE_FOLDERS, Home, Listing, images_below, join, open_home
from dsk_voc.splits import split_by_lists
from dsk_voc.tasks import CLASS_MASKS, OBJECT_MASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["above_annotations", "find_loose", "find_masks", "list_loose"]

XML_FOLDERS = frozenset({"annotations", "annotation", "anns", "ann", "xml", "xmls", "labels"})
DEFAULT = "default"


def find_loose(root: InputRoot) -> Iterator[str]:
    """Return the names of XML files that may be annotations of images.

    Hidden folders hold those of programs: PyCharm's ``.idea`` lies in many published datasets.
    """
    return (name for name in _xml_files(root) if not is_hidden(name))


def _xml_files(root: InputRoot) -> Iterator[str]:
    for name in root.walk(depth=DEPTH + 2, suffixes=(".xml",)):
        if not name.rpartition("/")[2].startswith("."):
            yield name


def find_masks(root: InputRoot) -> list[str]:
    """Return the folders that hold the development kit's folders of masks, the shallowest ones."""
    level = [""]
    for _ in range(DEPTH + 1):
        below = {folder: root.listing(folder).folders for folder in level}
        found = [f for f, names in below.items() if any(map(_holds_masks, names))]
        homes = [f for f in found if _masks_of(open_home(root, f))]
        if homes:
            return homes
        level = [join(folder, name) for folder, names in below.items() for name in names]
    return []


def above_annotations(root: InputRoot) -> InputRoot:
    """Return the folder above that of annotations which the given file lies in, or its own.

    The images of ``Annotations/x.xml`` are in a folder beside that of the file.
    """
    above = root
    found = None
    for _ in range(DEPTH):
        name = above.name.lower()
        above = above.up()
        if name in XML_FOLDERS:
            found = above
        elif found is not None:
            break
    return found or root


def list_loose(root: InputRoot, ledger: Ledger) -> list[Listing]:
    """Return the subsets of a dataset without ``ImageSets``.

    ``train/x.xml`` (Roboflow), ``train/Annotations/x.xml`` and ``labels/train/x.xml`` are of the
    subset ``train``; files at the top, and those of a lone ``Annotations`` folder, of the subset
    ``default``. ``annotations/xmls`` is one folder. Folders that hold everything else count for
    nothing. Masks need no XML files. Where
    all is of one subset, and the given folder itself is called ``train`` or the like, it is that.

    Raises:
        InputError: There are neither XML files nor masks.
    """
    names = [root.focus] if root.focus is not None else []
    names = names or without_hidden(_xml_files(root), "XML files", ledger)
    listings = [_listing(root, *group) for group in _groups(names)]
    if root.focus is not None:
        return _of_root(root, listings)
    homes = {listing.home.path: listing for listing in listings}
    if not listings:
        homes = {home: Listing(DEFAULT, open_home(root, home), []) for home in find_masks(root)}
        listings = list(homes.values())
    if not listings:
        raise InputError(
            "there are neither ImageSets lists nor annotation XML files", where=root.path
        )
    _of_root(root, listings)
    for listing in homes.values():
        known = {i for other in listings for i in other.ids if other.home.path == listing.home.path}
        listing.ids += sorted(_masks_of(listing.home) - known)
    listings = split_by_lists(root, listings, ledger)
    _warn_left(root, listings, ledger)
    return listings


def _of_root(root: InputRoot, listings: list[Listing]) -> list[Listing]:
    """Let the given folder tell the only subset, if nothing below does: one of Roboflow's, say."""
    if len(listings) == 1 and listings[0].subset == DEFAULT and NUMBERED_SPLIT.fullmatch(root.name):
        listings[0].subset = root.name
    return listings


def _holds_masks(folder: str) -> bool:
    return folder.lower().startswith((CLASS_MASKS.lower(), OBJECT_MASKS.lower()))


def _masks_of(home: Home) -> set[str]:
    return {*home.class_masks, *home.object_masks}


def _warn_left(root: InputRoot, listings: Sequence[Listing], ledger: Ledger) -> None:
    """Tell about images that no annotation belongs to."""
    ids = {item for listing in listings for item in listing.ids}
    left = {
        join(listing.home.images, name)
        for listing in listings
        for item, name in listing.home.names.items()
        if item not in ids
    }
    if left:  # XML files may name images that are called otherwise
        left -= used_images(root, listings)
    if left:
        ledger.warn(
            f"{len(left)} images have no annotation file and are no items, e.g. {min(left)}"
        )


def _groups(names: Sequence[str]) -> list[tuple[str, str, str, list[str]]]:
    """Return subset, home, folder of XML files and ids of each group of XML files."""
    files: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        above, _, file = name.rpartition("/")
        files.setdefault(tuple(above.split("/")) if above else (), []).append(file[:-4])
    cuts = {path: _cut(path) for path in files}
    homes = {path[:cut] for path, cut in cuts.items()}
    common = _common(homes)
    depth = len(common) + (len(homes) > 1)
    innermost = cache(lambda folder: _innermost(files, folder))
    groups: dict[tuple[str, str, str], list[str]] = {}
    for path, stems in files.items():
        home, folder = path[: cuts[path]], path[: cuts[path] + 1]
        if home == path:
            home = folder = path[:depth]
        subset = (
            home[-1] if home and (len(homes) > 1 or NUMBERED_SPLIT.fullmatch(home[-1])) else DEFAULT
        )
        if home != folder:
            folder = innermost(folder)
        if home != folder and _tells_subsets(files, folder):
            folder = path[: len(folder) + 1]
            subset = folder[-1]
        prefix = "".join(f"{part}/" for part in path[len(folder) :])
        group = groups.setdefault((subset, "/".join(home), "/".join(folder)), [])
        group += [prefix + stem for stem in stems]
    return [(*key, ids) for key, ids in groups.items()]


def _innermost(paths: Iterable[tuple[str, ...]], folder: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folder of XML files in others that hold nothing else: ``annotations/xmls``."""
    while True:
        size = len(folder)
        below = {path[size : size + 1] for path in paths if path[:size] == folder}
        (first, *others) = below
        if others or not first or first[0].lower() not in XML_FOLDERS:
            return folder
        folder += first


def _cut(path: tuple[str, ...]) -> int:
    """Return how many folders of a path lead to the folder of XML files in it."""
    return next((n for n, part in enumerate(path) if part.lower() in XML_FOLDERS), len(path))


def _common(paths: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    ordered = sorted(paths) or [()]
    first, last = ordered[0], ordered[-1]
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((n for n, (a, b) in pairs if a != b), min(len(first), len(last)))]


def _tells_subsets(paths: Iterable[tuple[str, ...]], folder: tuple[str, ...]) -> bool:
    """Tell whether all XML files of a folder lie in folders that are named like subsets."""
    size = len(folder)
    below = [path[size : size + 1] for path in paths if path[:size] == folder]
    return all(part and NUMBERED_SPLIT.fullmatch(part[0]) for part in below)


def _listing(root: InputRoot, subset: str, home: str, folder: str, ids: list[str]) -> Listing:
    place = Home(home, folder, folder) if home == folder else open_home(root, home)
    place.annotations = folder
    inner = folder.rpartition("/")[2] if folder not in (home, "") else ""
    first: tuple[str, dict[str, str]] | None = None
    for images in _places(root, home, folder, inner):
        # Images of other subsets lie in folders beside files at the top.
        names = images_below(root, images, 0 if images == home and not home else None)
        if names and first is None:
            first = images, names
        if not names.keys().isdisjoint(ids):
            first = images, names
            break
    if first is not None:
        place.images, place.names = first
    return Listing(subset, place, ids)


def _places(root: InputRoot, home: str, folder: str, inner: str) -> list[str]:
    """Return folders that may hold images, the likeliest first."""
    there = {name.lower(): join(home, name) for name in root.listing(home).folders}
    usual = [there[name] for name in IMAGE_FOLDERS if name in there]
    split = [join(images, inner) for images in usual if inner and root.is_dir(join(images, inner))]
    others = [
        path
        for name, path in there.items()
        if name not in XML_FOLDERS and not _holds_masks(path.rpartition("/")[2])
    ]
    near = [folder, *usual] if home == folder else [*split, *usual, folder, home]
    return list(dict.fromkeys([*near, *others]))
