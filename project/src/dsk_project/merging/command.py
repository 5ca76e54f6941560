"""What ``dsk merge`` does: open all, vote or update, write, say what is in conflict."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from dsk.cli.convert import (
    ConvertRequest,
    check_target,
    open_input,
    own_place,
    write_dataset,
)
from dsk.cli.jsonfile import check_file, write_json
from dsk.cli.reading import chosen
from dsk.cli.text import counted, say
from dsk.errors import OptionError, UsageError
from dsk.progress import waiting
from dsk.registry import registry
from dsk_project.joining import JoinItems, arranged, join
from dsk_project.merging.conflicts import KINDS, Conflicts
from dsk_project.merging.voting import merge
from dsk_project.work import add_source, has_project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.dataset import Dataset

__all__ = ["POLICIES", "MergeRequest", "run_merge", "run_words"]

POLICIES = ("intersect", "union", "update")

_VOTING = (
    "iou_thresh",
    "quorum",
    "output_conf_thresh",
    "groups",
    "ignore_attrs",
    "scores",
)
_OWN = (*_VOTING, "paths", "project", "policy", "conflicts")
_READING = ("source_format", "import_options")
_USUAL = {"on_error": "raise", "media": "copy"}
_CALLED = {
    "target_format": "--format",
    "export_options": "-O",
    "as_json": "--json",
    "trailing": "options behind --",
}
"""Options that are not called like their parameters."""


class MergeRequest(NamedTuple):
    """What the user asked for, see the command's help.

    Attributes:
        paths: The datasets and projects, two or more.
        policy: One of ``POLICIES``.
        voting: Options of ``merge``.
        conflicts: The file for the conflicts.
    """

    paths: Sequence[str]
    policy: str
    voting: Mapping[str, Any]
    conflicts: str | None = None


def run_words(given: Mapping[str, Any]) -> int:
    """Merge what a command's parameters say; return the exit code.

    A project and further datasets are an update; without ``-o`` they become sources of the project.

    Raises:
        UsageError: The options do not fit together, or there is no project.
        InputError: A dataset cannot be read.
        OutputError: A file cannot be written.
    """
    paths, project = list(given["paths"]), given["project"]
    voting = {name: given[name] for name in _VOTING if _is_given(given[name])}
    policy = given["policy"]
    newer = project is not None or len(paths) == 1
    if newer:
        paths = [project or ".", *paths]
        policy = policy or ("intersect" if voting or given["conflicts"] else "update")
        if project is None and not has_project("."):
            raise UsageError(
                "that is one dataset, and there is no project in this folder",
                hint="dsk merge FIRST SECOND …, or -p PROJECT",
            )
    request = MergeRequest(paths, policy or "intersect", voting, given["conflicts"])
    _check(request, overwrite=given["overwrite"])
    output = given["output"]
    if newer and policy == "update" and output is None and has_project(paths[0]):
        return _update(paths, given)
    written = {name: value for name, value in given.items() if name not in _OWN}
    written["output"] = own_place(paths[0], "merged") if output is None else output
    return run_merge(request, ConvertRequest(source=paths[0], **written))


def _is_given(value: Any) -> bool:
    """Tell whether an option was given: a number may be 0."""
    return bool(value) or (isinstance(value, int | float) and value is not False)


def _update(paths: Sequence[str], given: Mapping[str, Any]) -> int:
    """Make datasets sources of a project, whose items take the place of those before.

    Raises:
        UsageError: Something is said about writing a dataset.
    """
    for name in given:
        if name in {*_OWN, *_READING} or given[name] == _USUAL.get(name) or not given[name]:
            continue
        option = _CALLED.get(name, f"--{name.replace('_', '-')}")
        raise UsageError(
            f"{option}, but nothing is written: the project itself is updated",
            hint="-o DIR writes what both are together",
        )
    for path in paths[1:]:
        options = given["import_options"] or ()
        add_source(paths[0], path, given["source_format"], None, options, updates=True)
    return 0


def run_merge(request: MergeRequest, writing: ConvertRequest) -> int:
    """Merge datasets and write the result, return the exit code.

    Args:
        request: What to merge, and how.
        writing: How to read and write it; its source is one of the paths.

    Raises:
        UsageError: The options do not fit together.
        InputError: A dataset cannot be read.
        OutputError: A file cannot be written.
    """
    started = time.monotonic()
    check_target(writing)
    datasets = [_opened(path, writing) for path in request.paths]
    if writing.target_format is None:
        writing = replace(writing, target_format=_common_format(datasets))
    conflicts = Conflicts(_names(request.paths))
    with waiting("merging"):
        merged = _merged(request, datasets, conflicts)
    merged.format = f"{len(datasets)} datasets"
    code = write_dataset(writing, merged, started, lambda: {"conflicts": conflicts.result()})
    if request.conflicts is not None:
        write_json(request.conflicts, conflicts.result())
    if not writing.as_json:
        _show(conflicts, request.conflicts)
    return code


def _check(request: MergeRequest, *, overwrite: bool) -> None:
    """Refuse before the work what makes no sense or would be refused after it."""
    if request.policy not in POLICIES:
        raise OptionError(f"--policy is {', '.join(POLICIES)}, not {request.policy!r}")
    if request.policy != "intersect" and (request.voting or request.conflicts):
        raise UsageError(
            f"nobody votes with --policy {request.policy}",
            hint="--quorum and its like, and --conflicts, go with --policy intersect",
        )
    check_file(request.conflicts, "--conflicts", overwrite=overwrite)


def _opened(path: str, writing: ConvertRequest) -> Dataset:
    """Open a dataset, or a project: whoever merges a project trusts it."""
    place, own = _with_format(path)
    folder = os.path.isdir(place)  # noqa: PTH112
    read = chosen(
        None if folder else place,
        place if folder else None,
        own or writing.source_format,
        writing.import_options,
    )
    return open_input(replace(writing, **read._asdict()))


def _with_format(path: str) -> tuple[str, str | None]:
    """Part ``PATH:FORMAT``, which Datumaro has, if no file is called so."""
    place, _, name = path.rpartition(":")
    if place and not os.path.lexists(path) and registry().importers.find(name):
        return place, name
    return path, None


def _names(paths: Sequence[str]) -> list[str]:
    """Return what datasets are called: the last part of their paths if these differ."""
    names = [os.path.basename(os.path.abspath(path)) for path in paths]  # noqa: PTH100, PTH119
    return names if len(set(names)) == len(names) else list(paths)


def _merged(request: MergeRequest, datasets: Sequence[Dataset], conflicts: Conflicts) -> Dataset:
    if request.policy == "union":
        return join(*datasets)
    if request.policy == "update":
        return arranged(datasets, JoinItems(frozenset(range(1, len(datasets)))))
    return merge(*datasets, conflicts=conflicts, **request.voting)


def _common_format(datasets: Sequence[Dataset]) -> str:
    """Return the format to write when none was named: that of all datasets.

    Raises:
        UsageError: They have several.
    """
    formats = {one.source.written_as or registry().importer(one.format).name for one in datasets}
    if len(formats) > 1:
        names = ", ".join(sorted(formats))
        raise UsageError(f"they have several formats ({names})", hint="-f FORMAT: which to write")
    return formats.pop()


def _show(conflicts: Conflicts, file: str | None) -> None:
    counts = conflicts.counts()
    for what, count in counts.items():
        say(f"  conflicts {count:>9,}  {KINDS[what]}")
    if file is not None:
        say(f"{counted(sum(counts.values()), 'conflict')} written to {file}")
    elif counts:
        say("  --conflicts FILE lists them")
