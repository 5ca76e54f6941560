"""Telling DOTA datasets from others."""

from __future__ import annotations

import posixpath
from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_dota.layout import is_label_folder, label_folders
from dsk_dota.rows import is_header, parse_row

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_FILES, _HEAD = 50, 4096


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return _alone(root, root.focus)
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


def _alone(root: InputRoot, name: str) -> Detection | None:
    """Tell whether one given file is such a text: by its folder, or by its first line."""
    if not name.lower().endswith(".txt"):
        return None
    known = is_label_folder(posixpath.basename(root.path.rstrip("/")))
    if not known and is_header(_lines(root, name)[0]) is None:
        return None
    return Detection(80, f"{name} holds corners and classes") if _fits(root, name) else None


def _lines(root: InputRoot, name: str) -> list[str]:
    data = root.read(name, _HEAD)
    lines = data.decode("utf-8-sig", "replace").replace("\r", "\n").split("\n")
    return lines[:-1] if len(data) == _HEAD else lines


def _fits(root: InputRoot, name: str) -> bool | None:
    """Tell whether half the lines of a text file are objects; None when it has none."""
    good, bad = 0, 0
    for line in _lines(root, name):
        if not line.strip() or is_header(line) is not None:
            continue
        try:
            parse_row(line)
            good += 1
        except ValueError:
            bad += 1
    return good >= max(bad, 1) if good or bad else None
