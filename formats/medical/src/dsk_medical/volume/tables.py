"""Small text files beside volumes: label lists, class colour maps, CSV tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, RecordError

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "ColorEntry",
    "Labels",
    "Table",
    "color_map_text",
    "read_color_map",
    "read_label_list",
    "read_table",
]


class Labels:
    """Labels by the value that stands for them in label volumes; unknown values are added.

    Adding happens while a dataset is opened; afterwards ``of`` answers None for unknown values.

    Args:
        names: Names by value, ascending or not; their order is that of the labels.
    """

    def __init__(self, names: dict[int, str]) -> None:
        self._names = dict(names)
        self._index = {value: n for n, value in enumerate(self._names)}

    def __len__(self) -> int:
        return len(self._names)

    def of(self, value: int) -> int | None:
        """Return the label of a value, or None."""
        return self._index.get(value)

    def add(self, value: int, name: str) -> bool:
        """Add a value that is not known yet; tell whether it was added."""
        if value in self._index:
            return False
        taken = set(self._names.values())
        while name in taken:
            name += "_"
        self._index[value] = len(self._names)
        self._names[value] = name
        return True

    def categories(self, colors: dict[int, tuple[int, int, int]] | None = None) -> Categories:
        """Return the categories; the value becomes a label's ``source_id``.

        Args:
            colors: Colours by value.
        """
        return Categories(
            labels=tuple(LabelCategory(n, source_id=v) for v, n in self._names.items()),
            colors={self._index[v]: c for v, c in (colors or {}).items() if v in self._index},
        )


def read_label_list(root: InputRoot, name: str, ledger: Ledger) -> Labels:
    """Read a list of class names, one a line: the line's number from 0 is the value.

    Empty lines and names that were there before get the name ``class_<value>``, with a warning.

    Raises:
        InputError: The file is no UTF-8 text.
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    lines = root.text(name).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    for value, line in enumerate(lines):
        label = line.strip()
        if not label or label in taken:
            why = f"{label!r} is there twice" if label else "the line is empty"
            label = f"class_{value}"
            ledger.warn(f"{root.show(name)}:{value + 1}: {why}; value {value} is called {label}")
        taken.add(label)
        names[value] = label
    return Labels(names)


class ColorEntry(NamedTuple):
    """One class of a colour map."""

    value: int
    name: str
    color: tuple[int, int, int] | None


def read_color_map(root: InputRoot, name: str, ledger: Ledger) -> list[ColorEntry]:
    """Read a class colour map: lines ``<value> <name with spaces> <R> <G> <B>``, colour optional.

    Bad lines are bad records, one each. Of a value or name that is there twice the last line
    counts, with a warning.

    Raises:
        InputError: The file is no UTF-8 text.
    """
    entries: dict[int, ColorEntry] = {}
    for number, line in enumerate(root.text(name).splitlines(), 1):
        where = f"{root.show(name)}:{number}"
        if not line.strip():
            continue
        if line.lstrip().startswith("#"):
            ledger.warn(f"{where}: the grammar has no comments; the line is left out")
            continue
        try:
            entry = _color_entry(line.split(), where)
        except RecordError as error:
            ledger.bad_record(error)
            continue
        same = [e for e in entries.values() if e.value == entry.value or e.name == entry.name]
        for old in same:
            ledger.warn(f"{where}: {old.value} {old.name} is there twice; the last line counts")
            entries.pop(old.value, None)
        entries[entry.value] = entry
    return list(entries.values())


def _color_entry(words: list[str], where: str) -> ColorEntry:
    hint = "a line is: value name R G B"
    if len(words) < 2 or not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 9:
        raise RecordError("no line of a class colour map", where=where, hint=hint)
    color = None
    tail = words[-3:]
    if len(words) > 4 and all(w.isascii() and w.lstrip("-").isdigit() for w in tail):
        red, green, blue = (int(w[:9]) for w in tail)
        if not all(0 <= part <= 255 for part in (red, green, blue)):
            raise RecordError(f"{' '.join(tail)} is no colour of 0 to 255", where=where, hint=hint)
        color = (red, green, blue)
        words = words[:-3]
    return ColorEntry(int(words[0]), " ".join(words[1:]), color)


def color_map_text(entries: Sequence[ColorEntry]) -> str:
    """Return a class colour map's text."""
    lines = (
        " ".join([str(e.value), e.name, *(str(part) for part in e.color or ())]) for e in entries
    )
    return "".join(f"{line}\n" for line in lines)


class Table(NamedTuple):
    """A CSV file: header and rows as texts without spaces around them.

    Attributes:
        columns: Names of the columns.
        rows: (line number, cells), cells by column name; rows without any text are left out.
    """

    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]


def read_table(
    root: InputRoot, name: str, *, is_ours: Callable[[list[str]], bool] | None = None
) -> Table | None:
    """Read a CSV file with a header line; comma or semicolon, any line ends.

    Args:
        root: Where it is.
        name: Its name.
        is_ours: Tells by the columns whether it is the expected table; None is returned if not.

    Raises:
        InputError: It is no UTF-8 text, or no CSV.
    """
    text = root.text(name)
    head = text.partition("\n")[0]
    delimiter = ";" if ";" in head and "," not in head else ","
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        if is_ours is not None and not is_ours(columns):
            return None
        rows = []
        for cells in reader:
            texts = [cell.strip() for cell in cells]
            if any(texts):
                rows.append((reader.line_num, dict(zip(columns, texts, strict=False))))
    except csv.Error as error:
        raise InputError(f"no CSV: {error}", where=root.show(name)) from error
    return Table(columns, rows)
