"""Writing a dataset so that it appears whole or not at all.

Everything goes to a folder beside the destination whose name says that it is partial; a successful
run renames it. A killed run leaves only that folder, which the next run to the same place removes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import re
import shutil
import zipfile
from typing import TYPE_CHECKING, BinaryIO

from dsk.errors import OutputError, OutputExistsError, UnsafePathError, reason, shortened
from dsk.names import clean_name
from dsk.plainfile import plain_file

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Output", "discard_all", "output_error", "write_whole"]

FRAGMENTS = ".fragments"
_OWN: set[str] = set()
"""Staged folders of this process."""
DEEPEST = 200
"""How many folders of an output lie in one another."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_STORED = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".png",
        ".webp",
        ".gif",
        ".zip",
        ".gz",
        ".mp4",
        ".npz",
        ".jp2",
        ".avi",
        ".mkv",
    ]
)


_NOT_WRITTEN = (".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")


class Output:
    """A staged output folder (or ``.zip`` archive).

    Args:
        destination: Where the dataset shall be.
        overwrite: Whether something that is there may be replaced.
        dry: Write nothing at all: names are checked, content goes nowhere.

    Raises:
        OutputExistsError: The destination is not empty and ``overwrite`` is false.
        OutputError: The destination cannot be made.
    """

    def __init__(
        self, destination: str | os.PathLike[str], *, overwrite: bool = False, dry: bool = False
    ) -> None:
        self.destination = os.path.abspath(destination)  # noqa: PTH100
        self.overwrite = overwrite
        self.dry = dry
        lower = self.destination.lower()
        self.archive = lower.endswith(".zip")
        if lower.endswith(_NOT_WRITTEN) and not os.path.isdir(self.destination):  # noqa: PTH112
            raise OutputError(
                "the one sort of archive that is written is .zip",
                where=self.destination,
                hint="name a .zip file, or a folder and pack it",
            )
        parent, name = os.path.split(self.destination)
        self.path = os.path.join(parent, f".{name}.dsk-partial-{os.getpid()}")  # noqa: PTH118
        self._folders: dict[str, int] = {}
        try:
            if not dry and os.path.isdir(parent):  # noqa: PTH112
                self._remove_stale(parent, name)
            self._check_free()
            if dry:
                return
            os.makedirs(parent, exist_ok=True)  # noqa: PTH103
            self._make()
        except FileExistsError as error:
            raise OutputError("this is in the way of the output", where=error.filename) from error
        except OSError as error:
            raise output_error(error, self.destination) from error

    def _make(self) -> None:
        known = self.path in _OWN
        _OWN.add(self.path)  # first: an interrupt may come as soon as the folder is there
        try:
            os.mkdir(self.path)  # noqa: PTH102
        except OSError:
            if not known:
                _OWN.discard(self.path)
            raise

    def _check_free(self) -> None:
        path = self.destination
        if not os.path.lexists(path):
            return
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            with os.scandir(path) as entries:
                if next(entries, None) is None:
                    return
            what = "the folder is not empty"
        elif not os.path.islink(path) and not os.path.isfile(path):  # noqa: PTH113, PTH114
            raise OutputExistsError(
                "a device, pipe or socket has this name", where=path, hint="choose another place"
            )
        else:
            what = "there is a file of this name"
        if not self.overwrite:
            raise OutputExistsError(
                what, where=path, hint="choose another place or give --overwrite"
            )

    def _remove_stale(self, parent: str, name: str) -> None:
        """Remove what killed runs to the same destination left; bring back what they moved away."""
        pattern = re.compile(re.escape(f".{name}.dsk-partial-") + r"(\d+)(-old|\.zip)?")
        with os.scandir(parent) as entries:
            found = [(e.path, m) for e in entries if (m := pattern.fullmatch(e.name))]
        for path, match in found:
            # A process number may come again, in a container always: then only _OWN are alive.
            own = int(match[1]) == os.getpid()
            if self.path in _OWN if own else _alive(int(match[1])):
                continue
            if match[2] == "-old" and not os.path.lexists(self.destination):
                os.rename(path, self.destination)  # noqa: PTH104
            else:
                _remove(path)

    def _folder(self, name: str) -> int:
        """Return a descriptor of a staged folder, made when it is missing."""
        known = self._folders.get(name)
        if known is not None:
            return known
        full = os.path.join(self.path, name) if name else self.path  # noqa: PTH118
        if name.count("/") >= DEEPEST:  # making and removing more would go beyond Python's stack
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), full)
        os.makedirs(full, exist_ok=True)  # noqa: PTH103
        if len(self._folders) > 200:
            self._close()
        descriptor = os.open(full, os.O_RDONLY | os.O_DIRECTORY)
        self._folders[name] = descriptor
        return descriptor

    def _create(self, name: str) -> int:
        safe = _safe(name)
        if self.dry:
            return os.open(os.devnull, os.O_WRONLY)
        folder, _, base = safe.rpartition("/")
        try:
            return os.open(base, _NEW, 0o666, dir_fd=self._folder(folder))
        except OSError as error:
            raise output_error(error, name) from error

    def write(self, name: str, data: bytes | bytearray | memoryview) -> None:
        """Write a new file.

        Args:
            name: Its relative POSIX name.
            data: Its content.

        Raises:
            OutputError: The name is unsafe or taken, or the disk is full.
        """
        if self.dry:
            _safe(name)
            return
        descriptor = self._create(name)
        try:
            _write_all(descriptor, data)
        except OSError as error:
            raise output_error(error, name) from error
        finally:
            os.close(descriptor)

    def open(self, name: str) -> BinaryIO:
        """Open a new file for writing; for small files ``write`` is faster."""
        return os.fdopen(self._create(name), "wb", buffering=1 << 20)

    def make_folder(self, name: str) -> None:
        """Make sure that there is a folder, even if no file comes into it."""
        if self.dry:
            return
        try:
            self._folder(_safe(name))
        except OSError as error:
            raise output_error(error, name) from error

    def copy(self, source: str, name: str, mode: str = "copy") -> None:
        """Copy a file of this machine into the output without reading it here.

        Args:
            source: Its path.
            name: The new relative name.
            mode: "copy" by the kernel (shared blocks where the file system can), or "link" for a
                hard link where that is possible, else a copy.

        Raises:
            OutputError: As for ``write``.
            OSError: The source cannot be read.
        """
        if self.dry:
            _safe(name)
            os.close(plain_file(source))  # a missing file must be noticed all the same
            return
        # A link to a pipe would be a pipe.
        if mode == "link" and os.path.isfile(source) and self._link(source, name):  # noqa: PTH113
            return
        reading = plain_file(source)
        try:
            writing = self._create(name)
            try:
                _copy_content(reading, writing)
            except OSError as error:
                raise output_error(error, name) from error
            finally:
                os.close(writing)
        finally:
            os.close(reading)

    def _link(self, source: str, name: str) -> bool:
        folder, _, base = _safe(name).rpartition("/")
        try:
            os.link(os.path.realpath(source), base, dst_dir_fd=self._folder(folder))
        except OSError as error:
            if error.errno == errno.EEXIST:
                raise output_error(error, name) from error
            return False  # another file system, links forbidden: copying works or says why not
        return True

    def move(self, name: str, new: str) -> None:
        """Rename a file of the output, whose name is known only when all items have been seen.

        Args:
            name: Its relative name, maybe one below ``FRAGMENTS``.
            new: The new one.

        Raises:
            OutputError: The new name is unsafe or taken.
        """
        safe = _safe(new)
        if self.dry:
            return
        target = f"{self.path}/{safe}"
        try:
            self._folder(posixpath.dirname(safe))
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, "")
            os.rename(f"{self.path}/{name}", target)  # noqa: PTH104
        except OSError as error:
            raise output_error(error, new) from error

    def fragment(self, name: str, part: int) -> BinaryIO:
        """Open one partition's fragment of a file that ``finish`` will join."""
        return self.open(f"{FRAGMENTS}/{name}/{part:08d}")

    def fragments(self, name: str) -> list[str]:
        """Return the paths of a file's fragments in the order of the partitions."""
        folder = os.path.join(self.path, FRAGMENTS, name)  # noqa: PTH118
        if not os.path.isdir(folder):  # noqa: PTH112
            return []
        return [os.path.join(folder, part) for part in sorted(os.listdir(folder))]  # noqa: PTH118, PTH208

    def fragment_names(self) -> list[str]:
        """Return the names of the files that have fragments, sorted; names may hold slashes."""
        base = os.path.join(self.path, FRAGMENTS)  # noqa: PTH118
        return sorted(
            os.path.relpath(d, base).replace(os.sep, "/") for d, _, files in os.walk(base) if files
        )

    def join(
        self,
        name: str,
        fragments: Iterable[str],
        *,
        head: bytes = b"",
        between: bytes = b"",
        tail: bytes = b"",
    ) -> None:
        """Write a file from fragments, copied by the kernel; empty fragments are passed over."""
        descriptor = self._create(name)
        try:
            _write_all(descriptor, head)
            first = True
            for path in fragments:
                reading = os.open(path, os.O_RDONLY)
                try:
                    if os.fstat(reading).st_size:
                        if not first:
                            _write_all(descriptor, between)
                        first = False
                        _copy_content(reading, descriptor)
                finally:
                    os.close(reading)
                os.unlink(path)  # noqa: PTH108 - frees the space before the next one is copied
            _write_all(descriptor, tail)
        except OSError as error:
            raise output_error(error, name) from error
        finally:
            os.close(descriptor)

    def _close(self) -> None:
        for descriptor in self._folders.values():
            os.close(descriptor)
        self._folders.clear()

    def publish(self) -> str:
        """Put the finished output in its place and return the place.

        Raises:
            OutputError: It cannot be put there; what was there before is still there.
        """
        if self.dry:
            return ""
        self._close()
        try:
            shutil.rmtree(os.path.join(self.path, FRAGMENTS), ignore_errors=True)  # noqa: PTH118
            if self.archive:
                self._pack()
            else:
                self._check_free()
                self._swap(self.path)
        except OSError as error:
            self.discard()
            raise output_error(error, self.destination) from error
        except OutputExistsError:
            self.discard()
            raise
        return self.destination

    def _swap(self, new: str) -> None:
        """Rename the new output into place; the old one goes only when the new one is there."""
        old = f"{self.path}-old"
        if os.path.lexists(self.destination):
            os.rename(self.destination, old)  # noqa: PTH104
        try:
            os.rename(new, self.destination)  # noqa: PTH104
        except BaseException:
            if os.path.lexists(old):
                os.rename(old, self.destination)  # noqa: PTH104
            raise
        _remove(old)
        _OWN.discard(self.path)

    def _pack(self) -> None:
        packed = f"{self.path}.zip"
        try:
            with zipfile.ZipFile(packed, "w", allowZip64=True) as archive:
                for folder, folders, files in os.walk(self.path):
                    folders.sort()
                    for file in sorted(files):
                        full = os.path.join(folder, file)  # noqa: PTH118
                        name = os.path.relpath(full, self.path)
                        _pack_file(archive, full, name)
            self._check_free()
            self._swap(packed)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(packed)  # noqa: PTH108
        shutil.rmtree(self.path, ignore_errors=True)

    def discard(self) -> None:
        """Remove the staged output; what was at the destination before stays."""
        self._close()
        shutil.rmtree(self.path, ignore_errors=True)
        _OWN.discard(self.path)


