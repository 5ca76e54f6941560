"""Near-duplicate removal: of images that are alike, one stays."""

from __future__ import annotations

import heapq
import tempfile
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from msgspec.structs import replace

from dsk.errors import OptionError, UsageError
from dsk.item import DEFAULT_SUBSET
from dsk_transforms.sampling.base import CHANGED, Planned, chosen, whole_number
from dsk_transforms.sampling.draws import Draws, waiting_time
from dsk_transforms.sampling.gradient import (
    LEAST,
    LENGTH,
    SIDE,
    features,
    hashes_of,
    similarities,
)
from dsk_transforms.sampling.hamming import representatives
from dsk_transforms.sampling.thumbnails import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["NearDuplicateRemoval"]

_BITS = 6
"""Bits of 64 in which the hashes of duplicates may differ: 19 of 20 pairs that are just alike
enough differ in no more, and nearly all that are more alike."""

_KEY = np.uint64(32)
"""The first 32 bits of the hash are the key by which ``inverse`` counts what is alike."""


class _Seen(NamedTuple):
    """The images of the working subset.

    Attributes:
        ids: (n,) ids of their items.
        lots: (n,) what these drew.
        hashes: (n,) hashes of their features.
        stays: (n,) which image stays for each.
        alike: (n,) how similar each is to that one.
    """

    ids: list[str]
    lots: list[int]
    hashes: NDArray[np.uint64]
    stays: NDArray[np.int64]
    alike: NDArray[np.float64]


