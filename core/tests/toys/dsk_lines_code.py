"""Reading and writing the toy format; correct unless ``fault`` names what shall be wrong."""

from __future__ import annotations

import json
import math
import os
import time

import msgspec

from dsk.annotations import Bbox, Caption, Label, Mask, Polygon, Rle
from dsk.categories import Categories
from dsk.errors import DskError, InputError, RecordError
from dsk.flow import Detection, Exporter, Header, Importer, Source
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.names import clean_name

fault = ""
marker = ""


class Row(msgspec.Struct, omit_defaults=True):
    """One annotation."""

    kind: str
    label: int | None = None
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    rings: list[list[float]] = []
    holes: list[int] = []
    size: tuple[int, int] = (0, 0)
    counts: str = ""
    text: str = ""
    id: int = 0
    group: int = 0
    attributes: dict[str, str | int | float | bool | None] = {}


class Line(msgspec.Struct):
    """One item."""

    id: str
    rows: list[Row]
    media: str | None = None
    size: tuple[int, int] | None = None
    attributes: dict[str, str | int | float | bool | None] = {}


def detect(root):
    if fault == "detect-all":
        return Detection(90, "sure of everything")
    if fault == "detect-none":
        return None
    if not root.is_file("labels.json"):
        return None
    names = [n for n in root.entries()[1] if n.endswith(".lines")]
    return Detection(90, f"labels.json and {len(names)} .lines")


class LinesSource(Source):
    def __init__(self, root):
        self.root = root
        self.reads = 0
        try:
            labels = msgspec.json.decode(root.text_bytes("labels.json"), type=list[str])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if fault == "leak":
                raise
            raise InputError(f"bad labels: {error}", where=root.show("labels.json")) from error
        self.names = [n for n in root.entries()[1] if n.endswith(".lines")]
        self.parts = []
        for name in self.names:
            count = root.text_bytes(name).count(b"\n")
            self.parts += [(name, start, start + 4) for start in range(0, count, 4)]
        if fault == "writes":
            open(root.path + ".cache", "w").close()
        self.header = Header(
            categories=Categories.from_names(labels),
            subsets=tuple(n.removesuffix(".lines") for n in self.names),
            items=99 if fault == "header" else None,
        )

    def partitions(self):
        if fault == "unpicklable":
            return [(*part, lambda: None) for part in self.parts]
        return self.parts

    def read(self, partition, ledger):
        name, start, stop = partition[:3]
        self.reads += 1
        if fault == "once" and self.reads > len(self.parts):
            return
        lines = self.root.text_bytes(name).split(b"\n")[start:stop]
        for number, text in enumerate(lines, start + 1):
            if text.strip():
                where = f"{self.root.show(name)}:{number}"
                try:
                    yield self._item(text, name.removesuffix(".lines"), where)
                except RecordError as error:
                    if fault == "never-skips":
                        raise
                    ledger.bad_record(error)

    def _item(self, text, subset, where):
        try:
            if fault == "nan":  # the standard library takes NaN for a number
                line = msgspec.convert(json.loads(text), Line)
            else:
                line = msgspec.json.decode(text, type=Line)
        except (ValueError, RecursionError) as error:
            if fault == "leak":
                raise
            raise RecordError(f"bad line: {error}", where=where) from error
        annotations = [self._annotation(row, where) for row in line.rows]
        if fault == "label-range":
            annotations = [Bbox(1, 1, 1, 1, label=77)]
        media = None
        if line.media is not None:
            path = line.media if fault == "path" else clean_name(line.media, where)
            full = f"{self.root.path}/{path}" if fault == "path" else self.root.locate(path)
            media = Image(
                path=path.partition("/")[2].partition("/")[2], source=full, size=line.size
            )
        item = line.id if fault == "path" else clean_name(line.id, where)
        return DatasetItem(item, subset, media, annotations, dict(line.attributes))

    def _annotation(self, row, where):
        numbers = [*row.box, *(v for ring in row.rings for v in ring)]
        if not all(map(math.isfinite, numbers)) and fault != "nan":
            raise RecordError("a coordinate is no number", where=where)
        if row.label is not None and not 0 <= row.label < len(self.header.categories.labels):
            raise RecordError(f"there is no label {row.label}", where=where)
        common = {"label": row.label, "id": row.id, "group": row.group}
        common["attributes"] = dict(row.attributes)
        if row.kind == "bbox":
            return Bbox(*row.box, **common)
        if row.kind == "polygon":
            if any(len(ring) % 2 or not ring for ring in row.rings) or not row.rings:
                raise RecordError("a ring has half a point", where=where)
            return Polygon(row.rings, tuple(row.holes), **common)
        if row.kind == "mask":
            return Mask(Rle(row.size, row.counts), **common)
        if row.kind == "caption":
            return Caption(caption=row.text, **common)
        if row.kind == "label":
            return Label(**common)
        raise RecordError(f"no kind {row.kind!r}", where=where)


