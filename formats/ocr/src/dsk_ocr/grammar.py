"""The lines of ICDAR's text files."""

from __future__ import annotations

import math
import re

from msgspec import Struct

from dsk.media import is_image_name
from dsk_ocr.quoting import unquoted

__all__ = ["NUMBER", "SCRIPTS", "Region", "is_number", "parse_region", "parse_word", "tabbed"]

SCRIPTS = frozenset(
    {
        "Arabic",
        "Latin",
        "Chinese",
        "Japanese",
        "Korean",
        "Bangla",
        "Hindi",
        "Symbols",
        "Mixed",
        "None",
    }
)
"""What the multi-lingual challenges (MLT) state before the text."""

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
"""A coordinate, as a regular expression."""

_NUMBER = re.compile(rf"\s*{NUMBER}\s*")
_WORD = re.compile(r'(.*?),\s*(".*")')
_BOX, _TRIANGLE, _QUAD, _LONG = 4, 6, 8, 12


class Region(Struct):
    """One piece of text in an image.

    Attributes:
        numbers: left, top, right, bottom, or x and y of four and more corners.
        text: What it says, "" if that is not stated.
        script: Its script, or "".
    """

    numbers: list[float]
    text: str = ""
    script: str = ""


def parse_region(line: str) -> Region:
    """Parse a line of text localization.

    Known are the ways of 2013 (``left top right bottom "text"``, with or without commas), of 2015
    (``x1,y1,…,x4,y4,text``), of MLT (``…,script,text``) and outlines of more corners.

    Raises:
        ValueError: It is none of these.
    """
    first = _NUMBER.match(line)
    if first is None:
        msg = "a line is: left top right bottom, or x1,y1,x2,y2,x3,y3,x4,y4, then the text"
        raise ValueError(msg)
    comma = line[first.end() : first.end() + 1] == ","
    fields = _split(line, comma=comma)
    count = 0
    while count < len(fields) and is_number(fields[count]):
        count += 1
    behind = fields[count:]
    scripted = comma and count >= _QUAD and len(behind) > 1 and behind[0].strip() in SCRIPTS
    quoted = any(field.lstrip().startswith('"') for field in behind[scripted:][:1])
    # Three corners and nothing more, as Datumaro writes outlines: boxes have their text in quotes.
    corners = comma and count == _TRIANGLE == len(fields)
    used = _coordinates(count, whole=corners or quoted)
    if used < _BOX:
        msg = f"a line has at least four numbers, this one has {count}"
        raise ValueError(msg)
    numbers = [float(field) for field in fields[:used]]
    if not all(map(math.isfinite, numbers)):
        msg = "a number is not finite"
        raise ValueError(msg)
    scripted = scripted and used == count  # or it is text, as the numbers before it are
    script = fields[used].strip() if scripted else ""
    text = ("," if comma else " ").join(fields[used + scripted :]).strip()
    return Region(numbers, unquoted(text), script)


def is_number(field: str) -> bool:
    """Tell whether a field would be taken for a coordinate."""
    return _NUMBER.fullmatch(field) is not None


def _split(line: str, *, comma: bool) -> list[str]:
    """Split a line at commas, or at spaces before the first quote."""
    if comma:
        return line.split(",")
    head, quote, tail = line.partition('"')
    fields = head.split()
    return [*fields, quote + tail] if quote else fields


def _coordinates(count: int, *, whole: bool) -> int:
    """Return how many of the numbers that begin a line are coordinates.

    Numbers may be text, too: of a house, for instance. Quotes tell text from coordinates.
    """
    if count >= _LONG or (whole and count >= _TRIANGLE and count % 2 == 0):
        return count - count % 2
    return _QUAD if count >= _QUAD else min(count, _BOX)


def tabbed(line: str) -> tuple[str, str | None] | None:
    """Return image and text of a line that a tab divides, or None: tabs may be in texts, too."""
    name, tab, text = line.partition("\t")
    return (name, text.strip()) if tab and '"' not in name and is_image_name(name) else None


def parse_word(line: str) -> tuple[str, str | None]:
    """Parse a line of word recognition: ``word_1.png, "Text"``.

    Training code also takes lines of image, tab and text.

    Returns:
        The image's name, and the text or None.

    Raises:
        ValueError: There is no name.
    """
    match = _WORD.fullmatch(line) if line.endswith('"') else None
    if (pair := tabbed(line)) is not None:
        name, text = pair
    elif match is not None:
        name, text = match[1], unquoted(match[2])
    else:
        head, comma, tail = line.partition(",")
        if comma and not tail.strip():
            name, text = head, None
        elif line.endswith(","):
            name, text = line[:-1], None
        else:
            name, text = head, tail.strip() if comma else None
    name = name.strip()
    if not name:
        msg = 'a line is: image, "text"'
        raise ValueError(msg)
    return name, text
