"""Writing the items of one partition as records of Datumaro's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec import Raw

from dsk.annotations import Mask3d, Polygon, Skeleton
from dsk.errors import OutputError
from dsk.jsonvalues import is_finite, plain_value
from dsk_datumaro.encode import ENCODERS, NAME, are_rings, encode_rings
from dsk_datumaro.media import MediaWriter
from dsk_datumaro.volumes import describe_mask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.item import DatasetItem
    from dsk.output import WriteContext
    from dsk_datumaro.records import Record

__all__ = ["PartWriter", "fragment_name", "subset_folder"]


def subset_folder(subset: str) -> str:
    """Return a subset's name as one part of a path."""
    plain_name = subset.replace("/", "_").replace("\\", "_")
    return plain_name if plain_name.strip(".") else f"_{plain_name}"


def fragment_name(subset: str) -> str:
    """Return the name of the fragments that hold a subset's items."""
    return quote(subset, safe="") + ".json"


class PartWriter:
    """Writes the items of one partition.

    Args:
        ctx: Where they go.
        dialect: See ``DatumaroExporter``.
    """

    def __init__(self, ctx: WriteContext, dialect: str) -> None:
        self._ctx = ctx
        self._media = MediaWriter(ctx, dialect)
        self._encode = msgspec.json.Encoder(enc_hook=plain_value).encode
        self._skeletons: set[int] = set()

    def write(self, items: Iterable[DatasetItem]) -> dict[str, Any]:
        """Write a fragment for each subset and return the state for ``finish``."""
        texts: dict[str, list[bytes]] = {}
        kinds: set[str] = set()
        folders: dict[str, str] = {}
        for item in items:
            folder = folders.get(item.subset)
            if folder is None:
                folder = folders[item.subset] = subset_folder(item.subset)
                texts[item.subset] = []
            record: dict[str, Any] = {"id": item.id, "annotations": ()}
            record["annotations"] = self._annotations(item, folder, record)
            if item.attributes:
                record["attr"] = item.attributes
            if item.media is not None:
                kinds.add(self._media.describe(item, folder, record))
            if item.extra:
                _item_extra(item.extra, record)
            texts[item.subset].append(self._text(item, record))
        for subset, lines in texts.items():
            with self._ctx.fragment(fragment_name(subset)) as file:
                file.write(b",\n".join(lines))
        return {
            "media": kinds,
            "skeletons": self._skeletons,
            "subsets": list(texts),
            "videos": self._media.videos,
        }

    def _annotations(self, item: DatasetItem, folder: str, record: dict[str, Any]) -> list[Any]:
        out: list[Any] = []
        files: dict[int, str] = {}
        groups: set[int] = set()
        for position, a in enumerate(item.annotations):
            cls = type(a)
            start = len(out)
            try:
                one = ENCODERS[cls](a) if cls is not Mask3d else None
                if one is not None:
                    out.append(one)
                elif isinstance(a, Polygon):
                    self._rings(item, a, out, groups)
                elif isinstance(a, Mask3d):
                    mask = describe_mask(self._ctx, a, folder, item.id, files)
                    masks = record.setdefault("dsk", {}).setdefault("annotations", [])
                    masks.append({"at": position, **mask})
            except ValueError as error:
                self._ctx.ledger.add_at("DSK-L018", f"{a.kind}: {error}", item, a)
                continue
            if cls is Skeleton and a.label is not None:
                self._skeletons.add(a.label)
            if a.extra and NAME in a.extra and len(out) > start:
                out[start] = _own_fields(out[start], a.extra[NAME])
        raw = [points for r in out if type(points := _field(r, "points")) is Raw]
        if raw and not are_rings(raw):
            out = self._without_bad_rings(item, out)
        return out

    def _without_bad_rings(self, item: DatasetItem, out: list[Any]) -> list[Any]:
        """Drop the polygons whose undecoded points turn out to be no numbers."""
        good = []
        for one in out:
            points = _field(one, "points")
            if type(points) is Raw and not are_rings([points]):
                self._ctx.ledger.add(
                    "DSK-L018",
                    "polygon: the points are no rings of numbers",
                    kind="polygon",
                    item=item.id,
                    subset=item.subset,
                    annotation=one.id,
                )
            else:
                good.append(one)
        return good

    def _rings(self, item: DatasetItem, a: Polygon, out: list[Any], used: set[int]) -> None:
        def free_group() -> int:
            if not used:
                used.update([0], (b.group for b in item.annotations))
            group = a.id if a.id > 0 and a.id not in used else max(used) + 1
            used.add(group)
            return group

        records = encode_rings(a, free_group)
        out += records
        if len(records) > 1:
            self._ctx.ledger.add_at("DSK-L013", "polygon rings", item, a, count=len(records) - 1)

    def _text(self, item: DatasetItem, record: dict[str, Any]) -> bytes:
        """Return the record's JSON, without the numbers that JSON cannot say."""
        try:
            text = self._encode(record)
        except (OutputError, TypeError, OverflowError) as error:
            raise OutputError(
                error.message if isinstance(error, OutputError) else str(error),
                where=f"item {item.id!r}",
                hint="attributes are text, numbers, booleans, or lists and mappings of them",
            ) from error
        nulls = text.count(b"null")
        if (
            not nulls
            or nulls == sum(a.label is None for a in item.annotations)
            or is_finite(record)
        ):
            return text
        # msgspec writes NaN and infinity as null, which no reader takes for a coordinate.
        good = []
        for one in record["annotations"]:
            kind, number = _field(one, "type"), _field(one, "id")
            where = {"item": item.id, "subset": item.subset, "annotation": number, "kind": kind}
            if not is_finite(_field(one, "attributes")) or not is_finite(_field(one, "dsk")):
                self._ctx.ledger.add("DSK-L007", "NaN or infinity written as null", **where)
            if is_finite(_geometry(one)):
                good.append(one)
            else:
                self._ctx.ledger.add("DSK-L018", f"{kind}: NaN or infinite coordinates", **where)
        if not is_finite(item.attributes):
            self._ctx.ledger.add_at("DSK-L007", "NaN or infinity written as null", item)
        record["annotations"] = good
        return self._encode(record)


def _field(record: Record | dict[str, Any], name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else getattr(record, name, None)


def _geometry(record: Record | dict[str, Any]) -> dict[str, Any]:
    fields = record if isinstance(record, dict) else msgspec.structs.asdict(record)
    return {k: v for k, v in fields.items() if k not in ("attributes", "dsk")}


def _own_fields(record: Record, fields: dict[str, Any]) -> dict[str, Any]:
    """Write back fields that a Datumaro file had and dsk does not know."""
    out = {k: v for k, v in msgspec.structs.asdict(record).items() if v is not msgspec.UNSET}
    if out["object_id"] < 0:
        del out["object_id"]
    more = dict(out.pop("dsk") or {})
    rest = {k: v for k, v in more.pop("extra", {}).items() if k != NAME}
    if rest:
        more["extra"] = rest
    return out | ({"dsk": more} if more else {}) | fields


def _item_extra(extra: dict[str, Any], record: dict[str, Any]) -> None:
    rest = {k: v for k, v in extra.items() if k != NAME}
    if rest:
        record.setdefault("dsk", {})["extra"] = rest
    for name, value in extra.get(NAME, {}).items():
        record.setdefault(name, value)
