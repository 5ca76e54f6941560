"""Reading MNIST in CSV: a row for each image, its label first, then its pixels."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from itertools import pairwise
from math import nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dsk.annotations import Label
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image
from dsk_classification.csvtables import fields_of, find_tables, meta_name, side_of
from dsk_classification.ids import unique_ids
from dsk_classification.mnist import choose_split, read_labels, read_names
from dsk_classification.numbered import numbered
from dsk_classification.numbers import parse_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_classification.csvtables import TableFile

__all__ = ["MnistCsvImporter", "Table"]

_STEP = 1 << 22
_NEWLINE, _RETURN = 10, 13
_BLANK = re.compile(rb"\n{2,}")
_SHOWN = 20
_CELL = 40

_WIDE = 1 << 22
"""Bytes of a line that are looked at to tell its columns: a million pixels."""


class MnistCsvImporter(Importer):
    """Reads ``mnist_<subset>.csv``.

    Args:
        split: Which of EMNIST's datasets to read, if there are several ("letters").
        transpose: Whether images are stored column by column; auto: those of EMNIST are.
    """

    def __init__(
        self,
        *,
        split: str | None = None,
        transpose: Literal["auto", "yes", "no"] = "auto",
    ) -> None:
        self._split = split
        self._transpose = transpose

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        tables = find_tables(root)
        if not tables:
            raise InputError(
                "no table of images is here",
                where=root.show(root.focus or ""),
                hint="they are called mnist_<subset>.csv; a row is: label, pixels",
            )
        chosen = choose_split(root, sorted({file.split for file in tables}), self._split)
        tables = [file for file in tables if chosen in (None, file.split)]
        turn = self._transpose == "yes" or (self._transpose == "auto" and bool(tables[0].split))
        return MnistCsvSource(root, tables, ledger, turn=turn)


class Table:
    """One file: where its rows are, and what their columns are.

    Attributes:
        starts: Where rows begin, and where the last one ends.
        lines: The number of each row's line.
        labels: The column of labels, or None.
        ids: The items' ids, and ``sizes`` their (height, width), if they are stated.

    Raises:
        InputError: It was not fetched, or its table of ids and sizes does not fit it.
    """

    def __init__(self, root: InputRoot, file: TableFile, ledger: Ledger) -> None:
        name = file.name
        self.where = root.show(name)
        self.text = root.buffer(name)
        self.starts, self.lines = _lines(self.text)
        header, row = fields_of([self._line(n) for n in range(min(2, len(self)))])
        if header:
            self.starts, self.lines = self.starts[1:], self.lines[1:]
        folder, slash, _ = name.rpartition("/")
        meta = f"{folder}{slash}{meta_name(file.subset)}"
        ids, self.sizes = _read_meta(root, meta, len(self))
        self.ids = None if ids is None else unique_ids(ids, root.show(meta), ledger)
        self.labels = _label_column(header, row, self.sizes[0] if self.sizes else None)
        self._last = len(row) - 1

    def __len__(self) -> int:
        return len(self.starts) - 1

    def _line(self, number: int) -> str:
        start, stop = self.starts[number : number + 2].tolist()
        return bytes(self.text[start : min(stop, start + _WIDE)]).decode("utf-8", "replace").strip()

    def chunk(self, first: int, last: int) -> bytes:
        """Return the text of some rows."""
        data = bytes(self.text[int(self.starts[first]) : int(self.starts[last])])
        data = data.replace(b"\r\n", b"\n") if b"\r" in data else data
        return _BLANK.sub(b"\n", data) if b"\n\n" in data else data

    def highest(self) -> int:
        """Return the highest label, as far as labels are numbers in the first or last column."""
        top = -1
        if self.labels not in (0, self._last):
            return top
        for start, stop in pairwise(self.starts.tolist()):
            if self.labels == 0:
                field = bytes(self.text[start : min(stop, start + _CELL)]).split(b",")[0]
            else:
                row = bytes(self.text[max(start, stop - _CELL) : stop])
                field = row.rstrip().rpartition(b",")[2]
            field = field.strip().strip(b'"')
            if field.isdigit():
                top = max(top, int(field))
            elif b"." in field:
                with contextlib.suppress(ValueError):
                    top = max(top, _whole(field))
        return top


def _lines(text: memoryview) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where lines begin and where the last one ends, and their numbers; not of blank ones.

    A byte-order mark belongs to no line.
    """
    end = len(text)
    while end and text[end - 1] in b"\r\n":
        end -= 1
    begin = 3 if bytes(text[:3]) == b"\xef\xbb\xbf" else 0
    found = [np.full(int(begin < end), begin, dtype=np.int64)]
    for place in range(0, end, _STEP):
        chunk = np.frombuffer(text[place : min(end, place + _STEP)], np.uint8)
        found.append(np.flatnonzero(chunk == _NEWLINE) + place + 1)
    starts = np.concatenate(found)
    marks = np.frombuffer(text, np.uint8)[starts] if len(starts) else starts
    filled = (marks != _NEWLINE) & (marks != _RETURN)
    return np.append(starts[filled], end), np.flatnonzero(filled) + 1


def _label_column(header: list[str], row: list[str], size: tuple[int, int] | None) -> int | None:
    """Return the column of labels: the first one, unless the table has pixels only.

    Args:
        header: The columns' names, if the table has them.
        row: The first row.
        size: Height and width of its image, when they are known: 27 × 29 pixels and a label are
            as many values as 28 × 28 pixels without one.
    """
    for number, field in enumerate(header):
        if field.lower() in ("label", "class", "labels"):
            return number
    if header:
        return None
    if size is not None and size[0] * size[1] in (len(row), len(row) - 1):
        return None if size[0] * size[1] == len(row) else 0
    return None if side_of(len(row)) > 1 else 0


