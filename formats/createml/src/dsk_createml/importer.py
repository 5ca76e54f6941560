"""Reading Create ML's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Raw, Struct, field

from dsk.annotations import Bbox
from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, RecordError
from dsk.flow import PARTITION_ITEMS, Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.media import is_image_name
from dsk.metafile import read_meta
from dsk.names import clean_name
from dsk_createml.common import (
    DOUBLE_STEM,
    ImageFinder,
    image_name,
    own_id,
    subsets_of,
    with_images,
)
from dsk_createml.detect import find_json
from dsk_createml.records import (
    annotations_of,
    decode_any,
    extras_of,
    labels_of,
    name_of,
    objects_of,
    quick_decode,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_createml.records import Record

__all__ = ["CreateMlImporter"]


class _File(Struct):
    """A file of annotations.

    Attributes:
        name: Its name.
        subset: Its subset.
        images: The clean names of its images.
        ids: Their ids.
        rows: The text of each image's record.
        numbers: The number of that record in the file.
        more: Further records of an image, by its place in ``images``.
    """

    name: str
    subset: str
    images: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    rows: list[Raw] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    more: dict[int, list[tuple[int, Raw]]] = field(default_factory=dict)


class CreateMlImporter(Importer):
    """Opens Create ML's datasets; see the descriptor for the options."""

    def __init__(self, *, anchor: str = "center") -> None:
        self.anchor = anchor

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        root = with_images(root)
        names = [root.focus] if root.focus is not None else find_json(root)
        if not names:
            raise InputError(
                "no Create ML dataset",
                where=root.path,
                hint='it is a JSON file [{"image": …, "annotations": […]}] beside the images',
            )
        survey = _Survey(root, ledger)
        subsets = subsets_of(names, root)
        files = [survey.file(name, subsets[name]) for name in names]
        survey.labels.discard("")
        header = Header(
            categories=_categories(root, names[0], survey.labels),
            subsets=tuple(dict.fromkeys(file.subset for file in files)),
            items=sum(len(file.images) for file in files),
        )
        return _Source(root, files, header, 0.0 if self.anchor == "top_left" else 0.5)


def _categories(root: InputRoot, name: str, used: set[str]) -> Categories:
    """Return the stated labels, then the others by name: files state no order."""
    home = name.rpartition("/")[0]
    stated = read_meta(root) or read_meta(root, home)
    known = stated[0] if stated is not None else Categories()
    others = sorted(used.difference(known.names))
    return known.with_labels([*known.labels, *map(LabelCategory, others)])


class _Survey:
    """Notes images and labels."""

    def __init__(self, root: InputRoot, ledger: Ledger) -> None:
        self.labels: set[str] = set()
        self._root = root
        self._ledger = ledger
        self._taken: dict[str, int] = {}  # of the file being read: places by image
        self._names: dict[str, str] = {}  # images by id

    def file(self, name: str, subset: str) -> _File:
        """Index a file."""
        where = self._root.show(name)
        file = _File(name, subset)
        self._taken, self._names = {}, {}
        rows = rows_of(self._root.buffer(name), where, self._ledger)
        for start in range(0, len(rows), PARTITION_ITEMS):
            part = rows[start : start + PARTITION_ITEMS]
            quick = quick_decode(part)
            for n, row in enumerate(part):
                number = start + n
                place = f"{where}#/{number}"
                if quick is not None:
                    record = quick[n]
                    self.labels.update([entry.label for entry in record.annotations])
                    self._add(file, record.image, number, row, place)
                else:
                    self._slow(file, number, row, place)
        return file

    def _slow(self, file: _File, number: int, row: Raw, where: str) -> None:
        try:
            record = decode_any(row)
            name = name_of(record, where)
        except UNDECODABLE as error:
            self._ledger.bad_record(RecordError(f"no record of an image: {error}", where=where))
        except RecordError as error:
            self._ledger.bad_record(error)
        else:
            self.labels.update(labels_of(record))
            self._add(file, name, number, row, where)

    def _add(self, file: _File, written: str, number: int, row: Raw, where: str) -> None:
        try:
            name = image_name(written, where, self._ledger)
            item = clean_name(own_id(name, self._names), where)
        except InputError as error:
            self._ledger.bad_record(RecordError(error.message, where=where, item=written))
            return
        index = self._taken.setdefault(name, len(file.images))
        if index < len(file.images):
            self._ledger.warn("images listed several times; their annotations are joined")
            file.more.setdefault(index, []).append((number, row))
            return
        self._names[item] = name
        if item == name and is_image_name(name):
            self._ledger.warn(DOUBLE_STEM)
        file.images.append(name)
        file.ids.append(item)
        file.rows.append(row)
        file.numbers.append(number)


class _Source(Source):
    """An opened dataset."""

    def __init__(
        self, root: InputRoot, files: Sequence[_File], header: Header, anchor: float
    ) -> None:
        self.header = header
        self._root = root
        self._files = files
        self._anchor = anchor
        self._labels = {name: n for n, name in enumerate(header.categories.names)}
        self._finders: dict[int, ImageFinder] = {}

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the files' images."""
        return slices((len(file.images) for file in self._files), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, start, stop = partition
        file = self._files[number]
        finder = self._finders.get(number)
        if finder is None:
            home = file.name.rpartition("/")[0]
            finder = self._finders[number] = ImageFinder(self._root, home, file.subset)
        quick = quick_decode(file.rows[start:stop])
        for n in range(start, stop):
            name = file.images[n]
            item = file.ids[n]
            annotations: list[Annotation] = []
            extra = None
            record = quick[n - start] if quick is not None else None
            boxes = self._quick(record) if record is not None else None
            if boxes is not None:
                annotations += boxes
            else:
                row = (file.numbers[n], file.rows[n])
                extra = self._slow(file, row, item, annotations, ledger)
            for row in file.more.get(n, ()):
                extra = self._slow(file, row, item, annotations, ledger) or extra
            yield DatasetItem(item, file.subset, finder.image(name), annotations, extra=extra)

    def _quick(self, record: Record) -> list[Bbox] | None:
        """Return the boxes of a record; None if one of them wants a closer look."""
        labels, anchor = self._labels, self._anchor
        boxes = []
        for entry in record.annotations:
            place = entry.coordinates
            w, h = place.width, place.height
            if w < 0 or h < 0 or not entry.label:
                return None
            boxes.append(
                Bbox(place.x - anchor * w, place.y - anchor * h, w, h, label=labels[entry.label])
            )
        return boxes

    def _slow(
        self, file: _File, row: tuple[int, Raw], item: str, into: list[Annotation], ledger: Ledger
    ) -> dict[str, Any] | None:
        """Add the annotations of one record to a list; return its further fields."""
        number, text = row
        record = decode_any(text)
        where = f"{self._root.show(file.name)}#/{number}"
        try:
            entries = objects_of(record)
        except ValueError as error:
            ledger.bad_record(RecordError(str(error), where=where, item=item))
            entries = []
        for n, entry in enumerate(entries):
            try:
                into.append(annotations_of(entry, self._labels, self._anchor))
            except (ValueError, OverflowError) as error:
                bad = RecordError(
                    f"annotation {n}: {error}",
                    where=f"{where}/annotations/{n}",
                    item=item,
                    annotation=n,
                )
                ledger.bad_record(bad)
        return extras_of(record)
