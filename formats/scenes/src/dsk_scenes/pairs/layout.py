"""Folders of images and of masks, in the layouts that people make."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.media import is_image_name
from dsk.metafile import META_NAME
from dsk.names import stem_of
from dsk.splits import SPLITS
from dsk_scenes.pairs.classes import find_table
from dsk_scenes.shared.colors import COLORS_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dsk.files import InputRoot

__all__ = ["Pair", "find_endings", "find_pairs", "masks_among"]

_IMAGES = ("images", "image", "imgs", "img", "rgb", "original", "701_stillsraw_full")
_MASKS = (
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "gt",
    "ground_truth",
    "ground truth",
    "segmentation",
    "labeledapproved_full",
)
_MASK_WORDS = (*_MASKS[:7], "annots", "annot", "anns", "ann", "segmentations", "segmentation")
"""Words that stand for those of images in the name of the folder of masks: ``ann_dir``."""

_WORDS = re.compile(r"([-_ ])")
_BESIDE = ("_labels", "_masks", "_mask", "_label", "_annot", "annot", "_gt")
_BESIDE_TABLE = ("-labels", "-masks", "-mask", "-label", "-annot", "-gt")
"""Endings that count beside a table of labels only."""

_SUFFIXES = ("", "_mask", "_L", "_P", "_label", "_labels", "_gt", "_seg", "_masks")
_IMAGE_SUFFIXES = ("", "_sat", "_img", "_image", "_rgb")
"""What names of images may have where masks have something else, as in DeepGlobe."""

_TABLES = frozenset({META_NAME, COLORS_NAME, "class_dict.csv"})
_DEPTH = 3
_FILES = 2000
_LOOKS = 20


class Pair(Struct, frozen=True):
    """A folder of images and the folder of their masks.

    Attributes:
        home: The folder that holds both.
        images: Folder of images.
        masks: Folder of masks.
        subset: The subset that the folders' names say, or "".
        standard: Whether the folders are named as in Datumaro, with a ``dataset_meta.json``.
        together: Whether they are one folder, in which the names of masks have an ending.
    """

    home: str
    images: str
    masks: str
    subset: str
    standard: bool = False
    together: bool = False


def find_pairs(root: InputRoot, depth: int = _DEPTH, home: str = "") -> list[Pair]:
    """Return pairs of folders, at most three levels deep."""
    folders, files = root.entries(home)
    prefix = f"{home}/" if home else ""
    low = {name.lower(): name for name in folders}
    images = next((low[name] for name in _IMAGES if name in low), None)
    masks = next((low[n] for n in _MASKS if n in low and _has_image(root, prefix + low[n])), None)
    if images is not None and masks is not None:
        subset = _subset(home)
        standard = META_NAME in files and (images, masks) == ("images", "masks")
        own = Pair(home, prefix + images, prefix + masks, subset, standard)
        return [own, *_further(root, depth, home, (images, masks))]
    if not _TABLES.isdisjoint(files) and {"images", "masks"} & low.keys():  # one may be missing
        subset, standard = _subset(home), META_NAME in files
        own = Pair(home, prefix + "images", prefix + "masks", subset, standard)
        return [own, *_further(root, depth, home, ("images", "masks"))]
    found = _by_words(root, home, low) or _by_endings(root, home, low)
    found = found or _by_files(root, home, folders)
    if found:
        return found
    below = [
        pair
        for name in (folders if depth else ())
        for pair in find_pairs(root, depth - 1, prefix + name)
    ]
    if not _is_mixed(root, home):
        return below
    own = Pair(home, home, home, _subset(home), together=True)
    # An image and its mask beside folders full of them are there to be shown.
    shown = bool(below) and sum(_count(root, pair) for pair in below) >= _count(root, own)
    return below if shown else [own]


def _count(root: InputRoot, pair: Pair) -> int:
    """Return how many images of a pair of folders have masks, by their names."""
    images, masks = (
        [
            stem_of(name[len(under) + 1 if under else 0 :])
            for name in root.walk(under)
            if is_image_name(name)
        ]
        for under in (pair.images, pair.masks)
    )
    if pair.together:
        return len(masks_among(images))
    own, ending = find_endings(images, masks)
    known = {name.removesuffix(own) for name in images if name.endswith(own)}
    return sum(name.removesuffix(ending) in known for name in masks)


def _further(root: InputRoot, depth: int, home: str, own: Sequence[str]) -> list[Pair]:
    """Return the pairs of subsets beside a pair: folders with a table of labels of their own."""
    if not depth:
        return []
    found: list[Pair] = []
    for name in root.entries(home)[0]:
        folder = posixpath.join(home, name)
        if name not in own and not _TABLES.isdisjoint(root.entries(folder)[1]):
            found += find_pairs(root, depth - 1, folder)
    return found


def _has_image(root: InputRoot, folder: str) -> bool:
    for number, name in enumerate(root.walk(folder, 2)):
        if is_image_name(name):
            return True
        if number > _FILES:
            break
    return False


def _subset(home: str) -> str:
    """Return the subset that a path says: its last folder named like one, else its last."""
    parts = home.split("/")
    return next((part for part in reversed(parts) if part.lower() in SPLITS), parts[-1])


def _by_endings(root: InputRoot, home: str, folders: dict[str, str]) -> list[Pair]:
    """Return folders of which one has the name of the other with an ending: ``train_labels``.

    Args:
        root: The dataset.
        home: Where they are.
        folders: Their names by lower-case ones.
    """
    tabled = _BESIDE_TABLE if find_table(root, [home]) is not None else ()
    return [
        Pair(home, posixpath.join(home, name), masks, name)
        for low, name in folders.items()
        for ending in (*_BESIDE, *tabled)
        if low + ending in folders
        and _has_image(root, masks := posixpath.join(home, folders[low + ending]))
    ]


def _by_words(root: InputRoot, home: str, folders: dict[str, str]) -> list[Pair]:
    """Return folders that are named alike but for a word: ``img_dir`` and ``ann_dir``.

    Args:
        root: The dataset.
        home: Where they are.
        folders: Their names by lower-case ones.
    """
    found = []
    for low, name in folders.items():
        words = _WORDS.split(low)
        place = next((n for n, word in enumerate(words) if word in _IMAGES), None)
        if place is None:
            continue
        before, behind = words[:place], words[place + 1 :]
        others = ("".join([*before, word, *behind]) for word in _MASK_WORDS)
        masks = (posixpath.join(home, folders[other]) for other in others if other in folders)
        match = next((folder for folder in masks if _has_image(root, folder)), None)
        if match is not None:
            split = next((word for word in before + behind if word in SPLITS), None)
            found.append(Pair(home, posixpath.join(home, name), match, split or _subset(home)))
    return found


def _by_files(root: InputRoot, home: str, folders: Sequence[str]) -> list[Pair]:
    """Return two folders beside a table of labels: all names in one have an ending of masks."""
    if len(folders) < 2 or find_table(root, [home]) is None:
        return []
    places = [posixpath.join(home, folder) for folder in folders[:_LOOKS]]
    for masks in places:
        first = [n for n in root.listing(masks).files[:_LOOKS] if is_image_name(n)]
        for ending in _SUFFIXES[1:]:
            bare = {stem_of(n).removesuffix(ending) for n in first if stem_of(n).endswith(ending)}
            if not bare or len(bare) < len(first):
                continue
            for images in places:
                files = root.listing(images).files if images != masks else ()
                if any(stem_of(name) in bare for name in files):
                    return [Pair(home, images, masks, _subset(home))]
    return []


def _is_mixed(root: InputRoot, home: str) -> bool:
    """Tell whether a folder holds images and masks, and it or the one above a table of labels."""
    if find_table(root, (home, posixpath.dirname(home))) is None:
        return False
    listing = root.listing(home)
    if not any(map(is_image_name, listing.pick((), [e.lower() for e in _SUFFIXES[1:]]))):
        return False
    return bool(masks_among({stem_of(name) for name in listing.files if is_image_name(name)}))


def masks_among(names: Collection[str]) -> set[str]:
    """Return the names that are those of images with the ending of masks."""
    known = set(names)
    return {
        name
        for name in known
        for ending in _SUFFIXES[1:]
        if name.endswith(ending)
        and any(name.removesuffix(ending) + own in known for own in _IMAGE_SUFFIXES)
    }


def find_endings(images: Sequence[str], masks: Sequence[str]) -> tuple[str, str]:
    """Return what the names of images, and of masks, have behind what they have in common."""
    for own in _IMAGE_SUFFIXES:
        known = {name.removesuffix(own) for name in images if name.endswith(own)}
        counts = {
            ending: sum(
                name.removesuffix(ending) in known for name in masks if name.endswith(ending)
            )
            for ending in _SUFFIXES
        }
        best = max(_SUFFIXES, key=lambda ending: counts[ending])
        if counts[best]:
            return own, best
    return "", _longer(set(images), masks)


def _longer(images: set[str], masks: Sequence[str]) -> str:
    """Return an ending that a mask has behind an image's name, or ""."""
    for name in masks[:_LOOKS]:
        for cut in range(len(name) - 1, 0, -1):
            if not name[cut].isalnum() and name[:cut] in images:
                return name[cut:]
    return ""
