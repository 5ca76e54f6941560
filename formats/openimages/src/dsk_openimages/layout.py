"""Finding the files of an Open Images dataset by their official names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Container

    from dsk.files import InputRoot

__all__ = [
    "ALL_BOXES",
    "HIERARCHY",
    "Layout",
    "Table",
    "find_layout",
    "folder_subset",
    "subset_folders",
]

HIERARCHY = "bbox_labels_600_hierarchy.json"

ALL_BOXES = "all_bounding_boxes"
"""What tools that write a table of boxes alone call it; its labels need no descriptions."""

_VERSION = r"(?:oidv\d+-)?"
_NAMES = {
    "all": re.compile(r"(?P<subset>).*image_ids_and_rotation\.csv", re.IGNORECASE),
    "images": re.compile(
        rf"{_VERSION}(?P<subset>.+?)-images-(?:with-labels-|boxable-)?with-rotation\.csv",
        re.IGNORECASE,
    ),
    "labels": re.compile(
        rf"{_VERSION}(?P<subset>.+?)-annotations-human-imagelabels\.csv", re.IGNORECASE
    ),
    "boxable": re.compile(
        rf"{_VERSION}(?P<subset>.+?)-annotations-human-imagelabels-boxable\.csv", re.IGNORECASE
    ),
    "machine": re.compile(
        rf"{_VERSION}(?P<subset>.+?)-annotations-machine-imagelabels\.csv", re.IGNORECASE
    ),
    "boxes": re.compile(
        rf"(?:{_VERSION}(?P<subset>.+?)-annotations-bbox|{ALL_BOXES})\.csv", re.IGNORECASE
    ),
    "masks": re.compile(
        rf"{_VERSION}(?P<subset>.+?)-annotations-object-segmentation\.csv", re.IGNORECASE
    ),
}
_CLASSES = re.compile(r"(?:oidv(?P<version>\d+)-)?class-descriptions(?P<boxable>-boxable)?\.csv")
_UNREAD = re.compile(
    r".*(?:-annotations-vrd\.csv|localized[-_]narratives.*\.jsonl|-annotations-point-labels\.csv)"
    r"|oidv7-.*-point-labels\.csv",
    re.IGNORECASE,
)
_VAL = re.compile(r"oidv\d+-val-", re.IGNORECASE)
_PART = re.compile(r"(train|validation|test)_[0-9a-f]")
_NEVER_HOMES = frozenset({"images", "masks", "train", "validation", "test", "val"})
_DEPTH = 3


class Table(NamedTuple):
    """One CSV file.

    Attributes:
        kind: "all" and "images" (lists of images), "labels", "machine", "boxes" or "masks".
        name: Its name below the root.
        subset: The subset its name says; "" for those of all images.
    """

    kind: str
    name: str
    subset: str


class Layout(Struct):
    """The files of a dataset.

    Attributes:
        base: The folder that holds ``images`` and ``masks``.
        tables: Its CSV files about images, in the order of their names.
        classes: Files of class names, the most complete first.
        hierarchy: The class hierarchy, or "".
        folders: The folders that hold the CSV files; ``images.meta`` lies in one of them.
        unread: Files of the dataset that have no place in dsk.
    """

    base: str
    tables: list[Table]
    classes: list[str]
    hierarchy: str = ""
    folders: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def of(self, *kinds: str) -> list[Table]:
        """Return the tables of some kinds."""
        return [table for table in self.tables if table.kind in kinds]


def join(folder: str, name: str) -> str:
    """Join two relative names, of which the first may be empty."""
    return f"{folder}/{name}" if folder else name


def classify(name: str) -> tuple[str, str] | None:
    """Return what kind of table a file is by its name, and of which subset; None for others.

    ``oidv7-val-…``, a name of V7's own, is of the subset ``validation``.
    """
    for kind, pattern in _NAMES.items():
        match = pattern.fullmatch(name)
        if match is not None:
            return kind, "validation" if _VAL.match(name) else match["subset"] or ""
    return None


def find_layout(root: InputRoot) -> Layout | None:
    """Find the dataset's files, in the root or up to three folders below it.

    Returns:
        The first dataset found; None when there is none.
    """
    level = [""]
    for _ in range(_DEPTH):
        below: list[str] = []
        for base in level:
            found = _collect(root, base)
            if found is not None:
                return found
            folders = root.listing(base).folders
            below += [join(base, name) for name in folders if name.lower() not in _NEVER_HOMES]
        level = below
    return None


def _collect(root: InputRoot, base: str) -> Layout | None:
    folders = root.listing(base).folders
    own = _has_tables(root, base)
    if own:
        below = [join(base, name) for name in folders if name == "annotations"]
    else:
        likely = [name for name in folders if name.lower() not in _NEVER_HOMES]
        likely.sort(key=lambda name: name != "annotations")
        below = [place for n in likely if _has_tables(root, place := join(base, n))]
    if not own and not below:
        return None
    names = [join(home, name) for home in (base, *below) for name in root.listing(home).files]
    return _sorted(base, [base, *below] if own else below, names)


def _has_tables(root: InputRoot, folder: str) -> bool:
    return any(classify(name) is not None for name in root.listing(folder).pick((".csv",)))


def _sorted(base: str, homes: list[str], names: list[str]) -> Layout:
    tables, classes, unread, hierarchy = [], [], [], ""
    for name in names:
        short = name.rpartition("/")[2]
        found = classify(short)
        match = _CLASSES.fullmatch(short.lower())
        if found is not None:
            tables.append(Table(found[0], name, found[1]))
        elif match is not None:
            rank = (match["boxable"] is not None, -int(match["version"] or 0), name)
            classes.append((rank, name))
        elif short == HIERARCHY:
            hierarchy = name
        elif _UNREAD.fullmatch(short):
            unread.append(name)
    whole = {table.subset for table in tables if table.kind == "labels"}
    # The boxable labels are among those of the whole file.
    tables = [
        Table("labels", table.name, table.subset) if table.kind == "boxable" else table
        for table in tables
        if table.kind != "boxable" or table.subset not in whole
    ]
    ordered = [name for _, name in sorted(classes)]
    return Layout(base, tables, ordered, hierarchy, tuple(homes), tuple(unread))


def folder_subset(folder: str, known: Container[str]) -> str:
    """Return the subset of a folder of images: ``train`` for the official part ``train_0``.

    Args:
        folder: Its name below the root.
        known: Names of subsets; one of these is no part of another.
    """
    name = folder.rpartition("/")[2]
    part = _PART.fullmatch(name)
    return part[1] if part is not None and name not in known else name


def subset_folders(root: InputRoot, layout: Layout, kind: str) -> list[str]:
    """Return the folders below which a dataset's images (or masks) lie, each with its subset's.

    ``images/train``, ``images/train_0`` …, ``images`` itself for files without a subset, and, when
    there is no such folder, folders named like subsets beside the CSV files.
    """
    folders = root.entries(layout.base)[0]
    home = next((name for name in folders if name.lower() == kind), None)
    if home is not None:
        top = join(layout.base, home)
        return [*(f"{top}/{name}" for name in root.entries(top)[0]), top]
    subsets = {table.subset for table in layout.tables if table.subset}
    official = "|".join(map(re.escape, sorted(subsets | {"train", "validation", "test"})))
    suffix = "(?:-masks)?(?:[-_][0-9a-f])?" if kind == "masks" else "(?:_[0-9a-f])?"
    pattern = re.compile(f"(?:{official}){suffix}")
    return [join(layout.base, name) for name in folders if pattern.fullmatch(name)]
