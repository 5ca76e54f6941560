"""Reading MPII Human Pose: one MATLAB file for the whole dataset."""

from __future__ import annotations

import math
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, ListSource
from dsk.item import DatasetItem
from dsk_pose.joints import CATEGORIES, COUNT, ImageFinder, People, Person, item_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["MpiiImporter"]

_DAMAGED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OSError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    UnboundLocalError,
    UnicodeError,
    EOFError,
    zlib.error,
    struct.error,
)
"""What damaged MATLAB files make scipy raise."""


class MpiiImporter(Importer):
    """Opens MPII Human Pose; see the descriptor for the options."""

    def __init__(self, *, visibility: str = "datumaro") -> None:
        self.visibility = visibility

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        name = root.focus or _find(root)
        where = root.show(name)
        find = ImageFinder(root, name.rpartition("/")[0])
        people = People(self.visibility, ledger)
        items: dict[str, DatasetItem] = {}
        for number, record in enumerate(_records(_load(root, name, where), where), 1):
            place = f"{where}#annolist({number})"
            try:
                image = _text(getattr(getattr(record, "image", None), "name", None))
                item = item_of(image, place)
                if item in items:
                    raise RecordError(f"a second record of {image!r}", where=place, item=item)  # noqa: TRY301
                found = [_person(rect, place) for rect in _each(getattr(record, "annorect", None))]
            except (RecordError, UnsafePathError) as error:
                ledger.bad_record(RecordError(error.message, where=place))
                continue
            items[item] = DatasetItem(
                item, media=find(image), annotations=people.annotations(found)
            )
        return ListSource(items.values(), Header(categories=CATEGORIES))


def _find(root: InputRoot) -> str:
    names = root.files("", (".mat",), 3)
    if not names:
        raise InputError("there is no MATLAB file (.mat)", where=root.path)
    return min(names, key=lambda name: ("mpii" not in name.lower(), name))


def _load(root: InputRoot, name: str, where: str) -> Any:
    from scipy import io  # type: ignore[import-untyped]
    from scipy.io.matlab import MatReadError  # type: ignore[import-untyped]

    try:
        with root.open(name) as file:
            return io.loadmat(
                file, struct_as_record=False, squeeze_me=True, variable_names=["RELEASE"]
            ).get("RELEASE")
    except (*_DAMAGED, MatReadError) as error:
        raise InputError(f"no readable MATLAB file: {error}", where=where) from error


def _records(release: Any, where: str) -> list[Any]:
    found = getattr(release, "annolist", None)
    if found is None:
        raise InputError("there is no RELEASE.annolist", where=where)
    return list(_each(found))


def _each(value: Any) -> Iterator[Any]:
    """Yield the structs of a MATLAB array, which is no array when it holds one."""
    for one in np.atleast_1d(value) if value is not None else ():
        if hasattr(one, "_fieldnames"):
            yield one


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any, where: str) -> float | None:
    """Return a number, or None for MATLAB's empty matrix and what else is no number.

    Raises:
        RecordError: It is not finite.
    """
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    number = float(value)
    if not math.isfinite(number):
        raise RecordError("a number is not finite", where=where)
    return number


def _person(rect: Any, where: str) -> Person:
    """Return one person of an image.

    Raises:
        RecordError: A number is not finite, or a joint is none of the sixteen.
    """
    person = Person(scale=_number(getattr(rect, "scale", None), where))
    for place in _each(getattr(rect, "objpos", None)):
        x, y = (_number(getattr(place, axis, None), where) for axis in "xy")
        if x is not None and y is not None:
            person.center = [x, y]
    corners = [_number(getattr(rect, name, None), where) for name in ("x1", "y1", "x2", "y2")]
    x1, y1, x2, y2 = corners
    if x1 is not None and y1 is not None and x2 is not None and y2 is not None:
        person.head = (x1, y1, x2, y2)
    for points in _each(getattr(rect, "annopoints", None)):
        for point in _each(getattr(points, "point", None)):
            _joint(person, point, where)
    return person


def _joint(person: Person, point: Any, where: str) -> None:
    number, x, y = (_number(getattr(point, name, None), where) for name in ("id", "x", "y"))
    if number is None or x is None or y is None:
        return
    place = int(number)
    if not 0 <= place < COUNT:
        raise RecordError(f"there is no joint {place}", where=where)
    if not person.points:
        person.points = [0.0] * (2 * COUNT)
        person.seen = [0] * COUNT
        person.there = [False] * COUNT
    person.points[2 * place : 2 * place + 2] = [x, y]
    seen = _number(getattr(point, "is_visible", None), where)
    person.seen[place] = int(seen is None or seen != 0)
    person.there[place] = True
