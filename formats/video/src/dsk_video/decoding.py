"""Frames of a video by their number, decoded when they are asked for.

A video is scanned once: its packets are read, not decoded, which gives the time of every frame and
where decoding can begin. Videos whose packets do not say that are decoded once to count the frames.
Reading frames in order decodes each once; reading them in any order seeks.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from dsk.errors import MediaError
from dsk_video.scan import FrameTable, scan
from dsk_video.streams import DAMAGED, OpenVideo, open_file, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.frame import VideoFrame as AvFrame
    from numpy.typing import NDArray

    from dsk_video.streams import Location

__all__ = ["FrameSource", "VideoFile"]

_OPEN = 4
"""Videos that a process keeps open."""


class _Decoder:
    """Reads frames of one video; remembers where it is and the last frame."""

    def __init__(self, location: Location, table: FrameTable) -> None:
        self._location = location
        self._table = table
        self._file: BinaryIO | None = None
        self._video: OpenVideo | None = None
        self._frames: Iterator[AvFrame] = iter(())
        self._next: int | None = 0  # number of the frame to come; None right after seeking
        self._held: tuple[int, NDArray[np.uint8]] | None = None
        self._gap = range(0)  # frames that were not there when those around them came

    def close(self) -> None:
        """Release the video."""
        self._stop()
        if self._file is not None:
            self._file.close()
        self._file, self._held = None, None

    def _stop(self) -> None:
        if self._video is not None:
            self._video.close()
        self._video = None

    def _start(self) -> OpenVideo:
        """Begin anew."""
        self._stop()
        if self._file is None:
            self._file = open_file(self._location)
        return OpenVideo(self._file, show(self._location))

    def read(self, number: int) -> NDArray[np.uint8]:
        """Return a frame's pixels, (height, width, 3), RGB.

        Raises:
            MediaError: It cannot be decoded.
        """
        if self._held is not None and self._held[0] == number:
            return self._held[1]
        for start in self._starts(number):
            if number in self._gap:
                break
            if not self._go(start):
                continue
            frame = self._forward(number)
            if frame is not None and self._video is not None:
                try:
                    pixels = self._video.pixels(frame)
                except DAMAGED as error:
                    raise self._lost(number) from error
                self._held = (number, pixels)
                return pixels
        raise self._lost(number)

    def _lost(self, number: int) -> MediaError:
        return MediaError(f"frame {number} cannot be decoded", where=show(self._location))

    def _starts(self, number: int) -> Iterator[int | None]:
        """Yield where to decode from, best first: None is here; then key frames; 0 is anew."""
        keys, times = self._table.keys, self._table.times
        place = int(np.searchsorted(keys, number, "right")) - 1
        near = int(keys[place]) if place >= 0 and times is not None else 0
        if self._video is not None and self._next is not None and near <= self._next <= number:
            yield None
        if times is not None:
            for key in keys[max(0, place - 1) : place + 1][::-1].tolist():
                if key:
                    yield key
        yield 0

    def _go(self, start: int | None) -> bool:
        """Prepare to decode from a place; tell whether that is possible."""
        if start is None:
            return True
        if start and self._table.times is not None:
            if self._video is None:
                self._video = self._start()
            self._next = None
            if not self._video.seek(int(self._table.times[start])):
                return False
        else:
            self._video = self._start()
            self._next = 0
        self._frames = self._video.frames()
        return True

    def _forward(self, number: int) -> AvFrame | None:
        """Decode up to a frame; None when it does not come."""
        times = self._table.times
        before = None if self._next is None else self._next - 1
        for frame in self._frames:
            if times is None:
                found = self._next or 0
            elif frame.pts is None:
                continue
            else:
                found = int(np.searchsorted(times, frame.pts))
                if found == len(times) or times[found] != frame.pts:
                    continue
            self._next = found + 1
            if found == number:
                return frame
            if found > number:
                break
            before = found
        else:
            found, self._next = self._table.count, None
        if before is not None:
            self._gap = range(before + 1, found)
        return None


class VideoFile:
    """A video whose frames can be read by number; what that opens is closed when nobody has it.

    Attributes:
        location: Where it is, as ``Media.source``.
        table: What a scan told.
    """

    __slots__ = ("__weakref__", "location", "table")

    def __init__(self, location: Location, table: FrameTable | None = None) -> None:
        self.location = location
        self.table = table if table is not None else scan(location)
        weakref.finalize(self, _close, location)

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Return a frame's pixels, (height, width, 3), RGB.

        Raises:
            MediaError: There is no such frame, or it cannot be decoded.
        """
        return _decoder(self).read(number)


_decoders: dict[tuple[int, Location], _Decoder] = {}
_files: dict[Location, VideoFile] = {}


def _decoder(video: VideoFile) -> _Decoder:
    """Return this process's decoder of a video, the last ones used are kept.

    Decoders inherited from a process that was forked are never touched: their threads are not here.
    """
    process = os.getpid()
    key = (process, video.location)
    decoder = _decoders.pop(key, None)
    if decoder is None:
        mine = [k for k in _decoders if k[0] == process]
        for old in mine[: max(0, len(mine) - _OPEN + 1)]:
            _decoders.pop(old).close()
        decoder = _Decoder(video.location, video.table)
    _decoders[key] = decoder
    return decoder


def _close(location: Location) -> None:
    """Close this process's decoder of a video, if it has one."""
    decoder = _decoders.pop((os.getpid(), location), None)
    if decoder is not None:
        decoder.close()


def _frame_source(location: Location, number: int) -> FrameSource:
    """Make a frame's source again in another process."""
    video = _files.get(location)
    if video is None:
        if len(_files) >= 16 * _OPEN:
            _files.clear()
        video = _files[location] = VideoFile(location)
    return FrameSource(video, number)


class FrameSource:
    """The pixels of one frame as a ``Media.source``: a function that decodes them."""

    __slots__ = ("_number", "_video")

    def __init__(self, video: VideoFile, number: int) -> None:
        self._video = video
        self._number = number

    def __call__(self) -> NDArray[np.uint8]:
        """Return the pixels, (height, width, 3), RGB.

        Raises:
            MediaError: The frame cannot be decoded.
        """
        return self._video.frame(self._number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameSource) and (self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[object, ...]:
        # without the table of all frames, which each of them would take along
        return (_frame_source, (self._video.location, self._number))

    def _key(self) -> tuple[Location, int]:
        return (self._video.location, self._number)
