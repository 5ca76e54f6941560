"""The panoptic annotations of Mapillary Vistas: COCO's grammar, with texts for image ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dsk.errors import InputError, UnsafePathError
from dsk.jsonerrors import UNDECODABLE
from dsk.names import clean_name

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk_scenes.mapillary.layout import Split

__all__ = ["Category", "Panoptic", "Segment", "find_panoptic", "read_panoptic"]


class Segment(msgspec.Struct, frozen=True, gc=False):
    """A segment of an image."""

    id: int
    category_id: int | None = None
    iscrowd: Any = 0


class Category(msgspec.Struct, frozen=True):
    """A label."""

    id: int
    name: str
    supercategory: str = ""
    color: tuple[int, int, int] | None = None


class _Record(msgspec.Struct, frozen=True):
    image_id: str | int
    file_name: str
    segments_info: list[Segment] = []


class _File(msgspec.Struct, frozen=True):
    annotations: list[_Record]
    categories: list[Category] = []


class Panoptic(msgspec.Struct, frozen=True):
    """A subset's annotations.

    Attributes:
        files: Name of the segment map by image id.
        segments: Segments by image id.
        categories: Labels.
    """

    files: dict[str, str]
    segments: dict[str, list[Segment]]
    categories: list[Category]


_decode = msgspec.json.Decoder(_File).decode


def find_panoptic(root: InputRoot, split: Split) -> str | None:
    """Return the file of a subset's panoptic annotations."""
    folder = f"{split.home}/panoptic" if split.home else "panoptic"
    names = [
        n for n in root.entries(folder)[1] if n.startswith("panoptic_") and n.endswith(".json")
    ]
    return f"{folder}/{names[-1]}" if names else None


def read_panoptic(root: InputRoot, name: str) -> Panoptic:
    """Read a subset's panoptic annotations.

    Raises:
        InputError: The file is damaged.
    """
    where = root.show(name)
    try:
        decoded = _decode(root.text_bytes(name))
    except UNDECODABLE as error:
        raise InputError(f"no panoptic annotations: {error}", where=where) from error
    folder = name.rpartition("/")[0]
    files, segments = {}, {}
    for number, record in enumerate(decoded.annotations):
        place = f"{where}#/annotations/{number}"
        try:
            file = clean_name(record.file_name, place)
            item = clean_name(str(record.image_id), place)
        except UnsafePathError as error:
            raise InputError(error.message, where=place) from error
        files[item] = f"{folder}/{file}"
        segments[item] = record.segments_info
    return Panoptic(files, segments, decoded.categories)
