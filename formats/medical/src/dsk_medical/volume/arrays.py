"""Lazy arrays on a grid: sliced like numpy arrays, read slice by slice in bounded memory.

``shape`` is (i, j, k) or (i, j, k, c); the third axis is the one that 2D views step along. Formats
make their own arrays (``FileArray`` for anything raw in a file) or views of others; exporters take
whatever an item's ``Volume`` holds through ``open_volume``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsk.errors import LimitError, MediaError
from dsk.media import ArchiveMember, Media, Volume
from dsk.registry import resolve
from dsk_medical.volume.reader import ByteReader

__all__ = [
    "COLORS",
    "OPENERS",
    "PARTITION_VOLUMES",
    "ArrangedVolume",
    "ArrayView",
    "ChannelView",
    "FileArray",
    "LazyVolume",
    "StackedVolume",
    "TransposedVolume",
    "check_axes",
    "full_key",
    "open_volume",
]

MAX_BYTES = 8 << 30
"""Arrays that claim more are not read as a whole; slices have no such limit."""

PARTITION_VOLUMES = 4
"""Volumes are large: a few make enough work for a worker."""

OPENERS: dict[str, str] = {
    ".nii": "dsk_medical.volume.nifti:open_array",
    ".nii.gz": "dsk_medical.volume.nifti:open_array",
    ".hdr": "dsk_medical.volume.nifti:open_array",
    ".img": "dsk_medical.volume.nifti:open_array",
    ".hdr.gz": "dsk_medical.volume.nifti:open_array",
    ".img.gz": "dsk_medical.volume.nifti:open_array",
    ".nrrd": "dsk_medical.nrrd.header:open_array",
    ".nhdr": "dsk_medical.nrrd.header:open_array",
    ".mha": "dsk_medical.volume.metaimage:open_array",
    ".png": "dsk_medical.volume.pages:open_array",
    ".tif": "dsk_medical.volume.pages:open_array",
    ".tiff": "dsk_medical.volume.pages:open_array",
}
"""Import strings of ``open(media: Media) -> LazyVolume`` by the ending of a file's name. A format
whose volumes are files of its own adds itself here."""

COLORS = ("red", "green", "blue", "alpha")
"""Names of the channels of volumes in colour."""

_PLANE = (slice(None), slice(None))

_BLOCK = 1 << 18
"""Voxels that are read together where slices need not be apart: they fit in a processor's cache."""

Key = tuple[int | slice, ...]


def full_key(key: Any, shape: Sequence[int]) -> Key:
    """Return an index as one entry for each axis, integers not negative.

    Raises:
        IndexError: It is out of range, too long, or neither integers nor slices.
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    parts += [slice(None)] * (len(shape) - len(parts))
    if len(parts) > len(shape):
        raise IndexError(f"{len(parts)} indices for {len(shape)} axes")
    done: list[int | slice] = []
    for part, size in zip(parts, shape, strict=True):
        if isinstance(part, slice):
            done.append(part)
            continue
        number = part.__index__()
        if not -size <= number < size:
            raise IndexError(f"index {number} is out of range for {size}")
        done.append(number % size)
    return tuple(done)


class LazyVolume(ABC):
    """An array that is read when it is sliced.

    Attributes:
        shape: (i, j, k) or (i, j, k, c).
        dtype: Type of the values that slicing gives.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @abstractmethod
    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return a part, like numpy's basic indexing."""

    def slices(self) -> Iterator[NDArray[Any]]:
        """Yield ``array[:, :, k]`` for every k in order: (i, j) or (i, j, c)."""
        for k in range(self.shape[2]):
            yield self[:, :, k]

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield ``array[:, :, a:b]`` for a few slices at a time, in order."""
        plane = math.prod((*self.shape[:2], *self.shape[3:]))
        step = max(1, _BLOCK // max(1, plane))
        for k in range(0, self.shape[2], step):
            yield self[:, :, k : k + step]

    def planes(self) -> Iterator[NDArray[Any]]:
        """Yield (i, j) planes in the order of NIfTI's storage: k, then channels."""
        if len(self.shape) == 3:
            yield from self.slices()
            return
        for c in range(self.shape[3]):
            for k in range(self.shape[2]):
                yield self[:, :, k, c]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        need = math.prod(self.shape) * self.dtype.itemsize
        if need > MAX_BYTES:
            raise LimitError(f"the array needs {need} bytes at once", hint="read it in slices")
        return np.array(self[...], dtype=dtype, copy=copy)


