"""Writing tracks: shapes of one object gathered from all frames."""

from __future__ import annotations

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
    from dsk.loss import Ledger

__all__ = ["Record", "TrackWriter"]

_FRAME = b'frame="'
_ALIKE = {"rotated_bbox": "bbox"}  # shapes of one element, which one track may have
_MOST = 1 << 53  # numbers of tracks that a float tells apart


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
        keyframe: Whether CVAT takes the shape as it is.
    """

    track: int
    label: int
    frame: int
    start: int
    end: int
    kind: str
    group: int = 0
    outside: bool = False
    keyframe: bool = True

    @classmethod
    def of(cls, a: Annotation, frame: int, start: int, end: int) -> Record:
        """Make the record of an annotation."""
        track = a.object_id
        if track < 0:
            stated = a.attributes.get("track_id")
            number = isinstance(stated, int | float) and not isinstance(stated, bool)
            track = int(stated) if number and 0 <= stated < _MOST else -1  # type: ignore[operator, arg-type]
        outside = is_on(a.attributes.get("outside"))
        key = is_on(a.attributes.get("keyframe", True))
        return cls(track, a.label or 0, frame, start, end, a.kind, a.group, outside, key)


_Place = tuple[Record, int]
"""A shape, and the number of the share that has its text."""


class TrackWriter:
    """Makes the tracks of a subset.

    A track has one label, one kind of shape and one shape a frame, so an object that has more
    becomes several tracks, of which the first one keeps the number.

    Args:
        categories: The labels.
        shares: What the partitions left: ``frames``, ``records`` and ``listed``.
        ledger: For numbers and groups that tracks cannot keep.

    Raises:
        OutputError: Two items have one frame.
    """

    def __init__(self, categories: Categories, shares: Sequence[Any], ledger: Ledger) -> None:
        self._names = [attribute_text(label.name) for label in categories.labels]
        frames = sorted(frame for share in shares for frame in share.frames)
        for a, b in pairwise(frames):
            if a == b:
                raise OutputError(
                    f"two items are frame {a}", hint="number the frames of items anew"
                )
        self._next = dict(pairwise(frames))  # the frame behind each
        self._listed = {frame: head for share in shares for frame, head in share.listed.items()}
        self._tags: list[_Place] = []
        self._tracks = self._arranged(shares)
        self._begins = [self._beginnings(places) for _, places in self._tracks]
        self._report(ledger)
        self._fragments: list[str] = []
        self._files: dict[int, mmap | bytes] = {}

    def _arranged(self, shares: Sequence[Any]) -> list[tuple[int, list[_Place]]]:
        """Return the tracks with their numbers."""
        tracks: dict[tuple[int, int, str, int], list[_Place]] = {}
        latest: dict[tuple[int, int, str], tuple[int, int]] = {}
        alone = 0
        for number, share in enumerate(shares):
            for record in share.records:
                if record.kind == "label":
                    self._tags.append((record, number))
                    continue
                if record.track < 0:
                    alone -= 1
                    tracks[alone, 0, "", 0] = [(record, number)]
                    continue
                key = (record.track, record.label, _ALIKE.get(record.kind, record.kind))
                frame, count = latest.get(key, (-1, 0))
                nth = count if frame == record.frame else 0
                latest[key] = record.frame, nth + 1
                tracks.setdefault((*key, nth), []).append((record, number))
        fresh = max((key[0] for key in tracks), default=-1)
        fresh = max(fresh, -1)
        found: list[tuple[int, list[_Place]]] = []
        used: set[int] = set()
        for (number, *_), places in tracks.items():
            own = number
            if own < 0 or own in used:
                own = fresh = fresh + 1
            used.add(own)
            places.sort(key=lambda place: place[0].frame)
            found.append((own, places))
        return found

    def _report(self, ledger: Ledger) -> None:
        for (number, places), begins in zip(self._tracks, self._begins, strict=True):
            first = places[0][0]
            if first.track not in (-1, number):
                what = "track ids of objects of several labels, or several shapes in a frame"
                ledger.add("DSK-L015", what, kind=first.kind, count=len(places))
            other = sum(record.group != first.group for record, _ in places)
            if other:
                what = "groups of shapes whose track has another one"
                ledger.add("DSK-L005", what, kind=first.kind, count=other)
            if changed := sum(not places[n][0].keyframe for n in begins):
                what = "keyframe of shapes that an object comes into view with"
                ledger.add("DSK-L004", what, kind=first.kind, count=changed)

    def texts(self, fragments: list[str]) -> Iterator[bytes]:
        """Yield the tracks, then the images with labels and those without shapes.

        Args:
            fragments: The files with the shapes' texts, one for each share.
        """
        self._fragments = fragments
        for (number, places), begins in zip(self._tracks, self._begins, strict=True):
            yield from self._track(number, places, begins)
        tags: dict[int, list[_Place]] = {}
        for place in self._tags:
            tags.setdefault(place[0].frame, []).append(place)
        for frame, head in sorted(self._listed.items()):
            yield f"  {head}\n".encode("utf-8", "surrogateescape")
            for record, share in tags.get(frame, ()):
                yield b"    " + self._data(share)[record.start : record.end] + b"\n"
            yield b"  </image>\n"

    def _track(self, number: int, records: list[_Place], begins: frozenset[int]) -> Iterator[bytes]:
        first = records[0][0]
        group = f' group_id="{first.group}"' if first.group else ""
        name = self._names[first.label]
        yield f'  <track id="{number}" label="{name}" source="manual"{group}>\n'.encode()
        yield from self._shapes(records, begins)
        yield b"  </track>\n"

    def _shapes(self, records: list[_Place], begins: frozenset[int]) -> Iterator[bytes]:
        """Yield the shapes by frame, and where the object is gone, a shape that says so."""
        for n, (record, share) in enumerate(records):
            text = self._text(record, share)
            if n in begins:  # of a skeleton's points, too
                text = text.replace(b'keyframe="0"', b'keyframe="1"')
            yield b"    " + text + b"\n"
            following = self._next.get(record.frame)
            there = n + 1 < len(records) and records[n + 1][0].frame <= (following or 0)
            if following is None or there or record.outside:
                continue
            gone = text.replace(
                b'%s%d"' % (_FRAME, record.frame), b'%s%d"' % (_FRAME, following), 1
            )
            gone = gone.replace(b'outside="0"', b'outside="1"')  # of a skeleton's points, too
            gone = gone.replace(b'keyframe="0"', b'keyframe="1"')
            yield b"    " + gone + b"\n"

    def _beginnings(self, places: Sequence[_Place]) -> frozenset[int]:
        """Return which shapes the object comes into view with.

        CVAT takes keyframes only and makes the others of them, so these have to be some.
        """
        found = [0]
        for n, ((last, _), (record, _)) in enumerate(pairwise(places), 1):
            gone = last.outside or record.frame > self._next.get(last.frame, record.frame)
            if gone and not record.outside:
                found.append(n)
        return frozenset(found)

    def _text(self, record: Record, share: int) -> bytes:
        text = self._data(share)[record.start : record.end]
        return text.replace(_FRAME, b"%s%d" % (_FRAME, record.frame), 1)

    def _data(self, share: int) -> mmap | bytes:
        data = self._files.get(share)
        if data is None:
            with open(self._fragments[share], "rb") as file:  # noqa: PTH123
                # Mapped: shapes of a track lie all over the files, which may be larger than memory.
                empty = not file.seek(0, SEEK_END)
                data = b"" if empty else mmap(file.fileno(), 0, access=ACCESS_READ)
                self._files[share] = data
        return data
