"""Finding the video files of clips by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.names import stem_of
from dsk_video.containers import has_video_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ClipFiles"]

_TRIMMED = re.compile(r"(.+)_\d{6}_\d{6}")
_WORDS = re.compile(r"[^\W_]+")


class ClipFiles:
    """Video files by the ids that their names hold.

    Kinetics' own downloaders name files ``<id>_<start>_<end>``, six digits each; others ``<id>``,
    or something around it.

    Args:
        names: All files of the dataset.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._paths: dict[str, str] = {}
        self._exact: dict[str, list[str]] = {}
        self._loose: dict[str, list[str]] = {}
        for name in filter(has_video_name, names):
            path = stem_of(name)
            stem = path.rpartition("/")[2]
            self._paths.setdefault(path, name)
            self._exact.setdefault(stem, []).append(name)
            trimmed = _TRIMMED.fullmatch(stem)
            if trimmed:
                self._loose.setdefault(trimmed[1], []).append(name)
                continue
            for word in set(_parts(stem)):
                self._loose.setdefault(word, []).append(name)

    def find(self, clip: str, start: float | None, end: float | None, subset: str) -> str | None:
        """Return the file of a clip, or None.

        Args:
            clip: Its id.
            start: Its start in seconds.
            end: Its end.
            subset: Its subset; a file in a folder of this name is preferred.
        """
        path = f"{subset}/{clip}"
        if path in self._paths:
            return self._paths[path]
        names = [clip]
        if start is not None and end is not None:
            names.insert(0, f"{clip}_{int(start):06d}_{int(end):06d}")
        for name in names:
            if name in self._exact:
                return _best(self._exact[name], subset)
        return _best(self._loose[clip], subset) if clip in self._loose else None


def _parts(stem: str) -> Iterable[str]:
    """Yield what begins or ends a name at the border of a word."""
    for match in _WORDS.finditer(stem):
        yield stem[match.start() :]
        yield stem[: match.end()]


def _best(names: list[str], subset: str) -> str:
    """Return the file of the subset, else the first one."""
    return next((name for name in names if subset in name.split("/")[:-1]), names[0])
