"""Telling CVAT datasets from others."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.splits import called_like_subsets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot

__all__ = ["detect", "find_files", "looks_like_cvat", "unread_below", "unread_subsets"]

_HEAD = 4096
_FILES = 200  # XML files whose beginning is looked at
_FURTHER = 2000  # XML files further in than CVAT's whose beginning is looked at
_DEPTH = 3

_ROOT = re.compile(rb"<annotations(?=[\s/>])")
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_SURE = re.compile(rb"<version>\s*1\.\d|<meta[\s>/]")


def looks_like_cvat(head: bytes) -> bool:
    """Tell by the first bytes of a file whether its root element is CVAT's."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "replace").encode("utf-8", "replace")
    head = _COMMENT.sub(b"", head)
    found = _ROOT.search(head)
    if found is None:
        return False
    # Nothing but the declaration may come before the root element, comments aside.
    return re.search(rb"<[A-Za-z]", head[: found.start()]) is None


def _head(root: InputRoot, name: str) -> bytes:
    head = root.read(name, _HEAD)
    return (
        head.decode("utf-16", "replace").encode()
        if head[:2] in (b"\xff\xfe", b"\xfe\xff")
        else head
    )


def _candidates(root: InputRoot) -> Iterator[str]:
    """Yield XML files, the shallow ones first; folders of images are not entered."""
    level = [""]
    for depth in range(_DEPTH + 1):
        below: list[str] = []
        for folder in level:
            listing = root.listing(folder)
            prefix = f"{folder}/" if folder else ""
            yield from (prefix + name for name in listing.pick((".xml",)))
            if depth < _DEPTH:
                below += [prefix + name for name in listing.folders]
        level = below


def find_files(root: InputRoot) -> list[str]:
    """Return the names of the XML files that are CVAT's, of the outermost folders that have any.

    Copies are often kept further in, so that reading these, too, would double the data.

    Raises:
        InputError: A file cannot be read.
    """
    if root.focus is not None:
        return [root.focus]
    found: list[str] = []
    for looked, name in enumerate(_candidates(root)):
        if not found and looked >= _FILES:
            break
        if found and name.count("/") > found[0].count("/"):
            break
        if looks_like_cvat(root.read(name, _HEAD)):
            found.append(name)
    return found


def unread_below(root: InputRoot, found: Sequence[str]) -> list[str]:
    """Return the names of CVAT's files further in than those that are read.

    Raises:
        InputError: A file cannot be read.
    """
    if root.focus is not None or not found:
        return []
    depth = found[0].count("/")
    deeper = (name for name in _candidates(root) if name.count("/") > depth)
    return [name for name in islice(deeper, _FURTHER) if looks_like_cvat(root.read(name, _HEAD))]


def unread_subsets(root: InputRoot, found: Sequence[str]) -> list[str]:
    """Return the XML files beside CVAT's that are called like subsets, but are not CVAT's."""
    if root.focus is not None or not found:
        return []
    folder, slash, _ = found[0].rpartition("/")
    names = (folder + slash + name for name in root.listing(folder).pick((".xml",)))
    return called_like_subsets(names, found)


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None and not root.focus.lower().endswith(".xml"):
        return None
    for name in find_files(root):
        head = _COMMENT.sub(b"", _head(root, name))
        if not looks_like_cvat(head):
            continue
        if sure := _SURE.search(head):
            told = "meta" if sure[0].startswith(b"<meta") else "version"
            return Detection(90, f"{name} has the root element <annotations> with <{told}>")
        return Detection(60, f"{name} has the root element <annotations>")
    return None
