"""Telling projects by their file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_project.config import FILE, decode

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus not in (None, FILE) or not root.is_file(FILE):
        return None
    count = len(decode(root.read(FILE), root.show(FILE)).sources)
    return Detection(95, f"{FILE} names {count} source{'s' * (count != 1)}")
