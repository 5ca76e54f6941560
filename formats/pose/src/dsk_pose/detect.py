"""Telling MPII datasets from others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_pose.splits import find_splits

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect_json", "detect_mat"]

_HEAD = 1 << 16
_FILES = 20


def _files(root: InputRoot, ending: str) -> list[str]:
    if root.focus is not None:
        return [root.focus] if root.focus.lower().endswith(ending) else []
    return list(islice(root.walk("", 1, (ending,)), _FILES))


def detect_mat(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in _files(root, ".mat"):
        head = root.read(name, 128)
        if not head.startswith(b"MATLAB 5.0"):
            continue
        if "mpii" in name.lower():
            return Detection(85, f"{name} is MPII's MATLAB file by its name")
    return None


def detect_json(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in _files(root, ".json"):
        head = root.read(name, _HEAD)
        if b'"joint_self"' in head and b'"img_paths"' in head:
            return Detection(90, f"{name} holds img_paths and joint_self")
        if b'"joints_vis"' in head and b'"image"' in head and root.focus is not None:
            return Detection(80, f"{name} holds image and joints_vis")
    splits = [] if root.focus is not None else find_splits(root)
    return Detection(80, f"{splits[0]} holds records of image and joints") if splits else None
