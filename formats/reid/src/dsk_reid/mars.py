"""Reading MARS: tracks of persons, a folder for each person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Label
from dsk.categories import Categories
from dsk.errors import InputError
from dsk.flow import Header, Importer, Source, packed
from dsk.item import DatasetItem
from dsk.media import Image, is_image_name
from dsk.names import stem_of
from dsk_reid.homes import folders_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["NAME", "PERSON", "SUBSET", "MarsImporter", "find_home"]

SUBSET = "bbox_"
PERSON = re.compile(r"\d{4}|00-1", re.ASCII)
NAME = re.compile(r"(\d{4}|00-1)C(\d)T(\d{4})F(\d{3,18})", re.IGNORECASE | re.ASCII)
"""Person, camera, track, frame; 0000 are distractors, 00-1 is junk."""


def find_home(root: InputRoot) -> str | None:
    """Return the folder of the subsets, or None."""
    for folder in folders_of(root):
        prefix = f"{folder}/" if folder else ""
        for name in root.listing(folder).folders:
            if name.startswith(SUBSET) and any(
                map(PERSON.fullmatch, root.listing(prefix + name).folders)
            ):
                return folder
    return None


class MarsImporter(Importer):
    """Reads ``bbox_<subset>/<person>/<person>C1T0001F001.jpg``."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        home = find_home(root)
        if home is None:
            raise InputError(
                "no MARS folders are here",
                where=root.path,
                hint="they are called bbox_<subset>/<person>",
            )
        return MarsSource(root, home, ledger)


class _Folder(Struct, frozen=True):
    """The images of a person in a subset."""

    path: str
    subset: str
    label: int
    files: list[str]


class MarsSource(Source):
    """The images' names.

    Args:
        root: The dataset.
        home: The folder of the subsets.
        ledger: Is told about images in folders of other persons.
    """

    def __init__(self, root: InputRoot, home: str, ledger: Ledger) -> None:
        self._root = root
        prefix = f"{home}/" if home else ""
        subsets = [name for name in root.listing(home).folders if name.startswith(SUBSET)]
        persons = {
            name: [p for p in root.listing(prefix + name).folders if PERSON.fullmatch(p)]
            for name in subsets
        }
        self._others: set[tuple[str, str]] = set()
        labels = sorted({person for found in persons.values() for person in found})
        index = {label: n for n, label in enumerate(labels)}
        self._folders = [
            _Folder(
                f"{prefix}{name}/{person}",
                name[len(SUBSET) :],
                index[person],
                self._files(name, f"{prefix}{name}/{person}", person, ledger),
            )
            for name, found in persons.items()
            for person in found
        ]
        self.header = Header(
            categories=Categories.from_names(labels),
            subsets=tuple(name[len(SUBSET) :] for name in subsets),
            items=sum(len(folder.files) for folder in self._folders),
        )

    def _files(self, subset: str, folder: str, person: str, ledger: Ledger) -> list[str]:
        files = []
        stems = set()
        for file in self._root.entries(folder)[1]:
            if not is_image_name(file):
                continue
            stem = stem_of(file)
            match = NAME.fullmatch(stem)
            if match is not None and match[1] != person:
                ledger.warn("images in the folder of another person are left out")
                continue
            if stem in stems or (match is None and (subset, stem) in self._others):
                ledger.warn("images of a subset that are named as another one are left out")
                continue
            stems.add(stem)
            if match is None:
                self._others.add((subset, stem))
            files.append(file)
        return files

    def partitions(self) -> Sequence[Any]:
        """Return lists of slices (folder, first, behind the last)."""
        return packed((len(folder.files) for folder in self._folders), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        for number, start, stop in partition:
            folder = self._folders[number]
            locate = self._root.locator(folder.path)
            label = (Label(label=folder.label),)
            for file in folder.files[start:stop]:
                item = stem_of(file)
                image = Image(file, locate(file))
                match = NAME.fullmatch(item)
                if match is None:
                    yield DatasetItem(item, folder.subset, image)
                    continue
                attributes = {
                    "person_id": match[1],
                    "camera_id": int(match[2]),
                    "track_id": int(match[3]),
                    "frame_id": int(match[4]),
                }
                yield DatasetItem(item, folder.subset, image, label, attributes)
