"""Telling folders of images and masks from other datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.metafile import META_NAME
from dsk_scenes.pairs.classes import find_table
from dsk_scenes.pairs.layout import find_pairs

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    pairs = find_pairs(root)
    if not pairs:
        return None
    pair = pairs[0]
    if pair.standard:
        both = root.is_dir(pair.images) and root.is_dir(pair.masks)
        there = f"{pair.images} and {pair.masks}" if both else "images or masks"
        return Detection(75 if both else 55, f"{there} beside {META_NAME}")
    above = pair.home.rpartition("/")[0]
    table = find_table(root, [pair.home, pair.masks, above])
    place = f"{pair.images} beside {pair.masks}"
    if pair.together:
        place = f"images and masks in {pair.home or root.name}"
    if table is None:
        return Detection(25, f"{place}, without labels")
    return Detection(50, f"{place} with {table}")
