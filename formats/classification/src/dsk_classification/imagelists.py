"""Which texts of a dataset are lists of images with label numbers, and their lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.media import is_image_name
from dsk.names import stem_of
from dsk.splits import called_like_subsets
from dsk_classification.folders import TOP_DEPTH, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dsk.files import InputRoot

__all__ = [
    "META",
    "SYNSETS",
    "find_lists",
    "find_names",
    "has_numbers",
    "parse_line",
    "unread_lists",
]

SYNSETS = "synsets.txt"
_NAMES = ("labels.txt", "label_list.txt", "classes.txt", "class_names.txt", "synset_words.txt")
"""What the file of label names is called beside lists that other tools than Caffe read."""

META = "meta"

_LINES = 20  # of a file that tell whether it is a list of images
_HEAD = 1 << 14
_BARE = re.compile(r"\S+((?: +\d+)*)")
_WORDS = re.compile(r"\.\w+\t\s*(?:0\d+|\d{7,})\s*$")
"""Digits that are no number of a label: such as begin with 0, or are very large."""

_QUOTED = re.compile(r'[ \t]*"([^"]*)"([^ \t"]*)(?:[ \t]+([^"]*))?')
_PLAIN = re.compile(r"[ \t]*(.*?)((?:[ \t]+[+-]?\d+)*)[ \t]*", re.DOTALL)


def parse_line(line: str) -> tuple[str, list[int]]:
    """Return the image and the label numbers of a line, which is not blank.

    The name may be quoted, as Datumaro does when it holds spaces, with its ending outside of the
    quotes (``"two words".jpg 0 3``) or inside. A slash before it means the folder of the images,
    as in the lists of Places365.

    Raises:
        ValueError: It is no such line.
    """
    if '"' in line:
        found = _QUOTED.fullmatch(line)
        if found is None:
            raise ValueError("a name is quoted by exactly two quotation marks")
        return (found[1] + found[2]).lstrip("/"), [int(n) for n in (found[3] or "").split()]
    fields = line.split()
    if len(fields) == 2 and fields[1].isdecimal():
        return fields[0].lstrip("/"), [int(fields[1])]
    plain = _PLAIN.fullmatch(line)
    name, numbers = (plain[1], plain[2]) if plain else (line, "")
    if "\r" in name:
        raise ValueError("a line ends with a bare carriage return")
    if (" " in name or "\t" in name) and not is_image_name(name):
        raise ValueError("a line is: image, label numbers")
    return name.lstrip("/"), [int(n) for n in numbers.split()]


def find_lists(root: InputRoot, labels_file: str = SYNSETS) -> tuple[str, dict[str, str]]:
    """Return the folder of the lists of images, with its slash, and their names by subset.

    It is the root, or a folder that it holds alone, as archives often do, or ``meta`` in one of
    these, where MMPretrain wants Caffe's lists.
    """
    if root.focus:
        return "", _lists(root, "", [root.focus], labels_file)
    home = ""
    for _ in range(TOP_DEPTH + 1):
        folders = visible(root.listing(home).folders)
        for place in (home, f"{home}{META}/") if META in folders else (home,):
            names = root.listing(place.rstrip("/")).pick((".txt",))
            found = _lists(root, place, names, labels_file)
            if found:
                return place, found
        if len(folders) != 1:
            break
        home = f"{home}{folders[0]}/"
    return "", {}


def find_names(root: InputRoot, home: str) -> str | None:
    """Return a file beside the lists that may name the labels, a label a line."""
    names = (f"{home}{name}" for name in _NAMES)
    return next((n for n in names if root.is_file(n) and not is_list(root, n)), None)


def _lists(root: InputRoot, home: str, names: Sequence[str], labels_file: str) -> dict[str, str]:
    found = {}
    sure = labels_file in root.listing(home.rstrip("/")).files
    for name in names:
        if not name.lower().endswith(".txt") or name.lower() in (labels_file.lower(), SYNSETS):
            continue
        if is_list(root, home + name) or (sure and _is_bare(root, home + name)):
            found[stem_of(name)] = home + name
    return found


def unread_lists(root: InputRoot, home: str, found: Collection[str]) -> list[str]:
    """Return the texts beside lists that are called like subsets, but are no lists."""
    if root.focus:
        return []
    names = (home + name for name in root.listing(home.rstrip("/")).pick((".txt",)))
    return called_like_subsets(names, found)


def is_list(root: InputRoot, name: str) -> bool:
    """Whether one of a file's first lines begins with an image."""
    return any(is_image_name(image) for image, _ in _first(root, name))


def _is_bare(root: InputRoot, name: str) -> bool:
    """Whether a file's first lines are names without an ending and label numbers, as of CVAT."""
    lines = [line.strip() for line in _head_lines(root, name)[:_LINES] if line.strip()]
    numbered = [_BARE.fullmatch(line) for line in lines]
    return all(numbered) and any(found and found[1] for found in numbered)


def has_numbers(root: InputRoot, name: str) -> bool:
    """Whether one of a file's first lines is an image and label numbers, which count from 0.

    Tables of other numbers begin with images, too: attributes that are 1 or -1, landmarks; and so
    do lists of words, which may be digits.
    """
    if any(map(_WORDS.search, _head_lines(root, name))):
        return False
    found = [(image, numbers) for image, numbers in _first(root, name) if numbers]
    return any(is_image_name(image) for image, _ in found) and all(
        min(numbers) >= 0 for _, numbers in found
    )


def _head_lines(root: InputRoot, name: str) -> list[str]:
    head = root.read(name, _HEAD)
    lines = head.decode("utf-8-sig", "replace").split("\n")
    if len(head) == _HEAD:
        lines.pop()
    return lines


def _first(root: InputRoot, name: str) -> Iterator[tuple[str, list[int]]]:
    """Yield what a file's first lines say, those that say something."""
    for line in filter(str.strip, _head_lines(root, name)[:_LINES]):
        try:
            yield parse_line(line.strip("\r"))
        except ValueError:
            continue
