"""Numbers of frames and tracks, which are known only when all items have been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.loss import Ledger

__all__ = ["LARGEST", "NO_TRACK", "Numbers", "number_frames"]

LARGEST = 2**31
"""Frames, tracks and classes are less."""

NO_TRACK = "-1"


def number_frames(wishes: Sequence[int]) -> list[int]:
    """Return a frame number for each item.

    Items get the number that their id names; of several that name one the first does. The others
    get their position from 1, as in Datumaro, or the next number that is free.

    Args:
        wishes: The number that each item's id names, or -1.
    """
    taken: dict[int, int] = {}
    for place, wish in enumerate(wishes):
        if wish >= 0:
            taken.setdefault(wish, place)
    found = []
    used = set(taken)
    highest = max(used, default=0)
    for place, wish in enumerate(wishes):
        if wish >= 0 and taken[wish] == place:
            found.append(wish)
            continue
        number = place + 1
        if number in used:
            number = highest + 1
        used.add(number)
        highest = max(highest, number)
        found.append(number)
    return found


class Numbers(Struct):
    """The tracks of some rows.

    Attributes:
        highest: The highest track id, or 0.
        tracked: How many rows have a track.
        untracked: How many have none.
        names: Tracks whose ids are no numbers, in the order of appearance.
        assign: Whether rows without a track get an id.
    """

    highest: int = 0
    tracked: int = 0
    untracked: int = 0
    names: dict[str, int] = {}
    assign: bool = False

    def name(self, track: str) -> str:
        """Return what stands in a row for a track whose id is no number."""
        return f"?{self.names.setdefault(track, len(self.names))}"

    @classmethod
    def joined(cls, parts: Sequence[Numbers], *, assign: bool) -> Numbers:
        """Return the tracks of a whole sequence; names have their ids now."""
        whole = cls(
            highest=max((part.highest for part in parts), default=0),
            tracked=sum(part.tracked for part in parts),
            untracked=sum(part.untracked for part in parts),
            assign=assign,
        )
        for part in parts:
            for name in part.names:
                if name not in whole.names:
                    whole.highest += 1
                    whole.names[name] = whole.highest
        return whole

    def report(self, ledger: Ledger) -> None:
        """Tell what ids are new."""
        if self.names:
            ledger.add("DSK-L015", "tracks without a number", kind="bbox", count=len(self.names))
        if self.untracked and self.assign:
            ledger.add("DSK-L015", "boxes without a track", kind="bbox", count=self.untracked)
        elif self.untracked:
            ledger.warn(
                "boxes without a track are written with the id -1, which evaluation kits do not "
                "accept as ground truth; -O track_ids=assign makes each a track"
            )

    def changes(self, part: Numbers) -> bool:
        """Tell whether tracks in a partition's rows have other numbers here."""
        return bool(part.names) or (self.assign and part.untracked > 0)

    def rows(self, lines: Iterable[str], frames: Iterable[int], part: Numbers) -> Iterator[bytes]:
        """Yield a partition's rows with the numbers of frames and tracks.

        Args:
            lines: Rows that begin with a frame, which is replaced, and a track.
            frames: The frame of each row.
            part: The partition's tracks.
        """
        ids = {f"?{n}": str(self.names[name]) for name, n in part.names.items()}
        for line, frame in zip(lines, frames, strict=True):
            _, track, rest = line.split(",", 2)
            if track[0] == "?":
                track = ids[track]
            elif track == NO_TRACK and self.assign:
                self.highest += 1
                track = str(self.highest)
            yield f"{frame},{track},{rest}".encode()
