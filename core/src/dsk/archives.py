"""Zip and tar files as input trees: nothing is unpacked to disk, limits guard against bombs."""

from __future__ import annotations

import functools
import io
import lzma
import os
import struct
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from dsk.errors import DskWarning, InputError, LimitError, reason
from dsk.files import InputRoot
from dsk.listings import Listing
from dsk.media import ArchiveMember
from dsk.names import clean_name
from dsk.strays import LINKS, SPECIAL, Strays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["ArchiveRoot", "archive_root", "cached_root"]

T = TypeVar("T")

MAX_MEMBERS = 5_000_000
MAX_RATIO = 250
"""How many times larger than its compressed form a member may be, if it is larger than FREE."""
FREE = 64 << 20
"""Members up to this size are never taken for bombs."""

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    ValueError,
    struct.error,
    NotImplementedError,
)


_UTF8 = 0x800
"""The flag of members of a zip that says that their names are in UTF-8."""

_NOT_READ = (".7z", ".rar", ".tar.zst", ".tzst", ".tar.lz4", ".tar.lz", ".tar.z")


class _MemberStream(io.RawIOBase):
    """A member being read: damage is an error of dsk's that names the member.

    Args:
        file: The member as ``zipfile`` or ``tarfile`` opens it.
        where: Its place, for messages.
        fault: What to raise.
    """

    def __init__(self, file: BinaryIO, where: str, fault: type[InputError]) -> None:
        self._inner = file
        self._where = where
        self._fault = fault

    @property
    def name(self) -> str:
        """The member's place."""
        return self._where

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._inner.seekable()

    def readinto(self, buffer: Any) -> int:
        data = self._guarded(self._inner.read, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self._guarded(self._inner.read)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._guarded(self._inner.seek, offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        self._inner.close()
        super().close()

    def _guarded(self, ask: Callable[..., T], *args: int) -> T:
        try:
            return ask(*args)
        except _DAMAGE as error:
            raise _damaged(error, self._where, self._fault) from error


def _damaged(error: Exception, where: str, fault: type[InputError]) -> InputError:
    return fault(f"the member is damaged: {error}", where=where)


class ArchiveRoot(InputRoot):
    """A tree inside an archive; folders are those that the members' names imply."""

    def __init__(self, path: str, names: Iterable[tuple[str, int]]) -> None:
        self.path = path
        self._full = os.path.abspath(path)  # noqa: PTH100
        self._sizes: dict[str, int] = {}
        tree: dict[str, tuple[list[str], list[str]]] = {"": ([], [])}
        for count, (name, size) in enumerate(names):
            if count >= MAX_MEMBERS:
                raise LimitError(f"more than {MAX_MEMBERS} members", where=path)
            if name not in self._sizes:
                self._sizes[name] = size
                folder, _, base = name.rpartition("/")
                _folder(tree, folder)[1].append(base)
        self._tree = {name: Listing(*inside) for name, inside in tree.items()}
        self._pid = os.getpid()

    def _key(self, name: str) -> str:
        return clean_name(name, self.path) if name else ""

    def listing(self, under: str = "") -> Listing:
        """See ``InputRoot.listing``."""
        return self._tree.get(self._key(under), _NOTHING)

    def is_file(self, name: str) -> bool:
        """See ``InputRoot.is_file``."""
        return self._key(name) in self._sizes

    def is_dir(self, name: str) -> bool:
        """See ``InputRoot.is_dir``."""
        return self._key(name) in self._tree

    def size(self, name: str) -> int:
        """See ``InputRoot.size``."""
        try:
            return self._sizes[self._key(name)]
        except KeyError:
            raise InputError("the archive has no such member", where=self.show(name)) from None

    def locate(self, name: str) -> str | ArchiveMember:
        """See ``InputRoot.locate``."""
        return ArchiveMember(self._full, clean_name(name, self.path))

    def open(self, name: str) -> BinaryIO:
        """See ``InputRoot.open``; damage that is met while reading is an ``InputError``, too."""
        return self.stream(name, InputError)

    def stream(self, name: str, fault: type[InputError]) -> BinaryIO:
        """Open a member whose damage, whenever it is met, raises an error of the given class."""
        return io.BufferedReader(_MemberStream(self._member(name, fault), self.show(name), fault))

    def read(self, name: str, limit: int | None = None) -> bytes:
        """See ``InputRoot.read``; without the layers of ``open``."""
        with self._member(name, InputError) as file:
            try:
                return file.read(-1 if limit is None else limit)
            except _DAMAGE as error:
                raise _damaged(error, self.show(name), InputError) from error

    def _member(self, name: str, fault: type[InputError]) -> BinaryIO:
        if self._pid != os.getpid():  # after a fork, a shared file position would mix readers up
            self._reopen()
            self._pid = os.getpid()
        try:
            return self._open(self._key(name))
        except KeyError:
            raise fault("the archive has no such member", where=self.show(name)) from None
        except (*_DAMAGE, RuntimeError) as error:
            raise fault(f"cannot read the member: {error}", where=self.show(name)) from error

    @abstractmethod
    def _open(self, name: str) -> BinaryIO: ...

    @abstractmethod
    def _reopen(self) -> None: ...


_NOTHING = Listing((), ())


def _folder(tree: dict[str, tuple[list[str], list[str]]], name: str) -> tuple[list[str], list[str]]:
    """Return a folder's folders and files; those above come to be with it."""
    known = tree.get(name)
    if known is None:
        parent, _, base = name.rpartition("/")
        _folder(tree, parent)[0].append(base)
        known = tree[name] = ([], [])
    return known


class ZipRoot(ArchiveRoot):
    """A zip archive."""

    def __init__(self, path: str) -> None:
        self._zip = zipfile.ZipFile(path)
        # Old tools of Windows write backslashes, behind folders too.
        files = [i for i in self._zip.infolist() if not i.filename.endswith(("/", "\\"))]
        self._members = {clean_name(_name_of(info), path): info for info in files}
        if len(self._members) < len(files):
            what = f"{path} has several members of one name; the last of each is read"
            warnings.warn(what, DskWarning, stacklevel=4)
        super().__init__(path, ((name, i.file_size) for name, i in self._members.items()))

    def _open(self, name: str) -> BinaryIO:
        info = self._members[name]
        if info.file_size > FREE and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            times = info.file_size // max(info.compress_size, 1)
            raise LimitError(
                f"the member grows {times} times when unpacked",
                where=self.show(name),
                hint="unpack it yourself if you trust it",
            )
        if info.flag_bits & 1:
            raise InputError("the member is encrypted", where=self.show(name))
        return cast("BinaryIO", self._zip.open(info))

    def _reopen(self) -> None:
        self._zip = zipfile.ZipFile(self._full)


def _name_of(info: zipfile.ZipInfo) -> str:
    """Return a member's name: what packs on Linux writes UTF-8 without saying so."""
    name = info.filename
    if not info.flag_bits & _UTF8 and not name.isascii():
        with suppress(UnicodeError):
            return name.encode("cp437").decode()
    return name


class TarRoot(ArchiveRoot):
    """A tar archive; a compressed one is inflated once into an unnamed temporary file."""

    def __init__(self, path: str) -> None:
        self._file = _plain_tar(path)
        self._members: dict[str, tarfile.TarInfo] = {}
        passed: dict[str, list[str]] = {}
        with tarfile.open(fileobj=self._file, mode="r:") as tar:
            for info in tar:
                if info.isfile():
                    self._members[clean_name(info.name, path)] = info
                elif info.islnk() and (first := self._members.get(clean_name(info.linkname, path))):
                    self._members[clean_name(info.name, path)] = first
                elif not info.isdir():
                    linked = info.issym() or info.islnk()
                    passed.setdefault(LINKS if linked else SPECIAL, []).append(info.name)
        super().__init__(path, ((name, i.size) for name, i in self._members.items()))
        self._strays = Strays()
        self._strays.note("", passed, ())

    def strays(self) -> Iterable[str]:
        """See ``InputRoot.strays``."""
        return self._strays.warnings()

    def __del__(self) -> None:
        file: BinaryIO | None = getattr(self, "_file", None)  # __init__ may have failed before
        if file is not None:
            file.close()

    def _open(self, name: str) -> BinaryIO:
        info = self._members[name]
        self._file.seek(0)
        tar = tarfile.open(fileobj=self._file, mode="r:")  # noqa: SIM115 - closed with its member
        return cast("BinaryIO", tar.extractfile(info))

    def _reopen(self) -> None:
        # /proc gives an own file position for the same, maybe unnamed, file.
        shared = self._file
        self._file = open(f"/proc/self/fd/{shared.fileno()}", "rb")  # noqa: PTH123, SIM115


def _plain_tar(path: str) -> BinaryIO:
    import bz2
    import gzip

    with open(path, "rb") as file:  # noqa: PTH123
        magic = file.read(6)
    openers: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
    opener = openers.get(magic[:2])
    if opener is None:
        return open(path, "rb")  # noqa: PTH123
    limit = max(FREE, MAX_RATIO * os.path.getsize(path))  # noqa: PTH202
    with tempfile.TemporaryFile() as plain, opener(path, "rb") as packed:
        done = 0
        while chunk := packed.read(1 << 20):
            done += len(chunk)
            if done > limit:
                raise LimitError(
                    f"the archive grows more than {MAX_RATIO} times when unpacked", where=path
                )
            plain.write(chunk)
        plain.flush()
        # Opened anew for reading only: a writable one moves the position when a fork closes it.
        return open(f"/proc/self/fd/{plain.fileno()}", "rb")  # noqa: PTH123


def archive_root(path: str) -> ArchiveRoot | None:
    """Open a file as an archive, or return None when it is none.

    Raises:
        InputError: It is a damaged archive, or of a sort that is not read.
        LimitError: It is a bomb.
        UnsafePathError: Its members' names lead out of it.
    """
    lower = path.lower()
    if lower.endswith(_NOT_READ):
        raise InputError(
            "this sort of archive is not read", where=path, hint="unpack it, or pack it as .zip"
        )
    try:
        if lower.endswith(".zip") or zipfile.is_zipfile(path):
            return ZipRoot(path)
        if lower.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tbz2", ".txz")):
            return TarRoot(path)
    except _DAMAGE as error:
        raise InputError(f"not a readable archive: {error}", where=path) from error
    return None


def cached_root(path: str) -> ArchiveRoot:
    """Return the opened archive at a path, for members that are read one by one.

    Raises:
        InputError: It is no archive.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - hot
    except OSError as error:
        raise InputError(reason(error), where=path) from error
    return _opened(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=8)
def _opened(path: str, changed: int, size: int) -> ArchiveRoot:  # noqa: ARG001 - parts of the key
    root = archive_root(path)
    if root is None:
        raise InputError("not an archive", where=path)
    return root
