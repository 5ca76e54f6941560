"""The grammar of Create ML's JSON: one record an image, with boxes or with labels of the whole."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from dsk.annotations import Bbox, Label
from dsk.errors import InputError, RecordError
from dsk.jsonerrors import UNDECODABLE
from dsk.jsonindex import scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dsk.annotations import Annotation
    from dsk.loss import Ledger

__all__ = ["annotations_of", "extras_of", "labels_of", "name_of", "quick_decode", "rows_of"]

_NAMES = ("image", "imagefilename", "imageFilename", "imageFileName", "filename")
_LISTS = ("annotations", "annotation")
_KNOWN = frozenset((*_NAMES, *_LISTS))
_SIDES = ("x", "y", "width", "height")


class Coordinates(Struct, forbid_unknown_fields=True, gc=False):
    """A box, in pixels."""

    x: float
    y: float
    width: float
    height: float


class Object(Struct, forbid_unknown_fields=True, gc=False):
    """A labelled box."""

    label: str
    coordinates: Coordinates


class Record(Struct, forbid_unknown_fields=True, gc=False):
    """What is said of an image; the fields that nearly all files have, and no others."""

    image: str
    annotations: list[Object]


_decode_rows = msgspec.json.Decoder(list[Raw]).decode
_decode_records = msgspec.json.Decoder(list[Record]).decode
decode_any = msgspec.json.Decoder(dict[str, Any]).decode


def rows_of(view: memoryview, where: str, ledger: Ledger) -> list[Raw]:
    """Return the records of a file, undecoded; they refer to the file's map.

    Args:
        view: The file.
        where: Its name, for messages.
        ledger: Where bad records go.

    Raises:
        InputError: It is no list of records.
    """
    if bytes(view[:3]) == b"\xef\xbb\xbf":
        view = view[3:]
    try:
        rows = _decode_rows(view)
    except (
        UNDECODABLE
    ) as error:  # the scan names what is wrong, and leaves out what can be left out
        text = bytes(view[: 1 << 12]).lstrip()
        if not text.startswith(b"["):
            what = "no list of records" if text else "no JSON: the file is empty"
            raise InputError(what, where=where) from error
        found = scan(
            memoryview(b"".join((b'{"images":', view, b"}"))), {"images": ()}, where, ledger
        )
        records = found.records["images"]
        return [Raw(records.raw(n)) for n in range(len(records))]
    if rows and not any(bytes(memoryview(row)[:1]) == b"{" for row in rows):
        raise InputError("no list of records", where=where)
    return rows


def quick_decode(rows: Iterable[Raw]) -> list[Record] | None:
    """Decode records at once; None if one of them has other fields than most files have."""
    try:
        return _decode_records(b"[%b]" % b",".join(rows))
    except UNDECODABLE:
        return None


def name_of(record: Mapping[str, Any], where: str) -> str:
    """Return the image's name as written.

    Raises:
        RecordError: There is none.
    """
    for key in _NAMES:
        name = record.get(key)
        if isinstance(name, str) and name:
            return name
    raise RecordError("a record names no image", where=where)


def objects_of(record: Mapping[str, Any]) -> list[Any]:
    """Return what the record says of its image: one entry an annotation.

    One object, or the name of one label, may stand for itself.

    Raises:
        ValueError: It is of another type.
    """
    for key in _LISTS:
        found = record.get(key)
        if isinstance(found, list):
            return found
        if isinstance(found, str | dict):
            return [found]
        if found is not None:
            raise ValueError(f"{key}: neither a list nor an object nor the name of a label")
    return []


def labels_of(record: Mapping[str, Any]) -> list[str]:
    """Return the names of labels that a record uses; none where its annotations are no list."""
    try:
        entries = objects_of(record)
    except ValueError:
        return []  # reading tells
    return [name for name in map(_label, entries) if name is not None]


def extras_of(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of a record that have no place in the model."""
    more = {key: value for key, value in record.items() if key not in _KNOWN}
    return {"create_ml": more} if more else None


def _label(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return entry if isinstance(entry, str) and entry else None
    name = entry.get("label")
    if isinstance(name, str) and name:
        return name
    return str(name) if isinstance(name, int | float) and not isinstance(name, bool) else None


def annotations_of(entry: Any, labels: Mapping[str, int], anchor: float) -> Annotation:
    """Return what one entry of a record says.

    Args:
        entry: A name of a label, or an object of a label and maybe coordinates.
        labels: Their numbers.
        anchor: The point that x and y are: 0.5 the centre, 0 the upper left corner.

    Raises:
        ValueError: It is neither.
    """
    name = _label(entry)
    if not isinstance(entry, dict):
        if name is None:
            raise ValueError("it is neither an object nor the name of a label")
        return Label(label=labels[name])
    more = {k: v for k, v in entry.items() if k not in ("label", "coordinates")}
    extra = {"create_ml": more} if more else None
    label = None if name is None else labels[name]
    place = entry.get("coordinates")
    if place is None and label is None:
        raise ValueError("it has neither a label nor coordinates")
    if place is None:
        return Label(label=label, extra=extra)
    if not isinstance(place, dict):
        raise ValueError("its coordinates are no object")  # noqa: TRY004 - the file is wrong
    beside = {k: v for k, v in place.items() if k not in _SIDES}
    if beside:
        extra = {"create_ml": more | {"coordinates": beside}}
    return Bbox(*_box(place, anchor), label=label, extra=extra)


def _box(place: Mapping[str, Any], anchor: float) -> tuple[float, float, float, float]:
    numbers = []
    for side in _SIDES:
        value = place.get(side)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(f"its coordinates have no number {side}")  # noqa: TRY004 - the file
        numbers.append(float(value))
    if not all(map(isfinite, numbers)):
        raise ValueError("a coordinate is not finite")
    x, y, w, h = numbers
    if w < 0 or h < 0:
        raise ValueError("a box of negative width or height")
    return x - anchor * w, y - anchor * h, w, h
