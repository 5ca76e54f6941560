"""Reading tables of classes: a row an image, a column a label, 1 where the label applies."""

from __future__ import annotations

import csv
import io
from array import array
from typing import TYPE_CHECKING

from msgspec import Struct, field

from dsk.annotations import Label
from dsk.categories import Categories, GrowingLabels
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.media import is_image_name
from dsk.metafile import read_meta
from dsk.names import clean_name
from dsk.truth import truth_of
from dsk_createml.common import DOUBLE_STEM, ImageFinder, own_id, subsets_of, with_images
from dsk_createml.detect import find_csv, is_classes, unread_csv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["ClassesImporter"]

_HEAD = 1 << 16


class _Table(Struct):
    """The rows of one file.

    Attributes:
        file: Its name.
        subset: Its subset.
        images: Clean names of the images.
        ids: Their ids.
        labels: The labels of all rows, one after the other.
        first: Where each image's begin in ``labels``; one more at the end.
    """

    file: str
    subset: str
    images: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    labels: array[int] = field(default_factory=lambda: array("l"))
    first: array[int] = field(default_factory=lambda: array("q", [0]))

    def add(self, image: str, item: str, labels: Sequence[int] = ()) -> None:
        """Add an image."""
        self.images.append(image)
        self.ids.append(item)
        self.labels.extend(labels)
        self.first.append(len(self.labels))


class ClassesImporter(Importer):
    """Opens tables of classes; it has no options."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        root = with_images(root)
        names = [root.focus] if root.focus is not None else find_csv(root)
        if not names:
            raise InputError(
                "no table of classes",
                where=root.path,
                hint="it is <subset>/_classes.csv: filename, and a column for each label",
            )
        for name in unread_csv(root, names):
            what = "its first line is not: filename, and the names of the labels"
            ledger.warn(f"{root.show(name)} is not read: {what}")
        stated = read_meta(root)
        given = stated[0] if stated is not None else Categories()
        labels = GrowingLabels(given)
        subsets = subsets_of(names, root)
        reader = _Reader(root, labels, ledger)
        tables = [reader.table(name, subsets[name]) for name in names]
        header = Header(
            categories=labels.categories(),
            subsets=tuple(dict.fromkeys(table.subset for table in tables)),
            items=sum(len(table.images) for table in tables),
        )
        return _Source(root, tables, header)


class _Reader:
    """Reads tables; ``labels`` grows by the columns that it has not."""

    def __init__(self, root: InputRoot, labels: GrowingLabels, ledger: Ledger) -> None:
        self._root = root
        self._labels = labels
        self._ledger = ledger

    def table(self, name: str, subset: str) -> _Table:
        """Read a table; images beside it that have no row come last."""
        where = self._root.show(name)
        if not is_classes(self._root.read(name, _HEAD)):
            raise InputError(
                "no table of classes",
                where=f"{where}:1",
                hint="its first line is: filename, and the names of the labels",
            )
        table = _Table(name, subset)
        taken: dict[str, str] = {}
        with self._root.open(name) as raw:
            text = io.TextIOWrapper(raw, "utf-8-sig", newline="")
            rows = csv.reader(text, skipinitialspace=True)
            try:
                columns = self._columns(next(rows), where)
                for row in rows:
                    if any(map(str.strip, row)):
                        self._row(row, columns, table, taken, f"{where}:{rows.line_num}")
            except (csv.Error, UnicodeDecodeError) as error:
                raise InputError(
                    f"no readable CSV: {error}", where=f"{where}:{rows.line_num + 1}"
                ) from error
        self._rest(table, taken)
        return table

    def _columns(self, cells: list[str], where: str) -> list[int]:
        names = [cell.strip() for cell in cells[1:]]
        while names and not names[-1]:
            names.pop()  # a comma at the end of the line
        if len(set(names)) < len(names) or "" in names:
            raise InputError("two labels have one name, or one has none", where=f"{where}:1")
        return [self._labels.number(name) for name in names]

    def _row(
        self, row: list[str], columns: list[int], table: _Table, taken: dict[str, str], where: str
    ) -> None:
        item, name = row[0], row[0].strip()
        try:
            name = clean_name(name, where)
            item = clean_name(own_id(name, taken), where)
            marked = _marked(row, columns)
        except InputError as error:
            self._ledger.bad_record(RecordError(error.message, where=where, item=item))
        except ValueError as error:
            self._ledger.bad_record(RecordError(str(error), where=where, item=item))
        else:
            if item in taken:
                message = "the image has a row already"
                self._ledger.bad_record(RecordError(message, where=where, item=item))
            else:
                self._add(table, name, item, marked)
        taken.setdefault(item, name)

    def _add(self, table: _Table, name: str, item: str, labels: Sequence[int] = ()) -> None:
        if item == name and is_image_name(name):
            self._ledger.warn(DOUBLE_STEM)
        table.add(name, item, labels)

    def _rest(self, table: _Table, taken: dict[str, str]) -> None:
        home = table.file.rpartition("/")[0]
        for name in self._root.entries(home)[1]:
            if is_image_name(name) and (item := own_id(name, taken)) not in taken:
                taken[item] = name
                self._add(table, name, item)


def _marked(row: list[str], columns: list[int]) -> list[int]:
    """Return the labels that a row marks.

    Raises:
        ValueError: It has another number of cells, or another value than 0 and 1.
    """
    if len(row) <= len(columns) or any(map(str.strip, row[len(columns) + 1 :])):
        raise ValueError(f"a row of {len(row)} cells, not {len(columns) + 1}")
    marked = []
    for column, cell in zip(columns, row[1:], strict=False):
        if cell == "0":
            continue
        is_marked = truth_of(cell)
        if is_marked is None:
            raise ValueError(f"{cell!r} is neither 0 nor 1")
        if is_marked:
            marked.append(column)
    return marked


class _Source(Source):
    """An opened dataset."""

    def __init__(self, root: InputRoot, tables: Sequence[_Table], header: Header) -> None:
        self.header = header
        self._root = root
        self._tables = tables
        self._finders: dict[int, ImageFinder] = {}

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the tables' images."""
        return slices(len(table.images) for table in self._tables)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        number, start, stop = partition
        table = self._tables[number]
        finder = self._finders.get(number)
        if finder is None:
            home = table.file.rpartition("/")[0]
            finder = self._finders[number] = ImageFinder(self._root, home, table.subset)
        for n in range(start, stop):
            name = table.images[n]
            found: list[Annotation] = [
                Label(label=label) for label in table.labels[table.first[n] : table.first[n + 1]]
            ]
            yield DatasetItem(table.ids[n], table.subset, finder.image(name), found)
