"""Finding out whether a path holds a YOLO dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.flow import Detection
from dsk.media import is_image_name

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """Look for a data.yaml or obj.data, class names beside label rows, or class folders."""
    from dsk_yolo.listing import find_config, loose_folders

    try:
        file = find_config(root)
    except InputError as error:
        return Detection(70, error.message)
    if file is not None:
        return _config(root, file)
    places = loose_folders(root)
    if places is not None and _has_rows(root, places[2]):
        named = places[0] or "images"
        return Detection(70 if places[0] else 40, f"{named} beside label files of YOLO rows")
    return _classify(root)


def _config(root: InputRoot, file: str) -> Detection | None:
    from dsk_yolo.config import is_dataset_yaml, load_yaml

    sure = 60 if root.focus is None and "/" in file else 90  # below, there may be others too
    if file.lower().endswith(".data"):
        return Detection(sure, f"{file} names classes and image lists")
    try:
        document = load_yaml(root.read(file), file)
    except InputError as error:
        return Detection(40, f"{file}: {error.message}")
    if is_dataset_yaml(document):
        return Detection(sure, f"{file} names classes and images")
    return Detection(3, f"{file} has no class names or no image folders")


def _has_rows(root: InputRoot, folder: str) -> bool:
    """Whether the first text file with content in a folder has rows of numbers."""
    from dsk_yolo.listing import CLASS_FILES

    looked = 0
    for name in root.walk(folder, 1):
        if not name.endswith(".txt") or name.rpartition("/")[2] in CLASS_FILES:
            continue
        fields = root.read(name, 4096).split(b"\n", 1)[0].split()
        looked += 1
        if fields:
            try:
                return len([float(f) for f in fields]) >= 5
            except ValueError:
                return False
        if looked > 20:
            return True
    return looked > 0


def _classify(root: InputRoot) -> Detection | None:
    """Class folders look like other formats' too, so this is a weak sign, but for labels.json."""
    from dsk_yolo.classify import LABELS_FILE, subset_folders
    from dsk_yolo.listing import IMAGE_FOLDERS, LABEL_FOLDERS
    from dsk_yolo.paths import SPLIT_KEYS

    folders, files = root.entries()
    found = subset_folders(root) if len(folders) <= len(SPLIT_KEYS) else []
    if not found or any(is_image_name(f) for f in files) or set(found) != set(folders):
        return None
    options = {"task": "classify"}
    if all(root.is_file(f"{f}/{LABELS_FILE}") for f in found):
        return Detection(70, f"{found[0]}/{LABELS_FILE}, class folders", options)
    if not set(found) <= set(SPLIT_KEYS):
        return None
    for folder in found:
        classes = root.entries(folder)[0]
        if set(classes) & {*IMAGE_FOLDERS, *LABEL_FOLDERS, "img", "gt"}:
            return None
        for name in classes:
            inner, images = root.entries(f"{folder}/{name}")
            if inner or not images or not all(is_image_name(f) for f in images):
                return None
    return Detection(30, f"{found[0]}/<class> folders of images only", options)
