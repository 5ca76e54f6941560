"""Writing Segment Anything's JSON files."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dsk import masks
from dsk.annotations import Bbox, Mask, Rle
from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk.jsonvalues import plain_value
from dsk.rle import counts_of
from dsk_segment_anything.plugin import FAMILY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

    _Runs = tuple[str, NDArray[np.int64]]  # COCO's text, and what it stands for

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

    heavy = True

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
            ctx.ledger.add_at("DSK-L008", what, item)
            name = name.replace("/", "__")
        stem = item.id.replace("/", "__")
        info: dict[str, Any] = {"image_id": _image_id(item), "file_name": name}
        size = ctx.image_size(item)
        made = self._annotations(item, ctx)
        content: dict[str, Any] = {"image": info, "annotations": made}
        if size is None and made:
            size = tuple(made[0]["segmentation"]["size"])
        if size is not None:
            info["height"], info["width"] = size
        stated = (item.extra or {}).get(FAMILY) or {}
        more = {what: fields for what, fields in stated.items() if isinstance(fields, dict)}
        content = {**more.get("file", {}), **content, "image": {**more.get("image", {}), **info}}
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
        highest = 0
        checked = _checked(item.annotations)
        for n, a in enumerate(item.annotations):
            if isinstance(a, Bbox):
                if a.group in grouped:
                    ctx.ledger.add_at("DSK-L014", "box of a mask", item, a)
                else:
                    hint = "-t boxes_to_masks makes masks of boxes"
                    ctx.ledger.add_at("DSK-L017", "box without a mask", item, a, hint=hint)
                continue
            assert isinstance(a, Mask)
            try:
                made = _annotation(a, checked.get(n), boxes.get(a.group))
            except ValueError as error:
                ctx.ledger.add_at("DSK-L018", f"mask: {error}", item, a)
                continue
            if a.label is not None:
                ctx.ledger.add("DSK-L010", "labels of masks")
            if made["id"] <= 0 or made["id"] in taken:
                made["id"] = highest + 1
                ctx.ledger.add_at("DSK-L015", "masks numbered anew", item, a)
            taken.add(made["id"])
            highest = max(highest, made["id"])
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


def _checked(annotations: Sequence[Annotation]) -> dict[int, _Runs]:
    """Return the run lengths of masks that have them as COCO's text, by position.

    They are checked together; if one is damaged none are returned, and looking at each by itself
    says which one it is.
    """
    found: dict[int, Rle] = {}
    for n, a in enumerate(annotations):
        if isinstance(a, Mask) and isinstance(a.source, Rle):
            found[n] = a.source
    texts = {n: rle.counts for n, rle in found.items() if isinstance(rle.counts, bytes | str)}
    if not texts:
        return {}
    try:
        runs = masks.decode_counts_many(list(texts.values()))
    except ValueError:
        return {}
    lengths = np.fromiter(map(len, runs), np.int64, len(runs))
    if not lengths.all():
        return {}
    counts = np.concatenate(runs)
    pixels = np.add.reduceat(counts, np.cumsum(lengths) - lengths)
    sizes = [found[n].size for n in texts]
    possible = counts.min() >= 0 and counts.max() < 1 << 31  # sums cannot overflow
    if not possible or pixels.tolist() != [height * width for height, width in sizes]:
        return {}
    plain = (t if isinstance(t, str) else t.decode("ascii") for t in texts.values())
    return dict(zip(texts, zip(plain, runs, strict=True), strict=True))


def _annotation(a: Mask, known: _Runs | None, box: Any) -> dict[str, Any]:
    """Return the object of a mask.

    Args:
        a: The mask.
        known: Its run lengths, if they have been decoded and checked.
        box: Its box, if the mask states none.

    Raises:
        ValueError: Its run lengths are malformed.
    """
    rle = a.rle
    if known is None:
        counts = counts_of(rle)
        known = masks.encode_counts(counts).decode("ascii"), counts
    text, counts = known
    made: dict[str, Any] = {
        "id": a.id,
        "segmentation": {"size": list(rle.size), "counts": text},
        "bbox": list(a.bbox or box or map(float, masks.bbox(counts, rle.size[0]))),
        "area": float(masks.area(counts)) if a.area is None else a.area,
    }
    for name, unknown in UNKNOWN.items():
        made[name] = a.attributes.get(name, unknown)
    return ((a.extra or {}).get(FAMILY) or {}) | made
