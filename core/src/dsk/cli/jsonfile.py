"""Writing facts to a file of JSON."""

from __future__ import annotations

import json
import os
from typing import Any

from dsk.errors import OutputError, OutputExistsError
from dsk.staging import write_whole

__all__ = ["check_file", "write_json"]


def check_file(path: str | None, option: str, *, overwrite: bool) -> None:
    """Refuse before the work what would be refused after it.

    Args:
        path: The file; None if there is none to write.
        option: What the user named it with.
        overwrite: Whether it may be there.

    Raises:
        OutputExistsError: The file is there and ``overwrite`` was not given.
        OutputError: The file cannot be written.
    """
    if path is None:
        return
    if os.path.isdir(path):  # noqa: PTH112
        raise OutputError(f"{option} names a file, this is a folder", where=path)
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):  # noqa: PTH100, PTH112, PTH120
        raise OutputError("there is no folder for the file", where=path)
    special = os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113 - a pipe
    if not overwrite and not special and os.path.lexists(path):
        raise OutputExistsError(
            "there is a file of this name", where=path, hint="choose another or give --overwrite"
        )


def write_json(path: str, found: Any) -> None:
    """Write plain values; a file that is there is replaced at once, or not at all."""
    text = json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    write_whole(path, text.encode("utf-8", "backslashreplace"))
