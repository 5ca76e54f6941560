"""Where label files lie, by the image's name, and other naming rules of the family."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING

from dsk.item import DEFAULT_SUBSET
from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot

__all__ = [
    "IMAGE_FOLDERS",
    "LABEL_FOLDERS",
    "RESERVED_DARKNET",
    "RESERVED_YAML",
    "SPLIT_KEYS",
    "TRAINABLE",
    "ListedPaths",
    "above",
    "class_files",
    "folder_of",
    "is_class_file",
    "is_there",
    "label_path",
    "lines_of",
    "pairs_below",
    "renamed",
    "resolve",
    "swap_folder",
]

RESERVED_DARKNET = frozenset({"classes", "names", "backup", "labels", "results", "eval"})
"""Keys of obj.data that are no subsets."""

LABEL_FOLDERS = ("labels", "Labels", "label", "annotations", "Annotations")
IMAGE_FOLDERS = ("images", "Images", "JPEGImages", "image", "imgs", "img")

SPLIT_KEYS = ("train", "val", "validation", "valid", "test", "minival")
"""Keys of data.yaml that always name images; other keys do if what they name is there."""

_DEEPEST = 255
"""Parts of a path of which the ends are looked for: a damaged list may have a line of thousands."""

_LOOKS = 8
"""Images that are looked for, of one folder that is not where the other images' folders are."""

_SAME = (("val", "valid", "validation"), ("train", "training"), ("test", "testing"))
"""Names of folders that stand for the same subset."""

RESERVED_YAML = frozenset(
    {
        *("path", "names", "nc", "download", "kpt_shape", "kpt_names", "flip_idx", "channels"),
        *("roboflow", "dsk", "yaml_file", "backup", "classes"),
    }
)
"""Keys of data.yaml that are no subsets."""

