"""Reading Open Images datasets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import InputError, MediaError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image
from dsk.metafile import read_meta
from dsk.names import clean_name
from dsk_openimages.csvindex import CsvFile, Runs, parse_rows
from dsk_openimages.items import NONE, ItemIndex
from dsk_openimages.labels import (
    CLASS_NAME,
    FAMILY,
    LABEL_NAME,
    ClassNames,
    class_names,
    read_classes,
    used_names,
)
from dsk_openimages.layout import find_layout
from dsk_openimages.masks import MaskFolders
from dsk_openimages.objects import BOX, LABEL, MASK, RowReader, Span
from dsk_openimages.places import Places, read_sizes
from dsk_openimages.tables import ItemTable, is_odd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_openimages.items import Owned
    from dsk_openimages.layout import Layout, Table

__all__ = ["OpenImagesImporter", "OpenImagesSource"]

_NEEDED = {
    "labels": ("LabelName",),
    "machine": ("LabelName",),
    "boxes": ("LabelName", "XMin", "XMax", "YMin", "YMax"),
    "masks": ("LabelName", "MaskPath"),
}

_READ = {"labels": LABEL, "machine": LABEL, "boxes": BOX, "masks": MASK}
_OWN = ("ImageID", "Subset")
_SHAPES = frozenset({"boxes", "masks"})
_ROUNDED = re.compile(rb"\d(?:[.,]\d+)?E\+\d{2,}")
"""What a spreadsheet makes of ids of digits, or of digits with one E."""

_ORDER = {"labels": 0, "machine": 1, "boxes": 2, "masks": 3}


class OpenImagesImporter(Importer):
    """Opens Open Images datasets; see the descriptor for the options."""

    def __init__(
        self,
        *,
        use_display_names: bool = False,
        unknown_labels: str = "error",
        machine_labels: bool = False,
        existing_only: bool = False,
    ) -> None:
        self.use_display_names = use_display_names
        self.unknown_labels = unknown_labels
        self.machine_labels = machine_labels
        self.existing_only = existing_only

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        root, layout = _find(root)
        for name, why in layout.unread:
            ledger.warn(f"{name} is not read: {why}")
        kinds = ("labels", "boxes", "masks", *(("machine",) if self.machine_labels else ()))
        tables = layout.of(*kinds)
        if layout.of("machine") and not self.machine_labels:
            ledger.warn("labels made by machines are not read; -I machine_labels=true reads them")
        classes, column = self._classes(root, layout, tables, ledger)
        items = ItemIndex()
        lists = _read_lists(root, layout, items, ledger)
        indexed = []
        for table in tables:
            file = _table_file(root, table, column, items, ledger)
            pieces, subset = file.pieces(ledger), table.subset or DEFAULT_SUBSET
            indexed.append((table, file, items.resolve(pieces, subset)))
        places = Places(root, layout, items, listed=bool(lists))
        if places.unlisted:
            ledger.warn(f"{places.unlisted} images are in no list of images and not read")
        there, base = places.number >= 0, root.show(layout.base)
        chosen = there if self.existing_only else ~_damaged(items, there, base, ledger)
        if not chosen.all():
            moved = items.keep(chosen)
            places.number = places.number[chosen]
            indexed = [(t, f, _moved(owned, moved)) for t, f, owned in indexed]
        sizes = read_sizes(root, layout, items, ledger)
        folders = MaskFolders(root, layout)
        reader = RowReader(classes.index, folders, skip_unknown=self.unknown_labels == "skip")
        count = len(items)
        ready = [(table.kind, ItemTable(file, owned, count)) for table, file, owned in indexed]
        header = Header(categories=classes.categories, subsets=tuple(items.subsets), items=count)
        return OpenImagesSource(
            root,
            header,
            items=items,
            lists=lists,
            places=places,
            sizes=sizes,
            tables=ready,
            reader=reader,
        )

    def _classes(
        self, root: InputRoot, layout: Layout, tables: list[Table], ledger: Ledger
    ) -> tuple[ClassNames, str]:
        """Return the labels, and the column that tells them apart if ClassName was asked."""
        add = self.unknown_labels == "add"
        names, parents = read_classes(root, layout)
        column = ""
        if not names:
            meta = read_meta(root, layout.base)
            names = {name: name for name in meta[0].names} if meta is not None else {}
        if not names:
            names, column = class_names(root, tables)
        if column == CLASS_NAME:
            ledger.warn("one LabelName has several ClassNames, which are the labels therefore")
        if not names and tables and not add:
            raise InputError(
                "there are no class names: class-descriptions.csv, oidv6-class-descriptions.csv, "
                "oidv7-class-descriptions.csv or class-descriptions-boxable.csv",
                where=root.show(layout.base),
                hint="-I unknown_labels=add takes the labels that occur",
            )
        if add:
            for name in used_names(root, tables, column or LABEL_NAME):
                names.setdefault(name, name)
        return ClassNames(names, parents, display=self.use_display_names), column


def _table_file(
    root: InputRoot, table: Table, column: str, items: ItemIndex, ledger: Ledger
) -> CsvFile:
    """Open a table, and say which of its columns are not read.

    Raises:
        InputError: It lacks a column.
    """
    file = CsvFile(root.buffer(table.name), root.show(table.name), long=items.long)
    file.rename(column or LABEL_NAME, LABEL_NAME)
    file.require(*_NEEDED[table.kind])
    for name in file.others((*_READ[table.kind], *((CLASS_NAME,) if column else ()))):
        ledger.warn(f"the column {name} of {table.name} is not read")
    return file


def _find(root: InputRoot) -> tuple[InputRoot, Layout]:
    """Return the dataset's files; when one file is given, those that belong to it."""
    focus = root.focus
    layout = find_layout(root)
    if focus is not None:
        short = root.name if root.name.endswith(".csv") else focus
        root = root.up()
        layout = find_layout(root)
        given = root.focus or short
        if layout is not None and any(table.name == given for table in layout.tables):
            only = next(table for table in layout.tables if table.name == given)
            layout.tables = [only]
        else:
            layout = None
    if layout is None:
        raise InputError(
            "no Open Images files are here",
            where=root.path,
            hint="they have names like annotations/train-annotations-bbox.csv or "
            "train-images-with-rotation.csv",
        )
    return root, layout


