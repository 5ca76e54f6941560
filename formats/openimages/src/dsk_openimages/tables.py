"""Annotation tables: an index of their rows by item, and their columns for a range of items."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dsk.errors import RecordError
from dsk_openimages.csvindex import parse_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.loss import Ledger
    from dsk_openimages.csvindex import CsvFile
    from dsk_openimages.items import Owned

__all__ = ["ItemTable", "Rows", "is_odd"]


class Rows(NamedTuple):
    """Rows of some items, ordered by item.

    Attributes:
        owners: The item of each row, counted from the first of the range.
        columns: The fields of the columns asked for; None for a column that is not there.
        spans: Byte offset and length of each run, to say where a row stands.
        counts: Number of rows of each run.
    """

    owners: NDArray[np.int64]
    columns: list[list[str] | None]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    counts: NDArray[np.int64]


class ItemTable:
    """One annotation file, indexed by item.

    Args:
        file: The file.
        owned: Its rows and their items.
        count: Number of items.
    """

    def __init__(self, file: CsvFile, owned: Owned, count: int) -> None:
        self.file = file
        wanted = owned.items >= 0
        sizes = np.bincount(owned.items[wanted], minlength=count)
        self._bounds = np.concatenate([[0], np.cumsum(sizes)])
        # Those of no item come first. With a run for each row, this is as much as all the rest.
        order = np.argsort(owned.items, kind="stable")[np.count_nonzero(~wanted) :]
        self._starts = owned.starts[order]
        self._lengths = owned.lengths[order]
        self._counts = owned.rows[order]
        self._asked: tuple[int, NDArray[np.int64]] = (-1, np.zeros(0, np.int64))

    def has_rows(self, first: int, stop: int) -> bool:
        """Whether a range of items has rows here."""
        return bool(self._bounds[first] < self._bounds[stop])

    def rows(self, first: int, stop: int, names: tuple[str, ...], ledger: Ledger) -> Rows | None:
        """Return the rows of a range of items; None if they have none.

        Rows that are no CSV, or too short, are bad records.
        """
        begin, end = int(self._bounds[first]), int(self._bounds[stop])
        if begin == end:
            return None
        starts = self._starts[begin:end]
        lengths = self._lengths[begin:end].astype(np.int64)
        counts = self._counts[begin:end].astype(np.int64)
        sizes = np.diff(self._bounds[first : stop + 1])
        owners = np.repeat(np.repeat(np.arange(stop - first), sizes), counts)
        numbers = [self.file.column(name) for name in names]
        columns = self._quick(starts, lengths, len(owners), numbers)
        if columns is None:
            run_owners = np.repeat(np.arange(stop - first), sizes)
            return self._careful(starts, lengths, run_owners, numbers, ledger)
        return Rows(owners, columns, starts, lengths, counts)

    def _quick(
        self,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        count: int,
        numbers: list[int | None],
    ) -> list[list[str] | None] | None:
        """Split plain rows in one go; None if they are not plain."""
        text = self._joined(starts, lengths)
        width = len(self.file.header)
        if b'"' in text or text.count(b"\n") != count or text.count(b",") != count * (width - 1):
            return None
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
        data = np.frombuffer(text, np.uint8)
        marks = data[(data == 44) | (data == 10)].reshape(count, width)
        if not (marks[:, -1] == 10).all():  # as many line ends as rows: each must end a row
            return None
        try:
            flat = text.decode().replace("\n", ",").split(",")
        except UnicodeDecodeError:
            return None
        flat.pop()
        return [flat[number::width] if number is not None else None for number in numbers]

    def _joined(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> bytes:
        view = self.file.view
        ends = starts + lengths
        fresh = np.flatnonzero(starts[1:] != ends[:-1]) + 1
        firsts = starts[np.concatenate([[0], fresh])].tolist()
        stops = ends[np.concatenate([fresh - 1, [len(ends) - 1]])].tolist()
        parts = [bytes(view[a:b]) for a, b in zip(firsts, stops, strict=True)]
        # The last line of a file may lack its end.
        return b"".join(part if part.endswith(b"\n") else part + b"\n" for part in parts)

    def _careful(
        self,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        run_owners: NDArray[np.int64],
        numbers: list[int | None],
        ledger: Ledger,
    ) -> Rows:
        """Parse run by run by the rules of CSV, and name what breaks them."""
        width, key = len(self.file.header), self.file.key
        owners: list[int] = []
        kept: list[list[str]] = []
        runs = zip(starts.tolist(), lengths.tolist(), run_owners.tolist(), strict=True)
        sizes = []
        for start, length, owner in runs:
            good = []
            rows = parse_rows(bytes(self.file.view[start : start + length]))
            if rows is None:
                bad = RecordError("the row is no valid CSV", where=self.file.line(start))
                ledger.bad_record(bad)
            for place, row in enumerate(rows or ()):
                if len(row) == width and row[key] and not any(map(is_odd, row)):
                    good.append(row)
                elif len(row) <= key or row[key]:
                    what = (
                        f"the row has {len(row)} fields, the header has {width}"
                        if len(row) != width
                        else "the row is not UTF-8"
                    )
                    ledger.bad_record(RecordError(what, where=self.file.line(start, place)))
            kept += good
            owners += [owner] * len(good)
            sizes.append(len(good))
        columns = [[row[n] for row in kept] if n is not None else None for n in numbers]
        return Rows(np.array(owners, np.int64), columns, starts, lengths, np.array(sizes, np.int64))

    def where(self, rows: Rows, row: int) -> str:
        """Return the place of a row, for messages."""
        stops = np.cumsum(rows.counts)
        run = int(np.searchsorted(stops, row, side="right"))
        place = row - int(stops[run] - rows.counts[run])
        start, stop = int(rows.starts[run]), int(rows.starts[run] + rows.lengths[run])
        if self._asked[0] != start:  # a run may be long, and many of its rows bad
            text = np.frombuffer(self.file.view[start:stop], np.uint8)
            self._asked = start, np.flatnonzero(text == 10) + 1
        ends = self._asked[1]
        return self.file.line(start + (int(ends[place - 1]) if 0 < place <= len(ends) else 0))


def is_odd(field: str) -> bool:
    """Tell whether a field has bytes that are not UTF-8."""
    return not field.isascii() and any("\ud800" <= c <= "\udfff" for c in field)
