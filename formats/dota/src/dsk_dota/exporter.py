"""Writing DOTA datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.annotations import Bbox, Polygon, RotatedBbox
from dsk.convert import bbox_of
from dsk.errors import OptionError
from dsk.flow import Exporter
from dsk.geometry import box_ring, min_area_rect, rotated_box_corners
from dsk.metafile import META_NAME, meta_text
from dsk.names import NO_LINE, fitting
from dsk.truth import truth_of
from dsk_dota.layout import IMAGES, LABELS
from dsk_dota.rows import is_header

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
_DIGITS = 17
_HINT = "save_dataset_meta=true keeps them"


class DotaExporter(Exporter):
    """Writes DOTA datasets; see the descriptor for the options."""

    def __init__(self, *, precision: int = 2, save_dataset_meta: bool = False) -> None:
        if not 0 <= precision <= _DIGITS:
            raise OptionError(f"precision is a number of digits, 0 to {_DIGITS}")
        self.precision = precision
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._names = _names(header.categories, ctx.ledger)
        self._row = f"%.{self.precision}f " * _QUAD + "%s %d\n"

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> tuple[list[str], set[int]]:
        """See ``Exporter.write``; the state is the subsets and the labels of objects."""
        subsets: dict[str, None] = {}
        used: set[int] = set()
        for item in items:
            subsets[item.subset] = None
            used.update([a.label or 0 for a in item.annotations])
            lines = _headers(item, ctx.ledger)
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
                ledger.add_at("DSK-L004", "value of difficulty, which becomes a number", item, a)
            difficulty = number
        digits = self.precision
        if any(round(value, digits) != value for value in corners):
            ledger.add_at("DSK-L007", "coordinates rounded", item, a)
        return self._row % (*corners, self._names[a.label or 0], difficulty)

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
        else:
            used = (own for _, own in states)
            ctx.ledger.unused_labels(len(self._names), used, "object", _HINT)


def _names(categories: Categories, ledger: Ledger) -> list[str]:
    """Return the labels as one field of a line can hold them; what that changes is reported."""
    names: list[str] = []
    taken = {name for name in categories.names if name.split() == [name]}
    for name in categories.names:
        fit = name
        if name not in taken:
            fit = fitting("-".join(name.split()), NO_LINE, taken)
            taken.add(fit)
            ledger.add("DSK-L010", f"label name {name!r} becomes {fit!r}")
        names.append(fit)
    return names


def _headers(item: DatasetItem, ledger: Ledger) -> list[str]:
    facts = (item.extra or {}).get("dota")
    lines = []
    for key, value in facts.items() if isinstance(facts, dict) else ():
        line = f"{key}:{value}"
        if is_header(line) is None or len(line.splitlines()) > 1:
            what = f"dota field {key}"
            ledger.add_at("DSK-L011", what, item)
        else:
            lines.append(f"{line}\n")
    return lines


def _corners(a: Annotation, item: DatasetItem, ledger: Ledger) -> Sequence[float]:
    if isinstance(a, RotatedBbox):
        return rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
    if isinstance(a, Bbox):
        ledger.add_at("DSK-L003", "bbox→corners", item, a)
        return box_ring(a.x, a.y, a.w, a.h)
    assert isinstance(a, Polygon)
    rings = a.rings
    if len(rings) == 1 and len(rings[0]) == _QUAD:
        return rings[0]
    ledger.add_at("DSK-L003", "polygon→rectangle around it", item, a)
    points = [value for ring in rings for value in ring]
    x, y, w, h = bbox_of(a) or (0.0, 0.0, 0.0, 0.0)
    return rotated_box_corners(*min_area_rect(points)) if points else box_ring(x, y, w, h)


def _number(value: Any) -> int:
    if isinstance(value, str):
        word = value.strip().lower()
        if word.lstrip("+-").isdecimal():
            return int(word)
        return int(bool(truth_of(word)))
    return int(value) if isinstance(value, float) and value.is_integer() else int(bool(value))
