"""Slices in files of their own as lazy volumes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsk.errors import MediaError
from dsk.media import Media
from dsk_medical.brats_hdf5.files import CHANNELS, VALUES, read_image, read_mask
from dsk_medical.volume.arrays import LazyVolume, full_key

__all__ = ["ChannelMask", "SliceImages", "SliceLabels", "Slices"]


class Slices:
    """The files of a volume by the number of their slice; shared by its image and its masks.

    Args:
        files: The files, by slice number.
        shape: (rows, columns) of each.
        depth: How many slices the volume has, missing ones among them.
    """

    def __init__(self, files: dict[int, Media], shape: tuple[int, int], depth: int) -> None:
        self.files = files
        self.shape = shape
        self.depth = depth


class _SliceVolume(LazyVolume):
    def __init__(self, slices: Slices, dtype: np.dtype[Any], channels: int = 0) -> None:
        self.base = slices
        self.dtype = dtype
        self.shape = (*slices.shape, slices.depth, *((channels,) if channels else ()))

    def _slice(self, k: int) -> NDArray[Any]:
        file = self.base.files.get(k)
        plane = (*self.shape[:2], *self.shape[3:])
        if file is None:
            return np.zeros(plane, self.dtype)
        piece = self._read(file, k)
        if piece.shape != plane:
            raise MediaError(
                f"unexpected_shape: the slice is {piece.shape}, its volume's first {plane}",
                where=file.path,
            )
        return piece.astype(self.dtype, copy=False)

    @abstractmethod
    def _read(self, file: Media, k: int) -> NDArray[Any]: ...

    def __getitem__(self, key: Any) -> NDArray[Any]:
        wanted = full_key(key, self.shape)
        rest = (*wanted[:2], *wanted[3:])
        if not isinstance(wanted[2], slice):
            return self._slice(wanted[2])[rest]
        ks = range(self.shape[2])[wanted[2]]
        if not ks:
            return np.zeros(self.shape, self.dtype)[wanted]
        whole = np.stack([self._slice(k) for k in ks], axis=2)
        found: NDArray[Any] = whole[(*wanted[:2], slice(None), *wanted[3:])]
        return found

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``."""
        for k in range(self.shape[2]):
            yield self._slice(k)


class SliceImages(_SliceVolume):
    """The images of a volume's slices, (i, j, k, channels); missing slices are 0.

    Args:
        slices: The slices.
        dtype: Type of their numbers.
        channels: How many of the four are used; 0: one, without an axis of its own.
    """

    def __init__(self, slices: Slices, dtype: str, channels: int = CHANNELS) -> None:
        super().__init__(slices, np.dtype(dtype), channels)

    def _read(self, file: Media, k: int) -> NDArray[Any]:  # noqa: ARG002 - by file alone
        image = read_image(file)
        if len(self.shape) == 3:
            return image[..., 0]
        return image[..., : self.shape[3]]


class SliceLabels(_SliceVolume):
    """The masks of a volume's slices as BraTS values; of several classes the last one counts.

    Attributes:
        counts: Pixels of each channel by slice, as far as slices were read.
        overlap: Pixels of several classes, by slice.
        converted: A file whose mask was stored otherwise than in three channels of 0 and 1, or "".
    """

    def __init__(self, slices: Slices) -> None:
        super().__init__(slices, np.dtype(np.uint8))
        self.counts: dict[int, tuple[int, ...]] = {}
        self.overlap: dict[int, int] = {}
        self.converted = ""

    def _read(self, file: Media, k: int) -> NDArray[Any]:
        mask, strange = read_mask(file)
        if strange and not self.converted:
            self.converted = file.path
        labels = np.zeros(mask.shape[:2], np.uint8)
        counts = []
        for channel, value in enumerate(VALUES):
            there = mask[..., channel]
            counts.append(int(np.count_nonzero(there)))
            if counts[-1]:
                labels[there] = value
        self.counts[k] = tuple(counts)
        hidden = sum(counts) - int(np.count_nonzero(labels)) if any(counts) else 0
        if hidden:
            self.overlap[k] = hidden
        return labels


class ChannelMask(_SliceVolume):
    """One channel of the masks of a volume's slices, for masks that overlap."""

    def __init__(self, slices: Slices, channel: int) -> None:
        super().__init__(slices, np.dtype(np.uint8))
        self.channel = channel

    def _read(self, file: Media, k: int) -> NDArray[Any]:  # noqa: ARG002 - by file alone
        return read_mask(file)[0][..., self.channel]
