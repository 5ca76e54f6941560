"""Reading an integer of many JSON records from their text, in half the time of decoding them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Window", "field_pattern", "numbers_in"]

_WIDEST = 64  # bytes between two records; more are odd
_COMMA = ord(",")
_BETWEEN = np.zeros(256, np.bool_)
_BETWEEN[list(b", \t\r\n")] = True
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Window(NamedTuple):
    """Records that lie one after the other, as their braces tell.

    Attributes:
        first: Offsets of their first bytes.
        last: Offsets of their last bytes.
        end: Where what follows the last one is: a comma or the array's end.
        flat: Whether there are no braces within them.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    end: int
    flat: bool


def field_pattern(name: str) -> re.Pattern[bytes]:
    """Return a pattern of a field with an integer.

    No string can hold it: quotes are escaped there.
    """
    return re.compile(rb'"%b"\s*:\s*(-?[0-9]{1,18})\s*[,}]' % re.escape(name.encode()))


def numbers_in(
    view: memoryview, window: Window, field: re.Pattern[bytes]
) -> NDArray[np.int64] | None:
    """Return an integer of each record; None if these are not to be told from the text.

    A brace in a string makes a wrong cut: there is more than a comma behind it, or it is the last
    one and no JSON. What else may be wrong within a record shows when it is decoded.

    Args:
        view: The document.
        window: The records.
        field: From ``field_pattern``; each record has to match once.
    """
    first, last = window.first, window.last
    if not window.flat or not _is_list(view, first, last):
        return None
    found = list(field.finditer(view, int(first[0]), int(last[-1]) + 1))
    if len(found) != len(first):
        return None
    starts = np.fromiter([match.start() for match in found], np.int64, len(found))
    if not ((starts > first) & (starts < last)).all():
        return None
    return np.array([int(match[1]) for match in found], np.int64)


def _is_list(view: memoryview, first: NDArray[np.int64], last: NDArray[np.int64]) -> bool:
    """Tell whether there is a comma between records, and the last one is whole."""
    text = np.frombuffer(view, np.uint8)
    before, gaps = last[:-1], first[1:] - last[:-1]
    widest = int(gaps.max(initial=0))
    if widest > _WIDEST:
        return False
    commas = 0
    for offset in range(1, widest):
        between = text[before[gaps > offset] + offset]
        if not _BETWEEN[between].all():
            return False
        commas += int(np.count_nonzero(between == _COMMA))
    if commas != len(gaps):
        return False
    try:
        msgspec.json.decode(view[int(first[-1]) : int(last[-1]) + 1], type=msgspec.Raw)
    except _UNDECODABLE:
        return False
    return True
