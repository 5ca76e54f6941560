"""The names of the filter's own language: what each means, and of what sort its value is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.annotations import KINDS
from dsk.errors import did_you_mean
from dsk_transforms.filtering.values import BOX_LEAVES, Scope, area

if TYPE_CHECKING:
    from collections.abc import Callable

    Getter = Callable[[Any, Scope], Any]

__all__ = ["FIELDS", "Field", "attribute", "find", "hint_for"]

NUMBER, TEXT, LABEL, KIND, TRUTH, ANY = "number", "text", "label", "kind", "yes or no", "any value"


class Field(NamedTuple):
    """What a name stands for.

    Attributes:
        of: "annotations" or "items": what it is a fact about.
        sort: Sort of its value: NUMBER, TEXT, LABEL, KIND, TRUTH, or ANY for attributes.
        get: Returns the value, None when there is none.
    """

    of: str
    sort: str
    get: Getter


def _own(sort: str, name: str) -> Field:
    return Field("annotations", sort, lambda a, _: getattr(a, name))


def _side(number: int) -> Field:
    def side(_: Any, scope: Scope) -> int | None:
        size = scope.size
        return None if size is None else size[number]

    return Field("items", NUMBER, side)


def _media(sort: str, name: str) -> Field:
    def ask(_: Any, scope: Scope) -> Any:
        media = scope.item.media
        return None if media is None else getattr(media, name)

    return Field("items", sort, ask)


def _label(a: Any, scope: Scope) -> str | None:
    return scope.names.get(a.label)


_ANNOTATION = {
    "label": Field("annotations", LABEL, _label),
    "label_id": _own(NUMBER, "label"),
    "type": _own(KIND, "kind"),
    "group": _own(NUMBER, "group"),
    "object_id": _own(NUMBER, "object_id"),
    "z_order": _own(NUMBER, "z_order"),
    "area": Field("annotations", NUMBER, area),
    **{
        name: Field("annotations", NUMBER, get)
        for name, get in BOX_LEAVES.items()
        if name in "xywh"
    },
    "caption": Field("annotations", TEXT, lambda a, _: getattr(a, "caption", None)),
}
_ITEM = {
    "id": Field("items", TEXT, lambda _, scope: scope.item.id),
    "subset": Field("items", TEXT, lambda _, scope: scope.item.subset),
}
_MEDIA = {
    "path": _media(TEXT, "path"),
    "ext": _media(TEXT, "ext"),
    "exists": _media(TRUTH, "exists"),
}

FIELDS: dict[str, Field] = {
    **_ANNOTATION,
    "annotation.id": _own(NUMBER, "id"),
    **{f"annotation.{name}": field for name, field in _ANNOTATION.items()},
    **_ITEM,
    **{f"item.{name}": field for name, field in _ITEM.items()},
    "image.width": _side(1),
    "image.height": _side(0),
    **{f"{owner}.{name}": field for owner in ("image", "media") for name, field in _MEDIA.items()},
    "media.type": _media(TEXT, "kind"),
}
"""Every name but those of attributes."""

KINDS_TEXT = f"the types are {', '.join(KINDS)}"

_INSTEAD = {
    "annotation": "write any(…), or an XPath: /item[annotation/…]",
    "annotations": "write any(…), all(…) or count(…)",
    "bbox": "write x, y, w, h of the box",
    "category": "write label",
    "class": "write label",
    "height": "write image.height, or h of the annotation's box",
    "image": "write image.width, image.height, image.path or image.exists",
    "item": "write id, subset or item.attributes[…]; an XPath begins with /item",
    "kind": "write type",
    "media": "write media.type, media.path or media.exists",
    "name": "write label, or id of the item",
    "width": "write image.width, or w of the annotation's box",
}
"""Words that people may try; an attribute of such a name needs ``attributes["…"]``."""


def attribute(path: tuple[str, ...], key: str | None) -> Field | None:
    """Return the field of an attribute, None if the name is not written as one.

    ``occluded``, ``attributes["occluded"]`` and ``annotation.attributes["occluded"]`` are
    attributes of the annotation, ``item.attributes["weather"]`` and ``item.weather`` of the item.
    """
    words = list(path)
    of = "items" if words[0] == "item" else "annotations"
    if words[0] in ("item", "annotation"):
        words = words[1:]
    if key is not None:
        return _attribute(of, key) if words == ["attributes"] else None
    if words[:1] == ["attributes"]:
        words = words[1:]
    return _attribute(of, words[0]) if len(words) == 1 and words[0] != "attributes" else None


def _attribute(of: str, key: str) -> Field:
    if of == "items":
        return Field(of, ANY, lambda _, scope: scope.item.attributes.get(key))
    return Field(of, ANY, lambda a, _: a.attributes.get(key))


def find(path: tuple[str, ...], key: str | None) -> Field | None:
    """Return the field of a name, None if there is none, or if it looks like a mistake."""
    name = ".".join(path)
    if key is None and name in FIELDS:
        return FIELDS[name]
    bare = key is None and "attributes" not in path
    return None if bare and hint_for(path) else attribute(path, key)


def hint_for(path: tuple[str, ...]) -> str:
    """Return what to write instead of a name that looks like a mistake, else nothing."""
    name, word = ".".join(path), path[-1]
    if path[0] in ("image", "media") and len(path) > 1:
        known = [field for field in FIELDS if field.startswith(path[0])]
        return did_you_mean(name, known) or f"there are {', '.join(known)}"
    owner = "item." if path[0] == "item" else ""
    otherwise = f'for an attribute write {owner}attributes["{word}"]'
    if word in _INSTEAD:
        return f"{_INSTEAD[word]}; {otherwise}"
    near = [field for field in FIELDS if "." not in field and _is_near(word, field)]
    return f"did you mean {' or '.join(near)}? {otherwise}" if near else ""


def _is_near(word: str, field: str) -> bool:
    from difflib import SequenceMatcher

    return len(field) > 2 and SequenceMatcher(None, word, field).ratio() >= 0.75
