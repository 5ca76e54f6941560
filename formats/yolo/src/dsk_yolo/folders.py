"""Reading many images and label files fast: folder by folder."""

from __future__ import annotations

from itertools import groupby, repeat
from typing import TYPE_CHECKING

from dsk.imagesize import HEAD, size_of_bytes
from dsk.media import Image
from dsk.names import all_clean, stem_of
from dsk.strays import tell_stray
from dsk_yolo.paths import swap_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["by_folder", "images_of", "label_contents"]


def by_folder(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the folders of relative names, each with the names that follow each other in it."""
    for folder, run in groupby(names, lambda name: name.rpartition("/")[0]):
        cut = len(folder) + 1 if folder else 0
        yield folder, [name[cut:] for name in run]


def images_of(
    root: InputRoot, names: Iterable[str], stated: Iterable[tuple[int, int] | None] = repeat(None)
) -> Iterator[Image]:
    """Yield images, with their place if they are there and their size if the first bytes tell.

    Args:
        root: The dataset.
        names: Their relative names.
        stated: (height, width) of each that holds if the image is not there.
    """
    given = iter(stated)
    for folder, bases in by_folder(names):
        prefix = f"{folder}/" if folder else ""
        locate = root.locator(folder, clean=all_clean(bases))
        for base, head, size in zip(bases, root.contents(folder, bases, HEAD), given, strict=False):
            if head is None:
                yield Image(prefix + base, None, None, size)
            else:
                yield Image(prefix + base, locate(base), None, size_of_bytes(head))


def label_contents(
    root: InputRoot, names: Iterable[tuple[str, list[str]]], ledger: Ledger, *, beside: bool
) -> Iterator[tuple[str, bytes | None]]:
    """Yield relative names of label files and their contents; None for those that are not there.

    Args:
        root: The dataset.
        names: Folders and names in them.
        ledger: Gets to know of those that are there and cannot be read.
        beside: They lie beside the images; darknet then also looks elsewhere.
    """
    for folder, bases in names:
        others = _other_folders(folder) if beside else []
        prefix = f"{folder}/" if folder else ""
        for base, data in zip(bases, root.contents(folder, bases), strict=True):
            found = _elsewhere(root, folder, base, others) if data is None else data
            if found is None:
                tell_stray(root, prefix + base, ledger)
            yield prefix + base, found


def _elsewhere(root: InputRoot, folder: str, base: str, others: Sequence[str]) -> bytes | None:
    places = [f"{folder}/{stem_of(base)}.TXT".lstrip("/"), *(f"{other}/{base}" for other in others)]
    return next((root.read(place) for place in places if root.is_file(place)), None)


def _other_folders(folder: str) -> list[str]:
    """Return where darknet also looks for label files: in a labels folder beside the images'."""
    swapped = [swap_folder(f"{folder}/", old, "labels")[:-1] for old in ("images", "JPEGImages")]
    return [other for other in swapped if other != folder]
