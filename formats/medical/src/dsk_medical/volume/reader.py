"""Reading places of a file in bounded memory, whether it is compressed or inside an archive.

Plain files are read where they are. What can only be read forwards (gzip, members of archives) is
streamed as long as it is read forwards; the second step back unpacks it to an unnamed temporary
file, so that any order of access costs one pass.
"""

from __future__ import annotations

import atexit
import bz2
import gzip
import io
import os
import tempfile
import zipfile
import zlib
from collections import OrderedDict
from typing import Any, BinaryIO, cast

from dsk.errors import InputError, MediaError
from dsk.media import ArchiveMember, Media

__all__ = ["DAMAGE", "ByteReader", "size_of"]

GZIP = b"\x1f\x8b"
MAX_OPEN = 16
"""Readers that keep a file open at the same time; the least recently used one closes."""

MAX_GROWTH = 1032
"""Deflate cannot shrink anything to less than one part in this many."""

MAX_GROWTH_BZ2 = 100_000
"""bzip2 packs equal bytes far better."""

DAMAGE = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile)
"""What damaged files raise while they are unpacked."""

_CHUNK = 1 << 20
_open: OrderedDict[int, ByteReader] = OrderedDict()


@atexit.register
def _close_all() -> None:
    while _open:
        _open.popitem()[1].close()


def size_of(source: Any) -> int:
    """Return the size in bytes of what a ``Media.source`` that is a file holds.

    Raises:
        MediaError: It is missing.
    """
    if isinstance(source, bytes):
        return len(source)
    try:
        if isinstance(source, ArchiveMember):
            from dsk.archives import cached_root

            return cached_root(source.archive).size(source.name)
        return os.stat(source).st_size  # noqa: PTH116 - sources are texts
    except OSError as error:
        raise MediaError(error.strerror or str(error), where=str(source)) from error
    except InputError as error:
        raise MediaError(error.message, where=error.where) from error


