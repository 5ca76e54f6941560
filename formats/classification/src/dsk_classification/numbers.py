"""Numbers in text, parsed in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["parse_bytes"]

_COMMA, _NEWLINE, _ZERO = 44, 10, 48
_DIGITS = 3


def parse_bytes(text: bytes) -> NDArray[np.int64] | None:
    """Parse lines of comma-separated numbers of one to three digits, equally many in each line.

    Args:
        text: The lines; the last one may lack its line end.

    Returns:
        (lines, numbers per line), or None if the text holds anything else.
    """
    if not text:
        return None
    raw = np.frombuffer(text if text.endswith(b"\n") else text + b"\n", np.uint8)
    digit = raw - np.uint8(_ZERO)  # wraps around for what is no digit
    ends = np.flatnonzero(digit > 9)
    marks = raw[ends]
    lines = np.flatnonzero(marks == _NEWLINE)
    if len(lines) + np.count_nonzero(marks == _COMMA) != len(ends):
        return None
    lengths = np.diff(ends, prepend=-1) - 1
    if lengths.min() < 1 or lengths.max() > _DIGITS:
        return None
    columns = int(lines[0]) + 1
    if len(ends) != columns * len(lines) or not np.array_equal(
        lines, np.arange(columns - 1, len(ends), columns)
    ):
        return None
    values = digit[ends - 1].astype(np.int64)
    for place in range(2, _DIGITS + 1):
        long = lengths >= place
        values[long] += 10 ** (place - 1) * digit[ends[long] - place].astype(np.int64)
    return values.reshape(len(lines), columns)
