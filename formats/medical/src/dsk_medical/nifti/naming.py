"""Names of files and classes that are written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from dsk_medical.nifti.filenames import PLANES, parse
from dsk_medical.volume import geometry
from dsk_medical.volume.tables import ColorEntry

if TYPE_CHECKING:
    from dsk.categories import Categories
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["Classes", "annotation_name", "classes_of", "plane_of_item", "volume_name"]

_UNFIT = re.compile(r"[/\\\x00-\x1f\x7f:*?\"<>|]")
_LONGEST = 180
_COLORS = ((230, 25, 75), (60, 180, 75), (0, 130, 200), (245, 130, 48), (145, 30, 180))
_THREE_NUMBERS = re.compile(r".* -?\d+ -?\d+ -?\d+")


class Classes(NamedTuple):
    """The classes as files name them, by label.

    Attributes:
        names: Unique names that can be file names.
        ids: Unique numbers above 0.
        entries: The lines of the class colour map.
    """

    names: list[str]
    ids: list[int]
    entries: list[ColorEntry]


def classes_of(categories: Categories, ledger: Ledger, *, files: bool) -> Classes:
    """Return the classes of a dataset; changed names and numbers go to the ledger.

    Args:
        categories: The labels.
        ledger: Where changes go.
        files: Whether names must be names of files.
    """
    names: list[str] = []
    taken: set[str] = set()
    for number, label in enumerate(categories.labels):
        name = _fit(label.name, number, files=files)
        while (name.casefold() if files else name) in taken:
            name += "_"
        taken.add(name.casefold() if files else name)
        names.append(name)
        if name != label.name:
            ledger.add("DSK-L010", f"label {label.name!r} is called {name!r}")
    ids = [label.source_id or 0 for label in categories.labels]
    if len(set(ids)) < len(ids) or not all(0 < number < 1 << 31 for number in ids):
        if any(ids):
            ledger.add("DSK-L015", "class numbers", count=len(ids))
        ids = list(range(1, len(ids) + 1))
    entries = []
    for n, name in enumerate(names):
        color = categories.colors.get(n)
        if color is None and _THREE_NUMBERS.fullmatch(name):  # which would be taken for a colour
            color = _COLORS[n % len(_COLORS)]
        entries.append(ColorEntry(ids[n], name, color))
    return Classes(names, ids, entries)


def _fit(name: str, number: int, *, files: bool) -> str:
    if not files:
        return " ".join(name.split()) or f"class_{number}"
    fitted = " ".join(_UNFIT.sub("_", name).split()).encode("utf-8", "replace")[:_LONGEST]
    text = fitted.decode("utf-8", "ignore").rstrip(" .")
    if text.startswith("."):
        text = f"_{text}"
    return text or f"class_{number}"


def plane_of_item(item: DatasetItem) -> str:
    """Return an item's plane: as its attribute or its id says, else by the volume's axes."""
    plane = item.attributes.get("plane")
    if plane in PLANES:
        return str(plane)
    parsed = parse(f"{item.id}.nii")
    if parsed is not None and parsed.sure:
        return parsed.plane
    affine = geometry.matrix(getattr(item.media, "affine", None))
    return geometry.plane_of(affine) if affine is not None else "axl"


def volume_name(item: DatasetItem, folder: str, structure: str) -> str:
    """Return the name, without ending, of an item's volume.

    Args:
        item: The item.
        folder: The folder of its subset, or "".
        structure: As the exporter's option.
    """
    name = item.id
    if structure != "by-name":
        parsed = parse(f"{name}.nii")
        fits = parsed is not None and parsed.role == "volume" and parsed.sure
        if structure == "planes-items" and not (fits and "/" in name):
            name = f"{name}/{plane_of_item(item)}_anatomic"
        elif not fits:
            name = f"{name}_{plane_of_item(item)}_anatomic"
    return f"{folder}/{name}" if folder else name


_TYPE = re.compile(r"anatomic(?:al)?", re.IGNORECASE)


def annotation_name(volume: str, index: int | None) -> str:
    """Return the name, without ending, of a file of masks by plane.

    Args:
        volume: The volume's name without ending.
        index: The class that the file is of; None: its values are classes.
    """
    folder, slash, base = volume.rpartition("/")
    base = _TYPE.sub("inference", base)
    if index is not None:
        base = f"{base}_{index}"
    elif base.rpartition("_")[2].isdigit():  # which would be taken for a class
        base = f"{base}_seg"
    return f"{folder}{slash}{base}"
