"""Finding the categories and subsets of MVTec AD datasets."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from dsk.errors import InputError
from dsk.jsonerrors import UNDECODABLE
from dsk.media import is_image_name
from dsk.names import stem_of

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = [
    "ENDING",
    "TRUTH",
    "Home",
    "find_categories",
    "find_homes",
    "holds_masks",
    "shared_masks",
    "unused_masks",
]

TRUTH, ENDING = "ground_truth", "_mask"
CONFIG = "defects_config.json"
DEPTH = 3
_DOTS = re.compile(r"(?:^|/)\.{1,2}$")  # no ids: what is left of ".png" and "..png"


class _Defect(Struct, frozen=True):
    defect_name: str
    pixel_value: int


class Home(Struct):
    """One subset of one category.

    Attributes:
        subset: Its name.
        prefix: What ids begin with where there are several categories: this one's name and a
            slash, or its path where names repeat.
        images: Image files by id without the prefix, relative to the dataset.
        masks: Mask files by such an id; MVTec LOCO has several for an image.
        defects: Names of defects by the values of their pixels, as MVTec LOCO states them.
    """

    subset: str
    prefix: str
    images: dict[str, str]
    masks: dict[str, list[str]]
    defects: dict[int, str]


def find_categories(root: InputRoot, under: str = "", depth: int = DEPTH) -> list[str]:
    """Return the folders of categories: those that hold ``ground_truth``.

    In MVTec AD 2 one of a category's subsets holds it.
    """
    folders = root.listing(under).folders
    below = [posixpath.join(under, folder) for folder in folders] if depth else []
    if TRUTH in folders or any(holds_masks(root, folder) for folder in below):
        return [under]
    found = []
    for folder in below:
        found += find_categories(root, folder, depth - 1)
    return found


def holds_masks(root: InputRoot, subset: str) -> bool:
    """Tell whether a subset has masks of its own, for the labels that it has folders of."""
    folders = root.listing(subset).folders
    if TRUTH not in folders:
        return False
    labels = root.listing(posixpath.join(subset, TRUTH)).folders
    return bool(labels) and set(labels).issubset(folders)


def find_homes(root: InputRoot) -> list[Home]:
    """Return the subsets of all categories.

    Raises:
        InputError: There is no folder ``ground_truth``.
    """
    categories = find_categories(root)
    if not categories and _has_labels(root):
        categories = [""]  # of good images only, whose empty folder of masks an archive lost
    if not categories:
        raise InputError(
            f"there is no folder {TRUTH}",
            where=root.path,
            hint="give the folder of a category, or one that holds categories",
        )
    names = [posixpath.basename(category) for category in categories]
    if len(set(names)) < len(names):
        names = categories
    homes = []
    for category, name in zip(categories, names, strict=True):
        prefix = f"{name}/" if len(categories) > 1 else ""
        subsets = [subset for subset in root.listing(category).folders if subset != TRUTH]
        images = [_images(root, posixpath.join(category, subset)) for subset in subsets]
        masks = _masks(root, posixpath.join(category, TRUTH), set().union(*images))
        defects = _defects(root, posixpath.join(category, CONFIG))
        for subset, found in zip(subsets, images, strict=True):
            own = masks
            if holds_masks(root, posixpath.join(category, subset)):
                own = _masks(root, posixpath.join(category, subset, TRUTH), set(found))
            homes.append(Home(subset, prefix, found, own, defects))
    return homes


def unused_masks(homes: list[Home]) -> list[str]:
    """Return the mask files that no image has; one without a label's folder has none."""
    masks = {name for home in homes for names in home.masks.values() for name in names}
    items = ((home, item) for home in homes for item in home.images if "/" in item)
    used = {name for home, item in items for name in home.masks.get(item, ())}
    return sorted(masks - used)


def shared_masks(homes: list[Home]) -> list[str]:
    """Return the mask files that images of several subsets have."""
    images: dict[str, int] = {}
    for home in homes:
        for item in home.masks.keys() & home.images.keys():
            if "/" in item:
                for name in home.masks[item]:
                    images[name] = images.get(name, 0) + 1
    return sorted(name for name, count in images.items() if count > 1)


def _has_labels(root: InputRoot) -> bool:
    """Whether there are images in folders of folders."""
    return any(
        is_image_name(name)
        for subset in root.listing().folders
        for label in root.listing(subset).folders
        for name in root.entries(f"{subset}/{label}")[1]
    )


def _files(root: InputRoot, folder: str) -> dict[str, str]:
    cut = len(folder) + 1
    names = (n for n in root.walk(folder) if is_image_name(n) and not _DOTS.search(stem_of(n)))
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(stem_of(name[cut:]), name)
    return found


def _images(root: InputRoot, subset: str) -> dict[str, str]:
    """Return the images of a subset, without masks of its own."""
    found = _files(root, subset)
    if not holds_masks(root, subset):
        return found
    return {item: name for item, name in found.items() if not item.startswith(f"{TRUTH}/")}


def _masks(root: InputRoot, folder: str, images: set[str]) -> dict[str, list[str]]:
    """Return masks by id; some copies have no ``_mask`` in their names.

    MVTec LOCO has a folder of masks for each image.
    """
    found: dict[str, list[str]] = {}
    for stem, name in _files(root, folder).items():
        item = stem.removesuffix(ENDING)
        above = posixpath.dirname(item)
        if item not in images and above in images:
            item = above
        found.setdefault(item, []).append(name)
    return found


def _defects(root: InputRoot, name: str) -> dict[int, str]:
    """Return the names that the file of a category gives to values of pixels; {} without one.

    Raises:
        InputError: It is damaged.
    """
    if not root.is_file(name):
        return {}
    try:
        entries = msgspec.json.decode(root.text_bytes(name), type=list[_Defect])
    except UNDECODABLE as error:
        raise InputError(f"no list of defects: {error}", where=root.show(name)) from error
    return {entry.pixel_value: entry.defect_name for entry in entries}
