"""A decoded point cloud: named columns, organization, viewpoint."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import MediaError
from dsk_pointcloud.axes import COS_SIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "NO_VIEWPOINT",
    "Cloud",
    "Viewpoint",
    "check_organized",
    "cloud_of",
    "column_named",
    "coordinate_names",
    "is_viewpoint",
    "packed_rgb",
    "quarter_turned",
    "spelled",
    "width_of",
    "xyz_of",
]

Viewpoint = tuple[float, float, float, float, float, float, float]
"""tx, ty, tz, qw, qx, qy, qz of the sensor."""

NO_VIEWPOINT: Viewpoint = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Cloud:
    """A point cloud in memory.

    Attributes:
        points: One record per point, named columns; a column of several elements is a sub-array.
            NaN coordinates are legal.
        width: Points per row.
        height: Rows; more than 1 for organized clouds. width × height is the number of points.
        viewpoint: Where the sensor was; kept, never applied.
        surplus: Whether its file has more points than it declares; those are not read.
        las: The header of the LAS file it was read of, its VLRs and EVLRs with it, as laspy has it.
    """

    points: NDArray[Any]
    width: int
    height: int = 1
    viewpoint: Viewpoint = NO_VIEWPOINT
    surplus: bool = False
    las: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self.points.dtype.names or ())


def cloud_of(**columns: NDArray[Any]) -> Cloud:
    """Make a cloud of columns of equal length.

    Raises:
        MediaError: The columns differ in length.
    """
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    counts = {len(column) for column in arrays.values()}
    if len(counts) > 1:
        raise MediaError("columns of a point cloud have equal lengths")
    count = counts.pop() if counts else 0
    dtype = np.dtype([(n, a.dtype.newbyteorder("<"), a.shape[1:]) for n, a in arrays.items()])
    points = np.empty(count, dtype)
    for name, column in arrays.items():
        points[name] = column
    return Cloud(points, count)


_BETWEEN = re.compile(r"(?<=[a-z0-9])_(?=[a-z0-9])")


def spelled(name: str) -> str:
    """Return a column's name as it is compared: ``GpsTime`` and ``gps_time`` are the same."""
    return _BETWEEN.sub("", name.lower())


def column_named(names: Sequence[str], *wanted: str) -> str:
    """Return the column of the first of some names that is there, whatever its case, or ""."""
    for name in wanted:
        if name in names:
            return name
        alike = next((n for n in names if spelled(n) == spelled(name)), "")
        if alike:
            return alike
    return ""


def coordinate_names(cloud: Cloud) -> tuple[str, str, str]:
    """Return the columns of the coordinates.

    Raises:
        MediaError: It has no x, y, z.
    """
    x, y, z = (column_named(cloud.names, name) for name in "xyz")
    if not (x and y and z):
        raise MediaError(f"the point cloud has no x, y, z but {', '.join(cloud.names)}")
    return x, y, z


def xyz_of(cloud: Cloud) -> NDArray[np.float64]:
    """Return the coordinates (N, 3) in metres.

    Raises:
        MediaError: It has no x, y, z.
    """
    names = coordinate_names(cloud)
    if any(cloud.points.dtype[name].shape for name in names):
        raise MediaError("a coordinate of the point cloud has several elements")
    return np.stack([cloud.points[n].astype(np.float64) for n in names], axis=-1)


def quarter_turned(cloud: Cloud, turns: int) -> Cloud:
    """Return a cloud whose points, not its viewpoint, are turned about z.

    Args:
        cloud: Any cloud.
        turns: 0 to 3 quarter turns.

    Raises:
        MediaError: It has no x, y, z.
    """
    x, y, _ = xyz_of(cloud).T
    east, north, _ = coordinate_names(cloud)
    cos, sin = COS_SIN[turns]
    points = cloud.points.copy()
    points[east], points[north] = cos * x - sin * y, sin * x + cos * y
    return replace(cloud, points=points)


def packed_rgb(column: NDArray[Any]) -> NDArray[np.uint8]:
    """Return red, green, blue (N, 3) of a PCD ``rgb`` column.

    PCL packs 0x00RRGGBB into four bytes and calls them a float.
    """
    bits = np.ascontiguousarray(column).view(np.uint32)
    return np.stack([(bits >> s).astype(np.uint8) for s in (16, 8, 0)], axis=-1)


def width_of(dtype: np.dtype[Any]) -> int:
    """Return the number of elements of a column's type."""
    return int(np.prod(dtype.shape, dtype=int))


def check_organized(count: int, width: int, height: int, where: str) -> None:
    """Refuse a width and height that do not make the number of points.

    Raises:
        MediaError: They do not.
    """
    if width * height != count:
        raise MediaError(f"{width} × {height} are not {count} points", where=where)


def is_viewpoint(values: tuple[float, ...]) -> bool:
    """Whether numbers can be a viewpoint."""
    return len(values) == 7 and all(map(math.isfinite, values))