class _Tail(io.RawIOBase):
    """A file without its beginning.

    Args:
        file: The file.
        start: How many bytes are left out.
    """

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._inner = file
        self._start = start
        file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = self._start if whence == io.SEEK_SET else 0
        return self._inner.seek(base + offset, whence) - self._start

    def tell(self) -> int:
        return self._inner.tell() - self._start

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Inflated(io.RawIOBase):
    """What a zlib stream holds, to be read forwards; a step back begins anew.

    Args:
        file: The file, at the stream's beginning.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._inner = file
        self._restart()

    def _restart(self) -> None:
        self._inner.seek(0)
        self._engine = zlib.decompressobj()
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data and not self._engine.eof and len(buffer):
            packed = self._engine.unconsumed_tail or self._inner.read(_CHUNK)
            data = self._engine.decompress(packed, len(buffer))
            if not packed and not data:
                raise EOFError("the compressed data end early")
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        target = offset + (self._at if whence == io.SEEK_CUR else 0)
        if target < self._at:
            self._restart()
        while self._at < target and self.read(min(_CHUNK, target - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        return self._at


class ByteReader:
    """A file to be read from; pickles as its name, opens itself again in another process.

    Args:
        source: As ``Media.source``: a path, a member of an archive, or bytes.
        name: What messages call it.
        start: Where in the file the content begins, in bytes.
        packing: "gzip", "bz2", "zlib", "raw", or "auto": gzip if it begins like that.
    """

    def __init__(
        self,
        source: str | ArchiveMember | bytes,
        name: str,
        *,
        start: int = 0,
        packing: str = "auto",
    ) -> None:
        self.source = source
        self.name = name
        self.start = start
        self.packing = packing
        self._file: BinaryIO | None = None
        self._inner: BinaryIO | None = None  # gzip does not close the file it reads
        self._pid = 0
        self._at = 0
        self._packed: bool | None = None
        self._forward = False  # can only be read forwards
        self._steps_back = 0

    def __getstate__(self) -> dict[str, Any]:
        return {n: getattr(self, n) for n in ("source", "name", "start", "packing")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def packed(self) -> bool:
        """Whether the content is compressed, whatever the name says."""
        if self._packed is None and self.packing != "auto":
            self._packed = self.packing != "raw"
        if self._packed is None:
            with self._raw() as file:
                self._packed = file.read(2) == GZIP
        return self._packed

    def _raw(self) -> BinaryIO:
        file = Media(self.name, self.source).open()
        return cast("BinaryIO", io.BufferedReader(_Tail(file, self.start))) if self.start else file

    def _unpacking(self, raw: BinaryIO) -> BinaryIO:
        if self.packing == "bz2":
            return cast("BinaryIO", bz2.BZ2File(raw))
        if self.packing == "zlib":
            return cast("BinaryIO", io.BufferedReader(_Inflated(raw), _CHUNK))
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))

    def _opened(self) -> BinaryIO:
        if self._file is None or self._pid != os.getpid():  # a fork would share the position
            raw = self._raw()
            if self._packed is None and self.packing == "auto" and raw.seekable():
                self._packed = raw.read(len(GZIP)) == GZIP  # or the file is opened for that alone
                raw.seek(0)
            self._forward = self.packed or not isinstance(self.source, str | bytes)
            self._file = self._unpacking(raw) if self.packed else raw
            self._inner = raw
            self._pid = os.getpid()
            self._at = 0
        _open[id(self)] = self
        _open.move_to_end(id(self))
        while len(_open) > MAX_OPEN:
            next(iter(_open.values())).close()
        return self._file

    def read_at(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from a place on.

        Raises:
            MediaError: The file is damaged or ends before.
        """
        try:
            file = self._opened()
            if offset != self._at:
                file = self._move(file, offset)
            data = file.read(size)
        except MediaError:
            raise
        except DAMAGE as error:
            raise self._damaged(error) from error
        self._at = offset + len(data)
        if len(data) < size:
            raise MediaError(
                f"the file ends early: {size} bytes expected at {offset}, {len(data)} are there",
                where=self.name,
                hint="copy or download it again",
            )
        return data

    def _move(self, file: BinaryIO, offset: int) -> BinaryIO:
        if self._forward and offset < self._at:
            self._steps_back += 1
            if self._steps_back > 1:
                file = self._unpacked(file)
        file.seek(offset)
        self._at = offset
        return file

    def _unpacked(self, file: BinaryIO) -> BinaryIO:
        plain = cast("BinaryIO", tempfile.TemporaryFile(prefix="dsk-"))  # noqa: SIM115
        try:
            file.seek(0)
            while chunk := file.read(_CHUNK):
                plain.write(chunk)
        except BaseException:
            plain.close()
            raise
        self._close_files()
        self._file, self._forward = plain, False
        return plain

    def finish(self) -> None:
        """Read to the end, which makes gzip compare its checksum.

        Raises:
            MediaError: The file is damaged.
        """
        if not self._forward or self._file is None:
            return
        try:
            while chunk := self._file.read(_CHUNK):
                self._at += len(chunk)
        except DAMAGE as error:
            raise self._damaged(error) from error

    def check_length(self, size: int, *, packed: int = 0) -> int:
        """Make sure that the unpacked content has at least this many bytes, as cheaply as can be.

        Args:
            size: How many.
            packed: How many bytes the header says that they take compressed, 0 if it does not.

        Returns:
            How many more there are, as far as looking at what it has did tell.

        Raises:
            MediaError: It has fewer, or is damaged.
        """
        there = size_of(self.source) - self.start
        if not self.packed:
            if there < size:
                self._too_short(size, there)
            return there - size
        most = MAX_GROWTH if self.packing != "bz2" else MAX_GROWTH_BZ2
        if size > most * there:
            self._too_short(size, most * there, "at most ")
        if packed:
            if there < packed:
                self._too_short(packed, there)
            return 0
        if (
            self.packing not in ("bz2", "zlib")
            and isinstance(self.source, str | bytes)
            and self._stated() == size % (1 << 32)
        ):
            return 0
        return self._count(size) - size

    def stated_length(self) -> int:
        """Return how long the unpacked content claims to be, without unpacking it.

        Raises:
            MediaError: It does not say: only gzip does, of less than 4 GiB.
        """
        if not self.packed:
            return size_of(self.source) - self.start
        if self.packing in ("bz2", "zlib"):
            raise MediaError("packed data of unknown length", where=self.name)
        return self._stated()

    def _stated(self) -> int:
        """Return the unpacked size that gzip states at its end, modulo 2**32."""
        with self._raw() as raw:
            raw.seek(-4, io.SEEK_END)
            return int.from_bytes(raw.read(4), "little")

    def _count(self, size: int) -> int:
        at = len(self.read_at(0, 1))
        try:
            while chunk := self._opened().read(_CHUNK):
                at += len(chunk)
        except DAMAGE as error:
            raise self._damaged(error) from error
        finally:
            self.close()
        if at < size:
            self._too_short(size, at)
        return at

    def _too_short(self, size: int, there: int, at_most: str = "") -> None:
        raise MediaError(
            f"the header claims {size} bytes, the file has {at_most}{there}",
            where=self.name,
            hint="the file is truncated or its header is damaged",
        )

    def _damaged(self, error: Exception) -> MediaError:
        self.close()
        return MediaError(
            f"the file is damaged: {error}", where=self.name, hint="copy or download it again"
        )

    def close(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        _open.pop(id(self), None)
        self._close_files()

    def _close_files(self) -> None:
        for file in (self._file, self._inner):
            if file is not None:
                file.close()
        self._file = self._inner = None
