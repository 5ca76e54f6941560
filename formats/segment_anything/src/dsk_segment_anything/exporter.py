"""Writing Segment Anything's JSON files."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from dsk import masks
from dsk.annotations import Bbox, Mask
from dsk.convert import area_of, bbox_of
from dsk.errors import MediaError, OutputError
from dsk.flow import Exporter
from dsk.jsonvalues import plain_value
from dsk.media import Image
from dsk.rle import counts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.annotations import Annotation
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["SegmentAnythingExporter"]


UNKNOWN: dict[str, Any] = {
    "predicted_iou": 0.0,
    "stability_score": 0.0,
    "point_coords": [[]],
    "crop_box": [0, 0, 0, 0],
}
"""What is written where nothing is known, as by Datumaro: SA-1B's readers want every field."""


class SegmentAnythingExporter(Exporter):
    """Writes one JSON file per image; all files lie in one folder, as in SA-1B."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        count = len(header.categories.labels)
        if count:
            ctx.ledger.add("DSK-L010", "labels, which masks of anything have none of", count=count)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> None:
        """See ``Exporter.write``."""
        for item in items:
            self._item(item, ctx)

    def _item(self, item: DatasetItem, ctx: WriteContext) -> None:
        name = ctx.image_name(item)
        if "/" in name:
            what = "ids with folders, whose / becomes __"
            ctx.ledger.add("DSK-L008", what, item=item.id, subset=item.subset)
            name = name.replace("/", "__")
        stem = item.id.replace("/", "__")
        info: dict[str, Any] = {"image_id": _image_id(item), "file_name": name}
        size = None
        if isinstance(item.media, Image):
            try:
                size = item.media.get_size()
            except MediaError as error:
                ctx.ledger.warn(f"an image has no readable size: {error.message}")
        made = self._annotations(item, ctx)
        content = {"image": info, "annotations": made}
        if size is None and made:
            size = tuple(made[0]["segmentation"]["size"])
        if size is not None:
            info["height"], info["width"] = size
        try:
            data = msgspec.json.encode(content, enc_hook=plain_value)
            ctx.write(f"{stem}.json", data)
            if ctx.save_media:
                ctx.save_image(item, name)
        except OutputError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise
            raise OutputError(
                f"two items are called {stem!r}",
                where=error.where,
                hint="the format knows no subsets: rename items, or export one subset",
            ) from error.__cause__

    def _annotations(self, item: DatasetItem, ctx: WriteContext) -> list[dict[str, Any]]:
        """Return the masks; boxes of their groups are theirs, others cannot be held."""
        grouped = {a.group for a in item.annotations if isinstance(a, Mask) and a.group}
        boxes = {
            a.group: a.bbox for a in item.annotations if isinstance(a, Bbox) and a.group in grouped
        }
        found: list[dict[str, Any]] = []
        taken: set[int] = set()
        for a in item.annotations:
            if isinstance(a, Bbox):
                if a.group in grouped:
                    _add("DSK-L014", "box of a mask", a, item, ctx)
                else:
                    hint = "-t boxes_to_masks makes masks of boxes"
                    _add("DSK-L017", "box without a mask", a, item, ctx, hint=hint)
                continue
            assert isinstance(a, Mask)
            try:
                made = _annotation(a, boxes.get(a.group))
            except ValueError as error:
                _add("DSK-L018", f"mask: {error}", a, item, ctx)
                continue
            if a.label is not None:
                ctx.ledger.add("DSK-L010", "labels of masks")
            if made["id"] <= 0 or made["id"] in taken:
                made["id"] = max(taken, default=0) + 1
                _add("DSK-L015", "masks numbered anew", a, item, ctx)
            taken.add(made["id"])
            found.append(made)
        return found


def _image_id(item: DatasetItem) -> int:
    """Return the image's id: its own, else one that follows from its name."""
    given = item.attributes.get("id")
    if isinstance(given, str) and given.isdecimal() and len(given) < 16:
        given = int(given)
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return given
    return zlib.crc32(f"{item.subset}/{item.id}".encode("utf-8", "surrogateescape"))


def _add(
    code: str, what: str, a: Annotation, item: DatasetItem, ctx: WriteContext, *, hint: str = ""
) -> None:
    ctx.ledger.add(
        code,
        what,
        kind=a.kind,
        item=item.id,
        subset=item.subset,
        annotation=a.id,
        hint=hint,
    )


def _annotation(a: Mask, box: Any) -> dict[str, Any]:
    """Return the object of a mask.

    Raises:
        ValueError: Its run lengths are malformed.
    """
    rle = a.rle
    counts = masks.encode_counts(counts_of(rle)).decode("ascii")
    made: dict[str, Any] = {
        "id": a.id,
        "segmentation": {"size": list(rle.size), "counts": counts},
        "bbox": list(a.bbox or box or bbox_of(a) or (0.0, 0.0, 0.0, 0.0)),
        "area": area_of(a),
    }
    for name, unknown in UNKNOWN.items():
        made[name] = a.attributes.get(name, unknown)
    return made
