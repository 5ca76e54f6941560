"""Telling Mapillary Vistas datasets from others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_scenes.mapillary.layout import find_config, find_splits

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk_scenes.mapillary.layout import Split

__all__ = ["detect"]

_HEAD = 4096
_KEY = re.compile(rb'"(\w+)"\s*:')
_NAMES = frozenset({b"readable", b"instances", b"color"})  # what it says of each label


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
    if config is not None and _has_maps(root, split):
        home, name = config
        sure = set(_KEY.findall(home.read(name, _HEAD))) >= _NAMES
        return Detection(90 if sure else 70, f"{name} beside {', '.join(sorted(split.folders))}")
    return None


def _has_maps(root: InputRoot, split: Split) -> bool:
    """Tell whether annotation folders hold maps or outlines: others' ``labels`` hold texts."""
    prefix = f"{split.home}/" if split.home else ""
    return any(
        any(root.listing(prefix + folder).pick((".png", ".json"))) for folder in split.folders
    )
