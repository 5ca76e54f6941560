"""COCO's JSON records: typed decoding, and a tolerant second one that says what is wrong."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Raw, Struct

from dsk.jsonerrors import UNDECODABLE
from dsk_coco.textids import ID, text_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "NO_GEOMETRY",
    "Plain",
    "Record",
    "Shape",
    "decode_floats",
    "decode_plain",
    "decode_records",
    "decode_tolerant",
    "good_outlines",
    "rings_fault",
    "shape_of",
]

Number = int | float
"""A number as the source has it: whole numbers stay whole."""

BoxJson = tuple[Number, Number, Number, Number]
NO_GEOMETRY = Raw(b"[]")


class Plain(Struct, gc=False, forbid_unknown_fields=True):
    """An object of an official instances file: nothing missing, nothing added."""

    id: int
    image_id: int
    category_id: int
    segmentation: Raw
    area: Number
    bbox: BoxJson
    iscrowd: int


class PlainFloats(Plain, gc=False, forbid_unknown_fields=True):
    """The same for those who do not tell whole numbers from others: it takes a tenth less time."""

    area: float
    bbox: tuple[float, float, float, float]


class Record(Struct, gc=False, forbid_unknown_fields=True):
    """Any annotation but a panoptic one; what it has tells what it is."""

    id: int = 0
    image_id: int = -1
    category_id: int | None = None
    segmentation: Raw = NO_GEOMETRY
    area: Number | None = None
    bbox: BoxJson | None = None
    iscrowd: int | bool | None = 0
    attributes: dict[str, Any] | None = None
    score: Number | None = None
    keypoints: list[Number] | None = None
    num_keypoints: int | None = None
    caption: str | None = None


_decode_plain = msgspec.json.Decoder(list[Plain]).decode
_decode_floats = msgspec.json.Decoder(list[PlainFloats]).decode
_decode_records = msgspec.json.Decoder(list[Record]).decode
_decode_raw = msgspec.json.Decoder(dict[str, Raw]).decode
_TOLERANT: dict[str, Any] = {
    field.name: msgspec.json.Decoder(field.type, strict=False).decode
    for field in msgspec.structs.fields(Record)
    if field.name not in ("segmentation", "caption")
}
_TOLERANT["caption"] = msgspec.json.Decoder(str | None).decode
_decode_triplets = msgspec.json.Decoder(list[tuple[Number, Number, Number]]).decode
_IDS = frozenset({"id", "image_id", "category_id"})
_NUMBER_TEXT = re.compile(rb'^"0*([0-9]+)"$')
_EMPTY = frozenset({b"null", b"[]", b"{}", b'""'})


def decode_plain(text: bytes) -> list[Plain]:
    """Decode records that are all plain.

    Raises:
        msgspec.MsgspecError: One of them is not.
    """
    return _decode_plain(text)


def decode_floats(text: bytes) -> list[PlainFloats]:
    """Decode records that are all plain, their numbers as floats; errors as ``decode_plain``."""
    return _decode_floats(text)


def decode_records(text: bytes) -> list[Record]:
    """Decode records without unknown fields.

    Raises:
        msgspec.MsgspecError: One of them has unknown fields, or values of odd types.
    """
    return _decode_records(text)


def decode_tolerant(text: bytes | memoryview) -> tuple[Record, dict[str, Any] | None]:
    """Decode one record whatever fields it has, and numbers written as text or as 1.0.

    Returns:
        The record and its unknown fields.

    Raises:
        ValueError: A field cannot be understood; the message names it.
    """
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, raw in _decode_raw(text).items():
        decode = _TOLERANT.get(name)
        if name == "segmentation":
            known[name] = raw
        elif decode is None:
            extra[name] = msgspec.json.decode(raw)
        elif bytes(raw) not in _EMPTY or name in ("category_id", "caption", "attributes"):
            try:
                if name in _IDS:
                    known[name] = _id_number(name, bytes(raw), extra)
                else:
                    known[name] = decode(raw)
            except UNDECODABLE as error:
                if name == "keypoints" and (triplets := _flat_triplets(raw)) is not None:
                    known[name] = triplets
                    continue
                raise ValueError(f"{name}: {error}") from error
    return Record(**known), extra or None


def _id_number(name: str, raw: bytes, extra: dict[str, Any]) -> int | None:
    """Return an id as a number; the text of an annotation's id is kept."""
    raw = _NUMBER_TEXT.sub(rb"\1", raw)
    if raw[:1] != b'"':
        number: int | None = _TOLERANT[name](raw)
        return number
    text: str = msgspec.json.decode(raw)
    if name == "id":
        extra[ID] = text
    return text_number(text)


def _flat_triplets(raw: Raw) -> list[Number] | None:
    """Return keypoints that are written as a list each, as COCO writes them; None for others."""
    try:
        return list(chain.from_iterable(_decode_triplets(raw)))
    except UNDECODABLE:
        return None


