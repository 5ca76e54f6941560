"""Telling folders of DICOM files by their first bytes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["detect", "is_dicom_head", "may_be_dicom"]

_ENOUGH = 5000
_TRIES = 5
_ENDS = (".dcm", ".dicom", ".ima", ".img", ".seg")
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


def _likely(root: InputRoot) -> Iterator[str]:
    """Yield files that may be DICOM by their names, those with its endings first."""
    if root.focus is not None:
        yield from filter(may_be_dicom, [root.focus])
        return
    yield from filter(may_be_dicom, root.walk(suffixes=_ENDS))
    others = (name for name in islice(root.walk(), _ENOUGH) if not name.lower().endswith(_ENDS))
    yield from filter(may_be_dicom, others)


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in islice(_likely(root), _TRIES):
        if is_dicom_head(root.read(name, _HEAD)):
            return Detection(90, f"{name} is a DICOM file")
    return None
