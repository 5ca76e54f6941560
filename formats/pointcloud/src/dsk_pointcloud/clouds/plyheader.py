"""Headers of PLY files, and the way past what lies before the vertices of binary ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dsk.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HEAD", "Element", "PlyHeader", "past", "read_header"]

HEAD = 1 << 16
"""A header lies in these first bytes."""

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8", "bool"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
_Order = Literal["<", ">"]

_ORDERS: dict[str, _Order] = {"ascii": "<", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True, slots=True)
class Element:
    """What a header says of one kind of rows.

    Attributes:
        name: Such as vertex or face.
        count: How many rows there are.
        properties: The words of each property: its type, or ``list`` and two types; its name.
    """

    name: str
    count: int
    properties: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlyHeader:
    """What a PLY file says before its rows.

    Attributes:
        form: ascii, binary_little_endian or binary_big_endian.
        before: The elements whose rows lie before the vertices.
        count: The number of vertices.
        columns: Name and numpy's type, without byte order, of each property of a vertex.
        start: Offset of the first row.
    """

    form: str
    before: list[Element]
    count: int
    columns: list[tuple[str, str]]
    start: int

    @property
    def order(self) -> _Order:
        """Numpy's sign of the byte order."""
        return _ORDERS[self.form]


def read_header(head: bytes, where: str) -> PlyHeader:
    """Parse a header.

    Raises:
        MediaError: It is no PLY file's.
        ValueError: It is damaged; KeyError and IndexError say the same.
    """
    end = head.find(b"end_header")
    stop = head.find(b"\n", end)
    if not head.startswith(b"ply") or end < 0 or stop < 0:
        raise MediaError("no PLY file: it has no ply … end_header", where=where)
    form = ""
    elements: list[Element] = []
    for line in head[:end].decode("latin-1").splitlines()[1:]:
        words = line.split()
        if not words:
            continue
        if words[0] == "format":
            form = words[1]
        elif words[0] == "element":
            elements.append(Element(words[1], int(words[2])))
            if elements[-1].count < 0:
                raise ValueError(f"{words[2]} elements")
        elif words[0] == "property" and elements:
            elements[-1].properties.append(words[1:])
    at = next((n for n, element in enumerate(elements) if element.name == "vertex"), -1)
    if at < 0 or not elements[at].properties or form not in _ORDERS:
        raise ValueError("it states no format, or no vertices with properties")
    if any(words[0] == "list" for words in elements[at].properties):
        raise ValueError("lists among the vertices are not read")
    columns = [(words[1], _TYPES[words[0]]) for words in elements[at].properties]
    return PlyHeader(form, elements[:at], elements[at].count, columns, stop + 1)


def past(header: PlyHeader, body: memoryview, where: str) -> int:
    """Return where the vertices of a binary file begin in its rows.

    Raises:
        MediaError: The rows before them are cut off or damaged.
    """
    at = 0
    for element in header.before:
        try:
            steps, tail = _steps(element)
        except (ValueError, KeyError, IndexError) as error:
            raise MediaError(f"damaged PLY header: {error}", where=where) from error
        least = sum(lead + length.itemsize for lead, length, _ in steps) + tail
        if element.count * least > len(body) - at:
            at = -1
        elif not steps:
            at += element.count * tail
        elif element.count:
            rows = _Rows(body, element.count, steps, tail, header.order)
            end = rows.end_if_even(at)
            at = rows.end(at) if end < 0 else end
        if at < 0:
            raise MediaError(
                f"the rows of {element.name} before the vertices are damaged or cut off",
                where=where,
            )
    return at


_Step = tuple[int, np.dtype[Any], int]
"""Bytes before a list, the type of its length, bytes of each of its elements."""


def _steps(element: Element) -> tuple[list[_Step], int]:
    """Return the lists of a row, and the bytes behind the last of them.

    Raises:
        ValueError: The length of a list is no integer; KeyError: a type is unknown.
    """
    steps: list[_Step] = []
    lead = 0
    for words in element.properties:
        if words[0] != "list":
            lead += np.dtype(_TYPES[words[0]]).itemsize
            continue
        length = np.dtype(_TYPES[words[1]])
        if length.kind == "f":
            raise ValueError(f"the length of a list is of type {words[1]}")
        steps.append((lead, length, np.dtype(_TYPES[words[2]]).itemsize))
        lead = 0
    return steps, lead


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows with lists; each has a byte at least for the length of a list, so they are countable."""

    body: memoryview
    count: int
    steps: Sequence[_Step]
    tail: int
    order: _Order

    def end_if_even(self, start: int) -> int:
        """Return where rows end whose lists are as long as those of the first; else -1."""
        at = start
        lengths = []
        for lead, length, size in self.steps:
            at += lead
            number = self._number(at, length)
            lengths.append((at, length, number))
            at += length.itemsize + number * size
        stride = at + self.tail - start
        end = start + self.count * stride
        if end > len(self.body) or any(number < 0 for *_, number in lengths):
            return -1
        for place, length, number in lengths:
            kind = length.newbyteorder(self.order)
            column = np.ndarray(self.count, kind, self.body, place, (stride,))
            if (column != number).any():
                return -1
        return end

    def end(self, start: int) -> int:
        """Return where the rows end, -1 if they do not end in the file."""
        at = start
        for _ in range(self.count):
            for lead, length, size in self.steps:
                at += lead
                number = self._number(at, length)
                if number < 0:
                    return -1
                at += length.itemsize + number * size
            at += self.tail
            if at > len(self.body):
                return -1
        return at

    def _number(self, at: int, length: np.dtype[Any]) -> int:
        """Return the length of a list, -1 behind the end of the file."""
        digits = self.body[at : at + length.itemsize]
        if len(digits) < length.itemsize:
            return -1
        order: Literal["little", "big"] = "big" if self.order == ">" else "little"
        return int.from_bytes(digits, order, signed=length.kind == "i")
