"""Removing what is no pixel from TIFF files, without moving a byte of those that are.

A new file of the same length is made of zeros, and what is needed to show the pixels is copied to
where it was. Everything else is gone, whatever refers to it.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dsk_transforms.privacy.exif import ORIENTATION, DamagedError

__all__ = ["strip_tiff"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

_KEPT = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281}
    | {282, 283, 284, 286, 287, 290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322}
    | {323, 324, 325, 330, 332, 334, 336, 338, 339, 340, 341, 342, 347, *range(512, 522)}
    | {529, 530, 531, 532, 34675, 42113}
)
"""Tags that say how pixels are stored and shown, colour profile and GDAL's "no data" included."""

_DATA = {273: 279, 324: 325, 513: 514}
"""Tags with the places of pixels, and those with their lengths."""

SUB_IFDS = 330
MAX_IFDS = 10_000


class _Layout(NamedTuple):
    order: str
    word: str  # counts and places
    table: str  # number of entries
    entry: int  # bytes of an entry


class _Entry(NamedTuple):
    tag: int
    kind: int
    number: int
    raw: bytes  # the entry itself
    at: int  # where its values are
    size: int


def strip_tiff(data: bytes, *, keep_orientation: bool) -> bytes:
    """Return a TIFF or BigTIFF file with nothing but what its pixels need.

    Raises:
        DamagedError: It is no TIFF file, or refers to places outside.
    """
    layout, first = _header(data)
    copier = _Copier(data)
    copier.copy(0, 8 if layout.word == "I" else 16)
    todo, seen = [first], set()
    while todo:
        at = todo.pop()
        if not at or at in seen:
            continue
        seen.add(at)
        if len(seen) > MAX_IFDS:
            raise DamagedError(f"it has more than {MAX_IFDS} directories")
        todo += _directory(copier, at, layout, keep_orientation)
    return bytes(copier.out)


def _header(data: bytes) -> tuple[_Layout, int]:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        raise DamagedError("it does not begin as a TIFF file")
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    if version == 42:
        return _Layout(order, "I", "H", 12), struct.unpack_from(f"{order}I", data, 4)[0]
    if version == 43 and struct.unpack_from(f"{order}HH", data, 4) == (8, 0):
        return _Layout(order, "Q", "Q", 20), struct.unpack_from(f"{order}Q", data, 8)[0]
    raise DamagedError(f"its version is {version}, not 42 or 43")


class _Copier:
    """Copies parts of a file; all together no more than a few times its length."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.out = bytearray(len(data))
        self._left = 4 * len(data) + (1 << 16)

    def copy(self, at: int, size: int) -> None:
        if at + size > len(self.data):
            raise DamagedError(f"it refers to {size} bytes at {at}, beyond its end")
        self._left -= size
        if self._left < 0:
            raise DamagedError("its directories refer to the same bytes again and again")
        self.out[at : at + size] = self.data[at : at + size]


def _directory(copier: _Copier, at: int, layout: _Layout, keep_orientation: bool) -> list[int]:
    """Copy a directory with what it refers to; return where others are."""
    data = copier.data
    order, word, table_type, width = layout
    head = struct.calcsize(table_type)
    tail = struct.calcsize(word)
    if at + head > len(data):
        raise DamagedError(f"a directory at byte {at} lies beyond its end")
    (count,) = struct.unpack_from(order + table_type, data, at)
    end = at + head + count * width
    if count > len(data) // width or end + tail > len(data):
        raise DamagedError(f"the directory at byte {at} is cut off")
    entries = [_entry(data, at + head + n * width, layout) for n in range(count)]
    kept = [
        e
        for e in entries
        if e.tag in _KEPT and e.kind in _SIZES and (keep_orientation or e.tag != ORIENTATION)
    ]
    for e in kept:
        if e.size > tail:
            copier.copy(e.at, e.size)
    by_tag = {e.tag: e for e in kept}
    for places, lengths in _DATA.items():
        if places in by_tag and lengths in by_tag:
            starts, sizes = (_values(data, by_tag[tag], order) for tag in (places, lengths))
            for start, size in zip(starts, sizes, strict=False):
                copier.copy(start, size)
    (following,) = struct.unpack_from(order + word, data, end)
    table = b"".join(e.raw for e in kept)
    packed = struct.pack(order + table_type, len(kept)) + table + data[end : end + tail]
    copier.out[at : at + len(packed)] = packed
    inner = _values(data, by_tag[SUB_IFDS], order) if SUB_IFDS in by_tag else []
    return [*inner, following]


def _entry(data: bytes, at: int, layout: _Layout) -> _Entry:
    order, word, _, width = layout
    tag, kind, number = struct.unpack_from(f"{order}HH{word}", data, at)
    size = _SIZES.get(kind, 0) * number
    inline = struct.calcsize(word)
    place = at + width - inline
    raw = data[at : at + width]
    if size > inline:
        (place,) = struct.unpack_from(order + word, data, place)
    elif size < inline:  # the rest of the field may hold anything
        raw = raw[: width - inline + size] + bytes(inline - size)
    return _Entry(tag, kind, number, raw, place, size)


def _values(data: bytes, entry: _Entry, order: str) -> list[int]:
    letter = _NUMBERS.get(entry.kind)
    if letter is None or entry.at + entry.size > len(data):
        raise DamagedError(f"tag {entry.tag} has no usable values")
    return list(struct.unpack_from(f"{order}{entry.number}{letter}", data, entry.at))