def _read_lists(root: InputRoot, layout: Layout, items: ItemIndex, ledger: Ledger) -> list[CsvFile]:
    """Read the lists of images: the one of all images, or those of subsets."""
    chosen = layout.of("all") or layout.of("images")
    files = []
    for number, table in enumerate(chosen):
        file = CsvFile(root.buffer(table.name), root.show(table.name), long=items.long)
        runs = file.scan(ledger)
        subsets = _subsets(file, runs, table.subset or DEFAULT_SUBSET, items, ledger)
        good = subsets >= 0
        items.add_list(file, number, _chosen(runs, good), subsets[good], ledger)
        files.append(file)
    return files


def _damaged(
    items: ItemIndex, there: NDArray[np.bool_], where: str, ledger: Ledger
) -> NDArray[np.bool_]:
    """Tell which ids are numbers that a spreadsheet has rounded: nothing else has such a name."""
    found = np.zeros(len(there), np.bool_)
    unknown = np.flatnonzero((items.list_number == NONE) & ~there)
    odd = unknown[np.char.find(items.ids[unknown], b"E+") > 0]  # few: the rest is slow
    for row in odd.tolist():
        if _ROUNDED.fullmatch(items.ids[row]) is None:
            continue
        found[row] = True
        name = items.ids[row].decode()
        what = f"the ImageID {name} is a number that a spreadsheet has rounded"
        hint = "take the tables as they were downloaded"
        ledger.bad_record(RecordError(what, where=where, hint=hint))
    return found


def _moved(owned: Owned, moved: NDArray[np.int64]) -> Owned:
    """Return runs with the new numbers of their items, see ``ItemIndex.keep``."""
    numbers = np.where(owned.items >= 0, moved[owned.items], -1).astype(np.int32)
    return owned._replace(items=numbers)