def output_error(error: OSError, where: str) -> OutputError:
    """Word what the system says about a file of the output."""
    if error.errno == errno.ENOSPC:
        return OutputError("the disk is full", where=where, hint="nothing was left behind")
    if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ):
        return OutputError("the file system cannot hold this name", where=shortened(where))
    if error.errno == errno.EEXIST:
        hint = (
            "rename one of them; -t 'rename regex=|^|{item.subset}/|' tells those of subsets apart"
        )
        return OutputError("two items want the same file", where=where, hint=hint)
    return OutputError(reason(error), where=where)


def write_whole(path: str, data: bytes) -> None:
    """Write one file that appears whole or not at all; what is there stays until it does.

    Args:
        path: The file, in a folder that is there. What is no file, a pipe or ``/dev/null``, is
            written to.
        data: Its content.

    Raises:
        OutputError: It cannot be written.
    """
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    partial = os.path.join(folder, f".{name}.dsk-partial-{os.getpid()}")  # noqa: PTH118
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(data)
            return
        _remove(partial)  # of a killed run with this process number
        descriptor = os.open(partial, _NEW, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(partial, path)  # noqa: PTH105
        except BaseException:
            _remove(partial)
            raise
    except OSError as error:
        raise output_error(error, path) from error


def discard_all() -> None:
    """Remove every staged output of this process: an interrupt can strike where nobody holds it."""
    for path in [path for path in _OWN if path.endswith(f"-{os.getpid()}")]:
        shutil.rmtree(path, ignore_errors=True)
        _OWN.discard(path)


def _remove(path: str) -> None:
    """Remove a folder, or a file or link, if it is there."""
    if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108


def _safe(name: str) -> str:
    try:
        return clean_name(name)
    except UnsafePathError as error:
        raise OutputError(error.message, hint="rename the item") from error


def _pack_file(archive: zipfile.ZipFile, full: str, name: str) -> None:
    # A fixed time makes equal content give equal archives.
    info = zipfile.ZipInfo(name.replace(os.sep, "/"), (1980, 1, 1, 0, 0, 0))
    info.external_attr = 0o644 << 16
    stored = os.path.splitext(name)[1].lower() in _STORED  # noqa: PTH122
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    info.file_size = os.path.getsize(full)  # noqa: PTH202
    with open(full, "rb") as reading, archive.open(info, "w") as writing:  # noqa: PTH123
        shutil.copyfileobj(reading, writing, 1 << 20)


def _write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of some bytes: a disk that becomes full takes a part of them without an error."""
    done = os.write(descriptor, data)
    if done < len(data):
        view = memoryview(data)
        while done < len(view):
            done += os.write(descriptor, view[done:])


def _copy_content(reading: int, writing: int) -> None:
    """Append all of one file to another inside the kernel."""
    try:
        while os.copy_file_range(reading, writing, 1 << 30):
            pass
    except OSError as error:
        if error.errno not in (
            errno.EXDEV,
            errno.EINVAL,
            errno.ENOSYS,
            errno.EOPNOTSUPP,
            errno.EPERM,
        ):
            raise
    # Whatever the kernel did not copy (other file systems, /proc) goes the portable way.
    while data := os.read(reading, 1 << 20):
        _write_all(writing, data)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
