"""Where the files of a LabelMe XML dataset are, and what their items are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.item import DEFAULT_SUBSET
from dsk.listings import without_hidden
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_labelme.folders import Folders

__all__ = ["File", "Named", "Places", "list_files"]

_ANNOTATIONS, _IMAGES = "annotations", "images"


class File(Struct, frozen=True):
    """An XML file.

    Attributes:
        name: Its relative name.
        home: What precedes ``Annotations``; None when the file lies beside its image.
        subset: The subset that its place says.
    """

    name: str
    home: str | None
    subset: str


class Named(Struct, frozen=True):
    """What a file's item is called.

    Attributes:
        subset: Its subset.
        id: Its id.
        images: Where its image may be; the first one is where it belongs.
        masks: Folders that its masks may be in.
    """

    subset: str
    id: str
    images: list[str]
    masks: list[str]


def list_files(root: InputRoot, ledger: Ledger) -> list[File]:
    """Return the XML files of a dataset: those below ``Annotations``, or all if none is."""
    if root.focus is not None:
        return [File(root.focus, None, DEFAULT_SUBSET)]
    files = []
    homes: dict[str, bool] = {}
    walked = (name for name in root.walk() if name.lower().endswith(".xml"))
    for name in without_hidden(walked, "XML files", ledger):
        parts = name.split("/")
        at = next((n for n, part in enumerate(parts[:-1]) if part.lower() == _ANNOTATIONS), -1)
        if at >= 0 and _is_home("/".join(parts[:at]), parts[at], root, homes):
            below = parts[at + 1 : -1]
            files.append(File(name, "/".join(parts[:at]), below[0] if below else DEFAULT_SUBSET))
        else:
            files.append(File(name, None, parts[0] if len(parts) > 1 else DEFAULT_SUBSET))
    if any(file.home is not None for file in files):
        files = [file for file in files if file.home is not None]
    return sorted(files, key=lambda file: file.name)


def _is_home(folder: str, annotations: str, root: InputRoot, known: dict[str, bool]) -> bool:
    """Tell whether annotations are the web tool's; in lower case they need images beside."""
    if annotations == "Annotations":
        return True
    found = known.get(folder)
    if found is None:
        beside = [name.lower() for name in root.entries(folder)[0]]
        found = known[folder] = _IMAGES in beside
    return found


class Places:
    """Finds the images and masks of files.

    Args:
        root: The dataset.
        folders: Its folders.
    """

    def __init__(self, root: InputRoot, folders: Folders) -> None:
        self._root = root
        self._folders = folders
        self._homes: dict[str, tuple[str, str]] = {}

    def named(self, file: File, filename: str, folder: str) -> Named:
        """Return what a file's item is called.

        Args:
            file: The file.
            filename: The image that it names, or "".
            folder: The folder that it names, or "".

        Raises:
            UnsafePathError: A name leads out of the dataset.
        """
        where = self._root.show(file.name)
        base = file.name.rpartition("/")[2]
        given = clean_name(filename, where) if filename else stem_of(base)
        folder = clean_name(folder, where) if folder else ""
        item_id = stem_of(given) if filename else given
        subset = file.subset
        if file.home is not None:
            subset = folder or file.subset
            images, masks = self._places(file.home, file.name, subset, file.subset)
            images = [f"{place}/{given}" for place in images]
        else:
            item_id = f"{folder}/{item_id}" if folder else item_id
            beside = file.name.rpartition("/")[0]
            images = [f"{beside}/{given.rpartition('/')[2]}"]
            parts = beside.split("/")
            masks = ["/".join([*parts[:n], "Masks"]) for n in range(len(parts), -1, -1)]
        images = [image.replace("//", "/").strip("/") for image in images]
        masks = [m.strip("/") for m in masks]
        return Named(subset, clean_name(item_id, where), images, masks)

    @staticmethod
    def own_ids(file: File, named: Named) -> list[str]:
        """Return ids after the file's own name and place instead of the image's."""
        own = stem_of(file.name)
        base = own.rpartition("/")[2]
        folder = named.id.rpartition("/")[0]
        below = own.partition("/")[2]
        if file.home is not None:
            _, _, below = own[len(file.home) :].strip("/").partition("/")
            first, _, rest = below.partition("/")
            below = rest if rest and first == named.subset else below
        home = f"{file.home}/{below}" if file.home else below
        ids = (f"{folder}/{base}" if folder else base, below, home, own, file.name)
        return [i for i in dict.fromkeys(ids) if i]

    def _places(self, home: str, name: str, subset: str, other: str) -> tuple[list[str], list[str]]:
        """Return where images and masks may be: by the subset, the file's folder, or in none."""
        known = self._homes.get(home)
        if known is None:
            folders = {name.lower(): name for name in sorted(self._root.entries(home)[0])[::-1]}
            prefix = f"{home}/" if home else ""
            images, masks = (prefix + folders.get(own.lower(), own) for own in ("Images", "Masks"))
            known = self._homes[home] = images, masks
        images, masks = known
        own = "/".join(name[len(home) :].strip("/").split("/")[1:-1])
        first = "" if subset == DEFAULT_SUBSET == other and not own else subset
        places = [f"{images}/{place}" for place in dict.fromkeys((first, own, ""))]
        return places, [f"{masks}/{subset}", f"{masks}/{other}", f"{masks}/{own}", masks]

    def image(self, images: Sequence[str], file: str) -> str:
        """Return where an image is; one of another ending when there is none of the exact name.

        Args:
            images: Where it may be; the first one is where it belongs.
            file: The XML file, whose name renamed images may have.
        """
        place = next((name for name in images if self._folders.has(name)), None)
        if place is None:
            place = next(filter(None, (self._other(name) for name in images)), None)
        return place or self.own_image(images, file) or images[0]

    def own_image(self, images: Sequence[str], file: str) -> str | None:
        """Return the image that has the XML file's own name, for which see ``image``."""
        own = stem_of(file.rpartition("/")[2])
        folders = [name.rpartition("/")[0] for name in images]
        found = [(f, self._folders.images(f).get(own)) for f in folders]
        return next((f"{f}/{n}" if f else n for f, n in found if n), None)

    def _other(self, name: str) -> str | None:
        """Return an image that has another ending."""
        folder, _, base = name.rpartition("/")
        images = self._folders.images(folder)
        stem = stem_of(base) if is_image_name(base) else base
        found = min((images[s] for s in (stem, base) if s in images), default=None)
        return f"{folder}/{found}" if found is not None and folder else found
