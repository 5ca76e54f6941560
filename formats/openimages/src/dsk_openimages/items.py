"""Which items there are: ids and subsets of millions of images in a few numpy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dsk.errors import RecordError
from dsk_openimages.csvindex import CsvFile, encode_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dsk.loss import Ledger
    from dsk_openimages.csvindex import Ids, Runs

__all__ = ["NONE", "ItemIndex", "Owned"]

NONE = -1


class Owned(NamedTuple):
    """Runs of rows and the items they belong to; see ``Runs``.

    Attributes:
        items: The number of each run's item, -1 for one that is not wanted.
        starts: Byte offset of the first row.
        lengths: Number of bytes.
        rows: Number of rows.
    """

    items: NDArray[np.int32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.uint32]
    rows: NDArray[np.uint32]


_NOTHING = Owned(
    np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.uint32)
)


class ItemIndex:
    """Ids and subsets of items, in order; identity is both together.

    Attributes:
        ids: Ids, UTF-8.
        subset: Number of each item's subset.
        subsets: Names of the subsets.
        list_number: Which list of images an item's row stands in, -1 for none.
        row_start: Byte offset of that row.
        row_length: Its length.
        long: Ids by what stands for them, see ``csvindex.stand_in``.
    """

    def __init__(self) -> None:
        self.ids: Ids = np.zeros(0, "S1")
        self.subset: NDArray[np.int32] = np.zeros(0, np.int32)
        self.subsets: list[str] = []
        self.list_number: NDArray[np.int16] = np.zeros(0, np.int16)
        self.row_start: NDArray[np.int64] = np.zeros(0, np.int64)
        self.row_length: NDArray[np.int32] = np.zeros(0, np.int32)
        self.long: dict[bytes, bytes] = {}
        self._order: NDArray[np.int64] = np.zeros(0, np.int64)
        self._sorted: Ids = self.ids
        self._repeated = False

    def __len__(self) -> int:
        return len(self.ids)

    def subset_number(self, name: str) -> int:
        """Return the number of a subset, a new one if need be."""
        if name not in self.subsets:
            self.subsets.append(name)
        return self.subsets.index(name)

    def _add(
        self,
        ids: Ids,
        subset: NDArray[np.int32],
        number: int,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> None:
        count = len(ids)
        self.ids = np.concatenate([self.ids, ids])
        self.subset = np.concatenate([self.subset, subset])
        fresh = np.full(count, number, np.int16)
        self.list_number = np.concatenate([self.list_number, fresh])
        self.row_start = np.concatenate([self.row_start, starts])
        self.row_length = np.concatenate([self.row_length, lengths.astype(np.int32)])
        self._order = np.argsort(self.ids, kind="stable")
        self._sorted = self.ids[self._order]
        self._repeated = bool((self._sorted[1:] == self._sorted[:-1]).any())

    def add_list(
        self, file: CsvFile, number: int, runs: Runs, subset: NDArray[np.int32], ledger: Ledger
    ) -> None:
        """Add the images of a list; those that an earlier list has in the same subset stay.

        Args:
            file: The list.
            number: Its number.
            runs: Its rows by id.
            subset: The subset of each.
            ledger: Where ids go that the list repeats.
        """
        known = self.find(runs.keys, subset) if len(self) else np.full(len(subset), NONE)
        there = known >= 0
        there[there] = self.subset[known[there]] == subset[there]
        order = np.lexsort((subset, runs.keys))
        again = np.zeros(len(order), bool)
        same = runs.keys[order[1:]] == runs.keys[order[:-1]]
        same &= subset[order[1:]] == subset[order[:-1]]
        again[order[1:][same]] = True
        for row in np.flatnonzero(again | (runs.rows > 1)).tolist():
            name = self.full(runs.keys[row]).decode("utf-8", "replace")
            where = file.line(int(runs.starts[row]))
            ledger.bad_record(RecordError(f"the image {name} is listed twice", where=where))
        keep = ~there & ~again
        self._add(runs.keys[keep], subset[keep], number, runs.starts[keep], runs.lengths[keep])

    def find(self, ids: Ids, subset: NDArray[np.int32] | int) -> NDArray[np.int64]:
        """Return the numbers of items by id, -1 where there is none.

        Where several subsets have an id, the item of ``subset`` is taken, else the first.
        """
        if not len(self) or not len(ids):
            return np.full(len(ids), NONE, np.int64)
        left = np.searchsorted(self._sorted, ids)
        place = np.minimum(left, len(self) - 1)
        found = np.where(self._sorted[place] == ids, self._order[place], NONE)
        if self._repeated:
            right = np.searchsorted(self._sorted, ids, side="right")
            wanted = np.broadcast_to(np.asarray(subset), (len(ids),))
            for row in np.flatnonzero(right - left > 1).tolist():
                for number in self._order[left[row] : right[row]].tolist():
                    if self.subset[number] == wanted[row]:
                        found[row] = number
        return found

    def resolve(self, pieces: Iterable[Runs], subset: str) -> Owned:
        """Find the items of runs; ids that no list names become items.

        Args:
            pieces: Rows by id. Their ids are not kept: they would be most of what is held.
            subset: The subset that the file's name says.
        """
        number = self.subsets.index(subset) if subset in self.subsets else NONE
        parts, unknown = [_NOTHING], []
        for runs in pieces:
            found = self.find(runs.keys, number).astype(np.int32)
            # Of an id that no list has, the file's name says the subset.
            there = found >= 0
            known = found[there]
            there[there] = (self.list_number[known] != NONE) | (self.subset[known] == number)
            found[~there] = NONE
            if not there.all():
                unknown.append(runs.keys[~there])
            lengths, rows = runs.lengths.astype(np.uint32), runs.rows.astype(np.uint32)
            parts.append(Owned(found, runs.starts, lengths, rows))
        owned = Owned(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        if unknown:
            keys = np.concatenate(unknown)
            fresh, firsts = np.unique(keys, return_index=True)
            self.add_unlisted(fresh[np.argsort(firsts)], subset)
            number = self.subset_number(subset)
            owned.items[owned.items < 0] = self.find(keys, number)
        return owned

    def add_unlisted(self, ids: Ids, subset: str) -> None:
        """Add items of one subset that no list names."""
        numbers = np.full(len(ids), self.subset_number(subset), np.int32)
        none = np.zeros(len(ids), np.int64)
        self._add(ids, numbers, NONE, none, none)

    def find_names(self, names: Iterable[str], subset: int) -> NDArray[np.int64]:
        """Return the numbers of items by their ids as text."""
        return self.find(self.encode(names), subset)

    def encode(self, names: Iterable[str]) -> Ids:
        """Return ids as they stand in ``ids``."""
        return encode_ids([name.encode("utf-8", "surrogateescape") for name in names], self.long)

    def full(self, item_id: bytes) -> bytes:
        """Return an id as it is written of one that stands in ``ids``."""
        return self.long.get(item_id, item_id)

    def keep(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Leave out items; return the new number of each old one, -1 for those that went."""
        moved = np.where(chosen, np.cumsum(chosen) - 1, NONE)
        for name in ("ids", "subset", "list_number", "row_start", "row_length"):
            setattr(self, name, getattr(self, name)[chosen])
        self._order = np.argsort(self.ids, kind="stable")
        self._sorted = self.ids[self._order]
        return moved
