"""Label maps: files whose pixels say what they belong to, decoded once for all their masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from dsk import masks
from dsk.annotations import Rle
from dsk.errors import RecordError
from dsk.pixels import decode_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsk.categories import Categories
    from dsk.media import Image

__all__ = [
    "NONE",
    "ColorReader",
    "IndexReader",
    "LabelMap",
    "MapMask",
    "MapReader",
    "PackedReader",
    "named",
]

NONE = -1
"""Value of pixels that belong to nothing."""


class MapReader(Protocol):
    """Decodes a file into a (height, width) array of integers."""

    def read(self, image: Image) -> NDArray[Any]:
        """Return the values of the pixels.

        Raises:
            ValueError: The file is no label map of this kind.
            InputError: The file is missing or damaged.
        """


class LabelMap:
    """One label map, see ``dsk.rle``.

    It is decoded once while its item is being read, and again only when somebody asks for masks
    later: neither pixels nor run lengths of a whole dataset are ever kept.

    Args:
        image: The file.
        reader: What its pixels mean.
    """

    __slots__ = ("_image", "_reader", "_runs", "_size")

    def __init__(self, image: Image, reader: MapReader) -> None:
        self._image = image
        self._reader = reader
        self._runs: dict[int, NDArray[np.int64]] | None = None
        self._size = (0, 0)

    def __getstate__(self) -> tuple[Image, MapReader]:
        return self._image, self._reader

    def __setstate__(self, state: tuple[Image, MapReader]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the file; (0, 0) before it was read."""
        return self._size

    def _read(self) -> dict[int, NDArray[np.int64]]:
        pixels = self._reader.read(self._image)
        self._size = (int(pixels.shape[0]), int(pixels.shape[1]))
        # One pass gives the masks of all values, and costs less than finding the values alone.
        return masks.runs_by_value(pixels, (NONE,))

    def values(self) -> list[int]:
        """Return the values that occur, ascending, without -1; errors as ``MapReader.read``."""
        self._runs = self._read()
        return list(self._runs)

    def mask(self, value: int) -> MapMask:
        """Return the pixels of one value as the source of a mask."""
        return MapMask(self, value)

    def forget(self) -> None:
        """Let go of what was decoded."""
        self._runs = None

    def rle(self, value: int) -> Rle:
        """Return the run lengths of a value."""
        if self._runs is None:
            try:
                self._runs = self._read()
            except ValueError as error:
                raise RecordError(str(error), where=self._image.path) from error
        counts = self._runs.get(value)
        if counts is None:
            raise RecordError(f"the value {value} is no longer in it", where=self._image.path)
        # As they are: nearly all who ask want run lengths, and packing costs more than the rest.
        return Rle(self._size, cast("Sequence[int]", counts))


class MapMask:
    """The pixels of one value of a label map, see ``dsk.rle.MaskSource``."""

    __slots__ = ("_map", "_value")

    def __init__(self, label_map: LabelMap, value: int) -> None:
        self._map = label_map
        self._value = value

    def rle(self) -> Rle:
        """Return the run lengths.

        Raises:
            InputError: The file is no longer there.
        """
        return self._map.rle(self._value)


class IndexReader:
    """Values as they are stored; a palette means nothing."""

    def read(self, image: Image) -> NDArray[Any]:
        """See ``MapReader.read``."""
        pixels, _ = decode_labels(image)
        if pixels.ndim == 3:
            first = pixels[..., 0]
            if pixels.shape[2] >= 3 and not (
                np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2])
            ):
                raise ValueError("it holds colours where each pixel should be one number")
            pixels = first
        if pixels.dtype.kind not in "iu":
            raise ValueError(f"it holds {pixels.dtype} where each pixel should be a whole number")
        if pixels.dtype.kind == "i" and pixels.size:
            if int(pixels.min()) < NONE:
                raise ValueError(f"it holds {int(pixels.min())}, which is no label")
            if int(pixels.min()) < 0:
                return pixels
            small = np.uint16 if int(pixels.max()) <= 0xFFFF else np.uint32
            pixels = pixels.astype(small)
        return pixels


class PackedReader:
    """Numbers in three bytes: R + 256 G + 65536 B."""

    def read(self, image: Image) -> NDArray[Any]:
        """See ``MapReader.read``."""
        pixels, colors = decode_labels(image)
        if colors is not None:
            pixels = colors[np.minimum(pixels, len(colors) - 1)]
        if pixels.ndim == 2:
            return pixels
        return _pack(pixels[..., ::-1] if pixels.shape[2] == 3 else pixels[..., 2::-1])


