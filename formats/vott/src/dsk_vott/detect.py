"""Telling VoTT's exports from other datasets, and finding their files."""

from __future__ import annotations

import csv
import re
from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.listings import levels
from dsk.names import stem_of
from dsk.splits import is_subset_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.files import InputRoot

__all__ = [
    "COLUMNS",
    "csv_columns",
    "detect_csv",
    "detect_json",
    "find_files",
    "is_csv",
    "is_export",
    "unread_files",
]

_HEAD = 1 << 16
_DEPTH = 3
_LOOKS = 50

_ASSETS = re.compile(rb'"assets"\s*:\s*\{')
_OTHERS = re.compile(rb'"(?:tags|videoSettings|securityToken|lastVisitedAssetId)"\s*:')
_ASSET = re.compile(rb'"asset"\s*:\s*\{')
_REGIONS = re.compile(rb'"regions"\s*:\s*\[')
COLUMNS = ["image", "xmin", "ymin", "xmax", "ymax", "label"]
"""Columns of VoTT's CSV files; other programs add some."""


def is_export(head: bytes) -> bool:
    """Tell by its first bytes whether a JSON file is VoTT's."""
    if _ASSETS.search(head):
        return _OTHERS.search(head) is not None or _REGIONS.search(head) is not None
    return False


def _is_asset(head: bytes) -> bool:
    return _ASSET.search(head) is not None and _REGIONS.search(head) is not None


def csv_columns(line: str) -> list[str]:
    """Return the columns that the first line of a CSV file names, in lower case."""
    try:
        cells = next(csv.reader([line], delimiter=";" if ";" in line else ","), [])
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in cells]


def is_csv(head: bytes) -> bool:
    """Tell by its first line whether a CSV file has VoTT's columns, perhaps among others."""
    line = head.removeprefix(b"\xef\xbb\xbf").splitlines()[:1] or [b""]
    columns = csv_columns(line[0].decode("utf-8", "replace"))
    return all(columns.count(name) == 1 for name in COLUMNS)


_JUDGES = {"json": is_export, "asset": _is_asset, "csv": is_csv}
_ENDINGS = {"json": "-export.json", "asset": "-asset.json", "csv": "-export.csv"}


def find_files(root: InputRoot, kind: str) -> list[str]:
    """Return the files of an export: those of the shallowest folders that have any.

    Args:
        root: The input.
        kind: "json", "asset" (one file per image) or "csv".
    """
    judge = _JUDGES[kind]
    for names in levels(root, _suffixes(kind), _DEPTH):
        named = [name for name in names if name.lower().endswith(_ENDINGS[kind])]
        if kind == "asset":
            if named and judge(root.read(named[0], _HEAD)):
                return named
            continue
        found = [name for name in named if judge(root.read(name, _HEAD))]
        others = [] if found else [name for name in names if name not in named][:_LOOKS]
        found = found or [name for name in others if judge(root.read(name, _HEAD))]
        if found:
            return found
    return []


def _suffixes(kind: str) -> tuple[str]:
    return (".csv" if kind == "csv" else ".json",)


def unread_files(root: InputRoot, kind: str, found: Sequence[str]) -> list[str]:
    """Return the files beside exports that are called as these or like subsets, but are none.

    Args:
        root: The input.
        kind: "json" or "csv".
        found: The exports.
    """
    if root.focus is not None or not found:
        return []
    depth = found[0].count("/")
    level = next(islice(levels(root, _suffixes(kind), depth), depth, None), [])
    plain = any(map(_is_subset, found))  # without VoTT's ending
    return [
        name
        for name in level
        if name not in found
        and (name.lower().endswith(_ENDINGS[kind]) or (plain and _is_subset(name)))
    ]


def _is_subset(name: str) -> bool:
    return is_subset_name(stem_of(name.rpartition("/")[2]))


def detect_json(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for kind in ("json", "asset"):
        found = find_files(root, kind)
        if found:
            return Detection(88, f"{found[0]} has VoTT's assets and regions")
    return None


def detect_csv(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    found = find_files(root, "csv")
    if not found:
        return None
    score = 85 if found[0].lower().endswith("-export.csv") else 60
    return Detection(score, f"{found[0]} has VoTT's columns")
