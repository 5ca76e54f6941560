"""Which files of a dataset are MNIST's labels, and which images belong to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.files import InputRoot

__all__ = ["LabelsFile", "find_labels", "labels_by_folder", "lone_images", "subset_of"]

_DEPTH = 3
_ENDINGS = ("", ".gz", *(f".idx{n}-{kind}" for n in (1, 2) for kind in ("ubyte", "int")))
_NAME = re.compile(r"(.+)-labels[-.]idx([12])-(?:ubyte|int)(?:\.gz)?", re.IGNORECASE)
_IMAGES = re.compile(r"[^/]-images[-.]idx3-ubyte(?:\.gz)?\Z", re.IGNORECASE)
_LABELS = re.compile(r"labels([-.])idx[12]-(?:ubyte|int)", re.IGNORECASE)


class LabelsFile(Struct, frozen=True):
    """A file of labels.

    Attributes:
        name: Its name.
        images: The name of the file of images, which may be missing.
        subset: Its subset.
        split: Which of EMNIST's datasets it belongs to, or "".
    """

    name: str
    images: str
    subset: str
    split: str


def find_labels(root: InputRoot) -> list[LabelsFile]:
    """Return the files of labels, of one folder only.

    Of several for the same images, those whose images are there come first, then unpacked ones.
    """
    return next(iter(labels_by_folder(root).values()), [])


def labels_by_folder(root: InputRoot) -> dict[str, list[LabelsFile]]:
    """Return the files of labels of each folder that has some, those nearest to the root first."""
    labels = root.walk(depth=_DEPTH, suffixes=_ENDINGS, words=("-labels-idx", "-labels.idx"))
    names = [root.focus] if root.focus else sorted(labels, key=_depth)
    found: dict[str, dict[tuple[str, str], LabelsFile]] = {}
    for name in names:
        folder, _, base = name.rpartition("/")
        match = _NAME.fullmatch(base)
        if match is None:
            continue
        subset, split = subset_of(match[1])
        if folder.rpartition("/")[2] == base:  # Kaggle's archives have a folder for each file
            folder = folder.rpartition("/")[0]
        here = found.setdefault(folder, {})
        known = here.get((split, subset))
        own = LabelsFile(name, _images(root, name), subset, split)
        if known is None or _rank(root, own) > _rank(root, known):
            here[split, subset] = own
    return {folder: list(files.values()) for folder, files in found.items()}


def lone_images(root: InputRoot, found: Sequence[LabelsFile]) -> list[str]:
    """Return the files of images in a folder that belong to none of its files of labels."""
    if root.focus or not found:
        return []
    folder = found[0].name.rpartition("/")[0]
    known = {file.images.lower().removesuffix(".gz") for file in found}
    files = [f"{folder}/{name}".lstrip("/") for name in root.entries(folder)[1]]
    return [
        name
        for name in files
        if _IMAGES.search(name) and name.lower().removesuffix(".gz") not in known
    ]


def _rank(root: InputRoot, file: LabelsFile) -> tuple[bool, bool]:
    return root.is_file(file.images), not file.name.lower().endswith(".gz")


def _depth(name: str) -> tuple[int, str]:
    return name.count("/"), name


def subset_of(prefix: str) -> tuple[str, str]:
    """Return the subset and the split that the beginning of a file's name says.

    ``emnist-letters-train`` is ("train", "letters"), ``t10k`` is ("test", "").
    """
    parts = prefix.split("-")
    if parts[0].lower() == "emnist" and len(parts) == 3:
        return parts[2], parts[1]
    if parts[0].lower() in ("qmnist", "kmnist", "k49") and len(parts) > 1:
        prefix = prefix.partition("-")[2]
    return ("test" if prefix.startswith("t10k") else prefix), ""


def _images(root: InputRoot, labels: str) -> str:
    folder, slash, base = labels.rpartition("/")
    name = re.sub(
        r"labels([-.])idx[12]-(?:ubyte|int)", r"images\1idx3-ubyte", base, flags=re.IGNORECASE
    )
    plain = name.removesuffix(".gz")
    outer = folder.removesuffix(base) if folder.rpartition("/")[2] == base else f"{folder}{slash}"
    for choice in (name, plain, f"{plain}.gz"):
        for place in (f"{folder}{slash}{choice}", f"{outer}{choice}/{choice}"):
            if root.is_file(place):
                return place
    return f"{folder}{slash}{name}"
