"""What a folder holds, kept so that questions about a hundred thousand names cost little."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["Listing", "ending_of", "is_hidden", "is_prose", "levels", "shown", "without_hidden"]

JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git")
"""Names that file managers and version control leave behind; never part of a dataset."""


_PROSE = re.compile(
    r"(?:readme|licen[cs]e|copying|citation|notice|changelog)\b|.*\.(?:md|rst|pdf|html?|docx?|rtf)$",
    re.IGNORECASE,
)

_TAIL = 6
"""Letters at the end of a name that mostly hold its ending; names have few unlike ones."""


def ending_of(name: str) -> str:
    """Return a file name's lower-case ending with its dot, or ""; hidden files may have none."""
    dot = name.rfind(".", 1)
    return name[dot:].lower() if dot > 0 else ""


def is_prose(name: str) -> bool:
    """Tell whether a file's own name says that people are to read it: a licence, a manual."""
    return _PROSE.match(name) is not None


def is_hidden(name: str) -> bool:
    """Tell whether a file lies in a hidden folder, such as those of editors and of notebooks."""
    return "/." in f"/{name.rpartition('/')[0]}"


def without_hidden(names: Iterable[str], what: str, ledger: Ledger) -> list[str]:
    """Return the names of files that do not lie in hidden folders, and tell how many do.

    Args:
        names: Relative names of files.
        what: What they are: "images", "XML files".
        ledger: Where it is told.
    """
    found = list(names)
    left = shown(found)
    if len(left) < len(found):
        ledger.warn(f"{what} in hidden folders are passed over: {len(found) - len(left)}")
    return left


def shown(names: list[str]) -> list[str]:
    """Return the names of files that do not lie in hidden folders."""
    if "/." not in "/".join(("", *names)):  # the common case, half of the time
        return names
    return [name for name in names if not is_hidden(name)]


class Listing:
    """The sorted names directly in a folder; not to be changed.

    Attributes:
        folders: Its folders.
    """

    def __init__(self, folders: Iterable[str], files: Iterable[str]) -> None:
        self.folders: Sequence[str] = _sorted(folders)
        self._files: Sequence[str] = _sorted(files)
        self._packed = ""
        self._text: str | None = None

    @property
    def files(self) -> Sequence[str]:
        """Its files."""
        return self._packed.split("/") if self._packed else self._files

    @cached_property
    def endings(self) -> set[str]:
        """The files' endings, see ``ending_of``."""
        tails: Collection[str] = {name[-_TAIL:] for name in self.files}
        if not all("." in tail[1:] for tail in tails):
            tails = self.files
        return set(map(ending_of, tails))

    def pack(self) -> None:
        """Keep the files' names as one text, in a fourth of the memory; whoever asks parts them."""
        self.endings  # noqa: B018 - kept from now on
        self._packed, self._files = "/".join(self._files), ()

    def pick(self, suffixes: Collection[str] = (), words: Collection[str] = ()) -> Sequence[str]:
        """Return the files with one of some endings and one of some words in their names.

        Args:
            suffixes: Lower-case, with their dots; none for any.
            words: Lower-case; none for any.
        """
        if suffixes and self.endings.isdisjoint(suffixes):
            return ()
        names = self._with(words) if words else self.files
        if not suffixes or self.endings.issubset(suffixes):
            return names
        return [name for name in names if ending_of(name) in suffixes]

    def _with(self, words: Collection[str]) -> Sequence[str]:
        text = self._text
        if text is None:
            text = (self._packed or "/".join(self._files)).lower()
            if not self._packed:
                self._text = text
        words = [word for word in words if word in text]
        if not words:
            return ()
        names = self.files
        lower = enumerate(text.split("/"))
        return [names[n] for n, name in lower if any(word in name for word in words)]


def levels(root: InputRoot, suffixes: Collection[str], depth: int) -> Iterator[list[str]]:
    """Yield the files with one of some endings, level by level of folders.

    Args:
        root: The input; if one file was given, that is all.
        suffixes: Lower-case, with their dots.
        depth: How many levels of sub-folders to enter.
    """
    if root.focus is not None:
        yield [root.focus] if ending_of(root.focus) in suffixes else []
        return
    level = [""]
    for _ in range(depth + 1):
        below: list[str] = []
        files: list[str] = []
        for folder in level:
            listing = root.listing(folder)
            prefix = f"{folder}/" if folder else ""
            files += [prefix + name for name in listing.pick(suffixes)]
            below += [prefix + name for name in listing.folders]
        yield files
        level = below


def _sorted(names: Iterable[str]) -> list[str]:
    found = sorted(names)
    for junk in JUNK:
        place = bisect_left(found, junk)
        if found[place : place + 1] == [junk]:
            del found[place]
    # macOS puts what other file systems cannot hold of "a" into "._a".
    del found[bisect_left(found, "._") : bisect_left(found, ".`")]
    return found
