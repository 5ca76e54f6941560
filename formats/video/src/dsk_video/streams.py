"""Videos opened for reading: their packets and frames, one after the other."""

from __future__ import annotations

import shutil
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter

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

__all__ = ["DAMAGED", "OpenVideo", "open_file", "show", "size_of"]

_CONTAINERS = (
    "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,live_flv,asf,ogg,rm,mxf,m4v,h264,hevc,obu"
)
"""FFmpeg's readers that may be used. Others read lists of further files and addresses to open."""

_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}

# From 19 on PyAV always does so, and knows no such parameter.
_LENIENT: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)

_STREAMS = 64
"""Streams that may appear in the middle of a file."""

DAMAGED = (FFmpegError, OSError, ValueError, UnicodeError, OverflowError)
"""What PyAV raises for damaged videos."""


class OpenVideo:
    """A video being read, from its beginning; the file stays the caller's.

    Attributes:
        damaged: Number of places where reading or decoding failed so far, the end among them if
            the video says that there is more.
    """

    def __init__(self, file: BinaryIO, where: str) -> None:
        self.damaged = 0
        self.container: InputContainer | None = None
        self._reformatter = VideoReformatter()
        try:
            file.seek(0)
            self.container = av.open(file, "r", options=_OPTIONS, **_LENIENT)
            self.stream = _stream(self.container, where)
        except DAMAGED as error:
            self.close()
            raise MediaError(f"no readable video: {_reason(error)}", where=where) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the decoder."""
        if self.container is not None:
            self.container.close()

    def pixels(self, frame: AvFrame) -> NDArray[np.uint8]:
        """Return a frame's pixels as they are shown, (height, width, 3), RGB."""
        # Threads do not survive a fork, and PyAV's own reformatter, which all frames share, has
        # some: a process that is forked later would wait for them for ever.
        plain = self._reformatter.reformat(frame, format="rgb24", threads=1)
        pixels: NDArray[Any] = plain.to_ndarray()
        turns = _turns(frame)
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels

    def packets(self) -> Iterator[Any]:
        """Yield what is left of the video's packets; a damaged end is the end.

        A stream that appears in the middle of a file makes PyAV's list of streams too short; it is
        made anew from where the file stands.
        """
        assert self.container is not None
        count = 0
        for _ in range(_STREAMS):
            packets = self.container.demux(self.stream)
            while True:
                try:
                    packet = next(packets)
                except IndexError:
                    break
                except StopIteration:
                    self.damaged += count < self.stream.frames
                    return
                except DAMAGED:
                    self.damaged += 1
                    return
                count += 1
                yield packet

    def frames(self) -> Iterator[AvFrame]:
        """Yield the frames from here on, leaving out what cannot be decoded."""
        for packet in self.packets():
            try:
                frames = packet.decode()
            except DAMAGED:
                self.damaged += 1
                continue
            yield from frames

    def seek(self, time: int) -> bool:
        """Go to a frame where decoding can begin; tell whether that worked."""
        assert self.container is not None
        try:
            self.container.seek(time, stream=self.stream)
        except DAMAGED:
            return False
        return True


def open_file(location: Location) -> BinaryIO:
    """Open a video so that it can be read from any place; archives are unpacked to a nameless file.

    A file object, not a path: FFmpeg takes some paths for lists, devices and addresses.
    """
    file = MediaElement(show(location), location).open()
    if not isinstance(location, ArchiveMember):
        return file
    with file:
        unpacked: BinaryIO = tempfile.TemporaryFile(prefix="dsk-video-")  # noqa: SIM115 - returned
        try:
            shutil.copyfileobj(file, unpacked, 1 << 20)
        except BaseException:
            unpacked.close()
            raise
    unpacked.seek(0)
    return unpacked


def show(location: Location) -> str:
    """Return a video's place for messages."""
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


def size_of(frame: AvFrame) -> tuple[int, int]:
    """Return (height, width) of a frame as it is shown."""
    size = (frame.height, frame.width)
    return size[::-1] if _turns(frame) % 2 else size
