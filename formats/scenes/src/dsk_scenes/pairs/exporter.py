"""Writing folders of images and masks."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from dsk.annotations import Mask
from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk.metafile import META_NAME, meta_text
from dsk_scenes.shared.classmap import ClassMaps
from dsk_scenes.shared.colors import COLORS_NAME, colors_text, to_categories
from dsk_scenes.shared.painting import leave_bare
from dsk_scenes.shared.target import make_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["PairsExporter"]

META, CSV, TEXT = "meta", "csv", "txt"


class PairsExporter(Exporter):
    """Writes folders of images and masks; see the descriptor for the options."""

    heavy = True

    def __init__(
        self, *, apply_colormap: bool = True, label_map: str = "source", table: str = META
    ) -> None:
        self.apply_colormap = apply_colormap
        self.label_map = label_map
        self.table = table

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._target = make_target(
            header.categories,
            self.label_map,
            (),
            "",
            ctx.ledger,
            unique=True,
            lines=self.table == TEXT,
        )
        # Readers give values of grey masks to labels in order, so the background must be there.
        self._target.added = self._target.added and self.apply_colormap
        self._maps = ClassMaps(self._target, colors=self.apply_colormap)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``."""
        subsets: dict[str, None] = {}
        for item in items:
            subsets[item.subset] = None
            folder = _folder(item.subset)
            saved = ctx.save_image(item, f"{folder}images/{ctx.image_name(item)}")
            found = [a for a in item.annotations if type(a) is Mask]
            data = self._maps(item, found, ctx.ledger)
            if data is not None:
                ctx.write(f"{folder}masks/{item.id}.png", data)
            elif not saved:
                leave_bare(item, ctx.ledger)
        return list(subsets)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        subsets = dict.fromkeys(subset for state in states for subset in state)
        for subset in subsets or [DEFAULT_SUBSET]:
            name, data = self._table()
            ctx.write(_folder(subset) + name, data)

    def _table(self) -> tuple[str, bytes]:
        """Return the name and content of the table of labels."""
        entries = self._target.written
        if self.table == TEXT:
            return COLORS_NAME, colors_text(entries)
        if self.table == CSV:
            text = io.StringIO(newline="")
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow(["name", "r", "g", "b"])
            rows.writerows([e.name, *(e.color or (0, 0, 0))] for e in entries)
            return "class_dict.csv", text.getvalue().encode()
        return META_NAME, meta_text(to_categories(entries))


def _folder(subset: str) -> str:
    return "" if subset == DEFAULT_SUBSET else f"{subset}/"
