"""Writing LabelMe's XML files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import Bbox, Mask, Polygon
from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk.metafile import meta_text
from dsk.pixels import encode
from dsk.rle import dense, rle_in
from dsk.truth import truth_of
from dsk_labelme.xmlobjects import HEAD_KNOWN, OBJECT_KNOWN
from dsk_labelme.xmltext import attribute_list, cannot_hold, xml_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from dsk.annotations import Annotation, Rle
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["LabelMeExporter"]

_PALETTE = np.array([[0, 0, 0, 0], [255, 203, 0, 153]], dtype=np.uint8)
_POINT = "<pt><x>%.10g</x><y>%.10g</y></pt>"
_BUILTIN = ("occluded", "username")
_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class LabelMeExporter(Exporter):
    """Writes one XML file per image; see the descriptor for the options."""

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._names = [xml_text(label.name) for label in header.categories.labels]
        for label in header.categories.labels:
            if cannot_hold(label.name) or label.name != " ".join(label.name.split()):
                what = "labels with line breaks, or spaces at their ends or side by side"
                ctx.ledger.add("DSK-L010", what)
            elif not label.name:
                ctx.ledger.add("DSK-L010", "labels without a name")

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> set[int]:
        """See ``Exporter.write``; the state is which labels objects have."""
        used: set[int] = set()
        for item in items:
            used.update(a.label for a in item.annotations if a.label is not None)
            self._item(item, ctx)
        return used

    def _item(self, item: DatasetItem, ctx: WriteContext) -> None:
        name = ctx.image_name(item)
        if cannot_hold(name) or name != name.strip() or item.subset != item.subset.strip():
            raise OutputError(f"LabelMe cannot hold the name {name!r}", hint="rename the item")
        size = ctx.image_size(item)
        objects: list[str] = []
        members: dict[int, list[int]] = {}
        for a in item.annotations:
            if a.group:
                members.setdefault(a.group, []).append(len(objects))
            text = self._object(a, len(objects), item, size=size, ctx=ctx)
            if text is None:
                if a.group:
                    members[a.group].pop()
                continue
            objects.append(text)
        alone = sum(len(numbers) == 1 for numbers in members.values())
        if alone:
            ctx.ledger.add_at("DSK-L005", "group of a single annotation", item, count=alone)
        parts = _parts(members)
        written = "".join(
            text.replace("\0", parts.get(n, "<hasparts></hasparts><ispartof></ispartof>"))
            for n, text in enumerate(objects)
        )
        head = self._head(item, name, size)
        data = f"{head}{written}</annotation>\n".encode("utf-8", "surrogateescape")
        ctx.write(f"Annotations/{item.subset}/{item.id}.xml", data)
        if ctx.save_media:
            ctx.save_image(item, f"Images/{item.subset}/{name}")

    @staticmethod
    def _head(item: DatasetItem, name: str, found: tuple[int, int] | None) -> str:
        more = (item.extra or {}).get("label_me") or {}
        own = more.get("source")
        own = own if isinstance(own, dict) else {}
        size = ""
        if found is not None:
            size = f"  <imagesize><nrows>{found[0]}</nrows><ncols>{found[1]}</ncols></imagesize>\n"
        return (
            f"<annotation>\n  <filename>{xml_text(name)}</filename>\n"
            f"  <folder>{xml_text(item.subset)}</folder>\n  <source>"
            f"<sourceImage>{xml_text(str(own.get('sourceImage', '')))}</sourceImage>"
            f"<sourceAnnotation>{xml_text(str(own.get('sourceAnnotation', 'dsk')))}"
            f"</sourceAnnotation></source>\n{size}{_further(more, HEAD_KNOWN, '  ')}"
        )

    def _object(
        self,
        a: Annotation,
        number: int,
        item: DatasetItem,
        *,
        size: tuple[int, int] | None,
        ctx: WriteContext,
    ) -> str | None:
        """Return an object's element, its parts still to be named, or None if it is dropped."""
        try:
            kind, shape = self._shape(a, number, item, size=size, ctx=ctx)
        except ValueError as error:
            ctx.ledger.add_at("DSK-L018", f"{a.kind}: {error}", item, a)
            return None
        own = (a.extra or {}).get("label_me") or {}
        name = self._names[a.label] if a.label is not None else ""
        occluded = _occluded(a, item, ctx)
        rest = {k: v for k, v in a.attributes.items() if k not in _BUILTIN}
        _report(a, rest, item, ctx)
        return (
            f"  <object>\n    <name>{name}</name>\n    <deleted>0</deleted>\n"
            f"    <verified>{xml_text(str(own.get('verified', 0)))}</verified>\n"
            f"    <occluded>{'yes' if occluded else 'no'}</occluded>\n"
            f"    <date>{xml_text(str(own.get('date', '')))}</date>\n    <id>{number}</id>\n"
            f"    <parts>\0</parts>\n{kind}    {shape}\n"
            f"    <attributes>{xml_text(attribute_list(rest))}</attributes>\n"
            f"{_further(own, OBJECT_KNOWN, '    ')}  </object>\n"
        )

    @staticmethod
    def _shape(
        a: Annotation,
        number: int,
        item: DatasetItem,
        *,
        size: tuple[int, int] | None,
        ctx: WriteContext,
    ) -> tuple[str, str]:
        """Return the element that says the type, or "", and the shape."""
        user = f"<username>{xml_text(str(a.attributes.get('username', '')))}</username>"
        if isinstance(a, Mask):
            return "", _mask(rle_in(a.source, size), number, user, item, ctx)
        if isinstance(a, Bbox):
            x, y, right, bottom = a.x, a.y, a.x + a.w, a.y + a.h
            ring: Any = (x, y, right, y, right, bottom, x, bottom)
            kind = "    <type>bounding_box</type>\n"
        else:
            assert isinstance(a, Polygon)
            ring, kind = a.rings[0], ""
        points = "".join([_POINT % pair for pair in zip(ring[::2], ring[1::2], strict=True)])
        return kind, f"<polygon>{points}{user}</polygon>"

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        if self.save_dataset_meta:
            ctx.write("dataset_meta.json", meta_text(self._categories))
            return
        used: set[int] = set().union(*states)
        hint = "save_dataset_meta=true keeps them"
        ctx.ledger.unused_labels(len(self._names), states, "object", hint)
        if len(used) > 1:
            ctx.ledger.add("DSK-L015", "labels numbered as they occur", hint=hint)


