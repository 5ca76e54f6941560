"""An item as a tree of elements, made as far as somebody looks: what an XPath walks on.

The tree is Datumaro's representation of an item, with elements for what Datumaro leaves out:

    item: id, subset, an element per attribute, image (or point_cloud, volume …), annotation …
    annotation: id, type, an element per attribute, group, object_id, z_order, label, label_id,
        geometry by kind, area, bbox (x, y, w, h, area), point (x, y, visible, label) …

Every attribute is also there as ``<attribute name="…">``, which no other name can hide.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from dsk.annotations import Annotation, Cuboid3d, Points, Polygon, Skeleton
from dsk.media import Image, MultiframeImage, PointCloud, Volume
from dsk_transforms.filtering.values import (
    BOX_LEAVES,
    BOXED,
    ITEM_LEAVES,
    LEAVES,
    MEDIA_NAMES,
    POINTED,
    Scope,
    image_leaves,
    rings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "ANNOTATION_NAMES",
    "ITEM_NAMES",
    "Node",
    "child_name",
    "item_tree",
    "plain_value",
    "text_of",
]

ROOT, ELEMENT, ATTRIBUTE, TEXT = range(4)

_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME = re.compile(f"[{_START}][{_START}0-9.\xb7\u0300-\u036f\u203f-\u2040-]*")
"""A name without colon, by XML 1.0, fifth edition."""

BRANCHES = frozenset({"attribute", "annotation", "bbox", "point", "position", "rotation", "scale"})
ANNOTATION_NAMES: dict[str, frozenset[str]] = {
    kind: frozenset(leaves) | BRANCHES for kind, leaves in LEAVES.items()
}
"""By kind: names that an attribute does not hide."""

ITEM_NAMES = frozenset({"id", "subset", "attribute", "annotation", *MEDIA_NAMES.values()})
"""The same for items."""


def child_name(key: str) -> str | None:
    """Return the element name of an attribute as Datumaro makes it, None if it cannot have one."""
    name = f"_{key}" if key.isdigit() else key.replace(" ", "-")
    return name if _NAME.fullmatch(name) else None


def text_of(value: Any) -> str:
    """Return the text of a leaf."""
    return value if isinstance(value, str) else str(value)


def plain_value(value: Any) -> Any:
    """Return an attribute's value as a leaf: None and lists become texts, as in Datumaro."""
    return value if isinstance(value, str | int | float) else str(value)


class Node:
    """An element, an XML attribute, a text or the root above the item.

    Attributes:
        kind: ROOT, ELEMENT, ATTRIBUTE or TEXT.
        name: Its name; "" for texts and the root.
        parent: The node above it.
        place: Its number among its parent's children.
        origin: The annotation it shows, else None.
    """

    __slots__ = (
        "_first",
        "_late",
        "_value",
        "attributes",
        "kind",
        "name",
        "origin",
        "parent",
        "place",
    )

    def __init__(self, name: str, value: Any, kind: int = ELEMENT) -> None:
        self.kind = kind
        self.name = name
        self.parent: Node | None = None
        self.place = 0
        self.attributes: list[Node] = []
        self.origin: int | None = None
        self._value = value
        self._first: list[Node] | None = None
        self._late: Callable[[], list[Node]] | None = None

    @property
    def value(self) -> Any:
        """The value of a leaf, None if there is none, or a list of nodes."""
        if callable(self._value):
            self._value = self._value()
        return self._value

    @property
    def children(self) -> list[Node]:
        """The nodes below it; some may not be there, see ``is_there``."""
        nodes = self._nodes()
        if self._late is not None:
            late, self._late = self._late(), None
            self._adopt(late, len(nodes))
            nodes += late
        return nodes

    def named(self, name: str) -> list[Node]:
        """Return the elements of this name below it; geometry is decoded only for points."""
        nodes = self.children if name == "point" else self._nodes()
        return [node for node in nodes if node.name == name and node.is_there]

    def _nodes(self) -> list[Node]:
        if self._first is None:
            value = self.value
            if isinstance(value, list):
                self._first = value
            elif value is None or self.kind != ELEMENT or text_of(value) == "":
                self._first = []
            else:
                self._first = [Node("", value, TEXT)]
            self._adopt(self._first, 0)
        return self._first

    def _adopt(self, nodes: list[Node], start: int) -> None:
        for number, node in enumerate(nodes, start):
            node.parent, node.place = self, number

    @property
    def is_there(self) -> bool:
        """Whether it is part of the tree: what has no value is not."""
        return self.value is not None

    @property
    def scalar(self) -> Any:
        """Its string value, as a number where it is one."""
        value = self.value
        if not isinstance(value, list):
            return value
        return "".join(text_of(child.scalar) for child in self.children if child.is_there)

    def later(self, make: Callable[[], list[Node]]) -> Node:
        """Add children that are costly to make."""
        self._late = make
        return self

    def with_attribute(self, name: str, value: str) -> Node:
        """Add an XML attribute."""
        node = Node(name, value, ATTRIBUTE)
        node.parent, node.place = self, len(self.attributes) - 1000
        self.attributes.append(node)
        return self

    def order(self) -> tuple[int, ...]:
        """Return a key that sorts nodes of one tree in document order."""
        path = []
        node: Node | None = self
        while node is not None:
            path.append(node.place)
            node = node.parent
        return tuple(reversed(path))


