"""Reading many small files of one folder fast."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dsk.errors import InputError, reason
from dsk.names import clean_name

if TYPE_CHECKING:
    from dsk.files import DirectoryRoot

__all__ = ["FolderReader"]

_CHUNK = 1 << 17


class FolderReader:
    """Reads files of one folder through its descriptor, which lives as long as this object."""

    __slots__ = ("_folder", "_limit", "_root", "_under")

    def __init__(self, root: DirectoryRoot, full: str, under: str, limit: int | None) -> None:
        self._root = root
        self._under = under
        self._limit = limit
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
            if self._limit is not None:
                return os.read(descriptor, self._limit)
            # A pipe that nobody writes to is empty, too.
            return _read_all(descriptor) or self._carefully(name)
        except IsADirectoryError:
            return None
        except OSError as error:
            raise InputError(reason(error), where=self._root.show(self._name(name))) from error
        finally:
            os.close(descriptor)

    def _carefully(self, name: str) -> bytes | None:
        """Read what may be a link; it may lead out, or nowhere."""
        full = self._name(name)
        return self._root.read(full, self._limit) if self._root.is_file(full) else None

    def _name(self, name: str) -> str:
        return f"{self._under}/{name}" if self._under else name


_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def _read_all(descriptor: int) -> bytes:
    data = os.read(descriptor, _CHUNK)
    if len(data) < _CHUNK:
        return data
    parts = [data]
    while data := os.read(descriptor, 1 << 20):
        parts.append(data)
    return b"".join(parts)
