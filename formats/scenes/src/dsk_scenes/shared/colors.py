"""Tables of labels and colours: ``label_colors.txt``, class CSVs, ``dataset_meta.json``."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError
from dsk.metafile import META_NAME, read_meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.categories import Color
    from dsk.files import InputRoot

__all__ = [
    "COLORS_NAME",
    "Entry",
    "colors_text",
    "parse_class_csv",
    "parse_colors",
    "read_colors",
    "to_categories",
]

COLORS_NAME = "label_colors.txt"
BLACK = (0, 0, 0)

_BLANKS = re.compile(r"\s+")


class Entry(Struct, frozen=True):
    """A label and its colour."""

    name: str
    color: Color | None = None


def parse_colors(text: str, where: str) -> list[Entry]:
    """Parse lines ``R G B name`` or ``name``; ``#`` begins a comment.

    Args:
        text: The file; names may hold blanks.
        where: The file's place, for errors.

    Raises:
        InputError: A colour is no colour or has no name, or a name is there twice.
    """
    entries: dict[str, Entry] = {}
    for number, raw in _lines(text):
        fields = _BLANKS.split(raw, maxsplit=3)
        place = f"{where}:{number}"
        color = _color(fields[:3])
        if color is not None and len(fields) == 4:
            name = fields[3]
        elif len(fields) == 4 and all(f.lstrip("-").isdigit() for f in fields[:3]):
            raise InputError(f"{raw!r} has no colour of numbers from 0 to 255", where=place)
        elif color is not None:
            raise InputError(f"the colour {raw!r} has no label", where=place)
        else:
            name, color = raw, None
        if name in entries:
            raise InputError(f"the label {name!r} is defined twice", where=place)
        entries[name] = Entry(name, color)
    return list(entries.values())


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and content of lines that say something."""
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        line = raw.strip()
        if line and not line.startswith("#"):
            yield number, line


def _color(fields: Sequence[str]) -> Color | None:
    try:
        red, green, blue = (int(field) for field in fields)
    except ValueError:
        return None
    inside = 0 <= min(red, green, blue) <= max(red, green, blue) <= 255
    return (red, green, blue) if inside else None


_NAME_COLUMNS = ("name", "class", "class_name", "label", "label_name", "classes", "category")
_CHANNELS = (("r", "red"), ("g", "green"), ("b", "blue"))
_INDEX_COLUMNS = (
    "id",
    "index",
    "value",
    "label_id",
    "class_id",
    "idx",
    "pixel_value",
    "pixel value",
)


def parse_class_csv(text: str, where: str) -> list[tuple[int | None, Entry]] | None:
    """Parse a table of classes: name with r, g, b, or with the value of its pixels.

    Returns:
        The value of each class, None where the table states none, and the class; or None when the
        first line names no such columns.

    Raises:
        InputError: A row is damaged.
    """
    lines = [line for _, line in _lines(text)]
    if not lines:
        return None
    comma = max(",;\t", key=lines[0].count)
    try:
        rows = list(csv.reader(lines, delimiter=comma, skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"the class table is no CSV: {error}", where=where) from error
    head = [cell.strip().lower() for cell in rows[0]]
    name = next((head.index(c) for c in _NAME_COLUMNS if c in head), None)
    channels = [next((head.index(c) for c in names if c in head), None) for names in _CHANNELS]
    index = next((head.index(c) for c in _INDEX_COLUMNS if c in head), None)
    if name is None or (None in channels and index is None):
        return None
    found: list[tuple[int | None, Entry]] = []
    for number, row in enumerate(rows[1:], 2):
        try:
            color = None
            if None not in channels:
                color = _color([row[n] for n in channels if n is not None])
            value = int(row[index]) if index is not None else None
            label = row[name].strip()
        except (ValueError, IndexError):
            label, color, value = "", None, None
        if not label or (color is None and None not in channels):
            raise InputError(
                f"row {number} of the class table is no class: {','.join(row)!r}", where=where
            )
        found.append((value, Entry(label, color)))
    return found


def read_colors(root: InputRoot, under: str = "") -> list[Entry] | None:
    """Read a dataset's own labels; ``dataset_meta.json`` goes before ``label_colors.txt``.

    Returns:
        None when the folder has neither.

    Raises:
        InputError: The file is damaged.
    """
    prefix = f"{under}/" if under else ""
    found = read_meta(root, under)
    if found is not None:
        categories, _ = found
        entries = [
            Entry(lab.name, categories.colors.get(n)) for n, lab in enumerate(categories.labels)
        ]
        if not entries:
            raise InputError("it names no labels", where=root.show(prefix + META_NAME))
        return entries
    name = prefix + COLORS_NAME
    return parse_colors(root.text(name), root.show(name)) if root.is_file(name) else None


def to_categories(entries: Sequence[Entry]) -> Categories:
    """Return the categories of a table; without any colour the labels get generated ones."""
    colors = {n: e.color for n, e in enumerate(entries) if e.color is not None}
    if not colors:
        from dsk.labelmaps import palette  # it brings numpy, which no detector needs

        colors = dict(enumerate(palette(len(entries))))
    return Categories(labels=tuple(LabelCategory(e.name) for e in entries), colors=colors)


def colors_text(entries: Iterable[Entry]) -> bytes:
    """Return the content of a ``label_colors.txt``."""
    lines = []
    for entry in entries:
        red, green, blue = entry.color or BLACK
        lines.append(f"{red} {green} {blue} {entry.name}\n")
    return "".join(lines).encode()
