"""Splits for a task: balanced over labels and attributes, or by identities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from dsk.errors import OptionError
from dsk_transforms.splits.assigning import Splitting
from dsk_transforms.splits.groups import THRESHOLD, parse_grouping
from dsk_transforms.splits.identities import NAMES, UNSUPPORTED, Identities, share_out
from dsk_transforms.splits.index import TASKS, ClassIndex
from dsk_transforms.splits.ratios import largest_remainder, parse_ratios
from dsk_transforms.splits.stratify import stratify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk_transforms.splits.units import Units

__all__ = ["Split"]

_DEFAULT = {"train": 0.5, "val": 0.2, "test": 0.3}


class Split(Splitting):
    """Joins all subsets and parts the items so that every subset is like the whole.

    For classification, detection and segmentation every label, and every value of an attribute,
    keeps its part in each subset as nearly as can be. For re-identification the identities in test
    are in no other subset, and test falls apart into ``test-query`` and ``test-gallery``.

    Args:
        task: "classification", "detection", "segmentation" or "reid".
        subset: Ratios by names of the new subsets; they sum up to 1.
        seed: Another seed gives another split.
        query: reid: the part of test that becomes ``test-query``.
        attr_for_id: reid: the attribute that names the identity; "": the label does.
        group_by: What keeps items together, see ``groups.parse_grouping``.
        threshold: How near near-duplicates are.
    """

    step = "split"

    def __init__(
        self,
        *,
        task: str = "classification",
        subset: Mapping[str, str] | None = None,
        seed: int = 0,
        query: float = 0.5,
        attr_for_id: str = "",
        group_by: str = "",
        threshold: int = THRESHOLD,
    ) -> None:
        tasks = ("classification", "detection", "segmentation", "reid")
        if task not in tasks:
            raise OptionError(f"split: no task {task!r}", hint=f"one of: {', '.join(tasks)}")
        if not 0 <= query <= 1:
            raise OptionError(f"split: query is from 0 to 1, not {query:g}")
        if task != "reid" and (attr_for_id or query != 0.5):
            raise OptionError("split: query and attr_for_id belong to task=reid")
        ratios = parse_ratios(self.step, subset, _DEFAULT)
        unknown = [name for name in ratios if name not in _DEFAULT]
        if task == "reid" and unknown:
            raise OptionError(
                f"split: reid knows no subset {unknown[0]!r}", hint="train, val and test only"
            )
        self._task, self._ratios = task, ratios
        self._query, self._attribute = query, attr_for_id
        self._index: ClassIndex | Identities | None = None
        self._skips = True
        names = NAMES if task == "reid" else tuple(ratios)
        grouping = parse_grouping(self.step, group_by, threshold)
        super().__init__(names, seed, grouping)

    def header(self, header: Header) -> Header:
        """Return the header with the new subsets."""
        names = self._names
        if self._task == "reid":
            test = self._ratios.get("test", 0)
            absent = {name for name in ("train", "val") if name not in self._ratios}
            absent |= {"test-query"} if not test * self._query else set()
            absent |= {"test-gallery"} if not test else set()
            absent |= set() if self._skips else {UNSUPPORTED}
            names = tuple(name for name in names if name not in absent)
        return replace(header, subsets=names)

    def _watch(self, items: Iterable[DatasetItem]) -> Iterable[DatasetItem]:
        if self._task == "reid":
            self._index = Identities(self._attribute)
        else:
            self._index = ClassIndex(TASKS[self._task])
        return self._index.watch(items)

    def _assign(self, units: Units, ids: list[str]) -> NDArray[np.int64]:
        index, self._index = self._index, None  # when the plan is done, it need not travel
        if isinstance(index, Identities):
            return self._by_identity(units, index)
        ratios = list(self._ratios.values())
        room = largest_remainder(len(ids), ratios)
        assert index is not None
        table = index.table(units, 1 / min(ratios))
        if not table.size:
            self._warnings.append(
                f"split: no item has a label that counts for {self._task}, so the split is random"
            )
        sides = stratify(units, table, ratios, room)[units.of]
        self._compare(sides, ratios)
        return sides

    def _by_identity(self, units: Units, index: Identities) -> NDArray[np.int64]:
        who = np.array(index.numbers, np.int64)
        sides = share_out(units, who, self._ratios, self._query)
        skipped = int((who < 0).sum())
        self._skips = skipped > 0
        if skipped:
            what = f"attribute {self._attribute!r}" if self._attribute else "label"
            self._warnings.append(
                f"split: {skipped} of {len(who)} items do not have exactly one {what};"
                f" they are in subset {UNSUPPORTED}"
            )
        known = sides[who >= 0]
        if len(known):
            parts = np.array([0, 1, 2, 2])[known]
            wanted = [self._ratios.get(name, 0.0) for name in ("train", "val", "test")]
            self._compare(parts, wanted, "identities")
        return sides
