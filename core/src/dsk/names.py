"""Names that come out of datasets: the one gate to paths, and names that fit a file's grammar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.errors import UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from dsk.loss import Ledger

__all__ = ["NO_LINE", "SubsetNames", "all_clean", "clean_name", "fit_labels", "fitting", "stem_of"]

NO_LINE = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]|^\s|\s$|^$")
"""What a file of one name a line cannot hold in a name."""

# Plain tests of substrings tell in a quarter of a microsecond what the search takes five times as
# long for: that a name needs no work, the common case by far.
_BAD_ENDS = ("", "/", ".")
_SUSPECT = re.compile(
    r"(?:^|[/\\])\.{1,2}(?:[/\\]|$)|[\\\0]|^/|^[A-Za-z]:|//|/$|^$|[\ud800-\udfff]"
)

_UNPLAIN = ("..", "\\", "./", "//", "\0", ":", "\n/", "/\n", ".\n", "\n\n")
"""A name without any of these, with a line end before and behind it, is clean; others may be."""

_DRIVE = re.compile(r"^[A-Za-z]:")
# Python shows bytes of file names that are no UTF-8 as U+DC80 to U+DCFF; other halves are no names.
_LONE = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")


def clean_name(name: str, where: str = "") -> str:
    """Return a relative POSIX name that stays below its root.

    Backslashes become slashes; ``./``, doubled and trailing slashes go.

    Args:
        name: A name from a dataset.
        where: Where it was found, for the error.

    Raises:
        UnsafePathError: It is empty, absolute, has a drive letter, climbs with ``..``, or holds
            characters that no file name can have.
    """
    if (
        name.isascii()
        and ".." not in name
        and "\\" not in name
        and "./" not in name
        and "//" not in name
        and "\0" not in name
        and name[-1:] not in _BAD_ENDS
        and name[0] != "/"
        and name[1:2] != ":"
    ) or _SUSPECT.search(name) is None:
        return name
    if "\0" in name:
        raise UnsafePathError(f"the name {name!r} holds a NUL", where=where)
    if _LONE.search(name):
        raise UnsafePathError(f"the name {name!r} holds half a character", where=where)
    posix = name.replace("\\", "/")
    parts = [part for part in posix.split("/") if part not in ("", ".")]
    if posix.startswith("/") or (parts and _DRIVE.match(parts[0])):
        raise UnsafePathError(f"the name {name!r} is absolute", where=where)
    if ".." in parts:
        raise UnsafePathError(f"the name {name!r} leads out of its folder", where=where)
    if not parts:
        raise UnsafePathError(f"the name {name!r} is empty", where=where)
    return "/".join(parts)


def all_clean(names: Iterable[str]) -> bool:
    """Tell fast that ``clean_name`` would return each of many names as it is.

    Returns:
        False also where only a look at each one can tell.
    """
    text = "\n".join(("", *names, ""))
    return text.isascii() and not any(part in text for part in _UNPLAIN)


def stem_of(name: str) -> str:
    """Return a relative name without its extension: the item id of a file.

    ``a/b.c/d.jpg`` gives ``a/b.c/d``; a name that is only an extension keeps it.
    """
    head, slash, base = name.rpartition("/")
    stem, dot, _ = base.rpartition(".")
    return f"{head}{slash}{stem}" if dot and stem else name


def fitting(name: str, bad: re.Pattern[str], taken: Container[str] = ()) -> str:
    """Return the nearest name that a file's grammar can hold; a name that fits stays.

    Args:
        name: The name.
        bad: Finds what the grammar cannot hold, at most a character at a time or nothing at all.
        taken: Names that are there already.
    """
    new = name.strip() if bad.search(name) else name
    while bad.search(new):
        new = bad.sub("_", new)
    base, number = new, 2
    while new in taken:
        new, number = f"{base}_{number}", number + 1
    return new


def fit_labels(
    names: Iterable[str],
    bad: re.Pattern[str],
    ledger: Ledger,
    hint: str = "save_dataset_meta can hold any name",
) -> list[str]:
    """Return labels' names as a file's grammar can hold them, and report those that change.

    Args:
        names: The names; equal ones are one label and stay equal.
        bad: See ``fitting``.
        ledger: For names that change.
        hint: How to keep them.
    """
    changed: dict[str, str] = {}
    taken: set[str] = set()
    names = list(names)
    known = {name for name in names if not bad.search(name)}
    for name in names:
        if name in changed:
            continue
        new = name if name in known else fitting(name, bad, taken | known)
        changed[name] = new
        taken.add(new)
        if new != name:
            ledger.add("DSK-L010", f"label name {name!r} becomes {new!r}", hint=hint)
    return [changed[name] for name in names]


class SubsetNames(dict[str, str]):
    """What subsets are called in a target, by their names.

    Args:
        bad: Finds what a name cannot hold there, see ``fitting``.
        known: The names of all subsets, as far as known: they stay different.
    """

    def __init__(self, bad: str, known: Iterable[str]) -> None:
        super().__init__()
        self._bad = re.compile(bad)
        names = list(known)
        self.update({name: name for name in names if not self._bad.search(name)})
        for name in names:
            if name not in self:
                self[name] = fitting(name, self._bad, frozenset(self.values()))

    def __missing__(self, name: str) -> str:
        """Fit a name that was not known; processes that meet it must come to the same."""
        new = self[name] = fitting(name, self._bad)
        return new
