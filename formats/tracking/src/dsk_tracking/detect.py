"""Telling MOT Challenge and MOTS datasets from others."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect_mot", "detect_mots", "find_results", "holds_masks", "holds_rows"]

_DEPTH = 4
_FOLDERS = 200  # further folders are not looked at
_HEAD = 4096
_NUMBER = rb"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_FRAME = rb"\s*\d+(?:\.0*)?"
_COMMA, _BLANK = rb"\s*,\s*", rb"[ \t]+"


def _rows(between: bytes, last: bytes) -> bytes:
    return _FRAME + rb"(?:" + between + _NUMBER + rb")" + last + rb"\s*,?\s*$"


_ROW = re.compile(_rows(_COMMA, rb"{6,9}") + rb"|" + _rows(_BLANK, rb"{6,9}"))
_RESULT = re.compile(_rows(_COMMA, rb"{6}(?:\s*,\s*-1(?:\.0*)?){3}"))
_TABLES = ("gt/gt.txt", "det/det.txt", "gt.txt", "det.txt")
_SAMPLES = 3


def detect_mot(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return _detect_table(root, root.focus)
    for folder in _folders(root):
        prefix = f"{folder}/" if folder else ""
        for table in _TABLES:
            if root.is_file(prefix + table):
                found = _judge(root, prefix + table)
                if found is not None and (found.score > _EMPTY or "/" in table):
                    return found
    for name in root.listing().pick((".txt",))[:_SAMPLES]:
        if _holds(root, name, _RESULT):
            return Detection(80, f"{name} holds a tracker's rows of frame, track and box")
    return None


def _detect_table(root: InputRoot, name: str) -> Detection | None:
    folder = root.path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if name in ("gt.txt", "det.txt"):
        found = _judge(root, name)
        own = folder in ("gt", "det")
        return found if found is not None and (found.score > _EMPTY or own) else None
    if name.lower().endswith(".txt") and _holds(root, name, _RESULT):
        return Detection(85, f"{name} holds a tracker's rows of frame, track and box")
    return None


def holds_rows(root: InputRoot, name: str) -> bool:
    """Tell by its first lines whether a file is a table of MOT Challenge."""
    return _holds(root, name, _ROW)


def find_results(root: InputRoot) -> list[str]:
    """Return the tables that lie in a folder as trackers write them, one for each sequence."""
    return [name for name in root.listing().pick((".txt",)) if holds_rows(root, name)]


def _folders(root: InputRoot) -> list[str]:
    found, level = [""], [""]
    for _ in range(_DEPTH):
        below = []
        for folder in level:
            names = root.listing(folder).folders
            below += [f"{folder}/{name}" if folder else name for name in names[:_FOLDERS]]
        level = below[:_FOLDERS]
        found += level
    return found


_EMPTY = 40


def _judge(root: InputRoot, name: str) -> Detection | None:
    lines = _lines(root, name)
    if not lines:
        return Detection(_EMPTY, f"{name} is empty")
    if all(_ROW.match(line) for line in lines):
        return Detection(85, f"{name} holds rows of frame, track and box")
    return None


def _holds(root: InputRoot, name: str, row: re.Pattern[bytes]) -> bool:
    lines = _lines(root, name)
    return bool(lines) and all(row.match(line) for line in lines)


def _lines(root: InputRoot, name: str) -> list[bytes]:
    data = root.text_bytes(name, _HEAD)
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if len(data) == _HEAD:
        lines.pop()
    return [line for line in lines if line.strip()]


_VISTAS = frozenset({"labels", "panoptic", "polygons"})
"""Folders beside Mapillary Vistas' instance maps."""
_PNG = b"\x89PNG\r\n\x1a\n"


def detect_mots(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    homes = ["", *root.listing().folders[:_FOLDERS]]
    for home in homes:
        prefix = f"{home}/" if home else ""
        found = _judge_masks(root, f"{prefix}instances")
        if found is not None:
            return found
        texts = f"{prefix}instances_txt"
        for name in root.entries(texts)[1]:
            if name.endswith(".txt") and holds_masks(root, f"{texts}/{name}"):
                return Detection(80, f"{texts}/{name} holds frames, objects and run lengths")
    for folder in _folders(root):
        name = f"{folder}/gt/gt.txt" if folder else "gt/gt.txt"
        if root.is_file(name):
            if holds_masks(root, name):
                return Detection(85, f"{name} holds frames, objects and run lengths")
            return None
    return None


def holds_masks(root: InputRoot, name: str) -> bool:
    """Tell whether a text file's first line is one of MOTS: boxes have commas."""
    head = root.text_bytes(name, 256).split(b"\n")[0].split()
    return len(head) == 6 and all(part.isdigit() for part in head[:5])


def _judge_masks(root: InputRoot, folder: str) -> Detection | None:
    if not root.is_dir(folder):
        return None
    folders, files = root.entries(folder)
    names = [f"{folder}/{name}" for name in files if name.lower().endswith(".png")]
    for inner in folders[:3]:
        below = root.entries(f"{folder}/{inner}")[1]
        names += [f"{folder}/{inner}/{n}" for n in below if n.lower().endswith(".png")][:3]
    for name in names[:3]:
        head = root.read(name, 33)
        if head[:8] == _PNG and len(head) >= 26:
            depth, color = struct.unpack_from("BB", head, 24)
            if (depth, color) == (16, 0):
                beside = root.listing(folder.rpartition("/")[0]).folders
                if _VISTAS.isdisjoint(beside) or "labels.txt" in files:
                    return Detection(75, f"{name} is a 16-bit grey PNG")
                return Detection(30, f"{name} is a 16-bit grey PNG, but there is more beside it")
    if "labels.txt" in files:
        return Detection(45, f"{folder} holds labels.txt")
    return None
