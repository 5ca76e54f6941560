"""Putting items in another order, or several together, without holding them in memory.

The items go to a temporary file; only their keys and places are kept.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import weakref
from itertools import groupby
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.flow import Rearrangement, Source
from dsk.loss import Ledger
from dsk.steps import headers, iterate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.flow import Transform
    from dsk.item import DatasetItem

__all__ = ["ArrangedSource"]

Group = tuple[int, int]
"""Where the entries of items with one key begin and end."""


class ArrangedSource(Source):
    """The items of a source after some steps, in the order of a rearrangement.

    Args:
        source: Where the items come from.
        steps: Planned steps that they go through first.
        arrangement: What says the order, and what becomes of items with one key.
        ledger: Counts what goes in and what the steps report; reading this source does not.
    """

    replays = True

    def __init__(
        self,
        source: Source,
        steps: Sequence[Transform],
        arrangement: Rearrangement,
        ledger: Ledger,
    ) -> None:
        self._arrangement = arrangement
        self._file = tempfile.TemporaryFile(prefix="dsk-")  # noqa: SIM115 - lives with the source
        self._closing = weakref.finalize(self, self._file.close)
        self._spill(source, steps, ledger)
        header = headers(source.header, [*steps, arrangement])
        self.header = replace(header, items=None)

    def _spill(self, source: Source, steps: Sequence[Transform], ledger: Ledger) -> None:
        entries: list[tuple[Any, int, int]] = []
        at = 0
        key_of, write = self._arrangement.key, self._file.write
        headers(source.header, steps)
        for partition in source.partitions():
            for item in iterate(source, partition, steps, ledger):
                data = pickle.dumps(item, protocol=5)
                write(data)
                entries.append((key_of(item), at, len(data)))
                at += len(data)
        self._file.flush()
        entries.sort(key=lambda entry: entry[0])
        self._places = [(start, size) for _, start, size in entries]
        # Items that stay themselves are groups of their own: a key may have a million of them.
        whole = type(self._arrangement).join is not Rearrangement.join
        self._groups = _groups([entry[0] for entry in entries] if whole else range(len(entries)))

    def partitions(self) -> Sequence[Any]:
        """Return lists of groups; a group is never cut."""
        parts: list[list[Group]] = []
        filled = self.partition_items
        for start, stop in self._groups:
            if filled >= self.partition_items:
                parts.append([])
                filled = 0
            parts[-1].append((start, stop))
            filled += stop - start
        return parts

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items of some groups, in order."""
        file, places = self._file.fileno(), self._places
        for start, stop in partition:
            items = [
                pickle.loads(os.pread(file, size, at))  # noqa: S301 - written by ourselves
                for at, size in places[start:stop]
            ]
            yield from self._arrangement.join(items, ledger)

    def close(self) -> None:
        """Release the temporary file."""
        self._closing()


def _groups(keys: Sequence[Any]) -> list[Group]:
    groups: list[Group] = []
    start = 0
    for _, members in groupby(keys):
        stop = start + sum(1 for _ in members)
        groups.append((start, stop))
        start = stop
    return groups
