"""Where the files of a KITTI dataset are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.splits import subset_of_root
from dsk_scenes.kitti.objects import FIELDS, is_number, joined

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = [
    "IMAGES",
    "INSTANCES",
    "LABELS",
    "SEMANTIC",
    "SEMANTIC_RGB",
    "Split",
    "find_splits",
    "has_objects",
]

IMAGES, LABELS = "image_2", "label_2"
INSTANCES, SEMANTIC, SEMANTIC_RGB = "instance", "semantic", "semantic_rgb"

_TASKS = frozenset({IMAGES, LABELS, INSTANCES, SEMANTIC})
_PLAIN = {LABELS: "labels", IMAGES: "images"}
"""What tools that write KITTI's lines for other images name the folders."""

_DEPTH = 3
_HEAD, _TRIES = 4096, 5
_FIELDS = (FIELDS, FIELDS + 1)


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


def has_objects(root: InputRoot, folder: str) -> bool | None:
    """Tell whether text files have lines of KITTI objects; None when they have no lines at all."""
    for name in root.listing(folder).pick((".txt",))[:_TRIES]:
        head = root.text_bytes(f"{folder}/{name}", _HEAD)
        fields = joined(head.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace").split())
        if fields:
            return len(fields) in _FIELDS and not is_number(fields[0])
    return None


def find_splits(root: InputRoot) -> list[Split]:
    """Return the folders that hold task folders, at most three levels deep."""
    return list(_find(root, "", _DEPTH))


def _find(root: InputRoot, path: str, depth: int) -> list[Split]:
    folders = root.listing(path).folders
    prefix = f"{path}/" if path else ""
    places = {name: prefix + name for name in folders if name in _TASKS}
    labels = _PLAIN[LABELS]
    if LABELS not in places and labels in folders and has_objects(root, prefix + labels):
        plain = {task: prefix + name for task, name in _PLAIN.items() if name in folders}
        places = plain | places
    if places:
        return [Split(path.rpartition("/")[2] or subset_of_root(root), places)]
    if not depth:
        return []
    return [split for name in folders for split in _find(root, prefix + name, depth - 1)]
