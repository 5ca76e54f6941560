"""Folds for cross-validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import OptionError
from dsk_transforms.splits.assigning import Splitting
from dsk_transforms.splits.groups import THRESHOLD, parse_grouping
from dsk_transforms.splits.index import TASKS, ClassIndex
from dsk_transforms.splits.ratios import largest_remainder
from dsk_transforms.splits.stratify import stratify
from dsk_transforms.splits.units import allocate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk_transforms.splits.units import Units

__all__ = ["KFold"]


class KFold(Splitting):
    """Parts the items into folds of equal size, or takes one fold as val and the others as train.

    The folds are the same whether one is asked for or all.

    Args:
        k: Number of folds.
        fold: Number of the fold that becomes "val", from 0; None: every fold is a subset.
        names: Names of the folds, by default ``fold0`` and so on; with ``fold`` those of its
            subset and of the other one, by default ``val`` and ``train``.
        seed: Another seed gives other folds.
        stratify: Share out labels and attributes evenly; otherwise folds are random.
        task: What counts as a label: "classification", "detection", "segmentation" or "any".
        group_by: What keeps items together, see ``groups.parse_grouping``.
        threshold: How near near-duplicates are.
    """

    step = "kfold"

    def __init__(
        self,
        *,
        k: int = 5,
        fold: int | None = None,
        names: Sequence[str] | None = None,
        seed: int = 0,
        stratify: bool = True,
        task: str = "any",
        group_by: str = "",
        threshold: int = THRESHOLD,
    ) -> None:
        if k < 2:
            raise OptionError(f"kfold: k is at least 2, not {k}")
        if fold is not None and not 0 <= fold < k:
            raise OptionError(f"kfold: fold is from 0 to {k - 1}, not {fold}")
        if task not in TASKS:
            raise OptionError(f"kfold: no task {task!r}", hint=f"one of: {', '.join(TASKS)}")
        plain = [f"fold{n}" for n in range(k)] if fold is None else ["val", "train"]
        given = list(names or plain)
        if len(given) != len(plain) or len(set(given)) != len(given) or not all(given):
            raise OptionError(f"kfold: {len(plain)} different names are needed, not {given}")
        self._k, self._fold = k, fold
        self._classes = ClassIndex(TASKS[task]) if stratify else None
        self._kinds = TASKS[task]
        grouping = parse_grouping(self.step, group_by, threshold)
        super().__init__(given, seed, grouping)
        if not stratify:
            self.plan_on = "ids"

    def _watch(self, items: Iterable[DatasetItem]) -> Iterable[DatasetItem]:
        if self._classes is None:
            return items
        self._classes = ClassIndex(self._kinds)
        return self._classes.watch(items)

    def _assign(self, units: Units, ids: list[str]) -> NDArray[np.int64]:
        ratios = [1 / self._k] * self._k
        room = largest_remainder(len(ids), ratios)
        if self._classes is None:
            side = np.zeros(len(units.sizes), np.int64)
            allocate(units, room, np.arange(len(side)), side)
        else:
            side = stratify(units, self._classes.table(units, self._k), ratios, room)
            self._classes = ClassIndex(self._kinds)  # the plan is done, its index need not travel
        sides = side[units.of]
        if self._fold is not None:
            ratio = 1 / self._k
            sides = np.where(sides == self._fold, 0, 1)
            ratios = [ratio, 1 - ratio]
        self._compare(sides, ratios)
        return sides
