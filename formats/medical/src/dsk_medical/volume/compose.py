"""From annotations to the slices of a label volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsk.annotations import Annotation, Mask, Mask3d
from dsk.errors import InputError, MediaError
from dsk.rle import dense
from dsk_medical.volume import geometry
from dsk_medical.volume.align import align
from dsk_medical.volume.annotate import IMAGE_ID
from dsk_medical.volume.arrays import ArrayView, LazyVolume
from dsk_medical.volume.labels import LabelVolume, SliceMask

__all__ = ["LabelComposer", "label_dtype", "slice_number"]

_TABLE = 1 << 16


def label_dtype(highest: int) -> np.dtype[Any]:
    """Return the smallest of uint8, uint16, int32 and int64 that holds the values up to one."""
    for kind in (np.uint8, np.uint16, np.int32):
        if highest <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.int64)


def _stored(source: LazyVolume) -> np.dtype[Any]:
    """Return the type in which a volume's values are stored, which may be floating point."""
    return source.base.dtype if isinstance(source, LabelVolume) else source.dtype


def slice_number(a: Annotation, depth: int) -> int:
    """Return which slice a mask belongs to.

    Raises:
        MediaError: It says none, or one that is not there.
    """
    number = a.attributes.get(IMAGE_ID, 0 if depth == 1 else None)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool):
        raise MediaError("a mask does not say by image_id which slice it belongs to")
    if not 0 <= number < depth:
        raise MediaError(f"a mask's image_id is {number}, the volume has slices 0 to {depth - 1}")
    return number