class LinesImporter(Importer):
    def open(self, root, ledger):
        if fault == "hang":
            time.sleep(1000)
        if fault == "pickle":
            import pickle

            for name in root.walk():
                if name.startswith("media/") and root.read(name, 1) == b"\x80":
                    pickle.loads(root.read(name))
        return LinesSource(root)


class LinesExporter(Exporter):
    def __init__(self, *, spaces=0):
        self.spaces = spaces

    def begin(self, header, ctx):
        if fault == "dry-writes" and ctx.out.dry:
            os.makedirs(ctx.out.destination)
        names = header.categories.names
        ctx.write(
            "labels.json",
            msgspec.json.encode([n.strip() for n in names] if fault == "labels" else names),
        )

    def write(self, items, ctx):
        texts = {}
        for item in items:
            if fault == "drop-item" and item.id == "b":
                continue
            texts.setdefault(item.subset, []).append(self._line(item, ctx))
        for subset, lines in texts.items():
            if "/" in subset:
                raise DskError("subset with a slash")
            with ctx.fragment(f"{subset}.lines") as file:
                file.write(b"".join(lines))
                if fault == "parts":
                    file.write(b"\n" * (os.getpid() % 1000))
                if fault == "dates":
                    file.write(b"\n" * (time.time_ns() % 100_000))
        return list(texts)

    def _line(self, item, ctx):
        media, size = None, None
        if isinstance(item.media, Image):
            media = f"media/{item.subset}/{ctx.image_name(item)}"
            size = item.media.get_size()
            if fault != "media-gone":
                ctx.save_image(item, media)
            if fault == "media-bytes" and ctx.save_media:
                ctx.write(f"{media}.changed", b"x")
                media = f"{media}.changed"
        rows = [self._row(a, ctx, item) for a in item.annotations]
        if fault == "drop-annotation":
            rows = rows[1:]
        if fault == "misreport":
            ctx.ledger.add("DSK-L017", "nothing of the sort", kind="bbox")
        name = item.id.rpartition("/")[2] if fault == "flat-ids" else item.id
        line = Line(name, rows, media, size, {} if fault == "item-attributes" else item.attributes)
        return b" " * self.spaces + msgspec.json.encode(line) + b"\n"

    def _row(self, a, ctx, item):
        row = Row(a.kind, a.label, id=a.id, group=a.group, attributes=a.attributes)
        if fault == "groups":
            row.group = 0
        if fault == "attributes":
            row.attributes = {}
        if fault == "unlabelled" and row.label is None and a.kind != "caption":
            row.label = 0
        if isinstance(a, Bbox):
            row.box = a.bbox if fault != "rounding" else tuple(map(round, a.bbox))
        elif isinstance(a, Polygon):
            row.rings, row.holes = [list(r) for r in a.rings], list(a.holes)
        elif isinstance(a, Mask):
            rle = a.rle
            counts = rle.counts
            row.size, row.counts = (
                rle.size,
                counts.decode() if isinstance(counts, bytes) else counts,
            )
        elif isinstance(a, Caption):
            row.text = a.caption
        return row

    def finish(self, states, ctx):
        for subset in dict.fromkeys(name for state in states for name in state):
            ctx.out.join(f"{subset}.lines", ctx.out.fragments(f"{subset}.lines"))
