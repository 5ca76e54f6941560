"""Regular expressions that users give: compiled, and bounded against endless matching.

Python's ``re`` backtracks: a repetition inside a repetition, as in ``(a+)+``, can take years on a
text of fifty characters. Such patterns are refused, and so are very long ones; of a text the
first ``MOST_TEXT`` characters are looked at. What remains takes polynomial time.
"""

from __future__ import annotations

import re

from dsk_transforms.filtering.errors import ExpressionError

__all__ = ["MOST_TEXT", "compile_pattern"]

LONGEST = 500
"""Characters a pattern may have."""

MOST_TEXT = 4096
"""Characters of a text that a pattern is matched with."""

_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\()|(?P<close>\))|(?P<repeat>[*+]|\{\d*,\})|.",
    re.DOTALL,
)


def compile_pattern(pattern: str, text: str, place: int) -> re.Pattern[str]:
    """Compile a regular expression.

    Args:
        pattern: The regular expression.
        text: The whole expression, for errors.
        place: Where the pattern begins in it.

    Raises:
        ExpressionError: It is malformed, too long, or repeats a repetition.
    """
    if len(pattern) > LONGEST:
        raise ExpressionError(f"the pattern is longer than {LONGEST} characters", text, place)
    at = _nested_repetition(pattern)
    if at is not None:
        raise ExpressionError(
            "the pattern repeats a repetition, which may take forever",
            text,
            place + at,
            hint="write (a+) or (?:a)+ instead of (a+)+",
        )
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        where = getattr(error, "pos", None) or 0
        message = getattr(error, "msg", None) or str(error)
        raise ExpressionError(f"not a pattern: {message}", text, place + where) from error


def _nested_repetition(pattern: str) -> int | None:
    """Return where a group that repeats without bound is itself repeated without bound."""
    repeats = [False]
    closed = False  # the piece before was a group that holds a repetition
    for piece in _PIECE.finditer(pattern):
        if piece["repeat"]:
            if closed:
                return piece.start()
            repeats[-1] = True
        if piece["open"]:
            repeats.append(False)
        elif piece["close"] and len(repeats) > 1:
            closed = repeats.pop()
            repeats[-1] |= closed
            continue
        closed = False
    return None
