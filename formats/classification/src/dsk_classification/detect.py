"""Telling classification datasets from others by names and first bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.errors import DskError
from dsk.flow import Detection
from dsk_classification import batches, csvtables, labelfiles
from dsk_classification.folders import (
    find_home,
    find_top,
    join,
    only_images,
    only_prose,
    subset_places,
    visible,
)
from dsk_classification.idx import IdxFile
from dsk_classification.imagelists import SYNSETS, find_lists, find_names, has_numbers

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = [
    "detect_cifar",
    "detect_imagenet",
    "detect_imagenet_subsets",
    "detect_imagenet_txt",
    "detect_mnist",
    "detect_mnist_csv",
]

_FOLDERS = 200
"""Folders that are looked into: others in a dataset of folders look alike."""

_FEWEST = 26
"""Numbers in rows that nothing else tells to be pixels: boxes and outlines have fewer."""

_FEW = 10
"""Folders in a label's folder that are looked into."""

_DEEP = 4
"""Folders in one another that are gone down to see whether images are in them."""

_NO_LABEL = re.compile(
    r"(?:images|masks|labels|annotations).*|image|image_[0-3]|img|label|(?:img|ann)_dir|gt|gt_.*"
    r"|target|query|hr|lr|upsampled|.*[-_ ](?:masks|labels|annotations|segmentations)"
    r"|.*ground[-_ ]?truth.*",
    re.IGNORECASE | re.DOTALL,
)
"""Folders that other formats have (``image_2``: KITTI); a label of this name is unlikely."""

_META = "dataset_meta.json"
_MNIST_COLUMNS = (784, 785)


def detect_imagenet(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``; nearly anything is a folder of images."""
    if root.focus is not None or find_home(root) is not None:
        return None
    top = find_top(root)
    folders, files = root.entries(top)
    if not only_prose(files) or not _are_labels(root, top, folders):
        return None
    first = join(top, visible(folders)[0])
    options = {"top": top} if top else {}
    return Detection(20, f"nothing but images in folders, such as {first}", options)


def detect_imagenet_subsets(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    home = find_home(root) if root.focus is None else None
    if home is None:
        return None
    labelled = ""
    for path, _ in subset_places(root, home):
        folders, files = root.entries(path)
        if not visible(folders) and only_images(files):
            continue  # images without labels, as ImageNet's own val and test
        if not only_prose(files) or not _are_labels(root, path, folders):
            return None
        labelled = labelled or path
    if not labelled:
        return None
    return Detection(35, f"{labelled} holds nothing but images in folders")


def detect_imagenet_txt(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    home, lists = find_lists(root)
    if not lists:
        return None
    name = next(iter(lists.values()))
    if root.is_file(home + SYNSETS):
        return Detection(80, f"{name} lists images, {SYNSETS} labels")
    if not any(has_numbers(root, name) for name in lists.values()):
        return None
    if root.is_file(home + _META):
        return Detection(50, f"{name} lists images and numbers, {_META} labels")
    names = find_names(root, home)
    if names is not None:
        return Detection(45, f"{name} lists images and numbers, {names} may name labels")
    return Detection(40, f"{name} lists images and numbers", {"labels": "generate"})


def detect_cifar(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``; nothing is unpickled."""
    if root.focus is not None and root.focus.lower().endswith((".pkl", ".pickle")):
        return None
    home = batches.find_home(root)
    found = batches.find_batches(root, home) if home is not None else {}
    if not found:
        binaries = list(batches.find_binaries(root)[1].values())
        if not binaries:
            return None
        return Detection(85, f"{binaries[0]} beside names of labels, as in CIFAR's binary version")
    name = next(iter(found.values()))
    for meta in (batches.META_10, batches.META_100):
        if home is not None and root.is_file(f"{home}/{meta}".lstrip("/")):
            return Detection(85, f"{meta} and {name} are pickles")
    if name.rpartition("/")[2].startswith(("data_batch_", "test_batch")):
        return Detection(70, f"{name} is a pickle")
    return Detection(10, f"{name} is a pickle")


def detect_mnist(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    files = labelfiles.find_labels(root)
    if not files:
        return None
    try:
        labels = IdxFile(root, files[0].name).header
    except DskError:
        return Detection(40, f"{files[0].name} is named like a file of MNIST's")
    return Detection(90, f"{files[0].name} holds {labels.shape[0]} labels")


def detect_mnist_csv(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    tables = csvtables.find_tables(root)
    if not tables:
        return None
    name = tables[0].name
    fits = csvtables.looks_like_table(root, name)
    if name.rpartition("/")[2].lower().startswith("mnist_"):
        if not fits:
            return Detection(40, f"{name} is named like a table of MNIST's")
        return Detection(85, f"{name}: a row is a label and pixels")
    header, row = csvtables.first_row(root, name)
    if not fits or (len(row) < _FEWEST and not header):
        return None
    return Detection(60 if len(row) in _MNIST_COLUMNS else 30, f"{name}: a row is pixels")


def _are_labels(root: InputRoot, under: str, names: list[str]) -> bool:
    """Whether folders are named like labels, hold images, and nothing else."""
    folders = visible(names)
    if any(map(_NO_LABEL.fullmatch, folders)):
        return False
    some = False
    for folder in folders[:_FOLDERS]:
        found = _holds_images(root, join(under, folder))
        if found is None:
            return False
        some = some or found
    return some


def _holds_images(root: InputRoot, path: str) -> bool | None:
    """Whether a label's folder, or the first one in it, holds images; None if it is no label's."""
    for _ in range(_DEEP):
        inner, files = root.entries(path)
        inner = visible(inner)
        if any(map(_NO_LABEL.fullmatch, inner)) or not only_images(files):
            return None
        if visible(files):  # what lies beside a label's images may be annotations of them
            beside = (root.entries(f"{path}/{folder}")[1] for folder in inner[:_FEW])
            return True if all(map(only_images, beside)) else None
        if not inner:
            break
        path = f"{path}/{inner[0]}"
    return False
