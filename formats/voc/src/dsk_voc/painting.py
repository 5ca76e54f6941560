"""Painting an item's masks into a class map and an object map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk.errors import OutputError
from dsk.labelmaps import encode_map, palette
from dsk.overlay import Overlay
from dsk.painting import drawable, report_background, report_covered
from dsk_voc.labelmap import VOID_COLOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Mask
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_voc.target import Target

__all__ = ["MaskPainter", "Painted"]

VOID = 255
MAX_OBJECTS = 254
"""Object numbers of an 8-bit map: 0 is the background, 255 void."""


class Painted(Struct):
    """The two files of an item.

    Attributes:
        classes: The class mask, or b"" when no mask could be painted.
        objects: The object mask; b"" when the class mask says everything.
        numbers: Position in the list of masks to object number, of masks that were painted.
    """

    classes: bytes = b""
    objects: bytes = b""
    numbers: dict[int, int] = {}


class _Layer(Struct):
    """A mask on its way into the maps."""

    place: int
    mask: Mask
    counts: NDArray[np.int64]
    label: int
    number: int = 0


class MaskPainter:
    """Paints masks.

    Args:
        target: The label map.
        colors: Whether the files show the labels' colours.
    """

    def __init__(self, target: Target, *, colors: bool) -> None:
        self._target = target
        self._colors = colors
        count = len(target.entries)
        self._wide = count > VOID + (target.void == VOID)
        table = [entry.color or (0, 0, 0) for entry in target.entries]
        self._rgb = np.array(table, np.uint8).reshape(-1, 3)
        self._palette = None
        if colors and not self._wide:
            self._palette = (table + palette(256)[count:])[:256]
            self._palette[VOID] = VOID_COLOR if target.void is None else table[target.void]
        self._object_palette = palette(256) if colors else None

    def empty(self, size: tuple[int, int]) -> Painted:
        """Return the files of an image without objects, of (height, width)."""
        zeros = np.zeros(size, np.uint8)
        return Painted(self._class_file(zeros), self._object_file(zeros))

    def paint(
        self,
        item: DatasetItem,
        found: Sequence[Mask],
        wanted: Mapping[int, int],
        ledger: Ledger,
        *,
        boxes: int = 0,
    ) -> Painted:
        """Paint the masks of an item, higher ``z_order`` over lower.

        Args:
            item: The item.
            found: Its masks.
            wanted: Object numbers that masks shall have, by position in ``found``.
            ledger: For masks that are not painted, or hidden in part.
            boxes: How many numbers belong to boxes; other masks get higher ones.

        Raises:
            OutputError: There are more objects or labels than the files can number.
        """
        semantic = self._is_semantic(found)
        layers = self._layers(item, found, ledger, keep_background=semantic)
        if not layers:
            return Painted()
        self._number(item, layers, wanted, boxes)
        size = layers[0].mask.rle.size
        layers.sort(key=lambda layer: layer.mask.z_order)
        overlay = Overlay([layer.counts for layer in layers], size)
        seen = overlay.seen().tolist()
        for layer, visible in zip(layers, seen, strict=True):
            report_covered(layer.mask, layer.counts, visible, item, ledger)
        background = (layer.mask for layer in layers if not layer.label)
        report_background(background, seen, size, item, ledger)
        kind = np.uint16 if self._wide else np.uint8
        classes = np.array([0, *(layer.label for layer in layers)], kind)
        numbers = np.array([0, *(layer.number for layer in layers)], np.uint8)
        shown = {x.place: x.number for x, pixels in zip(layers, seen, strict=True) if pixels}
        objects = b"" if semantic else self._object_file(overlay.drawn(numbers))
        return Painted(self._class_file(overlay.drawn(classes)), objects, shown)

    def _is_semantic(self, found: Sequence[Mask]) -> bool:
        """Tell whether masks are areas of classes, the background among them, and no objects."""
        labels = [self._target.index[m.label] for m in found if m.label is not None]
        return 0 in labels and len(set(labels)) == len(labels) and not any(m.group for m in found)

    def _layers(
        self, item: DatasetItem, found: Sequence[Mask], ledger: Ledger, *, keep_background: bool
    ) -> list[_Layer]:
        layers: list[_Layer] = []
        size: tuple[int, int] | None = None
        for place, mask in enumerate(found):
            label = self._target.index[mask.label] if mask.label is not None else None
            if label is None:
                ledger.add_at("DSK-L017", "mask whose label is not in the label map", item, mask)
                continue
            if label == 0 and not keep_background:
                what = "mask of the background, which is what no other mask covers"
                ledger.add_at("DSK-L017", what, item, mask)
                continue
            try:
                counts, size = drawable(mask, size)
            except ValueError as error:
                ledger.add_at("DSK-L018", str(error), item, mask)
                continue
            value = VOID if label == self._target.void and not self._wide else label
            layers.append(_Layer(place, mask, counts, value))
        return layers

    def _number(
        self,
        item: DatasetItem,
        layers: Sequence[_Layer],
        wanted: Mapping[int, int],
        boxes: int,
    ) -> None:
        """Give every mask an object number: that of its box, or one that no box has."""
        void = self._target.void
        free = iter(range(boxes + 1, MAX_OBJECTS + 1))
        for layer in layers:
            if layer.label == (VOID if not self._wide else void):
                layer.number = VOID
                continue
            layer.number = wanted.get(layer.place) or next(free, MAX_OBJECTS + 1)
            if layer.number > MAX_OBJECTS:
                raise OutputError(
                    f"an object mask can number {MAX_OBJECTS} objects, item {item.id!r} has more",
                    hint="split the image into tiles, or choose a format with single masks",
                )

    def _class_file(self, classes: NDArray[Any]) -> bytes:
        if not self._wide:
            return encode_map(classes, self._palette)
        if not self._colors:
            raise OutputError(
                f"a grey class mask can name 255 labels, there are {len(self._target.entries)}",
                hint="leave apply_colormap on",
            )
        return encode_map(self._rgb[classes])

    def _object_file(self, numbers: NDArray[np.uint8]) -> bytes:
        return encode_map(numbers, self._object_palette)
