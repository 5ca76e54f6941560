"""IDX files: a big-endian header of type and dimensions, then numbers; often gzipped."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from dsk.errors import InputError

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["UINT8", "IdxFile", "IdxHeader", "header_bytes"]

UINT8 = "u1"
"""The type of images, and of most labels."""

_MAX_DIMS = 4
_GZIP = b"\x1f\x8b"
_TYPES = {0x08: UINT8, 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_FAULTS = (EOFError, OSError, zlib.error, struct.error)
_STEP = 1 << 20


class IdxHeader(NamedTuple):
    """What an IDX file says of itself: the type of its numbers, and how many along each axis.

    The type is named as in numpy, which need not be loaded to tell what a file is.
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The header's own length in bytes."""
        return 4 + 4 * len(self.shape)


def header_bytes(*shape: int) -> bytes:
    """Return the header of an IDX file of uint8 values."""
    return struct.pack(f">HBB{len(shape)}I", 0, 0x08, len(shape), *shape)


class IdxFile:
    """An IDX file that is read from the front; going back reads it anew.

    Args:
        root: The dataset.
        name: The file.

    Raises:
        InputError: It is no IDX file, damaged, or was not fetched.
    """

    def __init__(self, root: InputRoot, name: str) -> None:
        self._root = root
        self.name = name
        self.where = root.show(name)
        self._zipped = root.read(name, 2) == _GZIP
        self._raw: BinaryIO | None = None
        self._file: BinaryIO | None = None
        self._owner = 0
        self._place = 0
        self.header = self._read_header()

    def _open(self) -> BinaryIO:
        """Return the file; another process must not share its place with this one."""
        if self._file is None or self._owner != os.getpid():
            self.close()
            self._raw = self._file = self._root.open(self.name)
            if self._zipped:
                self._file = cast("BinaryIO", gzip.GzipFile(fileobj=self._raw))
            self._owner = os.getpid()
        return self._file

    def read(self, start: int, count: int) -> bytes:
        """Return bytes of the uncompressed file, fewer at its end."""
        if start < self._place:
            self.close()
        try:
            file = self._open()
            while self._place < start:
                skipped = len(file.read(min(_STEP, start - self._place)))
                if not skipped:
                    return b""
                self._place += skipped
            data = _read(file, count)
        except _FAULTS as error:
            if self._file is None:
                raise
            raise InputError(
                f"the file is damaged or cut off: {error}", where=self.where, hint="get it anew"
            ) from error
        self._place += len(data)
        return data

    def _read_header(self) -> IdxHeader:
        head = self.read(0, 4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
            hint = "a web page was saved instead?" if b"<" in head else "it begins with 00 00 08"
            raise InputError("this is no IDX file", where=self.where, hint=hint)
        dims = head[3]
        if not 1 <= dims <= _MAX_DIMS:
            raise InputError(f"an IDX file of {dims} dimensions", where=self.where)
        raw = self.read(4, 4 * dims)
        if len(raw) < 4 * dims:
            raise InputError("the header is cut off", where=self.where)
        return IdxHeader(_TYPES[head[2]], struct.unpack(f">{dims}I", raw))

    def body_size(self, likely: tuple[int, ...]) -> int:
        """Return how many bytes follow the header.

        A gzip file states its content's size at its end, modulo 2**32, for its last member only,
        so the statement is believed when it is a likely size; else the file is read through.
        """
        if not self._zipped:
            return self._root.size(self.name) - self.header.size
        with self._root.open(self.name) as raw:
            try:
                raw.seek(-4, os.SEEK_END)
                stated = int.from_bytes(raw.read(4), "little") - self.header.size
            except (OSError, ValueError):
                stated = -1
        if stated in likely:
            return stated
        total = self.header.size
        while chunk := len(self.read(total, _STEP)):
            total += chunk
        return total - self.header.size

    def close(self) -> None:
        """Close the file; reading opens it again."""
        for file in (self._file, self._raw):
            if file is not None:
                file.close()
        self._file = self._raw = None
        self._place = 0

    def __del__(self) -> None:
        if hasattr(self, "_raw"):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_raw": None, "_place": 0}


def _read(file: BinaryIO, count: int) -> bytes:
    """Read that many bytes, or all there are; step by step, as a header may promise too much."""
    parts = []
    while count > 0 and (data := file.read(min(count, 1 << 24))):
        parts.append(data)
        count -= len(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)
