"""Reading and writing NYU Depth V2 as HDF5 files, one for each image."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import HEAVY_ITEMS, Exporter, Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image
from dsk.names import clean_name, stem_of
from dsk_depth.attached import Attached, attached
from dsk_depth.folders import is_hdf5, is_subset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["FAMILY", "NyuDepthExporter", "NyuDepthImporter"]

FAMILY = "nyu_depth_v2"


class NyuDepthImporter(Importer):
    """Reads the ``.h5`` files of a folder and of all folders below it.

    Args:
        subset: The subset of the items that are in no subset's folder.
    """

    def __init__(self, *, subset: str | None = None) -> None:
        self._subset = subset or DEFAULT_SUBSET

    def open(self, root: InputRoot, ledger: Ledger) -> Source:  # noqa: ARG002 - the contract's
        """See ``Importer.open``."""
        names = [root.focus] if root.focus is not None else list(filter(is_hdf5, root.walk()))
        if not names:
            raise InputError("no .h5 file is here", where=root.path)
        return _NyuSource(root, names, self._subset)


def _top(names: list[str]) -> str:
    """Return the folder, with its slash, that holds everything and the subsets' folders, or ""."""
    folders = [name.split("/")[:-1] for name in names]
    shared = posixpath.commonprefix(folders)
    for depth in range(len(shared) + 1):
        if any(len(f) > depth and is_subset(f[depth]) for f in folders):
            return "".join(f"{folder}/" for folder in shared[:depth])
    return ""


class _NyuSource(Source):
    """Images of some HDF5 files; holds their names."""

    partition_items = HEAVY_ITEMS

    def __init__(self, root: InputRoot, names: list[str], subset: str) -> None:
        self._root = root
        self._names = names
        self._top = len(_top(names)) if root.focus is None else 0
        self._subset = subset
        subsets = dict.fromkeys(self._place(name)[0] for name in names)
        self.header = Header(subsets=tuple(subsets), items=len(names))

    def _place(self, name: str) -> tuple[str, str]:
        """Return the subset and the id of a file's item."""
        item = stem_of(name[self._top :])
        first, slash, rest = item.partition("/")
        return (first, rest) if slash and is_subset(first) else (self._subset, item)

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list of files."""
        return spans(len(self._names), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``; of each file nothing but what it holds is read."""
        from dsk_depth.hdf5 import DEPTH, RGB, Stored, inspect

        for name in self._names[slice(*partition)]:
            subset, item = self._place(name)
            item = clean_name(item)
            location = self._root.locate(name)
            try:
                size, deep = inspect(location)
            except MediaError as error:
                ledger.bad_record(RecordError(error.message, where=error.where, item=item))
                continue
            media = Image(f"{item}.png", Stored(location, RGB), None, size)
            extra = None
            if deep:
                depth = Image(f"{item}.depth", Stored(location, DEPTH), None, size)
                extra = {FAMILY: {"depth": Attached(depth)}}
            yield DatasetItem(item, subset, media, extra=extra)


class NyuDepthExporter(Exporter):
    """Writes ``<subset>/<id>.h5`` for each image with a depth map."""

    heavy = True

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        if header.categories.labels:
            ctx.ledger.add("DSK-L010", "labels", count=len(header.categories.labels))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> None:
        """See ``Exporter.write``."""
        from dsk_depth.hdf5 import encode

        for item in items:
            try:
                depth = attached(item, FAMILY, "depth")
                media = item.media
                if depth is None or not isinstance(media, Image) or not media.exists:
                    what = "item without an image" if depth else "image without a depth map"
                    ctx.ledger.add_at("DSK-L008", what, item)
                    continue
                metres = _metres(depth.data, item.id)
                pixels = _rgb(media.data, item, ctx)
                if metres.shape != pixels.shape[:2]:
                    raise MediaError(
                        f"the depth map is {metres.shape}, the image {pixels.shape[:2]}",
                        where=item.id,
                    )
            except InputError as error:
                bad = RecordError(error.message, where=error.where, item=item.id)
                ctx.ledger.bad_record(bad)
                continue
            ctx.write(_file_name(item), encode(pixels, metres))
            ctx.ledger.media_saved += 1
            if not is_subset(item.subset) and item.subset != DEFAULT_SUBSET:
                what = f"subset {item.subset}, which becomes a folder"
                ctx.ledger.add_at("DSK-L012", what, item)


def _file_name(item: DatasetItem) -> str:
    plain = item.subset == DEFAULT_SUBSET and not is_subset(item.id.partition("/")[0])
    return f"{item.id}.h5" if plain else f"{item.subset}/{item.id}.h5"


def _metres(depth: NDArray[Any], where: str) -> NDArray[Any]:
    if depth.ndim != 2 or depth.dtype.kind not in "fiu":
        raise MediaError(f"a depth map is no {depth.dtype} {depth.shape}", where=where)
    return depth


def _rgb(pixels: NDArray[Any], item: DatasetItem, ctx: WriteContext) -> NDArray[np.uint8]:
    """Return an image's pixels as (height, width, 3) uint8, and report what goes for that."""
    what = ""
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        what, pixels = "transparency of the image", pixels[..., :-1]
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.dtype == np.uint16:
        what, pixels = "16 bits of the image, which become 8", (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8 or pixels.shape[2] != 3:
        raise MediaError(f"an image of {pixels.dtype} {pixels.shape} has no place", where=item.id)
    if what:
        ctx.ledger.add_at("DSK-L016", what, item)
    return pixels
