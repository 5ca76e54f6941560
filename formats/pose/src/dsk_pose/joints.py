"""What both MPII formats share: the joints, and how people become annotations."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Bbox, Points
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.errors import UnsafePathError
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["CATEGORIES", "COUNT", "SPLIT_HINT", "ImageFinder", "People", "Person", "item_of"]

JOINTS = (
    "r_ankle",
    "r_knee",
    "r_hip",
    "l_hip",
    "l_knee",
    "l_ankle",
    "pelvis",
    "thorax",
    "upper_neck",
    "head top",
    "r_wrist",
    "r_elbow",
    "r_shoulder",
    "l_shoulder",
    "l_elbow",
    "l_wrist",
)
COUNT = len(JOINTS)
_BONES = (
    (0, 1),
    (1, 2),
    (2, 6),
    (3, 4),
    (3, 6),
    (4, 5),
    (6, 7),
    (7, 8),
    (8, 9),
    (8, 12),
    (8, 13),
    (10, 11),
    (11, 12),
    (13, 14),
    (14, 15),
)

CATEGORIES = Categories(
    labels=(LabelCategory("human"),), points={0: PointsCategory(JOINTS, _BONES)}
)

SPLIT_HINT = "what is for training and what for testing is left out; -I split=true keeps it"

_COCO = "coco"


class Person(Struct):
    """One person.

    Attributes:
        points: x and y of each joint; 0, 0 where there is none.
        seen: 1 for joints that are seen, 0 for hidden ones.
        there: Whether a joint is annotated at all.
        center: Rough place of the person, or None.
        scale: Height of the person in units of 200 pixels, or None.
        head: x1, y1, x2, y2 of the head, or None.
    """

    points: list[float] = []
    seen: list[int] = []
    there: list[bool] = []
    center: list[float] | None = None
    scale: float | None = None
    head: tuple[float, float, float, float] | None = None


class People:
    """Turns people into annotations.

    Args:
        visibility: "datumaro": 1 seen, 0 hidden or absent, as in the files; "coco": 2 seen, 1
            hidden, 0 absent, which is what other formats mean.
        ledger: Where a hint goes.
    """

    def __init__(self, visibility: str, ledger: Ledger) -> None:
        self._coco = visibility == _COCO
        self._ledger = ledger
        self._told = False

    def annotations(self, people: Sequence[Person]) -> list[Annotation]:
        """Return an image's annotations: joints and head of each person, in a group."""
        found: list[Annotation] = []
        for group, person in enumerate(people, 1):
            attributes: dict[str, Any] = {}
            if person.center is not None:
                attributes["center"] = person.center
            if person.scale is not None:
                attributes["scale"] = person.scale
            if person.points:
                seen = self._visibility(person)
                found.append(
                    Points(person.points, seen, label=0, group=group, attributes=attributes)
                )
            if person.head is not None:
                x1, y1, x2, y2 = person.head
                own = {} if person.points else attributes
                box = Bbox(x1, y1, x2 - x1, y2 - y1, label=0, group=group, attributes=own)
                found.append(box)
            elif not person.points:
                self._ledger.warn("people without joints and head are left out")
        return found

    def _visibility(self, person: Person) -> list[int]:
        if self._coco:
            pairs = zip(person.seen, person.there, strict=True)
            return [1 + bool(seen) if there else 0 for seen, there in pairs]
        if not self._told and 0 in person.seen:
            self._told = True
            self._ledger.warn(
                "hidden joints are marked 0, as in the files and in Datumaro, which other formats "
                "take for absent; -I visibility=coco marks them 1 and seen ones 2"
            )
        return person.seen


class ImageFinder:
    """Finds images by the name that annotations have for them, wherever they lie.

    Args:
        root: The input.
        folder: Where the annotations are.
    """

    def __init__(self, root: InputRoot, folder: str) -> None:
        self._root = root
        self._folder = folder
        self._by_name: dict[str, str] = {}
        for name in root.walk("", 3):
            if is_image_name(name):
                self._by_name.setdefault(name.rpartition("/")[2], name)
        self._names = frozenset(self._by_name.values())

    def __call__(self, name: str, size: tuple[int, int] | None = None) -> Image:
        """Return the image; ``size`` (height, width) counts only when there is no file."""
        path = posixpath.join(self._folder, name)
        if path not in self._names:
            path = self._by_name.get(name.rpartition("/")[2], "")
        if path:
            return Image(path, self._root.locate(path))
        return Image(name, None, None, size)


def item_of(name: str, where: str) -> str:
    """Return the id of an image.

    Raises:
        UnsafePathError: The name leads elsewhere.
    """
    if not name:
        raise UnsafePathError("the image has no name", where=where)
    return clean_name(stem_of(clean_name(name, where)), where)
