"""Finding the files of a KITTI 3D dataset."""

from __future__ import annotations

import posixpath
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk.splits import is_subset_name
from dsk_pointcloud.clouds.names import is_cloud_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = [
    "Part",
    "Row",
    "all_datasets",
    "find_parts",
    "first_label",
    "folders_of",
    "notes_on_lists",
    "read_rows",
    "tracking_folder",
    "unread_folders",
]

_SUBSETS = {"training": "train", "testing": "test"}
_PARTS = ("label_2", "calib", "velodyne", "image_2", "image_3")
_OTHERS = {"label_2": ("label", "label2", "labels"), "image_2": ("image2", "image", "images")}
"""What these folders are called where somebody has made them anew."""

_TEST = ("test", "testing")
_LOOKED_AT = 20


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
    """Return the folders with labels or clouds: training, testing and their like, or the root."""
    return next(filter(None, _all_parts(root)), [])


def all_datasets(root: InputRoot) -> list[str]:
    """Return the folders that hold datasets of their own; one at the top is the only one.

    That of KITTI's tracking task beside the others is none.
    """
    bases = zip(("", *root.entries()[0]), _all_parts(root), strict=True)
    found = [base for base, parts in bases if parts and not tracking_folder(root, parts)]
    return found[:1] if found[:1] == [""] else found


def _all_parts(root: InputRoot) -> Iterator[list[Part]]:
    """Yield the parts of the top folder and of each one in it."""
    for base in ("", *root.entries()[0]):
        folders = root.entries(base)[0]
        names = [name for name in folders if not base or is_subset_name(name)]
        inside = {name: set(root.entries(posixpath.join(base, name))[0]) for name in names}
        found = [name for name in _SUBSETS if not inside.get(name, set()).isdisjoint(_PARTS)]
        if not found and _is_whole(set(folders)):
            yield [Part(base, DEFAULT_SUBSET)]
            continue
        found += [name for name in names if name not in _SUBSETS and _is_whole(inside[name])]
        alone = len(found) == 1
        yield [Part(posixpath.join(base, n), _subset_of(n, alone=alone)) for n in found]


def _is_whole(folders: set[str]) -> bool:
    return "calib" in folders and not folders.isdisjoint(("label_2", "velodyne"))


def _subset_of(folder: str, *, alone: bool) -> str:
    """Return a folder's subset; a single one may be called anything."""
    plain = folder if is_subset_name(folder) or not alone else DEFAULT_SUBSET
    return _SUBSETS.get(folder, plain)


def tracking_folder(root: InputRoot, parts: list[Part]) -> str:
    """Return a folder that only KITTI's tracking task has, where the object task's is missing."""
    for part in parts:
        folders = root.entries(part.folder)[0]
        for mine, other in (("label_2", "label_02"), ("image_2", "image_02")):
            if other in folders and mine not in folders:
                return posixpath.join(part.folder, other)
    return ""


def folders_of(root: InputRoot, part: Part) -> dict[str, str]:
    """Return the names of a part's folders by KITTI's own."""
    there = root.entries(part.folder)[0]
    found = {name: name for name in _PARTS if name in there}
    for kind, others in _OTHERS.items():
        if kind not in found:
            name = next((n for n in others if n in there and _fits(root, part, n, kind)), None)
            if name is not None:
                found[kind] = name
    return found


def _fits(root: InputRoot, part: Part, name: str, kind: str) -> bool:
    from dsk_pointcloud.kitti3d.labels import parse_line

    folder = posixpath.join(part.folder, name)
    if kind != "label_2":
        return any(map(is_image_name, islice(root.walk(folder), _LOOKED_AT)))
    try:
        parse_line(_first_line(root, folder))
    except ValueError:
        return False
    return True


def unread_folders(root: InputRoot, parts: list[Part]) -> list[str]:
    """Return folders of labels and images that others have beside KITTI's: Waymo's label_all."""
    return [
        posixpath.join(part.folder, name)
        for part in parts
        for read in [set(folders_of(root, part).values())]
        for name in root.entries(part.folder)[0]
        if name.startswith(("label", "image")) and name not in read
    ]


