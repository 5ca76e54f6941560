"""Going once over a dataset: every item to the facts of its subset, then all to numbers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from dsk.annotations import Mask
from dsk.collector import collector_off
from dsk.engines import job_count
from dsk.errors import DskWarning, UnknownNameError
from dsk.loss import Ledger
from dsk.progress import Progress
from dsk_analysis.stats.facts import Facts, Labels
from dsk_analysis.stats.pixels import NOTHING, Pixels, looks
from dsk_analysis.stats.results import results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.dataset import Dataset
    from dsk.item import DatasetItem

__all__ = ["compute", "gather"]

BATCH = 8192
"""Annotations that wait until they are looked at together."""


def compute(dataset: Dataset, *, pixels: bool = False, jobs: int | str = 1) -> dict[str, Any]:
    """Compute the statistics of a dataset, going over its items once.

    The keys are those of Datumaro's ``stats`` and some more; "subsets" has them again for each
    subset. Shares, also those called "percent", are 0 to 1. Areas are in px²: width × height of
    boxes, and of polygons and masks the stated area, else that of the rings less the holes, or the
    number of pixels. Sizes of boxes are in px, those of boxes in space in metres. A summary is a
    dict of min, q1, median, q3, max and mean, or None of nothing.

    Args:
        dataset: The dataset.
        pixels: Decode all images, too: mean and deviation of red, green and blue (0–255, over all
            pixels, unbiased), and groups of images with equal pixels. Without it these are None.
        jobs: How many images are decoded at a time, or "auto": one per processor.

    Returns:
        Plain values, as ``dsk stats --json`` prints them; none is NaN or infinite.

    Raises:
        RecordError: A record is bad and the dataset's ``on_error`` is "raise".
        InputError: The dataset cannot be read.
    """
    ledger = Ledger(dataset.on_error)
    ledger.merge(dataset.opening_ledger)
    found = gather(dataset, ledger, pixels=pixels, jobs=jobs)
    for message in ledger.warnings:
        warnings.warn(message, DskWarning, stacklevel=2)
    return found


def gather(
    dataset: Dataset,
    ledger: Ledger,
    *,
    pixels: bool = False,
    jobs: int | str = 1,
    subset: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Do what ``compute`` does, for one subset if wished.

    Args:
        dataset: The dataset.
        ledger: Where bad records and warnings are counted.
        pixels: See ``compute``.
        jobs: See ``compute``.
        subset: The only subset to look at, or None.
        progress: Told of each item.

    Raises:
        UnknownNameError: There is no such subset.
        RecordError: See ``compute``.
    """
    labels = Labels(dataset.categories())
    subsets: dict[str, Facts] = {}
    others: set[str] = set()
    progress = progress or Progress()
    waiting = 0
    count = job_count(jobs)
    items = _of_subset(progress.over(dataset.read(ledger)), subset, others)
    seen = looks(items, count) if pixels else ((item, NOTHING) for item in items)
    with collector_off():
        for item, found in seen:
            facts = subsets.get(item.subset)
            if facts is None:
                facts = subsets[item.subset] = Facts(labels)
                facts.pixels = Pixels() if pixels else None
            if facts.pixels is not None:
                facts.pixels.add(item, found, ledger)
            facts.add_item(item, found.size)
            waiting += len(item.annotations)
            if waiting >= BATCH or _is_large(item):
                _flush(subsets, ledger)
                waiting = 0
        _flush(subsets, ledger)
    if subset is not None and subset not in subsets and others:
        raise UnknownNameError("subset", subset, others)
    numbers = results(labels, subsets, pixels=pixels)
    return {**numbers, "format": dataset.format, "bad records": ledger.bad_count}


def _of_subset(
    items: Iterable[DatasetItem], subset: str | None, others: set[str]
) -> Iterator[DatasetItem]:
    """Yield the items of one subset, or all; note the names of the other subsets."""
    for item in items:
        if subset is None or item.subset == subset:
            yield item
        else:
            others.add(item.subset)


def _flush(subsets: dict[str, Facts], ledger: Ledger) -> None:
    for facts in subsets.values():
        facts.flush(ledger)


def _is_large(item: DatasetItem) -> bool:
    """Tell whether an item's masks may hold a decoded picture as long as they wait."""
    return any(type(a) is Mask and a.area is None for a in item.annotations)
