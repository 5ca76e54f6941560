"""The calibration files of a drive, for cameras that stay as they are over all its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk_pointcloud.calib import parallel_projection, square

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Matrices", "calibration_files", "joined"]

Matrices = dict[str, tuple[tuple[float, ...], tuple[float, ...]] | None]
"""Extrinsics (12) and intrinsics (9) by folder, ``image_00``, …; None if they change."""


def joined(shares: Iterable[Matrices]) -> Matrices:
    """Join what items say of their cameras; one that they disagree about becomes None."""
    found: Matrices = {}
    for share in shares:
        for folder, matrices in share.items():
            if found.setdefault(folder, matrices) != matrices:
                found[folder] = None
    return found


def calibration_files(cameras: Matrices) -> tuple[dict[str, bytes], list[str]]:
    """Return the files and the folders of the cameras that they cannot hold.

    The first camera is the reference, with R_rect_00 the identity; the files hold what looks in
    the same direction, as rectified cameras do.
    """
    rows: dict[str, NDArray[np.float64]] = {}
    lost = []
    first = None
    for folder, matrices in sorted(cameras.items()):
        projection = None
        if matrices is not None:
            if first is None and abs(np.linalg.det(square(matrices[0]))) > 1e-9:
                first = square(matrices[0])
                rows["R_rect_00"] = np.eye(3)
            if first is not None:
                projection = parallel_projection(matrices, first)
        if projection is None:
            lost.append(folder)
        else:
            rows[f"R_rect_{folder[-2:]}"] = np.eye(3)
            rows[f"P_rect_{folder[-2:]}"] = projection
    if first is None:
        return {}, lost
    velo = {"R": first[:3, :3], "T": first[:3, 3]}
    files = {"calib_velo_to_cam.txt": _text(velo), "calib_cam_to_cam.txt": _text(rows)}
    return files, lost


def _text(rows: dict[str, NDArray[np.float64]]) -> bytes:
    lines = [f"{key}: {' '.join(repr(float(v)) for v in m.ravel())}\n" for key, m in rows.items()]
    return "".join(lines).encode()
