"""From a medium to points, and from one kind of file to another."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from dsk.errors import MediaError
from dsk.lfs import check_fetched
from dsk_pointcloud.clouds.names import suffix_of
from dsk_pointcloud.clouds.pcd import read_pcd, write_pcd
from dsk_pointcloud.clouds.velodyne import read_bin, write_bin

if TYPE_CHECKING:
    from dsk.media import Media
    from dsk_pointcloud.clouds.cloud import Cloud
    from dsk_pointcloud.clouds.names import Encoding

__all__ = ["decode", "encode", "load"]


def decode(data: bytes | memoryview, name: str) -> Cloud:
    """Decode a file by its ending; without one that is known, by its first bytes.

    Raises:
        MediaError: It is damaged or of no known kind.
        PluginError: It needs an extra that is not installed.
    """
    head, ext = bytes(data[:64]), suffix_of(name)
    check_fetched(head, name, MediaError)
    if head.startswith(b"LASF") or ext in (".las", ".laz"):
        from dsk_pointcloud.clouds.las import read_las

        return read_las(data, name)
    if head.startswith(b"ply") or ext == ".ply":
        from dsk_pointcloud.clouds.ply import read_ply

        return read_ply(data, name)
    if ext == ".bin":
        return read_bin(data, 4, name)
    if ext == ".pcd.bin":
        return read_bin(data, 5, name)
    return read_pcd(data, name)


def load(media: Media) -> Cloud:
    """Decode a medium's file, mapped where that is possible.

    Raises:
        MediaError: It is missing or damaged.
    """
    name = media.path or (media.source if isinstance(media.source, str) else "")
    if isinstance(media.source, str):
        with media.open() as file:
            try:
                return decode(
                    memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), name
                )
            except (ValueError, OSError):  # an empty file cannot be mapped
                return decode(file.read(), name)
    return decode(media.read_bytes(), name)


def encode(cloud: Cloud, ext: str, encoding: Encoding = "binary") -> bytes:
    """Encode a cloud as a file with an ending of ``CLOUD_SUFFIXES``.

    Raises:
        MediaError: The kind of file cannot hold it.
    """
    if ext == ".pcd":
        return write_pcd(cloud, encoding)
    if ext in (".bin", ".pcd.bin"):
        return write_bin(cloud, 4 if ext == ".bin" else 5)
    if ext == ".ply":
        from dsk_pointcloud.clouds.ply import write_ply

        return write_ply(cloud)
    if ext in (".las", ".laz"):
        from dsk_pointcloud.clouds.las import write_las

        return write_las(cloud, packed=ext == ".laz")
    raise MediaError(f"no kind of point cloud file ends with {ext!r}")
