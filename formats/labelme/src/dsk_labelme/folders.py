"""Looking for images and masks in folders that are listed once."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from dsk.media import is_image_name
from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["Folders", "reader_of", "tell_left", "text_reader_of"]


def reader_of(root: InputRoot) -> Callable[[str], bytes]:
    """Return a fast function from the name of a file to its content.

    The function raises ``InputError`` where there is no such file.
    """
    quick = root.reader()

    def read(name: str) -> bytes:
        data = quick(name)
        return root.read(name) if data is None else data

    return read


def text_reader_of(root: InputRoot) -> Callable[[str], bytes]:
    """Return ``InputRoot.text_bytes`` for many small files, see ``reader_of``."""
    read = reader_of(root)
    return lambda name: read(name).removeprefix(codecs.BOM_UTF8)


class Folders:
    """The files of a dataset's folders.

    Args:
        root: The dataset.
    """

    def __init__(self, root: InputRoot) -> None:
        self._root = root
        self._files: dict[str, frozenset[str]] = {}
        self._images: dict[str, dict[str, str]] = {}

    def has(self, name: str) -> bool:
        """Tell whether there is a file."""
        folder, _, base = name.rpartition("/")
        return base in self.files(folder)

    def files(self, folder: str) -> frozenset[str]:
        """Return the names of a folder's files."""
        known = self._files.get(folder)
        if known is None:
            known = self._files[folder] = frozenset(self._root.entries(folder)[1])
        return known

    def images(self, folder: str) -> dict[str, str]:
        """Return the names of a folder's images by stem: of several with one stem, the first."""
        known = self._images.get(folder)
        if known is None:
            known = self._images[folder] = {}
            for name in sorted(self.files(folder)):
                if is_image_name(name):
                    known.setdefault(stem_of(name), name)
        return known


def tell_left(folders: Folders, known: Iterable[str], ledger: Ledger) -> None:
    """Tell about images that no annotation file is about: they are no items.

    Args:
        folders: The dataset's folders.
        known: Names of images that are items; their folders are looked at, endings do not count.
        ledger: For the warning.
    """
    stems: dict[str, set[str]] = {}
    for name in known:
        folder, _, base = name.rpartition("/")
        stems.setdefault(folder, set()).add(stem_of(base))
    left = [
        f"{folder}/{image}" if folder else image
        for folder, own in stems.items()
        for stem, image in folders.images(folder).items()
        if stem not in own
    ]
    if left:
        ledger.warn(
            f"{len(left)} images have no annotation file and are no items, e.g. {min(left)}"
        )
