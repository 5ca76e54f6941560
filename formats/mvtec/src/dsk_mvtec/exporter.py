"""Writing MVTec AD datasets."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk import masks
from dsk.annotations import Bbox, Label, Mask
from dsk.errors import MediaError
from dsk.flow import Exporter
from dsk.labelmaps import encode_map
from dsk.media import Image
from dsk.metafile import META_NAME, meta_text
from dsk.pixels import MAX_PIXELS
from dsk.rle import counts_of
from dsk_mvtec.places import STAGE, Place, publish
from dsk_mvtec.plugin import CLASSIFICATION, DETECTION, SEGMENTATION, TASKS, capabilities
from dsk_mvtec.regions import boxes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = [
    "MvtecClassificationExporter",
    "MvtecDetectionExporter",
    "MvtecExporter",
    "MvtecSegmentationExporter",
]

_EXT = ".png"
_HINT = "save_dataset_meta=true keeps them"
_BAD = frozenset({"", ".", ".."})


class _MvtecExporter(Exporter):
    """Writes MVTec AD datasets; see the descriptors for the options."""

    heavy = True

    tasks: frozenset[str] = TASKS

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self.save_dataset_meta = save_dataset_meta

    def capabilities(self, header: Header) -> Capabilities:  # noqa: ARG002
        """See ``Exporter.capabilities``."""
        return capabilities(self.tasks)

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._names = _folder_names(header.categories, ctx.ledger)

    def write(
        self, items: Iterable[DatasetItem], ctx: WriteContext
    ) -> tuple[list[Place], set[int]]:
        """See ``Exporter.write``; the state is the images and the labels written."""
        places: list[Place] = []
        used: set[int] = set()
        for number, item in enumerate(items):
            kept = _of_one_label(item, ctx.ledger)
            category, name = self._place(item, kept, ctx.ledger)
            image_name = ctx.image_name(item, _EXT)
            ext = image_name[len(item.id) :]
            if not ctx.save_image(item, f"{category}{item.subset}/{name}{ext}"):
                _lose_item(item, kept, ctx.ledger)
                continue
            used.update([a.label or 0 for a in kept])
            data = self._mask(item, kept, ctx.ledger)
            staged = f"{STAGE}/{ctx.part:08d}-{number}" if data else ""
            if data:
                ctx.write(staged, data)
            places.append(Place(category, item.subset, name, ext, staged, bool(kept)))
        return places, used

    def _place(
        self, item: DatasetItem, kept: Sequence[Annotation], ledger: Ledger
    ) -> tuple[str, str]:
        """Return the folder of an item's category, or "", and its name below the subset."""
        if not kept:
            return "", item.id
        label = self._names[kept[0].label or 0]
        first, _, rest = item.id.partition("/")
        if first == label and rest:
            return "", item.id
        if rest.startswith(f"{label}/"):
            return f"{first}/", rest
        what = "item id, which begins with its label now"
        ledger.add_at("DSK-L008", what, item)
        return "", f"{label}/{item.id}"

    def _mask(self, item: DatasetItem, kept: Sequence[Annotation], ledger: Ledger) -> bytes:
        """Return an item's mask file: the union of its masks, else its boxes filled."""
        found = [a for a in kept if isinstance(a, Mask)]
        boxes = [a for a in kept if isinstance(a, Bbox)]
        counts: list[NDArray[np.int64]] = []
        size = _size(item) if found else None
        for mask in found:
            why = ""
            try:
                rle = mask.rle
                own = counts_of(rle)
                size = size or rle.size
                if rle.size != size:
                    why = "mask of another size than its image"
            except ValueError as error:
                why = f"mask: {error}"
            if why:
                ledger.add_at("DSK-L018", why, item, mask)
            else:
                counts.append(own)
        if len(counts) > 1:
            ledger.add_at("DSK-L014", "masks of one image", item, found[0], count=len(counts) - 1)
        if counts and size is not None:
            whole = masks.union(counts)
            _compare(boxes, boxes_of(whole, size), item, ledger)
            return _png(masks.to_dense(whole, *size))
        return _filled(boxes, item, ledger)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        publish([place for own, _ in states for place in own], ctx)
        if self.save_dataset_meta:
            labels = zip(self._categories.labels, self._names, strict=True)
            named = self._categories.with_labels(replace(label, name=n) for label, n in labels)
            ctx.write(META_NAME, meta_text(named))
        else:
            used = (own for _, own in states)
            ctx.ledger.unused_labels(len(self._names), used, "image", _HINT)


