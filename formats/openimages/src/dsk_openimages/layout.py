"""Finding the files of an Open Images dataset by their official names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from dsk.splits import SPLITS, subset_of_root

if TYPE_CHECKING:
    from collections.abc import Container

    from dsk.files import InputRoot

__all__ = [
    "ALL_BOXES",
    "HIERARCHY",
    "IMAGE_HOMES",
    "Layout",
    "Table",
    "find_layout",
    "folder_subset",
    "subset_folders",
]

HIERARCHY = "bbox_labels_600_hierarchy.json"

ALL_BOXES = "all_bounding_boxes"
"""What tools that write a table of boxes alone call it; its labels need no descriptions."""

_PART_OF = "sub-"
"""What the names of tables begin with that a tool wrote for the images it downloaded."""

_VERSION = rf"(?:oidv\d+-|challenge-\d+-|{_PART_OF})?"
_WHAT = "(?:annotations|detection)"
"""What the names of the Challenge of 2019 say otherwise than all others."""

_NAMES = {
    kind: re.compile(_VERSION + pattern + r"\.csv", re.IGNORECASE)
    for kind, pattern in {
        "all": r"(?:(?P<subset>.+?)[-_])?image_ids_and_rotation",
        "images": r"(?P<subset>.+?)-images-(?:with-labels-|boxable-)?with-rotation",
        "labels": rf"(?P<subset>.+?)-{_WHAT}-human-imagelabels",
        "boxable": rf"(?P<subset>.+?)-{_WHAT}-human-imagelabels-boxable",
        "machine": r"(?P<subset>.+?)-annotations-machine-imagelabels",
        "boxes": rf"(?:(?P<subset>.+?)-{_WHAT}-bbox|{ALL_BOXES})",
        "masks": r"(?P<subset>.+?)-(?:annotations-object-segmentation|segmentation-masks)",
        "masked": r"(?P<subset>.+?)-segmentation-bbox",
    }.items()
}
_LESSER = {"boxable": "labels", "masked": "boxes"}
"""Tables that are read where there is none of another kind, which has their rows, too."""

_CLASSES = re.compile(
    r"(?:oidv(?P<version>\d+)-|challenge-\d+-)?class(?:-descriptions|es-description)"
    r"(?P<part>-boxable|-500|-segmentable)?\.csv"
)
_HIERARCHY = re.compile(r"bbox_labels_\d+_hierarchy\.json|challenge-\d+-label\d+.*-hierarchy\.json")
_UNREAD = re.compile(
    r".*(?:-annotations-vrd\.csv|localized[-_]narratives.*\.jsonl|-annotations-point-labels\.csv)"
    r"|oidv7-.*-point-labels\.csv",
    re.IGNORECASE,
)
_ZOO = {"classifications.csv": "labels", "detections.csv": "boxes", "segmentations.csv": "masks"}
_ZOO_UNREAD = ("points.csv", "relationships.csv")
_NO_PLACE = "dsk has no place for what it holds"
_VAL = re.compile(r"oidv\d+-val-", re.IGNORECASE)
_PART = re.compile(r"(train|validation|test)_[0-9a-f]{1,2}", re.IGNORECASE)
IMAGE_HOMES = ("images", "dataset", "openimages", "data")
"""What the folder of the images is called: officially, and by tools that download them."""

_NEVER_HOMES = frozenset({"images", "masks", "train", "validation", "test", "val"})
_DEPTH = 3
_HEAD = 256


class Table(NamedTuple):
    """One CSV file.

    Attributes:
        kind: "all" and "images" (lists of images), "labels", "machine", "boxes" or "masks".
        name: Its name below the root.
        subset: The subset its name says; "" if it says none.
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
        unread: Files of the dataset that are not read, and why.
        homes: Folders of subsets that hold ``data``, ``labels`` and ``metadata``, as FiftyOne makes
            them; other datasets have none.
    """

    base: str
    tables: list[Table]
    classes: list[str]
    hierarchy: str = ""
    folders: tuple[str, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    homes: dict[str, str] = {}

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
            found = _collect(root, base) or _zoo(root, base)
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
    return _sorted(root, base, [base, *below] if own else below, names)


def _zoo(root: InputRoot, base: str) -> Layout | None:
    """Return what FiftyOne downloaded: a folder for each subset, or that of one subset."""
    if _is_home(root, base):
        homes = {base.rpartition("/")[2] or subset_of_root(root): base}
    else:
        names = [n for n in root.listing(base).folders if n.lower() in SPLITS]
        homes = {name: home for name in names if _is_home(root, home := join(base, name))}
    if not homes:
        return None
    layout = Layout(base, [], [], homes=homes)
    for subset, home in homes.items():
        labels, metadata = join(home, "labels"), join(home, "metadata")
        for name in root.listing(metadata).files:
            full = join(metadata, name)
            if name == "image_ids.csv":
                layout.tables.append(Table("images", full, subset))
            elif name == "classes.csv":
                layout.classes.append(full)
            elif name == "hierarchy.json":
                layout.hierarchy = full
        files = root.listing(labels).pick((".csv",))
        layout.tables += [Table(_ZOO[n], join(labels, n), subset) for n in files if n in _ZOO]
        layout.unread += tuple((join(labels, n), _NO_PLACE) for n in files if n in _ZOO_UNREAD)
    return layout


def _is_home(root: InputRoot, folder: str) -> bool:
    if not {"data", "labels", "metadata"}.issubset(root.listing(folder).folders):
        return False
    return not _ZOO.keys().isdisjoint(root.listing(join(folder, "labels")).pick((".csv",)))


def _has_tables(root: InputRoot, folder: str) -> bool:
    return any(classify(name) is not None for name in root.listing(folder).pick((".csv",)))


def _sorted(root: InputRoot, base: str, homes: list[str], names: list[str]) -> Layout:
    tables: list[Table] = []
    classes, unread, hierarchy = [], [], ""
    for name in names:
        short = name.rpartition("/")[2]
        found = classify(short)
        match = _CLASSES.fullmatch(short.lower())
        if found is not None:
            tables.append(Table(found[0], name, found[1]))
        elif match is not None:
            rank = (match["part"] is not None, -int(match["version"] or 0), name)
            classes.append((rank, name))
        elif _HIERARCHY.fullmatch(short):
            hierarchy = name if not hierarchy or short == HIERARCHY else hierarchy
        elif _UNREAD.fullmatch(short):
            unread.append((name, _NO_PLACE))
        elif _is_table(root, name):
            unread.append((name, "it is not named as a table of Open Images"))
    for full in _full(tables):
        tables.remove(full)
        unread.append((full.name, f"{_PART_OF}… has the part of it that was downloaded"))
    there = {(table.kind, table.subset) for table in tables}
    tables = [
        table._replace(kind=_LESSER.get(table.kind, table.kind))
        for table in tables
        if (_LESSER.get(table.kind), table.subset) not in there
    ]
    ordered = [name for _, name in sorted(classes)]
    return Layout(base, tables, ordered, hierarchy, tuple(homes), tuple(unread))


def _is_table(root: InputRoot, name: str) -> bool:
    return name.lower().endswith(".csv") and b"ImageID" in root.read(name, _HEAD).split(b"\n")[0]


def _full(tables: list[Table]) -> list[Table]:
    """Return the tables of which others hold a part."""
    parts = {
        (table.kind, table.subset)
        for table in tables
        if table.name.rpartition("/")[2].lower().startswith(_PART_OF)
    }
    return [
        table
        for table in tables
        if (table.kind, table.subset) in parts
        and not table.name.rpartition("/")[2].lower().startswith(_PART_OF)
    ]


def folder_subset(folder: str, known: Container[str]) -> str:
    """Return the subset of a folder of images: ``train`` for the official part ``train_0``.

    Args:
        folder: Its name below the root.
        known: Names of subsets; one of these is no part of another.
    """
    name = folder.rpartition("/")[2]
    part = _PART.fullmatch(name)
    if part is not None and name not in known:
        name = part[1]
    return name.lower() if name not in known and name.lower() in known else name


def subset_folders(root: InputRoot, layout: Layout, kind: str) -> list[str]:
    """Return the folders below which a dataset's images (or masks) lie, each with its subset's.

    ``images/train``, ``images/train_0`` …, ``images`` itself for files without a subset, and, when
    there is no such folder, folders named like subsets beside the CSV files.
    """
    folders = root.entries(layout.base)[0]
    for wanted in IMAGE_HOMES if kind == "images" else (kind,):
        home = next((name for name in folders if name.lower() == wanted), None)
        if home is not None:
            top = join(layout.base, home)
            return [*(f"{top}/{name}" for name in root.entries(top)[0]), top]
    subsets = {table.subset for table in layout.tables if table.subset}
    official = "|".join(map(re.escape, sorted(subsets | {"train", "validation", "test"})))
    names = f"(?:{official})(?:_[0-9a-f]{{1,2}})?"
    if kind == "masks":
        names = rf"(?:challenge-\d+-)?(?:{official})[-_]masks(?:[-_][0-9a-f])?"
    pattern = re.compile(names, re.IGNORECASE)
    return [join(layout.base, name) for name in folders if pattern.fullmatch(name)]
