"""Telling brats_numpy datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["BOXES", "DATA", "DEPTH", "IDS", "LABEL", "detect", "find_folders"]

IDS = "val_ids.p"
BOXES = "val_brain_bbox.p"
DATA = "_data_cropped.npy"
LABEL = "_label_cropped.npy"
DEPTH = 3


def find_folders(root: InputRoot) -> list[str]:
    """Return the folders that hold a list of ids."""
    names = root.walk(depth=DEPTH, suffixes=(".p",), words=(IDS,))
    return [n.rpartition("/")[0] for n in names if n.rpartition("/")[2] == IDS]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        if root.focus.rpartition("/")[2] != IDS:
            return None
        folders = [root.focus.rpartition("/")[0]]
    else:
        folders = find_folders(root)
    for folder in folders:
        files = root.entries(folder)[1]
        if any(name.endswith((DATA, LABEL)) for name in files):
            return Detection(90, f"{IDS} beside arrays of cropped cases")
    return Detection(50, f"there is {IDS}") if folders else None
