"""Telling ADE20K datasets from others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect_2017", "detect_2020"]

_HEAD = 4096
_TRIES = 5


def detect_2017(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in root.walk(suffixes=(".txt",), words=("_atr.txt",)):
        lines = root.read(name, _HEAD).split(b"\n")
        if lines[0].count(b"#") >= 5:
            return Detection(90, f"{name} lists objects as ADE20K of 2017 does")
        if not lines[0].strip():
            return Detection(40, f"there is a file {name}")
    return None


def detect_2020(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in islice(root.walk(suffixes=(".json",)), _TRIES):
        head = root.read(name, _HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
        start = head.replace(b" ", b"").replace(b"\n", b"").replace(b"\r", b"")
        if start.startswith(b'{"annotation":{') and (
            b'"object"' in head or b'"imsize"' in head or b'"scene"' in head
        ):
            return Detection(90, f"{name} describes a scene as ADE20K of 2020 does")
    return None
