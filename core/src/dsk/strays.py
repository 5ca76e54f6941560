"""What lies among the files of an input and is none: told once, for data is easily lost so."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from dsk.listings import JUNK, ending_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["BROKEN", "LINKS", "OUTSIDE", "SPECIAL", "Strays", "tell_stray"]

BROKEN = "links lead to nothing, as where git-annex or DVC has not fetched the data"
OUTSIDE = "links to folders outside of the dataset, or to those they lie in, are not followed"
LINKS = "links in archives are not followed"
SPECIAL = "named pipes, sockets or devices are passed over"
_FOLDERS = "folders are called like files"

# Without endings of videos and of volumes in NRRD, after which formats do call folders.
_ENDINGS = frozenset((
    ".bin", ".bmp", ".csv", ".gz", ".h5", ".jpeg", ".jpg", ".json", ".mat", ".nii", ".npy", ".pcd",
    ".pkl", ".png", ".record", ".tfrecord", ".txt", ".xml", ".yaml", ".yml", ".zip",
))  # fmt: skip


class Strays:
    """Entries that look like parts of a dataset and are none, by kind and folder."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, tuple[int, str]]] = {}

    def note(self, under: str, strays: Mapping[str, list[str]], folders: Iterable[str]) -> None:
        """Note what a folder holds; one that is listed again counts once.

        Args:
            under: The folder's relative name, "" for the input itself.
            strays: Names by BROKEN, OUTSIDE, LINKS and SPECIAL.
            folders: Names of its folders; only those that are called like files count.
        """
        named = [name for name in folders if "." in name and ending_of(name) in _ENDINGS]
        for what, names in (*strays.items(), (_FOLDERS, named)):
            left = [name for name in names if name not in JUNK]
            if left:
                first = f"{under}/{min(left)}".lstrip("/")
                self._found.setdefault(what, {})[under] = len(left), first

    def warnings(self) -> Iterator[str]:
        """Yield a line for each kind that was met."""
        for what, folders in self._found.items():
            count = sum(number for number, _ in folders.values())
            first = min(name for _, name in folders.values())
            yield f"{what}: {first}" + (f" and {count - 1} more" if count > 1 else "")


def tell_stray(root: InputRoot, name: str, ledger: Ledger) -> None:
    """Warn of a file that is looked for by its name and is none, once for all of a folder.

    Args:
        root: The input, whose folder may never have been listed.
        name: The relative name of what could not be read.
        ledger: Where it is told.
    """
    if root.is_stray(name):
        folder = posixpath.dirname(name) or "."
        ledger.warn(f"{folder}: files that are links to nothing, or no files, are passed over")
