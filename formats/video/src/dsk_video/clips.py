"""Reading Kinetics tables: rows of clips in CSV, objects of clips in JSON, by slices."""

from __future__ import annotations

import csv
import io
import math
from abc import ABC, abstractmethod
from array import array
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Raw, Struct

from dsk.errors import InputError, RecordError
from dsk.jsonerrors import UNDECODABLE, json_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["Clip", "CsvTable", "JsonTable", "Table"]

ID, LABEL, START, END, SPLIT = "youtube_id", "label", "time_start", "time_end", "split"
_NEWLINE = 10
_AT_ONCE = 1024
"""Rows that are decoded at once."""

COLUMNS = (LABEL, ID, START, END, SPLIT)


class Clip(Struct, frozen=True):
    """One row: a part of a video and what is done in it.

    Attributes:
        id: The video's id at YouTube, or another name.
        label: What is done, or "".
        start: Where the clip begins, in seconds; None when not stated.
        end: Where it ends.
        subset: Its subset.
        more: Further columns by name.
    """

    id: str
    label: str
    start: float | None
    end: float | None
    subset: str
    more: dict[str, Any]


class Table(ABC):
    """A table of clips; holds where its rows are.

    Args:
        root: The dataset.
        name: The file.
    """

    def __init__(self, root: InputRoot, name: str) -> None:
        self.where = root.show(name)
        base = name.rpartition("/")[2]
        self.subset = base.rpartition(".")[0] or base

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, rows: Sequence[int], ledger: Ledger) -> Iterator[tuple[int, Clip]]:
        """Yield some rows by number; bad ones go to the ledger."""


