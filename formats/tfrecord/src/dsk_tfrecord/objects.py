"""From the features of a record to an item."""

from __future__ import annotations

import io
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk import masks
from dsk.annotations import Bbox, Mask, Rle
from dsk.errors import MediaError, RecordError, UnsafePathError
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.pixels import decode_labels
from dsk_tfrecord import keys
from dsk_tfrecord.imagenames import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dsk.annotations import Annotation, Box
    from dsk.categories import Categories
    from dsk.loss import Ledger
    from dsk_tfrecord.example import Features

__all__ = ["Labels", "RecordReader"]

_EXTENSIONS = {"jpeg": ".jpg", "jpg": ".jpg", "png": ".png"}
_PIXELS = 2.0
"""Above this a coordinate is a pixel's, not a share that reaches out of the image."""
_PNG, _PNG_HEAD = b"\x89PNG\r\n\x1a\n", struct.Struct(">8s8xII")
_SLACK = 1e-5
"""How far a share that is not meant to reach out may do so, being a 32-bit float."""


class Labels:
    """The labels of a dataset.

    Attributes:
        categories: The labels.
        by_text: Their indices by name and display name.
        by_id: Their indices by id; ids may have gaps.
    """

    def __init__(
        self, categories: Categories, by_text: Mapping[str, int], by_id: Mapping[int, int]
    ) -> None:
        self.categories = categories
        self.by_text = by_text
        self.by_id = by_id


class _BadError(ValueError):
    """A record cannot be understood."""


class PngMask:
    """A mask in a PNG file, see ``dsk.rle.MaskSource``."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) as the file's head states it; None if it is no PNG file."""
        if len(self._data) < _PNG_HEAD.size:
            return None
        magic, width, height = _PNG_HEAD.unpack_from(self._data)
        return (height, width) if magic == _PNG else None

    def rle(self) -> Rle:
        """Decode the file; all pixels but 0 are the object.

        Raises:
            MediaError: It is damaged.
        """
        pixels, _ = decode_labels(Image("mask.png", self._data))
        if pixels.ndim == 3:  # grey or colours, perhaps with alpha, which says nothing
            colours = pixels[..., : 3 if pixels.shape[2] > 2 else 1]
            pixels = np.asarray(colours.any(axis=2))
        return _rle(pixels)


def _rle(pixels: NDArray[Any]) -> Rle:
    height, width = pixels.shape
    return Rle((height, width), masks.encode_counts(masks.from_dense(pixels != 0)))


class RecordReader:
    """Makes items of records.

    Args:
        labels: The labels of the dataset.
        renamed: Ids of items that are others than their records say, by the records' places.
    """

    def __init__(self, labels: Labels, renamed: Mapping[str, str]) -> None:
        self._labels = labels
        self._renamed = renamed
        self._warned: set[str] = set()

    def item(
        self, features: Features, subset: str, place: str, number: int, ledger: Ledger
    ) -> DatasetItem | None:
        """Return the item of a record; None for a bad one, which the ledger gets to know."""
        item_id = ""
        try:
            source = _text(features, keys.SOURCE_ID)
            name, item_id = named(_text(features, keys.FILENAME), source, number, place)
            new = self._renamed.get(place)
            if new is not None:
                name, item_id = name and new + name[len(item_id) :], new
            media = _media(features, name, item_id)
            size = media.get_size()
            annotations = self._objects(features, size, place, item_id, ledger)
        except (_BadError, MediaError, UnsafePathError) as error:
            ledger.bad_record(RecordError(error.args[0], where=place, item=item_id))
            return None
        unknown = features.keys() - keys.KNOWN
        for key in unknown - self._warned:
            if features[key]:
                self._warned.add(key)
                ledger.warn(f"the feature {key} is not read")
        empty = media.source is None and media.size is None and not name
        attributes = {"source_id": source} if source else {}
        return DatasetItem(item_id, subset, None if empty else media, annotations, attributes)

    def _objects(
        self,
        features: Features,
        size: tuple[int, int] | None,
        place: str,
        item_id: str,
        ledger: Ledger,
    ) -> list[Annotation]:
        edges = [_numbers(features, key) for key in keys.EDGES]
        count = len(edges[0])
        if any(len(column) != count for column in edges):
            lengths = ", ".join(str(len(column)) for column in edges)
            raise _BadError(f"xmin, xmax, ymin, ymax have different lengths: {lengths}")
        if [value for column in edges for value in column if _PIXELS < value < math.inf]:
            raise _BadError("a box is in pixels; coordinates are shares from 0 to 1")
        pngs = _masks(features, count, size)
        if edges[0]:  # an object without a mask is its box
            pngs = _considered(features, pngs, ledger)
        count = count or len(pngs)
        if not count:
            return []
        if size is None:
            raise _BadError("boxes without image/height, image/width and without an image")
        labels = self._label_column(features, count)
        flags = _flags(features, count)
        found: list[Annotation] = []
        for row in range(count):
            mask = pngs[row] if pngs else None
            try:
                box = _box([column[row] for column in edges], size, ledger) if edges[0] else None
                _check_size(mask, size)
            except _BadError as error:
                bad = RecordError(str(error), where=place, item=item_id, annotation=row)
                ledger.bad_record(bad)
                continue
            attributes = flags[row] if flags else {}
            if mask is not None:
                found.append(Mask(mask, bbox=box, label=labels[row], attributes=attributes))
            elif box is not None:
                found.append(Bbox(*box, label=labels[row], attributes=attributes))
        return found

    def _label_column(self, features: Features, count: int) -> list[int | None]:
        """Return the label of each object: by its text, else by its id."""
        texts = features.get(keys.TEXT) or [b""] * count
        ids = features.get(keys.LABEL) or [0] * count
        if len(texts) != count or len(ids) != count:
            raise _BadError(f"{count} objects have {len(texts)} class texts and {len(ids)} labels")
        by_text, by_id = self._labels.by_text, self._labels.by_id
        found: list[int | None] = []
        for text, number in zip(texts, ids, strict=True):
            name = _decoded(text, keys.TEXT)
            label = by_text.get(name) if name else None
            found.append(label if label is not None else by_id.get(number))
        return found


