"""Telling VOC datasets from others."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_voc.layouts import find_homes
from dsk_voc.loose import find_loose, find_masks
from dsk_voc.splits import list_of_pairs
from dsk_voc.tables import box_tables
from dsk_voc.tasks import SETS

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_HEAD = 4096
_BOXES = 70
_LOOKS = 10
"""How many XML files are looked at: some may be of other kinds."""

# LabelMe has the same root element; its images are <imagesize>, its objects have polygons and no
# boxes. Those of FAIR1M are <objects>. Roboflow's VOC objects have a polygon behind the box.
_BOX = re.compile(rb"<object>(?:(?!</object>).)*?<((?:ro)?bndbox)>", re.DOTALL)
_EMPTY = re.compile(rb"<(?:size|segmented)>")
_LABEL_ME = re.compile(rb"<(?:imagesize|sourceImage|objects)>")


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        if _is_list(root, root.focus.lower()):
            return Detection(85, f"{root.focus} is a list in ImageSets")
        if not root.focus.lower().endswith(".xml"):
            return None
        return _judge(root, [root.focus])
    homes = find_homes(root)
    if homes:
        return Detection(85, f"ImageSets lists in {homes[0] or 'the folder'}")
    judged = _judge(root, list(islice(find_loose(root), _LOOKS)))
    if judged is not None and (file := list_of_pairs(root)):
        return Detection(80, f"{file} lists images and their XML files")
    if judged is not None and judged.score == _BOXES and box_tables(root):
        # The tables are made from the XML files, which say more.
        return Detection(_BOXES + 2, judged.reason)
    if judged is None and (masks := find_masks(root)):
        return Detection(75, f"SegmentationClass masks in {masks[0] or 'the folder'}")
    return judged


def _is_list(root: InputRoot, name: str) -> bool:
    """Tell whether the given file is a list of a subset, ``ImageSets/<task>/<subset>.txt``."""
    folders = (root.name.lower(), root.up().name.lower())
    return name.lower().endswith(".txt") and "_" not in name and SETS.lower() in folders


def _judge(root: InputRoot, names: list[str]) -> Detection | None:
    """Judge by the first bytes of some XML files."""
    empty = None
    for name in names:
        head = root.read(name, _HEAD)
        if b"<annotation" not in head or b"<annotations" in head or _LABEL_ME.search(head):
            continue
        if found := _BOX.search(head):
            box = found[1].decode()
            return Detection(_BOXES, f"{name} is an <annotation> of objects with <{box}>")
        if empty is None and _EMPTY.search(head) and b"<polygon>" not in head:
            empty = name
    if empty is not None:
        return Detection(40, f"{empty} is an <annotation> without objects")
    return None
