"""Colours of points, as each kind of file has them.

PCD files pack 8 bits of each into one column ``rgb``; PLY files have the columns red, green, blue
of 8 bits; those of LAS files have 16, and 8 bits are to be multiplied by 256 (LAS 1.4, "Red").
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk_pointcloud.clouds.cloud import cloud_of, column_named, packed_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk_pointcloud.clouds.cloud import Cloud

__all__ = ["coloured_for"]

_RGB = ("red", "green", "blue")
_SPELLINGS = (_RGB, ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b"))
_PACKED = ("rgb", "rgba")


def coloured_for(cloud: Cloud, ext: str) -> Cloud:
    """Return a cloud with its colours as a kind of file, other than the one it is of, has them.

    Colours of 16 bits that do not come from 8 are left as they are: no bit is lost.

    Args:
        cloud: Any cloud.
        ext: One of ``CLOUD_SUFFIXES``.
    """
    las = ext in (".las", ".laz")
    names, colours = _colours(cloud)
    if colours is None or (las and cloud.las is not None):
        return cloud
    if ext == ".pcd":
        shifts = np.array([16, 8, 0], np.uint32)
        packed = (colours[:, :3].astype("<u4") << shifts).sum(axis=1, dtype="<u4")
        columns: dict[str, NDArray[Any]] = {"rgb": packed.view("<f4")}
    elif las:
        columns = dict(zip(_RGB, (colours[:, :3].astype("<u2") << 8).T, strict=True))
    elif ext == ".ply":
        columns = dict(zip(_RGB, colours[:, :3].T, strict=True))
    else:
        return cloud
    if colours.shape[1] > 3:
        columns["alpha"] = colours[:, 3]
    rest = {n: cloud.points[n] for n in cloud.names if n not in names}
    if rest.keys() & columns.keys():
        return cloud
    return replace(cloud, points=cloud_of(**rest, **columns).points)


def _colours(cloud: Cloud) -> tuple[tuple[str, ...], NDArray[np.uint8] | None]:
    """Return the columns of a cloud's colours, and these in 8 bits, (N, 3) or with alpha (N, 4)."""
    for name in _PACKED:
        found = column_named(cloud.names, name)
        if found and cloud.points.dtype[found] in (np.dtype("<f4"), np.dtype("<u4")):
            colours = packed_rgb(cloud.points[found])
            if name == "rgba":
                bits = np.ascontiguousarray(cloud.points[found]).view(np.uint32)
                colours = np.column_stack([colours, (bits >> 24).astype(np.uint8)])
            return (found,), colours
    for spelling in _SPELLINGS:
        names = tuple(column_named(cloud.names, name) for name in spelling)
        if all(names):
            return names, _in_8_bits([cloud.points[name] for name in names])
    return (), None


def _in_8_bits(columns: list[NDArray[Any]]) -> NDArray[np.uint8] | None:
    """Return colours in 8 bits if they come from such: as they are, or times 256 or 257."""
    kinds = {(column.dtype.str, column.ndim) for column in columns}
    if kinds == {("|u1", 1)}:
        return np.stack(columns, axis=1)
    if kinds != {("<u2", 1)}:
        return None
    colours = np.stack(columns, axis=1)
    low, high = colours & 255, colours >> 8
    if not high.any():
        return low.astype(np.uint8)
    if not low.any() or np.array_equal(low, high):
        return high.astype(np.uint8)
    return None
