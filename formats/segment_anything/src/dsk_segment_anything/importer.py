"""Reading Segment Anything's JSON files."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from dsk.annotations import Mask, Rle
from dsk.errors import InputError, RecordError
from dsk.flow import PARTITION_ITEMS, Header, Importer, Source
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image
from dsk.names import clean_name, stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


class _File(Struct):
    image: _ImageInfo
    annotations: list[_Annotation]


class _RawFile(Struct):
    """A file with annotations that are not as they should be; each is looked at by itself."""

    image: _ImageInfo
    annotations: list[Raw]


_decode_file = msgspec.json.Decoder(_File).decode
_decode_raw = msgspec.json.Decoder(_RawFile).decode
_decode_annotation = msgspec.json.Decoder(_Annotation).decode
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class SegmentAnythingImporter(Importer):
    """Opens Segment Anything datasets."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:  # noqa: ARG002
        """See ``Importer.open``."""
        if root.focus is not None:
            names = [root.focus]
        else:
            names = [name for name in root.walk() if name.lower().endswith(".json")]
        if not names:
            raise InputError(
                "no JSON file", where=root.path, hint="SA-1B has one beside each image"
            )
        folders = {name.rpartition("/")[0] for name in names}
        # One folder's name says nothing; those of several keep equal names apart.
        cut = len(next(iter(folders))) + 1 if len(folders) == 1 and "" not in folders else 0
        header = Header(subsets=(DEFAULT_SUBSET,), items=len(names))
        return _Source(root, names, cut, header)


class _Source(Source):
    """An opened dataset.

    Args:
        root: The input.
        names: Its JSON files.
        cut: How much of their names is the folder of all of them.
        header: What is known of it.
    """

    def __init__(self, root: InputRoot, names: Sequence[str], cut: int, header: Header) -> None:
        self.header = header
        self._root = root
        self._names = names
        self._cut = cut

    def partitions(self) -> list[tuple[int, int]]:
        """Return slices of the list of files."""
        count = len(self._names)
        return [(n, min(n + PARTITION_ITEMS, count)) for n in range(0, count, PARTITION_ITEMS)]

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
            except _BAD as error:
                what = f"no Segment Anything file: {error}"
                ledger.bad_record(RecordError(what, where=where))
            except RecordError as error:
                ledger.bad_record(error)
            except InputError as error:
                ledger.bad_record(RecordError(error.message, where=error.where or where))

    def _item(
        self, name: str, content: _File | _RawFile, where: str, ledger: Ledger
    ) -> DatasetItem:
        info = content.image
        file = clean_name(info.file_name, where)
        folder = name.rpartition("/")[0]
        place = f"{folder}/{file}" if folder else file
        path = place[self._cut :]
        item_id = clean_name(stem_of(path), where)
        height, width = info.height or 0, info.width or 0
        known = 0 < height <= _MAX_SIDE and 0 < width <= _MAX_SIDE
        size = (height, width) if known else None
        image = Image(path=path, source=self._root.locate(place), size=size)
        masks: list[Annotation] = []
        given: Sequence[_Annotation | Raw] = content.annotations
        for number, one in enumerate(given):
            try:
                parsed = _decode_annotation(one) if isinstance(one, Raw) else one
                masks.append(_mask(parsed))
            except (*_BAD, ValueError) as error:
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
        return DatasetItem(item_id, DEFAULT_SUBSET, image, masks, attributes)


def _decoded(data: bytes) -> _File | _RawFile:
    """Return a file's content, annotations checked if all of them are as they should be."""
    try:
        return _decode_file(data)
    except msgspec.ValidationError:
        return _decode_raw(data)


def _mask(given: _Annotation) -> Mask:
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
    return Mask(Rle(rle.size, rle.counts), box, given.area, id=given.id, attributes=attributes)
