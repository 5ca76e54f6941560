"""Reading videos as key frames: those that do not look like the key frame before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from msgspec.structs import replace

from dsk.errors import MediaError, OptionError, RecordError
from dsk.item import DEFAULT_SUBSET
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


@dataclass(kw_only=True, eq=False)
class VideoKeyframesImporter(VideoFramesImporter):
    """Reads the key frames of a video, or of all videos of a folder, as Datumaro chooses them.

    A frame is a key frame if its correlation with the last one is less than a threshold; both are
    made gray and small for that. These are not the key frames of the video's codec.

    Args, besides those of ``VideoFramesImporter``:
        threshold: The correlation, from -1 to 1, that is too much for a key frame.
        resize: Width and height of the small images, in pixels.

    Raises:
        OptionError: The pattern does not tell frames apart, or the numbers make no sense.
    """

    name: ClassVar[str] = "video_keyframes"

    threshold: float = 0.3
    resize: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.resize <= 4096:
            raise OptionError(
                f"importer {self.name}: resize is 2 to 4096 pixels, not {self.resize}"
            )

    def source(self, videos: Sequence[tuple[str, VideoFile, range]]) -> Source:
        """See ``VideoFramesImporter.source``."""
        subset = self.subset or DEFAULT_SUBSET
        return _KeyframeSource(videos, self.name_pattern, subset, self.threshold, self.resize)


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
