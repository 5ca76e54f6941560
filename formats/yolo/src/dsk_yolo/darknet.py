"""Listing the images and label files that an obj.data names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.item import DEFAULT_SUBSET
from dsk.names import stem_of
from dsk_yolo.absent import tell_absent
from dsk_yolo.listing import (
    Listing,
    images_below,
    label_files,
    list_places,
    make_unique,
    read_list,
    tell_missing,
)
from dsk_yolo.paths import above, resolve

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_yolo.config import Config

__all__ = ["list_darknet"]


def _darknet_id(name: str, home: str) -> str:
    """Return an image's path without the first folder below that of the obj.data, or "data"."""
    inside = bool(home) and name.startswith(f"{home}/")
    name = name[len(home) + 1 :] if inside else name.removeprefix("data/")
    return stem_of(name.partition("/")[2] or name)


def list_darknet(root: InputRoot, config: Config, ledger: Ledger) -> list[Listing]:
    """List the images that the lists of an obj.data name.

    Raises:
        InputError: None of the lists is there, and no images with label files beside them are.
    """
    home = config.file.rpartition("/")[0]
    out: list[Listing] = []
    read: dict[str, str] = {}
    for subset, values in config.subsets.items():
        folders = [home, *above(home)]
        file = resolve(root, values[0], folders, directory=False)
        if file is None:
            folder = resolve(root, values[0], folders, directory=True)
            if folder:
                ledger.warn(f"{config.file}: {subset} is a folder, not a list; its images are read")
                out += list_places(root, subset, [folder], folders, sizes={}, ledger=ledger)
            else:
                tell_missing(root, config, subset, ledger)
            continue
        first = read.setdefault(file, subset)
        if first != subset:  # a dataset without a valid set names the same list twice
            ledger.warn(f"{config.file}: {first} and {subset} are the same; read once, as {first}")
            continue
        images = read_list(root, file, folders, ledger)
        ids = [_darknet_id(n, home) for n in images]
        listing = Listing(subset, images, ids, swap=None)
        make_unique(listing, ledger)
        tell_absent(root, [listing], ledger)
        out.append(listing)
    if not out:
        out.append(_list_beside(root, config, home, ledger))
    return out


def _list_beside(root: InputRoot, config: Config, home: str, ledger: Ledger) -> Listing:
    """List images with label files beside them: scripts make the lists, and many publish none.

    Raises:
        InputError: There are no such images.
    """
    texts = {stem_of(n) for n in label_files(root, home)}
    images = [n for n in images_below(root, home, ledger) if stem_of(n) in texts]
    if not images:
        raise InputError("none of the lists it names is there", where=root.show(config.file))
    ledger.warn(
        f"{config.file}: none of the lists it names is there; images with label files beside them "
        "are read"
    )
    ids = [_darknet_id(n, home) for n in images]
    listing = Listing(DEFAULT_SUBSET, images, ids, swap=None)
    make_unique(listing, ledger)
    return listing
