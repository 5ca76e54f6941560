"""``_dseg.tsv``: what the values of a segmentation are called."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, NamedTuple

from dsk.errors import RecordError
from dsk_medical.bids.layout import BidsName, parse

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["Classes", "applying", "read_classes"]

_ABSENT = frozenset({"", "n/a"})
_COLOR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


class Classes(NamedTuple):
    """Names and colours by value."""

    names: dict[int, str]
    colors: dict[int, tuple[int, int, int]]


def read_classes(root: InputRoot, name: str, ledger: Ledger) -> Classes:
    """Read a table; rows without index or name are bad records.

    Raises:
        InputError: It is no UTF-8 text, or has no column ``index``.
    """
    found = Classes({}, {})
    lines = root.text(name).splitlines()
    columns = _cells(lines[0]) if lines else []
    if "index" not in columns:
        ledger.bad_record(
            RecordError("no column 'index'", where=f"{root.show(name)}:1", hint="index and name")
        )
        return found
    for number, line in enumerate(lines[1:], 2):
        cells = dict(zip(columns, _cells(line), strict=False))
        text = cells.get("index", "")
        if not line.strip():
            continue
        if not re.fullmatch(r"\d{1,9}", text):
            where = f"{root.show(name)}:{number}"
            ledger.bad_record(RecordError(f"{text!r} is no value of a segmentation", where=where))
            continue
        value = int(text)
        label = next(
            (t for c in ("name", "abbreviation") if (t := cells.get(c, "")) not in _ABSENT), ""
        )
        found.names[value] = label or f"class_{value}"
        color = _COLOR.fullmatch(cells.get("color", ""))
        if color:
            red, green, blue = (int(part, 16) for part in color.groups())
            found.colors[value] = (red, green, blue)
    return found


def _cells(line: str) -> list[str]:
    """Return the cells of a line; quotes around one are no part of it."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter="\t"), [])]
    except csv.Error:  # a cell of more than 128 KiB
        return []


def applying(name: BidsName, tables: list[str]) -> str:
    """Return the table that applies to a segmentation by inheritance: the nearest one, or ""."""
    best, rank = "", (-1, -1)
    for table in tables:
        folder, _, base = table.rpartition("/")
        other = parse(table)
        entities = other.entities if other else {}
        if other is None and base != "dseg.tsv":
            continue
        above = not folder or f"{name.folder}/".startswith(f"{folder}/")
        if above and entities.items() <= name.entities.items():
            found = (len(folder), len(entities))
            if found > rank:
                best, rank = table, found
    return best
