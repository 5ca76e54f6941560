"""Blanking the free text of NIfTI files in the bytes of their headers.

Places are those of nifti1.h and nifti2.h (https://nifti.nimh.nih.gov). Nothing moves: extensions
become zeros, so the voxels stay where ``vox_offset`` says.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import NamedTuple

from dsk_transforms.privacy.exif import DamagedError

__all__ = ["FIELDS", "is_nifti", "strip_nifti"]

FIELDS = ("data_type", "db_name", "descrip", "aux_file", "intent_name")
"""Fields that hold free text."""

MAX_EXTRA = 1 << 20
_GZIP = b"\x1f\x8b"
_MOST = 1032  # deflate cannot pack more bytes into one


class _Version(NamedTuple):
    size: int
    magic: int
    magics: tuple[bytes, ...]
    text: tuple[tuple[int, int], ...]  # place and length
    dim: tuple[int, str]
    bitpix: int
    offset: tuple[int, str]


_ONE = _Version(
    348,
    344,
    (b"n+1\0", b"ni1\0"),
    ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16)),
    (40, "8h"),
    72,
    (108, "f"),
)
_TWO = _Version(
    540,
    4,
    (b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n"),
    ((240, 80), (320, 24), (508, 16), (525, 15)),
    (16, "8q"),
    14,
    (168, "q"),
)


def is_nifti(path: str) -> bool:
    """Tell by its name whether a file is a NIfTI file."""
    return path.lower().endswith((".nii", ".nii.gz"))


def strip_nifti(data: bytes, *, keep_orientation: bool = True) -> bytes:  # noqa: ARG001
    """Return a NIfTI file, packed by gzip if it was, without free text and extensions.

    Args:
        data: The file.
        keep_orientation: Has no meaning here: the orientation of a scan is no free text.

    Raises:
        DamagedError: It is no NIfTI-1 or NIfTI-2 file, is cut off, or is far longer than it says.
    """
    if data[:2] != _GZIP:
        return _blanked(data)
    out = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)  # neither a name nor a time
    return out.compress(_blanked(_unpacked(data))) + out.flush()


def _unpacked(data: bytes) -> bytes:
    unpacker, rest = zlib.decompressobj(16 + zlib.MAX_WBITS), data
    try:
        head = unpacker.decompress(rest, 4096)
        version, order = _version(head)
        most = _length(head, version, order) + MAX_EXTRA
        if most - MAX_EXTRA > _MOST * len(data):
            raise DamagedError("it says that it is longer than its packed bytes can be")
        parts, total = [head], len(head)
        while True:
            rest = unpacker.unconsumed_tail
            if unpacker.eof:
                rest = unpacker.unused_data
                if rest[:2] != _GZIP:
                    break
                unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
            part = unpacker.decompress(rest, 1 << 24)
            total += len(part)
            if total > most:
                raise DamagedError("it is far longer than its header says")
            if not part and not unpacker.eof and not unpacker.unconsumed_tail:
                raise DamagedError("it is cut off")
            parts.append(part)
    except zlib.error as error:
        raise DamagedError(f"it cannot be unpacked: {error}") from error
    return b"".join(parts)


def _version(data: bytes) -> tuple[_Version, str]:
    for version in (_ONE, _TWO):
        for order in "<>":
            stated = data[:4] == struct.pack(f"{order}i", version.size)
            magic = data[version.magic : version.magic + len(version.magics[0])]
            if stated and len(data) >= version.size and magic in version.magics:
                return version, order
    raise DamagedError("it has no header of NIfTI-1 or NIfTI-2")


def _length(data: bytes, version: _Version, order: str) -> int:
    """Return how many bytes the header says that the file has."""
    dim = struct.unpack_from(order + version.dim[1], data, version.dim[0])
    (bits,) = struct.unpack_from(f"{order}h", data, version.bitpix)
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 0 or bits < 0:
        raise DamagedError(f"its dimensions make no sense: {dim}")
    voxels = (math.prod(dim[1 : dim[0] + 1]) * int(bits) + 7) // 8
    return _start(data, version, order) + int(voxels)


def _start(data: bytes, version: _Version, order: str) -> int:
    stated = struct.unpack_from(order + version.offset[1], data, version.offset[0])
    offset = float(stated[0])
    if not 0 <= offset <= 1 << 40:  # also false for what is no number
        raise DamagedError(f"its voxels begin at {offset}")
    single = data[version.magic + 1 : version.magic + 2] == b"+"
    return max(int(offset), version.size + 4) if single else 0


def _blanked(data: bytes) -> bytes:
    version, order = _version(data)
    length = _length(data, version, order)
    single = data[version.magic + 1 : version.magic + 2] == b"+"
    start = _start(data, version, order) if single else len(data)
    if single and length > len(data):
        raise DamagedError(f"it has {len(data)} bytes, its header says {length}")
    out = bytearray(data[:length] if single else data)
    for place, size in version.text:
        out[place : place + size] = bytes(size)
    out[version.size : start] = bytes(max(0, min(start, len(out)) - version.size))
    return bytes(out)
