"""Names of the folders of the datasets; light, for detectors."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["HIGH", "LOW", "UPSAMPLED", "find_homes", "is_hdf5", "is_subset"]

LOW, HIGH, UPSAMPLED = "LR", "HR", "upsampled"
_DEPTH = 3
_FILES = 100


_SUBSETS = frozenset({"train", "val", "test", "valid", "validation", "training", "testing"})


def is_subset(folder: str) -> bool:
    """Tell by its name whether a folder holds a subset."""
    return folder in _SUBSETS or folder == DEFAULT_SUBSET


def is_hdf5(name: str) -> bool:
    """Tell by its name whether a file is HDF5."""
    return name.lower().endswith(".h5") and not name.rpartition("/")[2].startswith(".")


def find_homes(
    root: InputRoot, under: str = "", depth: int = _DEPTH, *, whole: bool = True
) -> list[str]:
    """Return the folders that hold ``HR`` and ``LR``.

    Args:
        root: The dataset.
        under: Where to look.
        depth: How many levels deep.
        whole: Whether both are needed, with images; else one of them does.
    """
    if root.focus is not None:
        return []
    folders, _ = root.entries(under)
    prefix = f"{under}/" if under else ""
    found: list[str] = []
    there = [folder for folder in (LOW, HIGH) if folder in folders]
    if there and (not whole or (len(there) == 2 and _have_images(root, prefix))):
        found.append(under)
    if depth:
        for name in folders:
            if name not in (LOW, HIGH, UPSAMPLED):
                found += find_homes(root, prefix + name, depth - 1, whole=whole)
    return found


def _have_images(root: InputRoot, prefix: str) -> bool:
    named = (islice(root.walk(prefix + folder), _FILES) for folder in (LOW, HIGH))
    return all(any(map(is_image_name, names)) for names in named)
