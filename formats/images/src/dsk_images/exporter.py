"""Writing images and nothing else, as a folder or as one archive."""

from __future__ import annotations

import os
import shutil
import zipfile
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dsk.errors import OptionError, OutputError
from dsk.flow import Exporter
from dsk.names import stem_of
from dsk.staging import FRAGMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["ImageDirExporter", "ImageZipExporter"]


class _Row(Struct, frozen=True, gc=False):
    """What was written of one item.

    Attributes:
        name: Name of the file or member.
        origin: Where the image comes from, see ``_origin``.
        staged: The staged file.
        written: Whether this item's image was written, or one of the same name was there.
    """

    name: str
    origin: bytes
    staged: str = ""
    written: bool = True


class _ImageExporter(Exporter):
    """What both have in common."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``; core reports lost annotations, lost labels are reported here."""
        if header.categories.labels:
            ctx.ledger.add("DSK-L010", "labels", count=len(header.categories.labels))


class ImageDirExporter(_ImageExporter):
    """Writes ``<item>.<ext>``; an image that several subsets have is written once."""

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[_Row]:
        """See ``Exporter.write``; the state is what was written of each item."""
        rows = []
        for item in items:
            name, written = ctx.image_name(item), True
            if not _has_image(item, ctx):
                continue
            try:
                if not ctx.save_image(item, name):
                    continue
            except OutputError as error:
                if not isinstance(error.__cause__, FileExistsError):
                    raise
                written = False  # whether it is the same image is found out at the end
            rows.append(_Row(name, _origin(item), written=written))
        return rows

    def finish(self, states: list[list[_Row]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        _joined(chain.from_iterable(states), "file", ctx)


class ImageZipExporter(_ImageExporter):
    """Writes one archive with a member ``<item>.<ext>`` for each image.

    A destination that is itself called ``.zip`` becomes that archive, packed by core; else the
    archive is a file in the destination. Images are staged by the workers, as hard links where
    that is possible, and packed at the end in the order of the items, so that the archive is the
    same for any number of jobs.

    Args:
        name: File name of the archive.
        compression: Name of a method of the ``zipfile`` module.

    Raises:
        OptionError: The name is not that of a zip archive in the destination.
    """

    def __init__(self, *, name: str = "default.zip", compression: str = "ZIP_STORED") -> None:
        if not name.lower().endswith(".zip") or "/" in name or "\\" in name:
            raise OptionError(
                f"exporter image_zip: option name is a file name, *.zip, not {name!r}"
            )
        self._name = name
        self._compression: int = getattr(zipfile, compression)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[_Row]:
        """See ``Exporter.write``; the state names the members and the staged files."""
        if ctx.out.archive:
            return ImageDirExporter().write(items, ctx)
        ctx = replace(ctx, media=replace(ctx.media, mode="link"))
        rows = []
        for number, item in enumerate(items):
            if not _has_image(item, ctx):
                continue
            name = ctx.image_name(item)
            ending = os.path.splitext(name)[1]  # noqa: PTH122 - the name is no local path
            staged = f"{FRAGMENTS}/{self._name}/{ctx.part:08d}/{number:08d}{ending}"
            if ctx.save_image(item, staged):
                rows.append(_Row(name, _origin(item), staged))
        return rows

    def finish(self, states: list[list[_Row]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        rows = _joined(chain.from_iterable(states), "member", ctx)
        if ctx.out.dry or ctx.out.archive:
            return
        with (
            ctx.out.open(self._name) as file,
            zipfile.ZipFile(file, "w", self._compression) as archive,
        ):
            for row in rows:
                _add(archive, row.name, os.path.join(ctx.out.path, row.staged))  # noqa: PTH118


_HINT = "rename one of them; -t 'rename regex=|^|{item.subset}/|' tells those of subsets apart"


def _has_image(item: DatasetItem, ctx: WriteContext) -> bool:
    """Tell whether an item can be written, and the ledger what is lost of it."""
    if item.media is None:
        ctx.ledger.add_at("DSK-L008", "item without an image", item)
        return False
    return True


def _origin(item: DatasetItem) -> bytes:
    """Return what tells where an item's image comes from; empty when that cannot be compared."""
    source = getattr(item.media, "source", None)
    if isinstance(source, bytes):
        return blake2b(source, digest_size=16).digest()
    if not isinstance(source, str) and not hasattr(source, "archive"):
        return b""
    return blake2b(repr(source).encode("utf-8", "backslashreplace"), digest_size=16).digest()


def _joined(rows: Iterable[_Row], what: str, ctx: WriteContext) -> list[_Row]:
    """Return the images to be written, each once, and tell the ledger of the others.

    Raises:
        OutputError: Different images want the same name.
    """
    first: dict[str, _Row] = {}
    written: set[str] = set()
    again = times = 0
    for row in rows:
        known = first.setdefault(row.name, row)
        if known is not row:
            again += 1
            if not row.origin or known.origin != row.origin:
                raise OutputError(f"two items want the same {what}", where=row.name, hint=_HINT)
        if row.written:
            times += 1
            written.add(row.name)
    for name in sorted(first.keys() - written):  # the file system takes another name for it
        raise OutputError(f"two items want the same {what}", where=name, hint=_HINT)
    if again:
        ctx.ledger.add("DSK-L012", "image of several subsets, saved once", count=again)
        ctx.ledger.media_saved -= times - len(written)
    _warn_of_namesakes(first, ctx)
    return list(first.values())


def _warn_of_namesakes(names: Iterable[str], ctx: WriteContext) -> None:
    """Say so when readers, which name items by their path without ending, will find fewer items."""
    seen: set[str] = set()
    for name in names:
        item = stem_of(name)
        if item in seen:
            ctx.ledger.warn(
                "several images have the same path but for the ending: readers see one item"
            )
        seen.add(item)


def _add(archive: zipfile.ZipFile, name: str, path: str) -> None:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # a fixed time: equal images, equal bytes
    info.external_attr = 0o644 << 16
    info.compress_type = archive.compression
    info.file_size = os.path.getsize(path)  # noqa: PTH202
    with open(path, "rb") as image, archive.open(info, "w") as member:  # noqa: PTH123
        shutil.copyfileobj(image, member, 1 << 20)
    os.unlink(path)  # noqa: PTH108 - frees the space before the next one is packed
