"""Finding the parts of a MOTS dataset.

Folders that hold ``instances`` or ``instances_txt``, or sequences of MOTSChallenge (``gt/gt.txt``).
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.categories import Categories
from dsk.errors import InputError
from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.metafile import META_NAME, stated_labels
from dsk.names import stem_of
from dsk.splits import subset_of_root
from dsk_tracking.detect import holds_masks
from dsk_tracking.labels import read_lines

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["DEFAULT_LABELS", "IGNORED", "Home", "find_homes", "read_labels"]

INSTANCES, TEXTS = "instances", "instances_txt"
IMAGES = ("images", "image_02", "training/image_02")
GT, SEQINFO, FRAMES = "gt/gt.txt", "seqinfo.ini", "img1"
LABELS_FILE = "labels.txt"
IGNORED = "ignored"
DEPTH = 3
_DOTS = re.compile(r"(?:^|/)\.{1,2}$")  # no ids: what is left of ".png" and "..png"

DEFAULT_LABELS = ("car", "pedestrian")
"""Classes 1 and 2 of KITTI MOTS and MOTSChallenge; there is a class 10, too: ``IGNORED``."""


class Home(Struct):
    """One part of a dataset.

    Attributes:
        path: Its folder.
        subset: Its name.
        masks: Whether there are PNG masks; otherwise there are texts only.
        files: Masks by item id, or texts by sequence, relative to the dataset.
        images: Image files by item id.
    """

    path: str
    subset: str
    masks: bool
    files: dict[str, str]
    images: dict[str, str]


def find_homes(root: InputRoot) -> list[Home]:
    """Return the parts of a dataset.

    Raises:
        InputError: There are none.
    """
    homes = [_read_home(root, path) for path in _search(root, "", DEPTH)]
    if not any(home.files or _has_masks(root, home.path) for home in homes):
        raise InputError(
            f"there is no folder {INSTANCES} or {TEXTS}, and no sequence with {GT}",
            where=root.path,
            hint="give the folder that holds it, or one that holds such folders",
        )
    _tell_apart(homes)
    return homes


def _search(root: InputRoot, under: str, depth: int) -> list[str]:
    if _has_masks(root, under) or _sequences(root, under):
        return [under]
    found = []
    for folder in root.listing(under).folders if depth else ():
        found += _search(root, posixpath.join(under, folder), depth - 1)
    return found


def _has_masks(root: InputRoot, folder: str) -> bool:
    return not {INSTANCES, TEXTS}.isdisjoint(root.listing(folder).folders)


def _sequences(root: InputRoot, under: str) -> list[str]:
    """Return MOTSChallenge's sequences right below a folder, or "" if it is one itself.

    Those of its test set have images only.
    """
    names = ["", *root.listing(under).folders] if not under else root.listing(under).folders
    found = []
    for name in names:
        folder = posixpath.join(under, name) if name else under
        table = posixpath.join(folder, GT)
        if holds_masks(root, table) if root.is_file(table) else _is_untold(root, folder):
            found.append(name)
    return found


def _is_untold(root: InputRoot, folder: str) -> bool:
    folders, files = root.entries(folder)
    return SEQINFO in files and FRAMES in folders and "det" not in folders


def _read_home(root: InputRoot, path: str) -> Home:
    if not _has_masks(root, path):
        subset = path.rpartition("/")[2] or subset_of_root(root)
        texts: dict[str, str] = {}
        images: dict[str, str] = {}
        for name in _sequences(root, path):
            folder = posixpath.join(path, name) if name else path
            if root.is_file(posixpath.join(folder, GT)):
                texts[name] = posixpath.join(folder, GT)
            frames = _images(root, posixpath.join(folder, FRAMES))
            images |= {posixpath.join(name, frame): file for frame, file in frames.items()}
        return Home(path, subset, masks=False, files=texts, images=images)
    subset = path.rpartition("/")[2] or DEFAULT_SUBSET
    masks = _below(root, posixpath.join(path, INSTANCES), ".png")
    texts = {} if masks else _below(root, posixpath.join(path, TEXTS), ".txt")
    images = {}
    for folder in IMAGES:
        images = images or _images(root, posixpath.join(path, folder))
    return Home(path, subset, bool(masks) or not texts, masks or texts, images)


def _tell_apart(homes: list[Home]) -> None:
    """Let parts of one name have their whole path for a name."""
    names = [home.subset for home in homes]
    for home, name in zip(homes, names, strict=True):
        if names.count(name) > 1:
            home.subset = home.path.replace("/", "_")


def _below(root: InputRoot, folder: str, ext: str) -> dict[str, str]:
    cut = len(folder) + 1
    names = (n for n in root.files(folder, (ext,)) if n[cut:] != LABELS_FILE)
    return {stem_of(n[cut:]): n for n in names if not _DOTS.search(stem_of(n))}


def _images(root: InputRoot, folder: str) -> dict[str, str]:
    cut = len(folder) + 1
    names = (n for n in root.walk(folder) if is_image_name(n))
    return {stem_of(n[cut:]): n for n in names if not _DOTS.search(stem_of(n))}


def read_labels(root: InputRoot, home: Home) -> Categories | None:
    """Return the labels that a part states, class 1 first; None if it states none.

    Raises:
        InputError: A label file is damaged.
    """
    for folder in dict.fromkeys([home.path, ""]):
        if root.is_file(posixpath.join(folder, META_NAME)):
            return stated_labels(root, folder)
    for folder in (INSTANCES, ""):
        name = posixpath.join(home.path, folder, LABELS_FILE)
        if root.is_file(name):
            return Categories.from_names(read_lines(root, name))
    return None