def first_label(root: InputRoot, parts: list[Part]) -> str:
    """Return the first line of the first label file that has one, or ""."""
    for part in parts:
        name = folders_of(root, part).get("label_2", "label_2")
        line = _first_line(root, posixpath.join(part.folder, name))
        if line:
            return line
    return ""


def _first_line(root: InputRoot, folder: str) -> str:
    for name in islice(root.walk(folder, 2), _LOOKED_AT):
        if name.endswith(".txt"):
            text = root.read(name, 400).decode("utf-8-sig", "replace").strip()
            if text:
                return text.splitlines()[0]
    return ""


def _is_text(name: str) -> bool:
    return name.lower().endswith(".txt")


def _stems(root: InputRoot, folder: str, kind: str, name: str) -> dict[str, str]:
    keep = {"velodyne": is_cloud_name, "image_2": is_image_name, "image_3": is_image_name}.get(
        kind, _is_text
    )
    base = posixpath.join(folder, name)
    return {stem_of(n[len(base) + 1 :]): n for n in root.walk(base) if keep(n)}


def _lists(root: InputRoot, base: str) -> dict[str, list[str]]:
    """Return the subsets of each stem that ImageSets lists; trainval comes last.

    The lists are beside a folder's own folders, beside it, or above that.
    """
    while not (names := root.entries(posixpath.join(base, "ImageSets"))[1]) and base:
        base = posixpath.dirname(base)
    found: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda n: (n.lower() == "trainval.txt", n)):
        if not _is_text(name):
            continue
        full = posixpath.join(base, "ImageSets", name)
        for line in root.text(full).splitlines():
            if line.strip():
                known = found.setdefault(clean_name(line.strip(), root.show(full)), [])
                known.append(stem_of(name))
    return found


def read_rows(root: InputRoot, parts: list[Part]) -> Iterator[Row]:
    """Yield all items, in the order of their names."""
    for part in parts:
        lists = _lists(root, part.folder)
        names = folders_of(root, part)
        files = {kind: _stems(root, part.folder, kind, names.get(kind, kind)) for kind in _PARTS}
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


def notes_on_lists(root: InputRoot, parts: list[Part], rows: list[Row]) -> list[str]:
    """Return what is odd about the lists: names of a partial download, in several, in none."""
    lists: dict[str, list[str]] = {}
    for part in parts:
        lists |= _lists(root, part.folder)
    absent = len(set(lists) - {row.id for row in rows})
    # Numbers start anew for test items, and trainval is train and val.
    plain = (set(found).difference(_TEST, ("trainval",)) for found in lists.values())
    several = sum(len(found) > 1 for found in plain)
    named = {subset for found in lists.values() for subset in found}
    unlisted = [row for row in rows if row.subset in named and row.id not in lists]
    notes = []
    if absent:
        notes.append(f"{absent} names of ImageSets have no label, cloud or image")
    if unlisted:
        what = f"{len(unlisted)} items are in no list of ImageSets, such as {unlisted[0].id!r}"
        notes.append(f"{what}; they have the subset of their folder")
    if several:
        notes.append(f"{several} items are in several lists of ImageSets; the first counts")
    return notes


def _place(part: Part, stem: str, lists: dict[str, list[str]]) -> tuple[str, str]:
    """Return subset and id of a stem; Datumaro has a folder per subset instead of lists.

    Numbers start anew in each folder, but the lists name them all alike.
    """
    for listed in lists.get(stem, ()):
        own = {"train": listed not in _TEST, "test": listed in _TEST, DEFAULT_SUBSET: True}
        if own.get(part.subset, listed == part.subset):
            return listed, stem
    head, slash, rest = stem.partition("/")
    return (head, rest) if slash and not lists else (part.subset, stem)
