"""Writing the format."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dsk.annotations import Bbox
from dsk.flow import Exporter, Header
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.output import WriteContext
from dsk_FORMAT.records import Box, Record


class BoxExporter(Exporter):
    """Writes a table of lines per subset, and images if they are to be saved."""

    def __init__(self, *, image_folder: str = "images") -> None:
        self._image_folder = image_folder

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """Write the labels; see ``Exporter.begin``."""
        ctx.write("labels.json", msgspec.json.encode(header.categories.names))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """Write this partition's share of each table; return the subsets it has items of."""
        tables: dict[str, list[bytes]] = {}
        for item in items:
            line = msgspec.json.encode(self._record(item, ctx))
            tables.setdefault(item.subset, []).append(line + b"\n")
        for subset, lines in tables.items():
            with ctx.fragment(f"{subset}.jsonl") as file:
                file.writelines(lines)
        return list(tables)

    def finish(self, states: list[list[str]], ctx: WriteContext) -> None:
        """Join the shares; see ``Exporter.finish``."""
        for subset in dict.fromkeys(name for state in states for name in state):
            name = f"{subset}.jsonl"
            ctx.out.join(name, ctx.out.fragments(name))

    def _record(self, item: DatasetItem, ctx: WriteContext) -> Record:
        # core has made boxes of everything that can become one, and reported the rest
        boxes = [Box(a.bbox, a.label) for a in item.annotations if isinstance(a, Bbox)]
        if not isinstance(item.media, Image):
            return Record(item.id, boxes)
        image = f"{self._image_folder}/{item.subset}/{ctx.image_name(item)}"
        ctx.save_image(item, image)
        return Record(item.id, boxes, image, ctx.image_size(item))
