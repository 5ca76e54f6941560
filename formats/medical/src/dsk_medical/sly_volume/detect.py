"""Telling Supervisely's volume projects from its others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_medical.sly_volume.project import META, find_project, iter_places

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    project = find_project(root)
    if project is None or next(iter_places(root, project), None) is None:
        return None
    return Detection(92, f"{project or '.'}/{META} is of a project of volumes")
