"""Writing labels: their names, which must be unique, and the tree of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.errors import OutputError
from dsk_openimages.labels import FAMILY

if TYPE_CHECKING:
    from dsk.categories import Categories
    from dsk.loss import Ledger

__all__ = ["label_names", "tree"]

_DEPTH = 90
"""Deeper trees are cut: readers nest as deep as the tree."""


def label_names(categories: Categories, ledger: Ledger) -> list[str]:
    """Return the LabelName of each label: that of the source, else its name.

    Raises:
        OutputError: A label has no name.
    """
    names: list[str] = []
    used: set[str] = set()
    for label in categories.labels:
        stated = ((label.extra or {}).get(FAMILY) or {}).get("label_name")
        name = (stated if isinstance(stated, str) else "") or label.name
        if not name:
            raise OutputError("a label has no name", hint="-t remap_labels gives it one")
        unique = name if name not in used or not label.parent else f"{label.parent}/{name}"
        number = 2
        while unique in used:
            unique, number = f"{name}_{number}", number + 1
        if unique != name:
            ledger.add("DSK-L010", "label names changed: two labels had the same")
        used.add(unique)
        names.append(unique)
    return names


def tree(names: list[str], categories: Categories, ledger: Ledger) -> dict[str, Any]:
    """Return the class hierarchy; only labels that have children or a parent are in it.

    Args:
        names: LabelNames by label.
        categories: The labels and their parents.
        ledger: Where parents go that cannot be kept.
    """
    by_label: dict[str, str] = {}
    for name, label in zip(names, categories.labels, strict=True):
        by_label.setdefault(label.name, name)
    children: dict[str, list[str]] = {}
    has_parent = set()
    for name, label in zip(names, categories.labels, strict=True):
        if label.parent:
            children.setdefault(by_label.get(label.parent, label.parent), []).append(name)
            has_parent.add(name)
    root = next(f"/m/{n}" for n in range(len(names) + len(children) + 1)
                if f"/m/{n}" not in by_label.values() and f"/m/{n}" not in children)  # fmt: skip
    top: dict[str, Any] = {"LabelName": root}
    seen: set[str] = set()
    tops = [name for name in children if name not in has_parent]
    _grow(top, tops, children, seen)
    lost = [name for name in children if name not in seen]  # circles, and what is too deep
    if lost:
        ledger.add("DSK-L010", "label parent: a circle, or nested too deep", count=len(lost))
    return top


def _grow(
    top: dict[str, Any], tops: list[str], children: dict[str, list[str]], seen: set[str]
) -> None:
    stack = [(top, tops, 1)]
    while stack:
        node, names, depth = stack.pop()
        nodes = []
        for name in names:
            child: dict[str, Any] = {"LabelName": name}
            nodes.append(child)
            if name in children and name not in seen and depth < _DEPTH:
                seen.add(name)
                stack.append((child, children[name], depth + 1))
        if nodes:
            node["Subcategory"] = nodes
