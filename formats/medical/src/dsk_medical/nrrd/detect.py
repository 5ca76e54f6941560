"""Telling folders of NRRD files from others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_medical.sly_volume.project import find_project

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_ENOUGH = 20_000


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    walked = islice(root.walk(suffixes=(".nrrd", ".nhdr", ".json")), _ENOUGH)
    names = [root.focus] if root.focus is not None else list(walked)
    found = [name for name in names if name.lower().endswith((".nrrd", ".nhdr"))]
    if not found:
        return None
    if not root.read(found[0], 8).startswith(b"NRRD000"):
        return Detection(3, f"{found[0]} is no NRRD file")
    if root.focus is None and find_project(root) is not None:
        return Detection(20, "NRRD files of a Supervisely project, whose annotations are not read")
    segments = sum(name.lower().endswith((".seg.nrrd", ".seg.nhdr")) for name in found)
    if segments:
        return Detection(90, f"{segments} segmentations of 3D Slicer")
    return Detection(70, f"{len(found)} NRRD files")
