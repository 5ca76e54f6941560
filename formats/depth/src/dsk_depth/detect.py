"""Telling super-resolution and depth datasets by names and first bytes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_depth.folders import find_homes

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect_nyu", "detect_super_resolution"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEAD = 1 << 16
_FILES = 5000


def detect_super_resolution(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    homes = find_homes(root)
    if not homes:
        return None
    return Detection(75, f"images in {homes[0] + '/' if homes[0] else ''}HR and LR")


def detect_nyu(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``: an HDF5 file that names ``rgb`` and ``depth``."""
    names = islice(root.walk(), _FILES) if root.focus is None else [root.focus]
    name = next((n for n in names if n.lower().endswith(".h5")), None)
    if name is None:
        return None
    head = root.read(name, _HEAD)
    if not head.startswith(_HDF5):
        return None
    if b"rgb" in head and b"depth" in head:  # newer HDF5 has no NUL behind names
        return Detection(85, f"{name} has rgb and depth")
    return None
