"""Names of images that are safe and, where paths had to be cut, unique."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.errors import UnsafePathError
from dsk.names import clean_name, stem_of
from dsk_tfrecord.example import feature_values, skim
from dsk_tfrecord.keys import FILENAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dsk.loss import Ledger
    from dsk_tfrecord.framing import RecordFile
    from dsk_tfrecord.layout import Shard

__all__ = ["ForeignNames", "foreign_name", "safe_name"]

_SEPARATOR = re.compile(rb"[/\\:]")


def safe_name(name: str, where: str = "") -> str:
    """Return an image's name; of a path that leads out of the dataset the last part.

    The image is inside the record, so that the path says only where somebody's files were.

    Raises:
        UnsafePathError: Its last part is no name either.
    """
    try:
        return clean_name(name, where)
    except UnsafePathError:
        last = name.replace("\\", "/").rpartition("/")[2]
        if not _is_safe(last):
            raise
        return last


def foreign_name(value: bytes) -> str | None:
    """Return the name in a feature if it is a path that leads out of the dataset, else None.

    Args:
        value: The feature ``image/filename``, not decoded.

    Raises:
        ValueError: It is damaged.
        AttributeError: It is no text.
    """
    if not _SEPARATOR.search(value):
        return None
    name = _decoded(value)
    return name if name and not _is_safe(name) else None


def _decoded(value: bytes) -> str:
    values = feature_values(value)
    return values[0].decode() if values else ""


def _is_safe(name: str) -> bool:
    try:
        clean_name(name)
    except UnsafePathError:
        return False
    return True


class ForeignNames:
    """The records whose names are paths that lead out of the dataset."""

    def __init__(self) -> None:
        self._found: list[tuple[int, int, str]] = []

    def add(self, file: int, record: int, name: str) -> None:
        """Note a record by the number of its file and its own."""
        self._found.append((file, record, name))

    def numbered(
        self, files: list[RecordFile], shards: list[Shard], ledger: Ledger
    ) -> Mapping[str, str]:
        """Return new names, by ``RecordFile.place``, where several records have one last part.

        Names that are safe stay as they are; the ledger is told of the others.
        """
        if not self._found:
            return {}
        ledger.warn(
            f"{len(self._found)} records name their image by a path out of the dataset, for "
            f"instance {self._found[0][2]!r}: the last part is the name, numbered if need be"
        )
        taken = {(shards[file].subset, stem_of(name)) for file, name in _safe_names(files)}
        last: dict[tuple[str, str], int] = {}
        renamed: dict[str, str] = {}
        for file, record, path in self._found:
            try:
                name = safe_name(path)
            except UnsafePathError:
                continue  # a bad record, which is named when it is read
            subset, stem = shards[file].subset, stem_of(name)
            number, new = last.get((subset, stem), 1), stem
            while (subset, new) in taken:
                number += 1
                new = f"{stem}_{number}"
            last[subset, stem] = number
            taken.add((subset, new))
            if new != stem:
                renamed[files[file].place(record)] = new + name[len(stem) :]
        return renamed


def _safe_names(files: list[RecordFile]) -> Iterator[tuple[int, str]]:
    """Yield number of the file and name of records that are not foreign; damaged ones have none."""
    for number, file in enumerate(files):
        for record in range(len(file)):
            try:
                value = skim(file.peek(record), (FILENAME,)).get(FILENAME, b"")
                if foreign_name(value) is None:
                    yield number, _decoded(value)
            except (ValueError, AttributeError):
                continue
