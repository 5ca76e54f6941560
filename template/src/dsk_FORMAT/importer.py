"""Reading the format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from dsk.annotations import Bbox
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.files import InputRoot
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.names import clean_name
from dsk_FORMAT.records import Record

_decode = msgspec.json.Decoder(Record).decode
Part = tuple[str, int, int]


class BoxImporter(Importer):
    """Opens a folder or an archive of this format."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """Read the labels and find the tables; see ``Importer.open``."""
        return BoxSource(root)


class BoxSource(Source):
    """An opened dataset: names and line numbers are held, items are read when asked for."""

    def __init__(self, root: InputRoot) -> None:
        self._root = root
        try:
            labels = msgspec.json.decode(root.text_bytes("labels.json"), type=list[str])
        except (ValueError, RecursionError) as error:
            where = root.show("labels.json")
            raise InputError(f"no list of names: {error}", where=where) from error
        tables = root.listing().pick((".jsonl",))
        self._lines = {name: len(root.text_bytes(name).splitlines()) for name in tables}
        subsets = tuple(name.removesuffix(".jsonl") for name in tables)
        self.header = Header(categories=Categories.from_names(labels), subsets=subsets)

    def partitions(self) -> Sequence[Part]:
        """Return slices of lines; see ``Source.partitions``."""
        return [
            (name, *span)
            for name, count in self._lines.items()
            for span in spans(count, self.partition_items)
        ]

    def read(self, partition: Part, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items of a slice of lines; see ``Source.read``."""
        name, start, stop = partition
        lines = self._root.text_bytes(name).splitlines()[start:stop]
        for number, line in enumerate(lines, start + 1):
            try:
                yield self._item(line, name.removesuffix(".jsonl"))
            except (ValueError, RecursionError) as error:
                where = f"{self._root.show(name)}:{number}"
                ledger.bad_record(RecordError(f"no record: {error}", where=where))

    def _item(self, line: bytes, subset: str) -> DatasetItem:
        record = _decode(line)
        count = len(self.header.categories.labels)
        for box in record.boxes:
            if box.label is not None and not 0 <= box.label < count:
                message = f"label {box.label} of {count}"
                raise ValueError(message)
        media = None
        if record.image is not None:
            path = clean_name(record.image)
            media = Image(path.split("/", 2)[-1], self._root.locate(path), size=record.size)
        boxes = [Bbox(*box.box, label=box.label) for box in record.boxes]
        return DatasetItem(clean_name(record.id), subset, media, boxes)
