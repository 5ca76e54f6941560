"""Masks whose origin Supervisely's tools rounded to whole millimetres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk_medical.volume.geometry import Affine

__all__ = ["unrounded"]

_CLOSE = 1e-3
_HALF = 0.5 + 1e-6


def unrounded(
    affine: Affine, shape: Sequence[int], target: Affine, like: Sequence[int]
) -> Affine | None:
    """Return where a mask of a whole volume lies if its origin was rounded; else None.

    The tools keep an origin as three whole numbers, so that masks of all volumes whose own origin
    is none lie up to 0.9 mm beside them.

    Args:
        affine: The mask's, voxel indices to RAS+ mm.
        shape: The mask's.
        target: The volume's affine.
        like: The volume's shape.
    """
    origin = affine[:3, 3]
    turn = np.linalg.inv(target[:3, :3]) @ affine[:3, :3]
    exact = np.rint(turn)
    places = np.abs(exact)
    whole = np.array_equal(places @ places.T, np.eye(3)) and np.abs(turn - exact).max() < _CLOSE
    if not whole or np.any(origin != np.rint(origin)):
        return None
    sizes = np.array(like[:3])
    if not np.array_equal(places @ np.array(shape[:3]), sizes):
        return None
    corner = np.where(exact.sum(axis=1) < 0, sizes - 1, 0)
    true = target[:3, :3] @ corner + target[:3, 3]
    away = np.abs(true - origin).max()
    if not _CLOSE < away <= _HALF:
        return None
    found = affine.copy()
    found[:3, 3] = true
    return found
