"""Telling Create ML's JSON and tables from other datasets, and finding their files."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.listings import levels
from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dsk.files import InputRoot

__all__ = [
    "BOXES_NAME",
    "BOX_COLUMNS",
    "CSV_NAME",
    "JSON_NAME",
    "box_columns",
    "detect_boxes",
    "detect_csv",
    "detect_json",
    "find_boxes",
    "find_csv",
    "find_json",
    "is_classes",
    "unread_boxes",
    "unread_csv",
]

JSON_NAME = "_annotations.createml.json"
CSV_NAME = "_classes.csv"
BOXES_NAME = "_annotations.csv"
BOX_COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
_NEEDED = frozenset(BOX_COLUMNS) - {"width", "height"}

_HEAD = 1 << 16
_DEPTH = 3
_LOOKS = 50
"""How many files with other names are looked into in a level of folders."""

_NAMES_SEEN = 50_000
"""How many names of XML files are compared with the images that a table lists."""

_BOM = b"\xef\xbb\xbf"
_LIST = re.compile(rb"\s*\[\s*(?:\{|\])")
_IMAGE = re.compile(rb'"(?:image|image_?file_?name|filename)"\s*:\s*"', re.IGNORECASE)
_ANNOTATIONS = re.compile(rb'"annotations?"\s*:\s*[\["]')
_BOX = re.compile(rb'"coordinates"\s*:\s*\{\s*"(?:x|y|width|height)"\s*:')
_LABEL = rb'(?:"|\{\s*"label"\s*:\s*(?:"[^"]*"|\d+)\s*\})'
_NAMES = re.compile(rb'"annotations?"\s*:\s*(?:\[\s*)?' + _LABEL)
_COLORS = re.compile(rb"(?:\xef\xbb\xbf)?\s*\"?pixel value\b", re.IGNORECASE)
_OBJECTS = re.compile(rb'"annotations?"\s*:\s*(?:\[\s*)?(?!\s|\[|\]|' + _LABEL + rb")[^\s]")


def is_boxes(head: bytes) -> bool:
    """Tell by its first bytes whether a JSON file is Create ML's, with boxes."""
    head = head.removeprefix(_BOM)
    return bool(
        _LIST.match(head)
        and _IMAGE.search(head)
        and _ANNOTATIONS.search(head)
        and _BOX.search(head)
    )


def is_plain(head: bytes) -> bool:
    """Tell whether a JSON file lists images with label names, or without any annotation."""
    head = head.removeprefix(_BOM)[: head.rfind(b"}") + 1]  # whole records
    listed = _LIST.match(head) and _IMAGE.search(head) and _ANNOTATIONS.search(head)
    return bool(listed) and _OBJECTS.search(head) is None


def is_classes(head: bytes) -> bool:
    """Tell by its first lines whether a CSV file is a table of classes."""
    lines = head.removeprefix(_BOM).splitlines()
    cells = lines[0].split(b",") if lines else []
    if not cells or cells[0].strip().strip(b'"').lower() != b"filename":
        return False
    row = next((line for line in lines[1:] if line.strip()), None)
    if row is None:
        return True
    values = [cell.strip().strip(b'"') for cell in row.split(b",")]
    if len(cells) == 1:  # there is no label
        return len(values) == 1
    return len(values) > 1 and values[-1] in (b"0", b"1", b"")


def _named(name: str, wanted: str) -> bool:
    return name.rpartition("/")[2].lower() == wanted


def _pick(root: InputRoot, names: list[str], judge: Callable[[bytes], bool]) -> list[str]:
    return [name for name in names[:_LOOKS] if judge(root.read(name, _HEAD))]


def find_json(root: InputRoot) -> list[str]:
    """Return the files of a Create ML dataset: those of the shallowest folders that have any."""
    for names in levels(root, (".json",), _DEPTH):
        found = [name for name in names if _named(name, JSON_NAME)]
        found = found or _pick(root, names, is_boxes)
        if found:  # a split without boxes is one of the dataset too
            others = [name for name in names if name not in found]
            return sorted([*found, *_siblings(root, found, others)])
        found = _pick(root, names, is_plain)
        if found:
            return found
    return []


def _siblings(root: InputRoot, found: list[str], others: list[str]) -> list[str]:
    if _named(found[0], JSON_NAME):
        return []
    return _pick(root, others, is_plain)


