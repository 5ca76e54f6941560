"""Writing Create ML's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from dsk.annotations import Bbox
from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk_createml.detect import JSON_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["CreateMlExporter"]

_DIGITS = (3, 6, 9)
_HINT = "save_dataset_meta keeps them"
_encode = msgspec.json.Encoder().encode


class CreateMlExporter(Exporter):
    """Writes Create ML's datasets; see the descriptor for the options."""

    def __init__(self, *, anchor: str = "center", save_dataset_meta: bool = False) -> None:
        self.anchor = anchor
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        labels = []
        for number, label in enumerate(header.categories.labels):
            name = label.name or f"class-{number}"
            if name != label.name:
                ctx.ledger.add("DSK-L010", f"a label without a name, which becomes {name!r}")
            labels.append(replace(label, name=name))
        self._categories = header.categories.with_labels(labels)
        self._names = self._categories.names

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> tuple[list[str], list[int]]:
        """See ``Exporter.write``; the state is the names of the subsets, and the labels used."""
        records: dict[str, list[bytes]] = {}
        used: set[int] = set()
        for item in items:
            name = ctx.image_name(item)
            found = [a for a in item.annotations if isinstance(a, Bbox)]
            boxes = [self._box(a) for a in found]
            used.update(a.label or 0 for a in found)
            record = {"image": name, "annotations": boxes} | _further(item.extra)
            records.setdefault(item.subset, []).append(_encode(record))
            ctx.save_image(item, f"{item.subset}/{name}")
        for subset, texts in records.items():
            with ctx.fragment(f"{subset}/{JSON_NAME}") as file:
                file.write(b",\n".join(texts))
        return list(records), sorted(used)

    def _box(self, a: Bbox) -> dict[str, Any]:
        share = 0.0 if self.anchor == "top_left" else 0.5
        w, h = abs(a.w), abs(a.h)  # a box from corners that were swapped
        x, y = _anchor(min(a.x, a.x + a.w), share * w), _anchor(min(a.y, a.y + a.h), share * h)
        beside = ((a.extra or {}).get("create_ml") or {}).get("coordinates")
        place = beside if isinstance(beside, dict) else {}
        place = {**place, "x": x, "y": y, "width": w, "height": h}
        box = {"label": self._names[a.label or 0], "coordinates": place}
        return box | _further(a.extra)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        subsets = [subset for state in states for subset in state[0]]
        if not subsets:
            ctx.write(f"default/{JSON_NAME}", b"[]\n")
        for name in dict.fromkeys(f"{subset}/{JSON_NAME}" for subset in subsets):
            parts = ctx.out.fragments(name)
            ctx.out.join(name, parts, head=b"[", between=b",\n", tail=b"]\n")
        if self.save_dataset_meta:
            ctx.write(META_NAME, meta_text(self._categories))
            return
        used = [self._names[n] for n in sorted({n for state in states for n in state[1]})]
        ctx.ledger.unused_labels(len(self._names), (state[1] for state in states), "box", _HINT)
        if used != sorted(used):
            ctx.ledger.add("DSK-L015", "labels by name", hint=_HINT)


def _anchor(corner: float, way: float) -> float:
    """Return the number a way from a corner, the shortest from which the corner comes back."""
    exact = corner + way
    for digits in _DIGITS:
        short = round(exact, digits)
        if short - way == corner:
            return short
    return exact


def _further(extra: dict[str, Any] | None) -> dict[str, Any]:
    """Return the fields of the format that have no place in the model."""
    own = (extra or {}).get("create_ml")
    taken = ("image", "annotations", "label", "coordinates")
    return {k: v for k, v in own.items() if k not in taken} if isinstance(own, dict) else {}