class Shape:
    """What a segmentation is, told from its text."""

    NONE = 0
    POLYGONS = 1
    FLAT = 2
    RLE = 3
    BAD = 4


NUMERIC = b"0123456789+-.eE \t\r\n"
_SPACE = b" \t\r\n"
_RING = re.compile(rb"\[(,*)\]")

# What is left of good rings when the characters of their numbers are removed.
GOOD_RINGS = frozenset(b"," * commas for commas in range(5, 2400, 2))
GOOD_RING = frozenset(b"[[%b]]" % ring for ring in GOOD_RINGS)


def is_good_outline(shape: bytes) -> bool:
    """Tell whether all rings of an outline have three or more points, from its ``NUMERIC`` rest."""
    return shape in GOOD_RING or (
        shape[:2] == b"[[" and GOOD_RINGS.issuperset(shape[2:-2].split(b"],["))
    )


_OPEN, _CLOSE, _COMMA, _QUOTE = b'[],"'
_BEHIND = 0xFF  # is in no text


def good_outlines(segmentations: Sequence[Raw]) -> NDArray[np.bool_]:
    """Tell of many undecoded segmentations whether they are good outlines, in one pass."""
    text = b"\xff".join([*segmentations, b""])
    good = _with_even_rings(np.frombuffer(text, np.uint8)) if text else np.zeros(0, np.bool_)
    if len(good) != len(segmentations):  # one of them is no UTF-8
        good = np.zeros(len(segmentations), np.bool_)
    for n in np.flatnonzero(~good).tolist():  # few are something else, or long outlines
        good[n] = is_good_outline(bytes(segmentations[n]).translate(None, NUMERIC))
    return good


def _with_even_rings(text: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which segmentations are nothing but lists of rings with an even number of numbers.

    Args:
        text: JSON values, each with ``_BEHIND`` behind it.

    Returns:
        True for good outlines only, though not for all of them: commas are counted in a byte.
    """
    marks = np.flatnonzero(text >= _OPEN)  # brackets, ends, and hardly anything of numbers
    kinds = text[marks]
    ends = np.flatnonzero(kinds == _BEHIND)
    rings = np.flatnonzero((kinds[:-1] == _OPEN) & (kinds[1:] == _CLOSE))
    stops = np.searchsorted(rings, ends)
    counts, sizes = np.diff(stops, prepend=0), np.diff(ends, prepend=-1)
    good: NDArray[np.bool_] = kinds[ends - sizes + 1] == _OPEN
    good &= (kinds[ends - 1] == _CLOSE) & (sizes == 2 * counts + 3) & (counts > 0)
    places = np.zeros(2 * len(rings) + 1, np.int64)
    places[1::2], places[2::2] = marks[rings], marks[rings + 1]
    commas = np.add.reduceat(text == _COMMA, places, dtype=np.uint8)
    inside, outside = commas[1::2], commas[::2]
    before = np.ones(len(rings) + 1, np.uint8)  # commas: none before the first ring of a list
    before[stops - counts] = before[-1] = 0  # without rings, it is that of the next one
    odd = outside != before
    bad = (inside < 5) | (inside % 2 == 0) | odd[:-1] | odd[1:]
    good[np.searchsorted(stops, np.flatnonzero(bad), side="right")] = False
    good[np.searchsorted(marks[ends], np.flatnonzero(text == _QUOTE))] = False
    return good


def shape_of(segmentation: Raw | bytes) -> int:
    """Return the ``Shape`` of an undecoded segmentation; its numbers are not looked at."""
    if is_good_outline(bytes(segmentation).translate(None, NUMERIC)):
        return Shape.POLYGONS
    text = bytes(segmentation).strip(_SPACE)
    if text[:1] == b"{":
        return Shape.NONE if text == b"{}" else Shape.RLE
    shape = text.translate(None, NUMERIC)
    if text == b"null" or not shape.strip(b"[],"):
        if text == b"null" or (shape in (b"[]", b"[[]]") and not text.strip(b"[] \t\r\n")):
            return Shape.NONE
        if shape[:2] == b"[[" and not _RING.sub(b"", shape[1:-1]).strip(b","):
            return Shape.POLYGONS
        if _RING.fullmatch(shape):
            return Shape.FLAT
    return Shape.BAD


def rings_fault(segmentation: Raw | bytes) -> str:
    """Return what is wrong with a list of rings of numbers, or ""."""
    shape = bytes(segmentation).translate(None, NUMERIC)
    if is_good_outline(shape):
        return ""
    for ring in _RING.finditer(shape, 1):
        commas = len(ring[1])
        if not commas:
            return "an outline has 0 or 1 values; it takes three points"
        if not commas % 2:
            return f"an outline has an odd number of values ({commas + 1})"
        if commas < 5:
            return f"an outline has {(commas + 1) // 2} points; it takes three"
    return ""
