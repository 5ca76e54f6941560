"""Indexing a large CSV file by one of its columns, without holding what it says.

A mapped file is walked once, window by window. Rows that follow one another and have the same value
in the key column form a run, of which only the value, the place and the number of rows are kept:
official files keep the rows of an image together, so 15 million boxes make 1.7 million runs. Rows
of one image may lie far apart all the same; then each is a run of its own.
"""

from __future__ import annotations

import csv
import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dsk.errors import InputError, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from dsk.loss import Ledger

    Ids = NDArray[np.bytes_]

__all__ = ["CsvFile", "Runs", "encode_ids", "parse_rows", "stand_in"]

WINDOW = 8 << 20
MAX_ROW = 64 << 20
MAX_KEY = 1024
"""The longest value of a key column, in bytes: no image has a longer name."""

SHORT = 15
"""How long a field may be that is read without parsing its row."""

LONGEST = 64
"""The longest name, in bytes, that arrays of names hold itself."""

_BLOCK = 1 << 16
_NEWLINE, _COMMA, _QUOTE, _RETURN = b'\n,"\r'


class Runs(NamedTuple):
    """Neighbouring rows of one key.

    Attributes:
        keys: The value of the key column, UTF-8.
        starts: Byte offset of the first row.
        lengths: Number of bytes, line ends included.
        rows: Number of rows, blank lines not counted.
    """

    keys: Ids
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    rows: NDArray[np.int64]


