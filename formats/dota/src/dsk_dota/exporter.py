"""Writing DOTA datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.annotations import Bbox, Polygon, RotatedBbox
from dsk.convert import bbox_of
from dsk.flow import Exporter
from dsk.geometry import box_ring, min_area_rect, rotated_box_corners
from dsk.metafile import META_NAME, meta_text
from dsk_dota.layout import IMAGES, LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["DotaExporter"]

_EXT = ".png"
_QUAD = 8
_HINT = "save_dataset_meta=true keeps them"


class DotaExporter(Exporter):
    """Writes DOTA datasets; see the descriptor for the options."""

    def __init__(self, *, precision: int = 2, save_dataset_meta: bool = False) -> None:
        self.precision = precision
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._names = _names(header.categories, ctx.ledger)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> tuple[list[str], set[int]]:
        """See ``Exporter.write``; the state is the subsets and the labels of objects."""
        subsets: dict[str, None] = {}
        used: set[int] = set()
        for item in items:
            subsets[item.subset] = None
            used.update([a.label or 0 for a in item.annotations])
            lines = _headers(item)
            lines += [self._line(a, item, ctx.ledger) for a in item.annotations]
            ctx.write(f"{item.subset}/{LABELS}/{item.id}.txt", "".join(lines).encode())
            ctx.save_image(item, f"{item.subset}/{IMAGES}/{ctx.image_name(item, _EXT)}")
        return list(subsets), used

    def _line(self, a: Annotation, item: DatasetItem, ledger: Ledger) -> str:
        corners = _corners(a, item, ledger)
        difficulty = a.attributes.get("difficulty", 0)
        if not isinstance(difficulty, int):
            number = _number(difficulty)
            if number != difficulty:
                _lose(ledger, "DSK-L004", "value of difficulty, which becomes a number", a, item)
            difficulty = number
        digits = self.precision
        texts = [f"{value:.{digits}f}" for value in corners]
        if any(float(text) != value for text, value in zip(texts, corners, strict=True)):
            _lose(ledger, "DSK-L007", "coordinates rounded", a, item)
        return f"{' '.join(texts)} {self._names[a.label or 0]} {int(difficulty)}\n"

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        for subset in dict.fromkeys(name for subsets, _ in states for name in subsets):
            ctx.out.make_folder(f"{subset}/{LABELS}")
        if not states:
            ctx.out.make_folder(f"default/{LABELS}")
        if self.save_dataset_meta:
            labels = self._categories.labels
            named = [replace(a, name=b) for a, b in zip(labels, self._names, strict=True)]
            ctx.write(META_NAME, meta_text(self._categories.with_labels(named)))
        elif unused := len(self._names) - len(set().union(*(used for _, used in states))):
            ctx.ledger.add("DSK-L010", "labels that no object has", count=unused, hint=_HINT)


def _names(categories: Categories, ledger: Ledger) -> list[str]:
    """Return the labels as one field of a line can hold them; what that changes is reported."""
    names: list[str] = []
    for number, name in enumerate(categories.names):
        fit = "-".join(name.split()) or f"class-{number}"
        if fit.lstrip("+-").isdecimal() or fit in names:
            fit = f"{fit}_{number}"
        if fit != name:
            ledger.add("DSK-L010", f"label {name!r}, which becomes {fit!r}")
        names.append(fit)
    return names


def _headers(item: DatasetItem) -> list[str]:
    facts = (item.extra or {}).get("dota")
    if not isinstance(facts, dict):
        return []
    return [f"{key}:{' '.join(str(value).split())}\n" for key, value in facts.items()]


def _corners(a: Annotation, item: DatasetItem, ledger: Ledger) -> Sequence[float]:
    if isinstance(a, RotatedBbox):
        return rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
    if isinstance(a, Bbox):
        _lose(ledger, "DSK-L003", "bbox→corners", a, item)
        return box_ring(a.x, a.y, a.w, a.h)
    assert isinstance(a, Polygon)
    rings = a.rings
    if len(rings) == 1 and len(rings[0]) == _QUAD:
        return rings[0]
    _lose(ledger, "DSK-L003", "polygon→rectangle around it", a, item)
    points = [value for ring in rings for value in ring]
    x, y, w, h = bbox_of(a) or (0.0, 0.0, 0.0, 0.0)
    return rotated_box_corners(*min_area_rect(points)) if points else box_ring(x, y, w, h)


def _number(value: Any) -> int:
    if isinstance(value, str):
        word = value.strip().lower()
        if word.lstrip("+-").isdecimal():
            return int(word)
        return int(word in ("true", "yes"))
    return int(bool(value))


def _lose(ledger: Ledger, code: str, what: str, a: Annotation, item: DatasetItem) -> None:
    ledger.add(code, what, kind=a.kind, item=item.id, subset=item.subset, annotation=a.id)
