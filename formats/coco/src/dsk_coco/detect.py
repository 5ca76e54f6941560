"""Telling COCO from other datasets by names and first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_coco.layout import find_files, looks_like_coco, looks_like_results

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_ASKED = 8


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None and root.focus.lower().endswith(".json"):
        name = root.focus
        if looks_like_results(root, name):
            return Detection(80, f"{name} is a list of results for the images of a COCO dataset")
    named = None
    for found in find_files(root)[:_ASKED]:
        if looks_like_coco(root, found.name):
            return Detection(90, f"{found.name} has COCO's images and annotations")
        if found.task and named is None:
            named = Detection(40, f"{found.name} is named like a COCO file")
    return named
