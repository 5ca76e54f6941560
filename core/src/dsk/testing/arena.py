"""Where attacks take place: a valid dataset, a hostile copy of it, and bait beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dsk.testing.mutations import sort_of

__all__ = ["BOMB", "POLICIES", "SECRET", "VICTIMS", "Arena", "Variants", "first_of_each_sort"]

VICTIMS = ("victim-one", "victim-two", "bystander")
"""Ids of the items of a dataset under attack; the first is the one that is renamed."""

SECRET = "dsk-secret-4711"  # noqa: S105 - bait
"""Text that stands in files beside the dataset and must never turn up in it."""

POLICIES = ("raise", "skip")
"""What is done at bad records, in the order in which it is tried."""

BOMB = 80 << 20
"""Bytes that a bomb unpacks to: more than what archives may hold for free."""

Variants = Iterator[tuple[str, Path]]


@dataclass(frozen=True, slots=True)
class Arena:
    """Where an attack takes place.

    Attributes:
        folder: Holds all of it; nothing in it may change but ``converted``.
        good: The valid dataset.
    """

    folder: Path
    good: Path

    @property
    def data(self) -> Path:
        """The dataset under attack."""
        return self.folder / "data"

    @property
    def outside(self) -> Path:
        """A folder beside the dataset, with secrets in it."""
        return self.folder / "outside"

    @property
    def marker(self) -> Path:
        """A file that appears when code from the dataset is run."""
        return self.folder / "marker"

    @property
    def converted(self) -> Path:
        """Where the dataset is exported to."""
        return self.folder / "converted"

    def reset(self) -> None:
        """Make the dataset valid again."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.good, self.data)

    def files(self, *suffixes: str) -> list[Path]:
        """Return the dataset's files with one of some endings, or all."""
        found = [p for p in sorted(self.data.rglob("*")) if p.is_file()]
        return [p for p in found if p.suffix.lower() in suffixes] if suffixes else found

    def texts(self) -> list[Path]:
        """Return the dataset's text files."""
        return [p for p in self.files() if sort_of(p.read_bytes()) != "binary"]

    def examples(self) -> list[Path]:
        """Return a text file of each sort, sorts by folder and ending."""
        firsts = [self.data / name for name in first_of_each_sort(self.data)]
        return [path for path in firsts if sort_of(path.read_bytes()) != "binary"]

    def sorts(self, *sorts: str) -> list[Path]:
        """Return the dataset's files whose content is of some sorts, see ``sort_of``."""
        return [p for p in self.files() if sort_of(p.read_bytes()) in sorts]


def first_of_each_sort(folder: Path) -> list[str]:
    """Return the relative name of the first file of each sort, sorts by folder and ending.

    Text comes first: it is where faults can be of many sorts.
    """
    found: dict[tuple[int, str, str], str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder)
            sort = (
                len(name.parts),
                name.parts[0] if len(name.parts) > 1 else name.name,
                path.suffix,
            )
            found.setdefault(sort, name.as_posix())
    return sorted(found.values(), key=lambda n: (n.endswith((".png", ".jpg")), n))
