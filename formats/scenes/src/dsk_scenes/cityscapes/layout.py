"""Where the files of a Cityscapes dataset are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.errors import UnsafePathError
from dsk.media import is_image_name
from dsk.names import clean_name, stem_of
from dsk_scenes.cityscapes.persons import PERSONS

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["FINE", "IMAGES", "Files", "find_files"]

IMAGES, FINE, COARSE = "leftImg8bit", "gtFine", "gtCoarse"

_GT = re.compile(
    r"(.+)_(gtFine|gtCoarse)_"
    r"(instanceIds|labelIds|labelTrainIds|instanceTrainIds|color|polygons)\.(?:png|json)$",
    re.IGNORECASE,
)
_PERSONS = re.compile(rf"(.+)_{PERSONS}\.json$", re.IGNORECASE)
_MARKS = {name.lower(): name for name in (IMAGES, FINE, COARSE, PERSONS)}
_MARKS[f"{IMAGES}_sequence".lower()] = IMAGES
_SUFFIX = f"_{IMAGES}".lower()
_OTHERS = f"{IMAGES}_".lower()
"""What folders of the images in another weather, or blurred, begin with: ``leftImg8bit_foggy``."""

_OTHER = re.compile(rf"(.+)_{IMAGES}(_.+)?", re.IGNORECASE)


class Files(Struct):
    """The files of one item: its image, its boxes, and its other files by what they hold.

    ``others`` are images of the same scene, such as those of Foggy Cityscapes.
    """

    image: str = ""
    others: list[str] = []
    persons: str = ""
    fine: dict[str, str] = {}
    coarse: dict[str, str] = {}


def find_files(root: InputRoot) -> dict[tuple[str, str], Files]:
    """Return the files by (subset, id), in the order of subsets and ids.

    The folder given may be the dataset, one above it, or ``gtFine``, ``leftImg8bit`` or a subset
    of these alone.
    """
    found: dict[tuple[str, str], Files] = {}
    for name in root.walk():
        split = _split(root, name)
        if split is None:
            continue
        mark, subset, rest = split
        gt, persons = _GT.match(rest), _PERSONS.match(rest)
        if persons is not None:
            files = found.setdefault((subset, persons[1]), Files())
            files.persons = files.persons or name
        elif gt is not None:
            files = found.setdefault((subset, gt[1]), Files())
            kept = files.coarse if gt[2].lower() == COARSE.lower() else files.fine
            kept.setdefault(gt[3].lower(), name)
        elif mark == _OTHERS and is_image_name(rest):
            match = _OTHER.fullmatch(stem_of(rest))
            if match is None:
                continue
            files = found.setdefault((subset, match[1]), Files())
            if match[2]:
                files.others.append(name)
            else:
                files.image = files.image or name
        elif mark in (IMAGES, "") and is_image_name(rest):
            item = stem_of(rest)
            if item.lower().endswith(_SUFFIX):
                item = item[: -len(_SUFFIX)]
            elif mark == "":
                continue
            files = found.setdefault((subset, item), Files())
            files.image = files.image or name
    return dict(sorted(found.items()))


def _split(root: InputRoot, name: str) -> tuple[str, str, str] | None:
    """Return the kind of a file's folder, its subset, and its name below that."""
    try:
        parts = clean_name(name).split("/")
    except UnsafePathError:
        return None
    marks = [n for n, part in enumerate(parts[:-1]) if _mark(part)]
    if marks:
        place = marks[-1]
        mark, rest = _mark(parts[place]), parts[place + 1 :]
    elif _mark(root.name):
        mark, rest = _mark(root.name), parts
    else:
        return "", root.name or "default", "/".join(parts)
    if len(rest) < 2:
        return mark, "default", rest[0]
    return mark, rest[0], "/".join(rest[1:])


def _mark(folder: str) -> str:
    """Return what a folder holds by its name, or ""."""
    low = folder.lower()
    return _MARKS.get(low) or (_OTHERS if low.startswith(_OTHERS) else "")
