"""Reading the items of a slice of one subset from its indexed files."""

from __future__ import annotations

from itertools import compress, islice
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Raw
from msgspec.structs import replace

from dsk.annotations import Annotation, Bbox, Mask, Polygon, Skeleton
from dsk.errors import DskError, RecordError
from dsk.item import DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.media import Image
from dsk_coco.categories import FAMILY
from dsk_coco.images import bare_images, item_names, names_of
from dsk_coco.panoptic import map_folder, parse_segments
from dsk_coco.parse import CROWD, NOT_CROWD, Parser
from dsk_coco.plainrows import PlainRows, whole_items
from dsk_coco.records import (
    decode_plain,
    decode_records,
    decode_tolerant,
    good_outlines,
)
from dsk_coco.textids import ID, is_text_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.columns import BoxColumns
    from dsk.files import InputRoot
    from dsk.jsonindex import Records
    from dsk.loss import Ledger
    from dsk_coco.index import AnnotationFile
    from dsk_coco.records import Record

__all__ = ["SliceReader"]

_KNOWN_IMAGE = ("id", "file_name", "width", "height")
_decode_raw = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_dicts = msgspec.json.Decoder(list[dict[str, Any]]).decode


class _Draft:
    """An item in the making."""

    __slots__ = ("annotations", "extra", "id", "image_id", "path", "size", "source")

    def __init__(self) -> None:
        self.id = ""
        self.path = ""
        self.image_id = 0
        self.size: tuple[int, int] | None = None
        self.source: Any = None
        self.extra: dict[str, Any] = {}
        self.annotations: list[Annotation] = []

    @classmethod
    def of(cls, item: DatasetItem) -> _Draft:
        """Return what parsing takes to fill an item's list of annotations."""
        draft = cls()
        draft.id = item.id
        if isinstance(item.media, Image):
            draft.size = item.media.size
        if isinstance(item.annotations, list):
            draft.annotations = item.annotations
        return draft


def _locator(root: InputRoot, folder: str | None) -> Callable[[str], Any]:
    """Return a function from a clean image name to its ``Media.source``."""
    if folder is None:
        return lambda _: None
    return root.locator(folder, clean=True)


