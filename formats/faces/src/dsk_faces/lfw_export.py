"""Writing Labeled Faces in the Wild."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from dsk.annotations import Label, Points
from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk_faces.lfw import ANNOTATIONS, IMAGES, NO_LABEL, PAIRS, split_label
from dsk_faces.shared import all_visible, drop, fit_categories, number, relabelled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["LfwExporter"]

_NO_FIELD = re.compile(rf"[\t\r\n\0\\]|^\s|\s$|^$|^\.\.?$|^/|^{NO_LABEL}$")
_UNHELD = frozenset("\t\n\r")
"""What no id in these files can hold."""

_NUMBERED = re.compile(r"_(\d{4,9})")
_POSITIVE, _NEGATIVE = "positive_pairs", "negative_pairs"
_FILES = (_POSITIVE, _NEGATIVE, "neutral", "landmarks")


class LfwExporter(Exporter):
    """Writes ``<subset>/annotations/pairs.txt``, people.txt, landmarks.txt, and images.

    Args:
        save_dataset_meta: Write dataset_meta.json, too.
    """

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self._save_meta = save_dataset_meta
        self._labels: list[str] = []
        self._renamed: dict[str, str] = {}

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        categories = fit_categories(header.categories, _NO_FIELD, ctx.ledger)
        self._labels = categories.names
        self._renamed = dict(zip(header.categories.names, self._labels, strict=True))
        if self._save_meta:
            ctx.write(META_NAME, meta_text(categories))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, dict[str, int]]:
        """See ``Exporter.write``; the state is the number of each label's images by subset."""
        people: dict[str, dict[str, int]] = {}
        texts: dict[str, dict[str, list[str]]] = {}
        for item in items:
            if not _UNHELD.isdisjoint(item.id):
                ctx.ledger.add_at("DSK-L008", "tabs in an id", item)
                for a in item.annotations:
                    drop(a, item, ctx, "tabs in an id")
                continue
            lines = texts.get(item.subset)
            if lines is None:
                lines = texts[item.subset] = {name: [] for name in _FILES}
                people[item.subset] = {}
            counts = people[item.subset]
            name = self._write_item(item, lines, ctx)
            if name:
                counts[name] = counts.get(name, 0) + 1
        for subset, lines in texts.items():
            for name, rows in lines.items():
                with ctx.fragment(f"{name}/{subset}") as file:
                    file.write("".join(f"{row}\n" for row in rows).encode())
        return people

    def _write_item(self, item: DatasetItem, lines: dict[str, list[str]], ctx: WriteContext) -> str:
        """Add an item's lines and return its label's name, or ""."""
        label: Label | None = None
        points: list[Points] = []
        for a in item.annotations:
            if type(a) is Points and a.points:
                all_visible(a, item, ctx)
                points.append(a)
            elif type(a) is Points:
                drop(a, item, ctx, "landmarks without a point")
            elif type(a) is Label and label is None:
                label = a
            else:
                drop(a, item, ctx, "further labels of an image")
        index = label.label if label is not None else points[0].label if points else None
        name = self._labels[index] if index is not None else ""
        image = ctx.image_name(item)
        path = f"{name}/{image}" if name else image
        for p in points:
            if p.label != index:
                relabelled(p, item, ctx)
            shown = path if name or "/" not in path else f"{NO_LABEL}/{path}"
            lines["landmarks"].append("\t".join([shown, *map(number, p.points)]))
        paired = False
        if label is not None and label.attributes:
            paired = self._pairs(item, label, name, lines, ctx)
        if not paired and (label is not None or not points):
            lines["neutral"].append(_alone(name, item.id))
        if item.media is not None:
            ctx.save_image(item, f"{item.subset}/{IMAGES}/{path}")
        return name

    def _pairs(
        self,
        item: DatasetItem,
        label: Label,
        name: str,
        lines: dict[str, list[str]],
        ctx: WriteContext,
    ) -> bool:
        """Add the pairs whose first image an item is; tell whether there are any."""
        own = _short(name, item.id)
        some = False
        for kind in (_POSITIVE, _NEGATIVE):
            for partner in _partners(label.attributes.get(kind)):
                other, rest = split_label(partner, self._renamed)
                other = self._renamed.get(other, other)
                short = _short(other, rest)
                if own is None or short is None or (kind == _POSITIVE and other != name):
                    what = f"{kind}: names that are no label and number"
                    ctx.ledger.add(
                        "DSK-L004", what, kind=label.kind, item=item.id, subset=item.subset
                    )
                    continue
                some = True
                row = [name, own, short]
                if kind == _NEGATIVE:
                    row.insert(2, other or NO_LABEL)
                lines[kind].append("\t".join(row))
        return some

    def finish(self, states: list[dict[str, dict[str, int]]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        people: dict[str, dict[str, int]] = {}
        for state in states:
            for subset, counts in state.items():
                known = people.setdefault(subset, {})
                for name, count in counts.items():
                    known[name] = known.get(name, 0) + count
        for subset, counts in people.items():
            folder = f"{subset}/{ANNOTATIONS}"
            parts = {name: ctx.out.fragments(f"{name}/{subset}") for name in _FILES}
            landmarks = parts.pop("landmarks")
            ctx.out.join(f"{folder}/{PAIRS}", [path for found in parts.values() for path in found])
            ctx.out.join(f"{folder}/landmarks.txt", landmarks)
            rows = [f"{name}\t{counts.get(name, 0)}\n" for name in self._labels]
            ctx.write(f"{folder}/people.txt", f"{len(rows)}\n{''.join(rows)}".encode())


def _short(label: str, item: str) -> str | None:
    """Return what a pair calls an image: its number, or its id if that is none; None: neither."""
    if not label:
        return item
    match = _NUMBERED.fullmatch(item.removeprefix(label)) if item.startswith(label) else None
    if match is not None and f"{int(match[1]):04d}" == match[1]:
        return str(int(match[1]))
    return None if item.isdecimal() or item != item.strip() else item


def _alone(label: str, item: str) -> str:
    """Return the line of an image without pairs."""
    if label:
        return f"{label}/{item}"
    return f"{NO_LABEL}/{item}" if "/" in item or item.isdecimal() else item


def _partners(value: Any) -> list[str]:
    """Return a list of pairs; formats whose attributes are text make it its Python text."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            value = [value]
    if value is None or value == "":
        return []
    return [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)]
