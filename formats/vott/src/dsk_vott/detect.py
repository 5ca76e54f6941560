"""Telling VoTT's exports from other datasets, and finding their files."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.listings import levels

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = [
    "COLUMNS",
    "csv_columns",
    "detect_csv",
    "detect_json",
    "find_files",
    "is_csv",
    "is_export",
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


def find_files(root: InputRoot, kind: str) -> list[str]:
    """Return the files of an export: those of the shallowest folders that have any.

    Args:
        root: The input.
        kind: "json", "asset" (one file per image) or "csv".
    """
    judge = {"json": is_export, "asset": _is_asset, "csv": is_csv}[kind]
    endings = {"json": "-export.json", "asset": "-asset.json", "csv": "-export.csv"}
    suffix = ".csv" if kind == "csv" else ".json"
    for names in levels(root, (suffix,), _DEPTH):
        named = [name for name in names if name.lower().endswith(endings[kind])]
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
