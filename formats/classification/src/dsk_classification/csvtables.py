"""Which CSV files of a dataset are tables of images, as MNIST is in CSV."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = [
    "TableFile",
    "fields_of",
    "find_tables",
    "first_row",
    "looks_like_table",
    "meta_name",
    "side_of",
]

_DEPTH = 3
_LOOKS = 50
"""Tables that are looked into: where there are very many, they are not MNIST's."""
_HEAD = 1 << 16
_PREFIX, _EMNIST = "mnist_", "emnist"


class TableFile(Struct, frozen=True):
    """A table: its name, its subset, and which of EMNIST's datasets it belongs to, or ""."""

    name: str
    subset: str
    split: str


def subset_of(stem: str) -> str:
    """Return the subset of a file: ``mnist_train``, ``fashion-mnist_train``, ``train``."""
    if stem.lower().startswith(_PREFIX):
        return stem[len(_PREFIX) :]
    return stem.rpartition("_")[2]


def meta_name(subset: str) -> str:
    """Return the name of a subset's table of ids and sizes."""
    return f"meta_{subset}.csv"


def first_row(root: InputRoot, name: str) -> tuple[list[str], list[str]]:
    """Return the fields of the header, if there is one, and of the first row of numbers."""
    lines = root.read(name, _HEAD).decode("utf-8-sig", "replace").splitlines()
    return fields_of([line for line in lines if line.strip()][:2])


def fields_of(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return what ``first_row`` does of a file's first two lines."""
    header: list[str] = []
    if lines and _is_header(lines[0].split(",")):
        header = [field.strip().strip('"') for field in lines.pop(0).split(",")]
    return header, lines[0].split(",") if lines else []


def _is_header(fields: list[str]) -> bool:
    """Whether a row names columns: numbers among names are of one column each, pixels repeat."""
    names = [field for field in fields if not _is_number(field)]
    numbers = [field for field in fields if _is_number(field)]
    worded = any(letter.isalpha() for name in names for letter in name)
    return worded and len(set(numbers)) == len(numbers)


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field.strip().strip('"')))
    except ValueError:
        return False


def _are_numbers(fields: list[str]) -> bool:
    return all(field.strip().strip('"').lstrip("-").isdecimal() for field in fields)


def looks_like_table(root: InputRoot, name: str) -> bool:
    """Whether a file's first row is a label, the pixels of a square image, or both."""
    header, row = first_row(root, name)
    if not row or not _are_numbers(row):
        return False
    if header and len(header) != len(row):
        return False
    if header and not any("pixel" in field or "x" in field for field in header[1:]):
        return False
    return len(row) == 1 or side_of(len(row)) > 1 or side_of(len(row) - 1) > 1


def side_of(count: int) -> int:
    """Return height and width of a square image of so many pixels, or 0."""
    side = math.isqrt(max(count, 0))
    return side if side * side == count else 0


def find_tables(root: InputRoot) -> list[TableFile]:
    """Return the tables of one folder; files called ``mnist_*`` without a look."""
    tables = root.walk(depth=_DEPTH, suffixes=(".csv",))
    names = [root.focus] if root.focus else sorted(tables, key=_depth)
    found: list[tuple[str, str]] = []
    home = None
    looks = _LOOKS
    for name in names:
        folder, _, base = name.rpartition("/")
        stem, dot, ending = base.rpartition(".")
        if ending.lower() != "csv" or not dot or stem.lower().startswith("meta"):
            continue
        if home is not None and folder != home:
            continue
        known = root.focus is not None or stem.lower().startswith(_PREFIX)
        if not known and home is None:
            looks -= 1
        if known or (looks >= 0 and looks_like_table(root, name)):
            home = folder
            found.append((stem, name))
    return _named(found)


def _named(found: list[tuple[str, str]]) -> list[TableFile]:
    """Return tables with their subsets; those that would be in one are called like their files."""
    files = []
    for stem, name in found:
        parts = stem.split("-")
        if parts[0].lower() == _EMNIST and len(parts) == 3:
            files.append(TableFile(name, parts[2], parts[1]))
        else:
            files.append(TableFile(name, subset_of(stem), ""))
    counts = Counter((file.split, file.subset) for file in files)
    return [
        file if counts[file.split, file.subset] == 1 else TableFile(name, stem, file.split)
        for file, (stem, name) in zip(files, found, strict=True)
    ]


def _depth(name: str) -> tuple[int, str]:
    return name.count("/"), name
