"""What the commands about projects do."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

from dsk.cli.convert import ConvertRequest, own_place, run_convert
from dsk.cli.text import emit_json, say, table, tell
from dsk.errors import UnknownNameError, UsageError, printable
from dsk.opening import open_dataset
from dsk.options import check_options, parse_pairs
from dsk.progress import waiting
from dsk.registry import registry
from dsk_project import config
from dsk_project.config import NAME, Config, SourceEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["add_source", "export_project", "make", "make_of", "remove_source", "show"]


def make(folder: str, *, overwrite: bool = False) -> None:
    """Make an empty project.

    Raises:
        OutputError: It cannot be made.
    """
    if not overwrite:
        config.check_free(folder)
    config.save(folder, Config())
    say(f"an empty project: {folder}")
    say(f"  next: dsk add{_option(folder)} PATH")


def make_of(
    folder: str,
    path: str,
    source_format: str | None,
    name: str | None,
    options: Sequence[str],
    *,
    overwrite: bool,
) -> None:
    """Make a project of one dataset; parameters and errors as for ``add_source``.

    Raises:
        OutputError: It cannot be made.
    """
    if not overwrite:
        config.check_free(folder)
    _add(Config(), folder, path, source_format, name=name, options=options)


def dataset_path(words: Sequence[str], source: str | None) -> str:
    """Return the path of the dataset that a command names in one of Datumaro's ways.

    Args:
        words: The path, maybe after the word "path".
        source: The path behind ``-i``, maybe after the word alone.

    Raises:
        UsageError: There is no path, or there are several.
    """
    paths = [*(words[1:] if words[:1] == ["path"] and (source or words[1:]) else words)]
    paths += [source] if source is not None else []
    if len(paths) != 1:
        raise UsageError("one dataset at a time is added", hint="dsk add -p PROJECT -f FORMAT PATH")
    return paths[0]


def has_project(folder: str) -> bool:
    """Tell whether a folder has a project."""
    return os.path.isfile(os.path.join(folder, config.FILE))  # noqa: PTH113, PTH118


def add_source(
    folder: str,
    path: str,
    source_format: str | None,
    name: str | None,
    options: Sequence[str],
    *,
    updates: bool = False,
) -> None:
    """Add a dataset to a project, after opening it to see that it can be read.

    Args:
        folder: The project.
        path: The dataset's path.
        source_format: Its format, None to find it out.
        name: What to call it, None to call it by its path.
        options: ``name=value`` words for its importer.
        updates: Whether its items take the place of those that are there.

    Raises:
        UsageError: There is no project, the name is taken, or an option does not fit.
        InputError: The dataset cannot be read.
    """
    project = config.load(folder)
    if name is not None and project.find(name) is not None:
        raise UsageError(f"there is a source {name!r}", hint=f"dsk remove -n {name}, or another -n")
    _add(project, folder, path, source_format, name=name, options=options, updates=updates)


def _add(
    project: Config,
    folder: str,
    path: str,
    source_format: str | None,
    *,
    name: str | None,
    options: Sequence[str],
    updates: bool = False,
) -> None:
    place = os.path.abspath(path)  # noqa: PTH100
    with waiting(f"opening {printable(place)}"):
        dataset = open_dataset(place, source_format, parse_pairs(options))
    info = registry().importer(dataset.format)
    if info.name == NAME:
        raise UsageError("a project cannot be part of another one", hint="add its sources")
    entry = SourceEntry(
        name=name or project.new_name(place),
        path=_kept(path, place, folder),
        format=dataset.format,
        options=check_options(f"importer {dataset.format}", info.options, parse_pairs(options)),
        updates=updates,
    )
    project.sources.append(entry)
    config.save(folder, project)
    say(f"source {entry.name!r}: {entry.format}, {place}")
    say(f"  next: dsk export{_option(folder)} -f FORMAT -o OUT")


def _option(folder: str) -> str:
    return "" if folder == "." else f" -p {shlex.quote(folder)}"


def _kept(given: str, place: str, folder: str) -> str:
    """Return a source's path as the file has it: relative, unless the user gave it absolute."""
    if os.path.isabs(given):  # noqa: PTH117
        return place.replace(os.sep, "/")
    return os.path.relpath(place, os.path.abspath(folder)).replace(os.sep, "/")  # noqa: PTH100


def remove_source(folder: str, name: str) -> None:
    """Take a dataset out of a project.

    Raises:
        UsageError: There is no project, or no source of this name.
    """
    project = config.load(folder)
    entry = project.find(name)
    if entry is None:
        raise UnknownNameError("source", name, [one.name for one in project.sources])
    project.sources.remove(entry)
    config.save(folder, project)
    say(f"source {name!r} is no part of the project any more; its files stay")


def export_project(folder: str, given: Mapping[str, Any]) -> int:
    """Write a project's datasets as one; return the exit code.

    Args:
        folder: The project, or a dataset that a transform has made of it.
        given: Fields of ``ConvertRequest``; an ``output`` of None stands for a folder of its own.
    """
    if folder == "." or has_project(folder) or not os.path.isdir(folder):  # noqa: PTH112
        config.load(folder)
        read = {"source_format": NAME, "import_options": ["outside=true"]}
    else:
        read = {}
    place = given["output"]
    return run_convert(
        ConvertRequest(
            **{
                **given,
                "source": folder,
                **read,
                "output": own_place(folder, given["target_format"]) if place is None else place,
            }
        )
    )


def show(folder: str, *, as_json: bool) -> None:
    """Print a project's sources.

    Raises:
        UsageError: There is no project.
    """
    project = config.load(folder)
    place = os.path.abspath(folder)  # noqa: PTH100
    rows = [
        (one.name, one.format, one.place(place), one.options, one.updates)
        for one in project.sources
    ]
    if as_json:
        keys = ("name", "format", "path", "options", "updates")
        sources = [dict(zip(keys, row, strict=True)) for row in rows]
        emit_json({"location": place, "sources": sources})
        return
    tell(f"project {place}: {len(rows)} source{'s' * (len(rows) != 1)}")
    for line in table(
        (
            (
                name,
                kind,
                path + "".join(f"  {k}={v}" for k, v in options.items()) + "  --update" * updates,
            )
            for name, kind, path, options, updates in rows
        ),
        indent="  ",
    ):
        tell(line)
    if not rows:
        say(f"  next: dsk add{_option(folder)} PATH")
        return
    say(f"  next: dsk info{_option(folder)}")
