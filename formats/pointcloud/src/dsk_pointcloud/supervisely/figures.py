"""From an item's boxes to Supervisely's objects and figures."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from dsk.annotations import Cuboid3d
from dsk_pointcloud.frames import HALF_PI, is_finite, turned, wrap
from dsk_pointcloud.supervisely.project import FAMILY
from dsk_pointcloud.supervisely.tags import SPECIAL, TagFacts, tag_value
from dsk_pointcloud.tokens import key_of

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext
    from dsk_pointcloud.supervisely.tags import Declared

__all__ = ["Annotated", "BoxWriter", "Figure", "Object", "TagInstance", "User", "fits", "kept"]


class User(NamedTuple):
    """Who made something, and when."""

    login: str
    created: str
    updated: str

    def of(self, given: dict[str, Any]) -> User:
        """Return the user that attributes state, as far as they do."""
        if "createdAt" not in given and "updatedAt" not in given and "labelerLogin" not in given:
            return self
        return User(*(str(given.get(name) or own) for name, own in zip(_USER, self, strict=True)))


_USER = ("labelerLogin", "createdAt", "updatedAt")


class Vector(Struct, gc=False):
    """Three numbers."""

    x: float
    y: float
    z: float


class Geometry(Struct, gc=False):
    """A box: metres and radians."""

    position: Vector
    rotation: Vector
    dimensions: Vector


class TagInstance(Struct, rename="camel", gc=False):
    """A tag of an object or a cloud."""

    name: str
    value: Any
    key: str
    labeler_login: str
    created_at: str
    updated_at: str


class Object(Struct, rename="camel", gc=False):
    """What a cloud's boxes belong to."""

    key: str
    class_title: str
    tags: list[TagInstance]
    labeler_login: str
    created_at: str
    updated_at: str


class Figure(Struct, rename="camel", gc=False):
    """A box of an object."""

    key: str
    object_key: str
    geometry_type: str
    geometry: Geometry
    labeler_login: str
    created_at: str
    updated_at: str


class Annotated(Struct, gc=False):
    """An annotation file."""

    description: str
    key: str
    tags: list[TagInstance]
    objects: list[Object]
    figures: list[Figure]


_FLAG = object()  # the plain value of tags that have none
_UNDECLARED: dict[Any, Any] = {}  # the values of tags that the label does not have
_MAX_KNOWN = 10_000


