"""Frames of a video by their number, decoded when they are asked for.

A video is scanned once: its packets are read, not decoded, which gives the time of every frame and
where decoding can begin. Videos whose packets do not say that are decoded once to count the frames.
Reading frames in order decodes each once; reading them in any order seeks.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from bisect import bisect_right
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError
from msgspec import Struct

from dsk.errors import LimitError, MediaError
from dsk.media import ArchiveMember, MediaElement
from dsk.pixels import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.video.frame import VideoFrame as AvFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from dsk.files import Located

    Location = str | ArchiveMember | Located

__all__ = ["FrameSource", "FrameTable", "VideoFile"]

_CONTAINERS = (
    "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,live_flv,asf,ogg,rm,mxf,m4v,h264,hevc,obu"
)
"""FFmpeg's readers that may be used. Others read lists of further files and addresses to open."""

_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}

_TRIAL = 16
"""Frames that are decoded to see whether the packets tell the truth."""

_OPEN = 4
"""Videos that a process keeps open."""

_STREAMS = 64
"""Streams that may appear in the middle of a file."""

_DAMAGED = (FFmpegError, OSError, ValueError, UnicodeError, OverflowError)
"""What PyAV raises for damaged videos."""


_UNPACKING = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error)
"""What damaged archives raise."""


class FrameTable(Struct, frozen=True):
    """What a scan tells of a video.

    Attributes:
        count: Number of frames.
        size: (height, width) of the frames as they are shown.
        times: Presentation time of each frame in the stream's unit, rising; None when the video
            does not say, then a frame is found by counting.
        keys: Numbers of the frames where decoding can begin.
    """

    count: int
    size: tuple[int, int]
    times: NDArray[np.int64] | None
    keys: list[int]


class _Opened:
    """A video being read."""

    def __init__(self, location: Location) -> None:
        self.where = _show(location)
        self._file = _open(location)
        self.container: InputContainer | None = None
        try:
            self.container = av.open(self._file, "r", options=_OPTIONS, metadata_errors="replace")
            self.stream = _stream(self.container, self.where)
        except _DAMAGED as error:
            self.close()
            raise MediaError(f"no readable video: {_reason(error)}", where=self.where) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the file and the decoder."""
        if self.container is not None:
            self.container.close()
        self._file.close()

    def packets(self) -> Iterator[Any]:
        """Yield what is left of the video's packets; a damaged end is the end.

        A stream that appears in the middle of a file makes PyAV's list of streams too short; it is
        made anew from where the file stands.
        """
        assert self.container is not None
        for _ in range(_STREAMS):
            packets = self.container.demux(self.stream)
            while True:
                try:
                    packet = next(packets)
                except IndexError:
                    break
                except (StopIteration, *_DAMAGED):
                    return
                yield packet

    def frames(self) -> Iterator[AvFrame]:
        """Yield the frames from here on, leaving out what cannot be decoded."""
        for packet in self.packets():
            try:
                frames = packet.decode()
            except _DAMAGED:
                continue
            yield from frames

    def seek(self, time: int) -> bool:
        """Go to a frame where decoding can begin; tell whether that worked."""
        assert self.container is not None
        try:
            self.container.seek(time, stream=self.stream)
        except _DAMAGED:
            return False
        return True


def _open(location: Location) -> BinaryIO:
    """Open a video so that it can be read from any place; archives are unpacked to a nameless file.

    A file object, not a path: FFmpeg takes some paths for lists, devices and addresses.
    """
    file = MediaElement(_show(location), location).open()
    if not isinstance(location, ArchiveMember):
        return file
    with file:
        unpacked: BinaryIO = tempfile.TemporaryFile(prefix="dsk-video-")  # noqa: SIM115 - returned
        try:
            shutil.copyfileobj(file, unpacked, 1 << 20)
        except _UNPACKING as error:
            unpacked.close()
            raise MediaError(f"no readable archive: {error}", where=_show(location)) from error
        except BaseException:
            unpacked.close()
            raise
    unpacked.seek(0)
    return unpacked


def _show(location: Location) -> str:
    if isinstance(location, ArchiveMember):
        return f"{location.archive}/{location.name}"
    return str(location)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]


def _stream(container: InputContainer, where: str) -> VideoStream:
    """Return the first video stream that is no cover picture."""
    for stream in container.streams.video:
        if "attached_pic" in str(stream.disposition):
            continue
        codec = stream.codec_context
        if codec is None:
            raise MediaError("the video's codec is not known", where=where)
        if codec.width * codec.height > MAX_PIXELS:
            raise LimitError(f"frames of {codec.width}×{codec.height} pixels", where=where)
        codec.thread_type = "AUTO"
        return stream
    raise MediaError("the file holds no video", where=where)


def _turns(frame: AvFrame) -> int:
    """Return by how many quarter turns, anticlockwise, a frame is shown turned."""
    return round(getattr(frame, "rotation", 0) / 90) % 4


def _pixels(frame: AvFrame) -> NDArray[np.uint8]:
    pixels: NDArray[Any] = frame.to_ndarray(format="rgb24")
    turns = _turns(frame)
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _size(frame: AvFrame) -> tuple[int, int]:
    size = (frame.height, frame.width)
    return size[::-1] if _turns(frame) % 2 else size


def scan(location: Location) -> FrameTable:
    """Find out how many frames a video has, how large they are and where they lie.

    Raises:
        MediaError: It is missing or damaged, or no frame of it can be decoded.
    """
    table = _scan_packets(location)
    return table if table is not None else _scan_frames(location)


def _scan_packets(location: Location) -> FrameTable | None:
    """Scan without decoding; None when the packets do not tell the frames."""
    video = _Opened(location)
    try:
        found: list[tuple[int, bool]] = []
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
            found.append((packet.pts, packet.is_keyframe))
    finally:
        video.close()
    if not found or not found[0][1]:
        return None
    found.sort()
    times = np.array([time for time, _ in found], dtype=np.int64)
    if (np.diff(times) <= 0).any():
        return None
    first = _first_frames(location)
    if not first or [f[0] for f in first] != times[: len(first)].tolist():
        return None
    if len(first) < min(_TRIAL, len(times)):
        return None
    keys = [number for number, (_, key) in enumerate(found) if key]
    return FrameTable(len(times), first[0][1], times, keys)


def _first_frames(location: Location) -> list[tuple[int | None, tuple[int, int]]]:
    """Return times and sizes of a video's first frames, decoded."""
    video = _Opened(location)
    try:
        return [(frame.pts, _size(frame)) for frame in islice(video.frames(), _TRIAL)]
    finally:
        video.close()


