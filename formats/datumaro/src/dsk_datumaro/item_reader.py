"""Decoding items in batches; what does not fit is decoded again, piece by piece, to be named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from dsk.annotations import Mask3d
from dsk.errors import RecordError, UnsafePathError
from dsk.item import DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.names import clean_name
from dsk_datumaro.encode import NAME
from dsk_datumaro.masks import bad_masks
from dsk_datumaro.parse import (
    CHECKED_PARSERS,
    PARSERS,
    AnnotationIn,
    ItemIn,
    Mask3dIn,
    join_rings,
    polygons_are_flat,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.jsonindex import Records
    from dsk.loss import Ledger
    from dsk_datumaro.media_reader import MediaReader

__all__ = ["ItemReader"]

UNDECLARED = "an annotation has a label_id that no label has; read without label"

_decode = msgspec.json.Decoder(list[ItemIn]).decode
_FIELDS = frozenset(AnnotationIn.__struct_fields__)
_ITEM_FIELDS = frozenset(ItemIn.__struct_fields__)


class _Kept(msgspec.Struct):
    """What an item's good annotations leave unsaid.

    Attributes:
        places: The number of each in the file, where bad ones precede it.
        unknown: Fields that nobody knows, by the annotation's number in its item.
    """

    places: list[int] = []
    unknown: dict[int, dict[str, Any]] = {}

    def place(self, number: int) -> int:
        """Return an annotation's number in the file."""
        return self.places[number] if self.places else number


