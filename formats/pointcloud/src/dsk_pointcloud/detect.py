"""Telling the formats of point clouds from others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["cloud_dir", "kitti3d", "kitti_raw", "nuscenes", "sly_pointcloud"]


_ENOUGH = 10_000  # files; whoever hides annotations behind so many clouds names the format
_ONLY_CLOUDS = 10  # nearly any dataset of clouds says more, so every other format comes first
_MAINLY_CLOUDS = 5
_NEAR_MISS = 2


def cloud_dir(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    from dsk_pointcloud.clouds.names import CLOUD_SUFFIXES, is_cloud_name, says_nothing

    walked = root.walk(suffixes=CLOUD_SUFFIXES) if root.focus is None else [root.focus]
    if not any(map(is_cloud_name, walked)):
        return None
    seen, other = 0, ""
    for name in islice(root.walk() if root.focus is None else [root.focus], _ENOUGH + 1):
        seen += 1
        if seen <= _ENOUGH and not is_cloud_name(name) and not says_nothing(name):
            other = name
            break
    if other:
        return Detection(_NEAR_MISS, f"point clouds, but also {other}")
    if seen > _ENOUGH:
        reason = f"nothing but point clouds among the first {_ENOUGH} files"
        return Detection(_MAINLY_CLOUDS, reason)
    return Detection(_ONLY_CLOUDS, "nothing but point clouds")


def kitti_raw(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    from dsk_pointcloud.kitti_raw.layout import HEAD, find_drives
    from dsk_pointcloud.kitti_raw.xmltext import looks_like_tracklets

    if root.focus is not None:
        if root.focus.lower().endswith(".xml") and looks_like_tracklets(
            root.read(root.focus, HEAD)
        ):
            return Detection(95, f"{root.focus} holds tracklets")
        return None
    drives = find_drives(root)
    tracklets = next((drive.tracklets for drive in drives if drive.tracklets), "")
    if tracklets:
        tops = {drive.folder.partition("/")[0] for drive in drives}
        # Other datasets beside the drives: one that explains all of them knows better.
        alone = "" in tops or tops.issuperset(root.entries("")[0])
        return Detection(95 if alone else 75, f"{tracklets} holds tracklets")
    if drives and drives[0].velodyne:
        return Detection(60, f"clouds in {drives[0].velodyne}, no tracklets")
    return None


def sly_pointcloud(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    from dsk_pointcloud.supervisely.project import META, find_projects, find_sets

    if root.focus is not None and root.focus.rpartition("/")[2] != META:
        return None
    folder = next(find_projects(root), None)
    if folder is None:
        return None
    name = f"{folder}/{META}".lstrip("/")
    head = root.read(name, 1 << 16)
    if b'"classes"' not in head:
        return None
    first = next(find_sets(root, folder)).name
    if b"point_cloud" in head:
        return Detection(95, f"{name} of a project of point clouds, dataset {first}")
    return Detection(80, f"{name} beside {first}/pointcloud")


def kitti3d(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    from dsk_pointcloud.kitti3d.layout import (
        find_parts,
        first_label,
        folders_of,
        tracking_folder,
    )

    if root.focus is not None:
        return None
    parts = find_parts(root)
    if not parts or tracking_folder(root, parts):
        return None
    folders = folders_of(root, parts[0])
    if "calib" not in folders:
        return None  # labels alone are KITTI's 2D task
    from dsk_pointcloud.kitti3d.labels import parse_line

    line = first_label(root, parts)
    try:
        if line:
            parse_line(line)
    except ValueError:
        return None
    there = ", ".join(folders[n] for n in ("label_2", "calib", "velodyne") if n in folders)
    return Detection(92 if line or "velodyne" in folders else 70, f"{there} of KITTI 3D")


def nuscenes(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    from dsk_pointcloud.nuscenes.tables import find_tables

    if root.focus is not None:
        return None
    found = find_tables(root)
    if not found:
        return None
    names = root.entries(found[0])[1]
    if not {"sample.json", "ego_pose.json", "calibrated_sensor.json"} <= set(names):
        return None
    return Detection(95, f"nuScenes tables in {found[0] or 'the folder'}")
