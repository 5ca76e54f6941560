"""The layouts of SYNTHIA's editions: which folders hold images, colour maps and label maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dsk_scenes.synthia.tables import AL_LABELS, LABELS, RAND_LABELS, SF_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.files import InputRoot
    from dsk_scenes.shared.colors import Entry

__all__ = ["EDITIONS", "Edition", "find_homes"]

_DEPTH = 3


class Edition(Struct, frozen=True):
    """One edition.

    Attributes:
        name: Its name.
        images: Folder of images.
        colors: Folder of colour maps.
        labels: Folder of label maps, or "".
        texts: Folder of label maps as text, or "".
        table: The labels.
    """

    name: str
    images: str
    colors: str
    labels: str
    texts: str
    table: list[Entry]


EDITIONS = (
    Edition("synthia", "RGB", "GT/COLOR", "GT/LABELS", "", LABELS),
    Edition("synthia_rand", "RGB", "GT", "", "GTTXT", RAND_LABELS),
    Edition("synthia_sf", "RGBLeft", "GTLeft", "", "", SF_LABELS),
    Edition("synthia_al", "RGB", "SemSeg", "", "", AL_LABELS),
)


def _fits(root: InputRoot, path: str, folders: Sequence[str], edition: Edition) -> bool:
    prefix = f"{path}/" if path else ""
    first = edition.colors.split("/")[0]
    if first not in folders and edition.texts not in folders:
        return False
    if edition.name == "synthia":
        return bool({"COLOR", "LABELS"} & set(root.listing(prefix + "GT").folders))
    if edition.name == "synthia_rand":
        return edition.texts in folders or (
            edition.images in folders and any(root.listing(prefix + first).pick((".png",)))
        )
    return True


def find_homes(
    root: InputRoot, wanted: tuple[Edition, ...] = EDITIONS, depth: int = _DEPTH, path: str = ""
) -> list[tuple[str, Edition]]:
    """Return the folders that hold an edition's folders, at most three levels deep."""
    folders = root.listing(path).folders
    for edition in wanted:
        if _fits(root, path, folders, edition):
            return [(path, edition)]
    if not depth:
        return []
    prefix = f"{path}/" if path else ""
    return [home for name in folders for home in find_homes(root, wanted, depth - 1, prefix + name)]
