"""Reading VGGFace2: tables of boxes and of five landmarks for each subset."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Annotation, Bbox, Label, Points
from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image, is_image_name
from dsk.metafile import read_meta
from dsk.names import clean_name, stem_of
from dsk_faces.lines import LineIndex, split_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["BOX", "FOLDER", "LANDMARKS", "NO_LABEL", "VggFace2Importer", "find_tables"]

FOLDER = "bb_landmark"
NO_LABEL = "no_label"
BOX = ["NAME_ID", "X", "Y", "W", "H"]
LANDMARKS = ["NAME_ID", *(f"P{n}{axis}" for n in range(1, 6) for axis in "XY")]

_NAME = re.compile(r"loose_(bb|landmark)_(.+)\.csv", re.IGNORECASE)
_DEPTH = 3
_FOLDERS = 64
"""How many folders' files to keep in mind; rows of one folder mostly stand together."""


def find_tables(root: InputRoot) -> tuple[str, dict[str, dict[str, str]]]:
    """Return the folder around a dataset's tables, and the tables (bb, landmark) by subset.

    If one of them was given, those of its subset.
    """
    found: dict[str, dict[str, str]] = {}
    given, _, own = (root.focus or "").rpartition("/")
    alone = _NAME.fullmatch(own)
    home = given if alone else None
    tables = root.walk(depth=_DEPTH, suffixes=(".csv",), words=("loose_",))
    for name in sorted(tables, key=lambda n: (n.count("/"), n)):
        folder, _, base = name.rpartition("/")
        match = _NAME.fullmatch(base)
        if match is None or (home is not None and folder != home):
            continue
        home = folder
        if alone and match[2] != alone[2]:
            continue
        found.setdefault(match[2], {})[match[1].lower()] = name
    outer, _, last = (home or "").rpartition("/")
    return (outer if last == FOLDER else home or ""), found


def _fields(line: str) -> list[str]:
    """Return a row's fields; mostly the first one is quoted, if any is."""
    if '"' not in line:
        return line.split(",")
    if line[0] == '"':
        name, mark, rest = line[1:].partition('",')
        if mark and '"' not in name and '"' not in rest:
            return [name, *rest.split(",")]
    try:
        return next(csv.reader([line], skipinitialspace=True))
    except csv.Error:  # a field of more than 100 000 characters
        return line.split(",")


def _key(line: str) -> str:
    if '"' not in line:
        return line.partition(",")[0].strip()
    return _fields(line)[0].strip()


class VggFace2Importer(Importer):
    """Reads ``bb_landmark/loose_bb_<subset>.csv`` and ``loose_landmark_<subset>.csv``."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            root = root.up()
        home, tables = find_tables(root)
        if not tables:
            raise InputError(
                "no VGGFace2 tables are here",
                where=root.show(root.focus or ""),
                hint=f"they are {FOLDER}/loose_bb_<subset>.csv and loose_landmark_<subset>.csv",
            )
        source = VggFace2Source(root, home, tables)
        source.check(ledger)
        return source


class _Table:
    """A table and where its columns are; ``folders`` are those that its rows name.

    Raises:
        InputError: A column is missing.
    """

    def __init__(self, root: InputRoot, name: str, columns: list[str]) -> None:
        self.folders: set[str] = set()
        self.rows = LineIndex(root, name, _key, 1, self._see)
        head = [f.strip().upper() for f in _fields(self.rows.head[0])] if self.rows.head else []
        missing = [column for column in columns if column not in head]
        if missing or head[0] != columns[0]:
            hint = f"the first line is {','.join(columns)}"
            raise InputError(
                f"the column {(missing or columns)[0]} is missing", where=self.rows.where, hint=hint
            )
        self._columns = [head.index(column) for column in columns[1:]]
        self.gaps = 0

    def _see(self, key: str) -> None:
        self.folders.add(key.replace("\\", "/").rpartition("/")[0])

    def numbers(self, row: int) -> list[float]:
        """Return a row's numbers; nothing if a cell is empty.

        Raises:
            ValueError: A cell is no number.
        """
        fields = _fields(self.rows.row(row))
        try:
            numbers = [float(fields[n]) for n in self._columns]
        except (ValueError, IndexError):
            cells = [fields[n].strip() if n < len(fields) else "" for n in self._columns]
            if "" in cells:
                self.gaps += any(cells)
                return []
            raise
        if not sum(map(abs, numbers)) < float("inf"):
            raise ValueError("a number is not finite")
        return numbers


class _Part(Struct, frozen=True):
    """Some rows of a subset's table; those of boxes are passed over if landmarks have them."""

    subset: str
    table: str
    start: int
    stop: int


