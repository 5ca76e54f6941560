"""Removing what is no pixel from JPEG, PNG, WebP and GIF files, byte by byte.

Only what is known to be needed to show the pixels is kept: colour profiles, transparency,
animation, resolution. So what nobody has heard of goes too. What follows the end of the image goes.
"""

from __future__ import annotations

import re
import struct
import zlib

from dsk_transforms.privacy.exif import DamagedError, minimal, orientation_of

__all__ = ["strip_gif", "strip_jpeg", "strip_png", "strip_webp"]

_SOS, _EOI, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
_TABLES = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, 0xDE, 0xDF}) - {0xC8}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")  # in coded data; 0 and restarts belong to it


def strip_jpeg(data: bytes, *, keep_orientation: bool) -> bytes:
    """Return a JPEG file without EXIF, XMP, IPTC, comments, previews and further images.

    Raises:
        DamagedError: It is no complete JPEG file.
    """
    if data[:2] != b"\xff\xd8":
        raise DamagedError("it does not begin as a JPEG file")
    kept: list[bytes] = []
    orientation, at = 1, 2
    while True:
        start = at
        while data[at : at + 1] == b"\xff":
            at += 1
        if at == start or at >= len(data):
            raise DamagedError(f"there is no marker at byte {start}")
        marker = data[at]
        at += 1
        if marker == _EOI:
            break
        if marker in _STANDALONE:
            kept.append(bytes((0xFF, marker)))
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise DamagedError(f"the segment at byte {start} is cut off")
        body = data[at + 2 : at + length]
        at += length
        if marker == _APP1 and body[:6] == b"Exif\0\0":
            orientation = orientation_of(body)
        segment = _jpeg_segment(marker, body)
        if segment is not None:
            kept.append(segment)
        if marker == _SOS:
            found = _MARKER.search(data, at)
            if found is None:
                raise DamagedError("it ends inside its pixels")
            kept.append(data[at : found.start()])
            at = found.start()
    if keep_orientation and orientation != 1:
        first = 1 if kept and kept[0][:2] == b"\xff\xe0" else 0
        kept.insert(first, _segment(_APP1, b"Exif\0\0" + minimal(orientation)))
    return b"".join([b"\xff\xd8", *kept, b"\xff\xd9"])


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _jpeg_segment(marker: int, body: bytes) -> bytes | None:
    if marker in _TABLES or marker == _SOS:
        return _segment(marker, body)
    if marker == _APP0 and body[:5] == b"JFIF\0" and len(body) >= 14:
        return _segment(marker, body[:12] + b"\0\0")  # without a preview
    if marker == _APP2 and body[:12] == b"ICC_PROFILE\0":
        return _segment(marker, body)
    if marker == _APP14 and body[:5] == b"Adobe":  # says how colours are coded
        return _segment(marker, body[:12])
    return None


_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL "
    b"fcTL fdAT".split()
)


def strip_png(data: bytes, *, keep_orientation: bool) -> bytes:
    """Return a PNG file without texts, EXIF, times and unknown chunks.

    Raises:
        DamagedError: It is no complete PNG file.
    """
    if data[:8] != _PNG or data[12:16] != b"IHDR":
        raise DamagedError("it does not begin as a PNG file")
    kept = [_PNG]
    orientation, at, name = 1, 8, b""
    while name != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        name, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise DamagedError(f"the chunk at byte {at} is cut off")
        if name in _PNG_KEPT:
            kept.append(data[at:end])
        elif name == b"eXIf":
            orientation = orientation_of(data[at + 8 : at + 8 + length])
        elif not name[:1].islower():
            raise DamagedError(f"the chunk at byte {at} is none of PNG")
        at = end
    if keep_orientation and orientation != 1:
        body = b"eXIf" + minimal(orientation)
        size, check = struct.pack(">I", len(body) - 4), struct.pack(">I", zlib.crc32(body))
        kept.insert(2, size + body + check)
    return b"".join(kept)


_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04


def strip_webp(data: bytes, *, keep_orientation: bool) -> bytes:
    """Return a WebP file without EXIF, XMP and unknown chunks.

    Raises:
        DamagedError: It is no complete WebP file.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise DamagedError("it does not begin as a WebP file")
    if end > len(data):
        raise DamagedError("it is cut off")
    kept: list[bytes] = []
    orientation, at = 1, 12
    while at + 8 <= end:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise DamagedError(f"the chunk at byte {at} is cut off")
        body = data[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)
        if name == b"EXIF":
            orientation = orientation_of(body)
        elif name == b"VP8X" and body:
            kept.append(_chunk(name, bytes((body[0] & ~(_WEBP_EXIF | _WEBP_XMP),)) + body[1:]))
        elif name in _WEBP_KEPT:
            kept.append(_chunk(name, body))
    if not kept:
        raise DamagedError("it holds no pixels")
    if keep_orientation and orientation != 1 and kept[0][:4] == b"VP8X":
        head = kept[0]
        kept[0] = head[:8] + bytes((head[8] | _WEBP_EXIF,)) + head[9:]
        kept.append(_chunk(b"EXIF", minimal(orientation)))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def strip_gif(data: bytes, *, keep_orientation: bool) -> bytes:  # noqa: ARG001 - GIF has none
    """Return a GIF file without comments, texts and blocks of applications.

    Raises:
        DamagedError: It is no complete GIF file.
    """
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        raise DamagedError("it does not begin as a GIF file")
    at = 13 + _colours(data[10])
    kept = [data[:at]]
    while data[at : at + 1] != b"\x3b":
        start, kind, label = at, data[at : at + 1], data[at + 1 : at + 2]
        if kind == b"\x2c" and at + 10 <= len(data):
            at = _blocks_end(data, at + 11 + _colours(data[at + 9]))
            kept.append(data[start:at])
        elif kind == b"\x21" and label:
            at = _blocks_end(data, at + 2)
            if label == b"\xf9" or (label == b"\xff" and data[start + 3 : start + 14] in _LOOPS):
                kept.append(data[start:at])
        else:
            raise DamagedError(f"there is no block at byte {at}")
    return b"".join([*kept, b"\x3b"])


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    if at >= len(data):
        raise DamagedError("it ends inside a block")
    return at + 1
