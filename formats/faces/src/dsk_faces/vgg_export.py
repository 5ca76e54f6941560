"""Writing VGGFace2."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from dsk.annotations import Bbox, Label, Points
from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk_faces.shared import drop, fit_categories, five_points, number, relabelled
from dsk_faces.vgg import BOX, FOLDER, LANDMARKS, NO_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.categories import Categories
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["VggFace2Exporter"]

_NO_FOLDER = re.compile(rf"[/\\\r\n\0]|^\s|\s$|^$|^\.\.?$|(?<=^[A-Za-z]):|(?<=^{NO_LABEL})$")
_TABLES = {"bb": BOX, "landmark": LANDMARKS}


class VggFace2Exporter(Exporter):
    """Writes tables of boxes and landmarks, images in a folder for each label, and labels.txt.

    Args:
        save_dataset_meta: Write dataset_meta.json; it is written anyway if a label holds a space.
    """

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self._save_meta = save_dataset_meta
        self._labels: list[str] = []

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        categories = fit_categories(header.categories, _NO_FOLDER, ctx.ledger)
        self._labels = categories.names
        ctx.ledger.equal_names(self._labels)
        ctx.write("labels.txt", _labels_text(categories))
        if self._save_meta or any(len(name.split()) > 1 for name in self._labels):
            ctx.write(META_NAME, meta_text(categories))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> None:
        """See ``Exporter.write``."""
        tables: dict[str, dict[str, list[list[str]]]] = {}
        for item in items:
            if "\n" in item.id or "\r" in item.id or item.id != item.id.strip():
                ctx.ledger.add_at("DSK-L008", "line breaks in an id", item)
                for a in item.annotations:
                    drop(a, item, ctx, "line breaks in an id")
                continue
            found = tables.get(item.subset)
            if found is None:
                found = tables[item.subset] = {name: [] for name in _TABLES}
            self._write_item(item, found, ctx)
        for subset, found in tables.items():
            for name, rows in found.items():
                text = io.StringIO(newline="")
                csv.writer(text, lineterminator="\n").writerows(rows)
                with ctx.fragment(f"{name}/{subset}") as file:
                    file.write(text.getvalue().encode())

    def _write_item(
        self, item: DatasetItem, found: dict[str, list[list[str]]], ctx: WriteContext
    ) -> None:
        """Add an item's rows; an empty row of landmarks is a label without them, or nothing."""
        first: dict[type, Any] = {}
        for a in item.annotations:
            if type(a) is Points and not five_points(a, item, ctx):
                continue
            if type(a) in first:
                drop(a, item, ctx, f"further annotations of one kind ({a.kind})")
            else:
                first[type(a)] = a
        label, points, box = first.get(Label), first.get(Points), first.get(Bbox)
        index = next((a.label for a in (label, points, box) if a and a.label is not None), None)
        folder = NO_LABEL if index is None else self._labels[index]
        own = item.id.startswith(f"{folder}/")
        if not own:
            ctx.ledger.add_at("DSK-L015", "ids begin with the label's folder", item)
        name = item.id if own else f"{folder}/{item.id}"
        for shape in (points, box):
            if shape is not None and shape.label != index:
                relabelled(shape, item, ctx)
        if label is not None and points is not None:
            what = "label joined with landmarks"
            ctx.ledger.add("DSK-L014", what, kind="label", item=item.id, subset=item.subset)
        if points is not None:
            found["landmark"].append([name, *map(number, points.points)])
        elif label is not None or box is None:
            found["landmark"].append([name, *[""] * (len(LANDMARKS) - 1)])
        if box is not None:
            found["bb"].append([name, *map(number, box.bbox)])
        if item.media is not None:
            ending = ctx.image_name(item)[len(item.id) :]
            ctx.save_image(item, f"{item.subset}/{name}{ending}")

    def finish(self, states: list[Any], ctx: WriteContext) -> None:  # noqa: ARG002
        """See ``Exporter.finish``."""
        for path in ctx.out.fragment_names():
            table, _, subset = path.partition("/")
            head = f"{','.join(_TABLES[table])}\n".encode()
            name = f"{FOLDER}/loose_{table}_{subset}.csv"
            ctx.out.join(name, ctx.out.fragments(path), head=head)


def _labels_text(categories: Categories) -> bytes:
    """Return labels.txt: a line is a label and its parent, or the person's name."""
    rows = [f"{lab.name} {lab.parent}".rstrip() for lab in categories.labels]
    return "".join(f"{' '.join(row.split())}\n" for row in rows).encode()