class VggFace2Source(Source):
    """Tables of all subsets; holds where their rows are.

    Args:
        root: The dataset.
        home: The folder around the tables.
        tables: The tables by subset.
    """

    def __init__(self, root: InputRoot, home: str, tables: dict[str, dict[str, str]]) -> None:
        self._root = root
        self._prefix = f"{home}/" if home else ""
        columns = {"bb": BOX, "landmark": LANDMARKS}
        self._tables = {
            subset: {kind: _Table(root, name, columns[kind]) for kind, name in found.items()}
            for subset, found in tables.items()
        }
        self._twice = {
            (subset, kind): set(table.rows.repeated().tolist())
            for subset, found in self._tables.items()
            for kind, table in found.items()
        }
        categories = self._read_labels(home)
        self._index = {name: n for n, name in enumerate(categories.names)}
        self._listed: dict[str, tuple[dict[str, str], Callable[[str], Any]]] = {}
        self.header = Header(categories=categories, subsets=tuple(tables))

    def _read_labels(self, home: str) -> Categories:
        meta = read_meta(self._root, home)
        if meta is not None:
            return meta[0]
        labels: dict[str, str] = {}
        if self._root.is_file(f"{self._prefix}labels.txt"):
            named = self._identities()
            for line in map(str.strip, split_lines(self._root, f"{self._prefix}labels.txt")):
                name, _, parent = line.partition(" ")
                if line in named and name not in named:  # a name with a blank, as CVAT writes it
                    name, parent = line, ""
                if name:
                    labels.setdefault(name, parent.strip())
        else:
            for subset in self._tables:
                for name in self._root.entries(f"{self._prefix}{subset}")[0]:
                    if name != NO_LABEL:
                        labels.setdefault(name, "")
            labels.update(dict.fromkeys(sorted(self._identities() - labels.keys()), ""))
        return Categories(labels=tuple(LabelCategory(*pair) for pair in labels.items()))

    def check(self, ledger: Ledger) -> None:
        """Report labels that are in no list, and folders of images that no table names."""
        named = self._identities()
        unknown = sorted(named - self._index.keys())
        if unknown:
            ledger.warn(
                f"{self._root.path}: {len(unknown)} labels of the tables are not listed, "
                f"e.g. {unknown[0]!r}: what is theirs has no label"
            )
        left = []
        for subset, found in self._tables.items():
            own = {name.partition("/")[0] for table in found.values() for name in table.folders}
            folders = self._root.entries(f"{self._prefix}{subset}")[0]
            left += [f"{self._prefix}{subset}/{name}" for name in folders if name not in own]
        if left:
            ledger.warn(
                f"{len(left)} folders of images are in no table and left out, "
                f"such as {self._root.show(left[0])}"
            )

    def _identities(self) -> set[str]:
        """Return the labels that the tables name: images need not be there."""
        folders = {
            folder
            for found in self._tables.values()
            for table in found.values()
            for folder in table.folders
        }
        names = set()
        for folder in folders - {""}:
            try:
                names.add(clean_name(folder).partition("/")[0])
            except UnsafePathError:
                continue  # reading says which row it is
        return names - {NO_LABEL}

    def partitions(self) -> Sequence[Any]:
        """Return slices of the tables."""
        return [
            _Part(subset, kind, *span)
            for subset, found in self._tables.items()
            for kind in ("landmark", "bb")
            if kind in found
            for span in spans(len(found[kind].rows), self.partition_items)
        ]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        part: _Part = partition
        found = self._tables[part.subset]
        rows = found[part.table].rows
        twice = self._twice[part.subset, part.table]
        other = found.get("bb" if part.table == "landmark" else "landmark")
        for number in range(part.start, part.stop):
            where = rows.place(number)
            key = rows.key(number)
            if number in twice:
                message = f"{key!r} is listed before"
                ledger.bad_record(RecordError(message, where=where, item=key))
                continue
            match = -1 if other is None else other.rows.find(key, number)
            if part.table == "bb" and match >= 0:
                continue
            item = clean_name(key, where)
            folder = item.partition("/")[0] if "/" in item else NO_LABEL
            label = None if folder == NO_LABEL else self._index.get(folder)
            points, box = (number, match) if part.table == "landmark" else (match, number)
            annotations: list[Annotation] = []
            if points >= 0:
                annotations += self._annotate(found["landmark"], "landmark", points, label, ledger)
            if box >= 0:
                annotations += self._annotate(found["bb"], "bb", box, label, ledger)
            yield DatasetItem(item, part.subset, self._image(part.subset, item), annotations)

    def _annotate(
        self, table: _Table, kind: str, row: int, label: int | None, ledger: Ledger
    ) -> list[Annotation]:
        """Return what a row says, at most one annotation."""
        try:
            gaps = table.gaps
            numbers = table.numbers(row)
            if table.gaps > gaps:
                ledger.warn(f"{table.rows.where}: rows with some empty cells have no numbers")
        except ValueError as error:
            where = table.rows.place(row)
            ledger.bad_record(RecordError(str(error), where=where, item=table.rows.key(row)))
            return []
        if kind == "bb":
            return [Bbox(*numbers, label=label)] if numbers else []
        if numbers:
            return [Points(points=numbers, label=label)]
        return [Label(label=label)] if label is not None else []

    def _image(self, subset: str, item: str) -> Image:
        """Return an item's image; its ending is looked up in its folder; some are kept in mind."""
        inner, slash, base = item.rpartition("/")
        folder = f"{self._prefix}{subset}{slash}{inner}"
        listed = self._listed.get(folder)
        if listed is None:
            if len(self._listed) >= _FOLDERS:
                self._listed.clear()
            files = filter(is_image_name, self._root.entries(folder)[1])
            found = {stem_of(file): file for file in files}
            listed = self._listed[folder] = (found, self._root.locator(folder, clean=True))
        found, locate = listed
        file = found.get(base) or f"{base}.jpg"
        return Image(f"{inner}{slash}{file}", locate(file))
