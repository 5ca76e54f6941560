"""Reading MPII annotations as JSON, as training code has them, with or without numpy files."""

from __future__ import annotations

import io
import posixpath
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, ListSource
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.npy import DAMAGE
from dsk_pose.joints import CATEGORIES, SPLIT_HINT, ImageFinder, People, Person, item_of
from dsk_pose.splits import HOME, find_splits, split_of, without_repeats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["MpiiJsonImporter"]

ANNOTATIONS = "mpii_annotations.json"
_NOWHERE = [-1, -1]
_LARGEST = 1e300  # what is larger may be no float: JSON's whole numbers have no limit
HEADS, SEEN, POSES = "mpii_headboxes.npy", "jnt_visible.npy", "mpii_pos_gt.npy"


class MpiiJsonImporter(Importer):
    """Opens MPII as JSON; see the descriptor for the options."""

    def __init__(self, *, visibility: str = "datumaro", split: bool = False) -> None:
        self.visibility = visibility
        self.split = split

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None and root.name.lower() == HOME:
            root = root.up()  # the images lie beside this folder
        people = People(self.visibility, ledger)
        images: dict[_Key, tuple[str, tuple[int, int] | None, ImageFinder]] = {}
        own: dict[_Key, list[Person]] = {}
        others: dict[_Key, list[Person]] = {}
        parts: set[str] = set()
        for name in [root.focus] if root.focus is not None else _find(root, ledger):
            where = root.show(name)
            folder = name.rpartition("/")[0]
            find, side = ImageFinder(root, folder), _Side(root, folder)
            subsets: dict[str, str] = {}
            for number, given in enumerate(_records(root, name, where)):
                place = f"{where}#/{number}"
                try:
                    record = _plain(given, place)
                    image, size = _image(record, place)
                    item = item_of(image, place)
                    first = side.complete(_self(record, place), number)
                    more = _others(record, place)
                except (RecordError, UnsafePathError) as error:
                    ledger.bad_record(RecordError(error.message, where=place))
                    continue
                part = subsets.setdefault(item, _part(record, name))
                parts.add(part)
                key = item, part if self.split else DEFAULT_SUBSET
                images.setdefault(key, (image, size, find))
                own.setdefault(key, []).append(first)
                others.setdefault(key, []).extend(more)
        if len(parts) > 1 and not self.split:
            ledger.warn(SPLIT_HINT)
        items = [
            DatasetItem(
                *key,
                media=find(image, size),
                annotations=people.annotations(_joined(own[key], others[key])),
            )
            for key, (image, size, find) in images.items()
        ]
        return ListSource(items, Header(categories=CATEGORIES))


_Key = tuple[str, str]
"""An item and its subset."""


def _part(record: dict[str, Any], name: str) -> str:
    """Return the subset that a record, or else the name of its file, says."""
    validation = record.get("isValidation")
    if validation in (True, False) or _is_number(validation):
        return "val" if validation else "train"
    return split_of(name) or DEFAULT_SUBSET


def _find(root: InputRoot, ledger: Ledger) -> list[str]:
    names = root.files("", (".json",), 3)
    known = [name for name in names if name.rpartition("/")[2] == ANNOTATIONS]
    splits = [] if known else find_splits(root)
    if splits:
        return without_repeats(splits, ledger)
    if not known and len(names) != 1:
        raise InputError(
            f"there is no {ANNOTATIONS}", where=root.path, hint="give the JSON file itself"
        )
    return (known or names)[:1]


def _records(root: InputRoot, name: str, where: str) -> list[Any]:
    try:
        records = msgspec.json.decode(root.text_bytes(name))
    except (*UNDECODABLE, ValueError) as error:
        raise InputError(f"no readable JSON: {error}", where=where) from error
    if not isinstance(records, list):
        raise InputError("it holds no list of records", where=where)
    return records


def _plain(record: Any, where: str) -> dict[str, Any]:
    """Return a record with img_paths and joint_self.

    Training code of later years has image, joints, joints_vis, center and scale instead, and
    joints at -1, -1 where there are none.

    Raises:
        RecordError: It is no object, or joints and joints_vis do not fit.
    """
    if not isinstance(record, dict):
        raise RecordError('a record is an object with "img_paths"', where=where)
    if "img_paths" in record or "image" not in record:
        return record
    joints, seen = record.get("joints") or [], record.get("joints_vis") or []
    if not (isinstance(joints, list) and isinstance(seen, list) and len(joints) == len(seen)):
        raise RecordError("joints and joints_vis are lists of one length", where=where)
    if not all(_is_numbers(joint, 2) for joint in joints):
        raise RecordError("a joint is x and y", where=where)
    there = [joint != _NOWHERE for joint in joints]
    return {
        "img_paths": record["image"],
        "joint_self": [
            [*joint, value] if known else [0, 0, 0]
            for joint, value, known in zip(joints, seen, there, strict=True)
        ],
        "objpos": record.get("center"),
        "scale_provided": record.get("scale"),
    }


