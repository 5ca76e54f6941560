"""Reading videos as key frames: those that do not look like the key frame before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from msgspec.structs import replace

from dsk.errors import MediaError, OptionError, RecordError
from dsk_video.frames import FrameSlices, VideoFramesImporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.flow import Source
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_video.decoding import VideoFile

__all__ = ["VideoKeyframesImporter"]

_GRAY = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in gray: ITU-R BT.601."""


class VideoKeyframesImporter(VideoFramesImporter):
    """Reads the key frames of a video, or of all videos of a folder, as Datumaro chooses them.

    A frame is a key frame if its correlation with the last one is less than a threshold; both are
    made gray and small for that. These are not the key frames of the video's codec.

    Args:
        subset: The subset that the items shall be in.
        name_pattern: What an item is called: a printf pattern for the number of its frame.
        step: Look at every frame whose distance from the first is a multiple of this.
        start_frame: The first frame, from 0.
        end_frame: The last frame, itself included; None for the last one there is.
        threshold: The correlation, from -1 to 1, that is too much for a key frame.
        resize: Width and height of the small images, in pixels.

    Raises:
        OptionError: The pattern does not tell frames apart, or the numbers make no sense.
    """

    name: ClassVar = "video_keyframes"

    def __init__(
        self,
        *,
        subset: str | None = None,
        name_pattern: str = "%06d",
        step: int = 1,
        start_frame: int = 0,
        end_frame: int | None = None,
        threshold: float = 0.3,
        resize: int = 64,
    ) -> None:
        super().__init__(
            subset=subset,
            name_pattern=name_pattern,
            step=step,
            start_frame=start_frame,
            end_frame=end_frame,
        )
        if not 2 <= resize <= 4096:
            raise OptionError(f"importer {self.name}: resize is 2 to 4096 pixels, not {resize}")
        self._threshold = threshold
        self._side = resize

    def source(self, videos: Sequence[tuple[str, VideoFile, range]]) -> Source:
        """See ``VideoFramesImporter.source``."""
        return _KeyframeSource(videos, self._pattern, self._subset, self._threshold, self._side)


class _KeyframeSource(FrameSlices):
    """Key frames of some videos; a video is one partition, its frames depend on each other."""

    def __init__(
        self,
        videos: Sequence[tuple[str, VideoFile, range]],
        pattern: str,
        subset: str,
        threshold: float,
        side: int,
    ) -> None:
        super().__init__(videos, pattern, subset)
        self.header = replace(self.header, items=None)
        self._threshold = threshold
        self._side = side

    def partitions(self) -> Sequence[Any]:
        """Return the videos' numbers."""
        return range(len(self._videos))

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        _, video, frames = self._videos[partition]
        last: NDArray[np.float64] | None = None
        for index in frames:
            try:
                small = _small(video.frame(index), self._side)
            except MediaError as error:
                ledger.bad_record(RecordError(error.message, where=error.where))
                continue
            if last is None or _correlation(last, small) < self._threshold:
                last = small
                yield self._item(partition, index)


def _places(size: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Return the two pixels that each one along a small side lies between, and the second's share.

    Args:
        size: Pixels of the frame.
        side: Pixels of the small image.
    """
    places = np.clip((np.arange(side) + 0.5) * size / side - 0.5, 0, size - 1)
    low = places.astype(np.int64)
    return low, np.minimum(low + 1, size - 1), places - low


def _small(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """Return a frame, (height, width, 3), as a gray square whose mean is 0."""
    top, bottom, down = _places(pixels.shape[0], side)
    left, right, along = _places(pixels.shape[1], side)
    corners = [
        np.rint(pixels[rows[:, None], columns] @ _GRAY)
        for rows in (top, bottom)
        for columns in (left, right)
    ]
    upper = corners[0] + (corners[1] - corners[0]) * along
    lower = corners[2] + (corners[3] - corners[2]) * along
    gray: NDArray[np.float64] = upper + (lower - upper) * down[:, None]
    gray -= gray.mean()
    return gray


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the correlation of two images; 0 if one has a single colour."""
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 1e-9 else 0.0