class ItemReader:
    """Reads items of one file.

    Args:
        subset: Name of the subset.
        media: Reader of the media.
        labels: How many labels the file declares.
        moved: New number of each label, or None when they stay.
        where: The file, for messages.
        ledger: Where bad records go.
    """

    def __init__(
        self,
        *,
        subset: str,
        media: MediaReader,
        labels: int,
        moved: dict[int, int] | None,
        where: str,
        ledger: Ledger,
    ) -> None:
        self._subset = subset
        self._media = media
        self._labels = labels
        self._moved = moved
        self._where = where
        self._ledger = ledger
        self._parsers = PARSERS

    def read(self, records: Records, rows: NDArray[np.int64]) -> Iterator[DatasetItem]:
        """Yield the items of some rows."""
        if not len(rows):
            return
        first, last = int(rows[0]), int(rows[-1])
        dense = last - first + 1 == len(rows)
        text = records.span(first, last + 1) if dense else records.joined(rows)
        try:
            good = _decode(text)
        except UNDECODABLE:
            found: list[ItemIn | None] = [None] * len(rows)
            self._parsers = PARSERS
        else:
            found = [*good]
            self._parsers = CHECKED_PARSERS if polygons_are_flat(good) else PARSERS
        bad = bad_masks(found)
        for position, (row, record) in enumerate(zip(rows.tolist(), found, strict=True)):
            if record is None:
                item = self._careful(bytes(records.raw(row)), row)
            else:
                item = self._item(record, row, None, bad.get(position, ()))
            if item is not None:
                yield item

    def _bad(
        self, error: Exception | str, place: str, item: str = "", annotation: int | None = None
    ) -> None:
        message = str(error).replace(" - at `$`", "")
        self._ledger.bad_record(
            RecordError(
                message, where=f"{self._where}#/items/{place}", item=item, annotation=annotation
            )
        )

    def _careful(self, text: bytes, row: int) -> DatasetItem | None:
        """Read an item that does not fit as a whole: keep unknown fields, name bad annotations."""
        try:
            plain = msgspec.json.decode(text)
            given = plain.pop("annotations", None) or []
            if not isinstance(given, list):
                raise ValueError("annotations must be a list")  # noqa: TRY004, TRY301 - of the data
            extra = {k: plain.pop(k) for k in plain.keys() - _ITEM_FIELDS}
            record = msgspec.convert(plain, ItemIn, strict=False)
        except (ValueError, RecursionError) as error:
            self._bad(error, str(row))
            return None
        name = str(record.id)
        annotations: list[AnnotationIn] = []
        kept = _Kept()
        for number, one in enumerate(given):
            try:
                annotation, unknown = _annotation(one)
            except ValueError as error:
                self._bad(error, f"{row}/annotations/{number}", name)
                continue
            if unknown:
                kept.unknown[len(annotations)] = unknown
            kept.places.append(number)
            annotations.append(annotation)
        record = replace(record, annotations=annotations)
        item = self._item(record, row, kept, bad_masks([record]).get(0, ()))
        if item is not None and extra:
            known = item.extra or {}
            item = item.replace(extra={**known, NAME: {**known.get(NAME, {}), **extra}})
        return item

    def _item(
        self,
        record: ItemIn,
        row: int,
        kept: _Kept | None,
        bad: Collection[int],
    ) -> DatasetItem | None:
        try:
            name = clean_name(str(record.id))
            media = self._media.read(record, name)
        except UnsafePathError as error:
            self._bad(error.message, f"{row}/id")
            return None
        except ValueError as error:
            self._bad(error, str(row), str(record.id))
            return None
        careful = bad or (kept is not None and kept.unknown)
        annotations = None if careful else self._plain_annotations(record.annotations)
        if annotations is None:
            annotations = self._annotations(record, row, name, kept or _Kept(), bad)
        more = record.dsk
        if more is not None:
            for mask in more.annotations:
                annotations.insert(mask.at, self._mask_3d(mask))
        extra = more.extra if more is not None else None
        if record.related_images and record.point_cloud is None:  # nothing they are related to
            extra = {**(extra or {}), NAME: {"related_images": record.related_images}}
        return DatasetItem(name, self._subset, media, annotations, record.attr or {}, extra)

    def _plain_annotations(self, given: list[AnnotationIn] | None) -> list[Annotation] | None:
        """Convert what needs no care: the hot path. None when something does need it."""
        out: list[Annotation] = []
        parsers, labels, moved = self._parsers, self._labels, self._moved
        try:
            for one in given or ():
                label = one.label_id
                if label is not None:
                    if not 0 <= label < labels:
                        return None
                    if moved is not None:
                        label = moved[label]
                if one.dsk is not None and one.dsk.ring is not None:
                    return None
                out.append(parsers[one.type](one, label))
        except (ValueError, KeyError):
            return None
        return out

    def _annotations(
        self,
        record: ItemIn,
        row: int,
        item: str,
        kept: _Kept,
        bad: Collection[int],
    ) -> list[Annotation]:
        out: list[Annotation] = []
        parsers, labels, moved = PARSERS, self._labels, self._moved
        given = record.annotations or ()
        number, count = 0, len(given)
        while number < count:
            one = given[number]
            rings: Sequence[AnnotationIn] = ()
            if one.dsk is not None and one.dsk.ring is not None:
                rings = _rings_from(given, number)
            label = one.label_id
            own = kept.unknown.get(number)
            if label is not None:
                if not 0 <= label < labels:
                    own = {"label_id": label, **(own or {})}
                    self._ledger.warn(UNDECLARED)
                    label = None
                elif moved is not None:
                    label = moved[label]
            try:
                if number in bad:
                    raise ValueError("the run lengths of the mask do not fill its size")  # noqa: TRY301
                if rings:
                    made: Annotation = join_rings(rings, label)
                elif (parser := parsers.get(one.type)) is not None:
                    made = parser(one, label)
                else:
                    raise ValueError(f"dsk has no annotation type {one.type!r}")  # noqa: TRY301
            except ValueError as error:
                place = f"{row}/annotations/{kept.place(number)}"
                self._bad(error, place, item, one.id)
            else:
                if own:
                    made = replace(made, extra={**(made.extra or {}), NAME: own})
                out.append(made)
            number += len(rings) or 1
        return out

    def _mask_3d(self, mask: Mask3dIn) -> Mask3d:
        label = mask.label_id
        if label is not None and not 0 <= label < self._labels:
            label = None
        return Mask3d(
            self._media.array(mask.file),
            mask.value,
            mask.affine,
            label=self._moved[label] if self._moved is not None and label is not None else label,
            id=mask.id,
            group=mask.group,
            object_id=mask.object_id,
            z_order=mask.z_order,
            attributes=mask.attributes,
            extra=mask.extra,
        )


def _rings_from(given: Sequence[AnnotationIn], start: int) -> Sequence[AnnotationIn]:
    """Return the records of an outline that begins here; none if one is missing or changed."""
    head = given[start]
    number, count = head.dsk.ring if head.dsk is not None and head.dsk.ring is not None else (-1, 0)
    found = given[start : start + max(count, 1)]
    if number != 0 or len(found) != max(count, 1):
        return ()
    for position, one in enumerate(found):
        if one.dsk is None or one.dsk.ring != (position, count) or _same(one) != _same(head):
            return ()
    return found


def _same(one: AnnotationIn) -> tuple[Any, ...]:
    return one.type, one.id, one.group, one.label_id, one.object_id, one.z_order, one.attributes


def _annotation(plain: Any) -> tuple[AnnotationIn, dict[str, Any]]:
    """Return an annotation and the fields of it that nobody knows.

    Raises:
        ValueError: It does not fit.
    """
    if not isinstance(plain, dict):
        raise ValueError("an annotation must be an object")  # noqa: TRY004 - of the data
    known = {k: v for k, v in plain.items() if k in _FIELDS}
    if "points" in known:
        known["points"] = msgspec.Raw(msgspec.json.encode(known["points"]))
    unknown = {k: v for k, v in plain.items() if k not in _FIELDS}
    return msgspec.convert(known, AnnotationIn, strict=False), unknown
