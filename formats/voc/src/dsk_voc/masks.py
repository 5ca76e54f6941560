"""Reading class and object masks: two small PNG files that together say what belongs to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk import masks
from dsk.annotations import Mask, Rle
from dsk.errors import RecordError
from dsk.labelmaps import palette
from dsk.pixels import decode_labels
from dsk_voc.labelmap import VOID, VOID_COLOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from dsk.categories import Categories
    from dsk.media import Image

__all__ = ["ClassColors", "ItemMasks", "ObjectMask", "values_of"]

VOID_VALUE = 255

_NONE = -1
_CLASSES = 1 << 16
"""Composite values from here on are pixels of a class without an object."""


class ClassColors:
    """What the pixels of class masks mean.

    Args:
        categories: Labels and their colours.
        entries: How many labels the label map has; parts behind them have no masks.
    """

    def __init__(self, categories: Categories, entries: int) -> None:
        self.count = entries
        self.void = next((n for n, lab in enumerate(categories.labels) if lab.name == VOID), _NONE)
        self._by_color: dict[int, int] = {}
        for label, color in sorted(categories.colors.items()):
            self._by_color.setdefault(_code(color), label)  # colours that collide keep the first
        self._by_color.setdefault(_code(VOID_COLOR), self.void)

    def labels(self, pixels: NDArray[Any], colors: NDArray[Any] | None) -> NDArray[np.int32]:
        """Return the label of every pixel, -1 for void.

        Args:
            pixels: As stored: indices or RGB.
            colors: The palette (n, 3) of indices, if there is one.

        Raises:
            ValueError: A value or colour has no label.
        """
        if pixels.ndim == 3:
            return _by_color(pixels, self._by_color)
        used = values_of(pixels)
        table = np.full(int(used[-1]) + 1 if len(used) else 1, _NONE, np.int32)
        own = self._palette_labels(used, colors)
        for value in used.tolist():
            label = own.get(value, value) if own is not None else value
            if own is None and value == VOID_VALUE:
                label = self.void
            elif label >= self.count:
                raise ValueError(f"the value {value} is no label (there are {self.count})")
            table[value] = label
        found: NDArray[np.int32] = table[pixels]
        return found

    def _palette_labels(
        self, used: NDArray[Any], colors: NDArray[Any] | None
    ) -> dict[int, int] | None:
        """Return labels by palette index, or None where the palette says nothing about labels."""
        if colors is None:
            return None
        codes = {v: _code(colors[v]) if v < len(colors) else -1 for v in used.tolist()}
        found = {v: self._by_color.get(code) for v, code in codes.items()}
        if any(label is None for label in found.values()):
            return None
        return {v: label for v, label in found.items() if label is not None}


def values_of(label_map: NDArray[Any]) -> NDArray[Any]:
    """Return the different values of a map, ascending.

    Only pixels that differ from the one before are looked at: maps are mostly areas of one value.
    """
    flat = label_map.ravel()
    return np.unique(np.append(flat[:1], flat[1:][flat[1:] != flat[:-1]]))


def _code(color: Any) -> int:
    red, green, blue = (int(c) for c in color)
    return red << 16 | green << 8 | blue


def _by_color(pixels: NDArray[Any], table: Mapping[int, int]) -> NDArray[np.int32]:
    rgb = pixels[..., :3].astype(np.uint32) if pixels.shape[2] >= 3 else None
    if rgb is None:
        return _by_color(np.repeat(pixels[..., :1], 3, axis=2), table)
    packed = rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    codes = values_of(packed)
    values = []
    for code in codes.tolist():
        if code not in table:
            color = f"{code >> 16},{code >> 8 & 255},{code & 255}"
            raise ValueError(f"the colour {color} is not in the label map")
        values.append(table[code])
    found: NDArray[np.int32] = np.array(values, np.int32)[np.searchsorted(codes, packed)]
    return found


_OBJECT_COLORS = {_code(color): number for number, color in enumerate(palette(256))}


def _object_numbers(pixels: NDArray[Any], colors: NDArray[Any] | None) -> NDArray[np.int32]:
    """Return the object number of every pixel: 0 for none, 255 for void."""
    if pixels.ndim == 3:
        return _by_color(pixels, _OBJECT_COLORS)
    if colors is None:
        return pixels.astype(np.int32)
    used = values_of(pixels).tolist()
    table = np.arange(256, dtype=np.int32)
    codes = [
        _OBJECT_COLORS.get(_code(colors[v]), _NONE) if v < len(colors) else _NONE for v in used
    ]
    if _NONE in codes or codes == used:  # no palette of objects, or the usual one
        return pixels.astype(np.int32)
    table[used] = codes
    found: NDArray[np.int32] = table[pixels]
    return found


class ItemMasks:
    """The masks of one item.

    Its files are decoded once while the item is being read, and again only when somebody asks for
    pixels later: pixels are never kept.

    Args:
        class_file: The class mask, or None.
        object_file: The object mask, or None.
        colors: What the pixels of class masks mean.
    """

    __slots__ = ("_class_file", "_colors", "_map", "_object_file", "_runs", "_size")

    def __init__(
        self, class_file: Image | None, object_file: Image | None, colors: ClassColors
    ) -> None:
        self._class_file = class_file
        self._object_file = object_file
        self._colors = colors
        self._map: NDArray[np.int32] | None = None
        self._runs: dict[int, NDArray[np.int64]] | None = None
        self._size = (0, 0)

    def _load(self) -> tuple[NDArray[np.int32] | None, NDArray[np.int32] | None]:
        classes = objects = None
        if self._class_file is not None:
            pixels, colors = decode_labels(self._class_file)
            classes = self._colors.labels(pixels, colors)
        if self._object_file is not None:
            pixels, colors = decode_labels(self._object_file)
            objects = _object_numbers(pixels, colors)
        if classes is not None and objects is not None and classes.shape != objects.shape:
            raise ValueError(f"class mask {classes.shape} and object mask {objects.shape} differ")
        return classes, objects

    def _compose(
        self, classes: NDArray[np.int32] | None, objects: NDArray[np.int32] | None
    ) -> NDArray[np.int32]:
        """Return the map of masks: object numbers, and classes where there is no object."""
        if classes is None:
            assert objects is not None
            return objects
        if objects is None:
            return np.where(classes >= 0, classes + _CLASSES, 0)
        return np.where((objects == 0) & (classes > 0), classes + _CLASSES, objects)

    def annotations(self, object_labels: Mapping[int, int]) -> Iterator[Mask]:
        """Yield the masks: those of objects by number, then classes without objects.

        Args:
            object_labels: Labels of objects by number, for object masks without a class mask.

        Raises:
            ValueError: A pixel has no label, or the two files do not fit.
            InputError: A file is damaged.
        """
        classes, objects = self._load()
        composed = self._map = self._compose(classes, objects)
        self._size = (int(composed.shape[0]), int(composed.shape[1]))
        labels = self._labels(classes, objects, object_labels)
        for value in values_of(composed).tolist():
            if value >= _CLASSES:
                yield Mask(ObjectMask(self, value), label=value - _CLASSES)
            elif value == VOID_VALUE and objects is not None:
                if self._colors.void != _NONE:
                    yield Mask(ObjectMask(self, value), label=self._colors.void)
            elif value > 0:
                yield Mask(ObjectMask(self, value), label=labels.get(value), id=value, group=value)

    def _labels(
        self,
        classes: NDArray[np.int32] | None,
        objects: NDArray[np.int32] | None,
        object_labels: Mapping[int, int],
    ) -> dict[int, int]:
        """Return the label of every object: that of most of its pixels."""
        if classes is None or objects is None:
            return dict(object_labels)
        width = self._colors.count + 2
        number, label = objects.ravel(), classes.ravel()
        # Runs are few, and counting each by its length takes less than half of counting pixels.
        changes = (number[1:] != number[:-1]) | (label[1:] != label[:-1])
        starts = np.append(0, np.flatnonzero(changes) + 1)[: number.size]
        lengths = np.diff(starts, append=number.size)
        counts = np.bincount(number[starts] * width + label[starts] + 1, lengths)
        counts = np.pad(counts, (0, -len(counts) % width)).reshape(-1, width)[:, 1:]
        best = counts.argmax(axis=1)
        return {int(n): int(best[n]) for n in np.flatnonzero(counts.sum(axis=1)) if n}

    def forget(self) -> None:
        """Let go of decoded pixels."""
        self._map = None

    def rle(self, value: int) -> Rle:
        """Return the run lengths of one mask; those of all are computed together and kept."""
        if self._runs is None:
            composed = self._map
            if composed is None:
                try:
                    composed = self._compose(*self._load())
                except ValueError as error:
                    raise RecordError(str(error), where=self._where()) from error
            self._runs = masks.runs_by_value(composed)
            self._map = None
        return Rle(self._size, masks.encode_counts(self._runs[value]))

    def _where(self) -> str:
        file = self._class_file or self._object_file
        return file.path if file is not None else ""


class ObjectMask:
    """One mask of an item, see ``dsk.rle.MaskSource``."""

    __slots__ = ("_masks", "_value")

    def __init__(self, masks: ItemMasks, value: int) -> None:
        self._masks = masks
        self._value = value

    def rle(self) -> Rle:
        """Return the run lengths.

        Raises:
            InputError: The file is no longer there.
        """
        return self._masks.rle(self._value)
