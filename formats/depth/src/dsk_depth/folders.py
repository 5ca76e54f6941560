"""Names of the folders of the datasets; light, for detectors."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.splits import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.files import InputRoot

__all__ = ["HIGH", "LOW", "UPSAMPLED", "find_homes", "is_hdf5", "is_subset", "kinds_of"]

LOW, HIGH, UPSAMPLED = "LR", "HR", "upsampled"
_DEPTH = 3
_FILES = 100


def is_subset(folder: str) -> bool:
    """Tell by its name whether a folder holds a subset."""
    return folder.lower() in SPLITS or folder == DEFAULT_SUBSET


def is_hdf5(name: str) -> bool:
    """Tell by its name whether a file is HDF5."""
    return name.lower().endswith(".h5") and not name.rpartition("/")[2].startswith(".")


def kinds_of(folders: Iterable[str]) -> dict[str, str]:
    """Return those of some folders that hold one kind of pictures, by kind, whatever their case.

    Of two that differ in their case only, the one that is written as the format has it counts.
    """
    found: dict[str, str] = {}
    for folder in folders:
        kind = next((k for k in (LOW, HIGH, UPSAMPLED) if k.lower() == folder.lower()), None)
        if kind is not None and found.get(kind) != kind:
            found[kind] = folder
    return found


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
    folders = root.listing(under).folders
    prefix = f"{under}/" if under else ""
    found: list[str] = []
    kinds = kinds_of(folders)
    there = [prefix + kinds[kind] for kind in (LOW, HIGH) if kind in kinds]
    if there and (not whole or (len(there) == 2 and _have_images(root, there))):
        found.append(under)
    if depth:
        for name in folders:
            if name not in kinds.values():
                found += find_homes(root, prefix + name, depth - 1, whole=whole)
    return found


def _have_images(root: InputRoot, folders: list[str]) -> bool:
    named = (islice(root.walk(folder), _FILES) for folder in folders)
    return all(any(map(is_image_name, names)) for names in named)
