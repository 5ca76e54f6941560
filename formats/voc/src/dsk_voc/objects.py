"""Reading the XML file of one image.

Files that are written like the development kit's go through one regular expression, several times
faster than through ElementTree. It matches the whole file, or the file goes to the parser.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Annotation, Bbox, RotatedBbox
from dsk.errors import RecordError
from dsk.xmltext import parse_root
from dsk_voc.tasks import ACTION, BUILTIN, DETECTION, FORMATS, LAYOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree.ElementTree import Element

    from dsk.categories import Categories
    from dsk.loss import Ledger

__all__ = ["ObjectReader", "Parsed"]

_TEXT = "([^<&]*)"
_NUMBER = r"\s*([-+]?[0-9][0-9.eE+-]*)\s*"
_BLOCK = r"((?:<([A-Za-z]+)>[^<&]*</\%d>\s*)*)"


def _leaf(name: str, pattern: str = _TEXT) -> str:
    return rf"<{name}>{pattern}</{name}>\s*"


_OBJECT = re.compile(
    r"<object>\s*"
    + _leaf("name", "([^<&]+)")
    + "".join(
        f"(?:{_leaf(name, pattern)})?"
        for name, pattern in (
            ("pose", _TEXT),
            ("truncated", "([01])"),
            ("occluded", "([01])"),
            ("difficult", "([01])"),
        )
    )
    + r"<bndbox>\s*"
    + "".join(_leaf(name, _NUMBER) for name in ("xmin", "ymin", "xmax", "ymax"))
    + r"</bndbox>\s*</object>\s*"
)
_FIELDS = _OBJECT.groups + 1  # what ``split`` gives per object: its groups and what follows

_HEAD = re.compile(
    r"""\ufeff?(?:<\?xml\ version=["']1\.0["'](?:\ encoding=["'](?:utf|UTF)-8["'])?\ ?\?>\s*)?"""
    r"""<annotation(?:\ verified="(?:yes|no)")?>\s*"""
    f"(?:{_leaf('folder')}|<folder ?/>\\s*)?"
    f"(?:{_leaf('filename')})?"
    f"(?:{_leaf('path')})?"
    rf"(?:<source>\s*{_BLOCK % 5}</source>\s*)?"
    rf"(?:<owner>\s*{_BLOCK % 7}</owner>\s*)?"
    r"(?:<size>\s*"
    + _leaf("width", r"(\d+)")
    + _leaf("height", r"(\d+)")
    + r"(?:<depth>\s*\d*\s*</depth>\s*|<depth ?/>\s*)?</size>\s*)?"
    + r"(?:<segmented>[^<&]*</segmented>\s*)?"
)
_LEAF = re.compile(r"<([A-Za-z]+)>([^<]*)<")

_KNOWN = frozenset(
    [
        *BUILTIN,
        "name",
        "pose",
        "bndbox",
        "robndbox",
        "point",
        "actions",
        "attributes",
    ]
)
_CACHE = 10_000  # different sources of images whose fields are kept

_MAX_DEPTH = 8  # unknown elements nested deeper are not kept


class Parsed(Struct):
    """What the XML file of an image says.

    Attributes:
        annotations: Boxes of objects (``id`` is the object's number, from 1) and of their parts.
        filename: Name of the image as written, or "".
        size: (height, width), or None when it is not stated or zero.
        extra: Fields without a place in the model.
    """

    annotations: list[Annotation]
    filename: str = ""
    size: tuple[int, int] | None = None
    extra: dict[str, Any] | None = None


class _BadObjectError(ValueError):
    """An object that cannot be read; the text says why."""


class ObjectReader:
    """Reads XML files of a dataset.

    Args:
        categories: Labels; parts are among them.
        tasks: Which tasks are read.
        actions: Names of actions by label index.
        one_based: Numbers are 1-based pixel indices, xmax and ymax inclusive.
        show: Makes a file's name its place for messages.
    """

    def __init__(
        self,
        categories: Categories,
        tasks: frozenset[str],
        actions: dict[int, tuple[str, ...]],
        *,
        one_based: bool,
        show: Callable[[str], str] = str,
    ) -> None:
        self._labels: dict[str, int] = {}
        for number, label in enumerate(categories.labels):
            self._labels.setdefault(label.name, number)
        self._actions = actions
        self._show = show
        self._shift = 1.0 if one_based else 0.0
        self._parts = LAYOUT in tasks
        self._read_actions = tasks != FORMATS["voc_instance_segmentation"]
        self._needs_parts = tasks == frozenset({LAYOUT})
        self._needs_actions = tasks == frozenset({ACTION})
        self._fast = bool(tasks & {DETECTION})
        self._known: dict[tuple[str, ...], tuple[int, dict[str, Any]]] = {}
        self._extras: dict[tuple[str | None, ...], dict[str, Any] | None] = {}

    def read(self, data: bytes, name: str, item: str, ledger: Ledger) -> Parsed:
        """Read a file; bad objects go to the ledger.

        Args:
            data: Its content.
            name: Its name.
            item: Id of the item.
            ledger: For bad objects.

        Raises:
            RecordError: The file cannot be read at all.
        """
        if self._fast:
            try:
                parsed = self._scan(data.decode(), ledger)
            except (ValueError, KeyError):
                # Whatever is odd, the parser finds it again and says where.
                parsed = None
            if parsed is not None:
                return parsed
        return self._parse(data, self._show(name), item, ledger)

    def _scan(self, text: str, ledger: Ledger) -> Parsed | None:
        """Read a file of the common writing, or return None."""
        pieces = _OBJECT.split(text)
        head = _HEAD.match(pieces[0])
        if head is None:
            return None
        rest = pieces[0][head.end() :]
        tail = pieces[-1]
        if len(pieces) > 1 and rest:
            return None
        if tail.rstrip() != "</annotation>" and (
            len(pieces) > 1 or rest.rstrip() != "</annotation>"
        ):
            return None
        _, filename, _, source, _, owner, _, width, height = head.groups()
        size = (int(height), int(width)) if width is not None else None
        if size is not None and not (size[0] and size[1]):
            size = None
        extra = None
        if source or owner:
            if (source, owner) not in self._extras:
                if len(self._extras) > _CACHE:
                    self._extras.clear()
                self._extras[source, owner] = _origin(_block(source), _block(owner))
            extra = self._extras[source, owner]
        if len(pieces) == 1:
            return Parsed([], filename or "", size, extra)
        annotations = self._boxes(pieces, ledger)
        if annotations is None:
            return None
        return Parsed(annotations, filename or "", size, extra)

    def _boxes(self, pieces: list[str], ledger: Ledger) -> list[Annotation] | None:
        annotations: list[Annotation] = []
        append, known, shift = annotations.append, self._known, self._shift
        fields = iter(pieces)
        next(fields)
        last = len(pieces) // _FIELDS
        objects = zip(*[fields] * _FIELDS, strict=True)
        for number, fields_of_one in enumerate(objects, 1):
            name, pose, cut, hidden, hard, left, top, right, bottom, rest = fields_of_one
            if rest and number != last:
                return None
            try:
                label, attributes = known[name, pose, cut, hidden, hard]
            except KeyError:
                label, attributes = self._attributes(name, pose, cut, hidden, hard)
            x, y = float(left) - shift, float(top) - shift
            w, h = float(right) - x, float(bottom) - y
            if w <= 0 or h <= 0:
                _warn_flat(ledger)
            append(Bbox(x, y, w, h, label=label, id=number, attributes=attributes))
        return annotations

    def _attributes(
        self, name: str, pose: str, cut: str, hidden: str, hard: str
    ) -> tuple[int, dict[str, Any]]:
        label = self._labels[name]
        attributes: dict[str, Any] = {
            "difficult": hard == "1",
            "truncated": cut == "1",
            "occluded": hidden == "1",
        }
        if pose:
            attributes["pose"] = pose
        if self._read_actions:
            attributes.update(dict.fromkeys(self._actions.get(label, ()), False))
        self._known[name, pose, cut, hidden, hard] = label, attributes
        return label, attributes

    def _parse(self, data: bytes, where: str, item: str, ledger: Ledger) -> Parsed:
        root = parse_root(data, where, item)
        if root.tag != "annotation":
            raise RecordError(
                f"the root element is <{root.tag}>, not <annotation>", where=where, item=item
            )
        parsed = Parsed([])
        blocks: dict[str, dict[str, str]] = {"source": {}, "owner": {}}
        more: dict[str, Any] = {}
        number = 0
        for child in root:
            tag = child.tag
            if tag == "object":
                number += 1
                try:
                    parsed.annotations.extend(self._object(child, number, ledger))
                except _BadObjectError as error:
                    ledger.bad_record(
                        RecordError(
                            str(error),
                            where=f"{where}#/annotation/object[{number}]",
                            item=item,
                            annotation=number,
                        )
                    )
            elif tag == "filename":
                parsed.filename = (child.text or "").strip()
            elif tag == "size":
                parsed.size = _size(child, ledger)
            elif tag in blocks:
                blocks[tag] = {e.tag: (e.text or "").strip() for e in child}
            elif tag not in ("folder", "path", "segmented"):
                _keep(more, child)
        parsed.extra = _origin(blocks["source"], blocks["owner"], more)
        return parsed

    def _object(self, element: Element, number: int, ledger: Ledger) -> Iterator[Annotation]:
        found: dict[str, Element] = {}
        parts: list[Element] = []
        more: dict[str, Any] = {}
        for child in element:
            if child.tag == "part":
                parts.append(child)
            elif child.tag in _KNOWN and child.tag not in found:
                found[child.tag] = child
            else:
                _keep(more, child)
        if (self._needs_parts and not parts) or (self._needs_actions and "actions" not in found):
            return
        label = self._label(found.get("name"))
        turned = found.get("robndbox") if "bndbox" not in found else None
        if more.get("type") == ("bndbox" if turned is None else "robndbox"):
            del more["type"]  # roLabelImg's word for what follows
        box = self._box(found.get("bndbox"), ledger) if turned is None else _turned_box(turned)
        attributes = self._all_attributes(found, label, ledger)
        boxes = list(self._part_boxes(parts, number, ledger)) if self._parts else []
        yield from boxes
        common: dict[str, Any] = {"label": label, "id": number, "attributes": attributes}
        common["group"] = number if boxes else 0
        common["extra"] = {"voc": more} if more else None
        yield Bbox(*box, **common) if turned is None else RotatedBbox(*box, **common)

    def _part_boxes(
        self, parts: list[Element], number: int, ledger: Ledger
    ) -> Iterator[Annotation]:
        for part in parts:
            label = self._label(part.find("name"))
            x, y, w, h = self._box(part.find("bndbox"), ledger)
            yield Bbox(x, y, w, h, label=label, group=number)

    def _label(self, element: Element | None) -> int:
        name = "" if element is None else element.text or ""
        if not name.strip():
            raise _BadObjectError("there is no <name>, or none in it")
        label = self._labels.get(name, self._labels.get(name.strip()))
        if label is None:
            raise _BadObjectError(f"the label {name!r} is not in the label map")
        return label

    def _box(self, element: Element | None, ledger: Ledger) -> tuple[float, float, float, float]:
        if element is None:
            raise _BadObjectError("there is no <bndbox>")
        values = {child.tag: child for child in element}
        left, top, right, bottom = (
            _number(values.get(name), name) for name in ("xmin", "ymin", "xmax", "ymax")
        )
        x, y = left - self._shift, top - self._shift
        w, h = right - x, bottom - y
        if w <= 0 or h <= 0:
            _warn_flat(ledger)
        return x, y, w, h

    def _all_attributes(
        self, found: dict[str, Element], label: int, ledger: Ledger
    ) -> dict[str, Any]:
        attributes: dict[str, Any] = {n: _flag(found.get(n), n, ledger) for n in BUILTIN}
        pose = found.get("pose")
        if pose is not None and (pose.text or "").strip():
            attributes["pose"] = (pose.text or "").strip()
        point = found.get("point")
        if point is not None:
            attributes["point"] = (
                _number(point.find("x"), "point/x"),
                _number(point.find("y"), "point/y"),
            )
        if self._read_actions:
            attributes.update(dict.fromkeys(self._actions.get(label, ()), False))
            for action in found.get("actions", ()):
                attributes[action.tag] = _flag(action, f"actions/{action.tag}", ledger)
        for attribute in found.get("attributes", ()):
            name = (attribute.findtext("name") or "").strip()
            if not name:
                raise _BadObjectError("an <attribute> has no <name>")
            attributes[name] = attribute.findtext("value") or ""
        return attributes


def _turned_box(element: Element) -> tuple[float, float, float, float, float]:
    """Return roLabelImg's box: its angle is in radians, and turns clockwise as dsk's does."""
    cx, cy, w, h, angle = (
        _number(element.find(name), name) for name in ("cx", "cy", "w", "h", "angle")
    )
    return cx, cy, w, h, math.degrees(angle)


def _warn_flat(ledger: Ledger) -> None:
    ledger.warn("there are boxes without area (xmax <= xmin or ymax <= ymin); they are kept")


def _number(element: Element | None, name: str) -> float:
    if element is None:
        raise _BadObjectError(f"there is no <{name}>")
    try:
        value = float(element.text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in (element.text or ""):
        raise _BadObjectError(f"<{name}> holds {element.text!r}, not a number")
    return value


def _flag(element: Element | None, name: str, ledger: Ledger) -> bool:
    if element is None:
        return False
    text = (element.text or "").strip()
    if not text or text.lower() == "unspecified":  # as labelme and make-sense write them
        ledger.warn(
            "there are flags without a value, such as <difficult/>, or that are Unspecified; they "
            "count as 0"
        )
        return False
    if text not in ("0", "1"):
        raise _BadObjectError(f"<{name}> holds {element.text!r}, not 0 or 1")
    return text == "1"


def _size(element: Element, ledger: Ledger) -> tuple[int, int] | None:
    try:
        width, height = (int(float(element.findtext(n) or "0")) for n in ("width", "height"))
    except (ValueError, OverflowError):
        ledger.warn("there are sizes that are no numbers; the images are asked instead")
        return None
    return (height, width) if height > 0 and width > 0 else None


def _block(text: str | None) -> dict[str, str]:
    return dict(_LEAF.findall(text)) if text else {}


def _origin(
    source: dict[str, str], owner: dict[str, str], more: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """Return the fields worth keeping; "Unknown" is what tools write who do not know."""
    kept: dict[str, Any] = dict(more or {})
    for name, block in (("source", source), ("owner", owner)):
        told = {k: v for k, v in block.items() if v and v != "Unknown"}
        if told:
            kept[name] = told
    return {"voc": kept} if kept else None


def _keep(fields: dict[str, Any], element: Element, depth: int = 0) -> None:
    """Add an unknown element to a table: its text, or a table of its children.

    A repeated element makes a list.
    """
    value: Any = (element.text or "").strip()
    if len(element) and depth < _MAX_DEPTH:
        value = {}
        for child in element:
            _keep(value, child, depth + 1)
    if element.tag in fields:
        there = fields[element.tag]
        fields[element.tag] = [*there, value] if isinstance(there, list) else [there, value]
    else:
        fields[element.tag] = value
