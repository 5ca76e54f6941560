"""Writing images and nothing else, as a folder or as one archive."""

from __future__ import annotations

import os
import shutil
import zipfile
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

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


class _ImageExporter(Exporter):
    """What both have in common."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``; core reports lost annotations, lost labels are reported here."""
        if header.categories.labels:
            ctx.ledger.add("DSK-L010", "labels", count=len(header.categories.labels))


class ImageDirExporter(_ImageExporter):
    """Writes ``<item>.<ext>``."""

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``; the state is the names of the images."""
        names = []
        for item in items:
            name = ctx.image_name(item)
            if _has_image(item, ctx) and ctx.save_image(item, name):
                names.append(name)
        return names

    def finish(self, states: list[list[str]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        _warn_of_namesakes(chain.from_iterable(states), ctx)


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

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[tuple[str, str]]:
        """See ``Exporter.write``; the state names the members and the staged files."""
        if ctx.out.archive:
            return [(name, "") for name in ImageDirExporter().write(items, ctx)]
        ctx = replace(ctx, media=replace(ctx.media, mode="link"))
        members = []
        for number, item in enumerate(items):
            if not _has_image(item, ctx):
                continue
            name = ctx.image_name(item)
            ending = os.path.splitext(name)[1]  # noqa: PTH122 - the name is no local path
            staged = f"{FRAGMENTS}/{self._name}/{ctx.part:08d}/{number:08d}{ending}"
            if ctx.save_image(item, staged):
                members.append((name, staged))
        return members

    def finish(self, states: list[list[tuple[str, str]]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        members = list(chain.from_iterable(states))
        _warn_of_namesakes((name for name, _ in members), ctx)
        if ctx.out.dry or ctx.out.archive:
            return
        taken = set()
        with (
            ctx.out.open(self._name) as file,
            zipfile.ZipFile(file, "w", self._compression) as archive,
        ):
            for name, staged in members:
                if name in taken:
                    raise OutputError("two items want the same member", where=name, hint=_HINT)
                taken.add(name)
                _add(archive, name, os.path.join(ctx.out.path, staged))  # noqa: PTH118


_HINT = "rename one of them; -t 'rename regex=|^|{item.subset}/|' tells those of subsets apart"


def _has_image(item: DatasetItem, ctx: WriteContext) -> bool:
    """Tell whether an item can be written, and the ledger what is lost of it."""
    if item.media is None:
        ctx.ledger.add_at("DSK-L008", "item without an image", item)
        return False
    return True


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
