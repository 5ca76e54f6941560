"""Finding the subsets of DOTA datasets."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import InputError
from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["IMAGES", "LABELS", "Home", "find_homes", "label_folders"]

LABELS, IMAGES = "labelTxt", "images"
DEPTH = 4
_DOTS = re.compile(r"(?:^|/)\.{1,2}$")  # no ids: what is left of ".txt" and "..txt"


class Home(Struct):
    """One subset.

    Attributes:
        path: The folder of its text files.
        subset: Its name.
        texts: Text files by item id, relative to that folder.
        images: Image files by item id, relative to the dataset.
    """

    path: str
    subset: str
    texts: dict[str, str]
    images: dict[str, str]


def label_folders(root: InputRoot, under: str = "", depth: int = DEPTH) -> Iterator[str]:
    """Yield folders of text files: ``labelTxt``, ``labelTxt-v1.5`` …, of the newest version."""
    folders, _ = root.entries(under)
    own = [name for name in folders if name == LABELS or name.startswith(f"{LABELS}-")]
    upright = [name for name in own if name.endswith("_hbb")]
    own = [name for name in own if name not in upright] or upright
    if own:
        yield posixpath.join(under, LABELS if LABELS in own else max(own))
    elif depth:
        for folder in folders:
            if folder != IMAGES:
                yield from label_folders(root, posixpath.join(under, folder), depth - 1)


def find_homes(root: InputRoot) -> list[Home]:
    """Return the subsets of a dataset.

    Raises:
        InputError: There is no folder ``labelTxt``.
    """
    homes = []
    for folder in label_folders(root):
        above = posixpath.dirname(folder)
        texts = _below(root, folder)
        images = _images(root, above)
        subset = above.rpartition("/")[2] or DEFAULT_SUBSET
        homes.append(Home(folder, subset, texts, images))
    if not homes:
        raise InputError(
            f"there is no folder {LABELS}", where=root.path, hint="give the dataset's folder"
        )
    names = [home.subset for home in homes]
    for home, name in zip(homes, names, strict=True):
        if names.count(name) > 1:
            home.subset = posixpath.dirname(home.path).replace("/", "_") or DEFAULT_SUBSET
    return homes


def _below(root: InputRoot, folder: str) -> dict[str, str]:
    """Return text files by id; official archives unpack into a folder of their own.

    ``DOTA-v1.5_train`` beside ``DOTA-v1.5_train_hbb`` is such a folder: the second holds the same
    objects as upright boxes.
    """
    cut = len(folder) + 1
    names = [name[cut:] for name in root.files(folder, (".txt",))]
    folders, files = root.entries(folder)
    packed = [name for name in folders if name.startswith("DOTA")]
    if packed and not any(name.endswith(".txt") for name in files):
        wanted = [name for name in packed if not name.endswith("_hbb")] or packed
        prefix = f"{wanted[0]}/"
        pairs = ((stem_of(n[len(prefix) :]), n) for n in names if n.startswith(prefix))
    else:
        pairs = ((stem_of(n), n) for n in names)
    return {item: name for item, name in pairs if not _DOTS.search(item)}


def _images(root: InputRoot, above: str) -> dict[str, str]:
    """Return image files by id, official archives' own folder (``images/part1``) left out."""
    folder = posixpath.join(above, IMAGES)
    cut = len(folder) + 1
    found: dict[str, str] = {}
    for name in root.walk(folder):
        if is_image_name(name) and not _DOTS.search(stem_of(name)):
            found.setdefault(stem_of(name[cut:]), name)
    return found
