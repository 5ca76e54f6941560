"""From an item's boxes to the text of Supervisely's objects and figures."""

from __future__ import annotations

import contextlib
from math import isfinite, pi
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct

from dsk.annotations import Cuboid3d
from dsk_pointcloud.frames import HALF_PI, note_frames, turned, wrap
from dsk_pointcloud.supervisely.project import FAMILY
from dsk_pointcloud.supervisely.tags import SPECIAL, TagFacts, tag_value
from dsk_pointcloud.tokens import key_of
from dsk_pointcloud.tracks import track_of, whole

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext
    from dsk_pointcloud.frames import Vector
    from dsk_pointcloud.supervisely.tags import Declared

__all__ = ["USER", "BoxWriter", "User", "fits", "json_text", "kept"]


class User(NamedTuple):
    """Who made something, and when."""

    login: str
    created: str
    updated: str

    def of(self, given: dict[str, Any]) -> User:
        """Return the user that attributes state, as far as they do."""
        if "createdAt" not in given and "updatedAt" not in given and "labelerLogin" not in given:
            return self
        return User(*(str(given.get(name) or own) for name, own in zip(USER, self, strict=True)))


USER = ("labelerLogin", "createdAt", "updatedAt")
_MAX_KNOWN = 10_000
_MAX_USERS = 100
_PLACES = SPECIAL - {"description", "frame"}  # those are an item's
_ALLOW = "--allow-undeclared-attrs writes attributes that labels do not declare"

# Unlike JSON it tells NaN from None, and unlike a hash True from 1.
_pack = msgspec.msgpack.encode


def json_text(value: Any) -> str:
    """Return a value as JSON text."""
    return msgspec.json.encode(value).decode()


class _Object(Struct):
    """What a box says about its object, as text.

    Attributes:
        key: The object's key.
        tags: The texts of its tags up to their keys.
        parts: The object's text and a comma but for the keys of its tags, which go between the
            parts.
        head: Its figures' text from the end of their key to their place.
        tail: The end of what its user made.
        lost: Attributes that no tag holds.
        scale: The extents of the box met last.
        swapped: Whether those along x and y changed places.
        size: The text of its figures from the end of their angles on.
    """

    key: str
    tags: list[str]
    parts: list[str]
    head: str
    tail: str
    lost: list[str]
    scale: Vector | None = None
    swapped: bool = False
    size: str = ""

    def measure(self, scale: Vector, *, swapped: bool) -> None:
        """Make the text of a size: that of an object is often the same in all frames."""
        self.scale, self.swapped = scale, swapped
        x, y, z = msgspec.json.encode(scale)[1:-1].decode().split(",")
        if swapped:
            x, y = y, x
        self.size = f'}},"dimensions":{{"x":{x},"y":{y},"z":{z}}}}}{self.tail}'


class _Known:
    """What boxes of one label said, by their attributes."""

    __slots__ = ("_recent", "_texts")

    def __init__(self) -> None:
        self._texts: dict[bytes, _Object] = {}
        self._recent: dict[int, tuple[dict[str, Any], _Object]] = {}

    def get(self, attributes: dict[str, Any]) -> _Object | None:
        """Return what a box with these attributes said; many boxes share one mapping."""
        found = self._recent.get(id(attributes))
        if found is not None and found[0] is attributes:
            return found[1]
        try:
            about = self._texts.get(_pack(attributes))
        except (TypeError, OverflowError):  # no attributes that tags hold
            return None
        if about is not None:
            if len(self._recent) > _MAX_KNOWN:
                self._recent.clear()
            self._recent[id(attributes)] = attributes, about
        return about

    def put(self, attributes: dict[str, Any], about: _Object) -> None:
        """Remember what a box said."""
        if len(self._texts) > _MAX_KNOWN:
            self._texts.clear()
        with contextlib.suppress(TypeError, OverflowError):
            self._texts[_pack(attributes)] = about


