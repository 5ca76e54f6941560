"""Where a mask's pixels come from: run lengths, their JSON text, or a file read on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec
import numpy as np
from msgspec import Raw, Struct

from dsk import masks
from dsk.annotations import Rle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ArrayMask", "MaskSource", "counts_of", "dense", "from_dense", "rle_of"]


class _JsonRle(Struct):
    """The grammar of run lengths in COCO's JSON."""

    size: tuple[int, int]
    counts: str | list[int]


_decode_rle = msgspec.json.Decoder(_JsonRle).decode


@runtime_checkable
class MaskSource(Protocol):
    """Anything that can produce the run lengths of a mask on demand."""

    def rle(self) -> Rle:
        """Read or compute the run lengths."""


class ArrayMask:
    """One value of a label map; maps given as a function are read when a mask is asked for.

    Args:
        array: (height, width) label map, or a function that returns one.
        value: Pixels equal to it belong to the mask; None means all non-zero pixels.
    """

    __slots__ = ("_array", "_value")

    def __init__(
        self, array: NDArray[Any] | Callable[[], NDArray[Any]], value: int | None = None
    ) -> None:
        self._array = array
        self._value = value

    def rle(self) -> Rle:
        """Compare the map with the value and run-length encode the result."""
        array = self._array() if callable(self._array) else self._array
        return from_dense(array != 0 if self._value is None else array == self._value)


def rle_of(source: Rle | Raw | MaskSource) -> Rle:
    """Return the run lengths behind any mask source.

    Raises:
        ValueError: They are malformed.
    """
    if isinstance(source, Rle):
        return source
    if isinstance(source, Raw):
        try:
            decoded = _decode_rle(source)
        except msgspec.MsgspecError as error:
            msg = f"malformed run lengths: {error}"
            raise ValueError(msg) from error
        return Rle(decoded.size, decoded.counts)
    return source.rle()


def rle_in(source: Rle | Raw | MaskSource, size: tuple[int, int] | None) -> Rle:
    """Return the run lengths of a mask's source for a target whose masks are as large as images.

    Args:
        source: The source.
        size: (height, width) of the image; None if it is not known.

    Raises:
        ValueError: They are malformed, or of another size.
    """
    rle = rle_of(source)
    if size is not None and rle.size != size:
        raise ValueError(f"a mask of {rle.size} in an image of {size}")
    return rle


def counts_of(rle: Rle) -> NDArray[np.int64]:
    """Return uncompressed, checked run lengths.

    Raises:
        ValueError: They are malformed or do not fill the mask's size.
    """
    counts = rle.counts
    if isinstance(counts, bytes | str):
        runs = masks.decode_counts(counts)
    else:
        try:
            runs = np.asarray(counts, dtype=np.int64)
        except OverflowError as error:
            raise ValueError("a run length has more than 64 bits") from error
    masks.check_counts(runs, *rle.size)
    return runs


def dense(rle: Rle) -> NDArray[np.bool_]:
    """Return the mask as a boolean array (height, width)."""
    return masks.to_dense(counts_of(rle), *rle.size)


def from_dense(array: NDArray[Any]) -> Rle:
    """Run-length encode a (height, width) array; every non-zero pixel belongs to the mask."""
    height, width = array.shape
    return Rle((int(height), int(width)), masks.encode_counts(masks.from_dense(array != 0)))