class _Layer:
    """Masks of one source that can be painted together.

    Args:
        source: The volume they are values of.
        k: The only slice of it that counts; -1: all.
    """

    def __init__(self, source: LazyVolume, k: int = -1) -> None:
        self.source = source
        self.k = k
        self.values: dict[int, int] = {}
        self.whole: int | None = None
        self._table: NDArray[Any] | None = None

    def takes(self, value: int | None) -> bool:
        return self.whole is None and value is not None and value not in self.values

    def fits(self, mask: SliceMask) -> bool:
        same = self.source is mask.labels and self.k == mask.k
        return same and mask.value not in self.values

    def paint(self, piece: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return a slice with the values of the masks, 0 elsewhere."""
        if self.whole is not None:
            found: NDArray[Any] = np.where(piece != 0, dtype.type(self.whole), dtype.type(0))
            return found
        if piece.dtype == np.bool_:
            piece = piece.view(np.uint8)
        highest = max(self.values)
        if piece.dtype.kind not in "iu" or not 0 <= min(self.values) <= highest < _TABLE:
            out = np.zeros(piece.shape, dtype)
            for value, to in self.values.items():
                out[piece == value] = to
            return out
        if self._table is None:
            self._table = np.zeros(max(highest + 2, 256), dtype)
            for value, to in self.values.items():
                self._table[value] = to
        if piece.dtype != np.uint8:
            outside = (piece < 0) | (piece > highest)
            if outside.any():
                piece = np.where(outside, highest + 1, piece)
        painted: NDArray[Any] = self._table[piece]
        return painted


class LabelComposer:
    """Paints annotations into a label volume, slice by slice, later ones over earlier ones.

    Args:
        shape: The volume's shape, of which the first three axes count.
        affine: The volume's affine, or None.
        policy: What to do with masks on other grids, see ``align.POLICIES``.
    """

    def __init__(
        self, shape: Sequence[int], affine: geometry.Affine | None = None, policy: str = "error"
    ) -> None:
        self.shape = tuple(int(n) for n in shape[:3])
        self.overlap = 0
        """How many voxels were painted over with another value, or got another one added."""
        self.joined = False
        """Values are bits: where masks overlap, all of theirs are set."""
        self.warnings: list[str] = []
        self._affine = affine
        # a label volume has one grid, so no mask keeps an affine of its own
        self._policy = "use-volume-affine" if policy == "warn" else policy
        self._layers: list[_Layer] = []
        self._aligned: dict[int, LazyVolume] = {}
        self._sources: list[Any] = []  # keeps ids of objects from being given to others
        self._masks: dict[int, list[tuple[Mask, int]]] = {}
        self._highest = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest type for the values so far, see ``label_dtype``."""
        return label_dtype(self._highest)

    @property
    def source_dtype(self) -> np.dtype[Any] | None:
        """The integer type in which all values were stored so far, if it is one and holds them."""
        kinds: set[np.dtype[Any] | None] = {_stored(layer.source) for layer in self._layers}
        sources = (m.source for masks in self._masks.values() for m, _ in masks)
        kinds |= {_stored(s.labels) if isinstance(s, SliceMask) else None for s in sources}
        kind = kinds.pop() if len(kinds) == 1 else None
        fits = kind is not None and kind.kind in "iu" and self._highest <= np.iinfo(kind).max
        return kind if fits else None

    def add(self, a: Mask3d | Mask, value: int) -> None:
        """Add an annotation.

        Args:
            a: A mask in the volume, or of one of its slices (attribute ``image_id``).
            value: What its voxels get.

        Raises:
            MediaError: It is on another grid, or in no slice of this volume.
        """
        if isinstance(a, Mask):
            self._masks.setdefault(slice_number(a, self.shape[2]), []).append((a, value))
        else:
            source = self._source(a)
            last = next((x for x in reversed(self._layers) if x.source is source), None)
            if last is None or not last.takes(a.value):
                last = _Layer(source)
                self._layers.append(last)
            if a.value is None:
                last.whole = value
            else:
                last.values[a.value] = value
        self._highest = max(self._highest, value)

    def _source(self, a: Mask3d) -> LazyVolume:
        key = id(a.source)
        if key not in self._aligned:
            given = a.source
            if callable(given) and not hasattr(given, "shape"):
                given = given()
            array: LazyVolume = given if isinstance(given, LazyVolume) else ArrayView(given)
            name = array.name if isinstance(array, LabelVolume) else "a mask"
            own = geometry.matrix(a.affine)
            if own is None:
                own = self._affine
            fitted = align(array, own, self._affine, self.shape, policy=self._policy, name=name)
            if fitted.warning and a.affine is not None:
                self.warnings.append(fitted.warning)
            self._aligned[key] = fitted.array
            self._sources.append(a.source)
        return self._aligned[key]

    def slices(self, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
        """Yield the label volume's slices (i, j) in order.

        Raises:
            MediaError: A source is damaged, or a mask has another size than its slice.
        """
        streams = [layer.source.slices() for layer in self._layers]
        for k in range(self.shape[2]):
            out: NDArray[Any] | None = None
            for layer, stream in zip(self._layers, streams, strict=True):
                out = self._over(out, layer.paint(next(stream), dtype))
            for piece in self._mask_layers(k, dtype):
                out = self._over(out, piece)
            yield out if out is not None else np.zeros(self.shape[:2], dtype)
        for stream in streams:
            next(stream, None)  # lets it look behind its last slice

    def _mask_layers(self, k: int, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
        layer: _Layer | None = None
        for a, value in self._masks.get(k, ()):
            source = a.source if isinstance(a.source, SliceMask) else None
            if source is not None and source.labels.shape[:2] != self.shape[:2]:
                source = None
            if layer is not None and not (source is not None and layer.fits(source)):
                yield layer.paint(layer.source[:, :, layer.k], dtype)
                layer = None
            if source is None:
                yield self._dense(a, k) * dtype.type(value)
                continue
            if layer is None:
                layer = _Layer(source.labels, source.k)
            layer.values[source.value] = value
        if layer is not None:
            yield layer.paint(layer.source[:, :, layer.k], dtype)

    def _dense(self, a: Mask, k: int) -> NDArray[np.bool_]:
        try:
            pixels = dense(a.rle)
        except (ValueError, InputError) as error:
            raise MediaError(f"a mask of slice {k} cannot be read: {error}") from error
        if pixels.shape != self.shape[:2]:
            raise MediaError(
                f"a mask of slice {k} is {pixels.shape}, the slice is {self.shape[:2]}"
            )
        return pixels

    def _over(self, below: NDArray[Any] | None, piece: NDArray[Any]) -> NDArray[Any]:
        if below is None:
            return piece
        there = piece != 0
        hidden = there & (below != 0) & (below != piece)
        self.overlap += int(np.count_nonzero(hidden))
        if self.joined:
            both: NDArray[Any] = below | piece
            return both
        np.copyto(below, piece, where=there)
        return below
