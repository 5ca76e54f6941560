"""From annotations to the elements of a CVAT file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dsk.annotations import (
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
    is_on,
)
from dsk.rle import rle_in
from dsk_cvat.cvatmask import CroppedMask, crop_runs
from dsk_cvat.meta import BUILTIN, written_name
from dsk_cvat.shapes import CORNERS, KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk_cvat.declare import Seen

__all__ = [
    "ShapeWriter",
    "attribute_text",
    "cannot_hold",
    "element_text",
    "extra_text",
    "own_fields",
    "stated_attributes",
]

_SPECIAL = re.compile(r'[&<>"\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]')
_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udc7f\udd00-\udfff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PAIR = "%.10g,%.10g"
_CORNERS = 'xtl="%.10g" ytl="%.10g" xbr="%.10g" ybr="%.10g" '
_TURNED = _CORNERS + 'rotation="%.10g" '
_ROUND = 'cx="%.10g" cy="%.10g" rx="%.10g" ry="%.10g" '
_NAMES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if _REFUSED.match(char):
        return "\ufffd"
    if "\ud800" <= char <= "\udfff":
        return char  # a byte of a name that is no UTF-8, which is written as it was
    return _NAMES.get(char) or f"&#{ord(char)};"


def attribute_text(text: str) -> str:
    """Return text for an attribute's value; characters that XML cannot hold become U+FFFD."""
    return text if _SPECIAL.search(text) is None else _SPECIAL.sub(_escape, text)


def element_text(text: str) -> str:
    """Return text for the content of an element, likewise; line breaks stay as they are."""
    return attribute_text(text).replace("&#10;", "\n").replace("&#9;", "\t")


