"""Indexing the records of large arrays in a mapped JSON object, without holding what they say.

``scan`` walks each array once, window by window: numpy finds the braces that open and close
records, msgspec decodes just the columns asked for (and so validates every byte), and what stays is
where each record lies and its columns: a few bytes per record. Records are then decoded by slices
of that index, in any order, straight from the map.

Braces inside strings can mislead the first step; the second notices, because it counts the records,
and such a window is walked with the standard library's parser instead.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np
from msgspec import Raw, Struct

from dsk.allocator import keep_freed_memory
from dsk.errors import InputError, RecordError
from dsk.jsonerrors import (
    UNDECODABLE,
    constant_error,
    has_constant,
    json_error,
    record_message,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.loss import Ledger

__all__ = ["Gatherer", "JsonScan", "Records", "scan"]

WINDOW = 4 << 20
_skim = msgspec.json.Decoder(msgspec.defstruct("Any", [], gc=False)).decode
_OPEN, _CLOSE, _COMMA, _END = b"{},]"
_SPACE = b" \t\r\n"
_CUT = b'"\\u0000cut"'
"""Stands for an array that was cut out: what no file has there, an empty list included."""


class Records:
    """Where the records of one array lie, and their columns.

    Attributes:
        starts: Byte offset of each record.
        lengths: Its number of bytes.
        columns: The integer columns asked for, by name; int64, -1 where a record has none.
    """

    def __init__(
        self, view: memoryview, starts: NDArray[np.uint64], lengths: NDArray[np.uint32]
    ) -> None:
        self.view = view
        self.starts = starts
        self.lengths = lengths
        self.columns: dict[str, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, row: int) -> memoryview:
        """Return one record's JSON text, not copied."""
        start = int(self.starts[row])
        return self.view[start : start + int(self.lengths[row])]

    def joined(self, rows: NDArray[np.signedinteger[Any]] | Sequence[int] | slice) -> bytes:
        """Return some records as the text of a JSON array."""
        view = self.view
        starts = self.starts[rows].tolist()
        ends = (self.starts[rows] + self.lengths[rows]).tolist()
        return _list(b",".join([view[a:b] for a, b in zip(starts, ends, strict=True)]))

    def span(self, first: int, stop: int) -> bytes:
        """Return neighbouring records as the text of a JSON array, with one copy."""
        if first >= stop:
            return b"[]"
        start, last = int(self.starts[first]), stop - 1
        return _list(self.view[start : int(self.starts[last]) + int(self.lengths[last])])


class JsonScan(Struct):
    """A scanned JSON object.

    Attributes:
        rest: The values of all keys but the scanned arrays, undecoded.
        records: The index of each scanned array that is there.
    """

    rest: dict[str, Raw]
    records: dict[str, Records]


class Gatherer(Protocol):
    """Keeps more of an array's records than columns of integers, while they are indexed."""

    def take(self, text: bytes, count: int) -> Sequence[Any] | None:
        """Decode neighbouring records and keep what is wanted of them.

        Args:
            text: The records, a JSON array.
            count: How many there are.

        Returns:
            Objects with the column fields as attributes; None if these are other records than it
            can keep, or another number of them. It is not called again then.
        """


