"""What an expression can ask of an annotation or an item: the leaves of the XML view.

Getters take ``(annotation, scope)`` and return a plain value, or None for "there is none". Those of
items ignore the annotation, so that both sorts can be mixed in one expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.annotations import KINDS, Annotation, Box, Polygon
from dsk.convert import area_of, bbox_of
from dsk.errors import MediaError
from dsk.media import Image, Media, VideoFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dsk.categories import Categories
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Getter = Callable[[Any, "Scope"], Any]

__all__ = [
    "BOXED",
    "BOX_LEAVES",
    "ITEM_LEAVES",
    "LEAVES",
    "MEDIA_NAMES",
    "POINTED",
    "Labels",
    "Scope",
    "area",
    "box",
    "common_getter",
    "image_leaves",
    "is_true",
    "rings",
]

_UNREAD = "the size of an image could not be read; a filter took it for unknown"
_MALFORMED = "the outline or mask of an annotation is malformed; a filter took it for empty"
_no = object()


class Labels:
    """The labels of a dataset, as expressions ask for them.

    Attributes:
        names: Names by index.
        points: Names of the keypoints by label index.
    """

    __slots__ = ("names", "points")

    def __init__(self, categories: Categories) -> None:
        self.names: dict[int | None, str] = dict(enumerate(categories.names))
        self.points: dict[int | None, tuple[str, ...]] = {
            label: points.labels for label, points in categories.points.items()
        }


class Scope:
    """One item under the eyes of an expression.

    Attributes:
        item: The item.
        names: Label names by index.
        points: Keypoint names by label index.
        ledger: Where to report what cannot be read.
        slots: Values that are the same for all annotations of the item, see ``compile``.
    """

    __slots__ = ("_size", "item", "ledger", "names", "points", "slots")

    def __init__(self, item: DatasetItem, labels: Labels, ledger: Ledger) -> None:
        self.item = item
        self.names = labels.names
        self.points = labels.points
        self.ledger = ledger
        self.slots: tuple[Any, ...] = ()
        self._size: Any = _no

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of the item's image, read at most once; None when unknown."""
        if self._size is _no:
            media = self.item.media
            try:
                self._size = media.get_size() if isinstance(media, Image) else None
            except MediaError:
                self._size = None
                self.ledger.warn(_UNREAD)
        return self._size  # type: ignore[no-any-return]


_FALSE = frozenset({"", "0", "false", "no", "none", "off"})


def is_true(value: Any) -> bool:
    """Take any value for yes or no; texts like "False" and "0" say no."""
    return value.strip().lower() not in _FALSE if isinstance(value, str) else bool(value)


def _field(name: str) -> Getter:
    return lambda a, _: getattr(a, name)


def _label(a: Annotation, scope: Scope) -> str:
    return scope.names.get(a.label, "")


def _label_id(a: Annotation, _: Scope) -> int | str:
    return a.label if a.label is not None else "None"  # Datumaro's word for it


def area(a: Annotation, scope: Scope) -> float | None:
    """Return the area of an annotation, see ``dsk.convert.area_of``; None when unreadable too."""
    try:
        return area_of(a)
    except ValueError:
        scope.ledger.warn(_MALFORMED)
        return None


def box(a: Annotation, scope: Scope) -> Box | None:
    """Return the box of an annotation, see ``dsk.convert.bbox_of``; None when unreadable too."""
    try:
        return bbox_of(a)
    except ValueError:
        scope.ledger.warn(_MALFORMED)
        return None


def rings(a: Polygon, scope: Scope) -> Sequence[Sequence[float]]:
    """Return the rings of a polygon; none when they are unreadable."""
    try:
        return a.rings
    except ValueError:
        scope.ledger.warn(_MALFORMED)
        return ()


