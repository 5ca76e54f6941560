"""Telling folders of DICOM files by their first bytes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect", "is_dicom_head", "may_be_dicom"]

_ENOUGH = 20_000
_TRIES = 5
_ENDS = (".dcm", ".dicom", ".ima", ".img")
_HEAD = 132


def may_be_dicom(name: str) -> bool:
    """Tell by its name whether a file may be DICOM: their names are often bare numbers or UIDs."""
    base = name.rpartition("/")[2].lower()
    if base.startswith(".") or base in ("dicomdir", "readme", "license"):
        return False
    ext = base.rpartition(".")[2] if "." in base else ""
    return base.endswith(_ENDS) or not ext or ext.isdigit()


def is_dicom_head(head: bytes) -> bool:
    """Tell by a file's first 132 bytes whether it is DICOM."""
    return head[128:_HEAD] == b"DICM"


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    names = [root.focus] if root.focus is not None else islice(root.walk(), _ENOUGH)
    likely = [name for name in names if may_be_dicom(name)]
    likely.sort(key=lambda name: not name.lower().endswith(_ENDS))
    for name in likely[:_TRIES]:
        if is_dicom_head(root.read(name, _HEAD)):
            return Detection(90, f"{name} is a DICOM file")
    return None
