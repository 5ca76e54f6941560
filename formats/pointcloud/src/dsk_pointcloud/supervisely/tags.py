"""From attributes to declared tags and their instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from dsk.errors import OutputError
from dsk_pointcloud.supervisely.project import FAMILY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header

__all__ = ["SPECIAL", "Declared", "TagFacts", "tag_value"]

SPECIAL = frozenset({"description", "track_id", "labelerLogin", "createdAt", "updatedAt", "frame"})
"""Attributes that have a place of their own."""

_COLORS = ("#8A0F59", "#0F8A62", "#8A620F", "#0F388A", "#388A0F", "#620F8A", "#8A0F0F", "#0F8A8A")


class TagFacts(Struct):
    """What the items say about one attribute.

    Attributes:
        items: Clouds have it.
        objects: Objects have it.
        classes: Labels of those objects.
        kinds: "any_number" and "any_string", as far as met.
        values: Texts met; for tags with a list of values.
    """

    items: bool = False
    objects: bool = False
    classes: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)

    def note(self, value: Any, label: str | None) -> None:
        """Take an instance into account."""
        if label is None:
            self.items = True
        else:
            self.objects = True
            self.classes.add(label)
        if type(value) is int or type(value) is float:
            self.kinds.add("any_number")
            return
        self.kinds.add("any_string")
        if len(self.values) < 1000:
            self.values.add(str(tag_value(value)))

    def join(self, other: TagFacts) -> None:
        """Add another share."""
        self.items |= other.items
        self.objects |= other.objects
        self.classes |= other.classes
        self.kinds |= other.kinds
        self.values |= other.values


def tag_value(value: Any) -> Any:
    """Return a value as a tag holds it: truth values are texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


class Declared:
    """The tags that a dataset's header declares, and what becomes of them.

    Args:
        header: The dataset's header.
    """

    def __init__(self, header: Header) -> None:
        cats = header.categories
        self.common = frozenset(cats.attributes)
        self.by_label = [frozenset(label.attributes) for label in cats.labels]
        self._names = cats.names
        known = header.info.get(FAMILY)
        raw = known.get("tags") if isinstance(known, dict) else None
        self._raw: dict[str, dict[str, Any]] = {
            tag["name"]: tag for tag in raw or () if isinstance(tag, dict) and "name" in tag
        }
        self._flags = {n for n, t in self._raw.items() if t.get("value_type") == "none"}

    def is_flag(self, name: str) -> bool:
        """Whether a tag is declared to have no value."""
        return name in self._flags

    def of_frames(self) -> frozenset[str]:
        """Return the tags that are declared to be for frames only."""
        own = (n for n, t in self._raw.items() if t.get("target_type") == "framesOnly")
        return frozenset(own)

    def names(self) -> frozenset[str]:
        """Return all declared names."""
        return self.common.union(self._raw, *self.by_label)

    def allows(self, name: str, label: int) -> bool:
        """Whether objects of a label may have an attribute."""
        return name in self.common or name in self.by_label[label]

    def rows(self, facts: dict[str, TagFacts]) -> list[dict[str, Any]]:
        """Return the tags for ``meta.json``.

        Raises:
            OutputError: An attribute is a number here and a text there.
        """
        order = dict.fromkeys(self._raw)
        order |= dict.fromkeys(sorted(self.common))
        for names in self.by_label:
            order |= dict.fromkeys(sorted(names))
        order |= dict.fromkeys(sorted(facts))
        rows = []
        for number, name in enumerate(n for n in order if n not in SPECIAL):
            rows.append(self._row(name, facts.get(name, TagFacts()), number))
        return rows

    def _row(self, name: str, fact: TagFacts, number: int) -> dict[str, Any]:
        raw = self._raw.get(name, {})
        if len(fact.kinds) > 1:
            raise OutputError(
                f"mismatching value types for tag {name!r}: numbers and texts",
                hint="make the attribute's values of one type",
            )
        kind = next(iter(fact.kinds), raw.get("value_type") or "any_string")
        values: list[str] = []
        if raw.get("value_type") == "oneof_string" and kind in ("any_string", "oneof_string"):
            kind = "oneof_string"
            values = [str(v) for v in raw.get("values") or ()]
            values += sorted(fact.values - set(values))
        elif raw.get("value_type") in ("none", "date") and kind == "any_string":
            kind = raw["value_type"]
        owners = [n for n, held in zip(self._names, self.by_label, strict=True) if name in held]
        objects = fact.objects or name in self.common or bool(owners)
        items = fact.items or raw.get("applicable_type") in ("all", "imagesOnly")
        scope = "all" if objects and items else "imagesOnly" if items else "objectsOnly"
        if raw and scope != "imagesOnly" and raw.get("applicable_type") == "all":
            scope = "all"
        classes: Iterable[str] = ()
        if owners and name not in self.common and not (fact.classes - set(owners)):
            classes = dict.fromkeys(owners)
        row = {
            **{key: value for key, value in raw.items() if key != "values"},
            "name": name,
            "value_type": kind,
            "color": raw.get("color") or _COLORS[number % len(_COLORS)],
            "id": raw.get("id") or number + 1,
            "hotkey": raw.get("hotkey") or "",
            "applicable_type": scope,
            "classes": list(classes),
        }
        if kind == "oneof_string":
            row["values"] = values
        return row