def _image(record: dict[str, Any], where: str) -> tuple[str, tuple[int, int] | None]:
    name = record.get("img_paths")
    if not isinstance(name, str):
        raise RecordError('a record is an object with "img_paths"', where=where)
    size = [record.get(key) for key in ("img_height", "img_width")]
    known = [int(v) for v in size if isinstance(v, int | float) and 0 < v < 1 << 20]
    return name, (known[0], known[1]) if len(known) == len(size) else None


def _self(record: dict[str, Any], where: str) -> Person:
    return _person(
        record.get("joint_self") or [],
        record.get("objpos"),
        record.get("scale_provided", 0),
        where,
    )


def _others(record: dict[str, Any], where: str) -> list[Person]:
    """Return the other people of a record; one alone is no list of people."""
    joints = record.get("joint_others")
    if not joints:
        return []
    center, scale = record.get("objpos_other") or [], record.get("scale_provided_other")
    if _depth(joints) == 2:
        joints, center, scale = [joints], [center], [scale]
    if not isinstance(joints, list) or not isinstance(center, list):
        raise RecordError("joint_others is no list of people", where=where)
    scales = scale if isinstance(scale, list) else [scale]
    return [
        _person(
            own,
            center[n] if n < len(center) else None,
            scales[n] if n < len(scales) else None,
            where,
        )
        for n, own in enumerate(joints)
    ]


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list) and depth < 4:
        depth += 1
        value = value[0] if value else None
    return depth


def _person(joints: Any, center: Any, scale: Any, where: str) -> Person:
    person = Person()
    rows = joints if isinstance(joints, list) else None
    if rows is None or not all(map(_is_joint, rows)):
        raise RecordError("a joint is x, y and whether it is seen", where=where)
    for x, y, _ in rows:
        person.points += (float(x), float(y))
    person.seen = _seen(row[2] for row in rows)
    # Training code writes joints that nobody annotated as zeros.
    person.there = list(map(any, rows))
    if center is not None and center != []:
        if not _is_numbers(center, 2):
            raise RecordError("a centre is x and y", where=where)
        person.center = [float(value) for value in center]
    if scale is not None:
        if not _is_numbers([scale], 1):
            raise RecordError("a scale is a number", where=where)
        person.scale = float(scale)
    return person


def _is_numbers(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    kind = type(value)
    return (kind is float or kind is int) and -_LARGEST < value < _LARGEST


def _is_joint(value: Any) -> bool:
    """Tell whether a value is x, y, and whether it is seen; this is most of what a file holds."""
    if type(value) is not list or len(value) != 3:
        return False
    x, y, seen = value
    if type(x) is float and type(y) is float and type(seen) is float:
        return abs(x) + abs(y) + abs(seen) < _LARGEST
    return _is_numbers(value, 3)


def _joined(own: list[Person], others: list[Person]) -> list[Person]:
    """Return everybody in an image once: with a record for each person, all name the others."""
    found = list(own)
    for person in others:
        if len(own) == 1 or all(person.points != known.points for known in found):
            found.append(person)
    return found


def _seen(values: Iterable[float]) -> list[int]:
    """Return whether joints are seen.

    Raises:
        RecordError: There are other numbers than 0, 1 and COCO's 2.
    """
    found = [int(value) for value in values]
    odd = set(found) - {0, 1, 2}
    if odd:
        raise RecordError(f"whether a joint is seen is 0 or 1, not {min(odd)}")
    return found


class _Side:
    """What numpy files beside the JSON say about the person of each record.

    Args:
        root: The input.
        folder: Where the files are.
    """

    def __init__(self, root: InputRoot, folder: str) -> None:
        self._heads = _array(root, posixpath.join(folder, HEADS), (2, 2, None))
        self._seen = _array(root, posixpath.join(folder, SEEN), (None, None))
        self._poses = _array(root, posixpath.join(folder, POSES), (None, 2, None))

    def complete(self, person: Person, number: int) -> Person:
        """Add joints, visibility and head of a record's person; errors as ``_seen``."""
        if self._poses is not None and number < self._poses.shape[2]:
            person.points = self._poses[:, :, number].ravel().tolist()
            person.seen = [1] * (len(person.points) // 2)
            person.there = [True] * len(person.seen)
        joints = len(person.points) // 2
        seen = self._seen
        if seen is not None and number < seen.shape[1] and 0 < joints == seen.shape[0]:
            person.seen = _seen(seen[:, number])
        if self._heads is not None and number < self._heads.shape[2]:
            (x1, y1), (x2, y2) = self._heads[:, :, number].tolist()
            person.head = (x1, y1, x2, y2)
        return person


def _array(root: InputRoot, name: str, shape: tuple[int | None, ...]) -> NDArray[Any] | None:
    """Return a numpy file's array, or None without the file.

    Raises:
        InputError: It is damaged, or of another shape.
    """
    if not root.is_file(name):
        return None
    where = root.show(name)
    try:
        data = root.read(name)
        found: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "biuf":
            raise InputError("it holds no numbers", where=where)
        fits = len(found.shape) == len(shape) and all(
            wanted in (None, size) for size, wanted in zip(found.shape, shape, strict=True)
        )
        if not fits or not np.isfinite(found).all():
            raise InputError(f"an array of shape {found.shape} does not fit", where=where)
    except DAMAGE as error:
        raise InputError(f"no readable numpy file: {error}", where=where) from error
    return found
