"""What all readers share: names of subsets, names and places of images."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk.splits import SPLITS, subset_of_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "ANNOTATIONS",
    "DOUBLE_STEM",
    "ImageFinder",
    "image_name",
    "own_id",
    "subsets_of",
    "with_images",
]

DOUBLE_STEM = "images differ in their ending only; their whole names are their ids"

ANNOTATIONS = "annotations"
_ENDINGS = (".jpg", ".jpeg", ".png")
_FOLDERS = ("images", "image")
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/|file:/")
_KIND = re.compile(r"[-_ ](?:labels?|annotations?)$", re.IGNORECASE)


def subsets_of(names: Sequence[str], root: InputRoot) -> dict[str, str]:
    """Return the subset of each file of annotations.

    It is the file's own name if that is a split's (``train``, ``train_labels``) or if the folder
    holds several such files, else the folder's, which counts for the input's own folder if it is a
    split's; files that would share one get their whole path, joined by dashes.
    """
    home = subset_of_root(root)
    folders = [name.rpartition("/")[0] for name in names]
    subsets = {}
    for name, folder in zip(names, folders, strict=True):
        stem = stem_of(name.rpartition("/")[2])
        split = _KIND.sub("", stem)
        if split.lower() in SPLITS:
            subsets[name] = split
        elif folders.count(folder) > 1:
            subsets[name] = stem
        else:
            last = folder.rpartition("/")[2]
            subsets[name] = home if last.lower() in ("", ANNOTATIONS) else last
    counts = Counter(subsets.values())
    return {
        name: stem_of(name).replace("/", "-") if counts[subset] > 1 else subset
        for name, subset in subsets.items()
    }


def id_of(name: str) -> str:
    """Return the id of an image; a dot in a name without an image's ending is part of the id."""
    return stem_of(name) if is_image_name(name) else name


def image_name(written: str, where: str, ledger: Ledger) -> str:
    """Return an image's clean name; of a path of another machine only its end means anything.

    Raises:
        InputError: It leads out of the dataset.
    """
    posix = written.replace("\\", "/")
    if not _ABSOLUTE.match(posix):
        return clean_name(written, where)
    ledger.warn("images are named by absolute paths; they are looked for by file name")
    return clean_name(posix.rpartition("/")[2], where)


def with_images(root: InputRoot) -> InputRoot:
    """Return where a dataset's files are; its images may be beside the folder of a given file."""
    return root.up() if root.focus is not None and root.name.lower() == ANNOTATIONS else root


def own_id(name: str, others: Mapping[str, str]) -> str:
    """Return the id of an image among others: its whole name if another one has its stem.

    Args:
        name: The image's clean name.
        others: The names of images by id.
    """
    item = id_of(name)
    return item if others.get(item, name) == name else name


class ImageFinder:
    """Finds images beside the file that names them; folders are listed once."""

    def __init__(self, root: InputRoot, home: str, subset: str) -> None:
        self._root = root
        prefix = f"{home}/" if home else ""
        self._prefixes = [prefix, *(f"{prefix}{f}/" for f in (*_FOLDERS, subset))]
        self._prefixes += [f"{prefix}{f}/{subset}/" for f in _FOLDERS]
        if home:  # a folder of annotations beside one of images
            above = home.rpartition("/")[0]
            prefix = f"{above}/" if above else ""
            self._prefixes += [f"{prefix}{f}/{subset}/" for f in _FOLDERS]
            self._prefixes += [f"{prefix}{f}/" for f in (*_FOLDERS, subset)]
        self._usual = self._prefixes[0]
        self._prefixes = [p for p in self._prefixes if not p or root.is_dir(p[:-1])]
        self._known: dict[str, frozenset[str]] = {}

    def has(self, place: str) -> bool:
        """Whether there is a file of this name in the input."""
        folder, _, base = place.rpartition("/")
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = frozenset(self._root.entries(folder)[1])
        return base in known

    def image(self, name: str) -> Image:
        """Return an image by its clean name; names without an ending are tried with some."""
        names = [name]
        if not is_image_name(name):
            names += [name + ending for ending in _ENDINGS]
        for prefix in self._prefixes:
            for candidate in names:
                if self.has(prefix + candidate):
                    return Image(path=candidate, source=self._root.locate(prefix + candidate))
        return Image(path=name, source=self._root.locate(self._usual + name))
