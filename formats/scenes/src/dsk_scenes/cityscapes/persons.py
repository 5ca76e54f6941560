"""Boxes of CityPersons: ``gtBboxCityPersons/<subset>/<city>/<item>_gtBboxCityPersons.json``."""

from __future__ import annotations

import msgspec

from dsk.annotations import Bbox
from dsk.errors import InputError
from dsk.jsonerrors import UNDECODABLE

__all__ = ["LABELS", "PERSONS", "read_persons"]

PERSONS = "gtBboxCityPersons"

LABELS = ("ignore", "pedestrian", "rider", "sitting person", "person (other)", "person group")
"""Labels by number of the first edition (CityPersons, annotations/README.txt)."""

_INDEX = {name: n for n, name in enumerate(LABELS)}

_Numbers = tuple[float, float, float, float]


class _Object(msgspec.Struct):
    label: str
    bbox: _Numbers
    visible: _Numbers | None = msgspec.field(default=None, name="bboxVis")
    number: int = msgspec.field(default=0, name="instanceId")


class _Objects(msgspec.Struct):
    objects: list[_Object]


_decode = msgspec.json.Decoder(_Objects).decode


def read_persons(data: bytes, where: str) -> list[Bbox | str]:
    """Return the boxes of an image: x, y, width, height of whole persons.

    The part of a person that is seen is the attribute ``visible_box``, in the same order; the id
    is the person's value in the instance map. An object of another label is that label.

    Raises:
        InputError: The file is no such file.
    """
    try:
        objects = _decode(data).objects
    except UNDECODABLE as error:
        raise InputError(f"no boxes of CityPersons: {error}", where=where) from error
    found: list[Bbox | str] = []
    for entry in objects:
        label = _INDEX.get(entry.label)
        if label is None:
            found.append(entry.label)
            continue
        seen = {} if entry.visible is None else {"visible_box": [*entry.visible]}
        found.append(Bbox(*entry.bbox, label=label, id=entry.number, attributes=seen))
    return found
