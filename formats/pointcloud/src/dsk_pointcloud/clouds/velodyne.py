"""Velodyne ``.bin`` files: little-endian float32, four columns (KITTI) or five (nuScenes)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import MediaError
from dsk_pointcloud.clouds.cloud import Cloud, column_named, coordinate_names, width_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLUMNS", "bin_sources", "read_bin", "write_bin"]

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


_INTENSITY = ("intensity", "reflectance", "reflectivity", "i")


def bin_sources(cloud: Cloud, columns: int) -> tuple[str, ...]:
    """Return the column of a cloud that each column of a file holds, or "".

    Raises:
        MediaError: There are no coordinates.
    """
    others = COLUMNS[3:columns]
    wanted = [_INTENSITY if name == "intensity" else (name,) for name in others]
    return (*coordinate_names(cloud), *(column_named(cloud.names, *w) for w in wanted))


def write_bin(cloud: Cloud, columns: int = 4) -> bytes:
    """Encode x, y, z, intensity (and ring); a column that is missing becomes 0.

    Of a column of several elements, the first is written.

    Raises:
        MediaError: There are no coordinates.
    """
    points = cloud.points
    sources = bin_sources(cloud, columns)
    if points.dtype == np.dtype([(name, "<f4") for name in COLUMNS[:columns]]):
        return points.tobytes()
    out: NDArray[np.float32] = np.zeros((len(points), columns), "<f4")
    for number, source in enumerate(sources):
        if source:
            column = points[source].reshape(len(points), width_of(points.dtype[source]))
            out[:, number] = column[:, 0]
    return out.tobytes()
