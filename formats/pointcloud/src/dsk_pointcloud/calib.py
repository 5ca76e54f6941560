"""KITTI's calibration files and what cameras know: ``key: numbers`` lines, matrices row by row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import RecordError
from dsk_pointcloud.cameras import numbers_by_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "IDENTITY_TEXT",
    "Calibration",
    "calibration_text",
    "identity_calibration",
    "parallel_projection",
    "raw_camera",
    "read_calibration",
    "square",
]

_PARALLEL = 1e-6  # more is another direction, not the rounding of a calibration
_AXES = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0]])


@dataclass(frozen=True)
class Calibration:
    """What a file of KITTI's object benchmark says; frames of one drive share it.

    Attributes:
        projections: P0 to P3, 3×4 each: rectified camera 0 to pixels.
        rectification: R0_rect, 3×3.
        velo_to_cam: Tr_velo_to_cam, 3×4: lidar to camera 0 before rectification.
    """

    projections: Mapping[int, NDArray[np.float64]]
    rectification: NDArray[np.float64]
    velo_to_cam: NDArray[np.float64]

    @cached_property
    def to_camera(self) -> NDArray[np.float64]:
        """The 4×4 matrix from the lidar frame to the rectified camera's: R0_rect · Tr."""
        rect, velo = np.eye(4), np.eye(4)
        rect[:3, :3] = self.rectification
        velo[:3] = self.velo_to_cam
        product: NDArray[np.float64] = rect @ velo
        return product

    @cached_property
    def from_camera(self) -> NDArray[np.float64]:
        """The 4×4 matrix from the rectified camera's frame to the lidar's."""
        return np.asarray(np.linalg.inv(self.to_camera), np.float64)

    @cached_property
    def cameras(self) -> dict[int, tuple[list[float], list[float]] | None]:
        """What ``camera_matrices`` makes of each projection."""
        return {n: camera_matrices(p, self.to_camera) for n, p in self.projections.items()}


def read_calibration(text: str, where: str) -> Calibration:
    """Parse ``calib/<item>.txt``.

    Raises:
        RecordError: A matrix that is needed is missing or cannot be inverted.
    """
    try:
        return _calibration(text)
    except ValueError as error:
        raise RecordError(str(error), where=where) from error


@lru_cache(maxsize=100)
def _calibration(text: str) -> Calibration:
    """Return what a text says; the files of a drive's frames all have the same one."""
    numbers = numbers_by_key(text)

    def matrix(names: tuple[str, ...], rows: int, columns: int) -> NDArray[np.float64] | None:
        for name in names:
            values = numbers.get(name)
            if values is not None and len(values) == rows * columns:
                return np.array(values).reshape(rows, columns)
        return None

    velo = matrix(("Tr_velo_to_cam", "Tr_velo_cam"), 3, 4)
    rect = matrix(("R0_rect", "R_rect"), 3, 3)
    if velo is None:
        raise ValueError("it has no Tr_velo_to_cam of 12 numbers")
    calibration = Calibration(
        {n: p for n in range(4) if (p := matrix((f"P{n}",), 3, 4)) is not None},
        np.eye(3) if rect is None else rect,
        velo,
    )
    if abs(np.linalg.det(calibration.to_camera[:3, :3])) < 1e-9:
        raise ValueError("Tr_velo_to_cam or R0_rect cannot be inverted")
    return calibration


@cache
def identity_calibration() -> Calibration:
    """Return ideal axes: the camera sits in the lidar and looks ahead."""
    focal = np.array([[721.5377, 0, 609.5593, 0], [0, 721.5377, 172.854, 0], [0, 0, 1, 0]])
    return Calibration(dict.fromkeys(range(4), focal), np.eye(3), _AXES)


def calibration_text(calibration: Calibration) -> bytes:
    """Return the content of a file, its lines in the order that readers count on."""
    blank = np.zeros((3, 4))
    rows = [(f"P{n}", calibration.projections.get(n, blank)) for n in range(4)]
    rows += [
        ("R0_rect", calibration.rectification),
        ("Tr_velo_to_cam", calibration.velo_to_cam),
        ("Tr_imu_to_velo", np.eye(3, 4)),
    ]
    lines = [f"{key}: {' '.join(repr(float(v)) for v in m.ravel())}\n" for key, m in rows]
    return ("".join(lines) + "\n").encode()


IDENTITY_TEXT = calibration_text(identity_calibration())


def camera_matrices(
    projection: NDArray[np.float64], to_camera: NDArray[np.float64]
) -> tuple[list[float], list[float]] | None:
    """Split a projection of the rectified camera 0 into a camera's own matrices.

    Args:
        projection: P, 3×4: K·[I | t].
        to_camera: 4×4, lidar to rectified camera 0.

    Returns:
        Extrinsics (12 numbers, lidar to this camera) and intrinsics (9), or None without a lens.
    """
    lens = projection[:, :3]
    if abs(np.linalg.det(lens)) < 1e-9:
        return None
    shift = np.eye(4)
    shift[:3, 3] = np.linalg.solve(lens, projection[:, 3])
    outer = (shift @ to_camera)[:3]
    return [float(v) for v in outer.ravel()], [float(v) for v in lens.ravel()]


def square(extrinsics: Sequence[float]) -> NDArray[np.float64]:
    """Return extrinsics of 12 numbers as a 4×4 matrix."""
    out = np.eye(4)
    out[:3] = np.array(extrinsics, dtype=float).reshape(3, 4)
    return out


def parallel_projection(
    matrices: tuple[Sequence[float], Sequence[float]], reference: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return P of a camera for points of a reference camera, the inverse of ``camera_matrices``.

    Args:
        matrices: Extrinsics (12) and intrinsics (9) of the camera.
        reference: 4×4, lidar to the reference camera.

    Returns:
        P, 3×4, or None if the camera looks in another direction: K·[I | t] cannot say so.
    """
    between = square(matrices[0]) @ np.linalg.inv(reference)
    if not np.abs(between[:3, :3] - np.eye(3)).max() <= _PARALLEL:
        return None
    lens = np.array(matrices[1], dtype=float).reshape(3, 3)
    projection: NDArray[np.float64] = lens @ between[:3]
    return projection


def raw_camera(
    velo: dict[str, list[float]], cams: dict[str, list[float]], number: str
) -> tuple[list[float], list[float]] | None:
    """Return extrinsics and intrinsics of a camera of a raw recording, or None if not known.

    Args:
        velo: Numbers of ``calib_velo_to_cam.txt``.
        cams: Numbers of ``calib_cam_to_cam.txt``.
        number: The camera's two digits.
    """
    turn, move = velo.get("R", []), velo.get("T", [])
    rect, projection = cams.get("R_rect_00", []), cams.get(f"P_rect_{number}", [])
    if (len(turn), len(move), len(rect), len(projection)) != (9, 3, 9, 12):
        return None
    velo_to_cam = np.column_stack([np.array(turn).reshape(3, 3), move])
    calibration = Calibration({}, np.array(rect).reshape(3, 3), velo_to_cam)
    return camera_matrices(np.array(projection).reshape(3, 4), calibration.to_camera)