class BoxWriter:
    """Turns the boxes of items into objects and figures; one per partition.

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
        figures: Key and annotation id of each figure.
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
        self._keys: dict[tuple[str, int, int], str] = {}
        self._plans: list[dict[str, dict[Any, Any] | None]] = [{} for _ in labels]
        self._base, self._count = "", 0
        self.turned = 0
        self.facts: dict[str, TagFacts] = {}
        self.objects: dict[str, tuple[int | None, int]] = {}
        self.figures: list[tuple[str, int]] = []

    def __call__(self, item: DatasetItem, user: User) -> tuple[list[Object], list[Figure]]:
        """Return the objects and figures of an item."""
        objects: dict[str, Object] = {}
        figures: list[Figure] = []
        # Keys count on from the cloud's own: no hash for each of them.
        self._base, self._count = key_of("cloud", item.subset, item.id)[:20], 0
        for number, a in enumerate(item.annotations):
            if not isinstance(a, Cuboid3d):
                continue
            turn = self._turns and a.forward == "+x"
            geometry = _geometry(a, turn=turn)
            self.turned += turn
            if geometry is None:
                why = "a number is not finite"
                self._ctx.ledger.add("DSK-L018", why, kind=a.kind, item=item.id)
                continue
            own: dict[str, Any] = (a.extra.get(FAMILY) or {}) if a.extra else {}
            mine = user.of(own).of(a.attributes) if own else user.of(a.attributes)
            track = track_of(a)
            key = self._object_key(item, a, own, track, number)
            tags = self._tags(item, a, mine)
            known = objects.get(key)
            if known is None:
                objects[key] = Object(key, self._labels[a.label or 0], tags, *mine)
                if key not in self.objects:
                    self.objects[key] = track, a.id
            elif [(t.name, t.value) for t in known.tags] != [(t.name, t.value) for t in tags]:
                what = "attributes of a second box of an object"
                self._ctx.ledger.add("DSK-L004", what, kind=a.kind, item=item.id, annotation=a.id)
            figure = kept(own, "key") if own else ""
            if not figure:
                self._count += 1
                figure = f"{self._base}{self._count:012x}"
            self.figures.append((figure, a.id))
            figures.append(Figure(figure, key, "cuboid_3d", geometry, *mine))
        return list(objects.values()), figures

    def _object_key(
        self, item: DatasetItem, a: Cuboid3d, own: dict[str, Any], track: int | None, number: int
    ) -> str:
        stated = kept(own, "objectKey") if own else ""
        if stated:
            return stated
        if track is None:
            return key_of("object", item.subset, item.id, number)
        label = a.label or 0
        known = (item.subset, track, label)
        key = self._keys.get(known)
        if key is None:
            key = self._keys[known] = key_of("object", item.subset, track, self._labels[label])
        return key

    def _tags(self, item: DatasetItem, a: Cuboid3d, user: User) -> list[TagInstance]:
        tags = []
        label = a.label or 0
        plan, base = self._plans[label], self._base
        login, created, updated = user
        for name, value in a.attributes.items():  # hot
            try:
                known = plan[name]
            except KeyError:
                known = plan[name] = self._plan(name, label)
            if known is None or value is None:
                continue
            kind = type(value)
            plain = known.get(value) if kind is str or kind is bool else None
            if plain is None:
                plain = self._plain(item, a, name, known)
                if plain is None:
                    continue
            self._count = count = self._count + 1
            key = f"{base}{count:012x}"
            if plain is _FLAG:
                plain = None
            tags.append(TagInstance(name, plain, key, login, created, updated))
        return tags

    def _plain(self, item: DatasetItem, a: Cuboid3d, name: str, known: dict[Any, Any]) -> Any:
        """Return a value as its tag holds it, and note what it says of the tag.

        Texts and truth values come here once each.
        """
        value, label = a.attributes[name], a.label or 0
        if known is _UNDECLARED or not fits(value):
            _lost(self._ctx, item, a, name)
            return None
        self.facts.setdefault(name, TagFacts()).note(value, self._labels[label])
        plain = _FLAG if self._declared.is_flag(name) else tag_value(value)
        if isinstance(value, str | bool):
            if len(known) > _MAX_KNOWN:
                known.clear()
            known[value] = plain
        return plain

    def _plan(self, name: str, label: int) -> dict[Any, Any] | None:
        """Return where a tag's values are kept, or None if it is not written."""
        if name in SPECIAL:
            return None
        if not self._allow and not self._declared.allows(name, label):
            # What no label declares core has reported.
            return _UNDECLARED if name in self._declared.names() else None
        return {}


def _geometry(a: Cuboid3d, *, turn: bool) -> Geometry | None:
    """Return a box, turned so that +y is ahead if wanted; None if a number is not finite."""
    x, y, z = a.position
    rx, ry, rz = a.rotation
    sx, sy, sz = a.scale
    # A sum of finite numbers may overflow, so only what it doubts is looked at one by one.
    if not isfinite(x + y + z + rx + ry + rz + sx + sy + sz) and not is_finite(
        x, y, z, rx, ry, rz, sx, sy, sz
    ):
        return None
    if turn:
        if rx or ry:
            rx, ry, rz = turned(a, "+y").rotation
        else:
            rz = wrap(rz - HALF_PI)
        sx, sy = sy, sx
    return Geometry(Vector(x, y, z), Vector(rx, ry, rz), Vector(sx, sy, sz))


def kept(known: dict[str, Any] | None, name: str) -> str:
    """Return a key that the source gave, or ""."""
    value = (known or {}).get(name)
    return value if isinstance(value, str) else ""


def fits(value: Any) -> bool:
    """Whether a tag can hold a value."""
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, str | int)


def track_of(a: Cuboid3d) -> int | None:
    """Return the number of a box's track, or None."""
    value = a.attributes.get("track_id")
    if type(value) is int:
        return value
    try:
        return int(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return a.object_id if a.object_id >= 0 else None


def _lost(ctx: WriteContext, item: DatasetItem, a: Cuboid3d, name: str) -> None:
    ctx.ledger.add(
        "DSK-L004",
        name,
        kind=a.kind,
        item=item.id,
        subset=item.subset,
        annotation=a.id,
        hint="--allow-undeclared-attrs writes attributes that labels do not declare",
    )