def _text(features: Features, key: str) -> str:
    values = features.get(key)
    first = values[0] if values else b""
    return str(first) if isinstance(first, int) else _decoded(first, key)


def _decoded(value: Any, key: str) -> str:
    if not isinstance(value, bytes):
        raise _BadError(f"{key} is no text")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _BadError(f"{key} is not UTF-8") from error


def _numbers(features: Features, key: str) -> list[float]:
    values = features.get(key) or []
    if values and isinstance(values[0], bytes):  # a list has values of one type
        raise _BadError(f"{key} is no list of numbers")
    return values


def _media(features: Features, name: str, item_id: str) -> Image:
    data = (features.get(keys.ENCODED) or [b""])[0]
    if not isinstance(data, bytes):
        raise _BadError(f"{keys.ENCODED} is no image file")
    height, width = (_side(features, key) for key in (keys.HEIGHT, keys.WIDTH))
    size = (height, width) if height > 0 and width > 0 else None
    if name in ("", item_id) and (data or size):  # no name, or one without an ending
        kind = _text(features, keys.FORMAT).lower()
        name = item_id + _EXTENSIONS.get(kind, ".png" if data[:4] == b"\x89PNG" else ".jpg")
    return Image(name, data or None, None, size)


def _side(features: Features, key: str) -> int:
    value = (_numbers(features, key) or [0])[0]
    if not math.isfinite(value):
        raise _BadError(f"{key} is {value}")
    return int(value)


def _box(corners: list[float], size: tuple[int, int], ledger: Ledger) -> Box:
    """Return the pixels of a box, clamped to the image."""
    if not all(map(math.isfinite, corners)):
        raise _BadError("a box is no finite numbers")
    xmin, xmax, ymin, ymax = corners
    if xmin > xmax or ymin > ymax:
        raise _BadError(
            f"a box has its edges swapped: xmin, xmax, ymin, ymax = {xmin}, {xmax}, {ymin}, {ymax}"
        )
    if min(xmin, ymin) < -_SLACK or max(xmax, ymax) > 1 + _SLACK:
        ledger.warn("a box reaches out of its image and is clipped")
    height, width = size
    left, right = min(max(xmin, 0.0), 1.0) * width, min(max(xmax, 0.0), 1.0) * width
    top, bottom = min(max(ymin, 0.0), 1.0) * height, min(max(ymax, 0.0), 1.0) * height
    return left, top, right - left, bottom - top


def _masks(
    features: Features, count: int, size: tuple[int, int] | None
) -> list[PngMask | Rle | None]:
    """Return the masks of objects, None for objects without one; nothing if there are none.

    Masks are PNG files, one an object, or the numbers of all masks one behind the other.
    """
    values = features.get(keys.MASK) or []
    if not values:
        return []
    if isinstance(values[0], bytes):
        if count and len(values) != count:
            raise _BadError(f"{count} objects have {len(values)} masks")
        return [PngMask(value) if value else None for value in values]
    if size is None or not count or len(values) != count * size[0] * size[1]:
        raise _BadError(f"{len(values)} numbers of masks are not {count} masks of the image's size")
    pixels = np.array(values).reshape(count, *size)
    return [_rle(mask) for mask in pixels]


def _considered(
    features: Features, pngs: list[PngMask | Rle | None], ledger: Ledger
) -> list[PngMask | Rle | None]:
    """Return the masks of objects, None for those whose weight is 0: they stand for no mask."""
    weights = _numbers(features, keys.MASK_WEIGHT)
    if not pngs or not weights:
        return pngs
    if len(weights) != len(pngs):
        raise _BadError(f"{len(pngs)} masks have {len(weights)} values of {keys.MASK_WEIGHT}")
    if not {0, 1}.issuperset(weights):
        ledger.warn(f"values of {keys.MASK_WEIGHT} between 0 and 1 are not kept")
    return [mask if weight else None for mask, weight in zip(pngs, weights, strict=True)]


def _check_size(mask: PngMask | Rle | None, size: tuple[int, int]) -> None:
    stated = mask.size if mask is not None else None
    if stated is not None and stated != size:
        raise _BadError(f"(height, width) of a mask are {stated}, of the image {size}")


def _flags(features: Features, count: int) -> list[dict[str, Any]]:
    """Return the attributes of objects; nothing if there are none."""
    columns = {}
    for key, name in keys.FLAGS.items():
        values = _numbers(features, key)
        if values:
            if len(values) != count:
                raise _BadError(f"{count} objects have {len(values)} values of {key}")
            columns[name] = [bool(value) for value in values]
    if not columns:
        return []
    return [{name: values[row] for name, values in columns.items()} for row in range(count)]


def png_bytes(pixels: NDArray[np.bool_]) -> bytes:
    """Return a mask as a PNG file of 0 and 1, as the Object Detection API wants it."""
    from PIL import Image as PilImage

    buffer = io.BytesIO()
    PilImage.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
