"""The list of chosen items as a table."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dsk.errors import MediaError, OutputError, OutputExistsError
from dsk.media import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.item import DatasetItem

__all__ = ["write_list"]

_HEAD = ("ImageID", "Width", "Height", "ImagePath", "Subset", "Uncertainty")
"""Datumaro's columns, then the subset that the item came from and what it was chosen by."""


def write_list(path: str, chosen: Iterable[tuple[DatasetItem, float | None]]) -> None:
    """Write a CSV file with a row per item; an earlier list is replaced.

    Args:
        path: Where.
        chosen: Items and their uncertainty, None if it was not asked for.

    Raises:
        OutputError: It cannot be written.
        OutputExistsError: There is a file that is no such list.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    try:
        if target.exists() and not _is_list(target):
            raise OutputExistsError(
                "there is another file", where=path, hint="delete it or name another output_file"
            )
        with part.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_HEAD)
            writer.writerows(_rows(chosen))
        os.replace(part, target)  # noqa: PTH105 - both are paths already
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(error.strerror or str(error), where=path) from error


def _is_list(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().rstrip(b"\r\n") == ",".join(_HEAD).encode()


def _rows(chosen: Iterable[tuple[DatasetItem, float | None]]) -> Iterator[tuple[object, ...]]:
    for item, rank in chosen:
        height, width = _size(item)
        path = item.media.path if item.media is not None else ""
        yield item.id, width, height, path, item.subset, "" if rank is None else rank


def _size(item: DatasetItem) -> tuple[int | str, int | str]:
    if isinstance(item.media, Image):
        try:
            size = item.media.get_size()
        except MediaError:  # the size is only a remark here
            size = None
        if size is not None:
            return size
    return "", ""
