"""Which folders of a dataset are subsets, and which are labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.item import DEFAULT_SUBSET
from dsk.listings import is_prose
from dsk.media import is_image_name
from dsk.metafile import META_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.files import InputRoot

__all__ = [
    "TOP_DEPTH",
    "are_subsets",
    "find_home",
    "find_top",
    "join",
    "only_images",
    "only_prose",
    "subset_folders",
    "subset_places",
    "visible",
]

TOP_DEPTH = 3
"""How many folders may lie around a dataset, as in Datumaro."""

_KINDS = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "pred"), "test"),
}
_PLAIN = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Folders of these names hold subsets rather than a label's images, whatever their case."""

_END = 6
"""Letters at the end of a name that hold what endings of images are known."""

_WORD = re.compile(r"[^\W\d_]+")

_DEVKIT = re.compile(r"ILSVRC\d+_devkit.*", re.IGNORECASE)
"""The folder of ImageNet's tables, which lies beside those of its images."""

_GLOSSARY = frozenset(
    {"words.txt", "wnids.txt", "gloss.txt", "synset_words.txt", "loc_synset_mapping.txt"}
)
"""What says in words what ImageNet's folders mean; ``synsets.txt`` is of ``imagenet_txt``."""


def join(folder: str, name: str) -> str:
    """Join two relative names, of which the first may be empty."""
    return f"{folder}/{name}" if folder else name


def visible(names: Sequence[str]) -> list[str]:
    """Return the names but those that tools leave behind (``.ipynb_checkpoints``)."""
    return [name for name in names if not name.startswith(".")]


def only_images(files: Sequence[str]) -> bool:
    """Tell whether all visible files are images."""
    ends = {name[-_END:] for name in files}  # few, whatever the number of files
    return all(map(is_image_name, ends)) or all(map(is_image_name, visible(files)))


def only_prose(files: Sequence[str]) -> bool:
    """Tell whether all visible files are for people to read, but for the table of labels."""
    return all(
        name[0] == "." or name == META_NAME or is_prose(name) or name.lower() in _GLOSSARY
        for name in files
    )


def subset_folders(root: InputRoot, home: str) -> list[str]:
    """Return the folders of a folder that may be subsets: the visible ones that are no devkit."""
    folders = visible(root.entries(home)[0])
    return [name for name in folders if not _DEVKIT.fullmatch(name)]


def _kind(name: str) -> str:
    """Return the sort of subset that a folder's first or last word says: ``seg_train``, ``test1``.

    "" if they say none.
    """
    words = _WORD.findall(name.lower())
    return next((_KINDS[word] for word in words[:1] + words[-1:] if word in _KINDS), "")


def are_subsets(folders: Sequence[str]) -> bool:
    """Tell whether folders are subsets by their names.

    All have names of subsets, whatever else is in the names of training and of another sort
    (``training_set`` and ``test_set``); or some are called so and nothing else, of both these
    sorts: no dataset has the labels ``train`` and ``test``.
    """
    low = [name.lower() for name in folders]
    kinds = [_kind(name) for name in low]
    if low and all(n in _PLAIN or n == DEFAULT_SUBSET for n in low):
        return True
    if len(low) == 1:
        return low[0].startswith("ilsvrc2012_img_") and bool(kinds[0])
    if not all(kinds):
        kinds = [_KINDS[name] for name in low if name in _PLAIN]
    return "train" in kinds and len(set(kinds)) > 1


def find_home(root: InputRoot) -> str | None:
    """Return the folder whose sub-folders are subsets: the root, or one it holds alone."""
    home = ""
    for _ in range(TOP_DEPTH + 1):
        folders, files = subset_folders(root, home), root.entries(home)[1]
        if are_subsets(folders):
            return home
        if len(folders) != 1 or any(map(is_image_name, files)):
            return None
        home = join(home, folders[0])
    return None


def subset_places(root: InputRoot, home: str) -> list[tuple[str, str]]:
    """Return folder and name of each subset.

    Some archives repeat a subset's name inside: ``test_set/test_set/cats``.
    """
    places = []
    for name in subset_folders(root, home):
        path = join(home, name)
        folders, files = root.entries(path)
        if visible(folders) == [name] and _kind(name) and not any(map(is_image_name, files)):
            path = f"{path}/{name}"
        places.append((path, name))
    return places


def find_top(root: InputRoot) -> str:
    """Return the folder of the labels' folders where nothing but folders are around it, else "".

    A folder of one folder is more likely what an archive was packed from than a label.
    """
    top = ""
    for _ in range(TOP_DEPTH + 1):
        folders, files = root.entries(top)
        folders = visible(folders)
        if any(map(is_image_name, files)) or META_NAME in files:
            break
        if len(folders) > 1:
            return top
        if not folders or not only_prose(files):
            break
        top = join(top, folders[0])
    return ""
