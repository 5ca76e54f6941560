"""Where the files of an ADE20K dataset are: the same in both editions, but for the descriptions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import UnsafePathError
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["Scene", "find_scenes"]

_MAP = re.compile(r"(.+)_(seg|parts_(\d+))\.png$", re.IGNORECASE)
_INSTANCE = re.compile(r"(?:.*/)?instance_[^/]*$", re.IGNORECASE)
_SPLITS = frozenset({"training", "validation", "testing", "train", "val", "test"})
_DEPTH = 4


class Scene(Struct):
    """An item to be.

    Attributes:
        id: Its id.
        subset: Its subset.
        image: Name of its image, or "".
        description: Name of the file that describes it, or "".
        maps: Name of the map of each level: 0 objects, 1 parts, 2 parts of parts …
    """

    id: str
    subset: str
    image: str = ""
    description: str = ""
    maps: dict[int, str] = {}


def find_scenes(root: InputRoot, ending: str) -> list[Scene]:
    """Return the items, by subset and id.

    Args:
        root: The dataset, or a folder above it.
        ending: What descriptions are named like: "_atr.txt" or ".json".
    """
    home = _home(root)
    prefix = f"{home}/" if home else ""
    scenes: list[Scene] = []
    for subset in root.listing(home).folders:
        if not subset.startswith((".", "__")):
            scenes += _subset(root, prefix + subset, subset, ending)
    return scenes


def _home(root: InputRoot) -> str:
    """Return the folder that holds the subsets: the given one, or one below with their names."""
    level = [""]
    for _ in range(_DEPTH):
        for path in level:
            if _SPLITS & set(root.listing(path).folders):
                return path
        level = [f"{p}/{n}" if p else n for p in level for n in root.listing(p).folders]
    return ""


def _subset(root: InputRoot, folder: str, subset: str, ending: str) -> list[Scene]:
    found: dict[str, Scene] = {}
    cut = len(folder) + 1

    def scene(name: str) -> Scene | None:
        try:
            item = clean_name(name)
        except UnsafePathError:
            return None
        return found.setdefault(item, Scene(item, subset))

    for name in root.walk(folder):
        rest = name[cut:]
        match = _MAP.match(rest)
        if match is not None:
            own = scene(match[1])
            if own is not None:
                own.maps.setdefault(int(match[3] or 0), name)
        elif rest.lower().endswith(ending):
            own = scene(rest[: -len(ending)])
            if own is not None:
                own.description = name
        elif is_image_name(rest) and not _INSTANCE.match(rest):
            own = scene(stem_of(rest))
            if own is not None:
                own.image = own.image or name
    return [found[item] for item in sorted(found) if found[item].image or found[item].description]
