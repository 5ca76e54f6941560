"""Choosing items by how certain a model is of them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from dsk.errors import OptionError, RecordError, UsageError
from dsk.item import DatasetItem
from dsk_transforms.ids.naming import Names
from dsk_transforms.sampling.base import CHANGED, Planned, chosen, whole_number
from dsk_transforms.sampling.draws import Draws
from dsk_transforms.sampling.scores import uncertainty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dsk.flow import Header
    from dsk.loss import Ledger

    Method = Literal["topk", "lowk", "randk", "mixk", "randtopk"]

__all__ = ["Sampler"]

_METHODS = ("topk", "lowk", "randk", "mixk", "randtopk")
_DRAWN = 3
"""How many times more items ``randtopk`` draws than it keeps."""


class Sampler(Planned):
    """Parts a subset, or the whole dataset, into chosen items and the rest.

    Args:
        count: How many items are chosen. If there are fewer, all are, which is told.
        algorithm: "entropy" of the class probabilities in the annotations' attribute ``scores``.
        input_subset: Choose from this subset and leave all others; None: from all items.
        sampled_subset: Where the chosen items go.
        unsampled_subset: Where the rest of the input goes.
        sampling_method: "topk": the least certain items; "lowk": the most certain ones; "randk":
            random ones; "mixk": half topk, half lowk; "randtopk": topk of 3 · count random ones.
        output_file: A ``.csv`` file for the list of the chosen items.
        seed: Another seed gives other random items.

    Raises:
        OptionError: ``count`` is not given or not positive, both subsets are the same, or the
            file does not end in ``.csv``.
    """

    step = "sampler"

    def __init__(
        self,
        *,
        count: int | None = None,
        algorithm: Literal["entropy"] = "entropy",
        input_subset: str | None = None,
        sampled_subset: str = "sample",
        unsampled_subset: str = "unsampled",
        sampling_method: Method = "topk",
        output_file: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._count = whole_number(self.step, "count", count, 1)
        chosen(self.step, "algorithm", algorithm, ("entropy",))
        self._method: Method = chosen(self.step, "sampling_method", sampling_method, _METHODS)
        self._input = input_subset or None
        self._sampled, self._unsampled = sampled_subset, unsampled_subset
        if not sampled_subset or not unsampled_subset or sampled_subset == unsampled_subset:
            raise OptionError(
                f"{self.step}: the chosen items and the rest need two subsets, not"
                f" {sampled_subset!r} and {unsampled_subset!r}",
                hint="-o SUBSET -u OTHER",
            )
        if output_file is not None and not str(output_file).lower().endswith(".csv"):
            raise OptionError(f"{self.step}: output_file {output_file!r} does not end in .csv")
        self._file = output_file
        self._draw = Draws(seed)
        self._chosen: frozenset[tuple[str, str]] = frozenset()
        if self._method == "randk":
            self.plan_on = "ids"

    def header(self, header: Header) -> Header:
        """Return the header with the new subsets."""
        if self._input is None:
            names: tuple[str, ...] = (self._sampled, self._unsampled)
        elif not header.subsets:
            return header
        else:
            others = (name for name in header.subsets if name != self._input)
            names = tuple(dict.fromkeys((*others, self._sampled, self._unsampled)))
        return replace(header, subsets=names)

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Rank the items and choose.

        Raises:
            UsageError: There is no such subset, no item has scores, or two items would have the
                same id and subset.
        """
        inputs: list[DatasetItem] = []
        ranks: list[float] = []
        others: list[DatasetItem] = []
        for item in self.watch(items, self._input):
            bare = DatasetItem(item.id, item.subset, media=item.media if self._file else None)
            if self._input is not None and item.subset != self._input:
                if item.subset in {self._sampled, self._unsampled}:
                    others.append(bare)
                continue
            rank = self._rank(item)
            inputs.append(bare)
            ranks.append(-1.0 if rank is None else rank)
        scored = [n for n, rank in enumerate(ranks) if rank >= 0]
        if inputs and not scored:
            message, _, hint = next(iter(self._bad.values()))
            raise UsageError(f"{self.step}: no item has scores: {message}", hint=hint)
        if scored and self._count > len(scored):
            self._warnings.append(
                f"{self.step}: {self._count} items are wanted, all {len(scored)} are chosen"
            )
        picked = self._choose(scored, ranks, [self._draw(item) for item in inputs])
        self._chosen = frozenset((inputs[n].id, inputs[n].subset) for n in picked)
        self._check_names(inputs, others)
        if self._file is not None:
            from dsk_transforms.sampling.listing import write_list

            scored_by = None if self._method == "randk" else ranks
            write_list(
                self._file, [(inputs[n], scored_by[n] if scored_by else None) for n in picked]
            )

    def _rank(self, item: DatasetItem) -> float | None:
        if self._method == "randk":
            return 0.0
        try:
            return uncertainty(item)
        except RecordError as error:
            self.bad(item, error)
            return None

    def _choose(self, scored: list[int], ranks: list[float], lots: list[int]) -> list[int]:
        """Return the chosen positions, the first choice first."""
        count = min(self._count, len(scored))

        # Equal ranks are told apart by their lots, which do not depend on the items' order.
        def least_certain(n: int) -> tuple[float, int]:
            return -ranks[n], lots[n]

        def most_certain(n: int) -> tuple[float, int]:
            return ranks[n], -lots[n]

        def best(k: int, key: Callable[[int], Any], among: list[int] = scored) -> list[int]:
            return heapq.nsmallest(k, among, key=key)

        if self._method == "topk":
            return best(count, least_certain)
        if self._method == "lowk":
            return best(count, most_certain)
        if self._method == "randk":
            return best(count, lots.__getitem__)
        if self._method == "mixk":
            return [*best((count + 1) // 2, least_certain), *best(count // 2, most_certain)]
        return best(count, least_certain, best(_DRAWN * count, lots.__getitem__))

    def _check_names(self, inputs: list[DatasetItem], others: list[DatasetItem]) -> None:
        names = Names(self.step, "-o and -u name other subsets; rename changes ids")
        for item in others:
            names.add(item.id, item.subset, item)
        for item in inputs:
            names.add(item.id, self._new_subset(item), item)

    def _new_subset(self, item: DatasetItem) -> str:
        return self._sampled if (item.id, item.subset) in self._chosen else self._unsampled

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item in its new subset."""
        self.tell(item, ledger)
        if self._input is not None and item.subset != self._input:
            return item
        subset = self._new_subset(item)
        if subset == item.subset:
            return item
        what = f"subset {item.subset!r} → {subset!r}"
        ledger.add_at(CHANGED, what, item)
        return item.replace(subset=subset)
