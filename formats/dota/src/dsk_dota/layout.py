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
    from collections.abc import Container, Iterator

    from dsk.files import InputRoot

__all__ = ["IMAGES", "LABELS", "Home", "find_homes", "home_of", "is_label_folder", "label_folders"]

LABELS, IMAGES = "labelTxt", "images"
SPLIT_LABELS = "annfiles"
"""What the tools that cut DOTA's images into tiles for mmrotate call the folder of labels."""

ANNOTATIONS = "annotations"
"""Where torchgeo has folders of labels, one for each version: ``annotations/version1.5``."""

DEPTH = 4
_VERSION = re.compile(r"version\d+(?:\.\d+)*")
_DOTS = re.compile(r"(?:^|/)\.{1,2}$")  # no ids: what is left of ".txt" and "..txt"
_PART = re.compile(r"^part\d+/(?:images/)?")


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
    """Yield folders of text files: ``labelTxt``, ``labelTxt-v1.5`` …, of the newest version.

    Tiles have theirs in ``annfiles``, torchgeo's copies in ``annotations/version2.0``.
    """
    folders = root.listing(under).folders
    own = [name for name in folders if name == LABELS or name.startswith(f"{LABELS}-")]
    upright = [name for name in own if name.endswith("_hbb")]
    own = [name for name in own if name not in upright] or upright
    own = own or [name for name in folders if name == SPLIT_LABELS]
    versions = [] if own or ANNOTATIONS not in folders else _versions(root, under)
    if own:
        yield posixpath.join(under, LABELS if LABELS in own else max(own))
    elif versions:
        yield max(versions, key=lambda path: (len(path), path))  # 10.0 comes behind 2.0
    elif depth:
        for folder in folders:
            if folder != IMAGES:
                yield from label_folders(root, posixpath.join(under, folder), depth - 1)


def _versions(root: InputRoot, under: str) -> list[str]:
    above = posixpath.join(under, ANNOTATIONS)
    names = root.listing(above).folders
    return [posixpath.join(above, name) for name in names if _VERSION.fullmatch(name)]


def _above(folder: str) -> str:
    """Return the folder of the subset that a folder of text files belongs to."""
    above, name = posixpath.split(folder)
    return posixpath.dirname(above) if _VERSION.fullmatch(name) else above


def find_homes(root: InputRoot) -> list[Home]:
    """Return the subsets of a dataset.

    Raises:
        InputError: There is no folder ``labelTxt``.
    """
    folders = {_above(folder): folder for folder in label_folders(root)}
    if not folders:
        raise InputError(
            f"there is no folder {LABELS}", where=root.path, hint="give the dataset's folder"
        )
    folders.update(dict.fromkeys(_bare(root, set(folders)), ""))
    names = [above.rpartition("/")[2] or DEFAULT_SUBSET for above in folders]
    homes = []
    for (above, folder), name in zip(folders.items(), names, strict=True):
        long = above.replace("/", "_") or DEFAULT_SUBSET
        texts = _below(root, folder) if folder else {}
        images = _images(root, above, texts)
        homes.append(Home(folder or above, name if names.count(name) == 1 else long, texts, images))
    return homes


def is_label_folder(name: str) -> bool:
    """Tell by its name whether a folder holds text files of objects."""
    return name in (LABELS, SPLIT_LABELS) or name.startswith(f"{LABELS}-")


def home_of(root: InputRoot) -> Home:
    """Return the subset that one given text file makes, with its image if that is there.

    Args:
        root: The folder above the file's.
    """
    folder, _, base = (root.focus or "").rpartition("/")
    item = stem_of(base)
    found = _images(root, "", (item,)) if is_label_folder(folder) else {}
    images = {item: found[item]} if item in found else {}
    return Home(folder, DEFAULT_SUBSET, {item: base}, images)


def _bare(root: InputRoot, known: set[str]) -> list[str]:
    """Return folders beside known subsets that hold images but no texts: test sets."""
    beside = [
        posixpath.join(outer, folder)
        for outer in sorted({posixpath.dirname(above) for above in known if above})
        for folder in root.listing(outer).folders
    ]
    return [
        above
        for above in beside
        if above not in known
        and root.is_dir(posixpath.join(above, IMAGES))
        and next(label_folders(root, above), None) is None
    ]


def _below(root: InputRoot, folder: str) -> dict[str, str]:
    """Return text files by id; official archives unpack into a folder of their own.

    ``DOTA-v1.5_train`` beside ``DOTA-v1.5_train_hbb`` is such a folder, and ``labelTxt`` beside
    any other: the others hold the same objects as upright boxes.
    """
    cut = len(folder) + 1
    names = [name[cut:] for name in root.files(folder, (".txt",))]
    folders, files = root.entries(folder)
    packed = [name for name in folders if name.startswith("DOTA")]
    wanted = [name for name in folders if name == LABELS]
    wanted = wanted or [name for name in packed if not name.endswith("_hbb")] or packed
    if wanted and not any(name.endswith(".txt") for name in files):
        prefix = f"{wanted[0]}/"
        pairs = ((stem_of(n[len(prefix) :]), n) for n in names if n.startswith(prefix))
    else:
        pairs = ((stem_of(n), n) for n in names)
    return {item: name for item, name in pairs if not _DOTS.search(item)}


def _images(root: InputRoot, above: str, texts: Container[str]) -> dict[str, str]:
    """Return image files by id.

    Texts need not lie in the folders that archives of images unpack into, such as
    ``images/part1/images``: images that no text is named like go by their names alone.
    """
    folder = posixpath.join(above, IMAGES)
    depth = None
    if not root.is_dir(folder):
        folder, depth = above, 0  # some copies have them beside labelTxt
    cut = len(folder) + 1 if folder else 0
    found: dict[str, str] = {}
    for name in root.walk(folder, depth):
        if is_image_name(name) and not _DOTS.search(stem_of(name)):
            found.setdefault(stem_of(name[cut:]), name)
    for item in [item for item in found if "/" in item and item not in texts]:
        base = item.rpartition("/")[2]
        short = base if base in texts else _PART.sub("", item)
        if short not in found:
            found[short] = found.pop(item)
    return found
