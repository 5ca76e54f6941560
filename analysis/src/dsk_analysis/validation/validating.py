"""Going over a dataset to find what is odd about its annotations."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from dsk.collector import collector_off
from dsk.errors import DskWarning, OptionError, UnknownNameError
from dsk.loss import Ledger
from dsk.options import check_options
from dsk.progress import Progress
from dsk_analysis.validation.findings import findings
from dsk_analysis.validation.gathering import KINDS, WORDS, Gathered
from dsk_analysis.validation.thresholds import OPTIONS, Thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsk.dataset import Dataset

__all__ = ["gather", "validate"]


def validate(dataset: Dataset, task: str, **thresholds: float) -> dict[str, Any]:
    """Look for what is odd about a dataset's annotations, going over its items once.

    Args:
        dataset: The dataset.
        task: What it is for: "classification", "detection" or "segmentation".
        thresholds: From when on something is odd, see ``Thresholds``.

    Returns:
        Plain values under the keys of Datumaro's manual, as ``dsk validate --json`` prints them:
        "statistics", "validation_reports" and "summary". Sizes are in px and px².

    Raises:
        OptionError: There is no such task or threshold.
        RecordError: A record is bad and the dataset's ``on_error`` is "raise".
        InputError: The dataset cannot be read.
    """
    ledger = Ledger(dataset.on_error)
    ledger.merge(dataset.opening_ledger)
    found = gather(dataset, task, thresholds, ledger)
    for message in ledger.warnings:
        warnings.warn(message, DskWarning, stacklevel=2)
    return found


def gather(
    dataset: Dataset,
    task: str,
    thresholds: Mapping[str, Any],
    ledger: Ledger,
    *,
    subset: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Do what ``validate`` does, for one subset if wished.

    Args:
        dataset: The dataset.
        task: See ``validate``.
        thresholds: See ``validate``; texts are understood.
        ledger: Where bad records and warnings are counted.
        subset: The only subset to look at, or None.
        progress: Told of each item.

    Raises:
        UnknownNameError: There is no such subset.
        OptionError: See ``validate``.
    """
    if task not in KINDS:
        raise OptionError(f"there is no task {task!r}", hint=f"one of: {', '.join(KINDS)}")
    limits = Thresholds(**check_options("validate", OPTIONS, thresholds))
    seen = Gathered(task, dataset.categories())
    _read(dataset, seen, ledger, subset, progress or Progress())
    statistics = seen.statistics(limits)
    reports = findings(seen, statistics, limits, WORDS[task])
    severities = [report["severity"] for report in reports]
    return {
        "statistics": statistics,
        "validation_reports": reports,
        "summary": {"errors": severities.count("error"), "warnings": severities.count("warning")},
        "task": task,
        "format": dataset.format,
        "bad records": ledger.bad_count,
    }


def _read(
    dataset: Dataset, seen: Gathered, ledger: Ledger, subset: str | None, progress: Progress
) -> None:
    others: set[str] = set()
    with collector_off():
        for item in dataset.read(ledger):
            progress.advance(1)
            if subset is None or item.subset == subset:
                seen.add(item)
            else:
                others.add(item.subset)
    if subset is not None and not seen.per_item and others:
        raise UnknownNameError("subset", subset, others)