class BoxWriter:
    """Turns the boxes of items into the text of objects and figures; one per partition.

    What boxes with equal attributes share is made once, and an item's numbers are encoded at once.

    Args:
        declared: The tags that labels declare.
        labels: Names of the labels.
        allow: Whether attributes that are not declared are written.
        convention: See ``SlyPointCloudExporter``.
        ctx: What is being written.

    Attributes:
        turned: Number of boxes that had another axis ahead.
        facts: What the boxes say about each tag.
        objects: Track and annotation id of each object, by key.
        figures: Key of each figure.
        numbers: Annotation id of each figure.
    """

    def __init__(
        self,
        declared: Declared,
        labels: list[str],
        *,
        allow: bool,
        convention: str,
        ctx: WriteContext,
    ) -> None:
        self._declared = declared
        self._labels = labels
        self._allow = allow
        self._turns = convention != "datumaro"
        self._ctx = ctx
        self._known: dict[tuple[str, User], list[_Known]] = {}
        self._keys: dict[tuple[str, int, int], str] = {}
        self._starts: list[dict[str, str | None]] = [{} for _ in labels]
        self._titles = [f',"classTitle":{json_text(label)},"tags":[' for label in labels]
        self._tails: dict[User, str] = {}
        self._ends: list[str] = []
        self._most_parts = 1
        self.turned = 0
        self.facts: dict[str, TagFacts] = {}
        self.objects: dict[str, tuple[int | None, int]] = {}
        self.figures: list[str] = []
        self.numbers: list[int] = []

    def __call__(self, item: DatasetItem, key: str, user: User) -> list[str]:
        """Return the text of an item's objects and figures, in pieces.

        Args:
            item: The item.
            key: The item's own key, with which others begin.
            user: Who made what states nobody.
        """
        objects: list[str] = []
        figures: list[str] = []
        tags: dict[str, list[str]] = {}
        boxes, numbers, swapped = self._places(item)
        texts = iter(msgspec.json.encode(numbers)[1:-1].decode().split(","))
        known = self._remembered(item.subset, user)
        # Keys count on from the cloud's own: no hash for each of them.
        base, ends, count, keys = key[:20], self._ends, 0, self.figures
        self._make_ends(len(boxes))
        for a, x, y, z, rx, ry, rz in zip(boxes, *[texts] * 6, strict=False):  # hot
            own: dict[str, Any] | None = a.extra.get(FAMILY) if a.extra else None
            about = None if own else known[a.label or 0].get(a.attributes)
            if about is None:
                about = self._about(item, a, len(figures), user, known)
                self._make_ends(len(boxes), len(about.parts))
            if about.lost:
                self._lose_attributes(item, a, about.lost)
            if about.key not in tags:
                tags[about.key] = about.tags
                objects.append(about.parts[0])
                for part in about.parts[1:]:
                    objects += base, ends[count], part
                    count += 1
            else:
                count += len(about.tags)
                if tags[about.key] != about.tags:
                    self._lose(item, a, "attributes of a second box of an object")
            figure = kept(own, "key") if own else ""
            keys.append(figure or base + ends[count])
            shown = json_text(figure)[1:-1] if figure else keys[-1]
            count += not figure
            if a.scale is not about.scale or swapped is not about.swapped:
                about.measure(a.scale, swapped=swapped)
            figures.append(
                f'{{"key":"{shown}{about.head}{x},"y":{y},"z":{z}}},'
                f'"rotation":{{"x":{rx},"y":{ry},"z":{rz}{about.size}'
            )
        self.numbers += [a.id for a in boxes]
        return ['"objects":[', "".join(objects)[:-1], '],"figures":[', ",".join(figures), "]"]

    def _remembered(self, subset: str, user: User) -> list[_Known]:
        """Return what boxes of a subset said, by label and attributes."""
        known = self._known.get((subset, user))
        if known is None:
            if len(self._known) >= _MAX_USERS:  # each cloud may have a user and a time of its own
                self._known.clear()
            known = self._known[subset, user] = [_Known() for _ in self._labels]
        return known

    def _make_ends(self, boxes: int, parts: int = 0) -> None:
        """Have enough of what keys end with, numbers from 1 on, if objects are of so many parts."""
        self._most_parts = max(self._most_parts, parts)
        first, last = len(self._ends) + 1, boxes * self._most_parts
        self._ends += [f"{number:012x}" for number in range(first, last + 1)]

    def _places(self, item: DatasetItem) -> tuple[list[Cuboid3d], list[float], bool]:
        """Return an item's boxes, turned so that +y is ahead if wanted.

        Returns:
            The boxes, the six numbers of each one's place and angles, and whether their extents
            along x and y are still to change places.
        """
        boxes = [a for a in item.annotations if isinstance(a, Cuboid3d)]
        note_frames(self._ctx.ledger, item, boxes)
        numbers = _numbers(boxes)
        count = [a.forward for a in boxes].count("+x") if self._turns else 0
        self.turned += count
        if not count:
            return boxes, numbers, False
        if count == len(boxes) and not any(numbers[3::6]) and not any(numbers[4::6]):
            numbers[5::6] = [
                rz if -pi <= (rz := angle - HALF_PI) <= pi else wrap(rz) for angle in numbers[5::6]
            ]
            return boxes, numbers, True
        boxes = [turned(a, "+y") for a in boxes]
        return boxes, _numbers(boxes), False

    def _keep(self, known: list[_Known], a: Cuboid3d, about: _Object) -> None:
        """Remember what a box says, if others with its attributes say the same."""
        if (a.extra and a.extra.get(FAMILY)) or track_of(a) is None:
            return
        known[a.label or 0].put(a.attributes, about)

    def _about(
        self,
        item: DatasetItem,
        a: Cuboid3d,
        number: int,
        user: User,
        known: list[_Known],
    ) -> _Object:
        """Return what a box says about its object, and remember it for others that say the same."""
        own: dict[str, Any] = (a.extra or {}).get(FAMILY) or {}
        user = user.of(own).of(a.attributes)
        tail = self._tails.get(user)
        if tail is None:
            login, created, updated = map(json_text, user)
            tail = f',"labelerLogin":{login},"createdAt":{created},"updatedAt":{updated}}}'
            if len(self._tails) >= _MAX_KNOWN:
                self._tails.clear()
            self._tails[user] = tail
        label = a.label or 0
        key = self._object_key(item, a, own, number)
        starts = self._starts[label]
        tags, lost = [], []
        track = a.attributes.get("track_id")
        if track is not None and whole(track) is None:
            lost.append("track_id")
        for name, value in a.attributes.items():
            if name not in starts:
                starts[name] = self._start(name, label)
            start = starts[name]
            if value is None or (start is None and name in _PLACES):
                continue
            if not start or not fits(value):
                lost.append(name)
                continue
            if name not in self.facts:
                self.facts[name] = TagFacts()
            self.facts[name].note(value, self._labels[label])
            plain = None if self._declared.is_flag(name) else tag_value(value)
            tags.append(f'{start}{json_text(plain)},"key":"')
        quoted = json_text(key)
        made = ",".join(f'{tag}\0"{tail}' for tag in tags)
        text = f'{{"key":{quoted}{self._titles[label]}{made}]{tail},'
        head = f'","objectKey":{quoted},"geometryType":"cuboid_3d","geometry":{{"position":{{"x":'
        about = _Object(key, tags, text.split("\0"), head, tail, lost)
        self._keep(known, a, about)
        return about

    def _object_key(self, item: DatasetItem, a: Cuboid3d, own: dict[str, Any], number: int) -> str:
        track, label = track_of(a), a.label or 0
        key = kept(own, "objectKey")
        if not key and track is None:
            key = key_of("object", item.subset, item.id, number)
        elif not key and track is not None:
            known = (item.subset, track, label)
            if known not in self._keys:
                self._keys[known] = key_of("object", item.subset, track, self._labels[label])
            key = self._keys[known]
        self.objects.setdefault(key, (track, a.id))
        return key

    def _start(self, name: str, label: int) -> str | None:
        """Return what an attribute's tags begin with; None: it has a place of its own, "": none."""
        if name in SPECIAL:
            return None
        if not self._allow and not self._declared.allows(name, label):
            return ""
        return f'{{"name":{json_text(name)},"value":'

    def _lose_attributes(self, item: DatasetItem, a: Cuboid3d, names: list[str]) -> None:
        for name in names:
            self._lose(item, a, name, "" if name in SPECIAL else _ALLOW)

    def _lose(self, item: DatasetItem, a: Cuboid3d, what: str, hint: str = "") -> None:
        self._ctx.ledger.add_at("DSK-L004", what, item, a, hint=hint)


def _numbers(boxes: list[Cuboid3d]) -> list[float]:
    """Return six numbers of each box: place and angles."""
    numbers: list[float] = []
    for a in boxes:
        numbers += a.position
        numbers += a.rotation
    return numbers


def kept(known: dict[str, Any] | None, name: str) -> str:
    """Return a key that the source gave, or ""."""
    value = (known or {}).get(name)
    return value if isinstance(value, str) else ""


def fits(value: Any) -> bool:
    """Whether a tag can hold a value."""
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, str | int)
