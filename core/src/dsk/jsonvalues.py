"""What JSON makes of values that it has no form for."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from dsk.errors import OutputError

__all__ = ["is_finite", "plain_value"]


def is_finite(value: Any) -> bool:
    """Tell whether JSON can say a value: it has no NaN and no infinity, which become null."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    if isinstance(value, msgspec.Struct):
        return all(is_finite(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, list | tuple):
        return all(map(is_finite, value))
    if hasattr(value, "tolist"):
        return is_finite(value.tolist())
    return True


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
