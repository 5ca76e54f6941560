"""Parting a dataset at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk_transforms.splits.assigning import Splitting
from dsk_transforms.splits.groups import THRESHOLD, parse_grouping
from dsk_transforms.splits.ratios import largest_remainder, parse_ratios
from dsk_transforms.splits.units import allocate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dsk_transforms.splits.units import Units

__all__ = ["RandomSplit"]

_DEFAULT = {"train": 0.67, "test": 0.33}


class RandomSplit(Splitting):
    """Joins all subsets and parts the items at random; every item gets a place.

    Args:
        subset: Ratios by names of the new subsets; they sum up to 1.
        seed: Another seed gives another split.
        group_by: What keeps items together, see ``groups.parse_grouping``.
        threshold: How near near-duplicates are.
    """

    step = "random_split"
    plan_on = "ids"

    def __init__(
        self,
        *,
        subset: Mapping[str, str] | None = None,
        seed: int = 0,
        group_by: str = "",
        threshold: int = THRESHOLD,
    ) -> None:
        ratios = parse_ratios(self.step, subset, _DEFAULT)
        self._ratios = list(ratios.values())
        grouping = parse_grouping(self.step, group_by, threshold)
        super().__init__(list(ratios), seed, grouping)

    def _assign(self, units: Units, ids: list[str]) -> NDArray[np.int64]:
        side = np.zeros(len(units.sizes), np.int64)
        room = largest_remainder(len(ids), self._ratios)
        allocate(units, room, np.arange(len(side)), side)
        self._compare(side[units.of], self._ratios)
        return side[units.of]
