"""Reading VoTT's CSV exports."""

from __future__ import annotations

import csv
import io
from array import array
from math import inf, isfinite
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, field

from dsk.annotations import Bbox
from dsk.categories import GrowingLabels
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.metafile import stated_labels
from dsk.names import clean_name
from dsk_vott.common import ImageFinder, id_of, subset_of
from dsk_vott.detect import COLUMNS, csv_columns, find_files, is_csv, unread_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["VottCsvImporter"]

_NONE = frozenset({"", "nan", "none", "null"})
_CELLS = len(COLUMNS)
_LONGEST_HEAD = 1 << 16


class _Table(Struct):
    """The rows of one file, by image.

    Attributes:
        file: Its name.
        subset: Its subset.
        names: Names of images, in order of appearance.
        image: Image of each box.
        label: Label of each box.
        box: Four numbers for each box: xmin, ymin, xmax, ymax.
        order: Numbers of boxes by image.
        first: Where each image begins in ``order``; one more at the end.
        renamed: Ids of images that are not their names without ending.
    """

    file: str
    subset: str
    names: list[str] = field(default_factory=list)
    image: array[int] = field(default_factory=lambda: array("q"))
    label: array[int] = field(default_factory=lambda: array("l"))
    box: array[float] = field(default_factory=lambda: array("d"))
    order: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    first: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    renamed: dict[int, str] = field(default_factory=dict)


class VottCsvImporter(Importer):
    """Opens VoTT CSV exports."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        names = [root.focus] if root.focus is not None else find_files(root, "csv")
        if not names:
            raise InputError(
                "no VoTT export",
                where=root.path,
                hint="VoTT writes <project>-export.csv with the columns image, xmin, ymin, …",
            )
        for name in unread_files(root, "csv", names):
            what = "its first line does not name VoTT's columns"
            ledger.warn(f"{root.show(name)} is not read: {what}")
        labels = GrowingLabels(stated_labels(root, names[0].rpartition("/")[0]))
        taken: set[tuple[str, str]] = set()
        tables = [self._table(root, name, _Rows(labels, taken, ledger)) for name in names]
        header = Header(
            categories=labels.categories(),
            subsets=tuple(dict.fromkeys(table.subset for table in tables)),
            items=sum(len(table.names) for table in tables),
        )
        return _CsvSource(root, tables, header)

    def _table(self, root: InputRoot, name: str, rows: _Rows) -> _Table:
        where = root.show(name)
        table = rows.table = _Table(name, subset_of(name))
        with root.open(name) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
            line = 1
            try:
                head = text.readline(_LONGEST_HEAD)
                if len(head) == _LONGEST_HEAD or not is_csv(head.encode()):
                    raise InputError(
                        "the first line does not name VoTT's columns",
                        where=f"{where}:1",
                        hint="it is image,xmin,ymin,xmax,ymax,label",
                    )
                rows.decimal_comma = ";" in head
                rows.order(csv_columns(head.strip()), where)
                reader = csv.reader(text, delimiter=";" if ";" in head else ",")
                for row in reader:
                    line = reader.line_num + 1
                    if any(row):
                        rows.take(row, f"{where}:{line}")
            except (csv.Error, UnicodeDecodeError) as error:
                raise InputError(f"no readable CSV: {error}", where=f"{where}:{line}") from error
        image = np.frombuffer(table.image, np.int64) if table.image else np.empty(0, np.int64)
        table.order = np.argsort(image, kind="stable")
        counts = np.bincount(image, minlength=len(table.names))
        table.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return table


class _Rows:
    """Puts rows into a table.

    Args:
        labels: The labels; gets those that are new.
        taken: Subsets and ids of images, those of earlier tables among them.
        ledger: Where bad rows go.

    Attributes:
        table: The table.
        decimal_comma: Numbers may have one, as spreadsheets write it where cells end in semicolons.
    """

    table: _Table
    decimal_comma = False
    _width = _CELLS
    _pick: Callable[[Sequence[str]], Sequence[str]] | None = None

    def __init__(self, labels: GrowingLabels, taken: set[tuple[str, str]], ledger: Ledger) -> None:
        self._labels = labels
        self._taken = taken
        self._ledger = ledger
        self._seen: dict[str, int] = {}  # images by their clean names
        self._plain: dict[str, int] = {}  # and as written

    def order(self, columns: list[str], where: str) -> None:
        """Note where the columns are, if they are not VoTT's alone and in its order."""
        if columns != COLUMNS:
            self._width = len(columns)
            self._pick = itemgetter(*map(columns.index, COLUMNS))
            for name in sorted(set(columns) - {*COLUMNS, ""}):
                self._ledger.warn(f"the column {name} of {where} is not read")

    def take(self, row: Sequence[str], where: str) -> None:
        """Note one row: a box, or an image without any."""
        if len(row) != self._width:
            what = f"a row of {len(row)} cells, not {self._width}"
            self._ledger.bad_record(RecordError(what, where=where))
            return
        if self._pick is not None:
            row = self._pick(row)
        if not self._quick(row):
            self._slow(row, where)

    def _quick(self, row: Sequence[str]) -> bool:
        """Note a box of an image that is known; return whether the row is that plain."""
        image = self._plain.get(row[0])
        if image is None or not row[5]:
            return False
        try:
            numbers = list(map(float, row[1:5]))
        except ValueError:
            return False
        if _wrong(numbers):
            return False
        self._note(image, row[5], numbers)
        return True

    def _note(self, image: int, label: str, box: list[float]) -> None:
        table = self.table
        table.image.append(image)
        table.label.append(self._labels.number(label))
        table.box.extend(box)

    def _slow(self, row: Sequence[str], where: str) -> None:
        try:
            name = clean_name(row[0], where)
            clean_name(id_of(name), where)
            empty = [cell.strip().lower() in _NONE for cell in row[1:5]]
            numbers = [] if any(empty) else [self._number(cell) for cell in row[1:5]]
            if numbers and _wrong(numbers):
                raise RecordError(_wrong(numbers), where=where)
        except ValueError as error:
            self._ledger.bad_record(RecordError(f"no number: {error}", where=where, item=row[0]))
            return
        except InputError as error:
            bad = (
                error if isinstance(error, RecordError) else RecordError(error.message, where=where)
            )
            self._ledger.bad_record(bad)
            return
        image = self._plain[row[0]] = self._image(name)
        if not numbers or not row[5]:
            if numbers or (row[5] and not all(empty)):
                self._ledger.warn("rows with an empty cell give an image without the box")
            return
        self._note(image, row[5], numbers)

    def _number(self, cell: str) -> float:
        return float(cell.replace(",", ".") if self.decimal_comma else cell)

    def _image(self, name: str) -> int:
        """Return the number of an image; of two with one id the later one gets another id."""
        image = self._seen.get(name)
        if image is not None:
            return image
        table = self.table
        image = self._seen[name] = len(table.names)
        table.names.append(name)
        ident = unique = id_of(name)
        number = 1
        while (table.subset, unique) in self._taken:
            number += 1
            unique = f"{ident}_{number}"
        self._taken.add((table.subset, unique))
        if unique != ident:
            table.renamed[image] = unique
            self._ledger.warn("images of a subset that have the same id get a number behind it")
        return image


