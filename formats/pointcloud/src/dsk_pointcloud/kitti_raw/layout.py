"""Finding the drives of a KITTI raw folder, and the files of each frame."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import InputError, RecordError
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk_pointcloud.clouds.names import cloud_stem, is_cloud_name, suffix_of
from dsk_pointcloud.kitti_raw.xmltext import looks_like_tracklets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "HEAD",
    "Drive",
    "clouds_by_stem",
    "find_drives",
    "images_by_stem",
    "other_tracklets",
    "read_frame_list",
]

HEAD = 4096
_DEPTH = 3
_LOOKS = 20
"""Files that are looked into: a folder of very many has one for each image."""
_DATA = re.compile(r"image_\d*|velodyne_points|oxts|data", re.IGNORECASE)
_LINE = re.compile(r"\s*([+-]?\d+)\s+(\S.*?)\s*")


class Drive(Struct):
    """One recording.

    Attributes:
        folder: Its folder below the root, or "".
        tracklets: Name of its tracklet file, or "".
        velodyne: Its folder of clouds, or "".
        oxts: Its folder of the vehicle's places, or "".
        cameras: Its folders of images, sorted.
    """

    folder: str
    tracklets: str = ""
    velodyne: str = ""
    oxts: str = ""
    cameras: list[str] = []


def find_drives(root: InputRoot) -> list[Drive]:
    """Return the recordings in a folder, or the one whose tracklet file was given."""
    if root.focus is not None:
        folder = posixpath.dirname(root.focus)
        drive = _drive(root, folder) or Drive(folder)
        drive.tracklets = root.focus
        return [drive]
    return list(_search(root, "", _DEPTH))


def _search(root: InputRoot, folder: str, depth: int) -> Iterator[Drive]:
    drive = _drive(root, folder)
    if drive is not None:
        yield drive
        return
    if depth:
        for name in root.entries(folder)[0]:
            if not _DATA.fullmatch(name):
                yield from _search(root, posixpath.join(folder, name), depth - 1)


def _drive(root: InputRoot, folder: str) -> Drive | None:
    listing = root.listing(folder)
    drive = Drive(folder, cameras=[])
    for name in _tracklet_names(root, folder):
        full = posixpath.join(folder, name)
        if looks_like_tracklets(root.read(full, HEAD)):
            drive.tracklets = full
            break
    for name in listing.folders:
        if name.lower() == "velodyne_points":
            drive.velodyne = _data(root, posixpath.join(folder, name))
        elif name.lower() == "oxts":
            drive.oxts = _data(root, posixpath.join(folder, name))
        elif name.lower().startswith("image_"):
            drive.cameras.append(posixpath.join(folder, name))
    return drive if drive.tracklets or drive.velodyne else None


def other_tracklets(root: InputRoot, drive: Drive) -> list[str]:
    """Return the files of tracklets that lie beside the one that is read, as far as looked into."""
    if root.focus is not None:
        return []
    names = (posixpath.join(drive.folder, n) for n in _tracklet_names(root, drive.folder))
    return [n for n in names if n != drive.tracklets and looks_like_tracklets(root.read(n, HEAD))]


def _tracklet_names(root: InputRoot, folder: str) -> list[str]:
    """Return the files of a folder that may hold tracklets, the likeliest first."""
    listing = root.listing(folder)
    named = listing.pick((".xml",), ("tracklet_labels.xml",))
    names = {*named, *listing.pick((".xml",))[:_LOOKS]}
    return sorted((name for name in names if not name.startswith("._")), key=_best)


def _best(name: str) -> tuple[bool, str]:
    return name.lower() != "tracklet_labels.xml", name


def _data(root: InputRoot, folder: str) -> str:
    for name in root.entries(folder)[0]:
        if name.lower() == "data":
            return posixpath.join(folder, name)
    return folder


def clouds_by_stem(root: InputRoot, folder: str) -> dict[str, str]:
    """Return the cloud files of a folder by their relative stem; PCD goes before ``.bin``."""
    found: dict[str, str] = {}
    if not folder:
        return found
    for name in root.walk(folder):
        if is_cloud_name(name):
            stem = cloud_stem(name[len(folder) + 1 :])
            if stem not in found or suffix_of(name) == ".pcd":
                found[stem] = name
    return found


def images_by_stem(root: InputRoot, cameras: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return (camera, file) of all cameras' images by their relative stem."""
    found: dict[str, list[tuple[str, str]]] = {}
    for camera in cameras:
        folder = _data(root, camera)
        name = posixpath.basename(camera)
        for file in root.walk(folder):
            if is_image_name(file):
                found.setdefault(stem_of(file[len(folder) + 1 :]), []).append((name, file))
    return found


def read_frame_list(root: InputRoot, folder: str, ledger: Ledger) -> dict[int, str]:
    """Return the names that ``frame_list.txt`` gives to frames.

    Raises:
        UnsafePathError: A name leads out of the dataset.
    """
    name = posixpath.join(folder, "frame_list.txt")
    if not root.is_file(name):
        return {}
    names: dict[int, str] = {}
    shown = root.show(name)
    for number, line in enumerate(root.text(name).replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{shown}:{number}"
        found = _LINE.fullmatch(line)
        if found is None or len(found[1]) > 10:
            ledger.bad_record(RecordError("a line is: frame number, name", where=where))
            continue
        frame = int(found[1])
        if frame in names:
            ledger.bad_record(RecordError(f"frame {frame} is named twice", where=where))
            continue
        names[frame] = clean_name(found[2], where)
    if len(set(names.values())) < len(names):
        raise InputError("a name is given to several frames", where=shown)
    return names
