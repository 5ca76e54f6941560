"""From tracklets to the boxes of frames, some frames at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import compress
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Cuboid3d
from dsk_pointcloud.kitti_raw.convention import to_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.annotations import Annotation
    from dsk_pointcloud.kitti_raw.grammar import Tracklet
    from dsk_pointcloud.kitti_raw.states import State

__all__ = ["STEP", "Boxes", "Shown", "occlusions", "shown"]

STEP = 128
"""Frames whose boxes are made at once: few, so that memory is used again; divides a partition."""


class Shown(Struct):
    """A tracklet and what of it is shown.

    Attributes:
        track: The tracklet.
        kinds: The states of its poses, each once.
        occluded: Whether it is occluded, of each pose.
        frames: The frames in which it is shown, in order.
        hidden: The poses' states, by ``id``, with which it is not shown.
    """

    track: Tracklet
    kinds: list[State]
    occluded: list[bool]
    frames: Sequence[int]
    hidden: frozenset[int]


def shown(track: Tracklet, *, everything: bool) -> Shown:
    """Return what is shown of a tracklet.

    Poses outside or behind the image are left out unless ``everything``, damaged ones always.
    """
    states = track.states
    kinds = list(dict(zip(map(id, states), states, strict=True)).values())
    frames: Sequence[int] = range(track.first, track.first + len(states))
    hidden = frozenset(
        id(state) for state in kinds if state.damaged or (state.outside and not everything)
    )
    if hidden:
        frames = list(compress(frames, [id(state) not in hidden for state in states]))
    return Shown(track, kinds, occlusions(states), frames, hidden)


def occlusions(states: list[State]) -> list[bool]:
    """Return for each pose of a track whether it is occluded.

    An occlusion that is not set is that of the last pose marked as a key for it.
    """
    found = []
    key = False
    for state in states:
        if state.occlusion_kf == 1:
            key = state.occluded
        found.append(key if state.relative else state.occluded)
    return found


class Boxes:
    """The boxes of a drive.

    Args:
        tracks: Its tracklets, and what of them is shown.
        kind: What their numbers mean, see ``convention.CONVENTIONS``.
        frames: The numbers of all frames of the drive, sorted.
    """

    def __init__(self, tracks: list[Shown], kind: str, frames: list[int]) -> None:
        self._kind = kind
        self._parts: dict[int, list[Shown]] = {}
        for one in tracks:
            if one.frames:
                first = bisect_left(frames, one.frames[0]) // STEP
                last = bisect_left(frames, one.frames[-1]) // STEP
                for part in range(first, last + 1):
                    self._parts.setdefault(part, []).append(one)

    def of_frames(
        self, part: int, frames: Sequence[int], labels: dict[str, int]
    ) -> dict[int, list[Annotation]]:
        """Return the boxes of some frames by frame, each one's in the order of the tracklets.

        Args:
            part: Which ``STEP`` frames of the drive these are.
            frames: Their numbers, sorted.
            labels: Labels by name.
        """
        found: defaultdict[int, list[Annotation]] = defaultdict(list)
        for one in self._parts.get(part, ()):
            track = one.track
            start = max(frames[0] - track.first, 0)
            stop = min(frames[-1] + 1 - track.first, len(track.states))
            self._add(found, one, start, stop, labels[track.label])
        return found

    def _add(
        self,
        found: defaultdict[int, list[Annotation]],
        one: Shown,
        start: int,
        stop: int,
        label: int,
    ) -> None:
        """Add the boxes of some poses of a track."""
        track = one.track
        height, width, length = track.size
        scale, half = (length, width, height), height / 2
        states = track.states[start:stop]
        occluded = one.occluded[start:stop]
        each = iter(track.places[6 * start : 6 * stop])
        numbers = range(track.first + start, track.first + stop)
        hidden = one.hidden
        kitti = self._kind == "kitti"
        known: dict[tuple[int, bool], tuple[dict[str, Any], dict[str, Any] | None]] = {}
        rows = zip(numbers, states, occluded, each, each, each, each, each, each, strict=True)
        for number, state, is_occluded, x, y, z, rx, ry, rz in rows:  # hot
            if hidden and id(state) in hidden:
                continue
            if kitti and not rx and not ry:
                position = x, y, z + half
            else:
                position, scale = to_box(self._kind, (x, y, z), (rx, ry, rz), track.size)
            about = known.get((id(state), is_occluded))
            if about is None:
                about = known[id(state), is_occluded] = _said(track, state, is_occluded)
            said, extra = about
            found[number].append(
                Cuboid3d(position, (rx, ry, rz), scale, label=label, attributes=said, extra=extra)
            )


def _said(
    track: Tracklet, state: State, is_occluded: bool
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the attributes and other fields of a box."""
    attributes: dict[str, Any] = {"track_id": track.number, "occluded": is_occluded}
    for more in (track.attributes, state.attributes, state.more):
        if more:
            attributes |= more
    extra = state.extra
    if track.finished != 1:
        mine = extra["kitti_raw"] if extra else {}
        extra = {"kitti_raw": mine | {"finished": track.finished}}
    return attributes, extra
