"""What attributes say of frames and tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsk.annotations import Cuboid3d

__all__ = ["track_of", "whole"]


def whole(value: Any) -> int | None:
    """Return an integer, also one that is written as text or as a float, or None."""
    if type(value) is int:
        return value
    if isinstance(value, float) and not value.is_integer():
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def track_of(box: Cuboid3d) -> int | None:
    """Return the number of a box's track, or None."""
    number = whole(box.attributes.get("track_id"))
    if number is None and box.object_id >= 0:
        return box.object_id
    return number
