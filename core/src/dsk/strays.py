"""What lies among the files of an input and is none: told once, for data is easily lost so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.listings import JUNK, ending_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["BROKEN", "OUTSIDE", "SPECIAL", "Strays"]

BROKEN = "links lead to nothing, as where git-annex or DVC has not fetched the data"
OUTSIDE = "links to folders outside of the dataset, or to those they lie in, are not followed"
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
        """Note what a folder holds; what was noted of it before no longer counts.

        Args:
            under: The folder's relative name, "" for the input itself.
            strays: Names of BROKEN, OUTSIDE and SPECIAL entries.
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
