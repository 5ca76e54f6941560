"""``tf.train.Example``: a mapping of names to lists of bytes, floats or integers.

Own code for these five protocol buffer messages (tensorflow/core/example/example.proto and
feature.proto), because records must be looked into without touching their images, which the library
cannot do::

    Example   { Features features = 1; }
    Features  { map<string, Feature> feature = 1; }  # { string key = 1; Feature value = 2; }
    Feature   { BytesList = 1 | FloatList = 2 | Int64List = 3 }
    …List     { repeated value = 1; }  # numbers packed or not
"""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

__all__ = ["Features", "decode", "encode", "feature_values", "names_in", "skim"]

Features = dict[str, list[Any]]

_MAX_VARINT = 10
_VARINT, _WIDE, _DELIMITED, _NARROW = 0, 1, 2, 5
_KINDS = _BYTES, _FLOATS, _INTEGERS = 1, 2, 3
_VALUE, _SECOND = 1 << 3 | _DELIMITED, 2 << 3 | _DELIMITED  # tags of the first and second field
_LARGE = 0x80  # of a number that goes on in the next byte
_EMPTY: dict[type | None, bytes] = {None: b""}  # Features by the type of the values they lack
_EMPTY |= {bytes: b"\x0a\0", float: b"\x12\0", int: b"\x1a\0"}
_SIGN, _ALL = 1 << 63, (1 << 64) - 1


def decode(data: bytes) -> Features:
    """Return the features of an Example; of equal names the last one counts.

    Raises:
        ValueError: It is no Example.
    """
    return {name: _values(data, start, stop) for name, start, stop in _entries(data)}


def skim(data: memoryview, wanted: Container[str]) -> dict[str, bytes]:
    """Return serialised Features by name; others are not touched, nor their pages of a map.

    Raises:
        ValueError: It is no Example.
    """
    return {name: bytes(data[a:b]) for name, a, b in _entries(data) if name in wanted}


def names_in(data: memoryview) -> list[str]:
    """Return the names of all features of an Example; errors as for ``skim``."""
    return [name for name, _, _ in _entries(data)]


def feature_values(data: bytes) -> list[Any]:
    """Return the values of a serialised Feature.

    Raises:
        ValueError: It is none.
    """
    return _values(data, 0, len(data))


# Places in one buffer are handed on below, not parts of it: making those would cost most.


def _values(data: bytes, start: int, stop: int) -> list[Any]:
    """Return the values of the Feature that lies at a place."""
    if stop - start > 3 and data[start] & 7 == _DELIMITED:
        # One list and nothing else, as nearly always, and packed numbers or a single text in it.
        kind = data[start] >> 3
        size, inner = _varint(data, start + 1, stop)
        if inner + size == stop > inner and data[inner] == _VALUE and kind in _KINDS:
            size, inner = _varint(data, inner + 1, stop)
            if inner + size == stop:
                return list(_decoded(kind, _DELIMITED, data[inner:stop]))
    values: list[Any] = []
    last = 0
    for kind, wire, first, end in _fields(data, start, stop):
        if kind not in _KINDS or wire != _DELIMITED:
            continue
        if kind != last:  # of a oneof the last kind counts
            values, last = [], kind
        for number, inner, a, b in _fields(data, first, end):
            if number == 1:
                values += _decoded(kind, inner, data[a:b])
    return values


def _decoded(kind: int, wire: int, value: bytes) -> Sequence[Any]:
    if kind == _BYTES and wire == _DELIMITED:
        return (value,)
    if kind == _FLOATS and wire in (_NARROW, _DELIMITED):
        if len(value) % 4:
            raise ValueError("a list of floats is cut off")
        return struct.unpack(f"<{len(value) // 4}f", value)
    if kind == _INTEGERS and wire in (_VARINT, _DELIMITED):
        if wire == _DELIMITED and value.isascii():
            return list(value)  # a byte each
        numbers, position = [], 0
        while position < len(value):
            number, position = _varint(value, position, len(value))
            numbers.append(number - (_ALL + 1) if number & _SIGN else number)
        return numbers
    raise ValueError(f"a list of the wire type {wire}")


