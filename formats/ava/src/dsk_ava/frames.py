"""Where the frames of the films are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.media import Image, is_image_name
from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["ANNOTATIONS", "FRAMES", "FrameFinder", "frame_name", "item_id"]

FRAMES = "frames"
ANNOTATIONS = "annotations"
_FOLDERS = (FRAMES, "rawframes", "keyframes", "images")
_ENDING = ".jpg"
_START = 900
"""The second of each film that the annotated quarter of an hour starts with."""
_RATE = 30
"""Frames a second of the usual extractions."""


def item_id(video: str, time: str) -> str:
    """Return the id of a frame."""
    return f"{video}/{time}" if time else video


def frame_name(video: str, time: str) -> str:
    """Return a frame's name below ``frames``, without its ending."""
    last = video.rpartition("/")[2]
    return f"{video}/{last}_{time}" if time else f"{video}/{last}"


def _names(video: str, time: str) -> Iterator[str]:
    """Yield the names that a frame may have in its film's folder, best first."""
    last = video.rpartition("/")[2]
    yield f"{last}_{time}" if time else last
    if time:
        yield time
    if not (time.isascii() and time.isdigit() and len(time) < 7):
        return
    for plain in (f"{int(time)}", f"{int(time):04d}"):  # tables and frames may differ in the zero
        yield f"{last}_{plain}"
        yield plain
    if int(time) >= _START:
        number = (int(time) - _START) * _RATE + 1
        yield f"{last}_{number:06d}"
        yield f"img_{number:05d}"
        yield f"image_{number:06d}"


def _tops(root: InputRoot, base: str) -> list[str]:
    """Return the folders in one that may hold the films' folders, with their slashes."""
    prefix = f"{base}/" if base else ""
    there = root.entries(base)[0]
    found = [n for folder in _FOLDERS for n in there if n.lower() == folder]
    return [*(f"{prefix}{name}/" for name in found), prefix]


class FrameFinder:
    """Finds frames; the folder of a film is listed once.

    Args:
        root: The dataset.
        home: The folder of the tables; frames are beside it, in it, or above it.
    """

    def __init__(self, root: InputRoot, home: str) -> None:
        self._root = root
        parts = home.split("/") if home else []
        bases = ["/".join(parts[:n]) for n in range(len(parts), -1, -1)]
        if parts and parts[-1].lower() == ANNOTATIONS:
            bases.append(bases.pop(0))
        self._base = f"{bases[0]}/" if bases[0] else ""
        tops = [top for base in bases for top in _tops(root, base)]
        # Frames are often not there, and then no film's folder need be looked for.
        self._tops = {top: frozenset(root.entries(top[:-1])[0]) for top in tops}
        self._video = ""
        self._size: tuple[int, int] | None = None
        self._found: list[tuple[str, dict[str, str]]] = []

    def _folders(self, video: str) -> list[tuple[str, dict[str, str]]]:
        """Return the folders that a film's frames may be in: the images in each, by their stems."""
        if video != self._video:
            self._video, self._found, self._size = video, [], None
            first = video.partition("/")[0]
            for top in [top for top, there in self._tops.items() if first in there]:
                place = top + video
                names = [name for name in self._root.entries(place)[1] if is_image_name(name)]
                if names:
                    self._found.append((place, {stem_of(name): name for name in names}))
        return self._found

    def film_size(self, video: str) -> tuple[int, int] | None:
        """Return (height, width) of a film by any frame of it: all have one size.

        Raises:
            MediaError: That frame cannot be read.
        """
        found = self._folders(video)
        if self._size is None and found:
            place, known = found[0]
            name = next(iter(known.values()))
            self._size = Image(path=name, source=self._root.locate(f"{place}/{name}")).get_size()
        return self._size

    def image(self, video: str, time: str, size: tuple[int, int] | None) -> Image:
        """Return the frame of a film at a time.

        Args:
            video: Id of the film.
            time: Its second, as written.
            size: (height, width) as stated, or None.
        """
        for place, known in self._folders(video):
            for stem in _names(video, time):
                name = known.get(stem)
                if name is not None:
                    source = self._root.locate(f"{place}/{name}")
                    return Image(path=f"{video}/{name}", source=source, size=size)
        path = frame_name(video, time) + _ENDING
        source = self._root.locate(f"{self._base}{FRAMES}/{path}")
        return Image(path=path, source=source, size=size)
