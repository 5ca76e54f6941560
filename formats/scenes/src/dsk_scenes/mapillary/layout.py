"""Where the files of a Mapillary Vistas dataset are."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dsk.errors import InputError
from dsk.files import DirectoryRoot
from dsk.item import DEFAULT_SUBSET
from dsk.splits import SPLITS, subset_of_root

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["FOLDERS", "IMAGES", "Split", "find_config", "find_splits"]

IMAGES = "images"
INSTANCES, LABELS, PANOPTIC, POLYGONS = "instances", "labels", "panoptic", "polygons"
FOLDERS = frozenset({INSTANCES, LABELS, PANOPTIC, POLYGONS})
VERSIONS = ("v1.2", "v2.0")
_CONFIG = re.compile(r"config(?:_v(\d+\.\d+))?\.json$", re.IGNORECASE)
_HEAD = 4096
_MARK = b'"labels"'
_DEPTH = 3


class Split(Struct, frozen=True):
    """A subset of one version.

    Attributes:
        subset: Its name.
        images: Its folder of images.
        home: Its folder of annotations.
        version: "v1.2", "v2.0", or "" when the folders do not say.
        folders: Which annotation folders it has.
    """

    subset: str
    images: str
    home: str
    version: str
    folders: frozenset[str]


def find_splits(root: InputRoot) -> list[Split]:
    """Return the subsets of all versions: folders that hold ``images`` and annotations.

    A subset that is given by itself is called like its folder, if that is a subset's name. The
    first editions have their annotation folders beside the images, without a version's folder.
    """
    found = _splits(root, _DEPTH, "")
    homes = {split.images.rpartition("/")[0] for split in found}
    home = next(iter(homes)) if len(homes) == 1 else ""
    if home and home.rpartition("/")[2].lower() not in SPLITS and _configs(root, home):
        # The dataset has no subsets, and this folder only wraps it.
        return [replace(split, subset=DEFAULT_SUBSET) for split in found]
    return found


def _splits(root: InputRoot, depth: int, path: str) -> list[Split]:
    folders = root.listing(path).folders
    prefix = f"{path}/" if path else ""
    found: list[Split] = []
    subset = path.rpartition("/")[2] or subset_of_root(root)
    for version in VERSIONS:
        if version in folders:
            there = frozenset(root.listing(prefix + version).folders) & FOLDERS
            if there:
                found.append(Split(subset, prefix + IMAGES, prefix + version, version, there))
    if not found and IMAGES in folders:
        there = frozenset(folders) & FOLDERS
        if there or _is_test(root, prefix + IMAGES, subset):
            found.append(Split(subset, prefix + IMAGES, path, "", there))
    if found or not depth:
        return found
    return [s for name in folders for s in _splits(root, depth - 1, prefix + name)]


def _is_test(root: InputRoot, images: str, subset: str) -> bool:
    """Tell whether images without annotations are those of the test."""
    return subset.startswith("test") and bool(root.entries(images)[1])


def find_config(root: InputRoot, path: str, version: str) -> tuple[InputRoot, str] | None:
    """Return the configuration of a version, in a folder or one above it.

    A subset that is given by itself has it in the folder above the one given.

    Returns:
        Where it lies, and its name there.
    """
    name = _config_within(root, path, version)
    if name is not None:
        return root, name
    if not isinstance(root, DirectoryRoot) or subset_of_root(root) == DEFAULT_SUBSET:
        return None
    above = DirectoryRoot(os.path.dirname(os.path.abspath(root.path)))  # noqa: PTH100, PTH120
    try:
        name = _config_within(above, "", version)
    except InputError:  # nobody gave that folder: it may be closed
        return None
    return (above, name) if name is not None else None


def _config_within(root: InputRoot, path: str, version: str) -> str | None:
    while True:
        names = _configs(root, path)
        if names:
            wanted = names.get(version) or names.get("")
            if wanted is not None:
                return wanted
            if not version:
                return next(iter(names.values()))
        if not path:
            return None
        path = path.rpartition("/")[0]


def _configs(root: InputRoot, path: str) -> dict[str, str]:
    """Return the configurations in a folder by version."""
    prefix = f"{path}/" if path else ""
    names = {}
    for name in root.entries(path)[1]:
        match = _CONFIG.match(name)
        # Programs of all sorts have a config.json; that of the first edition names labels.
        if match and (match[1] or _MARK in root.read(prefix + name, _HEAD)):
            names[f"v{match[1]}" if match[1] else ""] = prefix + name
    return names
