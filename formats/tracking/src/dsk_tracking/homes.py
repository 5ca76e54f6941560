"""Finding the parts of a MOTS dataset: folders that hold ``instances`` or ``instances_txt``."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import InputError
from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.metafile import META_NAME, read_meta
from dsk.names import stem_of

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["IGNORED", "INSTANCES", "TEXTS", "Home", "find_homes", "read_labels"]

INSTANCES, TEXTS, IMAGES = "instances", "instances_txt", ("images", "image_02")
LABELS_FILE = "labels.txt"
IGNORED = "ignored"
DEPTH = 3
_DOTS = re.compile(r"(?:^|/)\.{1,2}$")  # no ids: what is left of ".png" and "..png"

DEFAULT_LABELS = ("car", "pedestrian", IGNORED)
"""Classes 1, 2 and 10 of KITTI MOTS and MOTSChallenge."""


class Home(Struct):
    """One part of a dataset.

    Attributes:
        path: Its folder.
        subset: Its name.
        masks: Whether there are PNG masks; otherwise there are texts only.
        files: Names of masks below ``instances`` by item id, or of texts by sequence.
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
    paths = _search(root, "", DEPTH)
    if not paths:
        raise InputError(
            f"there is no folder {INSTANCES} or {TEXTS}",
            where=root.path,
            hint="give the folder that holds it, or one that holds such folders",
        )
    homes = []
    for path in paths:
        subset = path.rpartition("/")[2] or DEFAULT_SUBSET
        masks = _below(root, posixpath.join(path, INSTANCES), ".png")
        texts = {} if masks else _below(root, posixpath.join(path, TEXTS), ".txt")
        images: dict[str, str] = {}
        for folder in IMAGES:
            images = images or _images(root, posixpath.join(path, folder))
        homes.append(Home(path, subset, bool(masks) or not texts, masks or texts, images))
    _tell_apart(homes)
    return homes


def _search(root: InputRoot, under: str, depth: int) -> list[str]:
    folders, _ = root.entries(under)
    if INSTANCES in folders or TEXTS in folders:
        return [under]
    found = []
    for folder in folders if depth else ():
        found += _search(root, posixpath.join(under, folder), depth - 1)
    return found


def _tell_apart(homes: list[Home]) -> None:
    """Let parts of one name have their whole path for a name."""
    names = [home.subset for home in homes]
    for home, name in zip(homes, names, strict=True):
        if names.count(name) > 1:
            home.subset = home.path.replace("/", "_")


def _below(root: InputRoot, folder: str, ext: str) -> dict[str, str]:
    cut = len(folder) + 1
    names = (name[cut:] for name in root.files(folder, (ext,)))
    return {stem_of(n): n for n in names if n != LABELS_FILE and not _DOTS.search(stem_of(n))}


def _images(root: InputRoot, folder: str) -> dict[str, str]:
    cut = len(folder) + 1
    names = (n for n in root.walk(folder) if is_image_name(n))
    return {stem_of(n[cut:]): n for n in names if not _DOTS.search(stem_of(n))}


def read_labels(root: InputRoot, home: Home) -> list[str]:
    """Return a part's labels, class 1 first.

    Raises:
        InputError: A label file is damaged.
    """
    for folder in dict.fromkeys([home.path, ""]):
        if root.is_file(posixpath.join(folder, META_NAME)):
            meta = read_meta(root, folder)
            return meta[0].names if meta is not None else []
    for folder in (INSTANCES, ""):
        name = posixpath.join(home.path, folder, LABELS_FILE)
        if root.is_file(name):
            lines = root.text(name).replace("\r\n", "\n").split("\n")
            return [line for line in lines if line.strip()]
    return list(DEFAULT_LABELS)
