"""What both readers share: names of subsets, places of images."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from dsk.media import Image, is_image_name
from dsk.names import stem_of

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["ImageFinder", "id_of", "subset_of"]

_FRAME = "#t="
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
        far = unquote(path).replace("\\", "/").rpartition("/")[2]
        prefix = f"{self._home}/" if self._home else ""
        names = [name, base, far, unquote(base), *(base + ending for ending in _ENDINGS)]
        for candidate in dict.fromkeys(n for n in names if n not in ("", ".", "..")):
            if self._has(prefix + candidate):
                return Image(
                    path=candidate, source=self._root.locate(prefix + candidate), size=size
                )
        return Image(path=name, source=self._root.locate(prefix + name), size=size)
