"""The one field of EXIF that decides where pixels are shown: the orientation."""

from __future__ import annotations

import struct

__all__ = ["DamagedError", "minimal", "orientation_of"]

ORIENTATION = 0x0112
_SHORT, _LONG = 3, 4


class DamagedError(ValueError):
    """A file does not have the structure of its format; the text says where it breaks."""


def orientation_of(tiff: bytes) -> int:
    """Return the orientation (1 to 8) that the TIFF structure of an EXIF block states, else 1."""
    tiff = tiff.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", tiff, entry)
        if tag == ORIENTATION and kind in (_SHORT, _LONG) and number == 1:
            value = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), tiff, entry + 8)[0]
            return value if 1 <= value <= 8 else 1
    return 1


def minimal(orientation: int) -> bytes:
    """Return a TIFF structure that states an orientation and nothing else."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, _SHORT, 1, orientation, 0, 0)
