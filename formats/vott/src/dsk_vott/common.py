"""What both readers share: names of subsets, places of images."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from dsk.errors import UnsafePathError
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["ImageFinder", "id_of", "subset_of"]

_FRAME = "#t="
_FOLDERS = 3
_ENDINGS = (".jpg", ".jpeg", ".png")


def subset_of(name: str) -> str:
    """Return the subset of an export: its name up to the last dash."""
    stem = stem_of(name.rpartition("/")[2])
    return stem.rsplit("-", 1)[0] or stem


def id_of(name: str) -> str:
    """Return the id of an image; frames of videos (``clip.mp4#t=1.5``) have no ending to lose."""
    if _FRAME in name.rpartition("/")[2]:
        return stem_of(name) if is_image_name(name) else name
    return stem_of(name)


def _last(url: str) -> str:
    """Return the last part of a path or URL, which may hide slashes (``..%2f..%2fa.jpg``)."""
    return unquote(url).replace("\\", "/").rpartition("/")[2]


class ImageFinder:
    """Finds images beside the file that names them; folders are listed once."""

    def __init__(self, root: InputRoot, home: str) -> None:
        self._root = root
        self._home = home
        self._known: dict[str, frozenset[str]] = {}

    def _has(self, place: str) -> bool:
        folder, _, base = place.rpartition("/")
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = frozenset(self._root.entries(folder)[1])
        return base in known

    def image(self, name: str, path: str = "", size: tuple[int, int] | None = None) -> Image:
        """Return an image.

        Args:
            name: Its name, clean.
            path: Where it was when it was annotated: a URL or a path of another machine.
            size: (height, width) as stated, or None.
        """
        base = name.rpartition("/")[2]
        prefix = f"{self._home}/" if self._home else ""
        names = [name, base, _last(path), _last(base), *(base + ending for ending in _ENDINGS)]
        for candidate in dict.fromkeys(n for n in names if n not in ("", ".", "..")):
            if self._has(prefix + candidate):
                return Image(
                    path=candidate, source=self._root.locate(prefix + candidate), size=size
                )
        place = self._below(path) or prefix + name
        return Image(path=name, source=self._root.locate(place), size=size)

    def _below(self, path: str) -> str:
        """Return where an image is that lies in another folder of the dataset; "" if it does not.

        A project has its images in a folder of their own, and the end of the path names it.
        """
        parts = unquote(path).replace("\\", "/").split("/")
        for count in range(2, min(len(parts), _FOLDERS + 2)):
            place = "/".join(parts[-count:])
            try:
                if clean_name(place) == place and self._has(place):
                    return place
            except UnsafePathError:
                break
        return ""
