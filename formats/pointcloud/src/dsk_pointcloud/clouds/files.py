"""From a medium to points, and from one kind of file to another."""

from __future__ import annotations

import mmap
import posixpath
from typing import TYPE_CHECKING

from dsk.errors import InputError, MediaError, OptionError
from dsk_pointcloud.clouds.pcd import ENCODINGS, Encoding, read_header, read_pcd, write_pcd
from dsk_pointcloud.clouds.velodyne import lost_columns, read_bin, write_bin

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.media import Media
    from dsk.output import WriteContext
    from dsk_pointcloud.clouds.cloud import Cloud

__all__ = ["CLOUD_SUFFIXES", "CloudSaver", "decode", "encode", "is_cloud_name", "load", "suffix_of"]

CLOUD_SUFFIXES = (".pcd", ".bin", ".pcd.bin", ".ply", ".las", ".laz")
"""Endings, lower case, of files that are read as point clouds."""


def suffix_of(name: str) -> str:
    """Return the ending of a cloud's name, lower case, ``.pcd.bin`` as one, or ""."""
    lower = name.lower()
    if lower.endswith(".pcd.bin"):
        return ".pcd.bin"
    ext = posixpath.splitext(lower)[1]
    return ext if ext in CLOUD_SUFFIXES else ""


def is_cloud_name(name: str) -> bool:
    """Tell by its name whether a file is a point cloud."""
    base = name.rpartition("/")[2]
    return bool(suffix_of(base)) and not base.startswith("._")


def decode(data: bytes | memoryview, name: str) -> Cloud:
    """Decode a file by its ending; without one that is known, by its first bytes.

    Raises:
        MediaError: It is damaged or of no known kind.
        PluginError: It needs an extra that is not installed.
    """
    head, ext = bytes(data[:64]), suffix_of(name)
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


class CloudSaver:
    """Writes items' clouds: copied byte for byte unless another kind of file is asked for.

    Args:
        ext: Ending that the files shall have, or "" to keep theirs.
        encoding: How PCD files shall store their points, or "keep".

    Raises:
        OptionError: There is no such encoding.
    """

    def __init__(self, ext: str = "", encoding: str = "keep") -> None:
        if encoding not in ("keep", *ENCODINGS):
            raise OptionError(f"pcd_encoding is keep, {', '.join(ENCODINGS)}, not {encoding!r}")
        self.ext = ext
        self._encoding = encoding

    def suffix(self, media: Media | None) -> str:
        """Return the ending of the file that ``save`` writes for a medium."""
        if media is None:
            return self.ext or ".pcd"
        path = media.path
        own = path[len(path) - len(suffix_of(path)) :] if suffix_of(path) else ""
        if self.ext and own.lower() != self.ext:
            return self.ext
        return own or self.ext or ".pcd"

    def save(self, item: DatasetItem, media: Media, name: str, ctx: WriteContext) -> bool:
        """Write a cloud, if media are saved at all; a missing one is reported.

        Returns:
            Whether the file was written.
        """
        if not ctx.save_media:
            return False
        ext = suffix_of(name)
        if media.source is None or not self._changes(media, ext):
            return ctx.save_file(item, media, name)
        if not media.exists:
            return ctx.save_file(item, media, name)  # says that it is missing
        try:
            cloud = load(media)
            encoding: Encoding = "binary" if self._encoding == "keep" else self._encoding  # type: ignore[assignment]
            data = encode(cloud, ext, encoding)
        except InputError as error:
            what = f"point cloud not saved: {error.message}"
            ctx.ledger.add("DSK-L016", what, item=item.id, subset=item.subset)
            return False
        what = f"point cloud re-encoded {suffix_of(media.path)}→{ext}"
        ctx.ledger.add("DSK-L016", what, item=item.id, subset=item.subset)
        if ext in (".bin", ".pcd.bin"):
            for lost in lost_columns(cloud, 4 if ext == ".bin" else 5):
                what = f"{ext} holds no {lost}"
                ctx.ledger.add("DSK-L016", what, item=item.id, subset=item.subset)
        ctx.write(name, data)
        ctx.ledger.media_saved += 1
        return True

    def _changes(self, media: Media, ext: str) -> bool:
        own = suffix_of(media.path)
        if own and ext and own != ext:
            return True
        if self._encoding == "keep" or ext != ".pcd":
            return False
        try:
            with media.open() as file:
                return read_header(file.read(1 << 16), media.path).encoding != self._encoding
        except MediaError:
            return True  # ``save`` says what is wrong with it
