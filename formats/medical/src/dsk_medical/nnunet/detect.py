"""Telling nnU-Net datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.flow import Detection
from dsk_medical.cases.datasets import DATASET, find_datasets
from dsk_medical.nnunet.layout import is_nnunet

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None and root.focus.rpartition("/")[2] != DATASET:
        return None
    folders = [root.focus.rpartition("/")[0]] if root.focus else find_datasets(root)
    for folder in folders:
        try:
            version = is_nnunet(root, folder)
        except InputError:
            continue
        if version == "v2":
            return Detection(92, f"{folder or '.'}/{DATASET} has channel_names and labels")
        if version == "v1":
            return Detection(85, f"{folder or '.'}/{DATASET} has modality, images end in _0000")
    return None
