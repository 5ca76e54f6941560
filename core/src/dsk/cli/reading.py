"""What a command reads: the dataset that was named, or a project, with ``-p`` or around us."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.errors import UsageError
from dsk.registry import registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Reading", "chosen", "with_source"]

PROJECT = "project"
"""The format of projects, which dsk-project reads."""


class Reading(NamedTuple):
    """What to open, in the words of a command: see ``ConvertRequest``."""

    source: str
    source_format: str | None
    import_options: list[str]


def chosen(
    source: str | None,
    project: str | None,
    source_format: str | None,
    import_options: Sequence[str] | None,
    *,
    word: str = "-i PATH",
) -> Reading:
    """Return what to read: a dataset or a project; the current folder's if none is named.

    Whoever names a project, or stands in it, trusts it: its sources may lie outside of its folder.
    A dataset may stand in the place of a project: transforms make one of it.

    Args:
        source: A dataset's path.
        project: A project's folder.
        source_format: The dataset's format.
        import_options: ``name=value`` words for the importer.
        word: How the command takes a dataset's path, for messages.

    Raises:
        UsageError: Both were given, or neither and there is no project here.
        PluginError: dsk-project is not installed.
    """
    options = list(import_options or ())
    if source is not None and project is not None:
        raise UsageError(f"{word} and -p were given", hint="one of them says what to read")
    if source is not None:
        return Reading(source, source_format, options)
    if project is None and not _is_project("."):
        hint = f"name a dataset, {word}, or a project, -p DIR"
        raise UsageError("there is nothing to read, and no project in this folder", hint=hint)
    known = registry().importers.find(PROJECT) is not None
    if project and known and os.path.isdir(project) and not _is_project(project):  # noqa: PTH112
        return Reading(project, source_format, options)
    if source_format not in (None, PROJECT):
        raise UsageError("a project has formats of its own", hint=f"-if goes with {word}")
    registry().importer(PROJECT)
    return Reading(project or ".", PROJECT, [*options, "outside=true"])


def with_source(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a command's parameters with what to read in place of its ``project``."""
    kept = {name: value for name, value in given.items() if name != "project"}
    names = ("source", "project", "source_format", "import_options")
    return {**kept, **chosen(*(given[name] for name in names))._asdict()}


def _is_project(folder: str) -> bool:
    if registry().importers.find(PROJECT) is None:
        return False
    from dsk.detect import ENOUGH, detect
    from dsk.files import open_root

    return any(answer.score >= ENOUGH for answer in detect(open_root(folder), PROJECT))
