"""Writing COCO: partitions write fragments, the end gives ids and joins them."""

from __future__ import annotations

import os
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import replace

from dsk.annotations import Mask, is_crowd
from dsk.columns import BoxColumns
from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk.jsonvalues import is_finite, plain_value
from dsk.metafile import META_NAME, meta_text
from dsk.rle import counts_of, rle_in
from dsk_coco.categories import FAMILY, category_ids
from dsk_coco.encode import (
    OBJECTS,
    PANOPTIC,
    Encoder,
    Part,
    has_places,
    image_id_of,
    size_of,
)
from dsk_coco.joining import Joiner, State
from dsk_coco.panoptic import MAX_ID, map_bytes
from dsk_coco.plugin import dsk_exporters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext
    from dsk_coco.encode import ObjectRecord

__all__ = ["CocoExporter"]

_KINDS: dict[str, frozenset[str]] = {
    "instances": frozenset({"bbox", "polygon", "mask"}),
    "stuff": frozenset({"bbox", "polygon", "mask"}),
    "person_keypoints": frozenset({"bbox", "polygon", "mask", "skeleton", "points"}),
    "panoptic": frozenset({"mask"}),
    "captions": frozenset({"caption"}),
    "labels": frozenset({"label"}),
    "image_info": frozenset(),
}
_IMAGE_FIELDS = {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
"""What Datumaro writes for images that come from other formats."""

_MODE_LACKS = {"guess": "", "polygons": "mask", "mask": "polygon", "masks": "polygon"}


class CocoExporter(Exporter):
    """Writes COCO JSON.

    Args:
        tasks: Which files to write; None for those that are needed to hold everything once.
        segmentation_mode: "guess" keeps outlines and masks, "polygons" and "mask" convert.
        crop_covered: Cut off what objects with a higher z_order cover.
        allow_attributes: Write attributes to a field of that name.
        reindex: Number images, annotations and categories from 1.
        merge_images: Images of all subsets go to one folder.
        save_dataset_meta: Write ``dataset_meta.json`` too.
    """

    takes_columns = True

    def __init__(
        self,
        *,
        tasks: list[str] | None = None,
        segmentation_mode: str = "guess",
        crop_covered: bool = False,
        allow_attributes: bool = True,
        reindex: bool = False,
        merge_images: bool = False,
        save_dataset_meta: bool = False,
    ) -> None:
        self._tasks = tuple(dict.fromkeys(tasks)) if tasks else None
        self._mode = segmentation_mode
        self._crop = crop_covered
        self._attributes = allow_attributes
        self._reindex = reindex
        self._merge_images = merge_images
        self._save_meta = save_dataset_meta
        self._header: Header | None = None
        self._ids: dict[int | None, int | None] = {}
        self._source: dict[str, Any] = {}
        self._points: dict[int, int] = {}

    def capabilities(self, header: Header) -> Capabilities:
        """See ``Exporter.capabilities``."""
        caps = dsk_exporters()[0].capabilities
        kinds = caps.annotations
        if self._tasks is not None:
            kinds = frozenset().union(*(_KINDS[task] for task in self._tasks))
        kinds -= {_MODE_LACKS[self._mode]}
        if not header.categories.points:
            kinds -= {"points"}
        skeleton = () if "skeleton" in kinds else (("skeleton", ("bbox",)),)
        return replace(
            caps,
            annotations=kinds,
            needs_label=caps.needs_label & kinds,
            convert=(*caps.convert, *skeleton),
            fields=caps.fields if self._attributes else caps.fields - {"attributes"},
            holes=self._mode == "guess",
        )

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._header = header
        own = header.info.get(FAMILY)
        self._source = own if isinstance(own, dict) else {}
        keep = isinstance(own, dict) and not self._reindex
        self._ids = category_ids(header.categories.labels, keep=keep)
        if isinstance(own, dict):
            given = enumerate(label.source_id for label in header.categories.labels)
            changed = sum(i is not None and i != self._ids[n] for n, i in given)
            if changed:
                ctx.ledger.add("DSK-L015", "category ids", count=changed)
        self._points = {n: len(p.labels) for n, p in header.categories.points.items()}
        ctx.out.make_folder("images")  # Datumaro 1.x does not open a dataset without it
        if self._save_meta:
            ctx.write(META_NAME, meta_text(header.categories))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, State]:
        """Write fragments of each subset's files; the state holds the ids in them."""
        tasks = self._tasks
        encoder = Encoder(
            self._ids,
            self._points,
            ctx.ledger,
            attributes=self._attributes,
            crop=self._crop,
            keypoints_only=tasks is not None
            and "person_keypoints" in tasks
            and not {"instances", "stuff"} & set(tasks),
            bare_captions=bool(self._source.get("bare_captions")),
        )
        panoptic = tasks is not None and "panoptic" in tasks
        maps_only = panoptic and not {"instances", "stuff", "person_keypoints"} & set(tasks or ())
        rows: list[ObjectRecord] | None = None
        if isinstance(items, BoxColumns) and not maps_only:
            plain = _is_plain(items)
            rows = encoder.of_columns(items, places=plain)
            if rows is not None and plain:
                return {items.items[0].subset: self._save_rows(items, rows, ctx)}
        parts: dict[str, Part] = {}
        for item, records in _with_records(items, rows):
            part = parts.get(item.subset)
            if part is None:
                part = parts[item.subset] = Part()
            image_id = self._image(item, part, ctx)
            if records:
                part.pile(OBJECTS).extend(records, len(part.images) - 1)
            if item.annotations:
                if panoptic:
                    self._panoptic(item, image_id, part, ctx)
                if not maps_only:
                    encoder.add(item, image_id, part)
                else:
                    rest = [a for a in item.annotations if a.kind != "mask"]
                    encoder.add(item.replace(annotations=rest), image_id, part)
        return {subset: self._save(subset, part, ctx) for subset, part in parts.items()}

    def _save_rows(self, given: BoxColumns, rows: list[ObjectRecord], ctx: WriteContext) -> State:
        """Write a partition of one subset that has nothing but rows."""
        part = Part()
        for item in given.items:
            self._image(item, part, ctx)
        state = self._save(given.items[0].subset, part, ctx)
        if rows:
            state.ids[OBJECTS] = given.ids
            owners = np.repeat(np.arange(len(given.items), dtype=np.int32), given.counts())
            state.images[OBJECTS], state.places = owners, has_places(rows)
            with ctx.fragment(f"{given.items[0].subset}/{OBJECTS}") as file:
                file.write(memoryview(msgspec.json.encode(rows))[1:-1])
        return state

    def _image(self, item: DatasetItem, part: Part, ctx: WriteContext) -> int:
        """Add an item's image record, save its image, and return its id."""
        image_id = image_id_of(item)
        name = ctx.image_name(item)
        height, width = size_of(item) or (0, 0)
        extra = (item.extra or {}).get(FAMILY) or ({} if self._source else _IMAGE_FIELDS)
        record: dict[str, Any] = {
            "id": image_id,
            **extra,
            "width": width,
            "height": height,
            "file_name": name,
        }
        part.images.append(record)
        part.image_ids.append(image_id)
        if ctx.save_media:
            folder = "images" if self._merge_images else f"images/{item.subset}"
            ctx.save_image(item, f"{folder}/{name}")
        return image_id

    def _save(self, subset: str, part: Part, ctx: WriteContext) -> State:
        encode = msgspec.json.Encoder(enc_hook=plain_value).encode
        state = State(np.array(part.image_ids, np.int64))
        with ctx.fragment(f"{subset}/images") as file:
            file.write(memoryview(encode(part.images))[1:-1])
        for name, pile in part.piles.items():
            if not pile.records:
                continue
            text = encode(pile.records)
            if b"null" in text:
                _refuse_nan(pile, subset, part, ctx)
                text = encode(pile.records)
            if not pile.records:
                continue
            try:
                state.ids[name] = np.array(pile.ids, np.int64)
            except OverflowError:
                raise OutputError("an annotation id has more than 64 bits", where=subset) from None
            state.images[name] = np.array(pile.images, np.int32)
            with ctx.fragment(f"{subset}/{name}") as file:
                file.write(memoryview(text)[1:-1])
        return state

    def _panoptic(self, item: DatasetItem, image_id: int, part: Part, ctx: WriteContext) -> None:
        drawn = sorted(
            (a for a in item.annotations if isinstance(a, Mask)), key=lambda a: a.z_order
        )
        if not drawn:
            return
        size = size_of(item) or drawn[0].rle.size
        counts, kept, ids = [], [], []
        used = {a.id for a in drawn}
        following = max((i for i in used if 0 < i < MAX_ID), default=0)
        seen: set[int] = set()
        for a in drawn:
            where: dict[str, Any] = {
                "kind": "mask",
                "item": item.id,
                "subset": item.subset,
                "annotation": a.id,
            }
            try:
                counts.append(counts_of(rle_in(a.source, size)))
            except ValueError as error:
                ctx.ledger.add("DSK-L018", f"mask: {error}", **where)
                continue
            number = a.id
            if not 0 < number <= MAX_ID or number in seen:
                following += 1
                number = following
                ctx.ledger.add("DSK-L015", "segment ids", **where)
            seen.add(number)
            kept.append(a)
            ids.append(number)
        if not kept:
            return
        name = f"{item.id}.png"
        data = map_bytes(size, counts, ids)
        ctx.write(f"annotations/panoptic_{item.subset}/{name}", data)
        self._hidden(item, kept, counts, ctx)
        pile = part.pile(PANOPTIC)
        segments = [self._segment(a, n, c) for a, n, c in zip(kept, ids, counts, strict=True)]
        pile.records.append({"image_id": image_id, "file_name": name, "segments_info": segments})
        pile.ids.append(0)
        pile.images.append(len(part.images) - 1)

    def _hidden(
        self, item: DatasetItem, drawn: list[Mask], counts: list[Any], ctx: WriteContext
    ) -> None:
        """Report masks of which later ones hide something: a map has one segment per pixel."""
        from dsk import masks

        areas = [masks.area(c) for c in counts]
        if sum(areas) == masks.area(masks.union(counts)):
            return
        for n, a in enumerate(drawn[:-1]):
            if masks.intersection_area(counts[n], masks.union(counts[n + 1 :])):
                ctx.ledger.add_at("DSK-L006", "overlapping masks", item, a)

    def _segment(self, a: Mask, number: int, counts: Any) -> dict[str, Any]:
        from dsk import masks

        record: dict[str, Any] = {
            "id": number,
            "category_id": self._ids[a.label],
            "area": a.area if a.area is not None else masks.area(counts),
            "bbox": a.bbox if a.bbox is not None else masks.bbox(counts, a.rle.size[0]),
            "iscrowd": int(is_crowd(a)),
        }
        score = a.attributes.get("score")
        if score is not None:
            record["score"] = score
        rest = {k: v for k, v in a.attributes.items() if k not in ("is_crowd", "score")}
        if rest and self._attributes:
            record["attributes"] = rest
        return record | {
            k: v for k, v in (a.extra or {}).get(FAMILY, {}).items() if k not in record
        }

    def finish(self, states: list[dict[str, State]], ctx: WriteContext) -> None:
        """Give ids to what has none, and join the fragments to files."""
        assert self._header is not None
        joiner = Joiner(self._header, self._source, self._ids, ctx, reindex=self._reindex)
        subsets = list(dict.fromkeys(name for state in states for name in state)) or ["default"]
        joiner.number_images(states, subsets)
        for subset in subsets:
            mine = [state.get(subset) for state in states]
            joiner.join_subset(subset, [state for state in mine if state is not None], self._tasks)


