"""What tables of classes and of boxes share: files, rows, images beside them, items."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct, field

from dsk.categories import GrowingLabels
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Source, slices
from dsk.item import DatasetItem
from dsk.media import is_image_name
from dsk.metafile import stated_labels
from dsk_createml.common import DOUBLE_STEM, ImageFinder, own_id, subsets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk.media import Image

__all__ = ["Table", "TableReader", "TableSource", "open_tables"]


class Table(Struct):
    """The images of one file.

    Attributes:
        file: Its name.
        subset: Its subset.
        images: Clean names of the images.
        ids: Their ids.
    """

    file: str
    subset: str
    images: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def home(self) -> str:
        """The folder of the file."""
        return self.file.rpartition("/")[0]


AnyTable = TypeVar("AnyTable", bound=Table)


class TableReader(ABC, Generic[AnyTable]):
    """Reads tables.

    Args:
        root: The input.
        labels: The labels; grows by those of the tables.
        ledger: Where bad rows go.
        names: The files of all tables.

    Attributes:
        spaced: Whether blanks behind commas mean nothing.
    """

    spaced = True

    def __init__(
        self, root: InputRoot, labels: GrowingLabels, ledger: Ledger, names: Sequence[str]
    ) -> None:
        self.root = root
        self.labels = labels
        self.ledger = ledger
        self._homes = Counter(name.rpartition("/")[0] for name in names)

    @abstractmethod
    def table(self, name: str, subset: str) -> AnyTable:
        """Read a table.

        Raises:
            InputError: It is none.
        """

    def rows(self, name: str) -> Iterator[tuple[str, list[str]]]:
        """Yield the rows of a file that are not blank, each with its place.

        Raises:
            InputError: It is no CSV, or not in UTF-8.
        """
        where = self.root.show(name)
        with self.root.open(name) as raw:
            text = io.TextIOWrapper(raw, "utf-8-sig", newline="")
            rows = csv.reader(text, skipinitialspace=self.spaced)
            try:
                for row in rows:
                    if any(map(str.strip, row)):
                        yield f"{where}:{rows.line_num}", row
            except (csv.Error, UnicodeDecodeError) as error:
                raise InputError(
                    f"no readable CSV: {error}", where=f"{where}:{rows.line_num + 1}"
                ) from error

    def bad_row(self, error: InputError | ValueError, where: str, item: str) -> None:
        """Tell of a row that is left out."""
        message = error.message if isinstance(error, InputError) else str(error)
        self.ledger.bad_record(RecordError(message, where=where, item=item))

    def add(self, table: AnyTable, name: str, item: str) -> None:
        """Add an image."""
        if item == name and is_image_name(name):
            self.ledger.warn(DOUBLE_STEM)
        table.images.append(name)
        table.ids.append(item)

    def beside(self, table: AnyTable, taken: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the names and ids of images beside a table that have no row; ``taken`` grows.

        Where several tables lie in one folder these are no table's.
        """
        if self._homes[table.home] > 1:
            return
        for name in self.root.entries(table.home)[1]:
            if is_image_name(name) and (item := own_id(name, taken)) not in taken:
                taken[item] = name
                yield name, item


def open_tables(
    root: InputRoot,
    names: Sequence[str],
    reader: Callable[[InputRoot, GrowingLabels, Ledger, Sequence[str]], TableReader[AnyTable]],
    ledger: Ledger,
) -> tuple[list[AnyTable], Header]:
    """Return the tables of some files, and what is known of the dataset."""
    labels = GrowingLabels(stated_labels(root))
    subsets = subsets_of(names, root)
    reading = reader(root, labels, ledger, names)
    tables = [reading.table(name, subsets[name]) for name in names]
    header = Header(
        categories=labels.categories(),
        subsets=tuple(dict.fromkeys(table.subset for table in tables)),
        items=sum(len(table.images) for table in tables),
    )
    return tables, header


class TableSource(Source, Generic[AnyTable]):
    """An opened dataset of tables."""

    def __init__(self, root: InputRoot, tables: Sequence[AnyTable], header: Header) -> None:
        self.header = header
        self._root = root
        self._tables = tables
        self._finders: dict[int, ImageFinder] = {}

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the tables' images."""
        return slices((len(table.images) for table in self._tables), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        number, start, stop = partition
        table = self._tables[number]
        finder = self._finders.get(number)
        if finder is None:
            finder = self._finders[number] = ImageFinder(self._root, table.home, table.subset)
        for n in range(start, stop):
            image = self.sized(table, n, finder.image(table.images[n]))
            yield DatasetItem(table.ids[n], table.subset, image, self.annotations(table, n))

    def sized(self, table: AnyTable, number: int, image: Image) -> Image:  # noqa: ARG002
        """Return an image with the size that its table states."""
        return image

    @abstractmethod
    def annotations(self, table: AnyTable, number: int) -> list[Annotation]:
        """Return the annotations of an image."""
