"""Finding the files of a VOC dataset, in the development kit's layout and in looser ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from dsk.errors import RecordError, UnsafePathError
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk_voc.tasks import ANNOTATIONS, CLASS_MASKS, IMAGES, OBJECT_MASKS, SETS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "IMAGE_FOLDERS",
    "Home",
    "Listing",
    "child",
    "find_homes",
    "images_below",
    "in_one_case",
    "join",
    "list_sets",
    "open_home",
    "read_class_lists",
    "xml_reader",
]

DEPTH = 3
"""How many folders below the given one a dataset may begin, as in Datumaro."""

LIST_FOLDERS = ("Main", "Segmentation", "Layout", "Action")

_OWN = tuple(name.lower() for name in (ANNOTATIONS, IMAGES, CLASS_MASKS, OBJECT_MASKS))
"""Names of folders that other formats with ``ImageSets`` have not."""

IMAGE_FOLDERS = ("jpegimages", "images", "imgs", "image", "img")


@dataclass(slots=True)
class Home:
    """Folders that belong together: annotations, images, masks.

    Attributes:
        path: The folder above all, relative to the root.
        annotations: Folder of XML files.
        images: Folder of images.
        names: Names of the images that are there, relative to ``images``, by item id.
        class_masks: Names of class masks, relative to the root, by item id.
        object_masks: Names of object masks.
    """

    path: str
    annotations: str
    images: str
    names: dict[str, str] = field(default_factory=dict)
    class_masks: dict[str, str] = field(default_factory=dict)
    object_masks: dict[str, str] = field(default_factory=dict)

    def has_masks(self, item: str) -> bool:
        """Tell whether an item has a mask."""
        return item in self.class_masks or item in self.object_masks


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


def join(folder: str, name: str) -> str:
    """Return the name of something in a folder, which may be the root."""
    return f"{folder}/{name}" if folder else name


def child(root: InputRoot, folder: str, name: str) -> str:
    """Return the place of a folder in a folder, which may be written in another case."""
    names = root.listing(folder).folders
    if name not in names:
        name = next((n for n in names if n.lower() == name.lower()), name)
    return join(folder, name)


def find_homes(root: InputRoot, under: str = "", depth: int = DEPTH) -> list[str]:
    """Return the folders that hold ``ImageSets`` with lists, the shallowest ones."""
    level = [under]
    for _ in range(depth + 1):
        homes = [f for f in level if _has_lists(root, f)]
        if homes:
            return homes
        level = [join(f, name) for f in level for name in root.listing(f).folders]
    return []


def _has_lists(root: InputRoot, home: str) -> bool:
    """Tell whether a folder has VOC's lists; other formats keep theirs in ``ImageSets``, too."""
    sets = child(root, home, SETS)
    if any(".txt" in root.listing(child(root, sets, f)).endings for f in LIST_FOLDERS):
        return True
    if ".txt" not in root.listing(sets).endings:
        return False
    beside = root.listing(home).folders
    return any(
        f.lower().startswith(_OWN) or ".xml" in root.listing(join(home, f)).endings for f in beside
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
    sets = child(root, home, SETS)
    place = open_home(root, home)
    paths = {f: child(root, sets, f) for f in LIST_FOLDERS} | {"": sets}
    lists = {f: _subset_lists(root, path) for f, path in paths.items()}
    wanted = [f for f in folders if lists[f]] or [f for f in lists if lists[f]][:1]
    if only is not None:
        own = only.rpartition("/")[0]
        wanted = [f for f, path in paths.items() if path == own]
    found: dict[str, dict[str, None]] = {}
    for folder in wanted:
        for name in lists[folder]:
            full = f"{paths[folder]}/{name}"
            if only in (None, full):
                ids = found.setdefault(name[: -len(".txt")], {})
                _read_list(root, full, folder, ids, place=place, ledger=ledger)
    return [Listing(subset, place, list(ids)) for subset, ids in found.items()]


_HEAD = 4096
_TXT, _XML = (".txt", ".TXT"), (".xml", ".XML")


def _subset_lists(root: InputRoot, folder: str) -> list[str]:
    """Return the lists of subsets; others, with "_" in their names, are of classes or actions.

    A list whose name has "_" is that of a subset if it does not end like one and has no flags.
    """
    names = [n for n in root.entries(folder)[1] if n.lower().endswith(".txt")]
    endings = tuple(f"_{name}" for name in names if "_" not in name)
    return [
        name
        for name in names
        if "_" not in name or not (name.endswith(endings) or _has_flags(root, f"{folder}/{name}"))
    ]


def _has_flags(root: InputRoot, name: str) -> bool:
    """Tell from its first lines whether a list says of each image whether it has a class."""
    text = root.read(name, _HEAD).decode("utf-8", "replace")
    lines = text.split("\n")[:-1] if len(text) >= _HEAD // 4 else text.split("\n")
    return all(_FLAGGED.match(line) for line in lines if _FILLED.match(line))


def _read_list(
    root: InputRoot,
    name: str,
    folder: str,
    ids: dict[str, None],
    *,
    place: Home,
    ledger: Ledger,
) -> None:
    """Add the ids of a list; the object numbers of Layout and Action lists are passed over."""
    known = dict.fromkeys(ids)
    elsewhere = cache(lambda: _other_lines(root, name))
    for number, raw in enumerate(_text(root, name).split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            item = clean_name(line)
            if folder in ("Layout", "Action") and item not in known:
                head = clean_name(_object_line(line, folder))
                if head != item and folder == "Action":
                    head = _without_object(item, head, elsewhere, root, place)
                item = head
            elif _ODD.search(item):
                item = _id_in(item, root, place)
        except (UnsafePathError, ValueError) as error:
            message = error.message if isinstance(error, UnsafePathError) else str(error)
            ledger.bad_record(RecordError(message, where=f"{root.show(name)}:{number}"))
            continue
        ids[item] = None


def _text(root: InputRoot, name: str) -> str:
    """Return a list's text with line feeds alone for line ends."""
    text = root.text(name)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


_ODD = re.compile(r"\s|\.\w+$|^[A-Za-z]*(?:Images|images|Annotations|annotations)/")


def _id_in(line: str, root: InputRoot, place: Home) -> str:
    """Return the id in a line of other tools: a file's name, or a name and what follows it."""
    for name in (line, line.split(maxsplit=1)[0]):
        inner = name.partition("/")[2]
        for item in (name, stem_of(name), inner, stem_of(inner)):
            if item and _is_there(item, root, place):
                return item
    return line


def _is_there(item: str, root: InputRoot, place: Home) -> bool:
    """Tell whether an item has an image, a mask or an XML file."""
    if item in place.names or place.has_masks(item):
        return True
    return any(root.is_file(join(place.annotations, item + ending)) for ending in _XML)


def _without_object(
    line: str, head: str, elsewhere: Callable[[], frozenset[str]], root: InputRoot, place: Home
) -> str:
    """Return the id in a line of an action list that ends in a number.

    The development kit's ids have no spaces and the number is an object's, but Datumaro writes ids
    alone, also those that end in " 1": files and other lists tell, else whether a space is left.

    Args:
        line: The line.
        head: The line without the number.
        elsewhere: Returns the lines of the other lists.
        root: The input.
        place: Where images, masks and XML files are.
    """
    if head in place.names and line not in place.names:
        return head
    for item in (line, head):
        if _is_there(item, root, place):
            return item
    return line if " " in head or line in elsewhere() else head


def _other_lines(root: InputRoot, name: str) -> frozenset[str]:
    """Return the lines of the other tasks' lists of an action list's subset."""
    above, _, file = name.rpartition("/")
    sets = above.rpartition("/")[0]
    folders = [child(root, sets, folder) for folder in LIST_FOLDERS if folder != "Action"]
    lists = [other for folder in folders if root.is_file(other := f"{folder}/{file}")]
    return frozenset(line.strip() for other in lists for line in root.text(other).split("\n"))


def xml_reader(root: InputRoot, folder: str) -> Callable[[str], bytes | None]:
    """Return a function from an item's id to the content of its XML file, None without one."""
    read = root.reader(folder)

    def read_item(item: str) -> bytes | None:
        data = read(f"{item}.xml")
        return data if data is not None else read(f"{item}.XML")

    return read_item


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


def open_home(root: InputRoot, home: str) -> Home:
    """Find the images and masks of a home whose folders have the development kit's names."""
    folders = root.listing(home).folders
    by_name = {name.lower(): name for name in folders}
    others = sorted(name for name in by_name if name.endswith("images"))  # such as PNGImages
    images = next((by_name[f] for f in (*IMAGE_FOLDERS, *others) if f in by_name), IMAGES)
    place = Home(home, _annotations(root, home), join(home, images))
    place.names = images_below(root, place.images)
    split = [f for f in folders if f.lower().startswith("jpegimages")]
    if not place.names and len(split) > 1:  # DIOR: JPEGImages-trainval, JPEGImages-test
        place.images = home
        for folder in split:
            below = images_below(root, join(home, folder)).items()
            place.names |= {item: f"{folder}/{name}" for item, name in below}
    place.class_masks = _masks(root, home, CLASS_MASKS)
    place.object_masks = _masks(root, home, OBJECT_MASKS)
    return place


def _annotations(root: InputRoot, home: str) -> str:
    """Return the folder of XML files; of DIOR's two folders in it, the one of upright boxes."""
    folder = child(root, home, ANNOTATIONS)
    listing = root.listing(folder)
    if ".xml" in listing.endings:
        return folder
    upright = [f for f in listing.folders if f.lower().startswith(("horizontal", "hbb"))]
    return join(folder, upright[0]) if len(upright) == 1 else folder


def images_below(root: InputRoot, folder: str, depth: int | None = None) -> dict[str, str]:
    """Return the names of a folder's images, relative to it, by what would be their item ids."""
    start = len(folder) + 1 if folder else 0
    names = (name[start:] for name in root.walk(folder, depth) if is_image_name(name))
    return {stem_of(name): name for name in names}


def in_one_case(names: dict[str, str]) -> dict[str, str]:
    """Return images by their ids in lower case, but for those that differ in nothing else."""
    found: dict[str, str] = {}
    doubled = set()
    for item, name in names.items():
        if found.setdefault(item.lower(), name) != name:
            doubled.add(item.lower())
    for item in doubled:
        del found[item]
    return found


def _masks(root: InputRoot, home: str, name: str) -> dict[str, str]:
    """Return the masks of a folder, or of one named like those of labelme and DeepLab."""
    for ending in ("", "PNG", "Raw", "Aug"):
        folder = child(root, home, f"{name}{ending}")
        start = len(folder) + 1
        found = {file[start:-4]: file for file in root.files(folder, (".png",))}
        if found:
            return found
    return {}


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
        folder = child(root, child(root, listing.home.path, SETS), "Main")
        endings = [f"_{listing.subset}{ending}" for ending in _TXT]
        wanted = [(n + ending, label) for n, label in labels.items() if n for ending in endings]
        there = set(root.entries(folder)[1])
        for name, label in wanted:
            file = f"{folder}/{name}"
            if name in there or ("/" in name and root.is_file(file)):
                _read_class_list(root, file, label, listing.labels, ledger)
    if any(listing.labels for listing in listings):
        listed = {item for listing in listings for item in listing.ids}
        unlisted = {item for listing in listings for item in listing.labels.keys() - listed}
        if unlisted:
            ledger.warn(
                f"{root.path}: class lists name images that are not listed, e.g. {min(unlisted)!r}"
            )


def _read_class_list(
    root: InputRoot, file: str, label: int, found: dict[str, list[int]], ledger: Ledger
) -> None:
    text = _text(root, file)
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
