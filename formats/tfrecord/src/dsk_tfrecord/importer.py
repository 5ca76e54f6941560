"""Reading TFRecord files of TensorFlow's Object Detection API."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk_tfrecord.example import decode, feature_values, names_in, skim
from dsk_tfrecord.framing import RecordFile, unpacked
from dsk_tfrecord.imagenames import NAMES, ItemIds, first_numbers, one_per_image
from dsk_tfrecord.keys import ENCODED, KNOWN, LABEL, TEXT, XMIN
from dsk_tfrecord.labelmap import Entry
from dsk_tfrecord.layout import Shard, find_shards, is_record_name, subset_of
from dsk_tfrecord.mapchoice import read_label_maps
from dsk_tfrecord.objects import Labels, RecordReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.files import InputRoot
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["TfDetectionApiImporter", "TfRecordSource"]

FAMILY = "tf_detection_api"


class TfDetectionApiImporter(Importer):
    """Opens TFRecord datasets; see the descriptor for the options."""

    def __init__(self, *, crc: bool = True, use_display_names: bool = False) -> None:
        self.crc = crc
        self.use_display_names = use_display_names

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            focus = root.focus
            shards = [Shard(focus, subset_of(focus))] if is_record_name(focus) else []
        else:
            shards = find_shards(root)
        if not shards:
            raise InputError(
                "no TFRecord files are here",
                where=root.path,
                hint="they end in .tfrecord, .record or .tfrec",
            )
        files, shards = self._files(root, shards, ledger)
        _refuse_others(files)
        shards = one_per_image(files, shards)
        items = ItemIds(files, shards)
        pairs = list(_pairs(files, items))
        entries = read_label_maps(root, shards, pairs, ledger)
        labels = _labels(entries, pairs, display=self.use_display_names)
        renamed = items.renamed(ledger)
        _warn_of_labels(labels, entries, ledger)
        header = Header(
            categories=labels.categories,
            subsets=tuple(dict.fromkeys(shard.subset for shard in shards)),
            items=sum(map(len, files)),
        )
        return TfRecordSource(header, shards, files, RecordReader(labels, renamed))

    def _files(
        self, root: InputRoot, shards: list[Shard], ledger: Ledger
    ) -> tuple[list[RecordFile], list[Shard]]:
        """Return the files and their subsets, without files of which nothing can be read.

        Raises:
            InputError: There is no other file.
        """
        load = lru_cache(_HELD)(lambda name: unpacked(root.buffer(name), root.show(name)))
        files: list[RecordFile] = []
        kept: list[Shard] = []
        for shard in shards:
            where = root.show(shard.name)
            try:
                file = RecordFile(partial(load, shard.name), where, ledger, crc=self.crc)
            except InputError as error:
                if ledger.on_error == "raise" or (not kept and shard is shards[-1]):
                    raise
                what = f"{error.message}; the file is left out"
                ledger.bad_record(RecordError(what, where=error.where or where))
                continue
            files.append(file)
            kept.append(shard)
        return files, kept


def _refuse_others(files: list[RecordFile]) -> None:
    """Refuse records of other features; those of no features at all are images without a name.

    Raises:
        InputError: The first record of each file has none of the features that are read.
    """
    found: dict[str, None] = {}
    for file in files:
        try:
            names = names_in(file.peek(0)) if len(file) else []
        except ValueError:
            return  # reading says which records are damaged
        if not names or any(name in KNOWN for name in names):
            return
        found.update(dict.fromkeys(names))
    if found:
        shown = ", ".join(list(found)[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise InputError(
            f"the records are not of the Object Detection API: their features are {shown}",
            where=files[0].place(0),
            hint=f"it calls them {ENCODED}, {XMIN} and so on",
        )


_HELD = 128
"""How many files are mapped at a time."""


def _labels(entries: dict[int, Entry], pairs: list[tuple[str, int]], *, display: bool) -> Labels:
    """Return the labels of the label maps, and those that only records name.

    Labels are in the order of their ids; names without an id come last.
    """
    by_text = {e.display_name: e.id for e in entries.values() if e.display_name}
    by_text |= {entry.name: entry.id for entry in entries.values()}
    ids = {number: entry.name for number, entry in entries.items()}
    loose: dict[str, None] = {}
    for text, number in pairs:
        if text and text not in by_text:
            if number > 0 and number not in ids:
                ids[number] = text
                by_text[text] = number
            else:  # the number is another label's: the text decides
                loose.setdefault(text)
    for text, number in pairs:
        if not text and number > 0:
            ids.setdefault(number, str(number))
    order = sorted(ids)
    index = {number: place for place, number in enumerate(order)}
    texts = {text: index[number] for text, number in by_text.items()}
    categories = []
    for number in order:
        entry = entries.get(number) or Entry(number, ids[number])
        other = entry.display_name if entry.display_name != entry.name else ""
        name, extra = entry.name, {"display_name": other} if other else {}
        if display and other:
            name, extra = other, {"name": entry.name}
        categories.append(
            LabelCategory(name, source_id=number, extra={FAMILY: extra} if extra else None)
        )
    for text in loose:
        texts[text] = len(categories)
        categories.append(LabelCategory(text))
    return Labels(Categories(labels=tuple(categories)), texts, index)


def _warn_of_labels(labels: Labels, entries: dict[int, Entry], ledger: Ledger) -> None:
    """Say which labels the label maps lack, if there are label maps."""
    known = labels.by_id.keys() - entries.keys()
    places = {place for number, place in labels.by_id.items() if number not in known}
    names = [name for n, name in enumerate(labels.categories.names) if n not in places]
    if entries and names:
        shown = ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
        ledger.warn(f"labels that the label map has not are those of the records: {shown}")


_SHOWN = 5


def _pairs(files: list[RecordFile], items: ItemIds) -> Iterable[tuple[str, int]]:
    """Return the different pairs of class text and class id that occur in records.

    Only those two features and names are decoded; damaged records are named when they are read.

    Args:
        files: The files.
        items: Gets the names of images.
    """
    seen: set[tuple[bytes, bytes]] = set()
    pairs: dict[tuple[str, int], None] = {}
    for place, file in enumerate(files):
        for number in range(len(file)):
            try:
                found = skim(file.peek(number), _SKIMMED)
                items.note(place, number, found)
                key = found.get(TEXT, b""), found.get(LABEL, b"")
                if key in seen:
                    continue
                texts, ids = feature_values(key[0]), feature_values(key[1])
                names = [text.decode() for text in texts]
                numbers = [int(value) for value in ids]
            except (ValueError, AttributeError, TypeError):
                continue
            if len(seen) < _REMEMBERED:
                seen.add(key)
            count = max(len(names), len(numbers))
            names += [""] * (count - len(names))
            numbers += [0] * (count - len(numbers))
            pairs.update(dict.fromkeys(zip(names, numbers, strict=True)))
    return pairs


_REMEMBERED = 100_000
_SKIMMED = (TEXT, LABEL, *NAMES)


class TfRecordSource(Source):
    """An opened TFRecord dataset.

    Args:
        header: What is known of it.
        shards: Its files' subsets.
        files: Its files.
        reader: Makes items of records.
    """

    def __init__(
        self, header: Header, shards: list[Shard], files: list[RecordFile], reader: RecordReader
    ) -> None:
        self.header = header
        self._shards = shards
        self._files = files
        self._reader = reader
        self._firsts = first_numbers(files, shards)

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return ranges of records: number of the file, first record, the one behind the last."""
        return slices((len(file) for file in self._files), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, first, stop = partition
        file, subset = self._files[number], self._shards[number].subset
        for record in range(first, stop):
            try:
                features = decode(file.read(record))
            except RecordError as error:
                ledger.bad_record(error)
                continue
            except ValueError as error:
                what = f"the record is no tf.train.Example: {error}"
                ledger.bad_record(RecordError(what, where=file.place(record)))
                continue
            place, index = file.place(record), self._firsts[number] + record
            item = self._reader.item(features, subset, place, index, ledger)
            if item is not None:
                yield item
