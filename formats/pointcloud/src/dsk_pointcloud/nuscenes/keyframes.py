"""Keyframes on their way to the tables, which are written when all of them have been seen.

They wait in fragments of the output: what is held in memory is where each of them is.
"""

from __future__ import annotations

import os
import pickle
from sys import intern
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.output import WriteContext

__all__ = ["Annotation", "Camera", "Frame", "FrameReader", "Place", "save_frames"]

FRAGMENT = "nuscenes-keyframes"


class Camera(Struct):
    """An image: channel, file, lidar→camera (12), lens (9), height and width."""

    channel: str
    file: str
    outer: list[float]
    inner: list[float]
    size: tuple[int, int]


class Annotation(Struct):
    """A box: its pose is a 4×4 matrix to the global frame, size is w, l, h."""

    label: int
    track: int | None
    instance: str
    pose: list[float]
    size: tuple[float, float, float]
    attributes: list[str]
    visibility: str
    points: int
    radar: int


class Frame(Struct):
    """A keyframe; ``lidar`` and ``ego`` are translation and quaternion."""

    id: str
    subset: str
    scene: str
    cloud: str
    lidar: Any
    ego: Any
    cameras: list[Camera]
    annotations: list[Annotation]
    order: Any
    timestamp: Any
    empty: bool


class Place(Struct, gc=False):
    """Where a keyframe waits, and what says where it comes in the tables.

    Attributes:
        subset: Its subset.
        scene: Its scene.
        order: Its number in the scene, if it states a whole one.
        part: The partition's number.
        start: Offset in that partition's fragment.
        size: Number of bytes there.
    """

    subset: str
    scene: str
    order: int | None
    part: int
    start: int
    size: int


def save_frames(frames: Iterable[Frame], ctx: WriteContext) -> list[Place]:
    """Put a partition's keyframes aside; return where they are."""
    places = []
    start = 0
    with ctx.fragment(FRAGMENT) as file:
        for frame in frames:
            data = pickle.dumps(frame, protocol=5)
            file.write(data)
            order = frame.order if type(frame.order) is int else None
            names = intern(frame.subset), intern(frame.scene)
            places.append(Place(*names, order, ctx.part, start, len(data)))
            start += len(data)
    return places


class FrameReader:
    """Reads keyframes that were put aside.

    Args:
        ctx: With the output that holds them.
    """

    def __init__(self, ctx: WriteContext) -> None:
        paths = ctx.out.fragments(FRAGMENT)
        self._paths = {int(os.path.basename(path)): path for path in paths}  # noqa: PTH119
        self._part = -1
        self._file: BinaryIO | None = None

    def read(self, places: Sequence[Place]) -> Iterator[Frame]:
        """Yield the keyframes of some places."""
        for place in places:
            if self._file is None or self._part != place.part:
                self.close()
                self._file = open(self._paths[place.part], "rb")  # noqa: PTH123, SIM115 - see close
                self._part = place.part
            self._file.seek(place.start)
            yield pickle.loads(self._file.read(place.size))  # noqa: S301 - written by ourselves

    def close(self) -> None:
        """Close the fragment that was read last."""
        if self._file is not None:
            self._file.close()
            self._file = None
