"""Where the files of an ADE20K dataset are: the same in both editions, but for the descriptions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import UnsafePathError
from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk.splits import SPLITS, subset_of_root

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["Scene", "find_scenes"]

_MAP = re.compile(r"(.+)_(seg|parts_(\d{1,3}))\.png$", re.IGNORECASE)
_INSTANCE = re.compile(r"(?:.*/)?instance_[^/]*$", re.IGNORECASE)
_DEPTH = 6


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
    if home is None:
        # Without folders of subsets in it, what is called like one is the subset itself.
        subset = subset_of_root(root)
        if subset != DEFAULT_SUBSET:
            return _subset(root, "", subset, ending)
        home = ""
    prefix = f"{home}/" if home else ""
    scenes: list[Scene] = []
    for subset in root.listing(home).folders:
        if not subset.startswith((".", "__")):
            scenes += _subset(root, prefix + subset, subset, ending)
    return scenes


def _home(root: InputRoot) -> str | None:
    """Return the folder that holds the subsets by their names: the given one, or one below."""
    level = [""]
    for _ in range(_DEPTH):
        for path in level:
            if any(name.lower() in SPLITS for name in root.listing(path).folders):
                return path
        level = [f"{p}/{n}" if p else n for p in level for n in root.listing(p).folders]
    return None


def _subset(root: InputRoot, folder: str, subset: str, ending: str) -> list[Scene]:
    found: dict[str, Scene] = {}
    cut = len(folder) + 1 if folder else 0

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
