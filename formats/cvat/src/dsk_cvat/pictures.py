"""Where the images of a CVAT dataset are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.media import is_image_name
from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.files import InputRoot

__all__ = ["ImageFinder"]

IMAGES = "images"
_DATA = "data"  # where FiftyOne puts them


class ImageFinder:
    """Finds images by the names that XML files give them.

    Args:
        root: The input.
        home: The folder of the XML file.
    """

    def __init__(self, root: InputRoot, home: str) -> None:
        self._root = root
        self._home = f"{home}/" if home else ""
        self._exact: dict[str, frozenset[str]] = {}
        self._stems: dict[str, dict[str, str]] = {}

    def _folder(self, folder: str) -> frozenset[str]:
        known = self._exact.get(folder)
        if known is None:
            known = self._exact[folder] = frozenset(self._root.entries(folder)[1])
        return known

    def _by_stem(self, folder: str, stem: str) -> str | None:
        known = self._stems.get(folder)
        if known is None:
            known = {}
            for name in sorted(self._folder(folder)):
                if is_image_name(name):
                    known.setdefault(stem_of(name), name)
            self._stems[folder] = known
        return known.get(stem)

    def find(
        self, name: str, subset: str, *, stated: bool, others: Sequence[str] = ()
    ) -> str | None:
        """Return where an image is, relative to the root, or None.

        An image of another ending is taken when there is none of the exact name.

        Args:
            name: The image's name.
            subset: Its subset.
            stated: Whether the file says so; exports of projects have a folder for each subset.
            others: Other subsets in whose folders the image may be.
        """
        places = [f"{self._home}{IMAGES}", f"{self._home}{IMAGES}/{subset}"]
        if stated:
            places.reverse()
        places += [self._home.rstrip("/"), f"{self._home}{_DATA}"]
        if self._home:  # XML files in a folder of their own beside that of the images
            above = self._home.rstrip("/").rpartition("/")
            around = f"{above[0]}{above[1]}{IMAGES}"
            places += [around, f"{around}/{subset}"]
        places += [f"{self._home}{IMAGES}/{other}" for other in others]
        below, _, base = name.rpartition("/")
        folders = [f"{p}/{below}".strip("/") if below else p for p in places]
        for folder in folders:
            if base in self._folder(folder):
                return f"{folder}/{base}" if folder else base
        stem = stem_of(base)
        for folder in folders:
            other = self._by_stem(folder, stem)
            if other is not None:
                return f"{folder}/{other}" if folder else other
        return None

    def wanted(self, name: str) -> str:
        """Return where an image belongs that is not there."""
        return f"{self._home}{IMAGES}/{name}"
