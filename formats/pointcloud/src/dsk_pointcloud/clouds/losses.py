"""What a kind of file lacks that a cloud has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk_pointcloud.clouds.cloud import NO_VIEWPOINT, width_of, xyz_of
from dsk_pointcloud.clouds.dimensions import WITH_WAVEFORMS, moved
from dsk_pointcloud.clouds.velodyne import bin_sources

if TYPE_CHECKING:
    from dsk_pointcloud.clouds.cloud import Cloud

__all__ = ["lost_in"]

_CLOSE = 1e-6
"""Metres; float32 coordinates of a scan are off by less."""


def lost_in(cloud: Cloud, ext: str) -> list[str]:
    """Return what a file with an ending of ``CLOUD_SUFFIXES`` cannot hold of a cloud.

    Columns, their precision, organization and viewpoint, which PCD holds; what only LAS files have.
    """
    lost = _lost_of_las(cloud, ext)
    if ext == ".pcd":
        return lost
    if ext in (".bin", ".pcd.bin"):
        lost += _lost_columns(cloud, 4 if ext == ".bin" else 5)
    elif ext == ".ply":
        dtype = cloud.points.dtype
        lost += [f"{name} as one column" for name in cloud.names if width_of(dtype[name]) > 1]
    else:
        lost += [] if _is_stepped(cloud) else ["precision of x, y, z"]
        lost += moved(cloud)
    if cloud.height != 1:
        lost.append("organization")
    if cloud.viewpoint != NO_VIEWPOINT:
        lost.append("viewpoint")
    return lost


def _lost_of_las(cloud: Cloud, ext: str) -> list[str]:
    from dsk_pointcloud.clouds.las import records_of

    if cloud.las is None:
        return []
    lost = [] if cloud.las.point_format.id not in WITH_WAVEFORMS else ["waveforms"]
    if ext not in (".las", ".laz") and records_of(cloud.las):
        lost.append(records_of(cloud.las))
    return lost


def _lost_columns(cloud: Cloud, columns: int) -> list[str]:
    held = bin_sources(cloud, columns)
    dtype = cloud.points.dtype
    lost = [name for name in cloud.names if name not in held]
    lost += [f"{name} but its first element" for name in held if name and width_of(dtype[name]) > 1]
    return lost + [
        f"precision of {name}"
        for name in cloud.names
        if name in held and dtype[name].base.itemsize > 4
    ]


def _is_stepped(cloud: Cloud) -> bool:
    """Whether coordinates are multiples of what a LAS file's are."""
    from dsk_pointcloud.clouds.las import grid_of

    xyz = xyz_of(cloud)
    scales, offsets = grid_of(cloud)
    if cloud.las is None:
        offsets = np.zeros(3)
    off = np.abs(np.rint((xyz - offsets) / scales) * scales + offsets - xyz)
    return bool((off <= _CLOSE).all())
