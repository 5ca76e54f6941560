"""Writing tables of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.flow import Exporter
from dsk_createml.detect import CSV_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.categories import Categories
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["ClassesExporter"]

_SPECIAL = frozenset(',"\r\n')


class ClassesExporter(Exporter):
    """Writes tables of classes; it has no options."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._names = _names(header.categories, ctx.ledger)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``."""
        rows: dict[str, list[str]] = {}
        count = len(self._names)
        for item in items:
            name = ctx.image_name(item)
            ctx.save_image(item, f"{item.subset}/{name}")
            own = rows.setdefault(item.subset, [])
            if name != name.strip() or "\n" in name or "\r" in name:
                what = "item whose name a table cannot hold"
                ctx.ledger.add_at("DSK-L008", what, item)
                if item.annotations:
                    what, n = "labels of such an item", len(item.annotations)
                    ctx.ledger.add("DSK-L018", what, kind="label", count=n, item=item.id)
                continue
            cells = ["0"] * count
            for a in item.annotations:
                if cells[a.label or 0] == "1":
                    what = "labels that an image has twice"
                    ctx.ledger.add("DSK-L014", what, kind="label", item=item.id, subset=item.subset)
                cells[a.label or 0] = "1"
            own.append(_line([_quoted(name), *cells]))
        for subset, lines in rows.items():
            with ctx.fragment(f"{subset}/{CSV_NAME}") as file:
                file.write("".join(lines).encode("utf-8", "surrogateescape"))
        return list(rows)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        head = _line(["filename", *map(_quoted, self._names)]).encode("utf-8", "surrogateescape")
        for subset in dict.fromkeys(name for state in states for name in state) or ["default"]:
            name = f"{subset}/{CSV_NAME}"
            ctx.out.join(name, ctx.out.fragments(name), head=head)


def _names(categories: Categories, ledger: Ledger) -> list[str]:
    """Return the labels as the first line can hold them; what that changes is reported."""
    names: list[str] = []
    for number, name in enumerate(categories.names):
        fit = " ".join(name.splitlines()).strip() or f"class-{number}"
        if fit in names:
            fit = f"{fit}_{number}"
        if fit != name:
            ledger.add("DSK-L010", f"label {name!r}, which becomes {fit!r}")
        names.append(fit)
    return names


def _line(cells: list[str]) -> str:
    """Return a line as Roboflow writes it: with a blank behind each comma."""
    return ", ".join(cells) + "\n"


def _quoted(text: str) -> str:
    """Return a cell, in quotes where it must be."""
    return '"' + text.replace('"', '""') + '"' if _SPECIAL & set(text) else text