def _entries(data: bytes | memoryview) -> Iterator[tuple[str, int, int]]:
    """Yield names, and where their Features begin and end."""
    for number, wire, first, last in _fields(data, 0, len(data)):
        if number != 1 or wire != _DELIMITED:
            continue
        for inner, kind, start, stop in _fields(data, first, last):
            if inner != 1 or kind != _DELIMITED:
                continue
            if stop - start > 1 and data[start] == _VALUE and data[start + 1] < _LARGE:
                # A short name and then its value, as nearly all are: no call for each field.
                name = start + 2
                end = name + data[start + 1]
                if end < stop and data[end] == _SECOND:
                    size, value = _varint(data, end + 1, stop)
                    if value + size == stop:
                        yield str(data[name:end], "utf-8"), value, stop
                        continue
            text, begin, end = "", stop, stop
            for field, form, a, b in _fields(data, start, stop):
                if form == _DELIMITED and field == 1:
                    text = str(data[a:b], "utf-8")
                elif form == _DELIMITED and field == 2:
                    begin, end = a, b
            yield text, begin, end


def _fields(
    data: bytes | memoryview, position: int, end: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, wire type, beginning and end of a message's fields."""
    while position < end:
        # Nearly all numbers have one byte, and a call costs more than all else here.
        tag = data[position]
        if tag < _LARGE:
            start = position + 1
        else:
            tag, start = _varint(data, position, end)
        wire, position = tag & 7, start
        if wire == _DELIMITED:
            length = data[start] if start < end else _LARGE
            if length < _LARGE:
                start += 1
            else:
                length, start = _varint(data, start, end)
            position = start + length
        elif wire == _VARINT:
            _, position = _varint(data, position, end)
        elif wire in (_WIDE, _NARROW):
            position += 8 if wire == _WIDE else 4
        else:
            raise ValueError(f"a field of the wire type {wire}")
        if position > end:
            raise ValueError("a field is longer than its message")
        yield tag >> 3, wire, start, position


def _varint(data: bytes | memoryview, position: int, end: int) -> tuple[int, int]:
    """Return a number that begins at a place, before the end of its message, and where it ends."""
    if position < end and data[position] < _LARGE:
        return data[position], position + 1
    value = shift = 0
    for place in range(position, min(position + _MAX_VARINT, end)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < _LARGE:
            return value & _ALL, place + 1
        shift += 7
    raise ValueError("a number is cut off or too long")


def encode(
    features: Mapping[str, Sequence[bytes] | Sequence[float] | Sequence[int]],
    kinds: Mapping[str, type] | None = None,
) -> bytes:
    """Return a serialised Example, names sorted so that equal features give equal bytes.

    A list is of the type of its first value; an empty one of the type (bytes, float, int) that
    ``kinds`` has for its name, or else of none.
    """
    entries = []
    for name, values in sorted(features.items()):
        content = _feature(values) if values else _EMPTY[(kinds or {}).get(name)]
        entry = _named(name) + _delimited(2, content)
        entries.append(_delimited(1, entry))
    return _delimited(1, b"".join(entries))


@functools.lru_cache(maxsize=256)
def _named(name: str) -> bytes:
    return _delimited(1, name.encode("utf-8"))


def _feature(values: Sequence[Any]) -> bytes:
    if isinstance(values[0], bytes):
        if len(values) == 1:
            return _delimited(_BYTES, _delimited(1, values[0]))
        return _delimited(_BYTES, b"".join([_delimited(1, value) for value in values]))
    if isinstance(values[0], float):
        return _delimited(_FLOATS, _delimited(1, struct.pack(f"<{len(values)}f", *values)))
    if min(values) >= 0 and max(values) < _LARGE:
        packed = bytes(values)
    else:
        packed = b"".join([_number(value & _ALL) for value in values])
    return _delimited(_INTEGERS, _delimited(1, packed))


def _delimited(number: int, content: bytes) -> bytes:
    size = len(content)
    if size < _LARGE:
        return bytes((number << 3 | _DELIMITED, size)) + content
    return b"".join((bytes((number << 3 | _DELIMITED,)), _number(size), content))


def _number(value: int) -> bytes:
    parts = bytearray()
    while value >= _LARGE:
        parts.append(value & 0x7F | _LARGE)
        value >>= 7
    parts.append(value)
    return bytes(parts)