class CsvFile:
    """A CSV file with a header row.

    Args:
        view: Its content, mapped or in memory.
        where: Its name, for messages.
        key: The column to index by.
        long: Gets long keys, see ``stand_in``.

    Raises:
        InputError: It is empty, no text, or has no such column.
    """

    def __init__(
        self,
        view: memoryview,
        where: str,
        key: str = "ImageID",
        long: dict[bytes, bytes] | None = None,
    ) -> None:
        self.view = view
        self.long = long if long is not None else {}
        self.where = where
        self._bytes = np.frombuffer(view, np.uint8) if len(view) else np.zeros(0, np.uint8)
        end = self._line_end(0)
        try:
            line = bytes(view[:end]).decode("utf-8-sig")
            row = next(csv.reader([line.strip("\r\n")]), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError("the first line is no CSV header", where=where) from error
        self.header = [name.strip() for name in row]
        folded = [name.lower() for name in self.header]
        if key.lower() not in folded:
            what = "the file is empty" if not line.strip() else f"there is no column {key}"
            raise InputError(what, where=where, hint=f"the first line names the columns: {key}, …")
        self.key = folded.index(key.lower())
        self.begin = end
        self._lines = [0]  # how many end before each block

    def column(self, name: str) -> int | None:
        """Return a column's number, or None."""
        folded = name.lower()
        return next((n for n, head in enumerate(self.header) if head.lower() == folded), None)

    def rename(self, name: str, other: str) -> None:
        """Let a column, if there is one, stand for another, which is not read then."""
        place = self.column(name)
        if place is not None and name.lower() != other.lower():
            self.header = ["" if h.lower() == other.lower() else h for h in self.header]
            self.header[place] = other

    def require(self, *names: str) -> None:
        """Make sure that there are columns of these names.

        Raises:
            InputError: One is missing.
        """
        for name in names:
            if self.column(name) is None:
                raise InputError(f"there is no column {name}", where=self.where)

    def others(self, names: Iterable[str]) -> list[str]:
        """Return the columns beside the key that have none of these names."""
        known = {"", self.header[self.key].lower(), *(name.lower() for name in names)}
        return [name for name in self.header if name.lower() not in known]

    def line(self, offset: int, rows: int = 0) -> str:
        """Return ``file:line`` of some rows behind a byte offset."""
        block = offset // _BLOCK
        while len(self._lines) <= block:  # every line is counted once, however many are asked for
            start = (len(self._lines) - 1) * _BLOCK
            self._lines.append(self._lines[-1] + self._count(start, start + _BLOCK))
        number = 1 + rows + self._lines[block] + self._count(block * _BLOCK, offset)
        return f"{self.where}:{number}"

    def _count(self, start: int, stop: int) -> int:
        return int(np.count_nonzero(self._bytes[start:stop] == _NEWLINE))

    def scan(self, ledger: Ledger) -> Runs:
        """Index the rows; rows without a key are bad records."""
        parts = list(self.pieces(ledger))
        if not parts:
            none = np.zeros(0, np.int64)
            return Runs(np.zeros(0, "S1"), none, none, none)
        return Runs(*(np.concatenate(found) for found in zip(*parts, strict=True)))

    def pieces(self, ledger: Ledger) -> Iterator[Runs]:
        """Index the rows window by window; a run does not reach into the next window."""
        for start, stop in self._windows():
            yield self._runs(start, stop, ledger)

    def windows(self) -> Iterator[bytes]:
        """Yield the rows in pieces that end at ends of rows."""
        for start, stop in self._windows():
            yield bytes(self.view[start:stop])

    def _line_end(self, start: int) -> int:
        """Return the offset behind a line that has no quoted line end."""
        for size in (1 << 12, MAX_ROW):
            part = self._bytes[start : start + size]
            ends = np.flatnonzero(part == _NEWLINE)
            if len(ends):
                return start + int(ends[0]) + 1
        return min(len(self._bytes), start + MAX_ROW)

    def _windows(self) -> Iterator[tuple[int, int]]:
        start, size, total = self.begin, WINDOW, len(self._bytes)
        while start < total:
            stop = min(start + size, total)
            if stop < total:
                ends = self._row_ends(start, stop)
                if not len(ends):
                    if size > MAX_ROW:
                        raise InputError(
                            f"a row is longer than {MAX_ROW >> 20} MB", where=self.line(start)
                        )
                    size *= 2
                    continue
                stop = int(ends[-1]) + 1
            yield start, stop
            start, size = stop, WINDOW

    def _row_ends(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return where the rows of a window end: line ends that are not inside quotes."""
        part = self._bytes[start:stop]
        ends = np.flatnonzero(part == _NEWLINE)
        quotes = np.flatnonzero(part == _QUOTE)
        if len(quotes):
            ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        return ends + start

    def _runs(self, start: int, stop: int, ledger: Ledger) -> Runs:
        ends = self._row_ends(start, stop) + 1
        if not len(ends) or ends[-1] != stop:
            ends = np.append(ends, stop)
        starts = np.concatenate([[start], ends[:-1]])
        full = self._bytes[starts] != _NEWLINE
        full &= (self._bytes[starts] != _RETURN) | (ends - starts > 2)
        starts, ends = starts[full], ends[full]
        if not len(starts):
            return Runs(np.zeros(0, "S1"), starts, starts, starts)
        keys = self._first_column(starts, stop) if self.key == 0 else None
        if keys is None:
            keys = self._any_column(starts, ends)
        keys, starts, ends = self._checked(keys, starts, ends, ledger)
        if not len(starts):
            return Runs(np.zeros(0, "S1"), starts, starts, starts)
        fresh = np.ones(len(keys), bool)
        fresh[1:] = keys[1:] != keys[:-1]
        firsts = np.flatnonzero(fresh)
        bounds = np.append(firsts, len(keys))
        lengths = ends[bounds[1:] - 1] - starts[firsts]
        return Runs(keys[firsts], starts[firsts], lengths, np.diff(bounds))

    def _checked(
        self, keys: Ids, starts: NDArray[np.int64], ends: NDArray[np.int64], ledger: Ledger
    ) -> tuple[Ids, NDArray[np.int64], NDArray[np.int64]]:
        bad = keys == b""
        if not bad.any():
            return keys, starts, ends
        name = self.header[self.key]
        for row in np.flatnonzero(bad).tolist():
            where = self.line(int(starts[row]))
            ledger.bad_record(RecordError(f"a row without a usable {name}", where=where))
        return keys[~bad], starts[~bad], ends[~bad]

    def _first_column(self, starts: NDArray[np.int64], stop: int) -> Ids | None:
        """Return the first fields of rows; None where one is quoted or not plain."""
        data = self._bytes
        if (data[starts] == _QUOTE).any():
            return None
        first = int(starts[0])
        commas = np.flatnonzero(data[first:stop] == _COMMA) + first
        if not len(commas):
            return None
        places = np.searchsorted(commas, starts)
        if int(places[-1]) >= len(commas):
            return None
        widths = commas[places] - starts
        widest = int(widths.max())
        if widest > MAX_KEY or widest == 0:
            return None
        widest = min(widest, LONGEST)
        keys = np.zeros((len(starts), widest), np.uint8)
        for column in range(widest):
            rows = np.flatnonzero(widths > column)
            keys[rows, column] = data[starts[rows] + column]
        if (keys == _NEWLINE).any():
            return None
        for row in np.flatnonzero(widths > LONGEST).tolist():
            key = bytes(self.view[int(starts[row]) : int(starts[row] + widths[row])])
            if b"\n" in key:
                return None
            short = stand_in(key, self.long)
            keys[row] = 0
            keys[row, : len(short)] = np.frombuffer(short, np.uint8)
        found: Ids = keys.view(f"S{widest}").reshape(-1)
        return found

    def behind_key(self, keys: Ids, starts: NDArray[np.int64]) -> Ids | None:
        """Return the fields behind the key column of some rows.

        Returns:
            None if the key is not the first column, or a field is quoted or longer than ``SHORT``.
        """
        if self.key or not len(starts):
            return None
        data, last = self._bytes, len(self._bytes) - 1
        begins = starts + np.char.str_len(keys)  # inside of a key that another stands for
        if (data[starts] == _QUOTE).any() or (data[np.minimum(begins, last)] != _COMMA).any():
            return None
        cells = np.zeros((len(starts), SHORT + 1), np.uint8)
        inside = np.ones(len(starts), bool)
        for n in range(SHORT + 1):
            begins += 1
            values = data[np.minimum(begins, last)]
            inside &= (begins <= last) & (values != _COMMA)
            inside &= (values != _NEWLINE) & (values != _RETURN)
            cells[inside, n] = values[inside]
        if inside.any() or (cells == _QUOTE).any():
            return None
        found: Ids = cells.view(f"S{SHORT + 1}").reshape(-1)
        return found

    def _any_column(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Ids:
        rows = parse_rows(bytes(self.view[int(starts[0]) : int(ends[-1])]))
        if rows is None or len(rows) != len(starts):  # name the odd ones
            rows = []
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                found = parse_rows(bytes(self.view[start:end]))
                rows.append(found[0] if found else [])
        keys = [
            row[self.key].encode("utf-8", "surrogateescape") if self.key < len(row) else b""
            for row in rows
        ]
        return encode_ids([key if len(key) <= MAX_KEY else b"" for key in keys], self.long)


def encode_ids(keys: list[bytes], long: dict[bytes, bytes]) -> Ids:
    """Return names as an array of bytes of one width; long ones by ``stand_in``."""
    short = [key if len(key) <= LONGEST else stand_in(key, long) for key in keys]
    return np.array(short, "S") if short else np.zeros(0, "S1")


def stand_in(key: bytes, long: dict[bytes, bytes]) -> bytes:
    """Return what stands for a long name in arrays, whose width is that of their longest element.

    One name of a thousand bytes would make as many of each of a million others.

    Args:
        key: The name.
        long: Gets it, by what stands for it.
    """
    short = b"\xff" + hashlib.blake2b(key, digest_size=16).hexdigest().encode()
    long[short] = key
    return short


def parse_rows(text: bytes) -> list[list[str]] | None:
    """Parse rows by the rules of CSV; blank lines are left out, odd bytes become surrogates.

    Returns:
        The rows; None when the text breaks the rules.
    """
    lines = (f"{line}\n" for line in text.decode("utf-8", "surrogateescape").split("\n"))
    limit = csv.field_size_limit()  # of the whole process, so only raised while it is needed
    csv.field_size_limit(max(limit, len(text)))
    try:
        return [row for row in csv.reader(lines) if row]
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(limit)
