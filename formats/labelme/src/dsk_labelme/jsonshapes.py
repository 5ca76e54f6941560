"""From the shapes of a labelme JSON file to annotations."""

from __future__ import annotations

import base64
import binascii
import math
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk import geometry
from dsk.annotations import (
    Annotation,
    Bbox,
    Ellipse,
    Mask,
    Points,
    Polygon,
    PolyLine,
    Rle,
    RotatedBbox,
)
from dsk.errors import MediaError
from dsk.media import Image
from dsk.pixels import decode
from dsk.rle import from_dense

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Groups", "PatchMask", "Shape", "made_of", "read_shape"]

_KNOWN = frozenset(
    {"label", "points", "shape_type", "group_id", "description", "flags", "mask", "attributes"}
)
_Size = tuple[int, int] | None
_EMPTY: tuple[Any, ...] = ("", None, [], {})


class Shape(Struct, forbid_unknown_fields=True):
    """A shape as labelme itself writes it; decoding is the check.

    Shapes with other fields or values go through ``read_shape``, which knows what is wrong.
    """

    points: list[tuple[float, float]]
    label: str | None = None
    shape_type: str | None = None
    group_id: int | None = None
    description: str | None = None
    flags: dict[str, Any] | None = None
    mask: str | None = None
    attributes: dict[str, Any] | None = None
    line_color: None = None
    fill_color: None = None


