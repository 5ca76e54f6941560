"""Finding the files of a VOC dataset, in the development kit's layout and in looser ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk_voc.tasks import ANNOTATIONS, CLASS_MASKS, IMAGES, OBJECT_MASKS, SETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "Home",
    "Listing",
    "find_homes",
    "find_loose",
    "list_loose",
    "list_sets",
    "read_class_lists",
]

DEPTH = 3
"""How many folders below the given one a dataset may begin, as in Datumaro."""

LIST_FOLDERS = ("Main", "Segmentation", "Layout", "Action")

_IMAGE_FOLDERS = ("jpegimages", "images", "imgs", "image", "img")


@dataclass(slots=True)
class Home:
    """Folders that belong together: annotations, images, masks.

    Attributes:
        path: The folder above all, relative to the root.
        annotations: Folder of XML files.
        images: Folder of images.
        names: Names of the images that are there, relative to ``images``, by item id.
        class_masks: Ids that have a class mask.
        object_masks: Ids that have an object mask.
    """

    path: str
    annotations: str
    images: str
    names: dict[str, str] = field(default_factory=dict)
    class_masks: frozenset[str] = frozenset()
    object_masks: frozenset[str] = frozenset()


@dataclass(slots=True)
class Listing:
    """One subset of one home.

    Attributes:
        subset: Its name.
        home: Where its files are.
        ids: Ids of its items.
        labels: Label indices by id, from class lists.
    """

    subset: str
    home: Home
    ids: list[str]
    labels: dict[str, list[int]] = field(default_factory=dict)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def find_homes(root: InputRoot, under: str = "", depth: int = DEPTH) -> list[str]:
    """Return the folders that hold ``ImageSets`` with lists, the shallowest ones."""
    level = [under]
    for _ in range(depth + 1):
        homes = [f for f in level if _has_lists(root, f)]
        if homes:
            return homes
        level = [_join(f, name) for f in level for name in root.entries(f)[0]]
    return []


def _has_lists(root: InputRoot, home: str) -> bool:
    sets = _join(home, SETS)
    return any(
        name.endswith(".txt") for f in LIST_FOLDERS for name in root.entries(f"{sets}/{f}")[1]
    )


def list_sets(
    root: InputRoot, home: str, folders: Sequence[str], only: str | None, ledger: Ledger
) -> list[Listing]:
    """Read the subset lists of a home.

    Args:
        root: The input.
        home: The folder that holds ``ImageSets``.
        folders: Which list folders to read; others only when none of them is there.
        only: The one list file to read, relative to the root, or None for all.
        ledger: For bad lines.
    """
    sets = _join(home, SETS)
    place = _open_home(root, home)
    wanted = [f for f in folders if _subset_lists(root, f"{sets}/{f}")]
    if not wanted:
        wanted = [f for f in LIST_FOLDERS if _subset_lists(root, f"{sets}/{f}")][:1]
    if only is not None:
        wanted = [only.split("/")[-2]]
    found: dict[str, dict[str, None]] = {}
    for folder in wanted:
        for name in _subset_lists(root, f"{sets}/{folder}"):
            full = f"{sets}/{folder}/{name}"
            if only in (None, full):
                ids = found.setdefault(name[: -len(".txt")], {})
                _read_list(root, full, folder, ids, ledger)
    return [Listing(subset, place, list(ids)) for subset, ids in found.items()]


def _subset_lists(root: InputRoot, folder: str) -> list[str]:
    # With "_" in its name, a list names the images of one class or action.
    return [n for n in root.entries(folder)[1] if n.endswith(".txt") and "_" not in n]


def _read_list(
    root: InputRoot, name: str, folder: str, ids: dict[str, None], ledger: Ledger
) -> None:
    """Add the ids of a list; the object numbers of Layout and Action lists are passed over."""
    known = dict.fromkeys(ids)
    for number, raw in enumerate(root.text(name).split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            item = clean_name(line)
            if folder in ("Layout", "Action") and item not in known:
                item = clean_name(_object_line(line, folder))
        except (UnsafePathError, ValueError) as error:
            message = error.message if isinstance(error, UnsafePathError) else str(error)
            ledger.bad_record(RecordError(message, where=f"{root.show(name)}:{number}"))
            continue
        ids[item] = None


def _object_line(line: str, folder: str) -> str:
    """Return the id of a line ``id [object number]``; ids with spaces are quoted in Layout."""
    if '"' in line:
        fields = line.split('"')
        if len(fields) != 3:
            raise ValueError(f"there are {len(fields) - 1} quotes in the line, not 0 or 2")
        return fields[1]
    if folder == "Layout":
        return line.split(maxsplit=1)[0]
    head, _, last = line.rpartition(" ")
    return head.strip() if head and last.isdigit() else line


def _open_home(root: InputRoot, home: str) -> Home:
    folders, _ = root.entries(home)
    by_name = {name.lower(): name for name in folders}
    images = next((by_name[f] for f in _IMAGE_FOLDERS if f in by_name), IMAGES)
    place = Home(home, _join(home, ANNOTATIONS), _join(home, images))
    place.names = _images(root, place.images)
    place.class_masks = _masks(root, _join(home, CLASS_MASKS))
    place.object_masks = _masks(root, _join(home, OBJECT_MASKS))
    return place


def _images(root: InputRoot, folder: str, depth: int | None = None) -> dict[str, str]:
    start = len(folder) + 1 if folder else 0
    names = (name[start:] for name in root.walk(folder, depth) if is_image_name(name))
    return {stem_of(name): name for name in names}


def _masks(root: InputRoot, folder: str) -> frozenset[str]:
    start = len(folder) + 1
    return frozenset(name[start:-4] for name in root.files(folder, (".png",)))


def find_loose(root: InputRoot, limit: int = 0) -> Iterator[str]:
    """Yield the names of XML files that may be annotations of images.

    Args:
        root: The input.
        limit: Stop after so many files of any kind; 0 for no limit.
    """
    for number, name in enumerate(root.walk(depth=DEPTH + 2), 1):
        if name.lower().endswith(".xml") and not name.rpartition("/")[2].startswith("."):
            yield name
        if number == limit:
            return


def list_loose(root: InputRoot) -> list[Listing]:
    """Return the subsets of a dataset without ``ImageSets``.

    ``train/x.xml`` (Roboflow) and ``train/Annotations/x.xml`` are of the subset ``train``; files
    at the top, and those of a lone ``Annotations`` folder, of the subset ``default``.

    Raises:
        InputError: There are no XML files.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    names = [root.focus] if root.focus is not None else find_loose(root)
    for name in names:
        groups.setdefault(_split(name), []).append(name)
    if not groups:
        raise InputError(
            "there are neither ImageSets lists nor annotation XML files", where=root.path
        )
    listings = []
    for (home, folder), files in groups.items():
        place = _loose_home(root, home, folder)
        start = len(folder) + 1 if folder else 0
        listings.append(Listing(_subset(home), place, [name[start:-4] for name in files]))
    return listings


