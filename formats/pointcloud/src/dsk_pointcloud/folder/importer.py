"""Reading folders of point clouds: one item per cloud, named by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.errors import InputError, OptionError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import PointCloud
from dsk.names import clean_name
from dsk_pointcloud.clouds.names import (
    cloud_stem,
    five_columns,
    is_cloud_name,
    says_nothing,
    suffix_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["CloudDirImporter"]


class CloudDirImporter(Importer):
    """Reads the clouds of a folder and of all folders below it.

    Args:
        subset: The subset that the items shall be in.
        bin_columns: Columns of ``.bin`` files: 4 as KITTI's, 5 as Lyft's and nuScenes', or "auto"
            for 5 in those files whose size fits 5 only.
    """

    def __init__(self, *, subset: str | None = None, bin_columns: str = "auto") -> None:
        if bin_columns not in ("auto", "4", "5"):
            raise OptionError("bin_columns is auto, 4 or 5")
        self._subset = subset or DEFAULT_SUBSET
        self._columns = bin_columns

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        return CloudSource(root, self._subset, self._columns, ledger)


class CloudSource(Source):
    """The clouds of a folder; holds their names only."""

    def __init__(self, root: InputRoot, subset: str, columns: str, ledger: Ledger) -> None:
        self._root = root
        self._columns = columns
        self._subset = subset
        clouds: dict[str, str] = {}
        same, others, other = 0, 0, ""
        for name in root.walk() if root.focus is None else [root.focus]:
            if not is_cloud_name(name):
                if not says_nothing(name):
                    others += 1
                    other = other or name
                continue
            item = clean_name(cloud_stem(name), root.show(name))
            if item in clouds:
                same += 1
                item = name
            clouds[item] = name
        if not clouds:
            raise InputError("no point clouds are here", where=root.path)
        if same:
            ledger.warn(f"{same} clouds keep their endings in their ids, being equal without them")
        if others:
            what = f"{others} files are no point clouds and are not read"
            ledger.warn(f"{what}, for instance {other}")
        self._clouds = list(clouds.items())
        self.header = Header(
            media=frozenset({"point_cloud"}), subsets=(subset,), items=len(self._clouds)
        )

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list of clouds."""
        return spans(len(self._clouds), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        for item, name in self._clouds[slice(*partition)]:
            path = five_columns(name) if self._is_wide(name) else name
            yield DatasetItem(item, self._subset, PointCloud(path, self._root.locate(name)))

    def _is_wide(self, name: str) -> bool:
        if self._columns != "auto" or suffix_of(name) != ".bin":
            return self._columns == "5"
        size = self._root.size(name)
        return size % 16 != 0 and size % 20 == 0
