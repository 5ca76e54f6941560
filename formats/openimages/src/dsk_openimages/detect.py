"""Telling Open Images datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_openimages.layout import ALL_BOXES, classify, find_layout

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_HEAD = 256
_NAMED = 10


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        name = root.focus.rpartition("/")[2]
        return _judge(root, root.focus) if classify(name) is not None else None
    layout = find_layout(root)
    if layout is None:
        return None
    answers = [_judge(root, table.name) for table in layout.tables[:5]]
    best = max(answers, key=lambda answer: answer.score)
    if layout.homes:  # its tables are those of all images, of which some have been downloaded
        why = f"{layout.tables[0].name} is a table of Open Images, as FiftyOne downloads it"
        return Detection(88, why, {"existing_only": True}) if best.score > _NAMED else None
    return best


def _judge(root: InputRoot, name: str) -> Detection:
    head = root.text_bytes(name, _HEAD)
    columns = [c.strip().strip(b'"') for c in head.split(b"\n", 1)[0].split(b",")]
    if b"ImageID" in columns:
        alone = ALL_BOXES in name.lower()
        options = {"unknown_labels": "add"} if alone else {}
        return Detection(88, f"{name} is a table of Open Images by its name and header", options)
    return Detection(
        _NAMED, f"{name} is named like a table of Open Images but has no column ImageID"
    )
