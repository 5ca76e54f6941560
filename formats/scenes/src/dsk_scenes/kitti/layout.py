"""Where the files of a KITTI dataset are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.splits import subset_of_root

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["IMAGES", "INSTANCES", "LABELS", "SEMANTIC", "SEMANTIC_RGB", "Split", "find_splits"]

IMAGES, LABELS = "image_2", "label_2"
INSTANCES, SEMANTIC, SEMANTIC_RGB = "instance", "semantic", "semantic_rgb"

_TASKS = frozenset({IMAGES, LABELS, INSTANCES, SEMANTIC})
_DEPTH = 3


class Split(Struct, frozen=True):
    """A subset.

    Attributes:
        subset: Its name.
        places: Where each of its task folders is.
    """

    subset: str
    places: dict[str, str]

    @property
    def homes(self) -> list[str]:
        """The folders that hold its task folders."""
        return list(dict.fromkeys(place.rpartition("/")[0] for place in self.places.values()))


def find_splits(root: InputRoot) -> list[Split]:
    """Return the folders that hold task folders, at most three levels deep."""
    return list(_find(root, "", _DEPTH))


def _find(root: InputRoot, path: str, depth: int) -> list[Split]:
    folders = root.listing(path).folders
    prefix = f"{path}/" if path else ""
    places = {name: prefix + name for name in folders if name in _TASKS}
    if places:
        return [Split(path.rpartition("/")[2] or subset_of_root(root), places)]
    if not depth:
        return []
    return [split for name in folders for split in _find(root, prefix + name, depth - 1)]
