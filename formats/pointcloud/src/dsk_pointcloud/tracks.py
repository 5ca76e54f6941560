"""What attributes say of frames and tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsk.annotations import Cuboid3d
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["frame_of", "track_of", "whole"]


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


def frame_of(item: DatasetItem, ledger: Ledger) -> int | None:
    """Return the number of an item's frame, or None; a frame that is no number is told."""
    given = item.attributes.get("frame")
    number = whole(given)
    if given is not None and number is None:
        ledger.add_at("DSK-L009", "item attribute frame", item)
    return number


def track_of(box: Cuboid3d) -> int | None:
    """Return the number of a box's track, or None."""
    number = whole(box.attributes.get("track_id"))
    if number is None and box.object_id >= 0:
        return box.object_id
    return number
