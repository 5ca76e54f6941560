"""Paths that a dataset.json of nnU-Net names."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING, Any

from dsk.errors import RecordError, UnsafePathError
from dsk.files import DirectoryRoot
from dsk.names import clean_name

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["explicit_path"]

_VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\})", re.ASCII)


def explicit_path(root: InputRoot, folder: str, text: Any, where: str) -> str:
    """Return the file that ``dataset`` of a dataset.json names, relative to the root.

    As nnU-Net does, environment variables are expanded, and paths are absolute or relative to the
    dataset's folder. Other than there the file must lie in the input: a dataset does not choose
    among the user's other files. Messages show the text as it is stated, never what a variable
    holds.

    Args:
        root: The input.
        folder: The dataset's folder in it.
        text: What is stated.
        where: Place for messages.

    Raises:
        RecordError: It is no text, has a variable that is not set, leads out of the input, or to no
            file.
    """
    if not isinstance(text, str) or not text or "\0" in text:
        raise RecordError(
            f"{text!r} is no path", where=where, hint="use paths relative to dataset.json"
        )
    path = os.path.expandvars(text).replace("\\", "/")
    relative = _relative(root, folder, path)
    unset = _VARIABLE.search(path)
    if relative is not None and root.is_file(relative):
        return relative
    if unset is not None and unset[0] in text:
        raise RecordError(
            f"the path {text!r} has the environment variable {unset[0]}, which is not set",
            where=where,
            hint="set it as for nnU-Net, or use paths relative to dataset.json",
        )
    if relative is None:
        raise RecordError(
            f"the path {text!r} leads out of the input",
            where=where,
            hint="give the folder that holds dataset.json and all its files",
        )
    raise RecordError(f"there is no file {text!r}", where=where)


def _relative(root: InputRoot, folder: str, path: str) -> str | None:
    """Return a path relative to the root, None if it lies elsewhere."""
    found: list[str] = []
    if not path.startswith("/"):
        found.append(posixpath.normpath(posixpath.join(folder, path)))
    elif isinstance(root, DirectoryRoot):  # links may be in what the user gave, or in the path
        found += [
            os.path.relpath(full(path), full(root.path))
            for full in (os.path.abspath, os.path.realpath)
        ]
    for name in found:
        try:
            return clean_name(name)
        except UnsafePathError:
            continue
    return None