def _folder_names(categories: Categories, ledger: Ledger) -> list[str]:
    """Return the labels as folders can be named; what that changes is reported."""
    names: list[str] = []
    taken: set[str] = set()
    for number, name in enumerate(categories.names):
        fit = "".join("_" if c in "/\\\0" or ord(c) < 32 else c for c in name)
        if fit in _BAD or fit.casefold() in taken:
            base = fit.strip(".") or "label"
            fit = next(n for k in count(number) if (n := f"{base}_{k}").casefold() not in taken)
        if fit != name:
            ledger.add("DSK-L010", f"label name {name!r} becomes {fit!r}")
        taken.add(fit.casefold())
        names.append(fit)
    return names


def _of_one_label(item: DatasetItem, ledger: Ledger) -> list[Annotation]:
    """Return the annotations of the first label: an image lies in one folder."""
    labels: list[Annotation] = [a for a in item.annotations if isinstance(a, Label)]
    stated = labels or list(item.annotations)
    if not stated:
        return []
    kept = []
    labelled = False
    for a in item.annotations:
        if a.label != stated[0].label:
            ledger.add_at("DSK-L017", "annotations of a further label", item, a)
        elif isinstance(a, Label) and labelled:
            ledger.add_at("DSK-L014", "labels of one image", item, a)
        else:
            labelled = labelled or isinstance(a, Label)
            kept.append(a)
    return kept


def _lose_item(item: DatasetItem, kept: Sequence[Annotation], ledger: Ledger) -> None:
    what = "item without an image, which is what its label is known by"
    ledger.add_at("DSK-L008", what, item)
    for a in kept:
        ledger.add_at("DSK-L017", "annotations without an image", item, a)


def _compare(
    boxes: list[Bbox], parts: list[tuple[int, int, int, int]], item: DatasetItem, ledger: Ledger
) -> None:
    """Report the boxes that are not those around the parts of a mask."""
    for box in boxes:
        own = (box.x, box.y, box.w, box.h)
        near = (all(abs(a - b) <= 1 for a, b in zip(own, part, strict=True)) for part in parts)
        if not any(near):
            ledger.add_at("DSK-L017", "boxes beside a mask", item, box)


def _size(item: DatasetItem) -> tuple[int, int] | None:
    """Return the size of an item's image, if it is one that an image can have."""
    try:
        size = item.media.get_size() if isinstance(item.media, Image) else None
    except MediaError:
        return None  # the image says so itself when it is used
    return size if size is not None and size[0] * size[1] <= MAX_PIXELS else None


def _filled(boxes: list[Bbox], item: DatasetItem, ledger: Ledger) -> bytes:
    """Return boxes as a mask, or b"" without any."""
    if not boxes:
        return b""
    size = _size(item)
    if size is None:
        for box in boxes:
            ledger.add_at("DSK-L018", "box: image size not known", item, box)
        return b""
    canvas = np.zeros(size, np.bool_)
    drawn = 0
    for box in boxes:
        left, top = max(round(box.x), 0), max(round(box.y), 0)
        right, bottom = min(round(box.x + box.w), size[1]), min(round(box.y + box.h), size[0])
        if left >= right or top >= bottom:
            ledger.add_at("DSK-L018", "box without a pixel in its image", item, box)
            continue
        drawn += 1
        if (left, top, right - left, bottom - top) != (box.x, box.y, box.w, box.h):
            ledger.add_at("DSK-L007", "boxes rounded to pixels", item, box)
        canvas[top:bottom, left:right] = True
    parts = len(boxes_of(masks.from_dense(canvas), size)) if drawn else 0
    if parts < drawn:
        ledger.add_at("DSK-L014", "boxes that touch", item, boxes[0], count=drawn - parts)
    return _png(canvas) if drawn else b""


def _png(pixels: NDArray[np.bool_]) -> bytes:
    return encode_map(pixels.astype(np.uint8) * np.uint8(255))


class MvtecExporter(_MvtecExporter):
    """Writes all tasks, or those that are named."""

    def __init__(self, *, tasks: Sequence[str] = (), save_dataset_meta: bool = False) -> None:
        super().__init__(save_dataset_meta=save_dataset_meta)
        self.tasks = frozenset(tasks or TASKS)


class MvtecClassificationExporter(_MvtecExporter):
    """Writes images in the folders of their labels."""

    tasks = frozenset({CLASSIFICATION})


class MvtecSegmentationExporter(_MvtecExporter):
    """Writes images and masks."""

    tasks = frozenset({CLASSIFICATION, SEGMENTATION})


class MvtecDetectionExporter(_MvtecExporter):
    """Writes images and boxes as filled masks."""

    tasks = frozenset({CLASSIFICATION, DETECTION})
