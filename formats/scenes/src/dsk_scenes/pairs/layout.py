"""Folders of images and of masks, in the layouts that people make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.media import is_image_name
from dsk.metafile import META_NAME
from dsk_scenes.shared.colors import COLORS_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.files import InputRoot

__all__ = ["Pair", "find_pairs", "find_suffix"]

_IMAGES = ("images", "image", "imgs", "img", "rgb", "701_stillsraw_full")
_MASKS = (
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "gt",
    "ground_truth",
    "segmentation",
    "labeledapproved_full",
)
_BESIDE = ("_labels", "_masks", "_mask", "_label", "_annot", "annot", "_gt")
_SUFFIXES = ("", "_mask", "_L", "_P", "_label", "_labels", "_gt", "_seg", "_masks")
_TABLES = frozenset({META_NAME, COLORS_NAME, "class_dict.csv"})
_DEPTH = 3
_FILES = 2000


class Pair(Struct, frozen=True):
    """A folder of images and the folder of their masks.

    Attributes:
        home: The folder that holds both.
        images: Folder of images.
        masks: Folder of masks.
        subset: The subset that the folders' names say, or "".
        standard: Whether the folders are named as in Datumaro, with a ``dataset_meta.json``.
    """

    home: str
    images: str
    masks: str
    subset: str
    standard: bool


def find_pairs(root: InputRoot, depth: int = _DEPTH, home: str = "") -> list[Pair]:
    """Return pairs of folders, at most three levels deep."""
    folders, files = root.entries(home)
    prefix = f"{home}/" if home else ""
    low = {name.lower(): name for name in folders}
    images = next((low[name] for name in _IMAGES if name in low), None)
    masks = next((low[n] for n in _MASKS if n in low and _has_image(root, prefix + low[n])), None)
    if images is not None and masks is not None:
        subset = home.rpartition("/")[2]
        standard = META_NAME in files and (images, masks) == ("images", "masks")
        return [Pair(home, prefix + images, prefix + masks, subset, standard)]
    if not _TABLES.isdisjoint(files) and {"images", "masks"} & low.keys():  # one may be missing
        subset, standard = home.rpartition("/")[2], META_NAME in files
        return [Pair(home, prefix + "images", prefix + "masks", subset, standard)]
    found = [
        Pair(home, prefix + name, prefix + low[name.lower() + ending], name, standard=False)
        for name in folders
        for ending in _BESIDE
        if name.lower() + ending in low and _has_image(root, prefix + low[name.lower() + ending])
    ]
    if found or not depth:
        return found
    return [pair for name in folders for pair in find_pairs(root, depth - 1, prefix + name)]


def _has_image(root: InputRoot, folder: str) -> bool:
    for number, name in enumerate(root.walk(folder, 2)):
        if is_image_name(name):
            return True
        if number > _FILES:
            break
    return False


def find_suffix(images: Sequence[str], masks: Sequence[str]) -> str:
    """Return what the names of masks have behind those of their images."""
    known = set(images)
    counts = {
        suffix: sum(name.removesuffix(suffix) in known for name in masks if name.endswith(suffix))
        for suffix in _SUFFIXES
    }
    return max(_SUFFIXES, key=lambda suffix: counts[suffix])
