"""Boxes in space: rotations, frames, corners, and the conventions of the formats.

dsk's convention: ``position`` is the centre, ``scale`` the full extents along the box's own axes,
``rotation`` = (rx, ry, rz) in radians with R = Rz(rz)·Ry(ry)·Rx(rx), and ``forward`` names the box
axis that points ahead. Lidar frame: x ahead, y left, z up. Camera frame: x right, y down, z ahead.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from dsk.annotations import Cuboid3d

__all__ = [
    "Vector",
    "angles_of",
    "bottom_of",
    "centre_of",
    "corners",
    "invert",
    "is_finite",
    "is_upright",
    "matrix_of",
    "quaternion_matrix",
    "quaternion_of",
    "rigid",
    "turned",
    "wrap",
]

Vector = tuple[float, float, float]
"""x, y, z."""

HALF_PI = math.pi / 2
_LOCK = 1e-12  # cos(ry) below which rx and rz turn about the same axis


def wrap(angle: float) -> float:
    """Return an angle in radians brought to [-π, π]; one that lies there is not touched."""
    if -math.pi <= angle <= math.pi:
        return angle
    return math.remainder(angle, 2 * math.pi)


def is_finite(*values: float) -> bool:
    """Whether all numbers are finite."""
    return all(map(math.isfinite, values))


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


def is_upright(rotation: Vector) -> bool:
    """Whether a box turns about z only."""
    return rotation[0] == 0 and rotation[1] == 0


def turned(box: Cuboid3d, forward: Literal["+x", "+y"]) -> Cuboid3d:
    """Return the same solid and heading with another box axis ahead.

    From +y to +x the extents along x and y change places and the box axes turn by +90° about z;
    a box that has the wanted axis ahead is returned as it is.
    """
    if box.forward != ("+y" if forward == "+x" else "+x"):
        return box
    turn = HALF_PI if forward == "+x" else -HALF_PI
    rx, ry, rz = box.rotation
    if rx == 0 and ry == 0:
        rotation = (rx, ry, wrap(rz + turn))
    else:
        rotation = angles_of(matrix_of(box.rotation) @ matrix_of((0.0, 0.0, turn)))
    sx, sy, sz = box.scale
    return replace(box, scale=(sy, sx, sz), rotation=rotation, forward=forward)


def centre_of(bottom: Vector, rotation: Vector, height: float) -> Vector:
    """Return a box's centre from the centre of its bottom face, half a height along its z."""
    if is_upright(rotation):
        return bottom[0], bottom[1], bottom[2] + height / 2
    x, y, z = matrix_of(rotation)[:, 2] * (height / 2)
    return bottom[0] + float(x), bottom[1] + float(y), bottom[2] + float(z)


def bottom_of(centre: Vector, rotation: Vector, height: float) -> Vector:
    """Return the centre of a box's bottom face, the inverse of ``centre_of``."""
    return centre_of(centre, rotation, -height)


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
