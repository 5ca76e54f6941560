"""Finding tables of clips by their names and first bytes; light, for detectors."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from dsk.metafile import META_NAME
from dsk.names import stem_of
from dsk.splits import is_subset_name

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["find_tables", "is_called_subset", "tells_clips"]

_DEPTH = 3
_FILES = 100_000
_HEAD = 4096
_OWN = re.compile(r"^kinetics(?:.*[-_])?", re.IGNORECASE)
_CLIP = re.compile(rb'\A\s*\{\s*"(?!database")[^"]+"\s*:\s*\{')  # ActivityNet has a database
_ANNOTATIONS = re.compile(rb'"annotations"\s*:\s*(?P<kind>[{\[])')  # and lists of annotations


def find_tables(root: InputRoot, files: int = _FILES) -> list[str]:
    """Return the names of CSV and JSON files that may list clips, those of the top folder first.

    Of two with the same name but for the ending, the CSV is the one.
    """
    if root.focus is not None:
        return [root.focus] if root.focus.lower().endswith((".csv", ".json")) else []
    best: dict[str, str] = {}
    for name in islice(root.walk(depth=_DEPTH, suffixes=(".csv", ".json")), files):
        base = name.rpartition("/")[2]
        if base != META_NAME and base[0] != ".":
            stem = name.rpartition(".")[0]
            if stem not in best or name.lower().endswith(".csv"):
                best[stem] = name
    return sorted(best.values(), key=lambda n: (n.count("/"), n))


def is_called_subset(name: str) -> bool:
    """Tell whether a table, or a folder, is called like a subset: ``val``, ``kinetics_val``."""
    stem = _OWN.sub("", stem_of(name.rpartition("/")[2]), count=1)
    return is_subset_name(stem) or stem.lower() == "validate"  # as Kinetics calls it


def tells_clips(root: InputRoot, name: str) -> str:
    """Tell by a table's first bytes whether it lists clips: a reason, or ""."""
    head = root.text_bytes(name, _HEAD)
    if name.lower().endswith(".csv"):
        columns = (
            head.lstrip(b"\r\n").partition(b"\n")[0].decode("utf-8", "replace").lower().split(",")
        )
        words = {column.strip().strip('"') for column in columns}
        return "has a column youtube_id" if "youtube_id" in words else ""
    annotations = _ANNOTATIONS.search(head)
    if not _CLIP.match(head) or (annotations and annotations["kind"] == b"["):
        return ""
    if b'"subset"' in head and b"youtube" in head:
        return "lists videos of YouTube by subset"
    return "lists segments of videos" if annotations and b'"segment"' in head else ""