def _chosen(runs: Runs, good: NDArray[np.bool_]) -> Runs:
    return Runs(runs.keys[good], runs.starts[good], runs.lengths[good], runs.rows[good])


def _subsets(
    file: CsvFile, runs: Runs, default: str, items: ItemIndex, ledger: Ledger
) -> NDArray[np.int32]:
    """Return the number of the subset of each row; -1 for a bad one."""
    column = file.column("Subset")
    if column is None:
        return np.full(len(runs.rows), items.subset_number(default), np.int32)
    known: dict[bytes | None, int] = {}

    def number(field: bytes | None) -> int:
        if field not in known:
            known[field] = _subset_number(field, default, items)
        return known[field]

    numbers = np.empty(len(runs.rows), np.int32)
    for first in range(0, len(numbers), _CHUNK):
        part = slice(first, first + _CHUNK)
        cells = file.behind_key(runs.keys[part], runs.starts[part]) if column == 1 else None
        if cells is None:
            spans = zip(runs.starts[part].tolist(), runs.lengths[part].tolist(), strict=True)
            numbers[part] = [number(_field(file, *span, column)) for span in spans]
            continue
        values, firsts, places = np.unique(cells, return_index=True, return_inverse=True)
        for place in np.argsort(firsts).tolist():  # subsets are in the order of the list
            number(bytes(values[place]))
        numbers[part] = np.array([number(value) for value in values.tolist()], np.int32)[places]
    for row in np.flatnonzero(numbers < 0).tolist():
        start = int(runs.starts[row])
        field = _field(file, start, int(runs.lengths[row]), column)
        what = "the row has no Subset" if field is None else f"no subset's name: {field!r}"
        ledger.bad_record(RecordError(what, where=file.line(start)))
    return numbers


_CHUNK = 1 << 18


def _field(file: CsvFile, start: int, length: int, column: int) -> bytes | None:
    """Return a field of a row; None if the row is too short."""
    row = bytes(file.view[start : start + length])
    fields = row.split(b",", column + 1)
    if column + 1 < len(fields) and b'"' not in b",".join(fields[: column + 1]):
        return fields[column]
    parsed = parse_rows(row)
    found = parsed[0] if parsed else []
    return found[column].encode("utf-8", "surrogateescape") if column < len(found) else None


def _subset_number(field: bytes | None, default: str, items: ItemIndex) -> int:
    if field is None:
        return -1
    try:
        name = clean_name(field.decode().strip() or default)
    except (UnicodeDecodeError, UnsafePathError):
        return -1
    return items.subset_number(name)


def _parsed(rows: list[tuple[int, bytes]]) -> list[list[str]]:
    """Return the fields of rows, none of one that is no valid CSV."""
    parsed = parse_rows(b"\n".join(row for _, row in rows))
    if parsed is None or len(parsed) != len(rows):
        parsed = [(parse_rows(row) or [[]])[0] for _, row in rows]
    return parsed


