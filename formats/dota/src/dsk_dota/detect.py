"""Telling DOTA datasets from others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_dota.layout import label_folders
from dsk_dota.rows import is_header, parse_row

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_FILES, _HEAD = 50, 4096


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    bare = None
    for folder in islice(label_folders(root), 5):
        for name in islice(root.walk(folder, 1, (".txt",)), _FILES):
            fits = _fits(root, name)
            if fits is False:
                return None
            if fits:
                return Detection(80, f"{name} holds corners and classes")
        bare = bare or folder
    return Detection(50, f"{bare} is a folder of texts without objects") if bare else None


def _fits(root: InputRoot, name: str) -> bool | None:
    """Tell whether a text file holds objects; None when it is empty."""
    data = root.read(name, _HEAD)
    lines = data.decode("utf-8-sig", "replace").replace("\r", "\n").split("\n")
    if len(data) == _HEAD:
        lines.pop()
    rows = [line for line in lines if line.strip() and is_header(line) is None]
    try:
        for row in rows:
            parse_row(row)
    except ValueError:
        return False
    return True if rows else None
