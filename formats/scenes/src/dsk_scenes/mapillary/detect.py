"""Telling Mapillary Vistas datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_scenes.mapillary.layout import find_config, find_splits

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    splits = [split for split in find_splits(root) if split.folders]
    if not splits:
        return None
    split = splits[0]
    config = find_config(root, split.home, split.version)
    if split.version:
        score = 95 if config is not None else 75
        return Detection(score, f"{split.home} holds {', '.join(sorted(split.folders))}")
    if config is not None:
        return Detection(70, f"{config} beside {', '.join(sorted(split.folders))}")
    return None