class NearDuplicateRemoval(Planned):
    """Moves images that are like an earlier one to another subset.

    Args:
        working_subset: The subset that is looked through; None: "default".
        duplicated_subset: Where the items go whose images are not kept.
        algorithm: "gradient", see ``gradient.features``.
        num_cut: How many images are kept; None: all that are not duplicates.
        over_sample: Which duplicates are kept too if ``num_cut`` is larger than what is left:
            "random" ones, or those with the least "similarity" to what is kept.
        under_sample: How images are drawn if ``num_cut`` is smaller than what is left: "uniform",
            or "inverse": the more images share a hash, the smaller is the chance of each.
        seed: Another seed gives another sample.

    Raises:
        OptionError: The subsets are the same, or ``num_cut`` is not positive.
    """

    step = "ndr"
    plan_on = "ids"

    def __init__(
        self,
        *,
        working_subset: str | None = None,
        duplicated_subset: str = "duplicated",
        algorithm: Literal["gradient"] = "gradient",
        num_cut: int | None = None,
        over_sample: Literal["random", "similarity"] = "random",
        under_sample: Literal["uniform", "inverse"] = "uniform",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._working = working_subset or DEFAULT_SUBSET
        self._duplicated = duplicated_subset or DEFAULT_SUBSET
        if self._working == self._duplicated:
            raise OptionError(
                f"{self.step}: duplicates cannot go to subset {self._working!r}, they are there",
                hint="-d names another subset",
            )
        chosen(self.step, "algorithm", algorithm, ("gradient",))
        self._cut = None if num_cut is None else whole_number(self.step, "num_cut", num_cut, 1)
        self._over = chosen(self.step, "over_sample", over_sample, ("random", "similarity"))
        self._under = chosen(self.step, "under_sample", under_sample, ("uniform", "inverse"))
        self._draw = Draws(seed)
        self._moved: frozenset[str] = frozenset()

    def header(self, header: Header) -> Header:
        """Return the header with the subset of the duplicates."""
        if not header.subsets or self._duplicated in header.subsets:
            return header
        return replace(header, subsets=(*header.subsets, self._duplicated))

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Look at the images and decide which stay.

        Raises:
            UsageError: There is no such subset, or the subset of the duplicates has an item of
                the same id as one that would go there.
        """
        taken: set[str] = set()
        with tempfile.TemporaryFile(prefix="dsk-") as file:
            seen = self._look(items, taken, file)
        kept = self._kept(seen)
        self._moved = frozenset(name for n, name in enumerate(seen.ids) if n not in kept)
        clash = min(taken & self._moved, default=None)
        if clash is not None:
            raise UsageError(
                f"{self.step}: subset {self._duplicated!r} has an item {clash!r} already",
                hint="-d names another subset for the duplicates",
            )

    def _look(self, items: Iterable[DatasetItem], taken: set[str], file: IO[bytes]) -> _Seen:
        """Find duplicates; features go to the file, so that a few bytes an image are held."""
        ids: list[str] = []
        lots: list[int] = []

        def working() -> Iterator[DatasetItem]:
            for item in self.watch(items, self._working):
                if item.subset == self._working:
                    ids.append(item.id)
                    lots.append(self._draw(item))
                    yield item if not item.annotations else item.replace(annotations=())
                elif item.subset == self._duplicated:
                    taken.add(item.id)

        hashes = [np.zeros(0, np.uint64)]
        there: list[bool] = []
        for images, seen in batches(working(), SIDE, "RGB", self.bad):
            there += seen
            vectors = features(images[seen])
            hashes.append(hashes_of(vectors))
            file.write(vectors.tobytes())
        file.flush()
        absent = len(there) - sum(there) - len(self._bad)
        if absent:
            self._warnings.append(f"{self.step}: {absent} items stay that have no image")
        ids = [name for name, seen in zip(ids, there, strict=True) if seen]
        lots = [lot for lot, seen in zip(lots, there, strict=True) if seen]
        found = np.concatenate(hashes)
        stays, alike = representatives(found, _BITS, _comparing(file, len(ids)), LEAST)
        return _Seen(ids, lots, found, stays, alike)

    def _kept(self, seen: _Seen) -> set[int]:
        """Return the positions of the images that stay."""
        kept = np.flatnonzero(seen.stays == np.arange(len(seen.stays))).tolist()
        cut, lots = self._cut, seen.lots
        if cut is None or cut == len(kept):
            return set(kept)
        if cut < len(kept):
            if self._under == "uniform":
                return set(heapq.nsmallest(cut, kept, key=lots.__getitem__))
            times = _inverse_times(seen.hashes[kept], [lots[n] for n in kept])
            return {kept[n] for n in heapq.nsmallest(cut, range(len(kept)), key=times.__getitem__)}
        if cut > len(seen.ids) > 0:
            self._warnings.append(
                f"{self.step}: {cut} images are wanted, all {len(seen.ids)} of subset"
                f" {self._working!r} stay"
            )
        others = np.flatnonzero(seen.stays != np.arange(len(seen.stays))).tolist()
        more = cut - len(kept)
        if self._over == "random":
            return {*kept, *heapq.nsmallest(more, others, key=lots.__getitem__)}
        # Whole numbers of 2⁻³⁰: no machine's rounding decides the order.
        nearness = np.rint(seen.alike * (1 << 30)).astype(np.int64).tolist()
        return {*kept, *heapq.nsmallest(more, others, key=nearness.__getitem__)}

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item, in another subset if its image is not kept."""
        self.tell(item, ledger)
        if item.subset != self._working or item.id not in self._moved:
            return item
        what = f"not kept by {self.step}: subset {self._working!r} → {self._duplicated!r}"
        ledger.add_at(CHANGED, what, item)
        return item.replace(subset=self._duplicated)


def _comparing(
    file: IO[bytes], count: int
) -> Callable[[int, NDArray[np.int64]], NDArray[np.float64]]:
    vectors: NDArray[np.int16] = np.zeros((0, LENGTH), np.int16)
    if count:
        vectors = np.memmap(file, np.int16, "r", shape=(count, LENGTH))
    return lambda one, others: similarities(vectors[one], vectors[others])


def _inverse_times(hashes: NDArray[np.uint64], lots: list[int]) -> list[float]:
    """Return waiting times for a draw in which each key has a chance of 1 / (images of the key).

    The images of a key share its chance, so each has 1 / (images of the key)².
    """
    _, inverse, counts = np.unique(hashes >> _KEY, return_inverse=True, return_counts=True)
    alike = counts[inverse.reshape(-1)].tolist()
    return [waiting_time(lot, 1.0 / n**2) for lot, n in zip(lots, alike, strict=True)]