class CsvTable(Table):
    """A CSV file whose first line names the columns.

    Attributes:
        odd: What makes one doubt that its first line is whole, or "".

    Raises:
        InputError: It is no text, or has no column of ids.
    """

    def __init__(self, root: InputRoot, name: str) -> None:
        super().__init__(root, name)
        self._view = root.buffer(name)
        self._starts = array("q")
        lines = _Lines(self._view, self.where)
        rows = csv.reader(lines)
        try:
            head = next(filter(None, rows), [])
            columns = [column.strip().lower() for column in head]
            if ID not in columns:
                raise InputError(f"there is no column {ID}", where=self.where)
            start = lines.position
            for row in rows:
                if row:
                    self._starts.append(start)
                start = lines.position
        except csv.Error as error:
            raise InputError(f"no readable CSV: {error}", where=self.where) from error
        self._starts.append(start)
        places = {name: place for place, name in reversed(list(enumerate(columns)))}
        self._id = places[ID]
        self._places = [places.get(column) for column in (LABEL, START, END, SPLIT)]
        self._others = [(n, c) for n, c in enumerate(columns) if c and c not in COLUMNS]
        self._last = len(columns) - 1
        self.odd = self._odd(columns)

    def _odd(self, columns: list[str]) -> str:
        if self._others and not len(self):
            return "has no rows: its first line may be several that were joined"
        first, name = self._others[0] if self._others else (self._id, "")
        if LABEL not in columns and first < self._id:
            return f"has no column {LABEL}, and its column {name} is not read as labels"
        return ""

    def __len__(self) -> int:
        return len(self._starts) - 1

    def read(self, rows: Sequence[int], ledger: Ledger) -> Iterator[tuple[int, Clip]]:
        """See ``Table.read``."""
        for first, stop in _runs(rows):
            text = bytes(self._view[self._starts[first] : self._starts[stop]]).decode("utf-8")
            filled = filter(None, csv.reader(io.StringIO(text, newline="")))
            for number, cells in enumerate(filled, first):
                try:
                    yield number, self._clip(cells, number)
                except RecordError as error:
                    ledger.bad_record(error)

    def _clip(self, cells: list[str], number: int) -> Clip:
        if len(cells) <= self._last:
            cells += [""] * (self._last + 1 - len(cells))
        elif any(map(str.strip, cells[self._last + 1 :])):
            what = f"a row of {len(cells)} cells, not {self._last + 1}"
            raise RecordError(what, where=self._where(number))
        label, start, end, split = self._places
        name = cells[self._id].strip()
        if not name:
            raise RecordError(f"the row has no {ID}", where=self._where(number))
        times: list[float | None] = []
        for place, column in ((start, START), (end, END)):
            text = "" if place is None else cells[place].strip()
            seconds = _seconds(text) if text else None
            if text and seconds is None:
                what = f"{column} {text!r} is no number of seconds"
                raise RecordError(what, where=self._where(number), item=name)
            times.append(seconds)
        return Clip(
            name,
            "" if label is None else cells[label],
            times[0],
            times[1],
            ("" if split is None else cells[split].strip()) or self.subset,
            {column: cells[place] for place, column in self._others if cells[place]},
        )

    def _where(self, number: int) -> str:
        return f"{self.where}: row {number + 1}"


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last, excluded, of neighbouring rows, not too many at a time."""
    start = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or rows[end] != rows[end - 1] + 1 or end - start == _AT_ONCE:
            yield rows[start], rows[end - 1] + 1
            start = end


class _Lines:
    """The lines of a file as text; knows at which byte the next one begins."""

    def __init__(self, view: memoryview, where: str) -> None:
        self._view = view
        self._where = where
        ends = np.flatnonzero(np.frombuffer(view, np.uint8) == _NEWLINE) + 1
        if not len(ends) or ends[-1] != len(view):
            ends = np.append(ends, len(view))
        self._ends = ends
        self._number = 0
        self.position = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._number == len(self._ends):
            raise StopIteration
        start, self.position = self.position, int(self._ends[self._number])
        self._number += 1
        try:
            line = bytes(self._view[start : self.position])
            return line.decode("utf-8-sig" if self._number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            where = f"{self._where}:{self._number}"
            raise InputError(f"not UTF-8 text: {error}", where=where) from error


class _JsonAnnotations(Struct):
    label: str | None = None
    segment: list[float] | None = None


class _JsonClip(Struct):
    """The part of a JSON record that dsk has a place for."""

    annotations: _JsonAnnotations | None = None
    subset: str | None = None


_record = msgspec.json.Decoder(_JsonClip)
_fields = msgspec.json.Decoder(dict[str, Any])


class JsonTable(Table):
    """A JSON object whose keys are the ids of videos.

    Raises:
        InputError: It is no JSON object, or its first value describes no clip.
    """

    def __init__(self, root: InputRoot, name: str) -> None:
        super().__init__(root, name)
        view = root.buffer(name)
        try:
            text = view[3:] if bytes(view[:3]) == b"\xef\xbb\xbf" else view
            records = msgspec.json.decode(text, type=dict[str, Raw])
        except UNDECODABLE as error:
            raise json_error(error, self.where) from error
        self._names = list(records)
        self._records = list(records.values())
        if not self._names or not is_clip(self._records[0]):
            raise InputError("the JSON lists no clips of videos", where=self.where)

    def __len__(self) -> int:
        return len(self._names)

    def read(self, rows: Sequence[int], ledger: Ledger) -> Iterator[tuple[int, Clip]]:
        """See ``Table.read``."""
        for number in rows:
            name, record = self._names[number], self._records[number]
            where = f"{self.where}#/{name}"
            try:
                yield number, self._clip(name, record, where)
            except UNDECODABLE as error:
                ledger.bad_record(RecordError(f"a malformed record: {error}", where=where))
            except RecordError as error:
                ledger.bad_record(error)

    def _clip(self, name: str, record: Raw, where: str) -> Clip:
        if not name:
            raise RecordError("a clip without an id", where=where)
        clip = _record.decode(record)
        given = _fields.decode(record)
        annotations = given.pop("annotations", None) or {}
        given.pop("subset", None)
        known = clip.annotations or _JsonAnnotations()
        segment = known.segment or []
        if len(segment) not in (0, 2):
            raise RecordError("segment is no start and end", where=where, item=name)
        more = {k: v for k, v in annotations.items() if k not in ("label", "segment")}
        if more:
            given["annotations"] = more
        start, end = segment or (None, None)
        subset = clip.subset or self.subset
        return Clip(name, known.label or "", start, end, subset, given)


def is_clip(record: Raw | bytes) -> bool:
    """Tell whether a JSON value describes a clip."""
    try:
        fields = _fields.decode(record)
        clip = _record.decode(record)
    except UNDECODABLE:
        return False
    if clip.annotations is not None and clip.annotations.segment is not None:
        return True
    return clip.subset is not None and "youtube" in str(fields.get("url", ""))


def _seconds(text: str) -> float | None:
    """Return a number, or None if the text is none or no finite one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
