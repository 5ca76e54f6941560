"""Affines and grids: pure functions on 4×4 matrices from voxel indices to RAS+ millimetres.

The frame is NIfTI's: x to the patient's right, y to the front, z to the head, in millimetres.
DICOM and ITK use LPS: the signs of the first two rows are the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsk_medical.volume.arrays import LazyVolume, full_key

__all__ = [
    "CLOSE_MM",
    "PAGES",
    "PLANES",
    "Orientation",
    "ReorientedVolume",
    "axcodes",
    "corner_distance",
    "flat",
    "matrix",
    "orientation_between",
    "orthonormal",
    "plane_of",
    "reoriented_affine",
    "spacing",
    "to_ras",
    "voxel_volume",
]

CLOSE_MM = 1e-3
"""Grids whose corners are nowhere farther apart (mm) are the same."""

PLANES = {"R": "sag", "L": "sag", "A": "cor", "P": "cor", "S": "axl", "I": "axl"}
"""Supervisely's name of the plane whose slices step along an axis of this code."""

Affine = NDArray[np.float64]
PAGES: Affine = np.array([[0.0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""How rows, columns and pages of TIFF files are taken to lie, if their distances were 1 mm."""

Orientation = tuple[tuple[int, int], ...]
"""For each axis of a target its axis in the source and the sign of its direction there."""


def matrix(affine: Sequence[float] | NDArray[Any] | None) -> Affine | None:
    """Return an affine as (4, 4) float64; None stays None."""
    return None if affine is None else np.asarray(affine, np.float64).reshape(4, 4)


def flat(affine: NDArray[Any] | None) -> tuple[float, ...] | None:
    """Return an affine as 16 numbers row by row, as ``Volume.affine`` holds it."""
    if affine is None:
        return None
    return tuple(float(v) for v in np.asarray(affine, np.float64).ravel())


def spacing(affine: Affine) -> tuple[float, float, float]:
    """Return the distances of voxel centres along i, j, k in mm."""
    x, y, z = np.sqrt((affine[:3, :3] ** 2).sum(axis=0)).tolist()
    return x, y, z


def voxel_volume(affine: Affine) -> float:
    """Return the volume of a voxel in mm³, right for oblique and sheared grids too."""
    return float(abs(np.linalg.det(affine[:3, :3])))


def _nearest_axes(affine: Affine) -> Orientation:
    """Return for each voxel axis the nearest world axis and the sign along it."""
    from nibabel.orientations import io_orientation

    found = io_orientation(affine)  # type: ignore[no-untyped-call]
    return tuple((int(axis), int(sign)) for axis, sign in np.nan_to_num(found, nan=0).tolist())


def axcodes(affine: Affine) -> str:
    """Return where i, j, k grow to, for instance "LPS"; of oblique grids the nearest."""
    return "".join(("LR", "PA", "IS")[axis][sign > 0] for axis, sign in _nearest_axes(affine))


def plane_of(affine: Affine) -> str:
    """Return Supervisely's name ("axl", "cor", "sag") of the slices along the third axis."""
    return PLANES[axcodes(affine)[2]]


def orthonormal(affine: Affine) -> bool:
    """Tell whether the axes are at right angles: qforms and ITK hold no other grids."""
    columns = affine[:3, :3]
    norms = np.sqrt((columns**2).sum(axis=0))
    if not norms.all():
        return False
    unit = columns / norms
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() < 1e-5)


def corner_distance(a: Affine, b: Affine, shape: Sequence[int]) -> float:
    """Return how far the corners of two grids of one shape are apart at most, in mm."""
    corners = np.array(list(product(*((0, n - 1) for n in shape[:3]), (1,))), np.float64)
    return float(np.sqrt(((corners @ (a - b).T)[:, :3] ** 2).sum(axis=1)).max())


def reoriented_affine(affine: Affine, shape: Sequence[int], orientation: Orientation) -> Affine:
    """Return the affine of a grid whose axes are permuted and turned round."""
    back = np.zeros((4, 4))
    back[3, 3] = 1
    for target, (source, sign) in enumerate(orientation):
        back[source, target] = sign
        back[source, 3] = shape[source] - 1 if sign < 0 else 0
    return affine @ back


def orientation_between(affine: Affine, target: Affine) -> Orientation:
    """Return how a grid's axes must be permuted and turned to run nearest along a target's."""
    own = {axis: (n, sign) for n, (axis, sign) in enumerate(_nearest_axes(affine))}
    if len(own) != 3:  # a degenerate affine
        return ((0, 1), (1, 1), (2, 1))
    return tuple((own[axis][0], own[axis][1] * sign) for axis, sign in _nearest_axes(target))


def to_ras(affine: Affine) -> Orientation:
    """Return how a grid's axes must be permuted and turned to run nearest to right, front, head."""
    return orientation_between(affine, np.eye(4))


class ReorientedVolume(LazyVolume):
    """Another volume with its first three axes permuted and turned round; nothing is resampled.

    Args:
        base: The volume.
        orientation: See ``Orientation``.
    """

    def __init__(self, base: LazyVolume, orientation: Orientation) -> None:
        self.base = base
        self.orientation = orientation
        self.shape = (*(base.shape[axis] for axis, _ in orientation), *base.shape[3:])
        self.dtype = base.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        wanted = full_key(key, self.shape)
        inner: list[int | slice] = [slice(None)] * len(self.base.shape)
        inner[3:] = wanted[3:]
        rest: list[int | slice] = []
        kept = []
        for part, (axis, sign) in zip(wanted[:3], self.orientation, strict=True):
            size = self.base.shape[axis]
            if isinstance(part, slice):
                start, stop, step = part.indices(size)
                if step > 0:  # the base reads no more than is wanted
                    ends = (start, stop) if sign > 0 else (size - stop, size - start)
                    inner[axis] = slice(*ends)
                kept.append((axis, slice(None, None, sign)))
                rest.append(slice(None, None, step) if step > 0 else part)
            else:
                inner[axis] = part if sign > 0 else size - 1 - part
        block = self.base[tuple(inner)]
        order = [sorted(axis for axis, _ in kept).index(axis) for axis, _ in kept]
        block = block.transpose(*order, *range(len(kept), block.ndim))
        return block[tuple(flip for _, flip in kept)][tuple(rest)]

    def slices(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.slices``."""
        if self.orientation[2] == (2, 1):  # the slices are the base's own: read them in one pass
            yield from map(self._turned, self.base.slices())
            return
        yield from super().slices()

    def blocks(self) -> Iterator[NDArray[Any]]:
        """See ``LazyVolume.blocks``."""
        own = self.orientation[2] == (2, 1)
        yield from map(self._turned, self.base.blocks()) if own else super().blocks()

    def _turned(self, piece: NDArray[Any]) -> NDArray[Any]:
        """Return slices of the base as slices of this."""
        (first, _), _ = plane = self.orientation[:2]
        turned = piece if first == 0 else piece.swapaxes(0, 1)
        return turned[tuple(slice(None, None, sign) for _, sign in plane)]
