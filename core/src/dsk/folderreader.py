"""Reading many small files fast."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from dsk.errors import InputError, reason
from dsk.names import all_clean, clean_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import DirectoryRoot

__all__ = ["FolderReader", "read_small"]

_CHUNK = 1 << 17


class FolderReader:
    """Reads files of one folder through its descriptor, which lives as long as this object."""

    __slots__ = ("_first", "_folder", "_limit", "_root", "_under")

    def __init__(self, root: DirectoryRoot, full: str, under: str, limit: int | None) -> None:
        self._root = root
        self._under = under
        self._limit = limit
        self._first = _CHUNK if limit is None else limit
        self._folder = os.open(full, os.O_RDONLY | os.O_DIRECTORY)

    def __del__(self) -> None:
        os.close(self._folder)

    def __call__(self, name: str) -> bytes | None:
        """Return a file's content, None for a missing one."""
        safe = clean_name(name)
        if "/" in safe and not self._root.holds(self._name(safe)):
            return self._carefully(name)
        try:
            descriptor = os.open(safe, _READ, dir_fd=self._folder)
        except FileNotFoundError:
            return None
        except OSError:
            return self._carefully(name)
        try:
            return self._whole(descriptor, os.read(descriptor, self._first), safe)
        except IsADirectoryError:
            return None
        except OSError as error:
            raise InputError(reason(error), where=self._root.show(self._name(name))) from error
        finally:
            os.close(descriptor)

    def each(self, names: Sequence[str]) -> Iterator[bytes | None]:
        """Yield the files' contents, None for a missing one; a seventh less time than by calls."""
        if not all_clean(names) or "/" in "".join(names):
            yield from map(self, names)
            return
        folder, first = self._folder, self._first
        for name in names:
            try:
                descriptor = os.open(name, _READ, dir_fd=folder)
            except FileNotFoundError:
                yield None
                continue
            except OSError:
                yield self._carefully(name)
                continue
            try:
                begin = os.read(descriptor, first)
                done = begin and len(begin) != _CHUNK
                data = begin if done else self._whole(descriptor, begin, name)
            except OSError:
                data = self(name)  # says what is wrong with it
            finally:
                os.close(descriptor)
            yield data

    def _whole(self, descriptor: int, data: bytes, name: str) -> bytes | None:
        """Return all that is wanted of a file of which the first bytes were read."""
        if self._limit is not None:
            return data
        if not data and not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return self._carefully(name)  # a pipe that nobody writes to
        if len(data) < _CHUNK:
            return data
        return b"".join([data, *iter(lambda: os.read(descriptor, 1 << 20), b"")])

    def _carefully(self, name: str) -> bytes | None:
        """Read what may be a link; it may lead out, or nowhere."""
        full = self._name(name)
        return self._root.read(full, self._limit) if self._root.is_file(full) else None

    def _name(self, name: str) -> str:
        return f"{self._under}/{name}" if self._under else name


_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def read_small(path: str, limit: int | None) -> bytes | None:
    """Return the content of a file, or its first ``limit`` bytes, in half of the usual time.

    Returns:
        None for what takes a closer look: links, what is missing or no file, large files.
    """
    if limit is not None and limit > _CHUNK:
        return None
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return None
    try:
        data = os.read(descriptor, _CHUNK if limit is None else limit)
        if data and (limit is not None or len(data) < _CHUNK):
            return data
        return data if not data and stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
