"""Telling KITTI datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_scenes.kitti.layout import IMAGES, INSTANCES, LABELS, SEMANTIC, find_splits

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_HEAD = 4096
_FIELDS = (15, 16)
_PNG_DEPTH = 24  # place of the bit depth in the header


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    best: Detection | None = None
    for split in find_splits(root):
        found = None
        if LABELS in split.places:
            found = _boxes(root, split.places[LABELS])
        if found is None and INSTANCES in split.places:
            beside = bool(split.places.keys() & {IMAGES, SEMANTIC})
            found = _maps(root, split.places[INSTANCES], beside=beside)
        if found is None and {IMAGES, SEMANTIC} <= split.places.keys():
            found = _classes(root, split.places[SEMANTIC])
        if found is not None and (best is None or found.score > best.score):
            best = found
    return best


def _boxes(root: InputRoot, folder: str) -> Detection | None:
    files = root.listing(folder).pick((".txt",))
    for name in files[:5]:
        lines = root.read(f"{folder}/{name}", _HEAD).split(b"\n")
        if lines and lines[0].strip():
            if len(lines[0].split()) not in _FIELDS:
                return None
            return Detection(80, f"{folder}/{name} has lines of KITTI objects")
    return Detection(40, f"there is a folder {folder}") if files else None


def _classes(root: InputRoot, folder: str) -> Detection | None:
    for name in root.walk(folder, suffixes=(".png",)):
        return Detection(70, f"{name} beside {IMAGES}")
    return None


def _maps(root: InputRoot, folder: str, *, beside: bool) -> Detection | None:
    for name in root.walk(folder, suffixes=(".png",)):
        head = root.read(name, _PNG_DEPTH + 1)
        if len(head) > _PNG_DEPTH and head[_PNG_DEPTH] == 16:
            return Detection(80 if beside else 60, f"{name} is a map of 16 bits")
        return Detection(60 if beside else 40, f"{name} may be an instance map")
    return None