def item_tree(scope: Scope) -> Node:
    """Return the root above the ``<item>`` of a scope."""
    return Node("", [Node("item", partial(_item, scope))], ROOT)


def _leaf(name: str, get: Callable[[Any, Scope], Any], a: Any, scope: Scope) -> Node:
    return Node(name, partial(get, a, scope))


def _attributes(values: Mapping[str, Any], taken: frozenset[str]) -> tuple[list[Node], list[Node]]:
    """Return the elements named after attributes, and the unmistakable ones."""
    named = []
    for key, value in values.items():
        name = child_name(key)
        if name is not None and name not in taken:
            named.append(Node(name, plain_value(value)))
    plain = [Node("attribute", plain_value(v)).with_attribute("name", k) for k, v in values.items()]
    return named, plain


def _item(scope: Scope) -> list[Node]:
    item = scope.item
    named, plain = _attributes(item.attributes, ITEM_NAMES)
    nodes = [_leaf(path[0], get, None, scope) for path, get in ITEM_LEAVES.items() if not path[1:]]
    nodes += named
    if item.media is not None:
        name = MEDIA_NAMES.get(item.media.kind, "media")
        nodes.append(Node(name, partial(_media, name, scope)))
    for number, a in enumerate(item.annotations):
        node = Node("annotation", partial(_annotation, a, scope))
        if a.kind in POINTED:
            node.later(partial(_points, a, scope))
        node.origin = number
        nodes.append(node)
    return nodes + plain


def _media(name: str, scope: Scope) -> list[Node]:
    nodes = [
        _leaf(path[1], get, None, scope)
        for path, get in ITEM_LEAVES.items()
        if path[0] == name and path[1:]
    ]
    media = scope.item.media
    images: tuple[Image, ...] = ()
    if isinstance(media, MultiframeImage):
        images = media.frames
    elif isinstance(media, PointCloud):
        images = media.extra_images
    elif isinstance(media, Volume):
        nodes += [Node("size", side) for side in media.shape]
        nodes += [Node("channel", channel) for channel in media.channels]
    return nodes + [Node("image", partial(_image, image)) for image in images]


def _image(image: Image) -> list[Node]:
    return [Node(name, value) for name, value in image_leaves(image).items()]


def _annotation(a: Annotation, scope: Scope) -> list[Node]:
    kind = a.kind
    leaves = [_leaf(name, get, a, scope) for name, get in LEAVES[kind].items()]
    named, plain = _attributes(a.attributes, ANNOTATION_NAMES[kind])
    nodes = [*leaves[:2], *named, *leaves[2:]]
    if kind in BOXED:
        nodes.append(Node("bbox", partial(_box, a, scope)))
    if isinstance(a, Cuboid3d):
        for name in ("position", "rotation", "scale"):
            axes = zip("xyz", getattr(a, name), strict=True)
            nodes.append(Node(name, [Node(axis, number) for axis, number in axes]))
    return nodes + plain


def _box(a: Annotation, scope: Scope) -> list[Node]:
    return [Node(name, get(a, scope)) for name, get in BOX_LEAVES.items()]


_SEEN = ("absent", "hidden", "visible")


def _points(a: Any, scope: Scope) -> list[Node]:
    """Return one element per point; all rings of a polygon, one after the other."""
    nodes = []
    outline = rings(a, scope) if isinstance(a, Polygon) else [a.points]
    visibility = a.visibility if isinstance(a, Points | Skeleton) else ()
    names = scope.points.get(a.label, ()) if isinstance(a, Skeleton) else ()
    for ring in outline:
        for n in range(len(ring) // 2):
            parts = [Node("x", ring[2 * n]), Node("y", ring[2 * n + 1])]
            if isinstance(a, Points | Skeleton):
                seen = visibility[n] if n < len(visibility) else 2
                parts.append(Node("visible", _SEEN[seen] if 0 <= seen < 3 else str(seen)))
            if n < len(names):
                parts.append(Node("label", names[n]))
            nodes.append(Node("point", parts))
    return nodes
