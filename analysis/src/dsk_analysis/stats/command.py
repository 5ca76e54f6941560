"""What ``dsk stats`` does: open, compute, print, write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsk.cli.text import say_warnings
from dsk.engines import job_count
from dsk.errors import UsageError
from dsk.progress import Progress
from dsk_analysis.request import ReadRequest
from dsk_analysis.stats.computing import gather
from dsk_analysis.stats.text import show

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StatsRequest", "run_stats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsRequest(ReadRequest):
    """The options of ``dsk stats``, see its help."""

    pixels: bool = False
    jobs: str = "1"


def run_stats(request: StatsRequest) -> int:
    """Show the statistics of a dataset; exit code 1 if bad records were skipped.

    Raises:
        UsageError: The options do not fit together.
        OptionError: The number of jobs makes no sense.
        OutputExistsError: The file is there and ``overwrite`` was not given.
        OutputError: The file cannot be written.
    """
    request.check_output()
    if job_count(request.jobs) > 1 and not request.pixels:
        raise UsageError("--jobs is of use with --pixels only")
    dataset, ledger = request.opened()
    progress = Progress.on_terminal(dataset.header.items, f"reading {dataset.format}")
    try:
        found = gather(
            dataset,
            ledger,
            pixels=request.pixels,
            jobs=request.jobs,
            subset=request.subset,
            progress=progress,
        )
    finally:
        progress.close()
    found["warnings"] = dict(ledger.warnings)
    images = bool(found["media"].keys() & {"image", "video_frame"})
    request.deliver(found, lambda: show(found, _hints(request, images=images)))
    say_warnings(ledger.warnings, ledger.bad_count)
    return 1 if ledger.bad_count else 0


def _hints(request: StatsRequest, *, images: bool) -> Iterator[str]:
    """Yield what may be asked for next."""
    if images and not request.pixels:
        yield "--pixels: mean and deviation of the images, repeated images"
    if request.output is None:
        yield "-o FILE or --json: everything"