class Groups:
    """Numbers of groups; 0 is a legal id in labelme, and other tools write texts."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {}

    def number(self, given: Any) -> int:
        """Return the group of an id; 0 for none.

        Raises:
            ValueError: It is no id.
        """
        if given is None or given == "":
            return 0
        if isinstance(given, str) and given.strip().isdecimal() and len(given) < 10:
            given = int(given)
        if isinstance(given, float) and given.is_integer():
            given = int(given)
        if isinstance(given, int) and not isinstance(given, bool):
            if 0 <= given < 1 << 31:
                return given + 1
            given = str(given)
        if not isinstance(given, str):
            raise ValueError(f"group_id {given!r} is no number")  # noqa: TRY004 - the file is wrong
        return self._texts.setdefault(given, (1 << 31) + len(self._texts) + 1)


class PatchMask:
    """A mask stored as a PNG file that lies at a place of the image, see ``dsk.rle.MaskSource``.

    Args:
        data: The PNG file in base64.
        left: Where the patch begins.
        top: Likewise.
        size: (height, width) of the image, or None: as large as the patch demands.

    Attributes:
        where: The shape's place, for messages.
    """

    __slots__ = ("_data", "_left", "_size", "_top", "where")

    def __init__(self, data: str, left: int, top: int, size: tuple[int, int] | None) -> None:
        self._data = data
        self._left = left
        self._top = top
        self._size = size
        self.where = ""

    def rle(self) -> Rle:
        """Decode the patch and put it in its place; what leaves the image is cut off.

        Raises:
            MediaError: The patch is damaged.
        """
        try:
            patch = decode(Image.from_bytes(base64.b64decode(self._data), "mask.png"))
        except binascii.Error as error:
            raise MediaError("its mask is no base64", where=self.where) from error
        except MediaError as error:
            raise MediaError(f"its mask is {error.message}", where=self.where) from error
        if patch.ndim == 3:
            patch = np.asarray(patch[..., :3].any(axis=2))
        height, width = patch.shape
        left, top = self._left, self._top
        size = self._size or (max(top + height, 0), max(left + width, 0))
        canvas = np.zeros(size, bool)
        x, y = max(left, 0), max(top, 0)
        part = patch[y - top : size[0] - top, x - left : size[1] - left] != 0
        canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
        return from_dense(canvas)


def _points(shape: Mapping[str, Any]) -> list[float]:
    """Return the flat points of a shape.

    Raises:
        ValueError: They are no pairs of finite numbers.
    """
    given = shape.get("points")
    if not isinstance(given, list) or not given:
        raise ValueError("it has no points")
    flat: list[float] = []
    for pair in given:
        if not isinstance(pair, list) or len(pair) < 2:
            raise ValueError(f"{pair!r} is no point")
        for value in pair[:2]:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{pair!r} is no point")  # noqa: TRY004 - the file is wrong
            flat.append(float(value))
    if not math.isfinite(sum(flat)):
        raise ValueError("its points are not finite")
    return flat


def _attributes(shape: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    flags, more = shape.get("flags"), shape.get("attributes")
    if isinstance(flags, dict):
        found |= flags
    if isinstance(more, dict):
        found |= more
    description = shape.get("description")
    if isinstance(description, str) and description:
        found["description"] = description
    return found


def read_shape(
    shape: Mapping[str, Any],
    number: int,
    labels: Mapping[str, int],
    groups: Groups,
    size: _Size,
) -> Annotation:
    """Return the annotation of a shape.

    Args:
        shape: The object in the file.
        number: Its place among the shapes, from 0.
        labels: Numbers of labels by name.
        groups: Numbers of groups.
        size: (height, width) of the image, or None.

    Raises:
        ValueError: It cannot be read; the text says why.
    """
    if not isinstance(shape, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - the file is wrong, not the program
    label = shape.get("label")
    if label is not None and not isinstance(label, str):
        raise ValueError(f"its label {label!r} is no text")
    own = {k: v for k, v in shape.items() if k not in _KNOWN and v not in _EMPTY}
    common: dict[str, Any] = {
        "label": labels.get(label or ""),
        "id": number + 1,
        "group": groups.number(shape.get("group_id")),
        "attributes": _attributes(shape),
    }
    if own:
        common["extra"] = {"labelme_json": own}
    kind = shape.get("shape_type") or "polygon"
    return _annotation(kind, _points(shape), shape.get("mask"), size, common)


def made_of(
    shape: Shape, number: int, labels: Mapping[str, int], groups: Groups, size: _Size
) -> Annotation:
    """Return the annotation of a shape that is checked; see ``read_shape``."""
    points = list(chain.from_iterable(shape.points))
    if not points:
        raise ValueError("it has no points")
    if not math.isfinite(sum(points)):
        raise ValueError("its points are not finite")
    attributes = {**(shape.flags or {}), **(shape.attributes or {})}
    if shape.description:
        attributes["description"] = shape.description
    common: dict[str, Any] = {
        "label": labels.get(shape.label or ""),
        "id": number + 1,
        "group": groups.number(shape.group_id) if shape.group_id is not None else 0,
        "attributes": attributes,
    }
    return _annotation(shape.shape_type or "polygon", points, shape.mask, size, common)


def _annotation(
    kind: str, points: list[float], mask: Any, size: _Size, common: dict[str, Any]
) -> Annotation:
    if kind == "polygon":
        return Polygon(points, **common)
    if kind == "rectangle":
        return _rectangle(points, common)
    if kind in ("oriented_rectangle", "rotation"):
        return _oriented(points, common)
    if kind in ("line", "linestrip"):
        return PolyLine(points, **common)
    if kind in ("point", "points"):
        return Points(points, **common)
    if kind == "circle":
        return _circle(points, common)
    if kind == "mask":
        return _mask(mask, points, size, common)
    raise ValueError(f"the shape_type {kind!r} is not known")


def _rectangle(points: list[float], common: dict[str, Any]) -> Annotation:
    if len(points) < 4:
        raise ValueError("a rectangle of one point")
    if len(points) == 4:
        x1, y1, x2, y2 = points
        x, y = min(x1, x2), min(y1, y2)
        return Bbox(x, y, abs(x2 - x1), abs(y2 - y1), **common)
    xs, ys = points[::2], points[1::2]
    return Bbox(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys), **common)


def _oriented(points: list[float], common: dict[str, Any]) -> Annotation:
    if len(points) != 8:
        raise ValueError(f"an oriented rectangle of {len(points) // 2} points")
    return RotatedBbox(*geometry.rotated_box_from_corners(points), **common)


def _circle(points: list[float], common: dict[str, Any]) -> Annotation:
    if len(points) != 4:
        raise ValueError(f"a circle of {len(points) // 2} points")
    x, y, rim_x, rim_y = points
    radius = math.hypot(rim_x - x, rim_y - y)
    return Ellipse(x - radius, y - radius, 2 * radius, 2 * radius, **common)


def _mask(data: Any, points: list[float], size: _Size, common: dict[str, Any]) -> Annotation:
    if not isinstance(data, str) or not data:
        raise ValueError("a mask without pixels")
    try:
        head = base64.b64decode(data[:64])
    except (binascii.Error, ValueError) as error:
        raise ValueError("a mask that is no base64") from error
    if not head.startswith((b"\x89PNG", b"\xff\xd8")):
        raise ValueError("a mask that is no PNG")
    return Mask(PatchMask(data, int(points[0]), int(points[1]), size), **common)