def scan(
    view: memoryview,
    arrays: Mapping[str, Sequence[str]],
    where: str,
    ledger: Ledger,
    *,
    gatherers: Mapping[str, Gatherer] | None = None,
) -> JsonScan:
    """Index the records of top-level arrays.

    Args:
        view: The text of a JSON object, mapped or in memory; UTF-8, maybe with a byte-order mark.
        arrays: For each array's key, the integer fields wanted as columns.
        where: The file, for messages.
        ledger: Where bad records go; they are left out of the index.
        gatherers: By key of an array. One that kept fewer records than are indexed was given up.

    Raises:
        InputError: It is no JSON object, or an array holds something else than objects.
        RecordError: A record is bad and the ledger's policy is to raise.
    """
    if bytes(view[:3]) == b"\xef\xbb\xbf":
        view = view[3:]
    if len(view) > WINDOW:
        keep_freed_memory(WINDOW + WINDOW // 4)  # a window and what is made of it
    walk = _Walk(view, where, gatherers or {})
    found: dict[str, tuple[int, int, Records]] = {}
    rest: dict[str, Raw] | None = None
    text: bytes | None = None
    try:
        for key, fields in arrays.items():
            start = walk.find(key)
            if start is not None:
                records, end = walk.array(key, start, fields)
                found[key] = (start, end, records)
        text = _without(view, [span[:2] for span in found.values()])
        rest = _rest(text, found) if text is not None else None
    except InputError:  # maybe about a nested key of the same name: the decoder decides
        rest = None
    if rest is None or not rest.keys().isdisjoint(arrays):
        walk = _Walk(view, where)
        result = _careful(walk, arrays, text or b"")
    else:
        result = JsonScan(rest, {key: span[2] for key, span in found.items()})
    for error in walk.bad:
        ledger.bad_record(error)
    if walk.has_texts:
        ledger.warn(f"{where}: ids written as text are read as numbers")
    return result


def _without(view: memoryview, spans: Sequence[tuple[int, int]]) -> bytes | None:
    """Return a text with its arrays cut out; None when one of them lies in another."""
    parts: list[bytes | memoryview] = []
    position = 0
    for start, end in sorted(spans):
        if start < position:
            return None
        parts += [view[position:start], _CUT]
        position = end
    return b"".join([*parts, view[position:]])


def _rest(text: bytes, keys: Iterable[str]) -> dict[str, Raw] | None:
    """Decode an object without its arrays; None when they were no top-level values."""
    try:
        rest = msgspec.json.decode(text, type=dict[str, Raw])
    except UNDECODABLE:
        return None
    for key in keys:
        if bytes(rest.pop(key, Raw(b""))) != _CUT:
            return None
    return rest


def _careful(walk: _Walk, arrays: Mapping[str, Sequence[str]], rest: bytes) -> JsonScan:
    """Scan with the decoder finding the arrays: right for any JSON; it words the errors.

    ``rest`` is the text without the arrays, "" if it is not known; it may be where the fault is.
    """
    try:
        top = msgspec.json.decode(walk.view, type=dict[str, Raw])
    except UNDECODABLE as error:
        named = constant_error(rest, walk.where) if has_constant(rest) else None
        raise named or json_error(error, walk.where, walk.view) from error
    base = _address(walk.view)
    records = {}
    for key, fields in arrays.items():
        if key in top:
            value = memoryview(top.pop(key))
            if bytes(value) == b"null":
                continue
            if bytes(value[:1]) != b"[":
                raise InputError(f"{key!r} is no list", where=walk.where)
            records[key], _ = walk.array(key, _address(value) - base, fields)
    return JsonScan(top, records)


def _list(text: bytes | memoryview) -> bytes:
    return b"".join((b"[", text, b"]"))


def _address(view: memoryview) -> int:
    address: int = np.frombuffer(view, np.uint8).__array_interface__["data"][0]
    return address


class _Walk:
    """The walk through one document."""

    def __init__(
        self, view: memoryview, where: str, gatherers: Mapping[str, Gatherer] | None = None
    ) -> None:
        self.view = view
        self.where = where
        self.gatherers = dict(gatherers or {})
        self.bad: list[RecordError] = []
        self.has_texts = False
        self.bytes = np.frombuffer(view, np.uint8) if len(view) else np.zeros(0, np.uint8)

    def find(self, key: str) -> int | None:
        """Return the offset of the ``[`` after the first ``"key":`` there is."""
        pattern = re.compile(b'"%b"\\s*:\\s*\\[' % re.escape(key.encode()))
        match = pattern.search(self.view)
        return match.end() - 1 if match else None

    def array(self, key: str, start: int, fields: Sequence[str]) -> tuple[Records, int]:
        """Index one array; return its records and the offset behind its ``]``."""
        decoder = _column_decoder(tuple(fields))
        starts: list[NDArray[np.uint64]] = []
        lengths: list[NDArray[np.uint32]] = []
        columns: list[list[NDArray[np.int64]]] = []
        position, count = self._skip(start + 1), 0
        while self._at(position) != _END:
            window = None
            if self._at(position) == _OPEN:
                # Cuts misled by a brace in a string may end anywhere.
                with suppress(InputError):
                    window = self._window(position, WINDOW)
            rows: tuple[NDArray[np.bool_], Sequence[Any]] | None = None
            if window is not None:
                rows = self._gathered(key, *window[:2])
                rows = rows or self._decode(key, *window[:2], count, decoder)
            if window is None or rows is None:
                window = self._slow_window(key, position, count)
                self.gatherers.pop(key, None)
                rows = self._decode_singly(key, *window[:2], count, decoder, sure=True)
            first, last, end = window
            good, values = rows
            starts.append(first[good].astype(np.uint64))
            lengths.append((last[good] - first[good] + 1).astype(np.uint32))
            columns.append([self._column(values, name, key, count, good=good) for name in fields])
            count += len(first)
            position = self._next(key, count, end)
        records = Records(
            self.view,
            np.concatenate(starts) if starts else np.zeros(0, np.uint64),
            np.concatenate(lengths) if lengths else np.zeros(0, np.uint32),
        )
        for number, name in enumerate(fields):
            parts = [chunk[number] for chunk in columns]
            records.columns[name] = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        return records, position + 1

    def _column(
        self, values: Sequence[Any], name: str, key: str, count: int, *, good: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        numbers = list(map(attrgetter(name), values))
        try:
            return np.array(numbers, np.int64)
        except OverflowError as error:
            at = next(n for n, value in enumerate(numbers) if not -(1 << 63) <= value < 1 << 63)
            row = count + int(np.flatnonzero(good)[at])
            where = f"{self.where}#/{key}/{row}"
            raise InputError(f"its {name} has more than 64 bits", where=where) from error

    def _next(self, key: str, count: int, position: int) -> int:
        """Return where the next record, or the end of the array, is."""
        if self._at(position) == _COMMA:
            following = self._skip(position + 1)
            if self._at(following) == _END:
                raise InputError(
                    "not valid JSON: a comma and no record behind it",
                    where=f"{self.where}#/{key}/{count}",
                )
            return following
        if self._at(position) != _END:
            raise InputError(
                "not valid JSON: expected ',' or ']' behind a record",
                where=f"{self.where}#/{key}/{count - 1}",
            )
        return position

    def _at(self, position: int) -> int:
        return self.view[position] if position < len(self.view) else _END

    def _skip(self, position: int) -> int:
        end = len(self.view)
        while position < end and self.view[position] in _SPACE:
            position += 1
        if position >= end:
            raise InputError("the JSON ends early: the file is truncated", where=self.where)
        return position

    def _window(
        self, position: int, size: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], int] | None:
        """Find whole records by their braces.

        Returns:
            Offsets of their first and last bytes, and of what follows the last one, a comma or the
            array's end; None when there is no whole record.
        """
        part = self.bytes[position : position + size]
        braces = np.flatnonzero(part >= _OPEN)  # few other characters are that high: one pass less
        found = part[braces]
        braces = braces[(found == _OPEN) | (found == _CLOSE)]
        opening = part[braces] == _OPEN
        depth = np.cumsum(np.where(opening, 1, -1).astype(np.int8), dtype=np.int32)
        opened, closed = (
            np.flatnonzero(opening & (depth == 1)),
            np.flatnonzero(~opening & (depth == 0)),
        )
        if not len(closed):
            return None
        opened = opened[: len(closed)]
        first, last = braces[opened] + position, braces[closed] + position
        nested = closed - opened > 1
        if not self._are_objects(first[nested], last[nested]):
            return None
        behind = self.bytes[np.minimum(last + 1, len(self.bytes) - 1)]
        for row in np.flatnonzero(behind != _COMMA).tolist():
            following = self._skip(int(last[row]) + 1)
            if self._at(following) != _COMMA:  # the array ends here, or is broken: see the decoder
                return first[: row + 1], last[: row + 1], following
        return first, last, self._skip(int(last[-1]) + 1)

    def _are_objects(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> bool:
        """Whether cuts that hold further braces are JSON objects.

        A brace in a string either joins records, which makes a cut with inner braces that is no
        object, or makes more cuts than there are records, which the decoder's count tells.
        """
        try:
            for a, b in zip(first.tolist(), last.tolist(), strict=True):
                _skim(self.view[a : b + 1])
        except UNDECODABLE:
            return False
        return True

    def _slow_window(
        self, key: str, position: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Find whole records with the standard library's parser: braces in strings do no harm."""
        parse = json.JSONDecoder().raw_decode
        first: list[int] = []
        last: list[int] = []
        size = WINDOW
        base = position
        text = bytes(self.view[base : base + size]).decode("latin-1")
        while True:
            try:
                _, end = parse(text, position - base)
            except (ValueError, RecursionError) as error:
                if base + size < len(self.view) and isinstance(error, ValueError):
                    size *= 2
                    text = bytes(self.view[base : base + size]).decode("latin-1")
                    continue
                raise json_error(error, f"{self.where}#/{key}/{count + len(first)}") from error
            first.append(position)
            last.append(base + end - 1)
            position = self._skip(base + end)
            if self._at(position) != _COMMA or position - base >= WINDOW:
                break
            position = self._skip(position + 1)
        return np.array(first, np.int64), np.array(last, np.int64), position

    def _decode(
        self,
        key: str,
        first: NDArray[np.int64],
        last: NDArray[np.int64],
        count: int,
        decoder: msgspec.json.Decoder[Any],
    ) -> tuple[NDArray[np.bool_], list[Any]] | None:
        """Decode the columns of a window's records; None when they are not the records it holds."""
        text = _list(self.view[int(first[0]) : int(last[-1]) + 1])
        good = np.ones(len(first), bool)
        try:
            values = decoder.decode(text)
        except UNDECODABLE:
            try:
                return self._decode_singly(key, first, last, count, decoder)
            except _WrongCutsError:
                return None
        return (good, values) if len(values) == len(first) else None

    def _gathered(
        self, key: str, first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], Sequence[Any]] | None:
        """Let a window's records be gathered; None if nobody does."""
        gatherer = self.gatherers.get(key)
        if gatherer is None:
            return None
        values = gatherer.take(_list(self.view[int(first[0]) : int(last[-1]) + 1]), len(first))
        if values is None:
            del self.gatherers[key]
            return None
        return np.ones(len(first), bool), values

    def _decode_singly(
        self,
        key: str,
        first: NDArray[np.int64],
        last: NDArray[np.int64],
        count: int,
        decoder: msgspec.json.Decoder[Any],
        *,
        sure: bool = False,
    ) -> tuple[NDArray[np.bool_], list[Any]]:
        """Decode record by record to name the bad one.

        Raises:
            _WrongCutsError: The cuts are not ``sure``, and wrong, or not all that the array has.
        """
        gaps = zip((last[:-1] + 1).tolist(), first[1:].tolist(), strict=True)
        if not sure and any(bytes(self.view[a:b]).strip() != b"," for a, b in gaps):
            raise _WrongCutsError  # something else than objects is between them
        good = np.ones(len(first), bool)
        values: list[Any] = []
        bad: list[RecordError] = []
        for row, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            try:
                found = decoder.decode(_list(self.view[a : b + 1]))
            except UNDECODABLE as error:
                text = self.view[a : b + 1]
                again = _from_texts(text, decoder)
                if again is not None:
                    self.has_texts = True
                    values.append(again)
                    continue
                if not (sure or isinstance(error, msgspec.ValidationError) or has_constant(text)):
                    raise _WrongCutsError from error
                good[row] = False
                where = f"{self.where}#/{key}/{count + row}"
                bad.append(RecordError(record_message(error, text), where=where))
                continue
            if len(found) != 1:
                raise _WrongCutsError
            values += found
        self.bad += bad
        return good, values


class _WrongCutsError(Exception):
    """Braces in strings were taken for those of records."""


def _column_decoder(fields: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    record = msgspec.defstruct("Record", [(name, int, -1) for name in fields], gc=False)
    return msgspec.json.Decoder(list[record], strict=False)  # type: ignore[valid-type]


def _from_texts(text: memoryview, decoder: msgspec.json.Decoder[Any]) -> Any:
    """Decode a record with numbers like ``"000000397133"``; None when that is not its fault."""
    record: Any = decoder.type.__args__[0]
    try:
        plain = msgspec.json.decode(text)
    except UNDECODABLE:
        return None
    found = {}
    for name in record.__struct_fields__ if isinstance(plain, dict) else ():
        value = plain.get(name, -1)
        texts = isinstance(value, str) and value.isascii() and value.isdigit()
        if (texts and len(value) < 20) or (isinstance(value, float) and value.is_integer()):
            value = int(value)
        if type(value) is not int:
            return None
        found[name] = value
    return record(**found) if found else None