def find_csv(root: InputRoot) -> list[str]:
    """Return the tables of a dataset: those of the shallowest folders that have any."""
    for names in levels(root, (".csv",), _DEPTH):
        found = [name for name in names if root.focus is not None or _named(name, CSV_NAME)]
        found = [name for name in found if is_classes(root.read(name, _HEAD))]
        if found:
            return found
    return []


def box_columns(head: bytes) -> list[str] | None:
    """Return the columns of a table of boxes by its first bytes; None if it is none."""
    line = head.removeprefix(_BOM).partition(b"\n")[0]
    names = [cell.strip().strip('"').lower() for cell in line.decode("utf-8", "replace").split(",")]
    return names if set(names) >= _NEEDED and len(set(names)) == len(names) else None


def find_boxes(root: InputRoot) -> list[str]:
    """Return the tables of boxes: those of the shallowest folders that have any."""
    for names in levels(root, (".csv",), _DEPTH):
        named = [name for name in names if _named(name, BOXES_NAME)]
        found = [name for name in named if box_columns(root.read(name, _HEAD))]
        found = found or _pick(root, names, lambda head: box_columns(head) is not None)
        if found:
            return found
    return []


def unread_boxes(root: InputRoot, found: Sequence[str]) -> list[str]:
    """Return the files beside tables of boxes that are called as these are, but are none."""
    return _called(root, found, BOXES_NAME)


def unread_csv(root: InputRoot, found: Sequence[str]) -> list[str]:
    """Return the files beside tables of classes that are called as these are, but are none.

    Roboflow calls the lists of colours beside its masks so, too; these are no damaged tables.
    """
    names = _called(root, found, CSV_NAME)
    return [name for name in names if not _COLORS.match(root.read(name, _HEAD))]


def _called(root: InputRoot, found: Sequence[str], wanted: str) -> list[str]:
    """Return the files of a name in the level of folders of those found, but for these."""
    if root.focus is not None or not found:
        return []
    depth = found[0].count("/")
    level = next(islice(levels(root, (".csv",), depth), depth, None), [])
    return [name for name in level if _named(name, wanted) and name not in found]


def detect_json(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    found = find_json(root)
    for name in found[:_LOOKS]:
        head = root.read(name, _HEAD)
        if is_boxes(head):
            return Detection(90, f"{name} lists images with labels and coordinates of boxes")
        if _named(name, JSON_NAME) and (is_plain(head) or head.strip() == b"[]"):
            return Detection(80, f"{name} is named as Create ML's, and has no box")
    if found and _NAMES.search(root.read(found[0], _HEAD)):
        return Detection(60, f"{found[0]} lists images with names of labels")
    return None


def detect_csv(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    found = find_csv(root)
    if not found:
        return None
    bare = b"," not in root.read(found[0], _HEAD).split(b"\n", 1)[0]
    score = 90 if _named(found[0], CSV_NAME) else 10 if bare else 60
    return Detection(score, f"{found[0]} is a table of images and classes")


def _repeats_voc(root: InputRoot, table: str) -> bool:
    """Whether VOC's XML files of some listed images are there: tables are made from these."""
    head = root.read(table, _HEAD)
    columns = box_columns(head)
    if root.focus is not None or columns is None:
        return False
    at = columns.index("filename")
    rows = [line.split(b",") for line in head.splitlines()[1 : _LOOKS + 1]]
    listed = [row[at].decode("utf-8", "replace").strip().strip('"') for row in rows if row[at:]]
    wanted = {stem_of(name.replace("\\", "/").rpartition("/")[2]) for name in listed}
    for name in islice(root.walk(depth=_DEPTH + 2, suffixes=(".xml",)), _NAMES_SEEN):
        if stem_of(name.rpartition("/")[2]) in wanted:
            found = root.read(name, _HEAD)
            return b"<annotation>" in found and b"<bndbox>" in found
    return False


def detect_boxes(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    found = find_boxes(root)
    if not found:
        return None
    # Tables of other names are often made of what lies beside them, or the other way round.
    score = 90 if _named(found[0], BOXES_NAME) else 65 if _repeats_voc(root, found[0]) else 70
    return Detection(score, f"{found[0]} is a table of images, classes and boxes")
