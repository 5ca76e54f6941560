"""From the elements of a CVAT file to annotations."""

from __future__ import annotations

from math import cos, isfinite, pi, radians, sin
from typing import TYPE_CHECKING, Any

from dsk.annotations import (
    Annotation,
    Bbox,
    Cuboid2d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
    Visibility,
)
from dsk_cvat.cvatmask import CroppedMask, read_runs
from dsk_cvat.numerals import floats_of, integer_of, numbers_of, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from dsk.categories import Categories
    from dsk.loss import Ledger

__all__ = ["CORNERS", "KNOWN", "ShapeReader", "Tracked"]

CORNERS = tuple(
    f"{axis}{corner}{face}"
    for face in (1, 2)
    for corner in ("tl", "bl", "tr", "br")
    for axis in ("x", "y")
)
"""Attributes of a cuboid in the order of ``Cuboid2d.points``."""

KNOWN = frozenset(CORNERS).union(
    ("label", "source", "frame", "keyframe", "outside", "occluded", "z_order", "group_id"),
    ("rotation", "points", "xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry"),
    ("rle", "left", "top", "width", "height"),
    ("subset", "task_id"),  # of tags of frames, whose items have them
)
"""Attributes of shapes and tags that have a place in the model; others are kept as they are."""

_NAMED = frozenset({"name"})
_CACHE = 10_000
_STEPS = 64  # corners of the polygon that a turned ellipse becomes
_PLAIN = {"0": {"occluded": False}, "1": {"occluded": True}}


class Tracked:
    """What a track says about each of its shapes.

    Args:
        number: The track's id.
        label: Name of its label.
        group: Its group, 0 for none.
        source: Who made it, or "".
        unique: An id that no other track of the dataset has.
    """

    __slots__ = ("group", "label", "number", "source", "unique")

    def __init__(self, number: int, label: str, group: int, source: str, unique: int) -> None:
        self.number = number
        self.label = label
        self.group = group
        self.source = source
        self.unique = unique


def _tell_unknown(element: Element, ledger: Ledger) -> None:
    """Warn of elements inside a shape that have no place in the model."""
    for child in element:
        if child.tag == "attribute":
            _tell_fields(child, _NAMED, ledger)
            for inner in child:
                ledger.warn(f"<{inner.tag}> in an <attribute> is not known and left out")
        elif child.tag != "points" or element.tag != "skeleton":
            ledger.warn(f"<{child.tag}> in a <{element.tag}> is not known and left out")


def _tell_fields(element: Element, known: frozenset[str], ledger: Ledger) -> None:
    """Warn of attributes of an element that have no place in the model."""
    if not element.attrib.keys() <= known:
        for name in sorted(element.attrib.keys() - known):
            what = f"the attribute {name} of <{element.tag}>"
            ledger.warn(f"{what} inside of shapes is not known and left out")


def _in_order(
    x1: float, y1: float, x2: float, y2: float, ledger: Ledger
) -> tuple[float, float, float, float]:
    """Return the corners of a box, the top left one first, and tell that they were swapped."""
    ledger.warn("there are boxes with swapped corners (xtl > xbr or ytl > ybr); they are put right")
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


