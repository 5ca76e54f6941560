"""A dataset that lies in the one folder of what was given: an archive packs its folder's name, too.

What an archive holds has no path of its own that a user could give, so core enters such a folder.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, BinaryIO

from dsk.files import DirectoryRoot, InputRoot
from dsk.names import clean_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.listings import Listing
    from dsk.media import ArchiveMember

__all__ = ["is_named_alike", "only_folder"]

_PACKED = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tbz2", ".txz")


class _FolderRoot(InputRoot):
    """A folder of another root."""

    def __init__(self, root: InputRoot, folder: str) -> None:
        self._root = root
        self._folder = folder
        self.path = posixpath.join(root.path, folder)

    def _full(self, name: str) -> str:
        return f"{self._folder}/{clean_name(name, self.path)}" if name else self._folder

    def listing(self, under: str = "") -> Listing:
        """See ``InputRoot.listing``."""
        return self._root.listing(self._full(under))

    def is_file(self, name: str) -> bool:
        """See ``InputRoot.is_file``."""
        return self._root.is_file(self._full(name))

    def is_dir(self, name: str) -> bool:
        """See ``InputRoot.is_dir``."""
        return self._root.is_dir(self._full(name))

    def strays(self) -> Iterable[str]:
        """See ``InputRoot.strays``; it is an archive's, which says where they lie in it."""
        return self._root.strays()

    def open(self, name: str) -> BinaryIO:
        """See ``InputRoot.open``."""
        return self._root.open(self._full(name))

    def read(self, name: str, limit: int | None = None) -> bytes:
        """See ``InputRoot.read``."""
        return self._root.read(self._full(name), limit)

    def size(self, name: str) -> int:
        """See ``InputRoot.size``."""
        return self._root.size(self._full(name))

    def locate(self, name: str) -> str | ArchiveMember:
        """See ``InputRoot.locate``."""
        return self._root.locate(self._full(name))


def only_folder(root: InputRoot) -> InputRoot | None:
    """Return the one folder that holds everything there is, or None."""
    if root.focus is not None:
        return None
    found = root.listing()
    folders = [name for name in found.folders if name[0] != "."]
    if len(folders) != 1 or any(name[0] != "." for name in found.files):
        return None
    if isinstance(root, DirectoryRoot):
        return DirectoryRoot(posixpath.join(root.path, folders[0]))
    return _FolderRoot(root, folders[0])


def is_named_alike(root: InputRoot, inner: InputRoot) -> bool:
    """Tell whether an archive's only folder has the archive's name, and so says nothing more."""
    packed = {root.name.removesuffix(suffix) for suffix in _PACKED} - {root.name}
    return inner.name in packed
