"""Rotations and rigid transforms as matrices, and the corners of boxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.annotations import Cuboid3d

__all__ = [
    "angles_of",
    "corners",
    "invert",
    "matrix_of",
    "quaternion_matrix",
    "quaternion_of",
    "rigid",
]

Vector = tuple[float, float, float]

_LOCK = 1e-12  # cos(ry) below which rx and rz turn about the same axis


def matrix_of(rotation: Vector) -> NDArray[np.float64]:
    """Return the 3×3 matrix Rz·Ry·Rx of three angles in radians."""
    rx, ry, rz = rotation
    cx, sx, cy, sy = math.cos(rx), math.sin(rx), math.cos(ry), math.sin(ry)
    cz, sz = math.cos(rz), math.sin(rz)
    return np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )


def angles_of(matrix: NDArray[np.float64]) -> Vector:
    """Return (rx, ry, rz) of a rotation matrix, the inverse of ``matrix_of``.

    Where ry is ±π/2 only rx ± rz is determined; rx is 0 then.
    """
    m = matrix
    flat = math.hypot(m[0, 0], m[1, 0])
    ry = math.atan2(-m[2, 0], flat)
    if flat < _LOCK:
        return 0.0, ry, math.atan2(-m[0, 1], m[1, 1])
    return math.atan2(m[2, 1], m[2, 2]), ry, math.atan2(m[1, 0], m[0, 0])


def corners(box: Cuboid3d) -> NDArray[np.float64]:
    """Return the eight corners (8, 3) in the box's frame, in metres."""
    signs = np.array([[x, y, z] for x in (1, -1) for y in (1, -1) for z in (1, -1)], dtype=float)
    half = signs * (np.array(box.scale) / 2)
    moved: NDArray[np.float64] = half @ matrix_of(box.rotation).T + np.array(box.position)
    return moved


def quaternion_matrix(q: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Return the rotation matrix of a quaternion (w, x, y, z) of any length but 0.

    Raises:
        ValueError: Its length is 0 or not finite.
    """
    norm = math.sqrt(sum(v * v for v in q))
    if not norm or not math.isfinite(norm):
        raise ValueError("a quaternion has a length")
    w, x, y, z = (v / norm for v in q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_of(matrix: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return the quaternion (w, x, y, z), w ≥ 0, of a rotation matrix."""
    m = matrix
    parts = np.array(
        [
            1 + m[0, 0] + m[1, 1] + m[2, 2],
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    best = int(parts.argmax())  # the largest is the one that loses nothing in the division
    products = {
        0: (parts[0], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]),
        1: (m[2, 1] - m[1, 2], parts[1], m[1, 0] + m[0, 1], m[0, 2] + m[2, 0]),
        2: (m[0, 2] - m[2, 0], m[1, 0] + m[0, 1], parts[2], m[2, 1] + m[1, 2]),
        3: (m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[2, 1] + m[1, 2], parts[3]),
    }[best]
    scale = (-0.5 if products[0] < 0 else 0.5) / math.sqrt(float(parts[best]))
    w, x, y, z = (float(v) * scale for v in products)
    return w, x, y, z


def rigid(
    rotation: NDArray[np.float64], translation: tuple[float, ...] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the 4×4 matrix that turns and then moves."""
    out = np.eye(4)
    out[:3, :3] = rotation
    out[:3, 3] = translation
    return out


def invert(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of a 4×4 rigid transform."""
    turn = transform[:3, :3].T
    return rigid(turn, -turn @ transform[:3, 3])
