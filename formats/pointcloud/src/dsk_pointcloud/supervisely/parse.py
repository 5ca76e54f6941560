"""Supervisely's annotation of clouds: tags, objects, figures."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from dsk.annotations import Cuboid3d
from dsk.errors import RecordError
from dsk_pointcloud.frames import NO_SIZE, is_finite
from dsk_pointcloud.supervisely.project import FAMILY, Tag, canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dsk.annotations import Annotation
    from dsk.loss import Ledger

__all__ = [
    "FigureReader",
    "note_lost_tags",
    "note_odd_ranges",
    "note_reserved_tags",
    "object_keys",
    "tag_values",
    "unwrapped",
]

OF_ITEMS = frozenset({"frame", "description"})
"""Attributes of items that are no tags."""

OF_OBJECTS = frozenset({"track_id"})
"""Likewise of boxes."""

_USER = ("labelerLogin", "createdAt", "updatedAt")


def unwrapped(plain: Any) -> dict[str, Any]:
    """Return an annotation without the wrappings of some exports: a list, an ``annotation`` key.

    Raises:
        ValueError: It is no annotation.
    """
    if isinstance(plain, list) and len(plain) == 1:
        plain = plain[0]
    if isinstance(plain, dict) and isinstance(plain.get("annotation"), dict):
        plain = plain["annotation"]
    if not isinstance(plain, dict):
        raise ValueError("an annotation is an object")  # noqa: TRY004 - it is about the file
    for name in ("tags", "objects", "figures", "frames"):
        if not isinstance(plain.get(name) or [], list):
            raise ValueError(f"{name} is no list")  # noqa: TRY004
    return plain


def value_of(value: Any) -> Any:
    """Return a tag's value; the texts "true" and "false" are truth values."""
    if value in ("true", "false"):
        return value == "true"
    return value


def tag_values(
    tags: Iterable[Any],
    declared: dict[str, Tag],
    reserved: frozenset[str],
    frame: int | None = None,
) -> dict[str, Any]:
    """Return the values of tag instances by name; a tag without a value that is there is True.

    Args:
        tags: The instances.
        declared: The declared tags by name.
        reserved: Names that stand for something else, whose tags are left out.
        frame: For episodes: leave out those whose frameRange does not hold it.
    """
    found: dict[str, Any] = {}
    for tag in tags:
        if not isinstance(tag, dict) or not isinstance(tag.get("name"), str):
            continue
        if frame is not None:
            first, last = frame_range(tag)
            if not first <= frame <= last:
                continue
        name, value = tag["name"], tag.get("value")
        if name in reserved:
            continue
        kind = declared[name].value_type if name in declared else ""
        found[name] = True if value is None and kind == "none" else value_of(value)
    return found


def frame_range(tag: dict[str, Any]) -> tuple[float, float]:
    """Return the first and the last frame of a tag of an episode, infinite if it states none."""
    span = tag.get("frameRange")
    if not isinstance(span, list) or [type(frame) for frame in span] != [int, int]:
        return -inf, inf
    return span[0], span[1]


def note_reserved_tags(tags: Iterable[Tag], ledger: Ledger) -> None:
    """Tell of tags whose names stand for something else here.

    Args:
        tags: The declared tags.
        ledger: For the warnings.
    """
    for tag in tags:
        of_items = tag.name in OF_ITEMS and tag.scope != "objectsOnly"
        if of_items or (tag.name in OF_OBJECTS and tag.scope != "imagesOnly"):
            ledger.warn(f"tags called {tag.name} are not read, the name stands for something else")


def note_odd_ranges(plain: dict[str, Any], ledger: Ledger) -> None:
    """Tell of tags of an episode, its own and its objects', whose frames are no pair of numbers.

    Args:
        plain: The episode.
        ledger: For the warnings.
    """
    owners = plain.get("objects")
    owners = [plain, *(owners if isinstance(owners, list) else ())]
    for owner in owners:
        tags = owner.get("tags") if isinstance(owner, dict) else None
        for tag in tags if isinstance(tags, list) else ():
            span = tag.get("frameRange") if isinstance(tag, dict) else None
            if span is not None and frame_range(tag)[0] == -inf:
                ledger.warn("tags whose frameRange is no pair of frames are read for all frames")


