"""Telling tasks of the Medical Segmentation Decathlon from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.flow import Detection
from dsk_medical.cases.datasets import DATASET, find_datasets, load_json
from dsk_medical.nnunet.layout import is_nnunet

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect", "is_msd"]


def is_msd(root: InputRoot, folder: str) -> bool:
    """Tell whether a folder's dataset.json is the Decathlon's.

    Raises:
        InputError: It cannot be read.
    """
    found = load_json(root, f"{folder}/{DATASET}".strip("/"))
    listed = isinstance(found.get("training"), list)
    known = "modality" in found or "tensorImageSize" in found
    return listed and known and "channel_names" not in found and not is_nnunet(root, folder)


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None and root.focus.rpartition("/")[2] != DATASET:
        return None
    folders = [root.focus.rpartition("/")[0]] if root.focus else find_datasets(root)
    for folder in folders:
        try:
            if is_msd(root, folder):
                return Detection(90, f"{folder or '.'}/{DATASET} has modality and training")
        except InputError:
            continue
    return None
