"""Reading tables of classes: a row an image, a column a label, 1 where the label applies."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from msgspec import field

from dsk.annotations import Label
from dsk.errors import InputError
from dsk.flow import Importer
from dsk.names import clean_name
from dsk.truth import truth_of
from dsk_createml.common import own_id, with_images
from dsk_createml.detect import find_csv, is_classes, unread_csv
from dsk_createml.tables import Table, TableReader, TableSource, open_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["ClassesImporter"]

_HEAD = 1 << 16


class _Classes(Table):
    """The rows of one file.

    Attributes:
        labels: The labels of all rows, one after the other.
        first: Where each image's begin in ``labels``; one more at the end.
    """

    labels: array[int] = field(default_factory=lambda: array("l"))
    first: array[int] = field(default_factory=lambda: array("q", [0]))


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
        tables, header = open_tables(root, names, _Reader, ledger)
        return _Source(root, tables, header)


class _Reader(TableReader[_Classes]):
    def table(self, name: str, subset: str) -> _Classes:
        """Read a table; images beside it that have no row come last."""
        where = f"{self.root.show(name)}:1"
        if not is_classes(self.root.read(name, _HEAD)):
            raise InputError(
                "no table of classes",
                where=where,
                hint="its first line is: filename, and the names of the labels",
            )
        table = _Classes(name, subset)
        taken: dict[str, str] = {}
        rows = self.rows(name)
        columns = self._columns(next(rows)[1], where)
        for place, row in rows:
            self._row(row, columns, table, taken, place)
        for image, item in self.beside(table, taken):
            self._add(table, image, item, ())
        return table

    def _columns(self, cells: list[str], where: str) -> list[int]:
        names = [cell.strip() for cell in cells[1:]]
        while names and not names[-1]:
            names.pop()  # a comma at the end of the line
        if len(set(names)) < len(names) or "" in names:
            raise InputError("two labels have one name, or one has none", where=where)
        return [self.labels.number(name) for name in names]

    def _row(
        self, row: list[str], columns: list[int], table: _Classes, taken: dict[str, str], where: str
    ) -> None:
        item, name = row[0], row[0].strip()
        try:
            name = clean_name(name, where)
            item = clean_name(own_id(name, taken), where)
            marked = _marked(row, columns)
            if item in taken:
                raise ValueError("the image has a row already")  # noqa: TRY301 - as all that is wrong
        except (InputError, ValueError) as error:
            self.bad_row(error, where, item)
        else:
            self._add(table, name, item, marked)
        taken.setdefault(item, name)

    def _add(self, table: _Classes, name: str, item: str, labels: Sequence[int]) -> None:
        self.add(table, name, item)
        table.labels.extend(labels)
        table.first.append(len(table.labels))


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


class _Source(TableSource[_Classes]):
    """An opened dataset."""

    def annotations(self, table: _Classes, number: int) -> list[Annotation]:
        """Return the labels of an image."""
        own = table.labels[table.first[number] : table.first[number + 1]]
        return [Label(label=label) for label in own]
