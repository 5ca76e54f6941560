"""Writing tables of boxes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from dsk.annotations import Bbox
from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk_createml.detect import BOX_COLUMNS, BOXES_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["BoxesExporter"]

_HINT = "--save-media tells them by their images"


class BoxesExporter(Exporter):
    """Writes tables of boxes; see the descriptor for the option."""

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._names = [name or f"class-{n}" for n, name in enumerate(header.categories.names)]
        for name in self._names:
            if name not in header.categories.names:
                ctx.ledger.add("DSK-L010", f"a label without a name, which becomes {name!r}")

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> tuple[list[str], list[int]]:
        """See ``Exporter.write``; the state is the names of the subsets, and the labels used."""
        texts: dict[str, io.StringIO] = {}
        used: set[int] = set()
        for item in items:
            name = ctx.image_name(item)
            saved = ctx.save_image(item, f"{item.subset}/{name}")
            boxes = [a for a in item.annotations if isinstance(a, Bbox)]
            text = texts.setdefault(item.subset, io.StringIO())
            if not boxes and "/" in name:  # only images right beside the table are looked for
                ctx.ledger.add_at("DSK-L008", "item without boxes in a folder", item)
            elif not boxes and not saved:
                ctx.ledger.add_at("DSK-L008", "item without boxes", item, hint=_HINT)
            if boxes:
                height, width = ctx.image_size(item) or (0, 0)  # as LabelImg writes unknown ones
                used.update(a.label or 0 for a in boxes)
                csv.writer(text, lineterminator="\n").writerows(
                    [name, width, height, self._names[a.label or 0], *_edges(a)] for a in boxes
                )
        for subset, text in texts.items():
            with ctx.fragment(f"{subset}/{BOXES_NAME}") as file:
                file.write(text.getvalue().encode("utf-8", "surrogateescape"))
        return list(texts), sorted(used)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        head = (",".join(BOX_COLUMNS) + "\n").encode()
        subsets = [subset for state in states for subset in state[0]]
        for subset in dict.fromkeys(subsets) or ["default"]:
            name = f"{subset}/{BOXES_NAME}"
            ctx.out.join(name, ctx.out.fragments(name), head=head)
        if self.save_dataset_meta:
            ctx.write(META_NAME, meta_text(self._categories))
            return
        hint = "save_dataset_meta keeps them"
        used = [n for state in states for n in state[1]]
        ctx.ledger.unused_labels(len(self._names), (state[1] for state in states), "box", hint)
        if len({*used}) > 1:
            ctx.ledger.add("DSK-L015", "labels in the order of their boxes", hint=hint)


def _edges(a: Bbox) -> list[float]:
    """Return the edges of a box, those that were swapped in order; whole ones as whole numbers."""
    x, y = sorted((a.x, a.x + a.w)), sorted((a.y, a.y + a.h))
    edges = x[0], y[0], x[1], y[1]
    return [int(edge) if edge.is_integer() else edge for edge in map(float, edges)]