def _with_records(
    items: Iterable[DatasetItem], rows: list[ObjectRecord] | None
) -> Iterable[tuple[DatasetItem, list[ObjectRecord]]]:
    """Return the items with the records of their objects, where these are made from columns."""
    if rows is None or not isinstance(items, BoxColumns):
        return zip(items, repeat([]))
    return zip(items.items, (rows[a:b] for a, b in pairwise(items.bounds)), strict=True)


def _is_plain(given: BoxColumns) -> bool:
    """Tell whether all items are of one subset and none has annotations beside its rows."""
    return len({item.subset for item in given.items}) == 1 and not any(
        item.annotations for item in given.items
    )


def _refuse_nan(pile: Any, subset: str, part: Part, ctx: WriteContext) -> None:
    """Leave out records with numbers that JSON cannot say; msgspec would write null."""
    good = []
    for at, record in enumerate(pile.records):
        plain = record if isinstance(record, dict) else msgspec.structs.asdict(record)
        geometry = {k: v for k, v in plain.items() if k != "attributes"}
        item = os.path.splitext(part.images[pile.images[at]]["file_name"])[0]  # noqa: PTH122
        if is_finite(geometry):
            good.append(at)
            if not is_finite(plain.get("attributes")):
                what = "NaN or infinity written as null"
                ctx.ledger.add("DSK-L007", what, item=item, subset=subset, annotation=pile.ids[at])
        else:
            what = "NaN or infinite coordinates"
            ctx.ledger.add("DSK-L018", what, item=item, subset=subset, annotation=pile.ids[at])
    pile.records = [pile.records[at] for at in good]
    pile.ids = [pile.ids[at] for at in good]
    pile.images = [pile.images[at] for at in good]
