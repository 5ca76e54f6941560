"""What the head of a CVAT file says: labels, their attributes, skeletons, sizes of videos."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import tostring

from msgspec import Struct
from msgspec.structs import replace

from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk_cvat.svg import parse_svg

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from xml.etree.ElementTree import Element

__all__ = [
    "BUILTIN",
    "MAX_SIDE",
    "Meta",
    "join_labels",
    "label_of",
    "read_meta",
    "side",
    "written_name",
]

BUILTIN = ("occluded", "outside", "keyframe", "track_id")
"""Attributes that CVAT keeps in fields of their own."""

MAX_SIDE = 1 << 20
"""No image is wider or higher than that; larger numbers are damage."""

_ORIGINAL = "original"
"""Key of an attribute's declaration: the name that it has in CVAT's files."""

_PLAIN_SPEC = {
    "name": "",
    "mutable": "True",
    "input_type": "text",
    "default_value": "",
    "values": "",
}
_COLOR = re.compile(r"#?([0-9A-Fa-f]{6})")
_SIDE = re.compile(r"\s*(\d{1,7})(?:\.0*)?\s*", re.ASCII)


class Meta(Struct):
    """The head of one file.

    Attributes:
        labels: Its labels, in order.
        colors: Colours by number of the label.
        types: Input types of attributes by number of the label and name of the attribute.
        points: Skeletons by number of the label.
        sizes: (height, width) of videos by task id, None of tasks without one; "" is the first one.
        stops: Last frames by task id, likewise.
        steps: Distances between frames by task id, likewise.
        subsets: Names of the subsets of a project.
        folders: Names of the subsets of its tasks, whose images may be in folders of their own.
        project: Whether it is the export of a project.
        video: Whether it says that it is about a video.
    """

    labels: list[LabelCategory]
    colors: dict[int, tuple[int, int, int]]
    types: dict[int, dict[str, str]]
    points: dict[int, PointsCategory]
    sizes: dict[str, tuple[int, int] | None]
    stops: dict[str, int]
    steps: dict[str, int]
    subsets: list[str]
    folders: list[str]
    project: bool = False
    video: bool = False


def written_name(name: str, spec: Mapping[str, Any] | None) -> str:
    """Return what an attribute is called in CVAT's files.

    Args:
        name: Its name in the model.
        spec: Its declaration, if any.
    """
    original = (spec or {}).get(_ORIGINAL)
    return original if original in BUILTIN else name


def read_meta(element: Element, names: Mapping[str, str]) -> Meta:
    """Read the element ``meta``, whether it is about a task, a job or a project.

    Args:
        element: The element; without children it says nothing.
        names: What attributes that are called like fields of CVAT become, see ``own_names``.
    """
    meta = Meta([], {}, {}, {}, {}, {}, {}, [], [])
    meta.project = element.find("project") is not None
    parts: dict[str, list[str]] = {}
    pictures: dict[int, str] = {}
    seen: set[tuple[str, str]] = set()
    for label in _labels(element):
        name, parent = _text(label, "name"), _text(label, "parent")
        parent = parent if parent.strip() else ""
        if label.find("name") is None or (name, parent) in seen:
            continue
        seen.add((name, parent))
        number = len(meta.labels)
        if parent:
            parts.setdefault(parent, []).append(name)
        specs = [spec for a in label.findall("attributes/attribute") if (spec := _spec(a, names))]
        meta.types[number] = {spec["name"]: spec.get("input_type", "") for spec in specs}
        color = _COLOR.fullmatch(_text(label, "color").strip())
        if color:
            meta.colors[number] = tuple(bytes.fromhex(color[1]))  # type: ignore[assignment]
        svg = _markup(label.find("svg"))
        if svg:
            pictures[number] = svg
        meta.labels.append(
            LabelCategory(name, parent, tuple(meta.types[number]), extra=_extra(label, specs, svg))
        )
    for number, label_category in enumerate(meta.labels):
        own = parts.get(label_category.name, [])
        kind = (label_category.extra or {}).get("cvat", {}).get("type")
        if number in pictures:
            meta.points[number] = parse_svg(pictures[number], own)
        elif kind == "skeleton":
            meta.points[number] = PointsCategory(tuple(own))
    _read_tasks(element, meta)
    return meta


def _labels(element: Element) -> Iterable[Element]:
    for holder in element.iter("labels"):
        yield from holder.findall("label")


def _text(element: Element, name: str) -> str:
    return element.findtext(name) or ""


def _markup(svg: Element | None) -> str:
    """Return the picture of a skeleton: text in CVAT's files, elements in others."""
    if svg is None:
        return ""
    return (svg.text or "") + "".join(tostring(part, encoding="unicode") for part in svg)


def _spec(attribute: Element, names: Mapping[str, str]) -> dict[str, str] | None:
    spec = {child.tag: child.text or "" for child in attribute if child.tag != _ORIGINAL}
    name = spec.get("name", "")
    if name in names:
        spec |= {"name": names[name], _ORIGINAL: name}
    return spec if name else None


def _extra(label: Element, specs: list[dict[str, str]], svg: str) -> dict[str, Any] | None:
    """Return what CVAT says of a label beyond names: types and values, to be written back."""
    own: dict[str, Any] = {}
    kind = _text(label, "type").strip()
    if kind and kind != "any":
        own["type"] = kind
    if any(_says_more(spec) for spec in specs):
        own["attributes"] = specs
    if svg:
        own["svg"] = svg
    return {"cvat": own} if own else None