def _further(own: dict[str, Any], known: Container[str], indent: str) -> str:
    """Return the elements of the source that have no place in the model."""
    return "".join(
        f"{indent}<{name}>{xml_text(text)}</{name}>\n"
        for name, text in own.items()
        if isinstance(text, str) and name not in known and _TAG.fullmatch(name)
    )


def _occluded(a: Annotation, item: DatasetItem, ctx: WriteContext) -> bool:
    value = a.attributes.get("occluded", False)
    if not isinstance(value, bool):
        ctx.ledger.add_at("DSK-L004", "value of occluded, which becomes yes or no", item, a)
    return bool(truth_of(value) if isinstance(value, str) else value)


def _report(a: Annotation, values: dict[str, Any], item: DatasetItem, ctx: WriteContext) -> None:
    """Tell about values that are read as something else."""
    for name, value in values.items():
        plain = isinstance(value, bool | int | float | str)
        spoilt = name != name.strip() or cannot_hold(name) or cannot_hold(str(value))
        if not plain or spoilt or name == "":
            ctx.ledger.add_at(
                "DSK-L004", f"type or characters of {name}, which becomes text", item, a
            )


def _mask(rle: Rle, number: int, user: str, item: DatasetItem, ctx: WriteContext) -> str:
    solid = dense(rle)
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):
        raise ValueError("empty geometry")
    name = f"{item.id}_mask_{number}.png"
    ctx.write(f"Masks/{item.subset}/{name}", encode(_PALETTE[solid.astype(np.uint8)], ".png"))
    return (
        f"<segm>{user}<box><xmin>{columns[0]}</xmin><ymin>{rows[0]}</ymin>"
        f"<xmax>{columns[-1] + 1}</xmax><ymax>{rows[-1] + 1}</ymax></box>"
        f"<mask>{xml_text(name)}</mask></segm>"
    )


def _parts(members: dict[int, list[int]]) -> dict[int, str]:
    """Return the parts of grouped objects: the first of a group has all the others."""
    texts = {}
    for numbers in members.values():
        if len(numbers) < 2:
            continue
        others = ",".join(map(str, numbers[1:]))
        texts[numbers[0]] = f"<hasparts>{others}</hasparts><ispartof></ispartof>"
        for n in numbers[1:]:
            texts[n] = f"<hasparts></hasparts><ispartof>{numbers[0]}</ispartof>"
    return texts
