"""Masks on the grid of their volume: compared, turned round when that is all, named otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsk.errors import MediaError
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import LazyVolume, check_axes, full_key

__all__ = ["POLICIES", "Aligned", "PaddedVolume", "align", "cropped", "place"]

POLICIES = ("error", "warn", "use-volume-affine", "resample-nearest")
"""What to do with a mask that lies elsewhere than its volume."""


class Aligned(NamedTuple):
    """A mask as it shall be used with its volume.

    Attributes:
        array: Its voxels.
        affine: Its own affine when it is kept as different from the volume's, else None.
        warning: What a user should know, or "".
    """

    array: LazyVolume
    affine: geometry.Affine | None
    warning: str


def align(
    mask: LazyVolume,
    affine: geometry.Affine | None,
    target: geometry.Affine | None,
    shape: Sequence[int],
    *,
    policy: str,
    name: str,
) -> Aligned:
    """Fit a mask to its volume's grid.

    Args:
        mask: The mask's voxels, (i, j, k).
        affine: Its affine; None when it states none, then the volume's grid is taken.
        target: The volume's affine; None when it states none.
        shape: The volume's shape, of which the first three axes count.
        policy: One of ``POLICIES``.
        name: What messages call the mask.

    Raises:
        MediaError: It has channels; the shapes differ, or the grids do and the policy is "error".
    """
    check_axes(mask, name)
    wanted = tuple(shape[:3])
    known = affine is not None and target is not None
    if affine is not None and target is not None:
        if mask.shape == wanted:
            apart = geometry.corner_distance(affine, target, wanted)
            if apart <= geometry.CLOSE_MM:
                return Aligned(mask, None, "")
        turned = _turned(mask, affine, target, wanted)
        if turned is not None:
            what = f"{name} is stored {geometry.axcodes(affine)}, its volume "
            return Aligned(turned, None, f"{what}{geometry.axcodes(target)}: it was turned round")
        if policy == "resample-nearest":
            what = f"{name} was resampled to its volume's grid, nearest voxel"
            return Aligned(ResampledVolume(mask, affine, target, wanted), None, what)
    if mask.shape != wanted:
        raise MediaError(
            f"shape_mismatch: the mask is {mask.shape}, its volume {wanted}",
            where=name,
            hint="nothing is cropped or resized; -I spatial_mismatch=resample-nearest resamples",
        )
    if not known or affine is None:
        if target is None:
            return Aligned(mask, None, "")
        return Aligned(mask, None, f"no_affine: {name} states no affine; its volume's is taken")
    return _elsewhere(mask, affine, apart, policy, name)


def _elsewhere(
    mask: LazyVolume, affine: geometry.Affine, apart: float, policy: str, name: str
) -> Aligned:
    """Do what the policy says with a mask that is some mm away from its volume."""
    what = f"spatial_mismatch: {name} is up to {apart:.4g} mm away from its volume's grid"
    if policy == "error":
        raise MediaError(
            what,
            where=name,
            hint="spatial_mismatch=use-volume-affine or resample-nearest says what is right",
        )
    if policy == "use-volume-affine":
        return Aligned(mask, None, f"{what}; the volume's affine is taken")
    return Aligned(mask, affine, f"{what}; its own affine is kept")


def _turned(
    mask: LazyVolume, affine: geometry.Affine, target: geometry.Affine, shape: tuple[int, ...]
) -> LazyVolume | None:
    orientation = geometry.orientation_between(affine, target)
    turned = geometry.ReorientedVolume(mask, orientation)
    if turned.shape != shape:
        return None
    own = geometry.reoriented_affine(affine, mask.shape, orientation)
    close = geometry.corner_distance(own, target, shape) <= geometry.CLOSE_MM
    return turned if close else None


class ResampledVolume(LazyVolume):
    """A label volume on another grid: the nearest voxel of each, 0 outside.

    Args:
        base: The labels; read as a whole when they are asked for.
        affine: Their affine.
        target: The other grid's affine.
        shape: The other grid's shape.
    """

    def __init__(
        self,
        base: LazyVolume,
        affine: geometry.Affine,
        target: geometry.Affine,
        shape: tuple[int, ...],
    ) -> None:
        self.base = base
        self.shape = shape
        self.dtype = base.dtype
        self._map = np.linalg.inv(affine) @ target
        self._whole: NDArray[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_whole": None}

    def _slice(self, k: int) -> NDArray[Any]:
        if self._whole is None:
            self._whole = np.asarray(self.base)
        i, j = np.ogrid[: self.shape[0], : self.shape[1]]
        inside = np.ones(self.shape[:2], np.bool_)
        places = []
        for axis, size in enumerate(self.base.shape):
            row = self._map[axis]
            at = np.rint(row[0] * i + row[1] * j + (row[2] * k + row[3])).astype(np.int64)
            inside &= (at >= 0) & (at < size)
            places.append(np.clip(at, 0, size - 1))
        found: NDArray[Any] = np.where(inside, self._whole[tuple(places)], self.dtype.type(0))
        return found

    def __getitem__(self, key: Any) -> NDArray[Any]:
        wanted = full_key(key, self.shape)
        if not isinstance(wanted[2], slice):
            return self._slice(wanted[2])[wanted[:2]]
        ks = range(self.shape[2])[wanted[2]]
        return np.stack([self._slice(k) for k in ks], axis=-1)[wanted[:2]]

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``."""
        for k in range(self.shape[2]):
            yield self._slice(k)
        self._whole = None

    def blocks(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.blocks``."""
        yield from super().blocks()
        self._whole = None


class PaddedVolume(LazyVolume):
    """A volume somewhere in a larger one, which is 0 elsewhere.

    Args:
        base: The volume, (i, j, k).
        start: Where its first voxel lies.
        shape: Shape of the larger one.
    """

    def __init__(self, base: LazyVolume, start: Sequence[int], shape: tuple[int, ...]) -> None:
        self.base = base
        self.start = tuple(start)
        self.shape = shape
        self.dtype = base.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        places = [
            np.arange(size)[part]
            for part, size in zip(full_key(key, self.shape), self.shape, strict=True)
        ]
        out = np.zeros([len(at) for at in places if at.ndim], self.dtype)
        inner: list[int | slice] = []
        inside, within = [], []
        for place, first, size in zip(places, self.start, self.base.shape, strict=True):
            at = place - first
            there = (at >= 0) & (at < size)
            if not there.any():
                return out
            if not at.ndim:
                inner.append(int(at))
                continue
            low, high = int(at[there].min()), int(at[there].max())
            inner.append(slice(low, high + 1))
            inside.append(there)
            within.append(at[there] - low)
        out[np.ix_(*inside)] = self.base[tuple(inner)][np.ix_(*within)]
        return out

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``; the base is read once, from front to back."""
        pieces = self.base.slices()
        first, depth = self.start[2], self.base.shape[2]
        window = tuple(
            slice(n, n + size) for n, size in zip(self.start[:2], self.base.shape[:2], strict=True)
        )
        for k in range(self.shape[2]):
            out = np.zeros(self.shape[:2], self.dtype)
            if first <= k < first + depth:
                out[window] = next(pieces)
            yield out
        next(pieces, None)  # lets it look behind its last slice


class PackedMask(LazyVolume):
    """A mask of 0 and 1 kept in memory with eight voxels in a byte.

    Args:
        mask: Its voxels, (i, j, k); anything but 0 is in it.
    """

    def __init__(self, mask: NDArray[Any]) -> None:
        self.shape = mask.shape
        self.dtype = np.dtype(np.uint8)
        self._bits = np.packbits(mask != 0, axis=0)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *rest = full_key(key, self.shape)
        bits = self._bits[(slice(None), *rest)]
        return np.unpackbits(bits, axis=0, count=self.shape[0])[first]


def cropped(mask: NDArray[Any]) -> LazyVolume:
    """Return a mask of which only the box of what is in it is kept in memory, as bits.

    Args:
        mask: Its voxels, (i, j, k); anything but 0 is in it.
    """
    box = []
    for axis in range(3):
        there = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        box.append(slice(int(there[0]), int(there[-1]) + 1) if there.size else slice(0, 1))
    kept = PackedMask(mask[tuple(box)])
    return PaddedVolume(kept, [part.start for part in box], mask.shape)


def place(
    mask: LazyVolume,
    affine: geometry.Affine | None,
    target: geometry.Affine | None,
    shape: Sequence[int],
    *,
    policy: str,
    name: str,
) -> Aligned:
    """Fit a mask like ``align``; a part of the volume's grid is put where it belongs.

    For formats that write masks only as large as what is in them.

    Args:
        mask: The mask's voxels, (i, j, k).
        affine: Its affine, or None.
        target: The volume's affine, or None.
        shape: The volume's shape, of which the first three axes count.
        policy: One of ``POLICIES``.
        name: What messages call the mask.

    Raises:
        MediaError: As for ``align``.
    """
    if affine is not None and target is not None and mask.shape != tuple(shape[:3]):
        part = _part(mask, affine, target, shape)
        if part is not None:
            return Aligned(part, None, "")
    return align(mask, affine, target, shape, policy=policy, name=name)


def _part(
    mask: LazyVolume, affine: geometry.Affine, target: geometry.Affine, shape: Sequence[int]
) -> LazyVolume | None:
    """Return a mask on the volume's grid if its voxels are voxels of the volume."""
    steps = np.linalg.inv(target) @ affine
    exact = np.rint(steps)
    last = np.array(mask.shape) - 1
    close = np.abs((steps - exact) @ [*last, 1]).max() < _PART_OF_VOXEL
    turn = exact[:3, :3].astype(np.int64)
    axes = np.abs(turn)
    if not close or not (axes.sum(axis=0) == 1).all() or not (axes.sum(axis=1) == 1).all():
        return None
    corners = turn @ np.array([[0, 0, 0], last]).T + exact[:3, 3:].astype(np.int64)
    if corners.min() < 0 or (corners.max(axis=1) >= shape[:3]).any():
        return None
    orientation = tuple(
        (int(row.argmax()), int(signs.sum())) for row, signs in zip(axes, turn, strict=True)
    )
    turned = geometry.ReorientedVolume(mask, orientation)
    return PaddedVolume(turned, corners.min(axis=1).tolist(), tuple(shape[:3]))


_PART_OF_VOXEL = 0.01
