"""Reading a dataset's files, the same from a folder, a zip or a tar, and never outside of it."""

from __future__ import annotations

import mmap
import os
import posixpath
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from dsk.errors import InputError, MediaError, UnsafePathError, reason
from dsk.folderreader import FolderReader, read_small
from dsk.lfs import check_fetched
from dsk.listings import Listing
from dsk.media import ArchiveMember
from dsk.names import clean_name
from dsk.plainfile import plain_file
from dsk.strays import BROKEN, OUTSIDE, SPECIAL, Strays

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    Locate = Callable[[str], str | ArchiveMember]

__all__ = [
    "DirectoryRoot",
    "InputRoot",
    "Located",
    "check_located",
    "has_member",
    "open_member",
    "open_root",
    "read_member",
]


class InputRoot(ABC):
    """A tree of files with relative POSIX names.

    Attributes:
        path: What the user gave.
        focus: Relative name of the one file the user gave, when it was a file of the tree.
    """

    path: str
    focus: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path the user gave."""
        return os.path.basename(os.path.abspath(self.path))  # noqa: PTH119, PTH100

    @abstractmethod
    def listing(self, under: str = "") -> Listing:
        """Return what is directly below a folder; one that is not there is empty."""

    def entries(self, under: str = "") -> tuple[list[str], list[str]]:
        """Return the sorted names of the folders and files directly below a folder.

        A folder that is not there has none.
        """
        found = self.listing(under)
        return list(found.folders), list(found.files)

    @abstractmethod
    def is_file(self, name: str) -> bool:
        """Whether there is a file of this relative name."""

    @abstractmethod
    def is_dir(self, name: str) -> bool:
        """Whether there is a folder of this relative name."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Open a file for reading.

        Raises:
            InputError: It is missing or unreadable.
        """

    @abstractmethod
    def locate(self, name: str) -> str | ArchiveMember:
        """Return where a file is or would be, as ``Media.source``; existence is not checked."""

    def locator(self, under: str = "", *, clean: bool = False) -> Locate:  # noqa: ARG002
        """Return ``locate`` for the names below a folder, as a fast function.

        Args:
            under: The folder.
            clean: The names are those of files, or ``clean_name`` has seen them: half the time.
        """
        prefix = f"{under}/" if under else ""
        return lambda name: self.locate(prefix + name)

    @abstractmethod
    def size(self, name: str) -> int:
        """Return a file's size in bytes.

        Raises:
            InputError: It is missing.
        """

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return a file's content, or its first ``limit`` bytes."""
        with self.open(name) as file:
            return file.read(-1 if limit is None else limit)

    def text(self, name: str) -> str:
        """Return a text file's content; UTF-8, a byte-order mark is dropped.

        Raises:
            InputError: It is missing, not UTF-8 or a pointer of Git LFS.
        """
        data = self.read(name)
        check_fetched(data, self.show(name))
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"not UTF-8 text: {error}", where=self.show(name)) from error

    def text_bytes(self, name: str, limit: int | None = None) -> bytes:
        """Return a text file's content or its beginning, undecoded, without a byte-order mark."""
        data = self.read(name, limit)
        if limit is None:  # else it shall only be told what it is
            check_fetched(data, self.show(name))
        return data.removeprefix(b"\xef\xbb\xbf")

    def buffer(self, name: str) -> memoryview:
        """Return a file's content, mapped where that is possible; errors as for ``text``."""
        data = self.read(name)
        check_fetched(data, self.show(name))
        return memoryview(data)

    def reader(self, under: str = "", limit: int | None = None) -> Callable[[str], bytes | None]:
        """Return a fast function from a name below ``under`` to content; None for a missing file.

        Args:
            under: The folder.
            limit: Read only this many first bytes of each file.
        """
        prefix = f"{under}/" if under else ""

        def read(name: str) -> bytes | None:
            return self.read(prefix + name, limit) if self.is_file(prefix + name) else None

        return read

    def contents(
        self, under: str, names: Sequence[str], limit: int | None = None
    ) -> Iterator[bytes | None]:
        """Yield the contents of many files of a folder, None for a missing one; see ``reader``."""
        return map(self.reader(under, limit), names)

    def walk(
        self,
        under: str = "",
        depth: int | None = None,
        suffixes: Collection[str] = (),
        words: Collection[str] = (),
    ) -> Iterator[str]:
        """Yield the names of all files below a folder, sorted, files of a folder first.

        A folder of very many files that lacks what is asked for costs little: detectors should ask
        for endings and words rather than look at every name.

        Args:
            under: Where to start.
            depth: How many levels of sub-folders to enter; None for all.
            suffixes: Lower-case endings, of which a file must have one; none for any.
            words: Lower-case words, of which one must be in a file's own name; none for any.
        """
        found = self.listing(under)
        prefix = f"{under}/" if under else ""
        for name in found.pick(suffixes, words):
            yield prefix + name
        if depth is None or depth > 0:
            below = None if depth is None else depth - 1
            for name in found.folders:
                yield from self.walk(prefix + name, below, suffixes, words)

    def files(
        self,
        under: str = "",
        suffixes: Collection[str] = (),
        depth: int | None = None,
        words: Collection[str] = (),
    ) -> list[str]:
        """Return the names of all files below a folder; see ``walk``."""
        return list(self.walk(under, depth, suffixes, words))

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Keep what folders hold meanwhile: many detectors ask for the same ones, and importers."""
        yield

    def is_stray(self, name: str) -> bool:  # noqa: ARG002
        """Whether something of this relative name is there that is no file: a link to nothing."""
        return False

    def strays(self) -> Iterable[str]:
        """Return what to say of entries that look like files and are none, as far as listed."""
        return ()

    def show(self, name: str) -> str:
        """Return a file's place for messages."""
        return posixpath.join(self.path, name)

    def up(self) -> InputRoot:
        """Return the same input seen from the folder above; only for a single given file."""
        return self