class SliceReader:
    """Reads items of one subset.

    Args:
        root: The dataset.
        subset: Name of the subset.
        files: Its files, objects first.
        options: Reader options: "merge_polygons" and "group_by_id".
        ledger: Where bad records and notes go.
    """

    def __init__(
        self,
        root: InputRoot,
        subset: str,
        files: Sequence[AnnotationFile],
        options: dict[str, bool],
        ledger: Ledger,
    ) -> None:
        self._root = root
        self._subset = subset
        self._files = files
        self._options = options
        self._ledger = ledger

    def read(self, start: int, stop: int) -> Iterator[DatasetItem]:
        """Yield the items of these numbers."""
        drafts = self._drafts(start, stop)
        for number, file in enumerate(self._files):
            rows = file.rows[int(file.bounds[start]) : int(file.bounds[stop])]
            if len(rows):
                counts = (file.bounds[start + 1 : stop + 1] - file.bounds[start:stop]).tolist()
                found = [draft.annotations for draft in drafts]
                if number:
                    for draft in drafts:
                        draft.annotations = []
                if file.is_panoptic:
                    self._panoptic(file, rows.tolist(), counts, drafts)
                else:
                    self._annotations(file, rows, counts, drafts)
                if number:
                    for draft, before in zip(drafts, found, strict=True):
                        draft.annotations = self._joined(before, draft.annotations)
        return self._items(drafts)

    def index(self, start: int, stop: int) -> Iterator[DatasetItem]:
        """Yield the items of these numbers without annotations."""
        return self._items(self._drafts(start, stop))

    def columns(self, start: int, stop: int, *, fields: bool) -> BoxColumns | None:
        """Return the items of these numbers with their plain objects as boxes.

        Without ``fields``, what images have of their own may be left unread.
        None if there is more to them than one file of such objects.
        """
        if len(self._files) != 1 or self._options["merge_polygons"]:
            return None
        file = self._files[0]
        rows = file.rows[int(file.bounds[start]) : int(file.bounds[stop])]
        if file.task not in ("instances", "stuff") or file.is_panoptic or file.number_from:
            return None
        records = None
        try:
            if file.plain is not None:
                found = file.plain.rows(rows)
            else:
                records = decode_plain(file.annotations.joined(rows))
                found = PlainRows.of(records)
        except (*UNDECODABLE, OverflowError):
            return None
        labels = found.labels(file.labels.index)
        bounds = file.bounds[start : stop + 1] - file.bounds[start]
        whole = whole_items(found.fit & (labels >= 0), bounds)
        bare = None if fields else self._bare_items(file, start, stop)
        items, unread = bare or (list(self._items(self._drafts(start, stop))), ())
        counts = np.diff(bounds)
        left = np.repeat(~whole, counts)
        if records is None:
            own = decode_plain(file.annotations.joined(rows[left]))
        else:
            own = list(compress(records, left))
        others = [_Draft.of(items[n]) for n in np.flatnonzero(~whole).tolist()]
        parser, owned = self._parser(file), counts[~whole].tolist()
        self._plain(file, parser, own, rows[left], counts=owned, drafts=others)
        columns = found.columns(items, bounds, whole, labels)
        columns.unread = tuple((FAMILY, name) for name in unread)
        return columns

    def _drafts(self, start: int, stop: int) -> list[_Draft]:
        drafts = [_Draft() for _ in range(start, stop)]
        for file in self._files:
            self._images(file, start, stop, drafts)
        return drafts

    def _items(self, drafts: list[_Draft]) -> Iterator[DatasetItem]:
        subset = self._subset
        for draft in drafts:
            yield DatasetItem(
                draft.id,
                subset,
                Image(draft.path, draft.source, None, draft.size),
                draft.annotations,
                {"id": draft.image_id},
                {FAMILY: draft.extra} if draft.extra else None,
            )

    # images

    def _images(self, file: AnnotationFile, start: int, stop: int, drafts: list[_Draft]) -> None:
        bounds = file.image_bounds[start : stop + 1].tolist()
        first = bounds[0]
        rows = file.image_rows[first : bounds[-1]].tolist()
        if not rows:
            return
        records = self._dicts(file, file.images, rows, "images")
        ids = file.images.columns["id"][rows].tolist()
        locate = _locator(self._root, file.folder)
        for n, draft in enumerate(drafts):
            for at in range(bounds[n] - first, bounds[n + 1] - first):
                record = records[at]
                if draft.id:
                    for key, value in record.items():
                        if key not in _KNOWN_IMAGE:
                            draft.extra.setdefault(key, value)
                    continue
                draft.path, draft.id = item_names(record, file.lead)
                if rows[at] in file.whole_names:
                    draft.id = draft.path
                draft.image_id = ids[at]
                draft.size = _size(record.pop("height", 0), record.pop("width", 0))
                if is_text_id(own := record.pop("id", None)):
                    record[ID] = own
                name = record.pop("file_name", None)
                if isinstance(name, str) and "://" in name:
                    record.setdefault("coco_url", name)
                draft.extra = record
                draft.source = locate(draft.path)

    def _bare_items(
        self, file: AnnotationFile, start: int, stop: int
    ) -> tuple[list[DatasetItem], tuple[str, ...]] | None:
        """Return items without annotations, and without what images have of their own.

        Returns:
            The items and the names of the fields that were passed over. None unless each is one
            record, all of one form.
        """
        bounds = file.image_bounds[start : stop + 1]
        rows = file.image_rows[int(bounds[0]) : int(bounds[-1])]
        if not len(rows) or file.whole_names or (np.diff(bounds) != 1).any():
            return None
        found = bare_images(file.images, rows)
        if found is None:
            return None
        images, unread = found
        locate, subset, lead = _locator(self._root, file.folder), self._subset, file.lead
        items = []
        for image in images:
            path, name = names_of(image.file_name, lead)
            media = Image(path, locate(path), None, _size(image.height, image.width))
            items.append(DatasetItem(name, subset, media, [], {"id": image.id}))
        return items, unread

    def _dicts(
        self, file: AnnotationFile, records: Records, rows: Sequence[int], key: str
    ) -> list[dict[str, Any]]:
        """Decode whole records; fields that cannot be decoded are reported and left out."""
        try:
            return _decode_dicts(records.joined(rows))
        except UNDECODABLE:
            pass
        found = []
        for row in rows:
            record: dict[str, Any] = {}
            where = f"{file.where}#/{key}/{row}"
            text = bytes(records.raw(row))
            try:
                fields = _decode_raw(text)
            except UnicodeDecodeError as error:  # the name of a field: the others can be had
                self._ledger.bad_record(RecordError(str(error), where=where))
                fields = _decode_raw(text.decode("utf-8", "replace").encode())
            for name, raw in fields.items():
                try:
                    record[name] = msgspec.json.decode(raw)
                except UNDECODABLE as error:
                    self._ledger.bad_record(RecordError(str(error), where=f"{where}/{name}"))
            found.append(record)
        return found

    # annotations

    def _annotations(
        self, file: AnnotationFile, rows: Any, counts: list[int], drafts: list[_Draft]
    ) -> None:
        text = file.annotations.joined(rows)
        parser = self._parser(file)
        if file.task in ("instances", "stuff") and not self._options["merge_polygons"]:
            try:
                plain = decode_plain(text)
            except UNDECODABLE:
                pass
            else:
                self._plain(file, parser, plain, rows, counts=counts, drafts=drafts)
                return
        try:
            records: Sequence[Record | None] = decode_records(text)
        except UNDECODABLE:
            records = [None] * len(rows)
        rows = rows.tolist()
        self._general(file, parser, records, rows, counts=counts, drafts=drafts)

    def _parser(self, file: AnnotationFile) -> Parser:
        points = file.labels.categories.points
        return Parser(
            file.labels.index,
            {n: len(p.labels) for n, p in points.items()},
            file.found.task,
            warn=self._ledger.warn,
            merge_polygons=self._options["merge_polygons"],
        )

    def _plain(
        self,
        file: AnnotationFile,
        parser: Parser,
        records: list[Any],
        rows: Any,
        *,
        counts: list[int],
        drafts: list[_Draft],
    ) -> None:
        """Take over objects as official files have them; a million of them go through here."""
        labels = file.labels.index
        good = good_outlines([r.segmentation for r in records]).tolist()
        objects = zip(records, good, strict=True)
        stop = 0
        for count, draft in zip(counts, drafts, strict=True):
            start, stop = stop, stop + count
            add = draft.annotations.append
            for r, outlined in islice(objects, count):
                raw, category = r.segmentation, r.category_id
                attrs = CROWD if r.iscrowd else NOT_CROWD
                if outlined and category in labels:
                    label = labels[category]
                    add(Polygon(raw, (), r.bbox, r.area, label=label, id=r.id, attributes=attrs))
                    continue
                if category in labels and bytes(raw) == b"[]":
                    x, y, w, h = r.bbox
                    if r.area == w * h:
                        label = labels[category]
                        add(Bbox(x, y, w, h, label=label, id=r.id, attributes=attrs))
                        continue
                try:
                    found = parser.parse(r, None, draft.size)
                except ValueError as error:
                    at = next(n for n in range(start, stop) if records[n] is r)
                    self._bad(str(error), file, int(rows[at]), draft, r.id)
                    continue
                draft.annotations += found

    def _general(
        self,
        file: AnnotationFile,
        parser: Parser,
        records: Sequence[Record | None],
        rows: list[int],
        *,
        counts: list[int],
        drafts: list[_Draft],
    ) -> None:
        stop = 0
        for count, draft in zip(counts, drafts, strict=True):
            start, stop = stop, stop + count
            for at in range(start, stop):
                record, extra = records[at], None
                number: int | None = None
                try:
                    if record is None:
                        record, extra = decode_tolerant(file.annotations.raw(rows[at]))
                    if file.number_from:
                        record.id = rows[at] + file.number_from
                    number = record.id
                    draft.annotations += parser.parse(record, extra, draft.size)
                except (ValueError, *UNDECODABLE) as error:
                    self._bad(str(error), file, rows[at], draft, number)

    def _panoptic(
        self, file: AnnotationFile, rows: list[int], counts: list[int], drafts: list[_Draft]
    ) -> None:
        root, folder = map_folder(self._root, file.found.name, file.found.base)
        records = self._dicts(file, file.annotations, rows, "annotations")
        stop = 0
        for count, draft in zip(counts, drafts, strict=True):
            start, stop = stop, stop + count
            for at in range(start, stop):
                record = records[at]
                try:
                    name = folder + item_names(record)[0]
                    if not root.is_file(name):
                        hint = "unpacked in the folder of the file's name"
                        raise ValueError(f"there is no panoptic map {name}; maps are {hint}")  # noqa: TRY301
                    source = root.locate(name)
                except (ValueError, TypeError, DskError) as error:
                    self._bad(str(error), file, rows[at], draft, None)
                    continue
                found, faults = parse_segments(
                    record.get("segments_info"),
                    file.labels.index,
                    source,
                    name,
                    self._ledger,
                    size=draft.size,
                )
                for fault in faults:
                    self._bad(fault, file, rows[at], draft, None)
                draft.annotations += found

    def _bad(
        self, message: str, file: AnnotationFile, row: int, draft: _Draft, number: int | None
    ) -> None:
        where = f"{file.where}#/annotations/{row}"
        text = message if number is None else f"annotation {number}: {message}"
        self._ledger.bad_record(RecordError(text, where=where, item=draft.id, annotation=number))

    # several files

    def _joined(self, before: list[Annotation], more: list[Annotation]) -> list[Annotation]:
        """Join what two files say about one image.

        Objects of the same id are one object: keypoints of the second file join the outline of the
        first one.
        """
        known = {a.id: n for n, a in enumerate(before) if a.id and isinstance(a, _OBJECTS)}
        for a in more:
            at = known.get(a.id) if isinstance(a, _OBJECTS) else None
            if at is None:
                before.append(a)
            elif (
                isinstance(a, Skeleton) and not a.group and a.bbox and isinstance(before[at], Bbox)
            ):
                before[at] = a  # the box is only that of the keypoints
            elif isinstance(a, Skeleton):
                before[at] = replace(before[at], group=a.id)
                before.append(replace(a, group=a.id))
            elif type(a) is not type(before[at]) or _place(a) != _place(before[at]):
                before.append(a)  # files of other tasks may number other objects alike
        if self._options["group_by_id"]:
            return _grouped(before)
        return before


_OBJECTS = (Bbox, Mask, Polygon, Skeleton)


def _place(a: Annotation) -> Any:
    return a.label, getattr(a, "bbox", None)


def _grouped(annotations: list[Annotation]) -> list[Annotation]:
    ids = [a.id for a in annotations]
    return [
        replace(a, group=a.id) if a.id and not a.group and ids.count(a.id) > 1 else a
        for a in annotations
    ]


def _size(height: Any, width: Any) -> tuple[int, int] | None:
    """Return (height, width), or None when a number is missing or makes no sense."""
    if type(height) is int and type(width) is int:
        return (height, width) if height > 0 and width > 0 else None
    try:
        size = int(height), int(width)
    except (TypeError, ValueError, OverflowError):
        return None
    return size if size[0] > 0 and size[1] > 0 else None
