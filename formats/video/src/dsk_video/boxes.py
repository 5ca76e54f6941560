"""Looking into MP4 and QuickTime headers before FFmpeg does.

These name the number of their frames in a word of four bytes, for which FFmpeg makes room at once:
a file of some kilobytes can ask for gigabytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from dsk.errors import LimitError, MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_counts"]

_FOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})
_COUNTS = {b"stsz": 8, b"trun": 4}
"""Where the number of frames stands in a box, behind its header (ISO/IEC 14496-12)."""

_PER_BYTE = 4
"""Frames that a byte of a file may hold: sound with a constant rate comes near it."""

_ALLOWANCE = 1 << 20
_DEPTH = 6


def check_counts(file: BinaryIO, where: str) -> None:
    """Look whether a file names no more frames than it can hold; others than MP4 name none.

    Args:
        file: The video; left where it was.
        where: Its place, for messages.

    Raises:
        MediaError: It is empty.
        LimitError: It names more.
    """
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise MediaError("the file is empty", where=where)
    allowed = size * _PER_BYTE + _ALLOWANCE
    try:
        for count in _counts(file, 0, size, 0):
            allowed -= count
            if allowed < 0:
                what = f"the header names {count} frames, {size} bytes cannot hold them"
                raise LimitError(what, where=where)
    finally:
        file.seek(place)


def _counts(file: BinaryIO, start: int, end: int, depth: int) -> Iterator[int]:
    """Yield the numbers that the boxes of a stretch of a file name."""
    while end - start >= 8:
        file.seek(start)
        head = file.read(16)
        size, tag, body = int.from_bytes(head[:4]), head[4:8], 8
        if size == 1:
            size, body = int.from_bytes(head[8:16]), 16
        stop = start + size if size else end
        if stop < start + body:
            return
        if tag in _FOLDERS and depth < _DEPTH:
            yield from _counts(file, start + body, min(stop, end), depth + 1)
        elif tag in _COUNTS:
            file.seek(start + body + _COUNTS[tag])
            yield int.from_bytes(file.read(4))
        start = stop
