"""Writing point clouds and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import OptionError
from dsk.flow import Exporter
from dsk.media import PointCloud
from dsk_pointcloud.clouds.names import CLOUD_SUFFIXES
from dsk_pointcloud.clouds.saver import CloudSaver, has_cloud

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["CloudDirExporter"]


class CloudDirExporter(Exporter):
    """Writes ``<item>.<ext>``.

    Args:
        cloud_ext: Ending that clouds shall have, without its dot, or "" to keep theirs.
        pcd_encoding: How PCD files shall store points: keep, ascii, binary, binary_compressed.
    """

    def __init__(self, *, cloud_ext: str = "", pcd_encoding: str = "keep") -> None:
        ext = f".{cloud_ext.removeprefix('.').lower()}" if cloud_ext else ""
        if ext and ext not in CLOUD_SUFFIXES:
            raise OptionError(f"no kind of point cloud file ends with {cloud_ext!r}")
        self._clouds = CloudSaver(ext, pcd_encoding)

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``; core reports lost annotations, lost labels are reported here."""
        if header.categories.labels:
            ctx.ledger.add("DSK-L010", "labels", count=len(header.categories.labels))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> None:
        """See ``Exporter.write``."""
        for item in items:
            media = item.media
            if not isinstance(media, PointCloud) or not has_cloud(media):
                ctx.ledger.add_at("DSK-L008", "item without a point cloud", item)
                continue
            self._clouds.save(item, media, f"{item.id}{self._clouds.suffix(media)}", ctx)
            if media.extra_images:
                count = len(media.extra_images)
                ctx.ledger.add_at("DSK-L016", "related images", item, count=count)
