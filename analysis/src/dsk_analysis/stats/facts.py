"""What is gathered of one subset while its items go by: counts, and columns of numbers.

Annotations are looked at in batches, so that what is the same for many of them is done once. Of a
batch stay at most 20 bytes for a box, 8 for a segment's area, 36 for a box in space and 13 for an
annotation with a track.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import Bbox, Cuboid3d, Mask, Polygon, RotatedBbox
from dsk.errors import RecordError
from dsk.finite import are_finite
from dsk.media import Image
from dsk_analysis.stats.attributes import Attributes
from dsk_analysis.stats.numbers import Table, usable
from dsk_analysis.stats.pixels import Pixels
from dsk_analysis.stats.segments import areas

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["Facts", "Labels"]

UNLABELLED = -1

_MAX_SIDE = 2**31
"""Widths and heights from here on are no sizes of images."""


class Labels(dict[Any, int]):
    """The number of each label in columns: its index, ``UNLABELLED``, or one past the last index.

    A label that the categories do not have gets a number and a name when it is first met.

    Args:
        categories: The categories.
    """

    def __init__(self, categories: Categories) -> None:
        super().__init__({n: n for n in range(len(categories.labels))})
        self[None] = UNLABELLED
        names = Counter(categories.names)
        self.names = [
            f"{label.parent}/{label.name}" if names[label.name] > 1 else label.name
            for label in categories.labels
        ]
        """Names by number; with the parent where two labels have one name."""

    def __missing__(self, label: Any) -> int:
        number = self[label] = len(self.names)
        self.names.append(f"undefined label {label}")
        return number


class Facts:
    """What is known of one subset, or of several together.

    Args:
        labels: The numbers of labels, shared by all subsets.
    """

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.unannotated: list[str] = []
        self.media: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.not_finite: Counter[str] = Counter()
        self.frames: Counter[str] = Counter()
        self.attributes = Attributes()
        self.pixels: Pixels | None = None
        self.label_counts: Counter[int] = Counter()
        self.label_areas: dict[int, float] = {}  # sums of px²
        self.areas = Table("d")
        self.boxes = Table("idd")  # label, width, height
        self.solids = Table("idddd")  # label, length, width, height, distance
        self.tracks = Table("iqb")  # label, object, whether it is a box in space
        self.track_ends: list[int] = []  # rows of tracks that each subset ends before
        self.per_item = Table("q")
        self.sizes = Table("qq")  # height, width
        self.unsized = 0
        self._batch: list[Annotation] = []
        self._owners: list[str] = []
        self._firsts: list[int] = []

    def join(self, other: Facts) -> None:
        """Add another subset, whose batch is done."""
        self.unannotated += other.unannotated
        for name in ("media", "kinds", "not_finite", "frames", "label_counts"):
            getattr(self, name).update(getattr(other, name))
        for number, area in other.label_areas.items():
            self.label_areas[number] = self.label_areas.get(number, 0.0) + area
        self.attributes.join(other.attributes)
        if other.pixels is not None:
            self.pixels = self.pixels or Pixels()
            self.pixels.join(other.pixels)
        self.track_ends += [len(self.tracks) + end for end in other.ends()]
        for name in ("areas", "boxes", "solids", "tracks", "per_item", "sizes"):
            getattr(self, name).join(getattr(other, name))
        self.unsized += other.unsized

    def ends(self) -> list[int]:
        """Return the rows before which the tracks of each subset end."""
        return self.track_ends or [len(self.tracks)]

    def add_item(self, item: DatasetItem, size: tuple[int, int] | None) -> None:
        """Count an item; its annotations wait in the batch.

        Args:
            item: The item.
            size: (height, width) of its image, where it has been seen.
        """
        count = len(item.annotations)
        self.per_item.row(count)
        if count:
            self._firsts.append(len(self._batch))
            self._owners.append(item.id)
            self._batch.extend(item.annotations)
        else:
            self.unannotated.append(item.id)
        media = item.media
        self.media[media.kind if media is not None else "none"] += 1
        if isinstance(media, Image):
            size = size or media.size
            if size is not None and 0 <= min(size) <= max(size) < _MAX_SIDE:
                self.sizes.row(*size)
            else:
                self.unsized += 1

    def flush(self, ledger: Ledger) -> None:
        """Look at the annotations that wait.

        Raises:
            RecordError: An outline or a mask is malformed, and bad records are not skipped.
        """
        batch = self._batch
        if not batch:
            return
        labels = self.labels
        codes = [labels[a.label] for a in batch]
        self.label_counts.update(codes)
        self.attributes.add([a.attributes for a in batch if a.attributes])
        groups: dict[type[Annotation], tuple[list[Any], list[int]]] = {}
        for a, code in zip(batch, codes, strict=True):
            group = groups.get(type(a))
            if group is None:
                group = groups[type(a)] = [], []
            group[0].append(a)
            group[1].append(code)
        for cls, (found, _) in groups.items():
            self.kinds[cls.kind] += len(found)
        self._tracks(batch, codes)
        if not are_finite(batch):
            groups = self._finite(groups)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is counted
            for cls, (found, numbers) in groups.items():
                self._geometry(cls, found, np.array(numbers, np.int32), ledger)
        self._batch, self._owners, self._firsts = [], [], []

    def _tracks(self, batch: Sequence[Annotation], codes: Sequence[int]) -> None:
        objects = [a.attributes.get("track_id", a.object_id) for a in batch]
        if objects.count(-1) == len(objects):
            return
        rows = [n for n, number in enumerate(objects) if _is_track(number)]
        solid = [isinstance(batch[n], Cuboid3d) for n in rows]
        self.tracks.add(
            np.array([codes[n] for n in rows], np.int32),
            np.array([_folded(objects[n]) for n in rows], np.int64),
            np.array(solid),
        )

    def _finite(
        self, groups: dict[type[Annotation], tuple[list[Any], list[int]]]
    ) -> dict[type[Annotation], tuple[list[Any], list[int]]]:
        """Leave out and count annotations with NaN or infinity among their coordinates."""
        kept = {}
        for cls, (found, codes) in groups.items():
            good = [n for n, a in enumerate(found) if are_finite([a])]
            self.not_finite[cls.kind] += len(found) - len(good)
            kept[cls] = [found[n] for n in good], [codes[n] for n in good]
        return kept

    def _geometry(
        self, cls: type[Annotation], found: list[Any], codes: NDArray[np.int32], ledger: Ledger
    ) -> None:
        if cls is Bbox or cls is RotatedBbox:
            width, height = _column([a.w for a in found]), _column([a.h for a in found])
            if cls is Bbox:
                codes, width, height = self._area(cls, codes, width * height, width, height)
            self._box(codes, width, height)
        elif cls is Polygon or cls is Mask:
            self._segments(cls, found, codes, ledger)
        elif cls is Cuboid3d:
            self._solids(found, codes)

    def _area(
        self, cls: type[Annotation], codes: NDArray[np.int32], *columns: NDArray[np.float64]
    ) -> tuple[NDArray[Any], ...]:
        """Count areas, the first column; return the others' rows that can be used, with labels."""
        good = usable(*columns)
        if not good.all():
            self.not_finite[cls.kind] += int(len(good) - good.sum())
            codes, columns = codes[good], tuple(column[good] for column in columns)
        self.areas.add(columns[0])
        sums = np.bincount(codes - UNLABELLED, columns[0])
        for number in np.unique(codes).tolist():
            before = self.label_areas.get(number, 0.0)
            self.label_areas[number] = before + float(sums[number - UNLABELLED])
        return codes, *columns[1:]

    def _box(
        self, codes: NDArray[np.int32], width: NDArray[np.float64], height: NDArray[np.float64]
    ) -> None:
        good = usable(width, height)
        self.boxes.add(codes[good], width[good], height[good])

    def _segments(
        self,
        cls: type[Annotation],
        found: list[Any],
        codes: NDArray[np.int32],
        ledger: Ledger,
    ) -> None:
        def fail(a: Annotation, error: Exception) -> None:
            where = getattr(error, "where", "")
            message = getattr(error, "message", str(error))
            owner = self._owner(a)
            ledger.bad_record(RecordError(message, where=where, item=owner, annotation=a.id))

        sizes = areas(found, fail)
        good = [n for n, area in enumerate(sizes) if area is not None]
        self._area(cls, codes[good], _column([sizes[n] for n in good]))
        stated = [n for n, a in enumerate(found) if a.bbox is not None]
        if stated:
            boxes = [found[n].bbox for n in stated]
            self._box(codes[stated], _column([b[2] for b in boxes]), _column([b[3] for b in boxes]))

    def _owner(self, a: Annotation) -> str:
        """Return the id of the item that an annotation of the batch belongs to."""
        place = next(n for n, other in enumerate(self._batch) if other is a)
        return self._owners[bisect_right(self._firsts, place) - 1]

    def _solids(self, found: list[Cuboid3d], codes: NDArray[np.int32]) -> None:
        """Measure boxes in space, where z points up and the unit is the metre."""
        self.frames.update([a.frame for a in found])
        rows = [n for n, a in enumerate(found) if a.frame in ("lidar", "world")]
        if not rows:
            return
        solids = [found[n] for n in rows]
        x, y, z = np.array([a.scale for a in solids], np.float64).T
        ahead = np.array([a.forward for a in solids])
        turned = (ahead == "+y") | ((ahead == "") & (y > x))
        length, width = np.where(turned, y, x), np.where(turned, x, y)
        place = np.array([a.position for a in solids], np.float64)
        distance = np.hypot(place[:, 0], place[:, 1])
        good = usable(length, width, z, distance)
        self.not_finite[Cuboid3d.kind] += int(len(good) - good.sum())
        distance[[a.frame != "lidar" for a in solids]] = np.nan  # the world's origin is anywhere
        columns = (codes[rows], length, width, z, distance)
        self.solids.add(*(column[good] for column in columns))


def _is_track(number: Any) -> bool:
    """Tell whether an object's number is one: formats write -1, or nothing, for none."""
    return number >= 0 if isinstance(number, int) else number is not None and number != ""


def _folded(number: Any) -> int:
    """Return 64 bits for an object's number or name, of which only equality matters."""
    if isinstance(number, int) and number < 2**62:
        return number
    return hash(number if isinstance(number, int) else str(number))


def _column(values: Iterable[Any]) -> NDArray[np.float64]:
    return np.array(list(values), np.float64)