def cannot_hold(text: str) -> bool:
    """Tell whether a text has characters that XML cannot hold."""
    return _REFUSED.search(text) is not None


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def own_fields(extra: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return CVAT's fields among those that the model has no place for; anything may be there."""
    own = (extra or {}).get("cvat")
    return own if isinstance(own, dict) else {}


def stated_attributes(extra: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return CVAT's declarations of a label's attributes by name; anything may be there."""
    stated = own_fields(extra).get("attributes")
    found = stated if isinstance(stated, list | tuple) else ()
    return {str(spec.get("name")): spec for spec in found if isinstance(spec, dict)}


def _spellings(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[float, str]]:
    """Return how a label's attributes spell numbers that are among the values they may have."""
    found: dict[str, dict[float, str]] = {}
    for name, spec in specs.items():
        if spec.get("input_type") in ("select", "radio"):
            own = found.setdefault(name, {})
            for text in map(str.strip, str(spec.get("values", "")).split("\n")):
                try:
                    own.setdefault(float(text), text)
                except ValueError:
                    continue  # no number
    return found


def _points(values: Sequence[float]) -> str:
    return ";".join([_PAIR % pair for pair in zip(values[::2], values[1::2], strict=True)])


class ShapeWriter:
    """Writes shapes.

    Args:
        categories: The labels.
        undeclared: Whether attributes that a label does not declare are written.
        video: Whether shapes belong to tracks, which name their labels.
    """

    def __init__(self, categories: Categories, *, undeclared: bool, video: bool) -> None:
        self._names = [attribute_text(label.name) for label in categories.labels]
        common = set(categories.attributes)
        self._declared = [common.union(label.attributes) for label in categories.labels]
        self._points = categories.points
        self._owners = [label.name for label in categories.labels]
        self._parts = {(label.parent, label.name): n for n, label in enumerate(categories.labels)}
        specs = [stated_attributes(label.extra) for label in categories.labels]
        self._spelled = [_spellings(own) for own in specs]
        self._called = [
            {name: attribute_text(written_name(name, spec)) for name, spec in own.items()}
            for own in specs
        ]
        self._undeclared = undeclared
        self._video = video
        self._makers: dict[type[Annotation], tuple[str, Callable[[Any], str]]] = {
            Bbox: ("box", _box),
            RotatedBbox: ("box", _rotated),
            Polygon: ("polygon", lambda a: f'points="{_points(a.rings[0])}" '),
            PolyLine: ("polyline", lambda a: f'points="{_points(a.points)}" '),
            Points: ("points", lambda a: f'points="{_points(a.points)}" '),
            Ellipse: ("ellipse", _ellipse),
            Cuboid2d: ("cuboid", _cuboid),
            Skeleton: ("skeleton", lambda _: ""),
        }

    def shape(self, a: Annotation, seen: Seen, size: tuple[int, int] | None = None) -> str:
        """Return the element of an annotation; in a video its frame follows ``frame="``.

        Args:
            a: The annotation; its label is known.
            seen: Where values of attributes and losses are counted.
            size: (height, width) of the image, which masks must fit.

        Raises:
            ValueError: Its geometry is malformed.
        """
        label = a.label or 0
        if type(a) is Label:
            return self._tag(a, seen)
        if type(a) is Mask:
            tag, geometry = "mask", _mask(a, size)
        else:
            tag, make = self._makers[type(a)]
            geometry = make(a)
        flags = a.attributes
        head = f'<{tag} frame="" ' if self._video else f'<{tag} label="{self._names[label]}" '
        head += f"{_source(a)} "
        if self._video:
            outside, keyframe = is_on(flags.get("outside")), is_on(flags.get("keyframe", True))
            head += f'outside="{outside:d}" keyframe="{keyframe:d}" '
        head += f'occluded="{_occluded(flags, seen, a):d}" {geometry}z_order="{a.z_order}"'
        if a.group and not self._video:
            head += f' group_id="{a.group}"'
        inner = self._attributes(a, label, flags, seen)
        if type(a) is Points and any(v != Visibility.VISIBLE for v in a.visibility):
            seen.lose("visibility of points", a, code="DSK-L005")
        if type(a) is Skeleton:
            seen.skeletons.add(label)
            inner += "".join(self._points_of(a, seen))
        return f"{head}>{inner}</{tag}>" if inner else f"{head}/>"

    def _tag(self, a: Label, seen: Seen) -> str:
        label = a.label or 0
        head = f'<tag label="{self._names[label]}" {_source(a)}'
        if a.group:
            head += f' group_id="{a.group}"'
        for name in BUILTIN:
            if name in a.attributes:
                seen.lose(name, a)
        inner = self._attributes(a, label, a.attributes, seen)
        return f"{head}>{inner}</tag>" if inner else f"{head}/>"

    def _attributes(self, a: Annotation, label: int, values: Mapping[str, Any], seen: Seen) -> str:
        if not values:
            return ""
        text = ""
        for name, value in values.items():
            if name in BUILTIN:
                if not self._video and name != "occluded" and type(a) is not Label:
                    seen.lose(name, a, "use_track=true keeps it")
                continue
            if not self._undeclared and name not in self._declared[label]:
                seen.lose(f"undeclared attribute {name}", a, "allow_undeclared_attrs=true keeps it")
                continue
            seen.value(label, name, value, a)
            written = self._written(label, name, value)
            if cannot_hold(written) or cannot_hold(name):
                seen.lose(f"characters of {name} that XML cannot hold", a)
            called = self._called[label].get(name) or attribute_text(name)
            text += f'<attribute name="{called}">{element_text(written)}</attribute>'
        return text

    def _written(self, label: int, name: str, value: Any) -> str:
        """Return the text of a value, as the label's declaration spells it if there is one."""
        own = self._spelled[label].get(name)
        if own and isinstance(value, int | float) and not isinstance(value, bool):
            return own.get(value) or _value(value)
        return _value(value)

    def _names_of(self, a: Skeleton) -> list[str]:
        category = self._points.get(a.label or 0)
        count = len(a.points) // 2
        names = list(category.labels) if category is not None else []
        return names[:count] + [str(n + 1) for n in range(len(names), count)]

    def _points_of(self, a: Skeleton, seen: Seen) -> list[str]:
        """Return the elements of a skeleton's points."""
        made = []
        gone = self._video and is_on(a.attributes.get("outside"))
        for n, name in enumerate(self._names_of(a)):
            visibility = a.visibility[n] if n < len(a.visibility) else Visibility.VISIBLE
            own = a.point_attributes[n] if n < len(a.point_attributes) else {}
            outside = gone or visibility == Visibility.ABSENT or is_on(own.get("outside"))
            occluded = visibility == Visibility.HIDDEN or (
                visibility == Visibility.VISIBLE and is_on(own.get("occluded"))
            )
            x, y = a.points[2 * n : 2 * n + 2]
            head = f'<points label="{attribute_text(name)}" '
            if self._video:
                key = is_on(own.get("keyframe", a.attributes.get("keyframe", True)))
                head += f'keyframe="{key:d}" '
            head += f'source="manual" outside="{outside:d}" occluded="{occluded:d}" '
            head += f'points="{x:.10g},{y:.10g}" z_order="{a.z_order}"'
            inner, part = "", self._parts.get((self._owners[a.label or 0], name))
            for k, v in own.items():
                if k not in BUILTIN:
                    text = element_text(_value(v) if part is None else self._written(part, k, v))
                    called = (part is not None and self._called[part].get(k)) or attribute_text(k)
                    inner += f'<attribute name="{called}">{text}</attribute>'
                    if part is not None:
                        seen.value(part, k, v, a)
            made.append(f"{head}>{inner}</points>" if inner else f"{head}/>")
        return made


def extra_text(extra: Mapping[str, Any] | None, known: Container[str]) -> str:
    """Return what the source said in attributes that have no place in the model.

    Args:
        extra: Of an annotation or item.
        known: Attributes that are written anyway.
    """
    return "".join(
        f' {name}="{attribute_text(_value(value))}"'
        for name, value in own_fields(extra).items()
        if isinstance(value, str | int | float) and name not in known and _NAME.fullmatch(name)
    )


def _source(a: Annotation) -> str:
    if a.extra is None:
        return 'source="manual"'
    source = own_fields(a.extra).get("source", "manual")
    return f'source="{attribute_text(str(source))}"{extra_text(a.extra, KNOWN)}'


def _occluded(flags: Mapping[str, Any], seen: Seen, a: Annotation) -> bool:
    value = flags.get("occluded", False)
    if isinstance(value, str):
        value = is_on(value)
        seen.lose("value of occluded, which becomes 0 or 1", a)
    elif value not in (0, 1):
        seen.lose("value of occluded, which becomes 0 or 1", a)
    return bool(value)


def _box(a: Bbox) -> str:
    return _CORNERS % (a.x, a.y, a.x + a.w, a.y + a.h)


def _rotated(a: RotatedBbox) -> str:
    x, y = a.cx - a.w / 2, a.cy - a.h / 2
    numbers = (x, y, x + a.w, y + a.h, a.r % 360)
    return _TURNED % numbers


def _ellipse(a: Ellipse) -> str:
    numbers = (a.x + a.w / 2, a.y + a.h / 2, a.w / 2, a.h / 2)
    return _ROUND % numbers


def _cuboid(a: Cuboid2d) -> str:
    if len(a.points) != len(CORNERS):
        raise ValueError(f"a cuboid of {len(a.points)} coordinates")
    pairs = zip(CORNERS, a.points, strict=True)
    return "".join([f'{name}="{value:.10g}" ' for name, value in pairs])


def _mask(a: Mask, size: tuple[int, int] | None) -> str:
    runs: Sequence[int]
    source = a.source
    if isinstance(source, CroppedMask) and size in (None, source.size) and source.covers():
        (left, top, width, height), runs = source.box, source.runs
    else:
        (left, top, width, height), runs = crop_runs(rle_in(source, size))
    if not width:
        raise ValueError("empty geometry")
    text = ", ".join(map(str, runs))
    return f'rle="{text}" left="{left}" top="{top}" width="{width}" height="{height}" '
