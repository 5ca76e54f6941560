"""Lists of labels, one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsk.categories import Categories
    from dsk.loss import Ledger

__all__ = ["line_names"]


def line_names(categories: Categories, ledger: Ledger) -> list[str]:
    """Return the labels as a list of lines can hold them; what that changes is reported."""
    names: list[str] = []
    for number, name in enumerate(categories.names, 1):
        fit = " ".join(name.split()) if name != name.strip() or len(name.splitlines()) > 1 else name
        fit = fit or f"class_{number}"
        if fit in names:
            fit = f"{fit}_{number}"
        if fit != name:
            ledger.add("DSK-L010", f"label {name!r}, which becomes {fit!r}")
        names.append(fit)
    return names