def _split(name: str) -> tuple[str, str]:
    """Return the home of an XML file and the folder that its id is relative to."""
    parts = name.split("/")[:-1]
    for number, part in enumerate(parts):
        if part.lower() == ANNOTATIONS.lower():
            return "/".join(parts[:number]), "/".join(parts[: number + 1])
    top = parts[0] if parts else ""
    return top, top


def _subset(home: str) -> str:
    return home.rpartition("/")[2] or "default"


def _loose_home(root: InputRoot, home: str, folder: str) -> Home:
    if home == folder:
        place = Home(home, folder, folder)
        # Images of other subsets lie in folders beside files at the top.
        place.names = _images(root, folder, None if folder else 0)
        return place
    place = _open_home(root, home)
    place.annotations = folder
    if not place.names:
        place.images = folder
        place.names = _images(root, folder)
    return place


_POSITIVE = re.compile(r"^[ \t]*(\S.*?)[ \t]+1[ \t\r]*$", re.MULTILINE)
_FLAGGED = re.compile(r"^[ \t]*\S.*?[ \t]+(?:-1|0|1)[ \t\r]*$", re.MULTILINE)
_FILLED = re.compile(r"^[ \t]*[^#\s]", re.MULTILINE)


def read_class_lists(
    root: InputRoot, listings: Sequence[Listing], labels: dict[str, int], ledger: Ledger
) -> None:
    """Read ``Main/<class>_<subset>.txt``: which labels the images have.

    Args:
        root: The input.
        listings: Subsets, which get the labels.
        labels: Index by label name.
        ledger: For bad lines.
    """
    for listing in listings:
        folder = _join(listing.home.path, f"{SETS}/Main")
        ending = f"_{listing.subset}.txt"
        wanted = [(n, label) for n, label in labels.items() if n]
        there = set(root.entries(folder)[1])
        for name, label in wanted:
            file = f"{folder}/{name}{ending}"
            if name + ending in there or ("/" in name and root.is_file(file)):
                _read_class_list(root, file, label, listing.labels, ledger)


def _read_class_list(
    root: InputRoot, file: str, label: int, found: dict[str, list[int]], ledger: Ledger
) -> None:
    text = root.text(file)
    if len(_FLAGGED.findall(text)) != len(_FILLED.findall(text)):
        for number, line in enumerate(text.split("\n"), 1):
            if _FILLED.match(line) and not _FLAGGED.match(line):
                ledger.bad_record(
                    RecordError(
                        f"expected an id and -1, 0 or 1, not {line.strip()!r}",
                        where=f"{root.show(file)}:{number}",
                    )
                )
    for name in _POSITIVE.findall(text):
        if not name.startswith("#"):
            found.setdefault(name.replace("\\", "/"), []).append(label)
