"""Reading MOT Challenge sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk.annotations import Bbox
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.names import stem_of
from dsk_tracking.labels import joined
from dsk_tracking.rows import parse_rows
from dsk_tracking.sequences import LABELS, find_sequences, read_frames, read_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_tracking.sequences import Sequence as Video

__all__ = ["MotSeqImporter", "MotSource"]

KEPT_ROWS = 1 << 21
"""Tables are kept in memory up to this many rows together (150 MB), further ones read again."""

_NO_TABLE = np.empty((0, 9))
_NO_CLASS = -1
_GT_ATTRIBUTES = ("track_id", "occluded", "visibility", "ignored")
_SCORE = "score"
_DET_ATTRIBUTES = ("track_id", _SCORE)
_CONSIDERED = (-1.0, 0.0, 1.0)
"""What ground truth has in place of a confidence."""


class MotSeqImporter(Importer):
    """Opens MOT Challenge sequences; see the descriptor for the options."""

    def __init__(
        self,
        *,
        rows: str = "auto",
        is_gt: bool | None = None,
        occlusion_threshold: float = 0.0,
        labels: Sequence[str] = (),
        default_label: str = "",
    ) -> None:
        self.rows = rows if is_gt is None else ("gt" if is_gt else "det")
        self.occlusion_threshold = occlusion_threshold
        self.labels = list(labels or ())
        self.default_label = default_label

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        root, videos = find_sequences(root, self.rows, ledger)
        return MotSource(root, videos, self, ledger)


class MotSource(Source):
    """Opened sequences.

    Args:
        root: The input.
        videos: The sequences.
        options: The importer.
        ledger: Where bad rows and oddities go; they are reported once, here.
    """

    def __init__(
        self, root: InputRoot, videos: list[Video], options: MotSeqImporter, ledger: Ledger
    ) -> None:
        self._root = root
        self._videos = videos
        self._threshold = options.occlusion_threshold
        self._kept: dict[int, NDArray[np.float64]] = {}
        self._last: tuple[int, NDArray[np.float64]] = (-1, _NO_TABLE)
        self._frames: list[NDArray[np.int64]] = []
        self._names = [read_frames(root, video) for video in videos]
        self._labels: list[Categories] = []
        self._scored: list[bool] = []
        taken: set[tuple[str, str]] = set()
        for number, video in enumerate(videos):
            self._survey(number, video, options.labels, ledger)
            for subset, name in self._names[number].values():
                if (subset, name) in taken:
                    raise InputError(
                        f"two sequences have an item {name!r}", where=root.show(video.path)
                    )
                taken.add((subset, name))
        found = joined(self._labels)
        untold = options.default_label
        self._untold = found.number(untold) if untold else None
        self._classes = [[found.number(name) for name in own.names] for own in self._labels]
        truth = videos[0].truth
        more = (_SCORE,) if any(self._scored) else ()
        attributes = (*_GT_ATTRIBUTES, *more) if truth else _DET_ATTRIBUTES
        self.header = Header(
            categories=replace(found.categories(), attributes=attributes),
            subsets=self._subsets(),
            items=sum(map(len, self._frames)),
            info=_info(videos),
        )

    def _survey(self, number: int, video: Video, labels: list[str], ledger: Ledger) -> None:
        """Read a table once: which frames and classes there are."""
        table = self._parse(video, ledger)
        if sum(map(len, self._kept.values())) + len(table) <= KEPT_ROWS:
            self._kept[number] = table
        frames = np.unique(table[:, 0]).astype(np.int64)
        if video.length and len(frames) and int(frames[-1]) > video.length:
            ledger.warn("a table has frames beyond the length that seqinfo.ini states")
        known = [*video.images, *range(1, video.length + 1), *self._names[number]]
        self._frames.append(np.union1d(frames, np.array(known, np.int64)))
        stated = Categories.from_names(labels) if labels else read_labels(self._root, video)
        if stated is None:
            newest = len(table) and table[:, 7].max() >= len(LABELS)
            stated = Categories.from_names(LABELS if newest else LABELS[:-1])
        self._labels.append(stated)
        self._scored.append(not np.isin(table[:, 6], _CONSIDERED).all())
        where = self._root.show(video.table)
        if (table[:, 7] == 0).any():
            ledger.warn("rows of class 0 have no label: classes count from 1")
        for value in np.unique(table[:, 7]).astype(int).tolist():
            if value > len(stated.labels) or value < _NO_CLASS:
                count = int((table[:, 7] == value).sum())
                text = f"class {value} of {count} rows is none of the {len(stated.labels)} labels"
                ledger.bad_record(RecordError(text, where=where))

    def _parse(self, video: Video, ledger: Ledger) -> NDArray[np.float64]:
        if not video.table:
            return _NO_TABLE
        return parse_rows(self._root.text_bytes(video.table), self._root.show(video.table), ledger)

    def _table(self, number: int) -> NDArray[np.float64]:
        kept = self._kept.get(number)
        if kept is not None:
            return kept
        if self._last[0] != number:
            from dsk.loss import Ledger

            # Bad rows were reported when the dataset was opened.
            self._last = (number, self._parse(self._videos[number], Ledger("skip")))
        return self._last[1]

    def _subsets(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for video, frames, names in zip(self._videos, self._frames, self._names, strict=True):
            if len(names) < len(frames):
                found[video.subset] = None
            found.update(dict.fromkeys(subset for subset, _ in names.values()))
        return tuple(found)

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the sequences' frames."""
        return slices((len(frames) for frames in self._frames), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        number, first, last = partition
        video, names = self._videos[number], self._names[number]
        table = self._table(number)
        frames = self._frames[number][first:last]
        starts = np.searchsorted(table[:, 0], frames, "left").tolist()
        stops = np.searchsorted(table[:, 0], frames, "right").tolist()
        for frame, start, stop in zip(frames.tolist(), starts, stops, strict=True):
            subset, item = names.get(frame) or (video.subset, self._id(video, frame))
            boxes = self._boxes(number, table[start:stop].tolist())
            yield DatasetItem(item, subset, self._image(video, frame), boxes)

    @staticmethod
    def _id(video: Video, frame: int) -> str:
        file = video.images.get(frame) if not video.pattern else None
        name = stem_of(file.rpartition("/")[2]) if file else str(frame)
        return video.prefix + name

    def _image(self, video: Video, frame: int) -> Image | None:
        file = video.images.get(frame)
        if file is None and video.pattern is not None and frame <= video.length:
            folder, ext = video.pattern
            file = f"{folder}/{frame:06d}{ext}"
            return Image(self._path(video, file), None, None, video.size)
        if file is None:
            return None
        return Image(self._path(video, file), self._root.locate(file), None, video.size)

    @staticmethod
    def _path(video: Video, file: str) -> str:
        return file[len(video.path) + 1 :] if video.path else file

    def _boxes(self, number: int, rows: list[list[float]]) -> list[Annotation]:
        classes, truth = self._classes[number], self._videos[number].truth
        threshold, count = self._threshold, len(self._classes[number])
        scored = self._scored[number] or not truth
        boxes: list[Annotation] = []
        for _, track, x, y, w, h, confidence, value, seen in rows:
            attributes: dict[str, Any] = {"track_id": int(track)} if track >= 0 else {}
            if truth:
                attributes["visibility"] = seen
                attributes["occluded"] = seen <= threshold
                attributes["ignored"] = confidence == 0
            if scored:
                attributes[_SCORE] = confidence
            label = self._untold if value == _NO_CLASS else None
            if value > count or value < _NO_CLASS:
                continue  # reported when the dataset was opened
            if value >= 1:
                label = classes[int(value) - 1]
            boxes.append(
                Bbox(x, y, w, h, label=label, object_id=int(max(track, -1)), attributes=attributes)
            )
        return boxes


def _info(videos: list[Video]) -> dict[str, Any]:
    """Return what ``seqinfo.ini`` states of each sequence, for exports to the same format."""
    stated = {f"{v.subset}/{v.prefix}": v.info for v in videos if v.info}
    return {"mot": {"sequences": stated}} if stated else {}
