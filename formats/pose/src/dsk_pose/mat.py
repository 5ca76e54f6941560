"""Reading MPII Human Pose: one MATLAB file for the whole dataset."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, ListSource
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk_pose.joints import CATEGORIES, COUNT, SPLIT_HINT, ImageFinder, People, Person, item_of
from dsk_pose.matfile import load_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["MpiiImporter"]

_RELEASE = frozenset({"annolist", "img_train", "act", "version"})
_RECORD = frozenset({"image", "annorect", "vidx", "frame_sec"})
_RECT = frozenset({"annopoints", "objpos", "scale", "x1", "y1", "x2", "y2"})


class MpiiImporter(Importer):
    """Opens MPII Human Pose; see the descriptor for the options."""

    def __init__(self, *, visibility: str = "datumaro", split: bool = False) -> None:
        self.visibility = visibility
        self.split = split

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        name = root.focus or _find(root)
        where = root.show(name)
        find = ImageFinder(root, name.rpartition("/")[0])
        people = People(self.visibility, ledger)
        items: dict[str, DatasetItem] = {}
        release = load_variable(root.read(name), "RELEASE", where)
        left: set[str] = _unknown(release, _RELEASE)
        facts = _Facts(release, ledger, split=self.split)
        for number, record in enumerate(_records(release, where), 1):
            place = f"{where}#annolist({number})"
            try:
                image = _text(getattr(getattr(record, "image", None), "name", None))
                item = item_of(image, place)
                if item in items:
                    raise RecordError(f"a second record of {image!r}", where=place, item=item)  # noqa: TRY301
            except (RecordError, UnsafePathError) as error:
                ledger.bad_record(RecordError(error.message, where=place))
                continue
            left |= _unknown(record, _RECORD)
            for rect in _each(getattr(record, "annorect", None)):
                left |= _unknown(rect, _RECT)
            found = _people(record, place, item, ledger)
            items[item] = DatasetItem(
                item,
                facts.subset(number - 1),
                find(image),
                people.annotations(found),
                extra=facts.more(record, number - 1),
            )
        if left:
            ledger.warn(f"fields that are left out: {', '.join(sorted(left)[:9])}")
        return ListSource(items.values(), Header(categories=CATEGORIES))


def _unknown(record: Any, known: frozenset[str]) -> set[str]:
    return set(getattr(record, "_fieldnames", ())) - known


class _Facts:
    """What a release says of images beside the people in them.

    Args:
        release: The release.
        ledger: Is told if the split is left out.
        split: Whether subsets are made of it.
    """

    def __init__(self, release: Any, ledger: Ledger, *, split: bool) -> None:
        train = _numbers(getattr(release, "img_train", None))
        if len(set(train)) > 1 and not split:
            ledger.warn(SPLIT_HINT)
        self._train = train if split else []
        acts = getattr(release, "act", None)
        self._acts = list(np.atleast_1d(acts)) if acts is not None else []

    def subset(self, number: int) -> str:
        """Return the subset of an image."""
        if number >= len(self._train):
            return DEFAULT_SUBSET
        return "train" if self._train[number] else "test"

    def more(self, record: Any, number: int) -> dict[str, Any] | None:
        """Return the video that an image is of, and what is done in it."""
        found: dict[str, Any] = {}
        act = self._acts[number] if number < len(self._acts) else None
        for source, names in ((record, ("vidx", "frame_sec")), (act, ("act_id",))):
            values = ((name, _numbers(getattr(source, name, None))) for name in names)
            found |= {name: value[0] for name, value in values if len(value) == 1}
        texts = ((name, _text(getattr(act, name, None))) for name in ("cat_name", "act_name"))
        found |= {name: text for name, text in texts if text}
        return {"mpii": found} if found else None


def _numbers(value: Any) -> list[float]:
    """Return the numbers of a MATLAB array; what is none, or not finite, has none."""
    array = np.atleast_1d(value) if value is not None else np.empty(0)
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        return []
    found: list[float] = array.ravel().tolist()
    return found


def _people(record: Any, where: str, item: str, ledger: Ledger) -> list[Person]:
    """Return the people of an image; bad ones are told and left out."""
    found = []
    for rect in _each(getattr(record, "annorect", None)):
        try:
            found.append(_person(rect, where))
        except RecordError as error:
            ledger.bad_record(RecordError(error.message, where=where, item=item))
    return found


def _find(root: InputRoot) -> str:
    names = root.files("", (".mat",), 3)
    if not names:
        raise InputError("there is no MATLAB file (.mat)", where=root.path)
    return min(names, key=lambda name: ("mpii" not in name.lower(), name))


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
