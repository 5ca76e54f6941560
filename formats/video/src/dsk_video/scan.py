"""Finding out where the frames of a video are."""

from __future__ import annotations

from array import array
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from msgspec import Struct

from dsk.errors import MediaError
from dsk_video.boxes import check_counts
from dsk_video.streams import OpenVideo, open_file, show, size_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk_video.streams import Location

__all__ = ["FrameTable", "scan"]

_TRIAL = 16
"""Frames that are decoded to see whether the packets tell the truth."""


class FrameTable(Struct, frozen=True):
    """What a scan tells of a video.

    Attributes:
        count: Number of frames.
        size: (height, width) of the frames as they are shown.
        times: Presentation time of each frame in the stream's unit, rising; None when the video
            does not say, then a frame is found by counting.
        keys: Numbers of the frames where decoding can begin.
        damaged: Number of places where the scan failed; frames that may be there are not counted.
    """

    count: int
    size: tuple[int, int]
    times: NDArray[np.int64] | None
    keys: NDArray[np.int64]
    damaged: int


def scan(location: Location) -> FrameTable:
    """Find out how many frames a video has, how large they are and where they lie.

    Raises:
        MediaError: It is missing or damaged, or no frame of it can be decoded.
        LimitError: It names more frames than it can hold, or they are too large.
    """
    where = show(location)
    with open_file(location) as file:
        check_counts(file, where)
        table = _scan_packets(file, where)
        return table if table is not None else _scan_frames(file, where)


def _scan_packets(file: BinaryIO, where: str) -> FrameTable | None:
    """Scan without decoding; None when the packets do not tell the frames."""
    video = OpenVideo(file, where)
    try:
        shown, begins = array("q"), bytearray()
        last: int | None = None
        for packet in video.packets():
            if packet.size == 0 and packet.dts is None:
                continue  # the end
            if packet.is_discard:
                continue
            dts = packet.dts
            if packet.pts is None or not packet.size or (dts is None and last is not None):
                return None
            if last is not None and dts is not None and dts <= last:
                return None
            last = dts
            shown.append(packet.pts)
            begins.append(packet.is_keyframe)
    finally:
        video.close()
    if not begins or not begins[0]:
        return None
    times = np.frombuffer(shown, np.int64)
    order = np.argsort(times, kind="stable")
    times = times[order]
    if (np.diff(times) <= 0).any():
        return None
    size = _first_size(file, where, times)
    keys = np.flatnonzero(np.frombuffer(begins, np.uint8)[order])
    return None if size is None else FrameTable(len(times), size, times, keys, video.damaged)


def _first_size(file: BinaryIO, where: str, times: NDArray[np.int64]) -> tuple[int, int] | None:
    """Return the size of a video's first frames; None when they do not come at the times given."""
    video = OpenVideo(file, where)
    try:
        first = [(frame.pts, size_of(frame)) for frame in islice(video.frames(), _TRIAL)]
    finally:
        video.close()
    found = [time for time, _ in first]
    expected = times[:_TRIAL].tolist()
    # of damaged ones some do not come at all
    right = set(found) <= set(times.tolist()) if video.damaged else found == expected
    return first[0][1] if first and right else None


def _scan_frames(file: BinaryIO, where: str) -> FrameTable:
    """Scan by decoding."""
    video = OpenVideo(file, where)
    try:
        size = (0, 0)
        shown, begins = array("q"), bytearray()
        for frame in video.frames():
            if not begins:
                size = size_of(frame)
            if frame.pts is not None:
                shown.append(frame.pts)
            begins.append(bool(frame.key_frame))
    finally:
        video.close()
    if not begins:
        raise MediaError("no frame of the video can be decoded", where=where)
    times = np.frombuffer(shown, np.int64)
    rising = len(times) == len(begins) and bool((np.diff(times) > 0).all())
    keys = np.flatnonzero(np.frombuffer(begins, np.uint8))
    return FrameTable(len(begins), size, times if rising else None, keys, video.damaged)
