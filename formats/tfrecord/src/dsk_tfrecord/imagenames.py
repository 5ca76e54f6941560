"""Names of images and ids of items: safe, and unique in their subsets."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import UnsafePathError
from dsk.item import DEFAULT_SUBSET
from dsk.names import clean_name, stem_of
from dsk_tfrecord.example import feature_values, skim
from dsk_tfrecord.keys import FILENAME, SOURCE_ID
from dsk_tfrecord.layout import SUBSETS, Shard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dsk.loss import Ledger
    from dsk_tfrecord.framing import RecordFile

__all__ = ["NAMES", "ItemIds", "first_numbers", "item_id_of", "named", "one_per_image"]

NAMES = (FILENAME, SOURCE_ID)
"""Features that name an image."""

_SUSPECT = re.compile(r"[/\\:]")
_LARGE, _TAG = 0x80, 0x0A  # of protocol buffers: a number of two bytes, and the first field
_Place = tuple[int, int]


def named(filename: str, source: str, number: int, where: str = "") -> tuple[str, str]:
    """Return the name of a record's image, which may be "", and the id of its item.

    The id is the name without its ending, else ``image/source_id``, else the record's number. What
    follows a dot and is no word is no ending: ``clip.mp4#t=1.5``.

    Raises:
        UnsafePathError: The name is none.
    """
    if filename:
        name = _safe(filename, where)
        return name, item_id_of(name)
    return "", item_id_of(_safe(source, where)) if source else f"{number:06d}"


def item_id_of(name: str) -> str:
    """Return the id of an image's item by its name."""
    stem, _, ending = name.rpartition(".")
    word = ending.isalnum() and not ending[0].isdigit()
    return stem if word and stem[-1:] not in ("", "/") else name


def _safe(name: str, where: str) -> str:
    """Return an image's name; of a path that leads out of the dataset the last part.

    The image is inside the record, so that the path says only where somebody's files were.
    """
    try:
        return clean_name(name, where)
    except UnsafePathError:
        last = name.replace("\\", "/").rpartition("/")[2]
        if not _is_safe(last):
            raise
        return last


def _is_safe(name: str) -> bool:
    try:
        clean_name(name)
    except UnsafePathError:
        return False
    return True


def _text(value: bytes) -> str:
    """Return the text in a feature; "" if there is none, or it is damaged."""
    size = len(value)
    try:
        if 4 < size < _LARGE and value[0] == value[2] == _TAG and value[3] == size - 4:
            return value[4:].decode()  # a short one alone, as nearly all are
        values = feature_values(value)
        first = values[0] if values else b""
        return first.decode() if isinstance(first, bytes) else str(first)
    except ValueError:
        return ""


def first_numbers(files: Sequence[RecordFile], shards: Sequence[Shard]) -> list[int]:
    """Return how many records earlier files of the same subset have, for each file."""
    counts: dict[str, int] = {}
    numbers = []
    for file, shard in zip(files, shards, strict=True):
        numbers.append(counts.get(shard.subset, 0))
        counts[shard.subset] = numbers[-1] + len(file)
    return numbers


def one_per_image(files: Sequence[RecordFile], shards: Sequence[Shard]) -> list[Shard]:
    """Return the files with other subsets where each file of a folder has the name of its image.

    VoTT writes such: ``car_1.tfrecord`` holds one record, of ``car_1.jpg``. The subset is the
    folder's name if that is one of a subset.
    """
    folders: dict[str, list[int]] = {}
    for number, shard in enumerate(shards):
        folders.setdefault(shard.name.rpartition("/")[0], []).append(number)
    joined = list(shards)
    for folder, numbers in folders.items():
        if len(numbers) > 1 and all(_is_image(files[n], shards[n]) for n in numbers):
            last = folder.rpartition("/")[2]
            subset = last if last.lower() in SUBSETS else DEFAULT_SUBSET
            for n in numbers:
                joined[n] = Shard(shards[n].name, subset)
    return joined


def _is_image(file: RecordFile, shard: Shard) -> bool:
    if len(file) != 1:
        return False
    try:
        found = skim(file.peek(0), (FILENAME,))
    except ValueError:
        return False
    name = _text(found.get(FILENAME, b"")).replace("\\", "/").rpartition("/")[2]
    return bool(name) and stem_of(shard.name.rpartition("/")[2]) in (name, item_id_of(name))


class ItemIds:
    """Finds items of a subset that have one id; of all others only a hash is kept.

    Args:
        files: The files.
        shards: Their subsets.
    """

    def __init__(self, files: Sequence[RecordFile], shards: Sequence[Shard]) -> None:
        self._files = files
        self._shards = shards
        self._firsts = first_numbers(files, shards)
        self._hashes = array("q")
        self._places = array("q")
        self._foreign: list[str] = []
        self._count = 0

    def note(self, file: int, record: int, found: Mapping[str, bytes]) -> None:
        """Note a record.

        Args:
            file: The number of its file.
            record: Its own number.
            found: Its features of ``NAMES``, not decoded.
        """
        try:
            ident, name = self._ident(file, record, found)
        except UnsafePathError:
            return  # a bad record, which is named when it is read
        self._hashes.append(hash((self._shards[file].subset, ident)))
        self._places.append(file)
        self._places.append(record)
        if _SUSPECT.search(name) and not _is_safe(name):
            self._count += 1
            self._foreign = self._foreign or [name]

    def _ident(self, file: int, record: int, found: Mapping[str, bytes]) -> tuple[str, str]:
        """Return the id of a record's item and the name that it comes from."""
        name = _text(found.get(FILENAME, b""))
        source = "" if name else _text(found.get(SOURCE_ID, b""))
        _, ident = named(name, source, self._firsts[file] + record)
        return ident, name or source or ident

    def renamed(self, ledger: Ledger) -> dict[str, str]:
        """Return new ids, by ``RecordFile.place``, where several records have one.

        The first keeps it, one with a name that is safe before others; the ledger is told.
        """
        if self._foreign:
            ledger.warn(
                f"{self._count} records name their image by a path out of the dataset, for "
                f"instance {self._foreign[0]!r}: the last part is the name, numbered if need be"
            )
        hashes = np.array(self._hashes, np.int64)
        known, counts = np.unique(hashes, return_counts=True)
        rows = np.flatnonzero(np.isin(hashes, known[counts > 1])).tolist()
        safe: list[tuple[_Place, str]] = []
        foreign: list[tuple[_Place, str]] = []
        for row in rows:
            place = self._places[2 * row], self._places[2 * row + 1]
            found = skim(self._files[place[0]].peek(place[1]), NAMES)
            ident, name = self._ident(*place, found)
            (safe if _is_safe(name) else foreign).append((place, ident))
        renamed = self._numbered([*safe, *foreign], set(known.tolist()) if rows else set())
        again = len(safe) - len({(self._shards[place[0]].subset, i) for place, i in safe})
        if again:
            ledger.warn(f"{again} records have the name of another; they get a number behind it")
        return renamed

    def _numbered(self, records: Iterable[tuple[_Place, str]], known: set[int]) -> dict[str, str]:
        taken: set[tuple[str, str]] = set()
        last: dict[tuple[str, str], int] = {}
        renamed: dict[str, str] = {}
        for (file, record), ident in records:
            subset = self._shards[file].subset
            new, number = ident, last.get((subset, ident), 1)
            while (subset, new) in taken or (new != ident and hash((subset, new)) in known):
                number += 1
                new = f"{ident}_{number}"
            last[subset, ident] = number
            taken.add((subset, new))
            if new != ident:
                renamed[self._files[file].place(record)] = new
        return renamed