def _read_meta(
    root: InputRoot, name: str, count: int
) -> tuple[list[str] | None, list[tuple[int, int]] | None]:
    """Read a table of ids and sizes: rows of id; height, width; or all three."""
    if not root.is_file(name):
        return None, None
    where = root.show(name)
    try:
        rows = list(csv.reader(io.StringIO(root.text(name), newline="")))
    except csv.Error as error:
        raise InputError(f"damaged table of ids and sizes: {error}", where=where) from error
    rows = rows[: max(count, len([row for row in rows if row]))]
    if len(rows) != count:
        raise InputError(f"{len(rows)} rows for {count} images", where=where)
    if not rows:
        return None, None
    # int() takes fewer characters for blanks than strip(), and no more than 4300 digits
    bare = [[field.strip() for field in row] for row in rows]
    numeric = [[field.isdecimal() and len(field) < 10 for field in row] for row in bare]
    if all(len(row) == 2 and all(row) for row in numeric):
        return None, [(int(h), int(w)) for h, w in bare]
    if all(len(row) > 2 and all(row[-2:]) for row in numeric):
        return [",".join(row[:-2]) for row in rows], [(int(r[-2]), int(r[-1])) for r in bare]
    return [",".join(row) for row in rows], None


class MnistCsvSource(Source):
    """Tables of images; holds where their rows are.

    Args:
        root: The dataset.
        files: The tables.
        ledger: Is told about ids that are made unique.
        turn: Whether images are stored column by column.
    """

    def __init__(
        self, root: InputRoot, files: Sequence[TableFile], ledger: Ledger, *, turn: bool
    ) -> None:
        self._turn = turn
        self._tables = {file.subset: Table(root, file, ledger) for file in files}
        home = files[0].name.rpartition("/")[0]
        highest = max(table.highest() for table in self._tables.values())
        categories, self._numbers = _labels(root, home, files[0].split, highest)
        self._labels = len(categories.labels)
        self.header = Header(categories=categories, subsets=tuple(self._tables))

    def partitions(self) -> Sequence[Any]:
        """Return slices of the tables."""
        return [
            (subset, *span)
            for subset, table in self._tables.items()
            for span in spans(len(table), self.partition_items)
        ]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        subset, start, stop = partition
        table = self._tables[subset]
        chunk = table.chunk(start, stop)
        values = parse_bytes(chunk)
        lines = [] if values is not None else chunk.split(b"\n")
        for number in range(start, stop):
            item = str(number)
            where = f"{table.where}:{table.lines[number]}"
            if table.ids is not None:
                item = table.ids[number]
            try:
                row = _row(lines[number - start]) if values is None else values[number - start]
                label, image = self._parse(table, number, row, item)
            except ValueError as error:
                ledger.bad_record(RecordError(str(error), where=where, item=item))
                continue
            annotations = [] if label is None else [Label(label=label)]
            yield DatasetItem(item, subset, image, tuple(annotations))

    def _parse(
        self, table: Table, number: int, row: NDArray[np.int64], item: str
    ) -> tuple[int | None, Image | None]:
        label = None
        pixels = row
        if table.labels is not None:
            if table.labels >= len(row):
                raise ValueError("the row is empty")
            label = int(row[table.labels])
            pixels = np.delete(row, table.labels) if table.labels else row[1:]
        if label is not None and label != -1 and label not in self._numbers:
            raise ValueError(f"label {label} of {self._labels} labels, counted from 0")
        if pixels.size and not 0 <= pixels.min() <= pixels.max() <= 255:
            raise ValueError("pixels are 0 to 255")
        side = side_of(len(pixels))
        height, width = (side, side) if table.sizes is None else table.sizes[number]
        if pixels.size and height * width != len(pixels):
            shape = f"{height} × {width} pixels" if height else "a square image"
            raise ValueError(f"{len(pixels)} values for {shape}")
        image = None
        if pixels.size:
            shown = pixels.astype(np.uint8).reshape(height, width)
            image = Image.from_array(shown.swapaxes(0, 1) if self._turn else shown, f"{item}.png")
        return (None if label in (None, -1) else self._numbers[label]), image


def _labels(
    root: InputRoot, home: str, split: str, highest: int
) -> tuple[Categories, dict[int, int]]:
    """Return the labels and the index of each number in the tables."""
    if split:
        return read_labels(root, home, split, highest)
    found = read_names(root, home)
    if found is None:
        found = numbered(highest, root.show(home), prefix="", least=10)
    return found, {n: n for n in range(len(found.labels))}


def _row(line: bytes) -> NDArray[np.int64]:
    """Return the numbers of a row that is written in another way than most are."""
    fields = [field.strip().strip(b'"') for field in line.split(b",")]
    try:
        numbers = [int(field) for field in fields]
    except ValueError:
        numbers = [_whole(field) for field in fields]
    if numbers and not all(-(1 << 31) < n < 1 << 31 for n in numbers):
        raise ValueError("a number is far too large")
    return np.array(numbers, dtype=np.int64)


def _whole(field: bytes) -> int:
    try:
        number = float(field)
    except ValueError:
        number = nan
    if not number.is_integer():
        shown = field[:_SHOWN].decode("utf-8", "replace")
        raise ValueError(f"{shown!r} is no whole number")
    return int(number)
