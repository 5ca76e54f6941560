"""Finding out whether a path holds a YOLO dataset."""

from __future__ import annotations

import posixpath
from itertools import islice
from typing import TYPE_CHECKING, Any

from dsk.errors import InputError
from dsk.flow import Detection
from dsk.media import is_image_name
from dsk_yolo.paths import LABEL_FOLDERS
from dsk_yolo.rows import is_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk_yolo.loose import Loose

__all__ = ["detect"]

LOOK = 20
"""How many label files are looked at."""

_BYTES = 1 << 14
_BEYOND = 0.5
"""How far shares may lie outside: some tools leave boxes as they reach over the edge."""


def detect(root: InputRoot) -> Detection | None:
    """Look for a data.yaml or obj.data, class names beside label rows, or class folders."""
    from dsk_yolo.finding import find_dataset
    from dsk_yolo.loose import find_beside

    try:
        found = find_dataset(root)
    except InputError as error:
        return Detection(70, error.message) if root.focus is None else None
    if isinstance(found, str):
        return _config(root, found)
    if found is None:
        if find_beside(root) is not None:
            return Detection(35, "label files of YOLO rows beside images, without class names")
        return _classify(root)
    if not _rows_in(root, found):
        return None
    named = found.names[0] if found.names else f"{found.places[0].images} folder"
    sure = 60 if found.home else 70  # below, there may be others too
    return Detection(sure if found.names else 40, f"{named} beside label files of YOLO rows")


def _config(root: InputRoot, file: str) -> Detection | None:
    from dsk_yolo.config import has_names, is_dataset_yaml, load_yaml
    from dsk_yolo.loose import find_loose

    sure = 60 if root.focus is None and "/" in file else 90  # below, there may be others too
    if file.lower().endswith(".data"):
        return Detection(sure, f"{file} names classes and image lists")
    try:
        document = load_yaml(root.read(file), file)
    except InputError as error:
        return Detection(40, f"{file}: {error.message}")
    if is_dataset_yaml(document) and not _names_anything(root, file):
        return Detection(40, f"{file} names classes, and images that are not there")
    if is_dataset_yaml(document):
        kind = "keypoints: yolov8_pose" if _has_keypoints(document) else _kind(root, file)
        return Detection(sure, f"{file} names classes and images{kind and ' of '}{kind}")
    beside = find_loose(root, posixpath.dirname(file)) if has_names(document) else None
    if beside is not None and _rows_in(root, beside):
        return Detection(min(sure, 70), f"{file} names classes, beside label files of YOLO rows")
    return Detection(3, f"{file} has no class names or no image folders")


def _names_anything(root: InputRoot, file: str) -> bool:
    """Whether something that a data.yaml names is there; if it is damaged, reading it says so."""
    from dsk.loss import Ledger
    from dsk_yolo.config import read_yaml
    from dsk_yolo.listing import yaml_places
    from dsk_yolo.paths import pairs_below

    try:
        config = read_yaml(root, file, Ledger("skip"))
    except InputError:
        return True
    there = root.focus is not None or any(yaml_places(root, config)[1].values())
    return there or bool(pairs_below(root, posixpath.dirname(file)))


def _has_keypoints(document: Any) -> bool:
    return isinstance(document.get("kpt_shape"), list)


def _kind(root: InputRoot, file: str) -> str:
    """Return what some label files hold, with the name that Datumaro and CVAT have for it."""
    from dsk_yolo.probing import RowCounts

    rows = RowCounts()
    home = posixpath.dirname(file)
    for folder in islice(_label_folders(root, home), 3):
        for name in islice(root.listing(folder).pick((".txt",)), LOOK):
            data = root.read(posixpath.join(folder, name), _BYTES)
            rows.add(data if len(data) < _BYTES else data.rpartition(b"\n")[0])
    found = rows.fields.keys()
    if rows.is_roboflow:
        return "oriented boxes: roboflow_yolo_obb"
    if rows.is_oriented:
        return "oriented boxes: yolov8_oriented_boxes"
    if rows.poses.shape is not None:
        return "keypoints: yolov8_pose"
    if found and found <= {5, 6}:
        return "boxes: yolov8_detection"
    if found and all(count >= 7 and count % 2 for count in found):
        return "outlines: yolov8_segmentation"
    return "boxes and outlines" if found and min(found) == 5 else ""


def _label_folders(root: InputRoot, home: str) -> Iterator[str]:
    """Yield folders of label files: ``labels/``, ``labels/<subset>/`` and ``<subset>/labels/``."""
    wanted = {*LABEL_FOLDERS, "labelTxt"}
    above = root.listing(home).folders
    for name in above:
        folder = posixpath.join(home, name)
        below = root.listing(folder).folders
        inner = below if name in wanted else wanted.intersection(below)
        for path in (folder, *(f"{folder}/{n}" for n in inner)):
            if ".txt" in root.listing(path).endings:
                yield path


def _rows_in(root: InputRoot, found: Loose) -> bool:
    return any(_has_rows(root, p.images if p.labels is None else p.labels) for p in found.places)


def _has_rows(root: InputRoot, folder: str) -> bool:
    """Whether one of the first text files in a folder has rows of numbers, or all are empty."""
    from dsk_yolo.paths import is_class_file

    texts = root.walk(folder, 1, (".txt",))
    names = islice((n for n in texts if not is_class_file(n.rpartition("/")[2])), LOOK)
    found = [_is_row(root.read(n, 4096).split(b"\n", 1)[0].split()) for n in names]
    return any(found) or (bool(found) and None in found and False not in found)


def _is_row(fields: list[bytes]) -> bool | None:
    """Whether fields are those of a row, shares of the image's size; None if there are none."""
    try:
        numbers = [float(f) for f in fields]
    except ValueError:
        return False
    if not fields:
        return None
    return is_row(fields) and all(-_BEYOND <= n <= 1 + _BEYOND for n in numbers[1:5])


def _classify(root: InputRoot) -> Detection | None:
    """Class folders look like other formats' too, so this is a weak sign, but for labels.json."""
    from dsk_yolo.classify import LABELS_FILE, subset_folders
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
        classes, strays = root.entries(folder)
        if not {"img", "gt"}.isdisjoint(classes) or any(is_image_name(f) for f in strays):
            return None
        for name in classes:
            inner, images = root.entries(f"{folder}/{name}")
            if inner or not images or not all(is_image_name(f) for f in images):
                return None
    return Detection(30, f"{found[0]}/<class> folders of images only", options)