def note_lost_tags(
    objects: dict[str, Any], present: dict[str, list[int]], frames: list[int], ledger: Ledger
) -> None:
    """Tell of tags of objects that no box holds.

    Args:
        objects: The objects by canonical key.
        present: The frames with figures of each object, sorted.
        frames: All frames, sorted.
        ledger: For the warnings.
    """
    for key, plain in objects.items():
        spans, shown = [], present.get(key, [])
        tags = plain.get("tags")
        for tag in tags if isinstance(tags, list) else ():
            if not isinstance(tag, dict) or not isinstance(tag.get("name"), str):
                continue
            first, last = frame_range(tag)
            spans.append((tag["name"], first, last, tag.get("value")))
            if first > -inf and _count(shown, first, last) < _count(frames, first, last):
                ledger.warn("tags of objects in frames without their figures are not read")
        spans.sort(key=lambda span: span[:3])
        for a, b in pairwise(spans):
            if a[0] == b[0] and b[1] <= a[2] and a[3] != b[3]:
                ledger.warn("of several tags of one name on one object only the last is read")


def _count(numbers: list[int], first: float, last: float) -> int:
    return bisect_right(numbers, last) - bisect_left(numbers, first)


def object_keys(plain: dict[str, Any]) -> list[str]:
    """Return the canonical keys of an annotation's objects."""
    objects = plain.get("objects") or ()
    return [
        canonical(o["key"])
        for o in objects
        if isinstance(o, dict) and isinstance(o.get("key"), str)
    ]


class FigureReader:
    """Turns figures into boxes.

    Args:
        labels: Index by class title.
        tags: The project's tags.
        object_id: From an object's key to its number.
        figure_id: From a figure's key to its number.
        defaults: Whether declared tags that an object lacks get a default value.
    """

    def __init__(
        self,
        labels: dict[str, int],
        tags: tuple[Tag, ...],
        object_id: Callable[[str], int],
        figure_id: Callable[[str], int],
        *,
        defaults: bool,
    ) -> None:
        self._labels = labels
        self._tags = {tag.name: tag for tag in tags}
        self._object_id = object_id
        self._figure_id = figure_id
        self._absent: dict[str, dict[str, Any]] = {}
        for name in labels if defaults else ():
            self._absent[name] = {
                tag.name: tag.default
                for tag in tags
                if tag.name not in OF_OBJECTS
                and tag.scope != "imagesOnly"
                and (not tag.classes or name in tag.classes)
            }

    def item_attributes(self, plain: dict[str, Any], frame: int | None) -> dict[str, Any]:
        """Return the tags of a whole cloud."""
        return tag_values(plain.get("tags") or (), self._tags, OF_ITEMS, frame)

    def boxes(
        self,
        figures: Iterable[Any],
        objects: dict[str, Any],
        where: str,
        ledger: Ledger,
        *,
        item: str,
        frame: int | None = None,
    ) -> list[Annotation]:
        """Return the boxes of one cloud; a damaged figure goes to the ledger."""
        found: list[Annotation] = []
        for number, figure in enumerate(figures):
            try:
                box = self._box(figure, objects, ledger, frame)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                text = f"it has no {error}" if isinstance(error, KeyError) else str(error)
                place = f"{where}#/figures/{number}"
                ledger.bad_record(RecordError(f"damaged figure: {text}", where=place, item=item))
                continue
            if box is not None:
                found.append(box)
        return found

    def _box(
        self, figure: dict[str, Any], objects: dict[str, Any], ledger: Ledger, frame: int | None
    ) -> Cuboid3d | None:
        kind = figure["geometryType"]
        if kind != "cuboid_3d":
            ledger.warn(f"figures of type {kind} are not read, only cuboid_3d")
            return None
        key, object_key, geometry = figure.get("key"), figure["objectKey"], figure["geometry"]
        owner = objects.get(canonical(object_key)) if isinstance(object_key, str) else None
        if owner is None:
            raise ValueError(f"there is no object {object_key!r}")
        title = owner["classTitle"]
        if title not in self._labels:
            raise ValueError(f"meta.json has no class {title!r}")
        rotation = geometry.get("rotation") or {"x": 0, "y": 0, "z": 0}
        numbers = [
            float(part[axis])
            for part in (geometry["position"], rotation, geometry["dimensions"])
            for axis in "xyz"
        ]
        if not is_finite(*numbers):
            raise ValueError("a number is not finite")
        if min(numbers[6:]) <= 0:
            ledger.warn(NO_SIZE)
        x, y, z, rx, ry, rz, sx, sy, sz = numbers
        attributes = {"track_id": self._object_id(object_key)}
        attributes |= self._absent.get(title, {})
        attributes |= tag_values(owner.get("tags") or (), self._tags, OF_OBJECTS, frame)
        extra = {n: figure[n] for n in _USER if figure.get(n)}
        if isinstance(key, str):
            extra["key"] = key
        extra["objectKey"] = owner["key"]
        return Cuboid3d(
            (x, y, z),
            (rx, ry, rz),
            (sx, sy, sz),
            "+y",
            label=self._labels[title],
            id=self._figure_id(key) if isinstance(key, str) else 0,
            attributes=attributes,
            extra={FAMILY: extra},
        )
