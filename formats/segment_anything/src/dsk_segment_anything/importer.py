"""Reading Segment Anything's JSON files."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from dsk.annotations import Mask, Rle
from dsk.errors import InputError, RecordError
from dsk.flow import HEAVY_ITEMS, Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk_segment_anything.plugin import FAMILY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["SegmentAnythingImporter"]

_MAX_SIDE = 1 << 20


class _ImageInfo(Struct):
    file_name: str
    image_id: int | str | None = None
    height: int | None = None
    width: int | None = None


class _PlainImageInfo(_ImageInfo, forbid_unknown_fields=True):
    pass


class _Rle(Struct):
    size: tuple[int, int]
    counts: str | list[int]


class _Annotation(Struct):
    segmentation: _Rle
    id: int = 0
    bbox: list[float] | None = None
    area: float | None = None
    predicted_iou: float | None = None
    stability_score: float | None = None
    point_coords: list[list[float]] | None = None
    crop_box: list[float] | None = None


class _PlainAnnotation(_Annotation, forbid_unknown_fields=True):
    pass


class _PlainFile(Struct, forbid_unknown_fields=True):
    """A file as those of SA-1B are."""

    image: _PlainImageInfo
    annotations: list[_PlainAnnotation]


class _RawFile(Struct):
    """A file with further fields, or bad annotations; each is looked at by itself."""

    image: Raw
    annotations: list[Raw]


class _File(Struct):
    """What a file says.

    Attributes:
        image: About its image.
        annotations: Its annotations, those of ``_RawFile`` not looked at yet.
        more: Further fields of the "image" and of the "file".
    """

    image: _ImageInfo
    annotations: Sequence[_Annotation | Raw]
    more: dict[str, Any]


_decode_plain = msgspec.json.Decoder(_PlainFile).decode
_decode_raw = msgspec.json.Decoder(_RawFile).decode
# Tables and other tools write whole numbers as 100.0.
_decode_image = msgspec.json.Decoder(_ImageInfo, strict=False).decode
_decode_annotation = msgspec.json.Decoder(_Annotation, strict=False).decode
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode


class SegmentAnythingImporter(Importer):
    """Opens Segment Anything datasets."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:  # noqa: ARG002
        """See ``Importer.open``."""
        files: list[str] = []
        if root.focus is not None:
            names = [root.focus]
        else:
            files = list(root.walk())
            names = [name for name in files if name.lower().endswith(".json")]
        if not names:
            raise InputError(
                "no JSON file", where=root.path, hint="SA-1B has one beside each image"
            )
        folders = {name.rpartition("/")[0] for name in names}
        # One folder's name says nothing; those of several keep equal names apart.
        cut = len(next(iter(folders))) + 1 if len(folders) == 1 and "" not in folders else 0
        header = Header(subsets=(DEFAULT_SUBSET,), items=len(names))
        images = [name for name in files if is_image_name(name)]
        apart = folders.isdisjoint(name.rpartition("/")[0] for name in images)
        elsewhere = {name.rpartition("/")[2]: name for name in images} if apart else {}
        return _Source(root, names, cut, header, elsewhere)


