"""What counts as true and false where a target has room for nothing else."""

from __future__ import annotations

from typing import Any

__all__ = ["truth_of"]

_TRUE = frozenset({"1", "1.0", "true", "yes", "y", "t"})
_FALSE = frozenset({"", "0", "0.0", "false", "no", "n", "f", "none"})


def truth_of(value: Any) -> bool | None:
    """Return the truth value that an attribute stands for, None if it stands for none.

    Formats write flags as true and false, 0 and 1, yes and no, in any case; nothing is false.
    """
    word = str(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None
