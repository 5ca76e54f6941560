"""TFRecord files: frames of a length, data, and checksums of both.

``uint64 length · uint32 masked CRC of it · data · uint32 masked CRC of the data``, little-endian,
until the file ends (tensorflow/core/lib/io/record_writer.h). The checksum is CRC-32C.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from typing import IO, TYPE_CHECKING

import google_crc32c
import numpy as np

from dsk.errors import InputError, LimitError, RecordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dsk.loss import Ledger

__all__ = ["RecordFile", "frame", "masked_crc", "unpacked"]

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
_DELTA = 0xA282EAD8
_ALL = 0xFFFFFFFF
_GZIP = b"\x1f\x8b"
_MAX_RATIO, _ALWAYS_FINE = 200, 1 << 30


def masked_crc(data: bytes) -> int:
    """Return the masked CRC-32C of data, as TFRecord files hold it."""
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _DELTA) & _ALL


def frame(data: bytes) -> bytes:
    """Return a record as it stands in a file."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _TAIL.pack(masked_crc(length)), data, _TAIL.pack(masked_crc(data))))


class RecordFile:
    """The records of one file, found once and read by number.

    Args:
        load: Returns its content, see ``unpacked``. It is asked each time: a mapped file takes a
            file descriptor, and a dataset may have more files than a process may open.
        where: Its name, for messages.
        ledger: Where damaged frames go; what comes before them is kept.
        crc: Whether checksums are verified.

    Raises:
        InputError: It does not begin with a frame.
        LimitError: It is a compressed bomb.
    """

    def __init__(
        self, load: Callable[[], memoryview], where: str, ledger: Ledger, *, crc: bool = True
    ) -> None:
        self.where = where
        self._crc = crc
        self._load = load
        self.starts: NDArray[np.int64]
        self.lengths: NDArray[np.int64]
        self._scan(ledger)

    def __len__(self) -> int:
        return len(self.starts)

    def _scan(self, ledger: Ledger) -> None:
        view = self._load()
        total = len(view)
        starts: list[int] = []
        lengths: list[int] = []
        position, head = 0, _HEAD.size
        while position < total:
            problem = None
            if total - position < head:
                problem = "the last record is cut off"
            else:
                length, crc = _HEAD.unpack_from(view, position)
                if self._crc and masked_crc(bytes(view[position : position + 8])) != crc:
                    problem = "the checksum of a record's length is wrong"
                elif length > total - position - head - _TAIL.size:
                    problem = f"a record of {length} bytes is cut off"
            if problem is not None:
                where = f"{self.where} at byte {position}"
                if not starts:
                    raise InputError(f"no TFRecord file: {problem}", where=where)
                ledger.bad_record(RecordError(f"{problem}; what follows is left out", where=where))
                break
            starts.append(position + head)
            lengths.append(length)
            position += head + length + _TAIL.size
        self.starts, self.lengths = np.array(starts, np.int64), np.array(lengths, np.int64)

    def place(self, number: int) -> str:
        """Return where a record stands, for messages."""
        return f"{self.where} at byte {int(self.starts[number]) - _HEAD.size}"

    def peek(self, number: int) -> memoryview:
        """Return a record's data, neither copied nor checked."""
        start = int(self.starts[number])
        return self._load()[start : start + int(self.lengths[number])]

    def read(self, number: int) -> bytes:
        """Return a record's data.

        Raises:
            RecordError: Its checksum is wrong.
        """
        data = bytes(self.peek(number))
        if self._crc:
            end = int(self.starts[number]) + len(data)
            if _TAIL.unpack_from(self._load(), end)[0] != masked_crc(data):
                raise RecordError(
                    "the checksum of the record is wrong: it is damaged",
                    where=self.place(number),
                    hint="-I crc=false reads it all the same",
                )
        return data


def unpacked(view: memoryview, where: str) -> memoryview:
    """Return a file's content, decompressed into a nameless temporary file if need be.

    Raises:
        InputError: The compressed file is damaged.
        LimitError: It is a bomb.
    """
    head = bytes(view[:12])
    gzip = head[:2] == _GZIP
    # A zlib stream begins with 0x78 and a check of two bytes; a frame that does has a wrong CRC.
    if not gzip and not (head[:1] == b"\x78" and (head[0] << 8 | head[1]) % 31 == 0):
        return view
    if not gzip and len(head) == _HEAD.size:
        length, crc = _HEAD.unpack(head)
        if masked_crc(head[:8]) == crc and length < len(view):
            return view
    import mmap

    with tempfile.TemporaryFile(prefix="dsk-") as file:
        written = _unpack(view, where, file, 31 if gzip else 15)
        file.flush()
        if not written:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _unpack(view: memoryview, where: str, file: IO[bytes], bits: int) -> int:
    limit = max(_ALWAYS_FINE, _MAX_RATIO * len(view))
    unpacker = zlib.decompressobj(bits)
    written, position, rest = 0, 0, b""
    try:
        while position < len(view) or rest:
            if not rest:
                rest = bytes(view[position : position + (1 << 20)])
                position += len(rest)
            data = unpacker.decompress(rest, 1 << 24)
            rest = unpacker.unconsumed_tail
            if unpacker.eof and (unpacker.unused_data or position < len(view)):
                rest = unpacker.unused_data
                unpacker = zlib.decompressobj(bits)  # a file of several members
            written += file.write(data)
            if written > limit:
                raise LimitError("the file unpacks to far more than it holds", where=where)
    except zlib.error as error:
        raise InputError(f"the compressed file is damaged: {error}", where=where) from error
    if not unpacker.eof and view:
        raise InputError("the compressed file is cut off", where=where)
    return written
