"""Telling AVA from other datasets, and finding its files."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.splits import is_subset_name
from dsk_ava.frames import ANNOTATIONS

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = [
    "OTHERS",
    "detect",
    "excluded_of",
    "find_home",
    "find_lists",
    "find_tables",
    "is_table",
    "subset_of",
    "unread_tables",
]

_HEAD = 1 << 14
_LINES = 20
_DEPTH = 2
_VERSION = r"(?:_v(?P<version>\d+(?:\.\d+)*))?"
_TABLE = re.compile(rf"(?:ava_|(?=kinetics_))(?P<subset>.+?){_VERSION}\.csv", re.IGNORECASE)
_EXCLUDED = "_excluded_timestamps"
OTHERS = (
    _EXCLUDED,
    "included_timestamps",
    "predicted_boxes",
    "boxes_and_labels",
    "file_names",
    "proposals",
    "_results",
)
"""Parts of names of files that are no tables of AVA's own."""
_ROW = re.compile(
    rb"(?P<video>\"[^\"\r\n]*\"|[^,\r\n]*),(?P<time>\"[^\"\r\n]*\"|[^,\r\n]*)"
    rb"(?:,\s*(?:-?[\d.]+(?:[eE][-+]?\d+)?)?){4}(?:,\s*-?\d*){0,2}\s*"
)
_FRAME = re.compile(rb"(?:\"[^\"\r\n]*\"|[^,\r\n]+),(?:\"[^\"\r\n]*\"|[^,\r\n]*)")


@functools.lru_cache(maxsize=10_000)
def subset_of(name: str) -> str:
    """Return the subset of a table: its name without AVA's prefix and version."""
    match = _TABLE.fullmatch(name.rpartition("/")[2])
    return match["subset"] if match else name.rpartition("/")[2].rsplit(".", 1)[0]


def excluded_of(name: str, files: list[str]) -> list[str]:
    """Return the files, of some, that list timestamps to be left out of a table's subset."""
    subset = subset_of(name) + _EXCLUDED
    found = [file for file in files if subset_of(file) == subset]
    return [file for file in found if _TABLE.fullmatch(file)]


def _version(name: str) -> tuple[int, ...]:
    match = _TABLE.fullmatch(name)
    stated = match["version"] if match else None
    return tuple(map(int, stated.split("."))) if stated else ()


def is_table(head: bytes) -> bool:
    """Tell by its first lines whether a file is a table of frames, with boxes or without."""
    return any(_ROW.fullmatch(line) or _FRAME.fullmatch(line) for line in _first(head))


def has_boxes(head: bytes) -> bool:
    """Tell by its first lines whether a table has boxes; the last line may be cut."""
    lines = head.splitlines()
    return any(_ROW.fullmatch(line) for line in lines[: max(1, len(lines) - 1)])


def _first(head: bytes) -> list[bytes]:
    lines = head.removeprefix(b"\xef\xbb\xbf").splitlines()
    if lines and lines[0].lower().startswith(b"video_id,"):
        lines = lines[1:] or lines
    return lines[:_LINES]


def find_tables(root: InputRoot, home: str) -> list[str]:
    """Return the names of a folder's tables, of each subset the newest."""
    newest: dict[str, str] = {}
    for name in _named(root, home):
        subset = subset_of(name)
        if not _is_read(root, home, name):
            continue
        if subset not in newest or _version(name) > _version(newest[subset]):
            newest[subset] = name
    return sorted(newest.values())


def _named(root: InputRoot, home: str) -> list[str]:
    """Return the names of a folder's files that are called like tables."""
    return [
        name
        for name in root.listing(home).pick((".csv",))
        if _TABLE.fullmatch(name) and not any(other in name.lower() for other in OTHERS)
    ]


def _is_read(root: InputRoot, home: str, name: str) -> bool:
    head = root.read(f"{home}/{name}" if home else name, _HEAD)
    return not head.strip() or is_table(head)


def unread_tables(root: InputRoot, home: str, found: list[str]) -> list[str]:
    """Return the names of a folder's files that are called like subsets' tables, but are none.

    What is older than a table of its subset would not be read anyway; and AVA has files of other
    things whose names begin as these do: ``ava_speech_labels_v1.csv``.
    """
    versions = {subset_of(name): _version(name) for name in found}
    names = []
    for name in _named(root, home):
        subset = subset_of(name)
        if name in found or not is_subset_name(subset.lower().removeprefix("kinetics_")):
            continue
        older = subset in versions and _version(name) <= versions[subset]
        if not older and not _is_read(root, home, name):
            names.append(name)
    return names


def find_lists(root: InputRoot, home: str) -> list[str]:
    """Return the names of a folder's lists of actions, the fullest and newest first."""
    listing = root.listing(home)
    texts = listing.pick((".txt",), words=(".pbtxt.",))  # as AVA has called one of its own
    names = [*listing.pick((".pbtxt",)), *(n for n in texts if n.lower().endswith(".pbtxt.txt"))]
    return sorted(names, key=lambda n: ("action_list" not in n, "activitynet" in n, _reversed(n)))


def _reversed(name: str) -> list[int]:
    return [-ord(letter) for letter in name]


def find_home(root: InputRoot) -> str | None:
    """Return the shallowest folder that has tables."""
    level = [""]
    for _ in range(_DEPTH + 1):
        below: list[str] = []
        for folder in level:
            if find_tables(root, folder):
                return folder
            prefix = f"{folder}/" if folder else ""
            below += [prefix + name for name in root.listing(folder).folders]
        level = sorted(below, key=lambda n: n.rpartition("/")[2].lower() != ANNOTATIONS)
    return None


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        named = _TABLE.fullmatch(root.focus.rpartition("/")[2])
        if named and is_table(root.read(root.focus, _HEAD)):
            return Detection(80, f"{root.focus} is a table of boxes with actions")
        return None
    home = find_home(root)
    if home is None:
        return None
    tables = find_tables(root, home)
    prefix = f"{home}/" if home else ""
    boxes = any(has_boxes(root.read(prefix + name, _HEAD)) for name in tables)
    if find_lists(root, home):
        return Detection(90 if boxes else 70, f"{tables[0]} and a list of actions")
    return Detection(80, f"{tables[0]} is a table of boxes with actions") if boxes else None
