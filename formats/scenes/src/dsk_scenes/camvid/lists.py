"""The lists of CamVid: ``<subset>.txt``, each line an image and its mask."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.errors import RecordError, UnsafePathError
from dsk.listings import is_prose
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk_scenes.shared.colors import COLORS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["Line", "find_home", "fits", "item_id", "list_names", "parse_line", "resolve"]

_DEPTH = 3
_LISTS = 50
_HEAD = 4096
_SKIPPED = frozenset({COLORS_NAME, "labels.txt", "classes.txt", "codes.txt"})

Line = tuple[str, str]
"""Name of the image and of its mask, or "", as the list has them."""


def parse_line(line: str) -> Line | None:
    """Return the two names of a line; None for an empty one.

    Raises:
        ValueError: The quotes do not match, or there are more than two names.
    """
    line = line.strip()
    if not line:
        return None
    if '"' in line:
        fields = line.split('"')
        if len(fields) not in (3, 5) or any(text.strip() for text in fields[::2]):
            raise ValueError("names with blanks are both in double quotes")
        return (fields[1], fields[3]) if len(fields) == 5 else (fields[1], "")
    words = line.split()
    if len(words) > 2:
        raise ValueError(f"a line has an image and a mask, this one has {len(words)} names")
    return words[0], words[1] if len(words) == 2 else ""


def list_names(root: InputRoot, home: str) -> Iterator[str]:
    """Yield the lists of a folder."""
    for name in root.walk(home, 0, (".txt",)):
        own = name.rpartition("/")[2]
        if own.lower() not in _SKIPPED and not is_prose(own):
            yield name


def find_home(root: InputRoot) -> str | None:
    """Return the folder that holds lists whose files are there, at most three levels deep."""
    level = [""]
    for _ in range(_DEPTH + 1):
        for home in level:
            # A folder of very many text files holds something else, say one for each image.
            if any(fits(root, home, name) for name in islice(list_names(root, home), _LISTS)):
                return home
        level = [f"{h}/{n}" if h else n for h in level for n in root.listing(h).folders]
    return None


def fits(root: InputRoot, home: str, name: str) -> bool:
    """Tell whether one of a list's first lines names an image or a mask that is there."""
    head = root.text_bytes(name, _HEAD).decode(errors="replace").split("\n")
    if len(head) > 1:
        head = head[:-1]
    for text in head[:20]:
        try:
            line = parse_line(text)
        except ValueError:
            continue
        if line is None or not is_image_name(line[1]):
            continue
        try:
            if resolve(root, home, line[1]) is not None:
                return True
        except RecordError:
            continue
    return False


def resolve(root: InputRoot, home: str, name: str) -> str | None:
    """Return the place of a file that a list names, or None when it is not there.

    Lists may begin with the folders of their author's machine, which are tried without.

    Raises:
        RecordError: The name leads out of the dataset.
    """
    try:
        parts = clean_name(name.lstrip("/\\")).split("/")
    except UnsafePathError as error:
        raise RecordError(error.message) from error
    prefix = f"{home}/" if home else ""
    for start in range(len(parts)):
        there = prefix + "/".join(parts[start:])
        if root.is_file(there):
            return there
    return None


def item_id(image: str, subset: str) -> str:
    """Return the id of an image: its name below the folder of its subset.

    Raises:
        RecordError: The name leads out of the dataset.
    """
    parts = [part for part in image.replace("\\", "/").split("/") if part not in ("", ".")]
    if not image.startswith("/") and subset in parts[:-1]:
        parts = parts[parts.index(subset) + 1 :]
    elif len(parts) > 1:
        where = parts.index(subset) if subset in parts[:-1] else 0
        parts = parts[where + 1 :]
    try:
        return clean_name(stem_of("/".join(parts)))
    except UnsafePathError as error:
        raise RecordError(error.message) from error
