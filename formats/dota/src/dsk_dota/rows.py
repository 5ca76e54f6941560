"""The lines of DOTA's text files: ``x1 y1 x2 y2 x3 y3 x4 y4 category difficult``."""

from __future__ import annotations

import math
import re

from msgspec import Struct

__all__ = ["Row", "Rows", "ShortRowError", "is_header", "parse_row"]

_COORDINATES = 8
_CORNERS = re.compile(r"(?: [-+]?[\d.]+(?:[eE][-+]?\d+)?){8}")
_WHOLE = re.compile(r"([-+]?\d{1,18})(?:\.0*)?")  # tables write whole numbers as 1.0
_HEADERS = ("imagesource", "gsd", "acquisition")


class ShortRowError(ValueError):
    """A line has too few fields for an object; the official tools pass over such lines."""


class Row(Struct):
    """One object.

    Attributes:
        corners: x and y of four corners, clockwise on the screen from the object's own top left.
        category: Its class.
        difficulty: 1 for objects that are hard to tell; 0 when the line does not say.
    """

    corners: list[float]
    category: str
    difficulty: int = 0


def is_header(line: str) -> tuple[str, str] | None:
    """Return key and value of a header line (``gsd:0.146``), or None."""
    if ":" not in line:
        return None
    key, _, value = line.partition(":")
    key = key.strip().lower()
    return (key, value.strip()) if key.startswith(_HEADERS) else None


class Rows:
    """Parses many lines: what stands behind the corners is looked at once for each text."""

    def __init__(self) -> None:
        self._tails: dict[str, tuple[str, int]] = {}

    def knows(self, line: str) -> bool:
        """Tell whether a line ends as one that was parsed: its class is known, if it is sound."""
        return line.split(None, _COORDINATES)[-1] in self._tails

    def __call__(self, line: str) -> Row:
        """Parse a line, see ``parse_row``."""
        fields = line.split(None, _COORDINATES)
        tail = fields.pop() if len(fields) > _COORDINATES else ""
        known = self._tails.get(tail)
        if known is not None:
            try:
                corners = list(map(float, fields))
            except ValueError:
                return parse_row(line)
            if math.isfinite(sum(corners)):
                return Row(corners, *known)
        row = parse_row(line)
        if tail and line.count(",") < _COORDINATES:
            self._tails[tail] = (row.category, row.difficulty)
        return row


def parse_row(line: str) -> Row:
    """Parse a line; fields are apart by spaces, in some copies by commas.

    Raises:
        ShortRowError: It has fewer than nine fields.
        ValueError: It has no eight numbers and a class, or those of several objects.
    """
    fields = line.split()
    if line.count(",") >= _COORDINATES:
        fields = [field.strip() for field in line.split(",")]
    if len(fields) <= _COORDINATES:
        msg = f"a line is eight numbers, a class and 0 or 1; this one has {len(fields)} fields"
        raise ShortRowError(msg)
    try:
        corners = [float(field) for field in fields[:_COORDINATES]]
    except ValueError as error:
        msg = "the first eight fields are numbers"
        raise ValueError(msg) from error
    if not all(map(math.isfinite, corners)):
        msg = "a number is not finite"
        raise ValueError(msg)
    names = fields[_COORDINATES:]
    if _CORNERS.search(" ".join(names)):
        msg = "a line is one object; this one holds several"
        raise ValueError(msg)
    difficulty = 0
    if len(names) > 1:
        number = _WHOLE.fullmatch(names[-1])
        if number is not None:  # else a class of several words, and no difficulty
            difficulty = int(number[1])
            names.pop()
    if not (category := " ".join(names)):
        msg = "the class is empty"
        raise ValueError(msg)
    return Row(corners, category, difficulty)