class FileArray(LazyVolume):
    """Numbers that lie raw in a file, of any number of axes.

    Args:
        reader: The file.
        shape: Its axes.
        dtype: Type of the stored numbers.
        offset: Where they begin, in bytes.
        order: "F" or "C".
        scaling: (slope, intercept) from stored numbers to values; (1, 0) keeps their type.
    """

    def __init__(
        self,
        reader: ByteReader,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        offset: int,
        *,
        order: str = "F",
        scaling: tuple[float, float] = (1.0, 0.0),
    ) -> None:
        self.reader = reader
        self.shape = shape
        self.stored = dtype
        self.offset = offset
        self.order = order
        self.scaling = scaling
        self.dtype = dtype.newbyteorder("=") if scaling == (1.0, 0.0) else np.dtype(np.float64)

    # fileslice asks for a file with these two
    def seek(self, offset: int) -> None:
        """Remember a place for ``read``."""
        self._place = offset

    def read(self, size: int) -> bytes:
        """Return bytes from the remembered place on."""
        data = self.reader.read_at(self._place, size)
        self._place += size
        return data

    def raw(self, key: Any) -> NDArray[Any]:
        """Return a part as it is stored: unscaled, in the file's byte order."""
        wanted = full_key(key, self.shape)
        piece = self._piece(wanted) if self.order == "F" and wanted[:2] == _PLANE else None
        if piece is not None:
            return piece
        from nibabel.fileslice import fileslice

        found: NDArray[Any] = fileslice(  # type: ignore[no-untyped-call]
            self, wanted, self.shape, self.stored, self.offset, self.order
        )
        return found

    def _piece(self, wanted: Key) -> NDArray[Any] | None:
        """Return ``array[:, :, k or a:b, …]`` if it lies in one piece."""
        trailing = [part for part in wanted[3:] if not isinstance(part, slice)]
        if len(trailing) < len(wanted[3:]):
            return None
        ks = wanted[2] if len(wanted) > 2 else 0
        count: tuple[int, ...] = ()
        if isinstance(ks, slice):
            start, stop, step = ks.indices(self.shape[2])
            if step != 1 or stop <= start:
                return None
            ks, count = start, (stop - start,)
        where = (ks, *trailing)[: len(wanted) - 2]
        number = int(np.ravel_multi_index(where, self.shape[2:], order="F")) if where else 0
        plane = math.prod(self.shape[:2]) * self.stored.itemsize
        size = plane * math.prod(count)
        data = self.reader.read_at(self.offset + number * plane, size)
        if number * plane + size == math.prod(self.shape) * self.stored.itemsize:
            self.reader.finish()  # damage behind the last slice is found, too
        return np.frombuffer(data, self.stored).reshape((*self.shape[:2], *count), order="F")

    def __getitem__(self, key: Any) -> NDArray[Any]:
        part = np.asarray(self.raw(key))
        if self.scaling == (1.0, 0.0):
            return part if part.dtype.isnative else part.astype(self.dtype)
        slope, inter = self.scaling
        return part * np.float64(slope) + np.float64(inter)

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``; damage behind the last slice is found too."""
        yield from super().slices()
        if len(self.shape) == 3:
            self.reader.finish()
        self.reader.close()

    def blocks(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.blocks``."""
        yield from super().blocks()
        if len(self.shape) == 3:
            self.reader.finish()
        self.reader.close()

    def raw_planes(self) -> Iterator[NDArray[Any]]:
        """Yield what ``planes`` does, but as it is stored."""
        trailing = self.shape[2:]
        for where in np.ndindex(trailing[::-1]):
            yield self.raw((slice(None), slice(None), *where[::-1]))
        self.reader.finish()
        self.reader.close()

    def planes(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.planes``."""
        yield from super().planes()
        self.reader.finish()
        self.reader.close()


class ArrayView(LazyVolume):
    """Anything with ``shape``, ``dtype`` and ``__getitem__`` (numpy, HDF5, nibabel) as it is.

    Args:
        array: The array.
        shape: Its shape without axes of length 1 behind the third; None: as it is.
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = tuple(int(n) for n in array.shape)
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return np.asarray(self.array[key])


class TransposedVolume(LazyVolume):
    """Another array with its axes in reversed order, without those of length 1 at its front.

    Args:
        base: The array.
        skip: How many axes of length 1 at its front are left out.
    """

    def __init__(self, base: LazyVolume, skip: int = 0) -> None:
        self.base = base
        self.skip = skip
        self.shape = base.shape[skip:][::-1]
        self.dtype = base.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        inner = full_key(key, self.shape)[::-1]
        return self.base[(0,) * self.skip + inner].T


class ChannelView(LazyVolume):
    """One channel of a volume.

    Args:
        base: The volume, (i, j, k, c).
        channel: Its number.
    """

    def __init__(self, base: LazyVolume, channel: int) -> None:
        self.base = base
        self.channel = channel
        self.shape = base.shape[:3]
        self.dtype = base.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        inner = key if isinstance(key, tuple) else (key,)
        inner = (*inner, *(slice(None),) * (3 - len(inner)))
        return self.base[(*inner, self.channel)]


class ArrangedVolume(LazyVolume):
    """Another array with its axes in another order, and a third one if it lacks that.

    Args:
        base: The array.
        spatial: Its axes i, j and k; without k it is flat.
        other: Its axis of channels, or none.
    """

    def __init__(self, base: LazyVolume, spatial: list[int], other: list[int]) -> None:
        self.base = base
        self.flat = len(spatial) == 2
        self.order = [*spatial, *other]
        sizes = [base.shape[axis] for axis in self.order]
        if self.flat:
            sizes.insert(2, 1)
        self.shape = tuple(sizes)
        self.dtype = base.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        wanted = list(full_key(key, self.shape))
        third = wanted.pop(2) if self.flat else None
        inner: list[Any] = [slice(None)] * len(self.order)
        for axis, part in zip(self.order, wanted, strict=True):
            inner[axis] = part
        block = self.base[tuple(inner)]
        kept = [
            axis for axis, part in zip(self.order, wanted, strict=True) if isinstance(part, slice)
        ]
        block = block.transpose([sorted(kept).index(axis) for axis in kept])
        if isinstance(third, slice):
            block = np.expand_dims(block, sum(isinstance(part, slice) for part in wanted[:2]))
            block = block[(slice(None),) * sum(isinstance(p, slice) for p in wanted[:2]) + (third,)]
        return block

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``; damage behind the last slice is found too."""
        yield from super().slices()
        self._finish()

    def blocks(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.blocks``."""
        yield from super().blocks()
        self._finish()

    def planes(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.planes``."""
        yield from super().planes()
        self._finish()

    def _finish(self) -> None:
        if isinstance(self.base, FileArray):
            self.base.reader.finish()
            self.base.reader.close()


class StackedVolume(LazyVolume):
    """Volumes of one grid as channels of one.

    Args:
        parts: The channels, in order; (i, j, k) each.

    Raises:
        MediaError: They have different shapes.
    """

    def __init__(self, parts: Sequence[LazyVolume]) -> None:
        shapes = {part.shape for part in parts}
        if len(shapes) != 1 or len(parts[0].shape) != 3:
            raise MediaError(
                f"the channels have different shapes: {sorted(map(str, shapes))}",
                hint="they must be on one grid; resample them first",
            )
        self.parts = tuple(parts)
        self.shape = (*parts[0].shape, len(parts))
        self.dtype = np.result_type(*(part.dtype for part in parts))

    def __getitem__(self, key: Any) -> NDArray[Any]:
        *where, channel = full_key(key, self.shape)
        inner = tuple(where)
        if not isinstance(channel, slice):
            return self.parts[channel][inner].astype(self.dtype, copy=False)
        return np.stack([part[inner] for part in self.parts[channel]], axis=-1)

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``; every channel is read once, from front to back."""
        for together in zip(*(part.slices() for part in self.parts), strict=True):
            yield np.stack(together, axis=-1)

    def blocks(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.blocks``."""
        for together in zip(*(part.blocks() for part in self.parts), strict=True):
            yield np.stack(together, axis=-1)

    def planes(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.planes``."""
        for part in self.parts:
            yield from part.planes()


def check_axes(array: LazyVolume, name: str) -> None:
    """Make sure that an array can be a label map.

    Args:
        array: The array.
        name: What messages call it.

    Raises:
        MediaError: It has channels.
    """
    if len(array.shape) != 3:
        raise MediaError(
            f"a label map has three axes, this one {len(array.shape)}: {array.shape}",
            where=name,
            hint="split a mask with channels into one file per class",
        )


def open_volume(media: Media) -> LazyVolume:
    """Return the voxels behind an item's medium, whatever its source is.

    Raises:
        MediaError: There is no content, or no known format.
    """
    source = media.source
    if isinstance(source, LazyVolume):
        return source
    if isinstance(source, str | bytes | ArchiveMember):
        name = media.path or str(source)
        opener = next((OPENERS[e] for e in _endings(name) if e in OPENERS), None)
        if opener is None and isinstance(source, bytes):
            opener = OPENERS[".nii"]
        if opener is None:
            raise MediaError(
                "no reader knows volumes in files of this name",
                where=name,
                hint=f"known are {', '.join(sorted(OPENERS))}",
            )
        opened: LazyVolume = resolve(opener)(media)
        return opened
    if source is None:
        raise MediaError("the volume's content is missing", where=media.path)
    if callable(source) and not hasattr(source, "shape"):
        source = source()
    view: LazyVolume = ArrayView(source)
    stated = media.shape if isinstance(media, Volume) else ()
    if stated and view.shape != tuple(stated):
        raise MediaError(f"the array is {view.shape}, not {tuple(stated)}", where=media.path)
    return view


def _endings(name: str) -> list[str]:
    """Return the endings a name has, the longest first: ".nii.gz" before ".gz"."""
    base = name.rpartition("/")[2].lower()
    parts = base.split(".")[1:]
    return ["." + ".".join(parts[n:]) for n in range(len(parts))]


Slices = Callable[[], Iterator[NDArray[Any]]]
