"""From the elements of a LabelMe XML file to annotations."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from dsk.annotations import Annotation, Bbox, Mask, Polygon, Rle
from dsk.errors import InputError, RecordError
from dsk.pixels import decode
from dsk.rle import from_dense
from dsk_labelme.xmltext import POINTS, numbers_in, parse_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from dsk.categories import Categories
    from dsk.loss import Ledger
    from dsk.media import Image

__all__ = ["HEAD_KNOWN", "OBJECT_KNOWN", "MaskFile", "ObjectReader", "Parsed"]

_MAX_SIDE = 1 << 20
HEAD_KNOWN = frozenset({"filename", "folder", "source", "imagesize", "object", "pt", POINTS})
HEAD_KNOWN |= {"private"}  # what the web tool notes of the page that is open
OBJECT_KNOWN = frozenset({"name", "deleted", "verified", "occluded", "attributes", "parts", "date"})
OBJECT_KNOWN |= {"id", "polygon", "segm", "type", "pt", POINTS}


class Parsed(Struct):
    """What a file says before its objects.

    Attributes:
        element: The root element.
        filename: Name of the image, or "".
        folder: Its folder, or "".
        size: (height, width), or None.
        source: Where it says that image and annotations come from.
        more: Texts of further elements.
        runs: Points that are not in there, see ``parse_file``.
    """

    element: Element
    filename: str
    folder: str
    size: tuple[int, int] | None
    source: dict[str, str]
    more: dict[str, str]
    runs: Sequence[str] = ()


class MaskFile:
    """The pixels of a mask file that are not empty, see ``dsk.rle.MaskSource``."""

    __slots__ = ("_image",)

    def __init__(self, image: Image) -> None:
        self._image = image

    def rle(self) -> Rle:
        """Read the file.

        Raises:
            InputError: It is damaged.
        """
        pixels = decode(self._image)
        if pixels.ndim == 3:
            if pixels.shape[2] in (2, 4) and pixels[..., -1].all():
                pixels = pixels[..., :-1]  # fully opaque: the colours say what belongs to it
            pixels = np.asarray(pixels.any(axis=2))
        return from_dense(np.asarray(pixels))


def _text(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 8 and int(text) <= _MAX_SIDE else 0


def _ids(text: str) -> list[int]:
    if not text:
        return []
    return [
        int(part) for part in text.replace(",", " ").split() if part.isdecimal() and len(part) < 16
    ]


def _further(
    elements: Mapping[str, Element], known: Container[str], ledger: Ledger
) -> dict[str, str]:
    """Return the texts of elements that have no place in the model."""
    more = {}
    for name, element in elements.items():
        if name in known:
            continue
        text = (element.text or "").strip()
        if len(element):
            ledger.warn(f"<{name}> is not known and left out")
        elif text:
            more[name] = text
    return more


class _Fields:
    """An object's children by name: of several with one name, the first.

    Args:
        element: The object.
    """

    __slots__ = ("elements", "texts")

    def __init__(self, element: Element) -> None:
        self.elements = {child.tag: child for child in reversed(element)}
        self.texts = {
            name: stripped
            for name, child in self.elements.items()
            if (text := child.text) and (stripped := text.strip())
        }


class ObjectReader:
    """Reads the objects of files.

    Args:
        categories: The labels of the dataset.
    """

    def __init__(self, categories: Categories) -> None:
        self._labels: dict[str, int] = {}
        for n, label in enumerate(categories.labels):
            self._labels.setdefault(" ".join(label.name.split()), n)

    @staticmethod
    def head(element: Element, runs: Sequence[str], where: str, ledger: Ledger) -> Parsed:
        """Read what precedes the objects.

        Args:
            element: The root element.
            runs: Its points, see ``parse_file``.
            where: Its place, for messages.
            ledger: Where elements go that are not kept.

        Raises:
            RecordError: The root element is another format's.
        """
        if element.tag != "annotation":
            what = f"the root element is <{element.tag}>, not <annotation>"
            raise RecordError(what, where=where)
        size = element.find("imagesize")
        height = _number(_text(size, "nrows")) if size is not None else 0
        width = _number(_text(size, "ncols")) if size is not None else 0
        source = {
            name: text
            for name in ("sourceImage", "sourceAnnotation")
            if (text := _text(element, f"source/{name}")) and text not in ("dsk", "Datumaro")
        }
        return Parsed(
            element,
            _text(element, "filename"),
            _text(element, "folder"),
            (height, width) if height and width else None,
            source,
            _further({child.tag: child for child in element}, HEAD_KNOWN, ledger),
            runs,
        )

    def objects(
        self,
        parsed: Parsed,
        where: str,
        item: str,
        find_mask: Callable[[str], Image | None],
        ledger: Ledger,
    ) -> list[Annotation]:
        """Return the annotations of a file.

        Args:
            parsed: Its head.
            where: Its place, for messages.
            item: Id of the item.
            find_mask: Returns the file of a mask, or None.
            ledger: Where bad objects go.
        """
        found: list[tuple[int, Annotation]] = []
        children: dict[int, list[int]] = {}
        for number, element in enumerate(parsed.element.iter("object")):
            fields = _Fields(element)
            text = fields.texts.get("id", "")
            ident = int(text) if text.isdecimal() and len(text) < 16 else number
            children.setdefault(ident, [])
            parts = fields.elements.get("parts")
            if parts is not None:
                children[ident] += _ids(_text(parts, "hasparts"))
                for parent in _ids(_text(parts, "ispartof")):
                    children.setdefault(parent, []).append(ident)
            if fields.texts.get("deleted", "0") != "0":
                continue
            try:
                made = self._object(fields, parsed.runs, ident, find_mask, ledger)
            except (ValueError, InputError) as error:
                message = error.message if isinstance(error, InputError) else str(error)
                what = f"object {ident}: {message}"
                ledger.bad_record(RecordError(what, where=where, item=item, annotation=ident))
                continue
            found.append((ident, made))
        groups = _groups(children)
        return [replace(a, group=groups[ident]) if ident in groups else a for ident, a in found]

    def _object(
        self,
        fields: _Fields,
        runs: Sequence[str],
        ident: int,
        find_mask: Callable[[str], Image | None],
        ledger: Ledger,
    ) -> Annotation:
        elements, texts = fields.elements, fields.texts
        name = " ".join(texts.get("name", "").split())
        label = self._labels.get(name)
        if label is None and name:
            ledger.warn(f"the label {name!r} is not among the dataset's labels")
        polygon, segm = elements.get("polygon"), elements.get("segm")
        shape = polygon if polygon is not None else segm
        if shape is None:
            raise ValueError("it has neither <polygon> nor <segm>")
        attributes = parse_attributes(texts["attributes"]) if "attributes" in texts else {}
        attributes["occluded"] = texts.get("occluded") == "yes"
        attributes["username"] = _text(shape, "username")
        common: dict[str, Any] = {"label": label, "id": ident, "attributes": attributes}
        own = {"date": texts["date"]} if "date" in texts else {}
        if texts.get("verified", "0") != "0":
            own["verified"] = texts["verified"]
        if not elements.keys() <= OBJECT_KNOWN:
            own |= _further(elements, OBJECT_KNOWN, ledger)
        if own:
            common["extra"] = {"label_me": own}
        if polygon is not None:
            return _outline(polygon, runs, common, box=texts.get("type") == "bounding_box")
        file = find_mask(_text(shape, "mask"))
        if file is None:
            raise ValueError(f"there is no mask file {_text(shape, 'mask')!r} in Masks")
        mask = MaskFile(file)
        # Later, a damaged one could not be left out.
        return Mask(mask.rle() if ledger.on_error == "skip" else mask, **common)


def _outline(
    polygon: Element, runs: Sequence[str], common: dict[str, Any], *, box: bool
) -> Annotation:
    points = _points(polygon, runs)
    if not isfinite(sum(points)):
        raise ValueError("the polygon's points are not finite")
    if not box:
        return Polygon(points, **common)
    xs, ys = points[::2], points[1::2]
    x, y = min(xs), min(ys)
    return Bbox(x, y, max(xs) - x, max(ys) - y, **common)


def _points(polygon: Element, runs: Sequence[str]) -> list[float]:
    """Return the coordinates of a polygon.

    Args:
        polygon: Its element.
        runs: Points that are not in there, see ``parse_file``.

    Raises:
        ValueError: There are none, or they are no numbers.
    """
    points: list[float] = []
    for element in polygon.iter():
        if element.tag == POINTS and runs:
            points += numbers_in(runs[int(element.text or "")])
        if element.tag != "pt":
            continue
        for axis in ("x", "y"):
            text = element.findtext(axis)
            if text is None:
                raise ValueError(f"a point without <{axis}>")
            points.append(float(text))
    if not points:
        raise ValueError("the polygon has no points")
    return points


def _groups(children: dict[int, list[int]]) -> dict[int, int]:
    """Return the group of each object that has parts or is one; each root opens a group."""
    kids = {child for parts in children.values() for child in parts}
    roots = [ident for ident, parts in children.items() if parts and ident not in kids]
    groups: dict[int, int] = {}
    for number, root in enumerate(roots, 1):
        for ident in _below(root, children):
            groups.setdefault(ident, number)
    return groups


def _below(root: int, children: dict[int, list[int]]) -> Iterator[int]:
    """Yield an object and all its parts; each once, even if they go round in a circle."""
    seen = {root}
    waiting = [root]
    while waiting:
        ident = waiting.pop()
        yield ident
        for child in children.get(ident, ()):
            if child not in seen:
                seen.add(child)
                waiting.append(child)