class ShapeReader:
    """Makes annotations of elements.

    Args:
        categories: The labels of the dataset.
        types: Input types of attributes by number of the label and name of the attribute.
        names: What attributes that are called like fields of CVAT become, see ``own_names``.
        visibility: Points of skeletons that are outside are absent.
    """

    def __init__(
        self,
        categories: Categories,
        types: Mapping[int, Mapping[str, str]],
        names: Mapping[str, str],
        *,
        visibility: bool,
    ) -> None:
        self._categories = categories
        self._types = types
        self.names = names
        self._visibility = visibility
        self._labels: dict[str, int] = {}
        for number in reversed(range(len(categories.labels))):
            label = categories.labels[number]
            self._labels[label.name] = number
        for number in reversed(categories.object_labels()):  # before equal names of points
            self._labels[categories.labels[number].name] = number
        self._parts = {(label.parent, label.name): n for n, label in enumerate(categories.labels)}
        self._extras: dict[str, dict[str, Any]] = {}
        self._values: dict[tuple[int | None, str, str], Any] = {}
        self._makers: dict[str, Callable[[Element, Any, dict[str, Any]], Annotation | None]] = {
            "polygon": lambda e, _, common: Polygon(numbers_of(e.get("points", "")), **common),
            "polyline": lambda e, _, common: PolyLine(numbers_of(e.get("points", "")), **common),
            "points": lambda e, _, common: Points(numbers_of(e.get("points", "")), **common),
            "ellipse": self._ellipse,
            "cuboid": lambda e, _, common: Cuboid2d(floats_of(e, CORNERS), **common),
            "mask": self._mask,
        }

    def knows(self, tag: str) -> bool:
        """Tell whether elements of this name are shapes."""
        return tag in self._makers or tag in ("box", "skeleton", "tag")

    def read(
        self,
        element: Element,
        size: tuple[int, int] | None,
        ledger: Ledger,
        track: Tracked | None = None,
        parts: Sequence[tuple[str, Element]] | None = None,
    ) -> Annotation | None:
        """Return the annotation of an element.

        Args:
            element: A shape or a tag.
            size: (height, width) of the image, or None.
            ledger: For warnings.
            track: The track it belongs to, if any.
            parts: Names and shapes of a skeleton's points, when they are not inside of it.

        Raises:
            ValueError: It cannot be read; the text says why.
        """
        tag = element.tag
        if tag == "box" and track is None and not len(element):
            return self._plain_box(element, ledger)
        _tell_unknown(element, ledger)
        name = (
            element.get("label", "") if track is None else track.label or element.get("label", "")
        )
        label = self._label(name, ledger)
        common = self._common(element, label, track)
        if tag == "tag":
            common["attributes"] = self._attributes(element, label, track, flags=False)
            common.pop("z_order")
            return Label(**common)
        if tag == "skeleton":
            return self._skeleton(element, parts, common, ledger, tracked=track is not None)
        if tag == "ellipse" and float(element.get("rotation") or 0) % 90:
            ledger.warn("turned ellipses become polygons")
        if tag == "box":
            return self._box(element, common, ledger)
        return self._makers[tag](element, size, common)

    def _plain_box(self, element: Element, ledger: Ledger) -> Bbox | RotatedBbox:
        """Read a box of an image that has no attributes of its own: the most common shape."""
        get = element.get
        attrib = element.attrib
        try:
            x, y = float(attrib["xtl"]), float(attrib["ytl"])
            x2, y2 = float(attrib["xbr"]), float(attrib["ybr"])
        except KeyError as error:
            raise ValueError(f"the attribute {error.args[0]} is missing") from None
        if x2 < x or y2 < y:
            x, y, x2, y2 = _in_order(x, y, x2, y2, ledger)
        w, h = x2 - x, y2 - y
        if not isfinite(x + y + w + h):
            raise ValueError("xtl, ytl, xbr, ybr are not finite")
        name = get("label", "")
        label = self._labels.get(name)
        if label is None:
            label = self._label(name, ledger)
        extra = self._extra(element, get("source"))
        flags = _PLAIN["1" if get("occluded") == "1" else "0"]
        if get("outside") == "1":
            flags = {**flags, "outside": True}
        z_order, group = whole_number(get("z_order")), whole_number(get("group_id"))
        angle = float(get("rotation") or 0)
        if not isfinite(angle):
            raise ValueError("the rotation is not finite")
        if angle % 360:
            return RotatedBbox(
                x + w / 2,
                y + h / 2,
                w,
                h,
                angle,
                label=label,
                group=group,
                z_order=z_order,
                attributes=flags,
                extra=extra,
            )
        return Bbox(
            x,
            y,
            w,
            h,
            label=label,
            group=group,
            z_order=z_order,
            attributes=flags,
            extra=extra,
        )

    def _label(self, name: str, ledger: Ledger) -> int | None:
        number = self._labels.get(name)
        if number is None and name:
            ledger.warn(f"the label {name!r} is not declared in <meta>; its shapes have no label")
        return number

    def declared(self, name: str) -> int | None:
        """Return the number of a label; None for no name.

        Raises:
            ValueError: The label is not declared.
        """
        number = self._labels.get(name)
        if number is None and name:
            raise ValueError(f"the label {name!r} is not declared")
        return number

    def extra_of(self, source: str | None) -> dict[str, Any] | None:
        """Return what is kept of who made a shape."""
        if not source or source == "manual":
            return None
        known = self._extras.get(source)
        if known is None:
            known = self._extras[source] = {"cvat": {"source": source}}
        return known

    def _extra(self, element: Element, source: str | None) -> dict[str, Any] | None:
        """Return what is kept of a shape besides what the model knows."""
        extra = self.extra_of(source)
        if element.attrib.keys() <= KNOWN:
            return extra
        more = {name: text for name, text in element.attrib.items() if name not in KNOWN}
        return {"cvat": {**(extra or {}).get("cvat", {}), **more}}

    def _common(self, element: Element, label: int | None, track: Tracked | None) -> dict[str, Any]:
        get = element.get
        common: dict[str, Any] = {
            "label": label,
            "group": whole_number(get("group_id")),
            "z_order": whole_number(get("z_order")),
            "attributes": self._attributes(element, label, track),
        }
        source = get("source")
        if track is not None:
            common["id"] = track.number
            common["object_id"] = track.unique
            common["group"] = common["group"] or track.group
            source = source or track.source
        extra = self._extra(element, source)
        if extra is not None:
            common["extra"] = extra
        return common

    def _attributes(
        self,
        element: Element,
        label: int | None,
        track: Tracked | None,
        *,
        flags: bool = True,
    ) -> dict[str, Any]:
        get = element.get
        found: dict[str, Any] = {}
        for child in element:
            if child.tag == "attribute":
                name = child.get("name")
                if name is None:
                    raise ValueError("an <attribute> has no name")
                name = self.names.get(name, name)
                found[name] = self.value(label, name, child.text or "")
        if flags:
            found["occluded"] = get("occluded") == "1"
            if get("outside") == "1":  # of an image's shape: Datumaro writes what was tracked so
                found["outside"] = True
        if track is not None:
            found["outside"] = get("outside") == "1"
            found["keyframe"] = get("keyframe") == "1"
            found["track_id"] = track.number
        return found

    def value(self, label: int | None, name: str, text: str) -> Any:
        """Return the value of an attribute by the type that its label declares."""
        key = (label, name, text)
        try:
            return self._values[key]
        except KeyError:
            if len(self._values) > _CACHE:
                self._values.clear()
        kind = self._types.get(-1 if label is None else label, {}).get(name, "")
        value: Any = text
        if text in ("true", "false"):
            value = text == "true"
        elif kind == "checkbox" and text.strip().lower() in ("true", "false"):
            value = text.strip().lower() == "true"
        elif kind not in ("", "text"):
            try:
                number = float(text)
                value = number if isfinite(number) else text
            except ValueError:
                value = text
        self._values[key] = value
        return value

    def _box(self, element: Element, common: dict[str, Any], ledger: Ledger) -> Annotation:
        x, y, x2, y2 = floats_of(element, ("xtl", "ytl", "xbr", "ybr"))
        if x2 < x or y2 < y:
            x, y, x2, y2 = _in_order(x, y, x2, y2, ledger)
        w, h = x2 - x, y2 - y
        if not isfinite(x + y + w + h):
            raise ValueError("xtl, ytl, xbr, ybr are not finite")
        angle = float(element.get("rotation") or 0)
        if not isfinite(angle):
            raise ValueError("the rotation is not finite")
        if angle % 360:
            return RotatedBbox(x + w / 2, y + h / 2, w, h, angle, **common)
        return Bbox(x, y, w, h, **common)

    def _ellipse(self, element: Element, size: Any, common: dict[str, Any]) -> Annotation:  # noqa: ARG002
        cx, cy, rx, ry = floats_of(element, ("cx", "cy", "rx", "ry"))
        rx, ry = abs(rx), abs(ry)
        angle = float(element.get("rotation") or 0)
        if not isfinite(angle):
            raise ValueError("the rotation is not finite")
        if angle % 180 == 90:
            rx, ry, angle = ry, rx, 0.0
        if angle % 180 == 0:
            return Ellipse(cx - rx, cy - ry, 2 * rx, 2 * ry, **common)
        c, s = cos(radians(angle)), sin(radians(angle))
        ring: list[float] = []
        for n in range(_STEPS):
            a, b = rx * cos(2 * pi * n / _STEPS), ry * sin(2 * pi * n / _STEPS)
            ring += (cx + a * c - b * s, cy + a * s + b * c)
        return Polygon(ring, **common)

    @staticmethod
    def _mask(
        element: Element, size: tuple[int, int] | None, common: dict[str, Any]
    ) -> Annotation | None:
        left, top = integer_of(element, "left"), integer_of(element, "top")
        width, height = integer_of(element, "width"), integer_of(element, "height")
        text = element.get("rle")
        if text is None:
            raise ValueError("the attribute rle is missing")
        runs = read_runs(text, width, height)
        if size is None:
            size = (top + height, left + width)
        if left < 0 or top < 0 or left + width > size[1] or top + height > size[0]:
            raise ValueError(
                f"the mask at {left},{top} of {width} × {height} pixels leaves the image "
                f"of {size[1]} × {size[0]}"
            )
        return Mask(CroppedMask(runs, (left, top, width, height), size), **common)

    def _skeleton(
        self,
        element: Element,
        parts: Sequence[tuple[str, Element]] | None,
        common: dict[str, Any],
        ledger: Ledger,
        *,
        tracked: bool,
    ) -> Skeleton:
        given = list(parts or ())
        given += [(e.get("label", ""), e) for e in element if e.tag == "points"]
        label = common["label"]
        category = self._categories.points.get(-1 if label is None else label)
        names = list(category.labels) if category is not None else []
        owner = self._categories.labels[label].name if label is not None else ""
        if given and not names:
            names = list(dict.fromkeys(name for name, _ in given))
            if not all(name.isdecimal() for name in names):
                what = f"the points of {owner!r}; they lose their names"
                ledger.warn(f"<meta> does not declare {what}")
        points: list[float] = [0.0, 0.0] * len(names)
        seen = [Visibility.ABSENT] * len(names)
        attributes: list[dict[str, Any]] = [{} for _ in names]
        gone = tracked and bool(given) and all(p.get("outside") == "1" for _, p in given)
        if gone:
            common["attributes"]["outside"] = True  # CVAT says it of the points alone
        for name, part in given:
            if name not in names:
                raise ValueError(f"the skeleton {owner!r} has no point {name!r}")
            _tell_unknown(part, ledger)
            _tell_fields(part, KNOWN, ledger)
            text = part.get("points", "")
            if not text.strip() and "points" in part.attrib:
                continue  # a point that was never placed
            place = numbers_of(text)
            if len(place) != 2:
                raise ValueError(f"the point {name!r} has {len(place) // 2} places")
            n = names.index(name)
            points[2 * n : 2 * n + 2] = place
            own = self._attributes(part, self._parts.get((owner, name)), None)
            own["outside"] = part.get("outside") == "1"
            if tracked:
                own["keyframe"] = part.get("keyframe") == "1"
            if own["outside"] and place == [0.0, 0.0]:
                continue  # how points are written that were never placed
            attributes[n] = own
            seen[n] = self._seen(own, None if gone else ledger)
        return Skeleton(points, seen, attributes, **common)

    def _seen(self, attributes: Mapping[str, Any], ledger: Ledger | None) -> int:
        if attributes["outside"]:
            if self._visibility:
                return Visibility.ABSENT
            if ledger is not None:
                ledger.warn(
                    "points of skeletons that are outside count as visible, as in Datumaro; "
                    "-I point_visibility=true makes them absent"
                )
        return Visibility.HIDDEN if attributes["occluded"] else Visibility.VISIBLE
