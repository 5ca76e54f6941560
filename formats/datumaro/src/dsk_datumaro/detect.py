"""Telling Datumaro JSON from other datasets by names and first bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["annotation_files", "detect"]

FOLDER = "annotations"
DEPTH = 3
"""How deep below the root datasets are looked for, as in Datumaro."""

HEAD = 1 << 16
_CATEGORIES = re.compile(rb'"categories"\s*:\s*\{')
_ITEMS = re.compile(rb'"items"\s*:\s*\[')
_ITEM = re.compile(rb'"items"\s*:\s*\[\s*(?:\]|\{\s*"(?:id|annotations|attr|image|media)"\s*:)')
_OTHERS = re.compile(
    rb'"@context"|"(?:images|annotations)"\s*:\s*\[\s*\{\s*"(?:id|file_name|image_id)"'
)
"""What COCO's files hold, or linked data such as the manifests of libraries (IIIF)."""


def annotation_files(root: InputRoot) -> list[str]:
    """Return the names of the files that may be Datumaro JSON: those nearest to the root.

    Args:
        root: The dataset, the folder above it, its ``annotations`` folder, or one of its files.
    """
    if root.focus is not None:
        return [root.focus] if root.focus.lower().endswith(".json") else []
    level = [""]
    for _ in range(DEPTH + 1):
        below = []
        found = []
        for folder in level:
            prefix = f"{folder}/" if folder else ""
            folders = root.listing(folder).folders
            for name in folders:
                if name.lower() == FOLDER:
                    found += _json(root, prefix + name)
            below += [prefix + name for name in folders]
        if found:
            return found
        level = below
    return _json(root, "")


def _json(root: InputRoot, folder: str) -> list[str]:
    return root.files(folder, (".json",), 0)


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    best = None
    for name in annotation_files(root)[:8]:
        head = root.read(name, HEAD)
        if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            continue
        categories, items = _CATEGORIES.search(head), _ITEMS.search(head)
        if (categories and items) or b'"dm_format_version"' in head:
            return Detection(90, f"{name} has Datumaro's categories and items")
        if _OTHERS.search(head):
            continue
        if categories:
            best = Detection(70, f"{name} has Datumaro's categories")
        elif best is None and _ITEM.search(head):
            best = Detection(50, f"{name} has a list of items")
    return best
