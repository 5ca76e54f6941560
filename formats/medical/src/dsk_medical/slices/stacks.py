"""Images and masks of slices as volumes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsk.annotations import Mask
from dsk.errors import InputError, MediaError
from dsk.media import Image
from dsk.rle import dense
from dsk_medical.volume.arrays import LazyVolume, full_key

__all__ = ["ImageStack", "MaskStack", "ObjectView"]


class _Stack(LazyVolume):
    """Slices along the third axis that are made one by one."""

    @abstractmethod
    def _slice(self, k: int) -> NDArray[Any]: ...

    def __getitem__(self, key: Any) -> NDArray[Any]:
        wanted = full_key(key, self.shape)
        rest = (*wanted[:2], *wanted[3:])
        if not isinstance(wanted[2], slice):
            return self._slice(wanted[2])[rest]
        ks = range(self.shape[2])[wanted[2]]
        whole = np.empty((*self.shape[:2], len(ks), *self.shape[3:]), self.dtype)
        for n, k in enumerate(ks):
            whole[:, :, n] = self._slice(k)
        return whole[(*wanted[:2], slice(None), *wanted[3:])]


class MaskStack(_Stack):
    """One object from the masks of its slices.

    Args:
        masks: Its masks by slice, (i, j) each; slices without one are empty.
        shape: (i, j, k).
        value: What its voxels are.
    """

    def __init__(
        self, masks: Mapping[int, list[Mask]], shape: tuple[int, ...], value: int = 1
    ) -> None:
        self.masks = masks
        self.shape = shape
        self.value = value
        self.dtype = np.dtype(np.uint8 if value < 256 else np.int32)

    def _slice(self, k: int) -> NDArray[Any]:
        out = np.zeros(self.shape[:2], self.dtype)
        for mask in self.masks.get(k, ()):
            try:
                pixels = dense(mask.rle)
            except (ValueError, InputError) as error:
                raise MediaError(f"a mask of slice {k} cannot be read: {error}") from error
            if pixels.shape != self.shape[:2]:
                raise MediaError(f"a mask of slice {k} is {pixels.shape}, not {self.shape[:2]}")
            out[pixels] = self.value
        return out


class ObjectView(LazyVolume):
    """All voxels of a volume that are not 0, as 1.

    Args:
        base: The volume.
    """

    def __init__(self, base: LazyVolume) -> None:
        self.base = base
        self.shape = base.shape
        self.dtype = np.dtype(np.uint8)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        there: NDArray[Any] = (self.base[key] != 0).astype(np.uint8)
        return there


class ImageStack(_Stack):
    """Images as the slices of a volume; slices without one are 0.

    Args:
        images: Images by slice, all of one size.
        shape: (i, j, k) or (i, j, k, 3).
        dtype: Type of the pixels.
    """

    def __init__(
        self, images: Mapping[int, Image], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.images = images
        self.shape = shape
        self.dtype = dtype

    def _slice(self, k: int) -> NDArray[Any]:
        size = (*self.shape[:2], *self.shape[3:])
        image = self.images.get(k)
        if image is None:
            return np.zeros(size, self.dtype)
        pixels = image.data
        if pixels.shape != size:
            raise MediaError(f"slice {k} is {pixels.shape}, others {size}", where=image.path)
        return pixels.astype(self.dtype, copy=False)
