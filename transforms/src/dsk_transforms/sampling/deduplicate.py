"""Removing items that show what others show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from msgspec.structs import replace

from dsk.errors import OptionError
from dsk.media import MultiframeImage, VideoFrame
from dsk_transforms.sampling.base import Planned, chosen
from dsk_transforms.sampling.hamming import BITS, representatives
from dsk_transforms.sampling.similarity import hash_images
from dsk_transforms.splits.groups import Grouping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.media import Media

__all__ = ["DeduplicateItems"]

_SHOWN = 5


class DeduplicateItems(Planned):
    """Removes items whose media are equal to, or look like, those of an earlier item.

    Args:
        method: "exact": media are equal byte by byte; "near": images look alike.
        threshold: Bits of 64 in which the hashes of images that look alike may differ.
        subset: Look at this subset only; None: at all items, whatever their subsets.

    Raises:
        OptionError: The threshold is not in 0 … 64.
    """

    step = "deduplicate_items"
    plan_on = "ids"

    def __init__(
        self,
        *,
        method: Literal["exact", "near"] = "exact",
        threshold: int = 4,
        subset: str | None = None,
    ) -> None:
        super().__init__()
        self._near = chosen(self.step, "method", method, ("exact", "near")) == "near"
        if not 0 <= threshold <= BITS:
            raise OptionError(f"{self.step}: threshold is from 0 to {BITS} bits, not {threshold}")
        self._threshold = threshold
        self._subset = subset or None
        self._gone: frozenset[tuple[str, str]] = frozenset()
        self._pairs = ""

    def header(self, header: Header) -> Header:
        """Return the header; how many items stay is not known yet."""
        return replace(header, items=None)

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Find the items that show what an earlier one shows.

        Raises:
            UsageError: There is no such subset.
        """
        keys: list[tuple[str, str]] = []
        looked = self._looked_at(items, keys)
        stays = self._near_ones(looked) if self._near else self._equal_ones(looked)
        gone = np.flatnonzero(stays != np.arange(len(stays))).tolist()
        self._gone = frozenset(keys[n] for n in gone)
        pairs = [f"{_name(keys[n])} as {_name(keys[stays[n]])}" for n in gone[:_SHOWN]]
        more = f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
        self._pairs = ", ".join(pairs) + more

    def _looked_at(
        self, items: Iterable[DatasetItem], keys: list[tuple[str, str]]
    ) -> Iterator[DatasetItem]:
        absent = 0
        for item in self.watch(items, self._subset):
            if self._subset is not None and item.subset != self._subset:
                continue
            keys.append((item.id, item.subset))
            absent += not _has_content(item.media)
            yield item if not item.annotations else item.replace(annotations=())
        if absent:
            self._warnings.append(f"{self.step}: {absent} items stay whose media are not there")

    def _equal_ones(self, items: Iterable[DatasetItem]) -> NDArray[np.int64]:
        grouping = Grouping("image", "", self._threshold, self.step)
        groups = np.array(grouping.numbers(items), np.int64)
        _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
        found: NDArray[np.int64] = first[inverse.reshape(-1)]
        return found

    def _near_ones(self, items: Iterable[DatasetItem]) -> NDArray[np.int64]:
        hashes = hash_images(items, self.bad)
        stays = np.arange(len(hashes.values))
        places = np.flatnonzero(hashes.there)
        stays[places] = places[representatives(hashes.values[places], self._threshold)[0]]
        return stays

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | tuple[()]:
        """Remove the item if an earlier one shows the same, and say so in words."""
        self.tell(item, ledger)
        if (item.id, item.subset) not in self._gone:
            return item
        like = "looks like" if self._near else "is"
        what = f"item whose image {like} an earlier one's"
        ledger.add_at("DSK-L020", what, item, hint=self._pairs)
        if item.annotations:
            ledger.add_at(
                "DSK-L019", f"with items removed by {self.step}", item, count=len(item.annotations)
            )
        return ()


def _has_content(media: Media | None) -> bool:
    if isinstance(media, MultiframeImage):
        return bool(media.frames)
    if isinstance(media, VideoFrame) and media.video is not None:
        return True
    return media is not None and media.exists


def _name(key: tuple[str, str]) -> str:
    return f"{key[0]!r} of {key[1]!r}"