_HEAD: dict[str, Getter] = {"id": _field("id"), "type": _field("kind")}
_COMMON: dict[str, Getter] = {
    **_HEAD,
    "group": _field("group"),
    "object_id": _field("object_id"),
    "z_order": _field("z_order"),
    "label": _label,
    "label_id": _label_id,
}
_OWN: dict[str, dict[str, Getter]] = {
    # A caption that has no label has no such elements, as in Datumaro.
    "caption": {
        "label": lambda a, s: None if a.label is None else _label(a, s),
        "label_id": lambda a, _: a.label,
        "caption": _field("caption"),
    },
    "bbox": {**{name: _field(name) for name in "xywh"}, "area": area},
    "rotated_bbox": {**{name: _field(name) for name in ("cx", "cy", "w", "h", "r")}, "area": area},
    "ellipse": {
        "x1": _field("x"),
        "y1": _field("y"),
        "x2": lambda a, _: a.x + a.w,
        "y2": lambda a, _: a.y + a.h,
        "area": area,
    },
    "polygon": {"area": area},
    "mask": {"area": area},
    "skeleton": {"area": area},
    "mask_3d": {"value": _field("value")},
    "cuboid_3d": {"forward": _field("forward"), "frame": _field("frame")},
}
LEAVES: dict[str, dict[str, Getter]] = {kind: {**_COMMON, **_OWN.get(kind, {})} for kind in KINDS}
"""By kind and name: the children of ``<annotation>`` that hold a text."""

POINTED = frozenset({"points", "polyline", "polygon", "skeleton", "cuboid_2d"})
"""Kinds that have ``<point>`` children."""

BOXED = POINTED | {"bbox", "rotated_bbox", "ellipse", "mask"}
"""Kinds that have a ``<bbox>`` child."""


def _of_box(number: int) -> Getter:
    def side(a: Annotation, scope: Scope) -> float | None:
        found = box(a, scope) if a.kind in BOXED else None
        return None if found is None else found[number]

    return side


def _box_area(a: Annotation, scope: Scope) -> float | None:
    found = box(a, scope) if a.kind in BOXED else None
    return None if found is None else found[2] * found[3]


BOX_LEAVES: dict[str, Getter] = {
    **{name: _of_box(number) for number, name in enumerate("xywh")},
    "area": _box_area,
}
"""The children of ``<bbox>``."""


def common_getter(name: str) -> Getter | None:
    """Return the getter of a leaf if all kinds have the same, so that none must be looked up."""
    found = {table.get(name) for table in LEAVES.values()}
    return found.pop() if len(found) == 1 else None


MEDIA_NAMES = {
    "image": "image",
    "video_frame": "image",
    "point_cloud": "point_cloud",
    "volume": "volume",
    "multiframe_image": "multiframe_image",
    "media": "media",
}
"""The element that shows a medium, by the medium's kind; Datumaro knows ``image`` only."""


def _side(number: int) -> Getter:
    def side(_: Any, scope: Scope) -> int | str | None:
        if not isinstance(scope.item.media, Image):
            return None
        size = scope.size
        return "unknown" if size is None else size[number]

    return side


def _of_media(element: str, get: Callable[[Media], Any]) -> Getter:
    def ask(_: Any, scope: Scope) -> Any:
        media = scope.item.media
        if media is None or MEDIA_NAMES.get(media.kind, "media") != element:
            return None
        return get(media)

    return ask


def _frame(media: Media) -> int | None:
    return media.index if isinstance(media, VideoFrame) else None


_MEDIA: dict[str, Callable[[Media], Any]] = {
    "has_data": lambda media: int(media.exists),
    "path": lambda media: media.path,
}

ITEM_LEAVES: dict[tuple[str, ...], Getter] = {
    ("id",): lambda _, scope: scope.item.id,
    ("subset",): lambda _, scope: scope.item.subset,
    ("image", "height"): _side(0),
    ("image", "width"): _side(1),
    **{
        (element, name): _of_media(element, get)
        for element in dict.fromkeys(MEDIA_NAMES.values())
        for name, get in _MEDIA.items()
    },
    ("image", "frame"): _of_media("image", _frame),
    ("volume", "dtype"): _of_media("volume", lambda media: getattr(media, "dtype", None)),
}
"""By path below ``<item>``: what holds a text, at most one of each."""


def image_leaves(image: Image) -> dict[str, Any]:
    """Return what is shown of an image inside a multi-frame image or beside a point cloud."""
    size = image.size
    return {
        "height": size[0] if size else "unknown",
        "width": size[1] if size else "unknown",
        "has_data": int(image.exists),
        "path": image.path,
    }
