"""Telling Cityscapes datasets from others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_FILES = 2000
_MAPS = ("_instanceids.png", "_labeltrainids.png", "_labelids.png", "_polygons.json")


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    image = ""
    for name in islice(root.walk(), _FILES):
        low = name.lower()
        if low.endswith(_MAPS) and ("_gtfine_" in low or "_gtcoarse_" in low):
            return Detection(85, f"{name} is named as only Cityscapes names files")
        if not image and low.rpartition(".")[0].endswith("_leftimg8bit"):
            image = name
    return Detection(70, f"{image} is named as Cityscapes names images") if image else None