TRAINABLE = frozenset(
    f".{e}"
    for e in ("bmp", "dng", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp", "pfm", "heic")
)
"""Image endings that Ultralytics takes; it passes over all others without a word."""


_CLASS_FILES = frozenset(
    f"{name}.txt"
    for name in ("classes", "predefined_classes", "class", "class_names", "names", "labels")
)


def folder_of(subset: str) -> str:
    """Return the name of a subset's folder; items of no particular subset are to be trained on."""
    return "train" if subset in ("", DEFAULT_SUBSET) else subset


def is_class_file(name: str) -> bool:
    """Tell by its name in its folder whether a file lists class names, one a line."""
    low = name.lower()
    return low in _CLASS_FILES or low.endswith((".names", ".labels"))


def class_files(root: InputRoot, folder: str, depth: int | None = None) -> list[str]:
    """Return the files below a folder whose names tell that they list class names.

    Args:
        root: The dataset.
        folder: Where to look.
        depth: How many levels of sub-folders to enter; None for all.
    """
    files = root.files(folder, (".txt", ".names", ".labels"), depth, ("class", "names", "labels"))
    return [n for n in files if is_class_file(n.rpartition("/")[2])]


def swap_folder(name: str, old: str, new: str) -> str:
    """Replace the last folder ``old`` in a relative name by ``new``; no such folder, no change."""
    at = name.rfind(f"/{old}/")
    if at >= 0:
        return f"{name[: at + 1]}{new}{name[at + 1 + len(old) :]}"
    return f"{new}{name[len(old) :]}" if name.startswith(f"{old}/") else name


def label_path(image: str, folder: str = "labels") -> str:
    """Return the label file of an image by Ultralytics' rule.

    The last ``images`` folder becomes ``labels``, the ending ``.txt``; an image in no such folder
    has its label file beside it.
    """
    return swap_folder(f"{stem_of(image)}.txt", "images", folder)


def lines_of(text: str) -> list[str]:
    """Split at line ends only; ``str.splitlines`` would split names at exotic separators too."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def above(folder: str) -> list[str]:
    """Return the folders above a relative one, the nearest first; the last is the root, ""."""
    parts = folder.split("/") if folder else []
    return ["/".join(parts[:n]) for n in range(len(parts) - 1, -1, -1)]


def renamed(value: str) -> list[str]:
    """Return a path with its last folder that is named like a subset under that's other names."""
    parts = value.strip().replace("\\", "/").split("/")
    for n in range(len(parts) - 1, -1, -1):
        names = next((same for same in _SAME if parts[n].lower() in same), ())
        if names:
            others = [name for name in names if name != parts[n]]
            return ["/".join([*parts[:n], name, *parts[n + 1 :]]) for name in others]
    return []


def _parts(value: str) -> list[str]:
    return [p for p in value.strip().replace("\\", "/").split("/") if p not in ("", ".")]


def _is_plain(name: str) -> bool:
    """Whether a name may be one below the dataset's folder."""
    first = name.partition("/")[0]
    return "\0" not in name and ":" not in first and first != ".."


def _candidates(value: str, folders: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield names that a path from a dataset may mean, with the number of its parts left off."""
    parts = _parts(value)
    for folder in folders:
        if ".." in parts:
            name = posixpath.normpath(posixpath.join(folder, *parts))
            if not name.startswith(".."):
                yield ("" if name == "." else name), 0
    # Paths come from other machines ("/content/set/train/images"), from other folders
    # ("../train/images") and with darknet's "data/": the longest end that is there counts.
    ups = max((n + 1 for n, p in enumerate(parts) if p == ".."), default=0)
    for cut in range(max(ups, len(parts) - _DEEPEST), len(parts) + (not parts)):
        for folder in folders:
            yield posixpath.join(folder, *parts[cut:]), cut


def resolve(root: InputRoot, value: str, folders: Sequence[str], *, directory: bool) -> str | None:
    """Find the file (or folder) of the dataset that a path in it means.

    Args:
        root: The dataset.
        value: The path as written: relative to any of ``folders``, or of another machine.
        folders: Where it may start, best first.
        directory: Whether folders count too.

    Returns:
        Its relative name, or None when there is nothing.
    """
    for name, _ in _candidates(value, folders):
        if not _is_plain(name):
            continue
        if directory and (not name or root.is_dir(name)):
            return name.rstrip("/")
        if name and root.is_file(name):
            return name
    return None


def pairs_below(root: InputRoot, home: str) -> list[str]:
    """Return the folder in a folder that holds ``images`` and ``labels``, if there is one such.

    Roboflow writes ``export/`` for datasets without subsets; its data.yaml names others.
    """
    found = [
        name if not home else f"{home}/{name}"
        for name in root.listing(home).folders
        if {"images", "labels"} <= set(root.listing(f"{home}/{name}".lstrip("/")).folders)
    ]
    return found if len(found) == 1 else []


def is_there(root: InputRoot, image: str) -> bool:
    """Whether there is an image, or at least its label file."""
    label = label_path(image)
    return root.is_file(image) or root.is_file(label) or root.is_file(f"{stem_of(image)}.txt")


class ListedPaths:
    """Turns the image paths of a list into relative names, without a look at the disk for each.

    Lists that were joined name the folders of several machines: those that are not where the
    sample says are looked for by themselves.

    Args:
        root: The dataset.
        folders: Where paths may start, best first.
        sample: Some of the paths; the first that is there shows what the others begin with.
    """

    def __init__(self, root: InputRoot, folders: Sequence[str], sample: Sequence[str]) -> None:
        self._root, self._folders = root, folders
        self._homes: dict[str, bool] = {}  # whether the folder of a name is there
        self._places: dict[str, str] = {}  # folder as the list has it: the one that it means
        self._looks: Counter[str] = Counter()
        self._folder = folders[0] if folders else ""
        self._drop: tuple[str, ...] = ("data",)
        for value in sample:
            for name, cut in _candidates(value, folders):
                if name and _is_plain(name) and is_there(root, name):
                    parts = _parts(value)
                    tail = "/".join(parts[cut:])
                    if name.endswith(tail):
                        self._folder = name[: len(name) - len(tail)].rstrip("/")
                        self._drop = tuple(parts[:cut])
                        return

    def __call__(self, value: str) -> str:
        """Return the relative name, not yet checked to be safe."""
        parts = _parts(value)
        name = self._usual(value, parts)
        home = name.rpartition("/")[0]
        there = self._homes.get(home)
        if there is None:
            there = self._homes[home] = _is_plain(home) and self._root.is_dir(home)
        return name if there else self._found(value, parts) or name

    def _found(self, value: str, parts: list[str]) -> str | None:
        """Look for an image that is not where the others are."""
        given = "/".join(parts[:-1])
        if given in self._places:
            return posixpath.join(self._places[given], *parts[-1:])
        self._looks[given] += 1
        if self._looks[given] <= _LOOKS:
            for name, _ in _candidates(value, self._folders):
                if name and _is_plain(name) and is_there(self._root, name):
                    self._places[given] = name.rpartition("/")[0]
                    return name
        return None

    def _usual(self, value: str, parts: list[str]) -> str:
        count = len(self._drop)
        if count and tuple(parts[:count]) == self._drop and len(parts) > count:
            parts = parts[count:]
        elif "images" in parts and (value.startswith("/") or ":" in parts[0] or ".." in parts):
            parts = parts[parts.index("images") :]
        name = posixpath.join(self._folder, *parts)
        return posixpath.normpath(name) if ".." in parts else name
