"""What JSON makes of values that it has no form for."""

from __future__ import annotations

from typing import Any

from dsk.errors import OutputError

__all__ = ["plain_value"]


def plain_value(value: Any) -> Any:
    """Return a list for an array or a set and a number for a numpy number: an encoder's hook.

    Raises:
        OutputError: JSON cannot say the value.
    """
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    raise OutputError(
        f"{type(value).__name__} has no place in JSON",
        hint="attributes are text, numbers, booleans, or lists and mappings of them",
    )