def _scan_frames(location: Location) -> FrameTable:
    """Scan by decoding."""
    video = _Opened(location)
    try:
        size = (0, 0)
        found: list[tuple[int | None, bool]] = []
        for frame in video.frames():
            if not found:
                size = _size(frame)
            found.append((frame.pts, bool(frame.key_frame)))
    finally:
        video.close()
    if not found:
        raise MediaError("no frame of the video can be decoded", where=_show(location))
    known = [time for time, _ in found if time is not None]
    rising = len(known) == len(found) and all(a < b for a, b in pairwise(known))
    times = np.array(known, dtype=np.int64) if rising else None
    return FrameTable(len(found), size, times, [n for n, (_, key) in enumerate(found) if key])


class _Decoder:
    """Reads frames of one video; remembers where it is and the last frame."""

    def __init__(self, location: Location, table: FrameTable) -> None:
        self._location = location
        self._table = table
        self._video: _Opened | None = None
        self._frames: Iterator[AvFrame] = iter(())
        self._next: int | None = 0  # number of the frame to come; None right after seeking
        self._held: tuple[int, NDArray[np.uint8]] | None = None

    def close(self) -> None:
        """Release the video."""
        if self._video is not None:
            self._video.close()
        self._video, self._held = None, None

    def read(self, number: int) -> NDArray[np.uint8]:
        """Return a frame's pixels, (height, width, 3), RGB.

        Raises:
            MediaError: It cannot be decoded.
        """
        if self._held is not None and self._held[0] == number:
            return self._held[1]
        for start in self._starts(number):
            if not self._go(start):
                continue
            frame = self._forward(number)
            if frame is not None:
                try:
                    pixels = _pixels(frame)
                except _DAMAGED as error:
                    raise self._lost(number) from error
                self._held = (number, pixels)
                return pixels
        raise self._lost(number)

    def _lost(self, number: int) -> MediaError:
        return MediaError(f"frame {number} cannot be decoded", where=_show(self._location))

    def _starts(self, number: int) -> Iterator[int | None]:
        """Yield where to decode from, best first: None is here; then key frames; 0 is anew."""
        keys, times = self._table.keys, self._table.times
        place = bisect_right(keys, number) - 1
        near = keys[place] if place >= 0 and times is not None else 0
        if self._video is not None and self._next is not None and near <= self._next <= number:
            yield None
        if times is not None:
            for key in reversed(keys[max(0, place - 1) : place + 1]):
                if key:
                    yield key
        yield 0

    def _go(self, start: int | None) -> bool:
        """Prepare to decode from a place; tell whether that is possible."""
        if start is None:
            return True
        if start and self._table.times is not None:
            if self._video is None:
                self._video = _Opened(self._location)
            self._next = None
            if not self._video.seek(int(self._table.times[start])):
                return False
        else:
            self.close()
            self._video = _Opened(self._location)
            self._next = 0
        self._frames = self._video.frames()
        return True

    def _forward(self, number: int) -> AvFrame | None:
        """Decode up to a frame; None when it does not come."""
        times = self._table.times
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
                return None
        self._next = None
        return None


class VideoFile:
    """A video whose frames can be read by number.

    Attributes:
        location: Where it is, as ``Media.source``.
        table: What a scan told.
    """

    __slots__ = ("location", "table")

    def __init__(self, location: Location, table: FrameTable | None = None) -> None:
        self.location = location
        self.table = table if table is not None else scan(location)

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