class _Source(Source):
    """An opened dataset.

    Args:
        root: The input.
        names: Its JSON files.
        cut: How much of their names is the folder of all of them.
        header: What is known of it.
        elsewhere: Images by their own names, if none lies in a folder of JSON files.
    """

    partition_items = HEAVY_ITEMS

    def __init__(
        self,
        root: InputRoot,
        names: Sequence[str],
        cut: int,
        header: Header,
        elsewhere: Mapping[str, str],
    ) -> None:
        self.header = header
        self._elsewhere = elsewhere
        self._root = root
        self._names = names
        self._cut = cut

    def partitions(self) -> list[tuple[int, int]]:
        """Return slices of the list of files."""
        return spans(len(self._names), self.partition_items)

    def read(self, partition: tuple[int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        root, read = self._root, self._root.reader()
        for name in self._names[slice(*partition)]:
            where = root.show(name)
            try:
                data = read(name)
                if data is None:
                    data = root.read(name)  # which says what is wrong with it
                content = _decoded(data.removeprefix(b"\xef\xbb\xbf"))
                yield self._item(name, content, where, ledger)
            except UNDECODABLE as error:
                what = f"no Segment Anything file: {error}"
                ledger.bad_record(RecordError(what, where=where))
            except RecordError as error:
                ledger.bad_record(error)
            except InputError as error:
                ledger.bad_record(RecordError(error.message, where=error.where or where))

    def _item(self, name: str, content: _File, where: str, ledger: Ledger) -> DatasetItem:
        info = content.image
        file = clean_name(info.file_name, where)
        folder = name.rpartition("/")[0]
        place = f"{folder}/{file}" if folder else file
        path = place[self._cut :]
        item_id = clean_name(stem_of(path), where)
        height, width = info.height or 0, info.width or 0
        known = 0 < height <= _MAX_SIDE and 0 < width <= _MAX_SIDE
        size = (height, width) if known else None
        source = self._root.locate(self._elsewhere.get(file.rpartition("/")[2], place))
        image = Image(path=path, source=source, size=size)
        masks: list[Annotation] = []
        for number, one in enumerate(content.annotations):
            try:
                if isinstance(one, Raw):
                    parsed = _decode_annotation(one)
                    more = _further(_decode_fields(one), _Annotation)
                    masks.append(_mask(parsed, {FAMILY: more} if more else None))
                else:
                    parsed = one
                    masks.append(_mask(parsed, None))
            except (*UNDECODABLE, ValueError) as error:
                ledger.bad_record(
                    RecordError(
                        f"annotation {number}: {error}",
                        where=f"{where}#/annotations/{number}",
                        item=item_id,
                        annotation=number,
                    )
                )
                continue
            if size is not None and parsed.segmentation.size != size:
                ledger.warn("masks have another size than their image; they are kept as they are")
        attributes: dict[str, Any] = {} if info.image_id is None else {"id": info.image_id}
        extra = {FAMILY: content.more} if content.more else None
        return DatasetItem(item_id, DEFAULT_SUBSET, image, masks, attributes, extra)


def _decoded(data: bytes) -> _File:
    """Return a file's content, annotations checked if all of them are as they should be."""
    try:
        plain = _decode_plain(data)
    except msgspec.ValidationError:
        raw = _decode_raw(data)
        image = _decode_image(raw.image)
        more = {
            "image": _further(_decode_fields(raw.image), _ImageInfo),
            "file": _further(_decode_fields(data), _RawFile),
        }
        more = {what: fields for what, fields in more.items() if fields}
        return _File(image, raw.annotations, more)
    return _File(plain.image, plain.annotations, {})


def _further(fields: dict[str, Any], known: type[Struct]) -> dict[str, Any]:
    """Return the fields that a record has no place for."""
    return {name: value for name, value in fields.items() if name not in known.__struct_fields__}


def _mask(given: _Annotation, extra: dict[str, Any] | None) -> Mask:
    """Return the mask with what is said about it.

    Raises:
        ValueError: Its numbers make no sense.
    """
    rle = given.segmentation
    box = None
    if given.bbox:
        if len(given.bbox) != 4:
            raise ValueError(f"the box has {len(given.bbox)} numbers")
        x, y, w, h = box = (given.bbox[0], given.bbox[1], given.bbox[2], given.bbox[3])
        if not isfinite(x + y + w + h):
            raise ValueError("a number is not finite")
    if given.area is not None and not isfinite(given.area):
        raise ValueError("a number is not finite")
    attributes = {
        "predicted_iou": given.predicted_iou,
        "stability_score": given.stability_score,
        "point_coords": given.point_coords,
        "crop_box": given.crop_box,
    }
    if None in attributes.values():
        attributes = {name: value for name, value in attributes.items() if value is not None}
    source = Rle(rle.size, rle.counts)
    return Mask(source, box, given.area, id=given.id, attributes=attributes, extra=extra)
