"""The size of an image from the first bytes of its file; pixels are never decoded.

Own code for the common formats because it is hot: a dataset of a million images asks a million
times, and it takes half the time of a general library. All else goes to Pillow.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from dsk.errors import MediaError
from dsk.lfs import check_fetched

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["is_turned", "read_size", "reason_of", "size_of_bytes"]

HEAD = 4096
"""Bytes that hold the size of nearly every file."""

_NO_SIZE = frozenset({0xC4, 0xC8, 0xCC})  # JPEG: DHT, JPG, DAC lie among the frame headers
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_TAGS = (257, 256, 277)
"""TIFF's ImageLength, ImageWidth and SamplesPerPixel."""
_BANDS = 6
"""Of an image with more, as satellites take them, Pillow says on stderr that it cannot read it."""
_ORIENTATION = 0x0112
_QUARTERS = frozenset({5, 6, 7, 8})
"""EXIF's orientations whose height is the stored width."""
_WHOLE = {3: "H", 4: "I"}
_ENTRIES = 4096


def size_of_bytes(head: bytes) -> tuple[int, int] | None:
    """Return (height, width) of an image from its first bytes, or None if they do not tell."""
    if head[:2] == b"\xff\xd8":
        return _jpeg_size(head)
    if head[:8] == b"\x89PNG\r\n\x1a\n" and head[12:16] == b"IHDR" and len(head) >= 24:
        width, height = struct.unpack_from(">II", head, 16)
        return height, width
    if head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        width, height = struct.unpack_from("<HH", head, 6)
        return height, width
    if head[:2] == b"BM" and len(head) >= 26 and head[14] >= 40:
        width, height = struct.unpack_from("<ii", head, 18)
        return abs(height), width
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    pos, end = 2, len(head) - 9
    while pos <= end:
        if head[pos] != 0xFF:
            return None
        marker = head[pos + 1]
        if marker == 0xFF:
            pos += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            return (head[pos + 5] << 8) + head[pos + 6], (head[pos + 7] << 8) + head[pos + 8]
        elif marker in _STANDALONE:
            pos += 2
        else:
            pos += 2 + (head[pos + 2] << 8) + head[pos + 3]
    return None


def read_size(file: BinaryIO, name: str = "") -> tuple[int, int]:
    """Return (height, width) of an image file, without turning by EXIF.

    Raises:
        MediaError: The header is damaged or of no known format.
    """
    try:
        head = file.read(HEAD)
        size = size_of_bytes(head)
        if size is None and head[:2] == b"\xff\xd8":  # a long preview may precede the size
            head += file.read(1 << 18)
            size = size_of_bytes(head)
        if size is None and not head:
            raise MediaError("no readable image: the file is empty", where=name)
        if size is None:
            check_fetched(head, name, MediaError)
            size = _tiff_size(file, head, _BANDS + 1) or _ask_pillow_first(file, head)
    except _bad_image() as error:
        raise MediaError(f"no readable image: {reason_of(error)}", where=name) from error
    if size[0] < 1 or size[1] < 1:
        raise MediaError("no readable image: it has no extent", where=name)
    return size


def reason_of(error: Exception) -> str:
    """Return Pillow's message without the object that was read: it has no file's name."""
    return re.sub(r" <_io\..*>", "", str(error))


def is_turned(file: BinaryIO) -> bool:
    """Tell whether EXIF turns an image by a quarter: viewers show its height as its width."""
    from PIL import Image

    from dsk.pixels import FORMATS, guard

    guard()
    try:
        with Image.open(file, formats=FORMATS) as image:
            return image.getexif().get(_ORIENTATION) in _QUARTERS
    except _bad_image():
        return False  # ``read_size`` says what is wrong with it


def _ask_pillow_first(file: BinaryIO, head: bytes) -> tuple[int, int]:
    from dsk.pixels import BAD_IMAGE

    try:
        return _ask_pillow(file)
    except BAD_IMAGE:
        size = _tiff_size(file, head)  # of bands or numbers that Pillow does not know
        if size is None:
            raise
        return size


def _ask_pillow(file: BinaryIO) -> tuple[int, int]:
    from PIL import Image

    from dsk.pixels import FORMATS, guard

    guard()
    file.seek(0)
    with Image.open(file, formats=FORMATS) as image:
        return image.height, image.width


def _tiff_size(file: BinaryIO, head: bytes, least: int = 0) -> tuple[int, int] | None:
    """Return (height, width) of a TIFF's first image by its tags.

    Returns:
        None if they do not tell, or if it has fewer bands than wanted.
    """
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return None
    # Magic number, place of the directory, its count, and an entry: tag, type, count, value.
    big = struct.unpack_from(f"{order}H", head, 2)[0] == 43
    place = struct.unpack_from(f"{order}Q" if big else f"{order}I", head, 8 if big else 4)[0]
    count, entry = ("Q", "HHQ8s") if big else ("H", "HHI4s")
    try:
        file.seek(place)
        (entries,) = struct.unpack(order + count, file.read(8 if big else 2))
        found = {}
        for _ in range(min(entries, _ENTRIES)):
            tag, kind, _, value = struct.unpack(order + entry, file.read(20 if big else 12))
            if tag in _TAGS and kind in _WHOLE:
                found[tag] = struct.unpack_from(order + _WHOLE[kind], value)[0]
    except (struct.error, OSError, ValueError, OverflowError):
        return None  # it is cut off, or its directory is nowhere
    height, width, bands = (found.get(tag, 1) for tag in _TAGS)
    return (height, width) if bands >= least and _TAGS[0] in found and _TAGS[1] in found else None


def _bad_image() -> tuple[type[Exception], ...]:
    from PIL.Image import DecompressionBombError

    from dsk.pixels import BAD_IMAGE

    return (*BAD_IMAGE, DecompressionBombError)
