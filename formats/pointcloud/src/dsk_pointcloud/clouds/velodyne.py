"""Velodyne ``.bin`` files: little-endian float32, four columns (KITTI) or five (nuScenes)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import MediaError
from dsk_pointcloud.clouds.cloud import Cloud, width_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLUMNS", "INTENSITY", "read_bin", "write_bin"]

COLUMNS = ("x", "y", "z", "intensity", "ring")


def read_bin(data: bytes | memoryview, columns: int = 4, where: str = "") -> Cloud:
    """Decode; the points are a view of the bytes.

    Args:
        data: The whole file.
        columns: 4, or 5 for nuScenes' ``.pcd.bin``.
        where: Its name, for errors.

    Raises:
        MediaError: The size is no multiple of a point's.
    """
    dtype = np.dtype([(name, "<f4") for name in COLUMNS[:columns]])
    if len(data) % dtype.itemsize:
        raise MediaError(
            f"{len(data)} bytes are no whole number of points of {dtype.itemsize}", where=where
        )
    points = np.frombuffer(data, dtype)
    return Cloud(points, len(points))


INTENSITY = ("intensity", "reflectance", "reflectivity", "i")


def write_bin(cloud: Cloud, columns: int = 4) -> bytes:
    """Encode x, y, z, intensity (and ring); a column that is missing becomes 0.

    Raises:
        MediaError: There are no coordinates.
    """
    names, points = cloud.names, cloud.points
    if not {"x", "y", "z"} <= set(names):
        raise MediaError(f"the point cloud has no x, y, z but {', '.join(names)}")
    wanted = COLUMNS[:columns]
    dtype = np.dtype([(name, "<f4") for name in wanted])
    if points.dtype == dtype:
        return points.tobytes()
    out: NDArray[np.float32] = np.zeros((len(points), columns), "<f4")
    for number, name in enumerate(wanted):
        options = INTENSITY if name == "intensity" else (name,)
        source = next((n for n in options if n in names), None)
        if source is not None:
            out[:, number] = points[source].reshape(len(points), width_of(points.dtype[source]))[
                :, 0
            ]
    return out.tobytes()
