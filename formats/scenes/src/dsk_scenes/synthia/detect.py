"""Telling SYNTHIA datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_scenes.synthia.layout import find_homes

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    homes = find_homes(root)
    if not homes:
        return None
    home, edition = homes[0]
    place = f"{home}/{edition.colors}" if home else edition.colors
    with_images = edition.images in root.listing(home).folders
    return Detection(75 if with_images else 55, f"{place} as in {edition.name}")
