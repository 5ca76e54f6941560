"""Reading videos as frames: one item per frame, decoded when its pixels are asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from dsk.errors import InputError, MediaError, OptionError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, Source
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import VideoFrame
from dsk.names import clean_name, stem_of
from dsk_video.containers import has_video_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_video.decoding import VideoFile

__all__ = ["FrameSlices", "VideoFramesImporter"]

_FRAMES = 256
"""Frames of a partition, or up to twice as many if a key frame follows then: they are much work."""


_TRIALS = (0, 1, 11, 12, 1_000_000, 1_000_001)


@dataclass(kw_only=True, eq=False)
class VideoFramesImporter(Importer):
    """Reads a video, or all videos of a folder, as frames.

    Args:
        subset: The subset that the items shall be in.
        name_pattern: What an item is called: a printf pattern for the number of its frame.
        step: Take every frame whose distance from the first is a multiple of this.
        start_frame: The first frame, from 0.
        end_frame: The last frame, itself included; None for the last one there is.

    Raises:
        OptionError: The pattern does not tell frames apart, or the numbers make no sense.
    """

    name: ClassVar[str] = "video_frames"

    subset: str | None = None
    name_pattern: str = "%06d"
    step: int = 1
    start_frame: int = 0
    end_frame: int | None = None

    def __post_init__(self) -> None:
        _check_pattern(self.name, self.name_pattern)
        start, end = self.start_frame, self.end_frame
        if self.step < 1:
            raise OptionError(f"importer {self.name}: step is at least 1, not {self.step}")
        if start < 0:
            raise OptionError(f"importer {self.name}: start_frame is at least 0, not {start}")
        if end is not None and end < start:
            raise OptionError(
                f"importer {self.name}: end_frame {end} lies before start_frame {start}"
            )

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``; reads the packets of all videos, decodes next to nothing."""
        from dsk_video.decoding import VideoFile

        names = (
            [root.focus] if root.focus is not None else list(filter(has_video_name, root.walk()))
        )
        if not names:
            raise InputError("no video is here", where=root.path)
        videos: list[tuple[str, VideoFile, range]] = []
        for name, prefix in zip(names, _prefixes(names, root), strict=True):
            try:
                video = VideoFile(root.locate(name))
            except MediaError as error:
                ledger.bad_record(RecordError(error.message, where=error.where))
                continue
            if video.table.damaged:
                ledger.warn(
                    f"{name} is damaged or cut: frames that cannot be found are not counted"
                )
            videos.append((prefix, video, self._frames(video.table.count, name, ledger)))
        if not any(frames for _, _, frames in videos):
            raise InputError(
                "no video here has any of the frames asked for",
                where=root.show(root.focus) if root.focus is not None else root.path,
                hint="see start_frame, end_frame and step",
            )
        return self.source(videos)

    def source(self, videos: Sequence[tuple[str, VideoFile, range]]) -> Source:
        """Return the frames of some videos: what stands before their numbers, and their range."""
        return FrameSlices(videos, self.name_pattern, self.subset or DEFAULT_SUBSET)

    def _frames(self, count: int, name: str, ledger: Ledger) -> range:
        end = self.end_frame
        if end is not None and end >= count:
            ledger.warn(f"{name} has frames 0 to {count - 1}, it ends before frame {end}")
        return range(self.start_frame, count if end is None else min(count, end + 1), self.step)


def _check_pattern(importer: str, pattern: str) -> None:
    try:
        names = [pattern % number for number in _TRIALS]
    except (TypeError, ValueError, KeyError) as error:
        raise OptionError(
            f"importer {importer}: name_pattern {pattern!r} is no pattern for a number: {error}",
            hint="for instance frame_%06d",
        ) from error
    if len(set(names)) < len(names):
        raise OptionError(
            f"importer {importer}: name_pattern {pattern!r} gives several frames one name",
            hint="for instance frame_%06d",
        )
    try:
        clean_name(names[0])
    except UnsafePathError as error:
        raise OptionError(f"importer {importer}: name_pattern: {error}") from error


def _prefixes(names: Sequence[str], root: InputRoot) -> list[str]:
    """Return what stands before the number in the ids of each video's frames."""
    if root.focus is not None:
        return [""]
    stems = [stem_of(name) for name in names]
    counts = Counter(stems)
    return [
        f"{clean_name(name if counts[stem] > 1 else stem)}/"
        for name, stem in zip(names, stems, strict=True)
    ]


def _cuts(frames: range, keys: NDArray[np.int64]) -> list[int]:
    """Return where the slices of a video begin, and its end.

    They begin with key frames where that is possible: whoever decodes one slice need not decode the
    end of the one before it.
    """
    cuts = [0]
    # in places among the frames asked for: the first one that is not before the key frame
    begins = -((frames.start - keys) // frames.step)
    while len(frames) - cuts[-1] > _FRAMES:
        least = cuts[-1] + _FRAMES
        begin = min([len(frames), *begins[begins.searchsorted(least) :][:1].tolist()])
        cuts.append(begin if begin <= least + _FRAMES else least)
    return [*cuts, len(frames)] if cuts[-1] < len(frames) else cuts


class FrameSlices(Source):
    """Frames of some videos.

    Args:
        videos: What stands before the numbers of a video's frames, the video, and the frames.
        pattern: The printf pattern for the numbers.
        subset: The subset that the items shall be in.
    """

    def __init__(
        self, videos: Sequence[tuple[str, VideoFile, range]], pattern: str, subset: str
    ) -> None:
        self._videos = videos
        self._pattern = pattern
        self._subset = subset
        self.header = Header(
            media=frozenset({"video_frame"}),
            subsets=(subset,),
            items=sum(len(frames) for _, _, frames in videos),
        )

    def partitions(self) -> Sequence[Any]:
        """Return (video, first, end) for every slice of each video's frames."""
        return [
            (number, first, end)
            for number, (_, video, frames) in enumerate(self._videos)
            for first, end in pairwise(_cuts(frames, video.table.keys))
        ]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        number, first, end = partition
        for index in self._videos[number][2][first:end]:
            yield self._item(number, index)

    def _item(self, number: int, index: int) -> DatasetItem:
        """Return the item of a frame."""
        from dsk_video.decoding import FrameSource

        prefix, video, _ = self._videos[number]
        name = prefix + clean_name(self._pattern % index)
        source = FrameSource(video, index)
        media = VideoFrame(f"{name}.png", source, None, video.table.size, video.location, index)
        return DatasetItem(name, self._subset, media)
