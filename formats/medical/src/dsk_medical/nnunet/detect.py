"""Telling nnU-Net datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.flow import Detection
from dsk_medical.cases.datasets import DATASET, find_datasets, load_json
from dsk_medical.nnunet.layout import is_nnunet

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_FOLDERS = ("imagesTr", "imagesTs", "labelsTr")


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None and root.focus.rpartition("/")[2] != DATASET:
        return None
    folders = [root.focus.rpartition("/")[0]] if root.focus else find_datasets(root)
    bare = None
    for folder in folders:
        try:
            version = is_nnunet(root, folder)
        except InputError:
            continue
        if version == "v2" and not _has_cases(root, folder):
            bare = Detection(30, f"{folder or '.'}/{DATASET} has channel_names, but no cases")
        elif version == "v2":
            return Detection(92, f"{folder or '.'}/{DATASET} has channel_names and labels")
        elif version == "v1":
            return Detection(85, f"{folder or '.'}/{DATASET} has modality, images end in _0000")
    return bare


def _has_cases(root: InputRoot, folder: str) -> bool:
    """Whether there are files of cases, or dataset.json lists some: it says nothing by itself."""
    if any(root.entries(f"{folder}/{name}".strip("/"))[1] for name in _FOLDERS):
        return True
    return bool(load_json(root, f"{folder}/{DATASET}".strip("/")).get("dataset"))
