"""Writing labelme's JSON files."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dsk import geometry, rle
from dsk.annotations import (
    Annotation,
    Bbox,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
)
from dsk.convert import to_polygon
from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk.jsonvalues import is_finite, plain_value
from dsk.pixels import encode
from dsk_labelme.jsonimporter import SUBSETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["LabelMeJsonExporter"]

VERSION = "5.5.0"
"""Version of labelme whose grammar is written."""


class LabelMeJsonExporter(Exporter):
    """Writes one JSON file beside each image, and ``labels.txt``."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._names = header.categories.names
        for name in self._names:
            if name != name.strip() or "\n" in name or "\r" in name or name in ("", "__ignore__"):
                what = "labels that a list with one name a line cannot hold"
                ctx.ledger.add("DSK-L010", what)
        ctx.ledger.equal_names(self._names)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> None:
        """See ``Exporter.write``."""
        for item in items:
            self._item(item, ctx)

    def _item(self, item: DatasetItem, ctx: WriteContext) -> None:
        shapes: list[dict[str, Any]] = []
        own = dict((item.extra or {}).get("labelme_json") or {})
        stated = own.pop("flags", None)
        flags: dict[str, Any] = dict(stated) if isinstance(stated, dict) else {}
        size = ctx.image_size(item, masks=True)
        for a in item.annotations:
            if isinstance(a, Label):
                self._flag(a, flags, item, ctx)
                continue
            try:
                shapes.append(self._shape(a, item, size, ctx))
            except ValueError as error:
                ctx.ledger.add_at("DSK-L018", f"{a.kind}: {error}", item, a)
        prefix = "" if item.subset == DEFAULT_SUBSET else f"{item.subset}/"
        if prefix and item.subset.lower() not in SUBSETS:
            what = f"subset {item.subset}, which becomes a folder"
            ctx.ledger.add_at("DSK-L012", what, item)
        name = ctx.image_name(item)
        height, width = size or (None, None)
        content = {
            "version": VERSION,
            "flags": flags,
            "shapes": shapes,
            "imagePath": name.rpartition("/")[2],
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
            **own,
        }
        data = msgspec.json.format(msgspec.json.encode(content, enc_hook=plain_value), indent=2)
        ctx.write(f"{prefix}{item.id}.json", data + b"\n")
        if ctx.save_media:
            ctx.save_image(item, prefix + name)

    def _flag(self, a: Label, flags: dict[str, Any], item: DatasetItem, ctx: WriteContext) -> None:
        name = self._names[a.label or 0]
        if not name:
            ctx.ledger.add_at("DSK-L017", "a label of the image without a name", item, a)
            return
        if flags.get(name) is True:
            ctx.ledger.add_at("DSK-L014", "a label that the image has already", item, a)
            return
        flags[name] = True
        for attribute in a.attributes:
            ctx.ledger.add_at("DSK-L004", f"{attribute} of a label of the image", item, a)
        if a.group:
            ctx.ledger.add_at("DSK-L005", "group of a label of the image", item, a)

    def _shape(
        self, a: Annotation, item: DatasetItem, size: tuple[int, int] | None, ctx: WriteContext
    ) -> dict[str, Any]:
        kind, points, mask = _mask(a, size) if isinstance(a, Mask) else _geometry(a, item, ctx)
        if not a.attributes and not a.extra:
            return {
                "label": self._names[a.label] if a.label is not None else "",
                "points": points,
                "group_id": a.group - 1 if a.group else None,
                "description": "",
                "shape_type": kind,
                "flags": {},
                "mask": mask,
            }
        own = (a.extra or {}).get("labelme_json") or {}
        flags = {k: v for k, v in a.attributes.items() if isinstance(v, bool)}
        rest = {k: v for k, v in a.attributes.items() if not isinstance(v, bool)}
        description = rest.pop("description", "")
        if not isinstance(description, str) or not description:
            if "description" in a.attributes and "description" not in flags:
                rest["description"] = description
            description = ""
        shape = {
            "label": self._names[a.label] if a.label is not None else "",
            "points": points,
            "group_id": a.group - 1 if a.group else None,
            "description": description,
            "shape_type": kind,
            "flags": flags,
            "mask": mask,
        }
        if rest:
            shape["attributes"] = rest
            if not is_finite(rest):
                ctx.ledger.add_at("DSK-L007", "NaN or infinity written as null", item, a)
        return shape | {k: v for k, v in own.items() if k not in shape}

    def finish(self, states: list[Any], ctx: WriteContext) -> None:  # noqa: ARG002
        """See ``Exporter.finish``."""
        lines = [f"{name}\n" for name in dict.fromkeys(self._names)]
        ctx.write("labels.txt", "".join(lines).encode("utf-8", "surrogateescape"))


def _pairs(values: Any) -> list[tuple[float, float]]:
    return list(zip(values[::2], values[1::2], strict=True))


def _geometry(
    a: Annotation, item: DatasetItem, ctx: WriteContext
) -> tuple[str, Sequence[Sequence[float]], str | None]:
    """Return type, points and mask of a shape.

    Raises:
        ValueError: It has no extent or is malformed.
    """
    if isinstance(a, Bbox):
        return "rectangle", [[a.x, a.y], [a.x + a.w, a.y + a.h]], None
    if isinstance(a, RotatedBbox):
        corners = geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
        return "oriented_rectangle", _pairs(corners), None
    if isinstance(a, Ellipse):
        if abs(a.w - a.h) < 1e-9:
            x, y = a.x + a.w / 2, a.y + a.h / 2
            return "circle", [[x, y], [x + a.w / 2, y]], None
        ctx.ledger.add_at("DSK-L003", "ellipse→polygon", item, a)
        outline = to_polygon(a)
        assert outline is not None
        return "polygon", _pairs(outline.rings[0]), None
    if isinstance(a, Polygon):
        points = _pairs(a.rings[0])
        kind = "polygon"
    elif isinstance(a, PolyLine):
        points = _pairs(a.points)
        kind = "line" if len(points) == 2 else "linestrip"
    else:
        assert isinstance(a, Points)
        points = _pairs(a.points)
        kind = "point" if len(points) == 1 else "points"
        if any(v != 2 for v in a.visibility):
            ctx.ledger.add_at("DSK-L005", "visibility of points", item, a)
    if not points:
        raise ValueError("empty geometry")
    return kind, points, None


def _mask(a: Mask, size: tuple[int, int] | None) -> tuple[str, list[list[float]], str]:
    dense = rle.dense(rle.rle_in(a.source, size))
    rows, columns = np.flatnonzero(dense.any(axis=1)), np.flatnonzero(dense.any(axis=0))
    if not len(rows):
        raise ValueError("empty geometry")
    top, bottom = int(rows[0]), int(rows[-1])
    left, right = int(columns[0]), int(columns[-1])
    patch = dense[top : bottom + 1, left : right + 1]
    png = encode(patch, ".png")
    corners = [[float(left), float(top)], [float(right), float(bottom)]]
    return "mask", corners, base64.b64encode(png).decode()
