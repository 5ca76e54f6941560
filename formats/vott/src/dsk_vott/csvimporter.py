"""Reading VoTT's CSV exports."""

from __future__ import annotations

import csv
import io
from array import array
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, field

from dsk.annotations import Bbox
from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.metafile import read_meta
from dsk.names import clean_name
from dsk_vott.common import ImageFinder, id_of, subset_of
from dsk_vott.detect import find_files, is_csv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["VottCsvImporter"]

_NONE = frozenset({"", "nan", "none", "null"})
_CELLS = 6


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
    """

    file: str
    subset: str
    names: list[str] = field(default_factory=list)
    image: array[int] = field(default_factory=lambda: array("q"))
    label: array[int] = field(default_factory=lambda: array("l"))
    box: array[float] = field(default_factory=lambda: array("d"))
    order: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    first: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))


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
        stated = read_meta(root, names[0].rpartition("/")[0])
        given = stated[0] if stated is not None else Categories()
        labels = {name: n for n, name in enumerate(given.names)}
        tables = [self._table(root, name, labels, ledger) for name in names]
        known = {label.name: label for label in given.labels}
        header = Header(
            categories=Categories(
                tuple(known.get(name) or LabelCategory(name) for name in labels),
                colors=given.colors,
                points=given.points,
            ),
            subsets=tuple(dict.fromkeys(table.subset for table in tables)),
            items=sum(len(table.names) for table in tables),
        )
        return _CsvSource(root, tables, header)

    def _table(self, root: InputRoot, name: str, labels: dict[str, int], ledger: Ledger) -> _Table:
        where = root.show(name)
        table = _Table(name, subset_of(name))
        taker = _Rows(table, labels, ledger)
        with root.open(name) as raw:
            head = raw.readline()
            if not is_csv(head):
                raise InputError(
                    "the first line does not name VoTT's columns",
                    where=f"{where}:1",
                    hint="it is image,xmin,ymin,xmax,ymax,label",
                )
            delimiter = ";" if b";" in head else ","
            text = io.TextIOWrapper(raw, "utf-8", newline="")
            rows = csv.reader(text, delimiter=delimiter)
            try:
                for row in rows:
                    if row:
                        place = f"{where}:{rows.line_num + 1}"
                        taker.take(row, place)
            except (csv.Error, UnicodeDecodeError) as error:
                raise InputError(
                    f"no readable CSV: {error}", where=f"{where}:{rows.line_num + 1}"
                ) from error
        image = np.frombuffer(table.image, np.int64) if table.image else np.empty(0, np.int64)
        table.order = np.argsort(image, kind="stable")
        counts = np.bincount(image, minlength=len(table.names))
        table.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return table


class _Rows:
    """Puts rows into a table."""

    def __init__(self, table: _Table, labels: dict[str, int], ledger: Ledger) -> None:
        self._table = table
        self._labels = labels
        self._ledger = ledger
        self._seen: dict[str, int] = {}
        self._plain: dict[str, int] = {}  # images by their names as written

    def take(self, row: Sequence[str], where: str) -> None:
        """Note one row: a box, or an image without any."""
        if not self._quick(row):
            self._slow(row, where)

    def _quick(self, row: Sequence[str]) -> bool:
        """Note a box of an image that is known; return whether the row is that plain."""
        image = self._plain.get(row[0]) if len(row) == _CELLS else None
        if image is None or not row[5]:
            return False
        try:
            numbers = list(map(float, row[1:5]))
        except ValueError:
            return False
        if not isfinite(sum(numbers)):
            return False
        self._note(image, row[5], numbers)
        return True

    def _note(self, image: int, label: str, box: list[float]) -> None:
        table, labels = self._table, self._labels
        table.image.append(image)
        table.label.append(labels.setdefault(label, len(labels)))
        table.box.extend(box)

    def _slow(self, row: Sequence[str], where: str) -> None:
        try:
            if len(row) != _CELLS:
                raise RecordError(f"a row of {len(row)} cells, not {_CELLS}", where=where)
            name = clean_name(row[0], where)
            clean_name(id_of(name), where)
            empty = [cell.strip().lower() in _NONE for cell in row[1:5]]
            numbers = [] if any(empty) else [float(cell) for cell in row[1:5]]
            if not all(map(isfinite, numbers)):
                raise RecordError("a coordinate is not finite", where=where)
        except ValueError as error:
            self._ledger.bad_record(RecordError(f"no number: {error}", where=where, item=row[0]))
            return
        except InputError as error:
            bad = (
                error if isinstance(error, RecordError) else RecordError(error.message, where=where)
            )
            self._ledger.bad_record(bad)
            return
        ident = id_of(name)
        image = self._seen.get(ident)
        if image is None:
            image = self._seen[ident] = len(self._table.names)
            self._table.names.append(name)
        self._plain[row[0]] = image
        if not numbers or not row[5]:
            if numbers or (row[5] and not all(empty)):
                self._ledger.warn("rows with an empty cell give an image without the box")
            return
        self._note(image, row[5], numbers)


class _CsvSource(Source):
    """An opened VoTT CSV dataset."""

    def __init__(self, root: InputRoot, tables: Sequence[_Table], header: Header) -> None:
        self.header = header
        self._root = root
        self._tables = tables
        self._finders: dict[str, ImageFinder] = {}

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the files' images."""
        return slices(len(table.names) for table in self._tables)

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
            yield DatasetItem(id_of(name), table.subset, finder.image(name), boxes)