class OpenImagesSource(Source):
    """An opened Open Images dataset.

    Args:
        root: The input.
        header: What is known of it.
        items: Its items.
        lists: The lists of images.
        places: Where the images lie.
        sizes: (items, 2) heights and widths that ``images.meta`` names, else 0.
        tables: The annotation files and their kinds.
        reader: Makes annotations.
    """

    def __init__(
        self,
        root: InputRoot,
        header: Header,
        *,
        items: ItemIndex,
        lists: list[CsvFile],
        places: Places,
        sizes: NDArray[np.int32],
        tables: list[tuple[str, ItemTable]],
        reader: RowReader,
    ) -> None:
        self.header = header
        self._root = root
        self._items = items
        self._lists = lists
        self._places = places
        self._sizes = sizes
        self._tables = tables
        self._reader = reader

    def partitions(self) -> list[tuple[int, int]]:
        """Return ranges of items."""
        return spans(len(self._items), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        first, stop = partition
        items = list(self._bare(first, stop, ledger))
        subsets = [self._items.subsets[n] for n in self._items.subset[first:stop].tolist()]
        found: list[list[Annotation]] = [[] for _ in range(stop - first)]
        shaped = any(kind in _SHAPES and t.has_rows(first, stop) for kind, t in self._tables)
        sizes = [self._size(item, ledger) if shaped else None for item in items]
        span = Span(first, stop, subsets, sizes, found, ledger)
        boxes = []
        for kind, table in sorted(self._tables, key=lambda pair: _ORDER[pair[0]]):
            if kind == "boxes":
                boxes.append(self._reader.boxes(table, span))
            elif kind == "masks":
                self._reader.masks(table, span, [rows for rows in boxes if rows is not None])
            else:
                self._reader.labels(table, span)
        for item, objects in zip(items, found, strict=True):
            if item is not None:
                yield item.replace(annotations=objects) if objects else item

    def index(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.index``."""
        first, stop = partition
        return (item for item in self._bare(first, stop, ledger) if item is not None)

    def _bare(self, first: int, stop: int, ledger: Ledger) -> Iterator[DatasetItem | None]:
        """Yield items without annotations; None for one whose id is no name."""
        items, places, locate = self._items, self._places, self._root.locate
        extras = self._extras(first, stop, ledger)
        ids, subsets = items.ids[first:stop].tolist(), items.subset[first:stop].tolist()
        sizes = self._sizes[first:stop].tolist()
        for place, raw in enumerate(ids):
            try:
                item_id = clean_name(items.full(raw).decode())
            except (UnicodeDecodeError, UnsafePathError):
                what = f"the ImageID {items.full(raw)!r} is no name of an image"
                ledger.bad_record(RecordError(what, where=self._where(first + place)))
                yield None
                continue
            name = places.name(first + place, item_id)
            height, width = sizes[place]
            size = (height, width) if height else None
            media = None
            if name:
                media = Image(name, locate(name), None, size)
            elif size is not None:
                media = Image("", None, None, size)
            yield DatasetItem(
                item_id, items.subsets[subsets[place]], media, (), {}, extras.get(place)
            )

    def _where(self, item: int) -> str:
        number = int(self._items.list_number[item])
        if number < 0:
            return self._root.path
        return self._lists[number].line(int(self._items.row_start[item]))

    def _extras(self, first: int, stop: int, ledger: Ledger) -> dict[int, dict[str, Any]]:
        """Return what the lists of images say beside ids and subsets, by place in the range."""
        items = self._items
        wanted: dict[int, list[tuple[int, bytes]]] = {}
        rows = zip(
            items.list_number[first:stop].tolist(),
            items.row_start[first:stop].tolist(),
            items.row_length[first:stop].tolist(),
            strict=True,
        )
        for place, (number, start, length) in enumerate(rows):
            if number >= 0:
                row = bytes(self._lists[number].view[start : start + length])
                if row.rstrip(b",\r\n").count(b",") >= 2:
                    wanted.setdefault(number, []).append((place, row.rstrip(b"\r\n")))
        found = {}
        for number, places in wanted.items():
            header = [n if n not in _OWN else "" for n in self._lists[number].header]
            for (place, _), fields in zip(places, _parsed(places), strict=True):
                facts = {n: f for n, f in zip(header, fields, strict=False) if f and n}
                for name in [name for name, fact in facts.items() if is_odd(fact)]:
                    ledger.warn(f"a {name} is left out: it is not UTF-8")
                    del facts[name]
                if facts:
                    found[place] = {FAMILY: facts}
        return found

    def _size(self, item: DatasetItem | None, ledger: Ledger) -> tuple[int, int] | None:
        """Return (height, width) of an item's image; None when it is not known."""
        if item is None:
            return 1, 1  # a bad record already: of its boxes there is nothing more to say
        media = item.media
        if not isinstance(media, Image):
            return None
        try:
            return media.get_size()
        except MediaError as error:
            bad = RecordError(error.message, where=error.where or media.path, item=item.id)
            ledger.bad_record(bad)
            return None
