"""Telling object detection datasets in TFRecord files from others; no library is needed."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_tfrecord.example import names_in
from dsk_tfrecord.keys import ENCODED, KNOWN, XMIN
from dsk_tfrecord.layout import find_shards, is_record_name

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_HEAD = 12
_FILES = 20_000
_LIMIT = 64 << 20
_COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        names = [root.focus] if is_record_name(root.focus) else []
    else:
        names = [shard.name for shard in find_shards(root, _FILES)]
    best = None
    for name in names[:3]:
        found = _judge(root, name)
        if found is not None and (best is None or found.score > best.score):
            best = found
    return best


def _judge(root: InputRoot, name: str) -> Detection | None:
    size = root.size(name)
    if size == 0:
        return Detection(30, f"{name} is an empty TFRecord file by its name")
    with root.open(name) as file:
        head = file.read(_HEAD)
        if head[:2] in _COMPRESSED:
            return Detection(40, f"{name} is a compressed TFRecord file by its name")
        if len(head) < _HEAD:
            return None
        (length,) = struct.unpack_from("<Q", head)
        if length > size - _HEAD:
            return None
        data = file.read(min(length, _LIMIT))
    try:
        names = names_in(memoryview(data))
    except ValueError:
        return None
    if XMIN in names or ENCODED in names:
        return Detection(90, f"the first record of {name} has {XMIN if XMIN in names else ENCODED}")
    known = any(map(KNOWN.__contains__, names))
    return Detection(20, f"{name} holds records without objects or images") if known else None
