"""Telling folders and archives of plain images from datasets that say more."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.archives import ArchiveRoot
from dsk.files import DirectoryRoot
from dsk.flow import Detection
from dsk.listings import is_prose
from dsk.media import is_image_name

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["DEPTH", "detect_dir", "detect_zip", "says_nothing", "zip_names"]

DEPTH = 3
"""How deep archives are looked for in a folder, as in Datumaro."""

_ENOUGH = 10_000  # files; whoever hides annotations behind so many images names the format

_ONLY_IMAGES = 10  # nearly any dataset has images, so every other format comes first
_NEAR_MISS = 2


def zip_names(root: InputRoot) -> list[str]:
    """Return the names of the zip archives in a folder."""
    if root.focus is not None:
        return [root.focus] if root.focus.lower().endswith(".zip") else []
    return root.files(suffixes=(".zip",), depth=DEPTH)


def detect_dir(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    return None if isinstance(root, ArchiveRoot) else _images_only(root)


def detect_zip(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``; archives inside a folder are not opened."""
    if isinstance(root, ArchiveRoot):
        return _images_only(root) if root.path.lower().endswith(".zip") else None
    if not isinstance(root, DirectoryRoot):
        return None
    names = islice(root.walk(depth=DEPTH), _ENOUGH)
    files = [name for name in names if not says_nothing(name)]
    if files and all(name.lower().endswith(".zip") for name in files):
        return Detection(_ONLY_IMAGES, "nothing but zip archives")
    return None


def says_nothing(name: str) -> bool:
    """Tell whether a file is hidden or for people, so that nothing is lost without it."""
    own = name.rpartition("/")[2]
    return own.startswith(".") or is_prose(own)


def _images_only(root: InputRoot) -> Detection | None:
    images, other = 0, ""
    for name in islice(root.walk(), _ENOUGH):
        if is_image_name(name):
            images += 1
        elif not other and not says_nothing(name):
            other = name
        if images and other:
            break
    if not images:
        return None
    if other:
        return Detection(_NEAR_MISS, f"images, but also {other}")
    return Detection(_ONLY_IMAGES, "nothing but images")