def _wrong(box: Sequence[float]) -> str:
    """Return what is wrong with xmin, ymin, xmax and ymax; "" if nothing is."""
    left, top, right, bottom = box
    if 0 <= right - left < inf and 0 <= bottom - top < inf:
        return ""
    if all(map(isfinite, box)) and (right < left or bottom < top):
        return f"a box has its edges swapped: xmin, ymin, xmax, ymax = {str(box)[1:-1]}"
    return "a coordinate is not finite"


class _CsvSource(Source):
    """An opened VoTT CSV dataset."""

    def __init__(self, root: InputRoot, tables: Sequence[_Table], header: Header) -> None:
        self.header = header
        self._root = root
        self._tables = tables
        self._finders: dict[str, ImageFinder] = {}

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the files' images."""
        return slices((len(table.names) for table in self._tables), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        number, start, stop = partition
        table = self._tables[number]
        home = table.file.rpartition("/")[0]
        finder = self._finders.get(home)
        if finder is None:
            finder = self._finders[home] = ImageFinder(self._root, home)
        labels, numbers = table.label, table.box
        for n in range(start, stop):
            boxes: list[Annotation] = []
            for k in table.order[table.first[n] : table.first[n + 1]].tolist():
                left, top, right, bottom = numbers[4 * k : 4 * k + 4]
                boxes.append(Bbox(left, top, right - left, bottom - top, label=labels[k]))
            name = table.names[n]
            item_id = table.renamed.get(n) or id_of(name)
            yield DatasetItem(item_id, table.subset, finder.image(name), boxes)
