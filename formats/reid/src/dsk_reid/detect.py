"""Telling re-identification datasets from others by names."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.media import is_image_name
from dsk.names import stem_of
from dsk_reid import market, mars

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect_market1501", "detect_mars"]

_FILES = 20
_HEAD = 4096


def detect_market1501(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return _list(root, root.focus)
    home = market.find_home(root)
    if home is None:
        return None
    prefix = f"{home}/" if home else ""
    folders, files = root.entries(home)
    boxes = [name for name in folders if name.startswith(market.BOXES)]
    for folder in [*boxes, *(name for name in folders if name == market.QUERY)]:
        for name in islice(root.walk(prefix + folder), _FILES):
            base = name.rpartition("/")[2]
            if is_image_name(base) and market.NAME.fullmatch(stem_of(base)):
                return Detection(85, f"{name} is named as in Market-1501")
    for name in files:
        found = _list(root, prefix + name)
        if found is not None:
            return found
    if boxes:
        return Detection(40, f"the folder {boxes[0]} is named as in Market-1501")
    return None


def _list(root: InputRoot, name: str) -> Detection | None:
    """Tell whether a file lists images of such folders."""
    if not market.is_list(name.rpartition("/")[2]):
        return None
    lines = root.read(name, _HEAD).decode("utf-8-sig", "replace").splitlines()
    if any(line.startswith((market.BOXES, f"{market.QUERY}/")) for line in lines[:_FILES]):
        return Detection(80, f"{name} lists images of Market-1501's folders")
    return None


def detect_mars(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    home = mars.find_home(root) if root.focus is None else None
    if home is None:
        return None
    prefix = f"{home}/" if home else ""
    for subset in root.listing(home).folders:
        if not subset.startswith(mars.SUBSET):
            continue
        for name in islice(root.walk(prefix + subset), _FILES):
            if mars.NAME.fullmatch(stem_of(name.rpartition("/")[2])):
                return Detection(85, f"{name} is named as in MARS")
    return None
