"""What ``dsk stats`` does: open, compute, print, write."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsk.cli.text import emit_json, say, say_warnings
from dsk.dataset import Dataset
from dsk.errors import OptionError, OutputError, OutputExistsError, UsageError, printable
from dsk.loss import Ledger
from dsk.options import parse_pairs
from dsk.progress import Progress, waiting
from dsk.staging import write_whole
from dsk_analysis.stats.computing import gather
from dsk_analysis.stats.text import show

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StatsRequest", "run_stats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsRequest:
    """The options of ``dsk stats``, see its help."""

    path: str | None = None
    project: str | None = None
    source_format: str | None = None
    import_options: tuple[str, ...] = ()
    subset: str | None = None
    pixels: bool = False
    on_error: str = "raise"
    as_json: bool = False
    output: str | None = None
    overwrite: bool = False


def run_stats(request: StatsRequest) -> int:
    """Show the statistics of a dataset; exit code 1 if bad records were skipped.

    Raises:
        UsageError: The options do not fit together.
        OutputExistsError: The file is there and ``overwrite`` was not given.
        OutputError: The file cannot be written.
    """
    if request.on_error not in ("raise", "skip"):
        raise OptionError(f"--on-error is 'raise' or 'skip', not {request.on_error!r}")
    if request.output is not None:
        _check_output(request.output, overwrite=request.overwrite)
    elif request.overwrite:
        raise UsageError("--overwrite needs -o FILE")
    with waiting(f"opening {printable(str(request.path or request.project))}"):
        dataset = _opened(request)
    ledger = Ledger(dataset.on_error)
    ledger.merge(dataset.opening_ledger)
    progress = Progress.on_terminal(dataset.header.items, f"reading {dataset.format}")
    try:
        found = gather(
            dataset, ledger, pixels=request.pixels, subset=request.subset, progress=progress
        )
    finally:
        progress.close()
    found["warnings"] = dict(ledger.warnings)
    if request.output is not None:
        text = json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        write_whole(request.output, text.encode("utf-8", "backslashreplace"))
    if request.as_json:
        emit_json(found)
    else:
        show(found, _hints(request, images=bool(found["media"].keys() & {"image", "video_frame"})))
    if request.output is not None:
        say(f"written to {request.output}")
    say_warnings(ledger.warnings, ledger.bad_count)
    return 1 if ledger.bad_count else 0


def _opened(request: StatsRequest) -> Dataset:
    if (request.path is None) == (request.project is None):
        raise UsageError("give either PATH or -p DIR", hint="dsk stats --help shows both")
    policy: Any = request.on_error
    options = parse_pairs(request.import_options)
    if request.path is not None:
        return Dataset.import_from(request.path, request.source_format, on_error=policy, **options)
    if request.source_format is not None:
        raise UsageError("-p is a project, so it takes no -if")
    given = {**options, "outside": True}
    return Dataset.import_from(str(request.project), "project", on_error=policy, **given)


def _hints(request: StatsRequest, *, images: bool) -> Iterator[str]:
    """Yield what may be asked for next."""
    if images and not request.pixels:
        yield "--pixels: mean and deviation of the images, repeated images"
    if request.output is None:
        yield "-o FILE or --json: everything"


def _check_output(path: str, *, overwrite: bool) -> None:
    """Refuse before the work what would be refused after it."""
    if os.path.isdir(path):  # noqa: PTH112
        raise OutputError("-o names a file, this is a folder", where=path)
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):  # noqa: PTH100, PTH112, PTH120
        raise OutputError("there is no folder for the file", where=path)
    special = os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113 - a pipe
    if not overwrite and not special and os.path.lexists(path):
        raise OutputExistsError(
            "there is a file of this name", where=path, hint="choose another or give --overwrite"
        )
