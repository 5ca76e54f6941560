"""Telling CamVid datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_scenes.camvid.lists import find_home, fits, list_names

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        name = root.focus
        if name not in list_names(root, "") or not fits(root, "", name):
            return None
    else:
        home = find_home(root)
        if home is None:
            return None
        name = next(list_names(root, home))
    return Detection(75, f"{name} lists images and masks that are there")
