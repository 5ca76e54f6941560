"""Telling KITTI datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_scenes.kitti.layout import IMAGES, INSTANCES, LABELS, SEMANTIC, find_splits, has_objects

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

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
    known = has_objects(root, folder) if files else False
    if known is None:
        return Detection(40, f"there is a folder {folder}")
    return Detection(80, f"{folder}/{files[0]} has lines of KITTI objects") if known else None


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
