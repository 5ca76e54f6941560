"""Rows of MOT Challenge tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.annotations import Bbox
from dsk.truth import truth_of
from dsk_tracking.numbering import LARGEST, NO_TRACK

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_tracking.numbering import Numbers

__all__ = ["RowWriter"]


class RowWriter:
    """Writes the boxes of items as rows; some frames and tracks are known only later.

    Args:
        ledger: Where values go that a row cannot hold.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __call__(self, item: DatasetItem, frame: int, numbers: Numbers) -> tuple[str, int]:
        """Return an item's rows, and how many they are.

        Args:
            item: The item.
            frame: The frame that its id names, or -1.
            numbers: Where its tracks are noted.
        """
        rows = []
        tracked, highest = 0, numbers.highest
        for box in item.annotations:
            if not isinstance(box, Bbox):
                continue
            attributes, ident = box.attributes, box.object_id
            track: Any = attributes.get("track_id", ident)
            if type(track) is int and 0 <= track < LARGEST and ident in (track, -1):
                tracked += 1
                highest = max(track, highest)
            else:
                track = self._track(box, item, numbers)
            seen: Any = attributes.get("visibility") if attributes else 1.0
            ignored = attributes.get("ignored", False)
            if not (
                type(seen) is float
                and 0 <= seen <= 1
                and attributes.get("occluded", seen <= 0) is (seen <= 0)
                and type(ignored) is bool
            ):
                considered, seen = self._flags(box, item)
                ignored = not considered
            label = box.label + 1 if box.label is not None else -1
            rows.append(
                f"{frame},{track},{box.x},{box.y},{box.w},{box.h},{1 - ignored},{label},{seen}\n"
            )
        numbers.tracked += tracked
        numbers.highest = max(highest, numbers.highest)
        # Whole numbers need no digits behind the point; they read back as the same.
        return "".join(rows).replace(".0,", ",").replace(".0\n", "\n"), len(rows)

    def _lost(self, what: str, box: Bbox, item: DatasetItem, code: str = "DSK-L004") -> None:
        self._ledger.add_at(code, what, item, box)

    def _track(self, box: Bbox, item: DatasetItem, numbers: Numbers) -> str:
        value: Any = box.attributes.get("track_id", box.object_id)
        if isinstance(value, str) and value.strip().isdecimal() and value.strip().isascii():
            self._lost("type of track_id, which becomes a number", box, item)
            value = int(value)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value < LARGEST:
            if value < 0 and "track_id" in box.attributes:
                value = box.object_id
            if box.object_id not in (-1, value):
                self._lost("object_id, which is not the track_id", box, item, "DSK-L005")
            if value < 0:
                numbers.untracked += 1
                return NO_TRACK
            numbers.tracked += 1
            numbers.highest = max(numbers.highest, value)
            return str(value)
        if value is None or value == "":
            numbers.untracked += 1
            return NO_TRACK
        self._lost("value of track_id, which becomes a number", box, item)
        numbers.tracked += 1
        return numbers.name(str(value))

    def _flags(self, box: Bbox, item: DatasetItem) -> tuple[bool, float]:
        """Return whether a box counts, and how much of it is seen."""
        attributes = box.attributes
        if not attributes:
            return True, 1.0
        ignored = truth_of(attributes.get("ignored", False))
        occluded = truth_of(attributes.get("occluded", False))
        if ignored is None:
            self._lost("value of ignored", box, item)
        if occluded is None:
            self._lost("value of occluded", box, item)
        visibility = attributes.get("visibility")
        try:
            seen = float(visibility) if visibility is not None else 1.0 - bool(occluded)
        except (TypeError, ValueError):
            self._lost("value of visibility", box, item)
            seen = 1.0 - bool(occluded)
        if not 0 <= seen <= 1:
            self._lost("value of visibility", box, item)
            seen = 1.0 if seen > 1 else 0.0
        if "occluded" in attributes and occluded is not None and occluded != (seen <= 0):
            self._lost("value of occluded, which follows from visibility", box, item)
        return not ignored, seen
