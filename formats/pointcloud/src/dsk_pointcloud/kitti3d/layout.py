"""Finding the files of a KITTI 3D dataset."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk_pointcloud.clouds.names import is_cloud_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = [
    "Part",
    "Row",
    "find_parts",
    "first_label",
    "read_rows",
    "tracking_folder",
    "unread_folders",
]

_SUBSETS = {"training": "train", "testing": "test"}
_PARTS = ("label_2", "calib", "velodyne", "image_2", "image_3")


class Part(Struct):
    """A folder that holds label_2, calib, velodyne, image_2; its name below the root."""

    folder: str
    subset: str


class Row(Struct):
    """One item: its names below the root, "" for what is not there."""

    id: str
    subset: str
    label: str = ""
    calib: str = ""
    cloud: str = ""
    images: list[tuple[str, str]] = []


def find_parts(root: InputRoot) -> list[Part]:
    """Return the folders with labels or clouds: training and testing, or the root."""
    for base in ("", *root.entries()[0]):
        folders = root.entries(base)[0]
        found = [
            Part(posixpath.join(base, name), _SUBSETS[name]) for name in _SUBSETS if name in folders
        ]
        found = [p for p in found if set(root.entries(p.folder)[0]) & set(_PARTS)]
        if found:
            return found
        if {"calib"} <= set(folders) and {"label_2", "velodyne"} & set(folders):
            return [Part(base, _SUBSETS.get(base, DEFAULT_SUBSET))]
    return []


def tracking_folder(root: InputRoot, parts: list[Part]) -> str:
    """Return a folder that only KITTI's tracking task has, where the object task's is missing."""
    for part in parts:
        folders = root.entries(part.folder)[0]
        for mine, other in (("label_2", "label_02"), ("image_2", "image_02")):
            if other in folders and mine not in folders:
                return posixpath.join(part.folder, other)
    return ""


def unread_folders(root: InputRoot, parts: list[Part]) -> list[str]:
    """Return folders of labels and images that others have beside KITTI's: Waymo's label_all."""
    return [
        posixpath.join(part.folder, name)
        for part in parts
        for name in root.entries(part.folder)[0]
        if name.startswith(("label_", "image_")) and name not in _PARTS
    ]


def first_label(root: InputRoot, parts: list[Part]) -> str:
    """Return the first line of the first label file that has one, or ""."""
    for part in parts:
        for number, name in enumerate(root.walk(f"{part.folder}/label_2".lstrip("/"), 2)):
            if name.endswith(".txt"):
                text = root.read(name, 400).decode("utf-8-sig", "replace").strip()
                if text:
                    return text.splitlines()[0]
            if number > 20:
                break
    return ""


def _is_text(name: str) -> bool:
    return name.lower().endswith(".txt")


def _stems(root: InputRoot, folder: str, kind: str) -> dict[str, str]:
    keep = {"velodyne": is_cloud_name, "image_2": is_image_name, "image_3": is_image_name}.get(
        kind, _is_text
    )
    base = posixpath.join(folder, kind)
    return {stem_of(n[len(base) + 1 :]): n for n in root.walk(base) if keep(n)}


def _lists(root: InputRoot, base: str) -> dict[str, str]:
    """Return the subset of each stem that ImageSets lists; trainval only for the others."""
    folder = posixpath.join(base, "ImageSets")
    names = [n for n in root.entries(folder)[1] if n.lower().endswith(".txt")]
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda n: (n.lower() == "trainval.txt", n)):
        full = f"{folder}/{name}"
        for line in root.text(full).splitlines():
            if line.strip():
                found.setdefault(clean_name(line.strip(), root.show(full)), stem_of(name))
    return found


def read_rows(root: InputRoot, parts: list[Part]) -> Iterator[Row]:
    """Yield all items, in the order of their names."""
    for part in parts:
        lists = _lists(root, part.folder) or _lists(root, posixpath.dirname(part.folder))
        files = {kind: _stems(root, part.folder, kind) for kind in _PARTS}
        stems = sorted({s for kind in _PARTS if kind != "calib" for s in files[kind]})
        for stem in stems:
            subset, name = _place(part, stem, lists)
            images = [(k, files[k][stem]) for k in ("image_2", "image_3") if stem in files[k]]
            yield Row(
                name,
                subset,
                files["label_2"].get(stem, ""),
                files["calib"].get(stem, ""),
                files["velodyne"].get(stem, ""),
                images,
            )


def _place(part: Part, stem: str, lists: dict[str, str]) -> tuple[str, str]:
    """Return subset and id of a stem; Datumaro has a folder per subset instead of lists."""
    listed = lists.get(stem)
    if part.subset == "test" and listed not in (None, "test", "testing"):
        listed = None  # numbers start anew in testing/
    if part.subset == "train" and listed in ("test", "testing"):
        listed = None
    if listed is not None:
        return listed, stem
    head, slash, rest = stem.partition("/")
    return (head, rest) if slash and not lists else (part.subset, stem)
