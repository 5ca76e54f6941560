"""Panoptic maps: PNG files whose pixels hold segment ids as R + 256 G + 65536 B; 0 is void."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk import masks
from dsk.annotations import Annotation, Mask, Rle
from dsk.errors import MediaError
from dsk.files import open_root
from dsk.media import Image
from dsk.overlay import Overlay
from dsk_coco.categories import FAMILY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["MAX_ID", "SegmentMap", "map_bytes", "map_folder", "parse_segments"]

MAX_ID = (1 << 24) - 1
"""The greatest segment id that three bytes hold."""

_KNOWN = frozenset({"id", "category_id", "area", "bbox", "iscrowd", "attributes", "score"})


class SegmentMap:
    """A panoptic PNG, read at most once, when a mask of it is asked for.

    Args:
        source: Where it is, as ``Media.source``.
        name: Its name, for messages.
        ids: The segment ids that the annotations name.
        ledger: Where notes go on ids that do not match.
        size: (height, width) of the image, if known.
    """

    def __init__(
        self,
        source: Any,
        name: str,
        ids: frozenset[int],
        ledger: Ledger,
        *,
        size: tuple[int, int] | None,
    ) -> None:
        self._source = source
        self._name = name
        self._ids = ids
        self._ledger = ledger
        self._wanted = size
        self._runs: dict[int, NDArray[np.int64]] | None = None
        self._size = (0, 0)

    def rle(self, value: int) -> Rle:
        """Return the pixels of one segment.

        Raises:
            ValueError: The map is missing or damaged.
        """
        if self._runs is None:
            try:
                from dsk.pixels import decode  # loads Pillow, which plain objects do without

                values = _ids_of(decode(Image(self._name, self._source)))
            except MediaError as error:
                raise ValueError(str(error)) from error
            self._size = (int(values.shape[0]), int(values.shape[1]))
            self._runs = masks.runs_by_value(values, ignore=(0,))
            self._compare(set(self._runs))
            if self._wanted not in (None, self._size):
                self._ledger.warn("panoptic maps have another size than their images")
        height, width = self._size
        counts = self._runs.get(value)
        return Rle(self._size, [height * width] if counts is None else counts.tolist())

    def _compare(self, found: set[int]) -> None:
        if found - self._ids:
            self._ledger.warn("panoptic maps hold segments that segments_info does not name")
        if self._ids - found:
            self._ledger.warn("segments_info names segments that are not in their panoptic map")


class _Segment:
    """One segment of a map."""

    __slots__ = ("_map", "_value")

    def __init__(self, segments: SegmentMap, value: int) -> None:
        self._map = segments
        self._value = value

    def rle(self) -> Rle:
        return self._map.rle(self._value)


def _ids_of(pixels: NDArray[Any]) -> NDArray[np.uint32]:
    if pixels.ndim == 2:  # grey: the three colours are equal
        return pixels.astype(np.uint32) * np.uint32(0x010101)
    rgb: NDArray[np.uint32] = pixels[..., :3].astype(np.uint32)
    if rgb.shape[2] < 3:  # grey with transparency
        return rgb[..., 0] * np.uint32(0x010101)
    weights = np.array([1, 1 << 8, 1 << 16], np.uint32)
    values: NDArray[np.uint32] = (rgb * weights).sum(axis=2, dtype=np.uint32)
    return values


def map_folder(root: InputRoot, name: str, base: str) -> tuple[InputRoot, str]:
    """Return where a panoptic file's maps are, and what precedes their names there.

    They are in the folder of the JSON file's name, or still in the archive of that name in which
    the official maps come.

    Args:
        root: The dataset.
        name: The JSON file.
        base: Another folder than the file's own that may hold the maps.
    """
    own = name[: -len(".json")]
    beside = "/".join(filter(None, (base, own.rpartition("/")[2])))
    for folder in (own, beside):
        if root.is_dir(folder):
            return root, f"{folder}/"
    for folder in (own, beside):
        place = root.locate(f"{folder}.zip")
        if root.is_file(f"{folder}.zip") and isinstance(place, str):  # no archive in an archive
            inner = open_root(place)
            last = folder.rpartition("/")[2]
            return inner, f"{last}/" if inner.is_dir(last) else ""
    return root, f"{own}/"


def parse_segments(
    segments: Any,
    labels: dict[int | None, int | None],
    source: Any,
    name: str,
    ledger: Ledger,
    *,
    size: tuple[int, int] | None = None,
) -> tuple[list[Annotation], list[str]]:
    """Return the masks of one panoptic annotation, and what was wrong with others.

    Args:
        segments: The decoded ``segments_info``.
        labels: The label index by category id.
        source: Where the PNG is.
        name: Its name.
        ledger: Where notes go.
        size: (height, width) of the image, if known.
    """
    found: list[Annotation] = []
    faults: list[str] = []
    rows = [s for s in segments if isinstance(s, dict)] if isinstance(segments, list) else []
    if not isinstance(segments, list) or len(rows) < len(segments):
        faults.append("segments_info is no list of objects")
    whole = [s for s in rows if _is_id(s.get("id"))]
    maps = SegmentMap(source, name, frozenset(s["id"] for s in whole), ledger, size=size)
    for row in rows:
        number: Any = row.get("id")
        category: Any = row.get("category_id")
        if not _is_id(number):
            faults.append(f"the segment id {number!r} is no number from 1 to {MAX_ID}")
        elif not isinstance(category, int | None) or category not in labels:
            faults.append(f"segment {number}: there is no category {category}")
        else:
            found.append(_mask(row, _Segment(maps, number), labels[category]))
    return found, faults


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_ID


def _mask(row: dict[str, Any], source: _Segment, label: int | None) -> Mask:
    attributes = row.get("attributes")
    attributes = dict(attributes) if isinstance(attributes, dict) else {}
    if isinstance(row.get("score"), int | float):
        attributes["score"] = row["score"]
    attributes["is_crowd"] = bool(row.get("iscrowd"))
    box, area = row.get("bbox"), row.get("area")
    is_box = isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))
    extra = {k: v for k, v in row.items() if k not in _KNOWN}
    return Mask(
        source,
        (box[0], box[1], box[2], box[3]) if is_box and box else None,
        area if _is_number(area) else None,
        label=label,
        id=row["id"],
        attributes=attributes,
        extra={FAMILY: extra} if extra else None,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def map_bytes(
    size: tuple[int, int], counts: Sequence[NDArray[np.int64]], ids: Sequence[int]
) -> bytes:
    """Return the PNG of a panoptic map; later segments lie over earlier ones.

    Args:
        size: (height, width).
        counts: Run lengths of the segments, each of this size.
        ids: Their ids.
    """
    table = np.array([(n & 255, n >> 8 & 255, n >> 16) for n in (0, *ids)], np.uint8)
    from dsk.pixels import encode

    return encode(Overlay(counts, size).drawn(table), ".png", compress_level=1)
