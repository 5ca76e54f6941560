"""Ids that are no numbers, such as UUIDs: COCO counts, but its tools take any JSON value."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Struct

from dsk import jsonindex
from dsk.errors import RecordError
from dsk.jsonerrors import UNDECODABLE, record_message

if TYPE_CHECKING:
    from dsk.jsonindex import JsonScan, Records
    from dsk.loss import Ledger

__all__ = ["ID", "field_values", "has_text_ids", "is_text_id", "scan_text_ids", "text_number"]

ID = "source_id"
"""Key of the extra field that keeps the text."""

_BATCH = 4096
_HEAD = 1 << 20
_FIRST = re.compile(rb'"(images|annotations)"\s*:\s*\[\s*(?=\{)')
_KEYS = {b"images": "id", b"annotations": "image_id"}


class _Image(Struct, gc=False):
    id: int | float | str | None = None


class _Annotation(Struct, gc=False):
    image_id: int | float | str | None = None


_decode_images = msgspec.json.Decoder(list[_Image]).decode
_decode_annotations = msgspec.json.Decoder(list[_Annotation]).decode


def has_text_ids(view: memoryview) -> bool:
    """Tell from a file's first image or annotation whether ids are texts other than numbers."""
    first = _FIRST.search(view[:_HEAD])
    if first is None:
        return False
    text = bytes(view[first.end() : first.end() + _HEAD]).decode("utf-8", "replace")
    try:
        record = json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):  # scanning it says what is wrong
        return False
    return is_text_id(record.get(_KEYS[first[1]]))


def is_text_id(value: object) -> bool:
    """Tell whether an id is a text that is no number."""
    return isinstance(value, str) and not (value.isascii() and value.isdigit())


def text_number(text: str) -> int:
    """Return the number that stands for a text, the same in all files: 53 bits of its hash.

    So many bits pass through readers that hold numbers as doubles. Of a million different texts two
    get the same number with a probability of 1 in 18,000.
    """
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=7).digest()
    return int.from_bytes(digest) >> 3


def scan_text_ids(view: memoryview, where: str, ledger: Ledger) -> JsonScan:
    """Index a file whose images have texts as ids, and number these from 1.

    Raises:
        InputError: It is no JSON object, or an array holds something else than objects.
        RecordError: A record is bad and the ledger's policy is to raise.
    """
    arrays: dict[str, tuple[str, ...]] = {"images": (), "annotations": ()}
    scan = jsonindex.scan(view, arrays, where, ledger)
    numbers: dict[Any, int] = {}
    images = scan.records.get("images")
    if images is not None:
        found = field_values(images, _decode_images, "id", f"{where}#/images", ledger)
        ids = [-1 if v is None else numbers.setdefault(v, n) for n, v in enumerate(found, 1)]
        images.columns["id"] = np.array(ids, np.int64)
    annotations = scan.records.get("annotations")
    if annotations is not None:
        place = f"{where}#/annotations"
        wanted = field_values(annotations, _decode_annotations, "image_id", place, ledger)
        unknown = len(numbers) + 1
        owners = [-1 if v is None else numbers.get(v, unknown) for v in wanted]
        annotations.columns["image_id"] = np.array(owners, np.int64)
    ledger.warn(f"{where}: ids that are no numbers get numbers")
    return scan


def field_values(records: Records, decode: Any, name: str, where: str, ledger: Ledger) -> list[Any]:
    """Return a field of all records; None for those without it, and for bad ones.

    Args:
        records: The records.
        decode: Decodes a JSON list of them.
        name: The field.
        where: Their place, for messages.
        ledger: Where bad ones go.

    Raises:
        RecordError: One is bad and the ledger's policy is to raise.
    """
    found: list[Any] = []
    for start in range(0, len(records), _BATCH):
        rows = range(start, min(start + _BATCH, len(records)))
        try:
            found += [getattr(r, name) for r in decode(records.joined(rows))]
        except UNDECODABLE:
            for row in rows:
                try:
                    found.append(getattr(decode(records.joined([row]))[0], name))
                except UNDECODABLE as error:
                    what = record_message(error, records.raw(row))
                    ledger.bad_record(RecordError(what, where=f"{where}/{row}"))
                    found.append(None)
    return found
