"""Telling videos, and tables of labelled clips, from other datasets."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_video.containers import HEAD, has_video_name, looks_like_video
from dsk_video.tablefiles import find_tables, tells_clips

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect_frames", "detect_kinetics"]

_FILES = 2000
_TABLES = 50
"""Tables that are looked into: datasets with a JSON file for each image have none of clips."""

_TEXTS = (".txt", ".md", ".pdf", ".rst", ".html")


def detect_frames(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``: a video, or a folder of videos and nothing that says more."""
    if root.focus is not None:
        if has_video_name(root.focus) and looks_like_video(root.read(root.focus, HEAD)):
            return Detection(90, f"{root.focus} is a video")
        return None
    videos, first, other = 0, "", ""
    for name in islice(root.walk(), _FILES):
        if has_video_name(name):
            videos += 1
            first = first or name
        elif not name.lower().endswith(_TEXTS) and not name.rpartition("/")[2].startswith("."):
            other = other or name
    if not videos or not looks_like_video(root.read(first, HEAD)):
        return None
    if other:
        return Detection(2, f"videos, but also {other}")
    return Detection(40, f"{videos} videos and nothing else")


def detect_kinetics(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``: a table whose columns are Kinetics' own."""
    for name in find_tables(root, _FILES)[:_TABLES]:
        reason = tells_clips(root, name)
        if reason:
            return Detection(90, f"{name} {reason}")
    return None
