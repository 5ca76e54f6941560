"""From annotations to the features of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk import masks
from dsk.annotations import Bbox, Mask
from dsk.convert import bbox_of
from dsk.errors import InputError
from dsk.rle import counts_of
from dsk.truth import truth_of
from dsk_tfrecord import keys
from dsk_tfrecord.objects import png_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dsk.annotations import Annotation, Box
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["InstanceWriter"]

Size = tuple[int, int]
Columns = dict[str, list[Any]]


class InstanceWriter:
    """Makes features of objects.

    Args:
        names: Class texts by label.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._texts = [name.encode("utf-8") for name in names]

    def features(self, item: DatasetItem, size: Size | None, ledger: Ledger) -> Columns:
        """Return the features of an item's objects; empty ones if it has no objects."""
        columns: Columns = {key: [] for key in keys.OBJECTS}
        firsts: list[Annotation] = []
        pngs: list[bytes] = []
        flags: list[dict[str, bool]] = []
        for members in _instances(item.annotations):
            found = self._instance(members, item, size, ledger)
            if found is None:
                continue
            corners, png = found
            first = members[0]
            for key, value in zip(keys.EDGES, corners, strict=True):
                columns[key].append(value)
            columns[keys.TEXT].append(b"" if first.label is None else self._texts[first.label])
            columns[keys.LABEL].append(0 if first.label is None else first.label + 1)
            firsts.append(first)
            pngs.append(png)
            flags.append(_flags(members, item, ledger))
        if size is not None and any(pngs):
            columns |= _mask_columns(columns, pngs, size)
            for a in [a for a, png in zip(firsts, pngs, strict=True) if not png]:
                ledger.add_at(
                    "DSK-L003",
                    "bbox→mask of weight 0 that fills it, beside masks of other objects",
                    item,
                    a,
                    hint="-O save_masks=false writes boxes only",
                )
        for key, name in keys.FLAGS.items():
            if any(name in known for known in flags):
                columns[key] = [int(known.get(name, False)) for known in flags]
        return columns

    def _instance(
        self, members: list[Annotation], item: DatasetItem, size: Size | None, ledger: Ledger
    ) -> tuple[tuple[float, ...], bytes] | None:
        """Return the edges and the mask of one object; None if it cannot be written."""
        try:
            if size is None:
                raise ValueError("image size not known")  # noqa: TRY301 - one place to report
            png = _png([a for a in members if type(a) is Mask], size)
            boxes = [a for a in members if type(a) is Bbox] or members
            box = _around([b for b in map(bbox_of, boxes) if b is not None])
        except (ValueError, InputError) as error:
            for a in members:
                ledger.add_at("DSK-L018", f"{a.kind}: {error}", item, a)
            return None
        for a in members[1:]:
            ledger.add_at("DSK-L014", "one object in several annotations", item, a)
        return self._edges(box, size, members[0], item, ledger), png

    @staticmethod
    def _edges(
        box: Box, size: Size, first: Annotation, item: DatasetItem, ledger: Ledger
    ) -> tuple[float, ...]:
        height, width = size
        x, y, w, h = box
        edges = (x / width, (x + w) / width, y / height, (y + h) / height)
        inside = tuple(min(max(edge, 0.0), 1.0) for edge in edges)
        if any(abs(a - b) > _SLACK for a, b in zip(edges, inside, strict=True)):
            ledger.add_at("DSK-L007", "box clipped to the image", item, first)
        return inside


_SLACK = 1e-6
"""How far a box may reach out for want of precision, as a share of the image."""


def _instances(annotations: Iterable[Annotation]) -> list[list[Annotation]]:
    """Return the annotations of each object, a box first: those of one group and one label."""
    found: dict[tuple[int, int | None] | int, list[Annotation]] = {}
    for place, a in enumerate(annotations):
        found.setdefault((a.group, a.label) if a.group else -place - 1, []).append(a)
    return [sorted(members, key=lambda a: type(a) is not Bbox) for members in found.values()]


def _png(given: list[Mask], size: Size) -> bytes:
    """Return the union of masks as a PNG file; b"" if there are none.

    Raises:
        ValueError: Run lengths are damaged or of another size.
    """
    if not given:
        return b""
    counts = []
    for a in given:
        rle = a.rle
        if tuple(rle.size) != tuple(size):
            msg = "the mask has another size than the image"
            raise ValueError(msg)
        counts.append(counts_of(rle))
    whole = counts[0] if len(counts) == 1 else masks.union(counts)
    return png_bytes(masks.to_dense(whole, *size))


def _mask_columns(columns: Mapping[str, list[Any]], pngs: list[bytes], size: Size) -> Columns:
    """Return the features of masks, of which some are b"": every object has one, or none has.

    TensorFlow cannot decode b"". A mask that is not there fills its box, and its weight is 0:
    the Object Detection API leaves it out (object_detection/core/standard_fields.py,
    groundtruth_instance_mask_weights), and readers that do not know weights get no empty mask.
    """
    if all(pngs):
        return {keys.MASK: pngs}
    boxes = zip(*[columns[key] for key in keys.EDGES], strict=True)
    whole = [png or _filled(box, size) for png, box in zip(pngs, boxes, strict=True)]
    return {keys.MASK: whole, keys.MASK_WEIGHT: [float(bool(png)) for png in pngs]}


def _filled(edges: Sequence[float], size: Size) -> bytes:
    """Return the pixels of a box, one at least, as a PNG file."""
    height, width = size
    xmin, xmax, ymin, ymax = edges
    left, top = min(round(xmin * width), width - 1), min(round(ymin * height), height - 1)
    right, bottom = max(round(xmax * width), left + 1), max(round(ymax * height), top + 1)
    pixels = np.zeros(size, np.bool_)
    pixels[top:bottom, left:right] = True
    return png_bytes(pixels)


def _around(boxes: list[Box]) -> Box:
    if not boxes:
        msg = "empty geometry"
        raise ValueError(msg)
    if len(boxes) == 1:
        return boxes[0]
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right, bottom = max(b[0] + b[2] for b in boxes), max(b[1] + b[3] for b in boxes)
    return left, top, right - left, bottom - top


def _flags(members: list[Annotation], item: DatasetItem, ledger: Ledger) -> dict[str, bool]:
    """Return what the object's attributes say; what they say that is no truth value is lost."""
    found: dict[str, bool] = {}
    for a in members:
        for name in keys.FLAGS.values():
            if name not in a.attributes:
                continue
            given = a.attributes[name]
            value = None if given in (None, "") else truth_of(given)  # nothing is not false here
            if value is not None and found.setdefault(name, value) == value:
                continue
            ledger.add_at("DSK-L004", name, item, a)
    return found
