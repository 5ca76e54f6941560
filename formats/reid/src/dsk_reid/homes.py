"""Folders in which a dataset may lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["folders_of"]

_DEPTH = 3


def folders_of(root: InputRoot) -> Iterator[str]:
    """Yield the input's own folder, "", and those below it, level by level."""
    waiting = [("", 0)]
    for folder, depth in waiting:
        yield folder
        if depth < _DEPTH:
            prefix = f"{folder}/" if folder else ""
            waiting += [(prefix + name, depth + 1) for name in root.listing(folder).folders]