_SMALL = 1 << 17
"""Bytes of files that ``buffer`` reads rather than maps."""

REMEMBERED = 1_000_000
"""How many names ``remembering`` keeps as they are; those of further folders are packed."""


class Located(str):
    """The path of a file that a dataset names; whoever opens it checks it with its root first."""

    __slots__ = ("root",)

    root: DirectoryRoot


class DirectoryRoot(InputRoot):
    """A folder, or one file in it.

    Args:
        path: The folder, as given by the user.
        focus: Relative name of the one file that was given.
    """

    def __init__(self, path: str, focus: str | None = None) -> None:
        self.path = path
        self.focus = focus
        self._base = os.path.abspath(path)  # noqa: PTH100
        self._real = os.path.realpath(path)
        self._inside: dict[str, bool] = {}
        self._listed: dict[str, Listing] = {}
        self._remembers, self._room = False, 0
        self._strays = Strays()

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """See ``InputRoot.remembering``."""
        outermost = not self._remembers
        if outermost:
            self._remembers, self._room = True, REMEMBERED
        try:
            yield
        finally:
            if outermost:
                self._remembers, self._room = False, 0
                self._listed.clear()

    def _full(self, name: str) -> str:
        return os.path.join(self._base, clean_name(name, self.path)) if name else self._base  # noqa: PTH118

    def _check_inside(self, full: str, name: str) -> None:
        """Refuse symbolic links that lead out of the root, but for the one the user gave."""
        inside = self._folder_inside(os.path.dirname(full))  # noqa: PTH120
        if inside and os.path.islink(full) and name != self.focus:  # noqa: PTH114
            inside = self._is_below(os.path.realpath(full))
        if not inside:
            raise UnsafePathError(
                "a symbolic link leads out of the dataset",
                where=self.show(name),
                hint="copy the files in, or give the folder that holds both",
            )

    def _folder_inside(self, folder: str) -> bool:
        """Whether a folder really lies in the root; asked of the system once per folder."""
        inside = self._inside.get(folder)
        if inside is None:
            inside = self._inside[folder] = self._is_below(os.path.realpath(folder))
        return inside

    def holds(self, name: str) -> bool:
        """Whether the folder of this relative name's file lies in the root, links followed."""
        return self._folder_inside(os.path.dirname(self._full(name)))  # noqa: PTH120

    def _is_below(self, real: str) -> bool:
        return real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)

    def listing(self, under: str = "") -> Listing:
        """See ``InputRoot.listing``; links to folders outside the root are not entered."""
        found = self._listed.get(under)
        if found is None:
            found = self._list(under)
            if self._remembers:
                self._listed[under] = found
                count = len(found.folders) + len(found.files)
                if count <= self._room:
                    self._room -= count
                else:
                    found.pack()
        return found

    def _list(self, under: str) -> Listing:
        folders: list[str] = []
        files: list[str] = []
        strays: dict[str, list[str]] = {}
        full = self._full(under)
        try:
            with os.scandir(full) as entries:
                for entry in entries:
                    if entry.is_file():
                        files.append(entry.name)
                    elif entry.is_dir():
                        if not entry.is_symlink() or self._enters(full, entry.path):
                            folders.append(entry.name)
                        else:
                            strays.setdefault(OUTSIDE, []).append(entry.name)
                    elif entry.is_symlink():
                        strays.setdefault(BROKEN, []).append(entry.name)
                    else:  # reading a pipe would never end
                        strays.setdefault(SPECIAL, []).append(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return Listing((), ())
        except OSError as error:
            raise InputError(reason(error), where=self.show(under)) from error
        self._strays.note(under, strays, folders)
        return Listing(folders, files + strays.get(BROKEN, []))  # whoever reads one says so

    def is_stray(self, name: str) -> bool:
        """See ``InputRoot.is_stray``."""
        full = self._full(name)
        return os.path.lexists(full) and not os.path.isfile(full)  # noqa: PTH113

    def strays(self) -> Iterable[str]:
        """See ``InputRoot.strays``; nothing of what lies beside a file that was given."""
        return self._strays.warnings() if self.focus is None else ()

    def _enters(self, full: str, link: str) -> bool:
        """Whether a linked folder lies in the root and is no loop."""
        real = os.path.realpath(link)
        while self._is_below(real):
            if f"{os.path.realpath(full)}/".startswith(f"{real.rstrip('/')}/"):
                return False
            if full == self._base:
                return True
            full = os.path.dirname(full)  # noqa: PTH120 - links above may have led here
        return False

    def is_file(self, name: str) -> bool:
        """See ``InputRoot.is_file``."""
        return os.path.isfile(self._full(name))  # noqa: PTH113 - hot

    def is_dir(self, name: str) -> bool:
        """See ``InputRoot.is_dir``."""
        return os.path.isdir(self._full(name))  # noqa: PTH112 - hot

    def open(self, name: str) -> BinaryIO:
        """See ``InputRoot.open``."""
        full = self._full(name)
        self._check_inside(full, name)
        try:
            return open(full, "rb", opener=plain_file)
        except OSError as error:
            raise InputError(reason(error), where=self.show(name)) from error

    def read(self, name: str, limit: int | None = None) -> bytes:
        """See ``InputRoot.read``."""
        full = self._full(name)
        inside = self._folder_inside(os.path.dirname(full))  # noqa: PTH120
        data = read_small(full, limit) if inside else None
        return super().read(name, limit) if data is None else data

    def size(self, name: str) -> int:
        """See ``InputRoot.size``."""
        try:
            return os.stat(self._full(name)).st_size  # noqa: PTH116 - hot
        except OSError as error:
            raise InputError(reason(error), where=self.show(name)) from error

    def locate(self, name: str) -> str | ArchiveMember:
        """See ``InputRoot.locate``."""
        place = Located(self._full(name))
        place.root = self
        return place

    def locator(self, under: str = "", *, clean: bool = False) -> Locate:
        """See ``InputRoot.locator``."""
        base = self._full(under)

        def locate(name: str) -> str:
            place = Located(f"{base}/{name if clean else clean_name(name, self.path)}")
            place.root = self
            return place

        return locate

    def check(self, full: str) -> None:
        """Make sure that a located file lies in this folder, links followed.

        Raises:
            UnsafePathError: A symbolic link leads out of it.
        """
        below = f"{self._base}/"
        name = full.removeprefix(below) if full.startswith(below) else os.path.relpath(full, below)
        self._check_inside(full, name)

    def buffer(self, name: str) -> memoryview:
        """Map the file; its pages belong to the page cache, not to this process.

        Small ones are read: a map keeps a file open, and of those a process may have a thousand.
        """
        with self.open(name) as file:
            try:
                if os.fstat(file.fileno()).st_size <= _SMALL:
                    return super().buffer(name)
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except OSError as error:
                raise InputError(reason(error), where=self.show(name)) from error

    def reader(self, under: str = "", limit: int | None = None) -> Callable[[str], bytes | None]:
        """Read relative to an open folder: a third of the time of ``open`` by full path."""
        full = self._full(under)
        if not os.path.isdir(full):  # noqa: PTH112
            return super().reader(under, limit)
        self._check_inside(os.path.join(full, "_"), under)  # noqa: PTH118
        return FolderReader(self, full, under, limit)

    def contents(
        self, under: str, names: Sequence[str], limit: int | None = None
    ) -> Iterator[bytes | None]:
        """See ``InputRoot.contents``."""
        read = self.reader(under, limit)
        return read.each(names) if isinstance(read, FolderReader) else map(read, names)

    def up(self) -> InputRoot:
        """See ``InputRoot.up``."""
        if self.focus is None:
            return self
        parent, name = os.path.split(self._base)
        return DirectoryRoot(parent, f"{name}/{self.focus}")


def open_root(path: str | os.PathLike[str]) -> InputRoot:
    """Open whatever the user gave: a folder, an archive, or a file of a dataset.

    Raises:
        InputError: There is nothing, or it cannot be read.
        LimitError: An archive is a bomb.
        UnsafePathError: An archive holds names that lead out of it.
    """
    given = os.fspath(path)
    if not given:
        raise InputError("there is no name for the input")
    if os.path.isdir(given):  # noqa: PTH112
        return DirectoryRoot(given)
    if not os.path.exists(given):  # noqa: PTH110
        raise InputError("there is no such file or folder", where=given)
    from dsk.archives import archive_root

    archive = archive_root(given)
    if archive is not None:
        return archive
    folder, name = os.path.split(os.path.abspath(given))  # noqa: PTH100
    return DirectoryRoot(folder, name)


def check_located(path: str) -> None:
    """Refuse a path that a dataset names and that leads out of it; other paths are the user's own.

    Raises:
        UnsafePathError: A symbolic link leads out of the dataset.
    """
    if isinstance(path, Located):
        path.root.check(path)


def open_member(member: ArchiveMember) -> BinaryIO:
    """Open one member of an archive for a medium; the archive stays open for the next one.

    Raises:
        InputError: It cannot be read. What is met while reading is a ``MediaError``.
    """
    from dsk.archives import cached_root

    return cached_root(member.archive).stream(member.name, MediaError)


def read_member(member: ArchiveMember) -> bytes:
    """Return the content of one member of an archive; errors as for ``open_member``."""
    from dsk.archives import cached_root

    return cached_root(member.archive).read(member.name)


def has_member(member: ArchiveMember) -> bool:
    """Whether an archive and its member are there; errors as for ``open_member``."""
    from dsk.archives import cached_root

    return os.path.isfile(member.archive) and cached_root(member.archive).is_file(member.name)  # noqa: PTH113
