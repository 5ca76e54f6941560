"""Writing tracks: shapes of one object gathered from all frames."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from mmap import ACCESS_READ, mmap
from os import SEEK_END
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import is_on
from dsk.errors import OutputError
from dsk_cvat.writing import attribute_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories

__all__ = ["Record", "TrackWriter"]

_FRAME = b'frame="'


class Record(Struct, frozen=True, gc=False):
    """Where one shape of a track is.

    Attributes:
        track: The track's number, -1 for a shape of its own.
        label: Its label.
        frame: Its frame.
        start: Where its text begins in the fragment.
        end: Where it ends.
        kind: Kind of the annotation.
        group: The group of the annotation.
        outside: Whether the object has left the view.
    """

    track: int
    label: int
    frame: int
    start: int
    end: int
    kind: str
    group: int = 0
    outside: bool = False

    @classmethod
    def of(cls, a: Annotation, frame: int, start: int, end: int) -> Record:
        """Make the record of an annotation."""
        track = a.object_id
        if track < 0:
            stated = a.attributes.get("track_id")
            whole = isinstance(stated, int | float) and not isinstance(stated, bool)
            track = int(stated) if whole and stated >= 0 else -1  # type: ignore[operator, arg-type]
        outside = is_on(a.attributes.get("outside"))
        return cls(track, a.label or 0, frame, start, end, a.kind, a.group, outside)


class TrackWriter:
    """Makes the tracks of a subset.

    Args:
        categories: The labels.
        shares: What the partitions left: ``frames`` and ``records``.
        fragments: The files with the shapes' texts, one for each share.

    Raises:
        OutputError: Two items have one frame.
    """

    def __init__(self, categories: Categories, shares: Sequence[Any], fragments: list[str]) -> None:
        self._names = [attribute_text(label.name) for label in categories.labels]
        frames = sorted(frame for share in shares for frame in share.frames)
        for a, b in pairwise(frames):
            if a == b:
                raise OutputError(
                    f"two items are frame {a}", hint="number the frames of items anew"
                )
        self._frames = frames
        self._records = [
            (record, fragment)
            for share, fragment in zip(shares, fragments, strict=True)
            for record in share.records
        ]
        self._files: dict[str, mmap | bytes] = {}

    def texts(self) -> Iterator[bytes]:
        """Yield the tracks, then the tags."""
        tracks: dict[Any, list[tuple[Record, str]]] = {}
        tags = []
        alone = 0
        for record, fragment in self._records:
            if record.kind == "label":
                tags.append((record, fragment))
                continue
            if record.track >= 0:
                key: Any = (record.track, record.label, record.kind)
            else:
                alone += 1
                key = alone
            tracks.setdefault(key, []).append((record, fragment))
        taken = {record.track for record, _ in self._records}
        fresh = max(taken, default=-1)
        used: set[int] = set()
        for key, records in tracks.items():
            number = key[0] if isinstance(key, tuple) else -1
            if number < 0 or number in used:
                fresh += 1
                number = fresh
            used.add(number)
            yield from self._track(number, records)
        for record, fragment in sorted(tags, key=lambda pair: pair[0].frame):
            yield b"  " + self._text(record, fragment) + b"\n"

    def _track(self, number: int, records: list[tuple[Record, str]]) -> Iterator[bytes]:
        first = records[0][0]
        group = f' group_id="{first.group}"' if first.group else ""
        name = self._names[first.label]
        yield f'  <track id="{number}" label="{name}" source="manual"{group}>\n'.encode()
        yield from self._shapes(records)
        yield b"  </track>\n"

    def _shapes(self, records: list[tuple[Record, str]]) -> Iterator[bytes]:
        """Yield the shapes by frame, and where the object is gone, a shape that says so."""
        records = sorted(records, key=lambda pair: pair[0].frame)
        for n, (record, fragment) in enumerate(records):
            text = self._text(record, fragment)
            yield b"    " + text + b"\n"
            following = self._after(record.frame)
            there = n + 1 < len(records) and records[n + 1][0].frame <= (following or 0)
            if following is None or there or record.outside:
                continue
            gone = text.replace(
                b'%s%d"' % (_FRAME, record.frame), b'%s%d"' % (_FRAME, following), 1
            )
            gone = gone.replace(b'outside="0"', b'outside="1"')  # of a skeleton's points, too
            gone = gone.replace(b'keyframe="0"', b'keyframe="1"')
            yield b"    " + gone + b"\n"

    def _after(self, frame: int) -> int | None:
        place = bisect_right(self._frames, frame)
        return self._frames[place] if place < len(self._frames) else None

    def _text(self, record: Record, fragment: str) -> bytes:
        data = self._files.get(fragment)
        if data is None:
            with open(fragment, "rb") as file:  # noqa: PTH123
                # Mapped: shapes of a track lie all over the files, which may be larger than memory.
                empty = not file.seek(0, SEEK_END)
                data = b"" if empty else mmap(file.fileno(), 0, access=ACCESS_READ)
                self._files[fragment] = data
        text = data[record.start : record.end]
        return text.replace(_FRAME, b"%s%d" % (_FRAME, record.frame), 1)