def _pack(rgb: NDArray[Any]) -> NDArray[np.uint32]:
    """Return 0xRRGGBB by pixel."""
    codes = rgb[..., 0].astype(np.uint32)
    for channel in (1, 2):
        codes <<= 8
        codes |= rgb[..., channel]
    return codes


_NAMED = 20
"""More unknown colours are those of a compressed image, and each of them says nothing."""


class ColorReader:
    """Labels by the colour of their pixels, or, in grey and palette files, by their value.

    Args:
        categories: Labels and colours; of equal colours the first label's counts.
        values: The label of each value of grey files; None: the value is the label.
    """

    def __init__(self, categories: Categories, values: dict[int, int] | None = None) -> None:
        self._count = len(categories.labels)
        self._values = values
        self._codes: dict[int, int] = {}
        for label, (red, green, blue) in sorted(categories.colors.items()):
            self._codes.setdefault(red << 16 | green << 8 | blue, label)
        self._table: NDArray[np.uint16] | None = None
        self.unknown = 0
        self.strange: tuple[str, ...] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_table": None}

    def read(self, image: Image) -> NDArray[Any]:
        """See ``MapReader.read``.

        ``unknown`` then says how many pixels have no label; ``strange`` which values such pixels
        of the first map that had any have.
        """
        pixels, colors = decode_labels(image)
        self.unknown = 0
        if pixels.ndim == 3 and pixels.shape[2] >= 3:
            return self._by_color(_pack(pixels))
        if pixels.ndim == 3:
            pixels = pixels[..., 0]
        if colors is None and self._is_bilevel(pixels):
            return self._by_color(pixels.astype(np.uint32) * 0x010101)
        if colors is not None:
            codes = _pack(colors[None])[0]
            used = np.flatnonzero(np.bincount(pixels.ravel(), minlength=256))
            if all(v < len(codes) and int(codes[v]) in self._codes for v in used.tolist()):
                return self._by_table(
                    pixels, {v: self._codes[int(codes[v])] for v in used.tolist()}
                )
        return self._by_table(pixels, self._values)

    def _is_bilevel(self, pixels: NDArray[Any]) -> bool:
        """Tell whether a grey file shows black and white labels by their colours, not by value."""
        grey = {0, 0xFFFFFF}
        return (
            set(self._codes) <= grey
            and 0xFFFFFF in self._codes
            and self._values is None
            and int(pixels.max(initial=0)) == 255
        )

    def _by_color(self, codes: NDArray[np.uint32]) -> NDArray[np.int32]:
        if self._table is None:
            # 0 is "no label": pages of the table that no colour touches are never made.
            self._table = np.zeros(1 << 24, np.uint16)
            for code, label in self._codes.items():
                self._table[code] = label + 1
        found = self._table[codes].astype(np.int32) - 1
        # Black is what nothing was painted on, whether a label has that colour or not.
        known = (found >= 0) | (codes == 0)
        self.unknown = known.size - int(np.count_nonzero(known))
        if self.unknown and self.strange is None:
            most = _most(codes[~known])
            self.strange = tuple(f"{c >> 16} {c >> 8 & 255} {c & 255}" for c in most)
        return found

    def _by_table(self, pixels: NDArray[Any], values: dict[int, int] | None) -> NDArray[np.int32]:
        if pixels.dtype.kind != "u" or pixels.dtype.itemsize > 2:
            if pixels.dtype.kind not in "iu":
                raise ValueError(f"it holds {pixels.dtype} where each pixel should be a label")
            pixels = np.clip(pixels, 0, 0xFFFF).astype(np.uint16)
        size = 1 << 8 * pixels.dtype.itemsize
        table = np.full(size, NONE, np.int32)
        if values is None:
            count = min(self._count, size)
            table[:count] = np.arange(count)
        else:
            for value, label in values.items():
                if 0 <= value < size:
                    table[value] = label
        found: NDArray[np.int32] = table[pixels]
        known = found >= 0
        if table[255] == NONE:
            known |= pixels == 255
        if values is not None and table[0] == NONE:  # a table whose values begin with 1
            known |= pixels == 0
        self.unknown = known.size - int(np.count_nonzero(known))
        if self.unknown and self.strange is None:
            self.strange = tuple(map(str, _most(pixels[~known])))
        return found


def named(strange: Sequence[str] | None) -> str:
    """Return unknown colours or values for a message; "" if they are too many."""
    return f" (for instance {', '.join(strange)})" if strange else ""


def _most(values: NDArray[Any]) -> list[int]:
    """Return the values that most pixels have, the three first ones."""
    found, counts = np.unique(values, return_counts=True)
    first: list[int] = found[np.argsort(-counts, kind="stable")][:3].tolist()
    return first if len(found) <= _NAMED else []