def _says_more(spec: dict[str, str]) -> bool:
    plain = spec.get("input_type", "text") == "text" and spec.get("mutable", "True") == "True"
    return not plain or any(spec.get(key) for key in ("values", "default_value", _ORIGINAL))


def label_of(
    name: str, parent: str, attributes: Collection[str], names: Mapping[str, str]
) -> LabelCategory:
    """Return a label that no file declares; its attributes are text.

    Args:
        name: Its name.
        parent: The skeleton that it is a point of, or "".
        attributes: Names of its attributes in the file.
        names: As for ``read_meta``.
    """
    own = [names.get(attribute, attribute) for attribute in attributes]
    specs = [
        {**_PLAIN_SPEC, "name": new, **({_ORIGINAL: old} if old in names else {})}
        for old, new in zip(attributes, own, strict=True)
    ]
    kept = {"cvat": {"attributes": specs}} if any(map(_says_more, specs)) else None
    return LabelCategory(name, parent, tuple(own), extra=kept)


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isdecimal() and len(text) < 13 else None


def side(text: str | None) -> int:
    """Return a width or height, which other tools may write as ``20.0``; 0 if it is unknown."""
    found = _SIDE.fullmatch(text or "")
    number = int(found[1]) if found else 0
    return number if number <= MAX_SIDE else 0


def _size(holder: Element) -> tuple[int, int] | None:
    """Return (height, width) of a video."""
    width = side(holder.findtext("original_size/width"))
    height = side(holder.findtext("original_size/height"))
    return (height, width) if width and height else None


def _last_frame(task: Element, distance: int) -> int | None:
    start, stop = _number(task.findtext("start_frame")), _number(task.findtext("stop_frame"))
    count = _number(task.findtext("size"))
    last = (start or 0) + (count - 1) * distance if count else None
    if stop is None or last is None:
        return last if stop is None else stop  # old files have the count only
    # Datumaro states the frame behind the last one.
    return last if start is not None and 0 < stop - last <= distance else stop


def _read_tasks(element: Element, meta: Meta) -> None:
    tasks = [t for kind in ("task", "job") for t in element.iter(kind)]
    for task in tasks:
        key = _text(task, "id").strip()
        size = _size(task)
        if size is not None:
            meta.sizes.setdefault("", size)
        if key:  # another task's size is not this one's
            meta.sizes[key] = size
        step = re.fullmatch(r"\s*step\s*=\s*(\d{1,9})\s*", _text(task, "frame_filter"))
        distance = int(step[1]) if step and int(step[1]) else 1
        stop = _last_frame(task, distance)
        if stop is not None:
            meta.stops.setdefault("", stop)
            meta.stops[key] = stop
        meta.steps.setdefault("", distance)
        meta.steps[key] = distance
        folder = _text(task, "subset").strip()
        if folder.strip(".") and not set(folder) & set("/\\") and folder not in meta.folders:
            meta.folders.append(folder)
        meta.video = meta.video or _text(task, "mode").strip() == "interpolation"
    size = _size(element)  # exports of jobs state it beside the job
    if size is not None:
        meta.sizes.setdefault("", size)
    for holder in element.iter("subsets"):
        names = [n.text or "" for n in holder.findall("subset")] or (holder.text or "").split("\n")
        meta.subsets += [name.strip() for name in names if name.strip()]


def _together(label: LabelCategory, other: LabelCategory) -> LabelCategory:
    """Return a label with the attributes that it has in another file, too."""
    more = [name for name in other.attributes if name not in label.attributes]
    if not more:
        return label
    own, others = ((one.extra or {}).get("cvat", {}) for one in (label, other))
    specs = _specs(label, own) + [spec for spec in _specs(other, others) if spec["name"] in more]
    if any(_says_more(spec) for spec in specs):
        own = {**own, "attributes": specs}
    extra = {"cvat": own} if own else None
    return replace(label, attributes=(*label.attributes, *more), extra=extra)


def _specs(label: LabelCategory, own: dict[str, Any]) -> list[dict[str, str]]:
    """Return the declarations of a label's attributes; those not kept say nothing but names."""
    kept: list[dict[str, str]] | None = own.get("attributes")
    return kept or [{**_PLAIN_SPEC, "name": name} for name in label.attributes]


def join_labels(metas: list[Meta]) -> Categories:
    """Return the labels of all files together."""
    labels: dict[tuple[str, str], LabelCategory] = {}
    colors: dict[tuple[str, str], tuple[int, int, int]] = {}
    points: dict[tuple[str, str], PointsCategory] = {}
    for meta in metas:
        for number, label in enumerate(meta.labels):
            key = (label.name, label.parent)
            known = labels.get(key)
            labels[key] = label if known is None else _together(known, label)
            if number in meta.colors:
                colors.setdefault(key, meta.colors[number])
            if number in meta.points:
                points.setdefault(key, meta.points[number])
    order = list(labels)
    video = any(meta.video for meta in metas)
    return Categories(
        labels=tuple(labels.values()),
        attributes=BUILTIN if video else ("occluded",),
        colors={n: colors[key] for n, key in enumerate(order) if key in colors},
        points={n: points[key] for n, key in enumerate(order) if key in points},
    )
