"""Class names (MIDs such as ``/m/01g317``), what they are called, and their hierarchy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError
from dsk_openimages.csvindex import CsvFile, parse_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dsk.files import InputRoot
    from dsk_openimages.layout import Layout, Table

__all__ = [
    "CLASS_NAME",
    "FAMILY",
    "LABEL_NAME",
    "ClassNames",
    "class_names",
    "read_classes",
    "used_names",
]

FAMILY = "open_images"
LABEL_NAME, CLASS_NAME = "LabelName", "ClassName"
_MAX_DEPTH = 100


class ClassNames:
    """The labels of a dataset.

    Attributes:
        categories: The labels.
        index: Their indices by LabelName.
    """

    def __init__(self, names: dict[str, str], parents: dict[str, str], *, display: bool) -> None:
        shown = _shown(names) if display else {name: name for name in names}
        labels = []
        for name, called in names.items():
            parent = parents.get(name, "")
            extra = {"display_name": called} if called not in (shown[name], "") else {}
            if shown[name] != name:
                extra["label_name"] = name
            labels.append(
                LabelCategory(
                    shown[name], shown.get(parent, parent), extra={FAMILY: extra} if extra else None
                )
            )
        self.categories = Categories(labels=tuple(labels))
        self.index = {name: number for number, name in enumerate(names)}


def _shown(names: dict[str, str]) -> dict[str, str]:
    """Return the display names; one that several classes share gets the LabelName behind it."""
    counts: dict[str, int] = {}
    for called in names.values():
        counts[called] = counts.get(called, 0) + 1
    return {
        name: name if not called else called if counts[called] == 1 else f"{called} ({name})"
        for name, called in names.items()
    }


def read_classes(root: InputRoot, layout: Layout) -> tuple[dict[str, str], dict[str, str]]:
    """Return display names and parents, both by LabelName.

    The most complete file of class names comes first; others add what it does not have. The
    root of the hierarchy is no parent.

    Raises:
        InputError: A file is damaged.
    """
    names: dict[str, str] = {}
    for file in layout.classes:
        for row in _class_rows(root, file):
            names.setdefault(row[0], row[1])
    parents = _read_hierarchy(root, layout.hierarchy, names) if layout.hierarchy else {}
    return names, parents


def _class_rows(root: InputRoot, file: str) -> Iterable[tuple[str, str]]:
    text = root.text(file).encode()
    rows = parse_rows(text)
    where = root.show(file)
    if rows is None:
        raise InputError("no valid CSV", where=where)
    if rows and rows[0][:2] == ["LabelName", "DisplayName"]:
        rows = rows[1:]
    for number, row in enumerate(rows, 1):
        name = row[0]
        if not any(row):
            continue
        if not name:
            raise InputError(f"class {number} has no name", where=where)
        yield name, row[1] if len(row) > 1 else name


def _read_hierarchy(root: InputRoot, file: str, classes: Mapping[str, str]) -> dict[str, str]:
    """Return parents by LabelName; FiftyOne's copy of the file has display names."""
    by_shown = {shown: name for name, shown in classes.items()}
    where = root.show(file)
    try:
        tree = json.loads(root.text(file))
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", where=where) from error
    parents: dict[str, str] = {}
    stack: list[tuple[Any, str, int]] = [(tree, "", 0)]
    while stack:
        node, parent, depth = stack.pop()
        if not isinstance(node, dict) or depth > _MAX_DEPTH:
            raise InputError(
                'a class is {"LabelName": …, "Subcategory": […]}, nested at most 100 times',
                where=where,
            )
        name = node.get("LabelName")
        if not isinstance(name, str):
            raise InputError("a class without LabelName", where=where)
        if name not in classes:
            name = by_shown.get(name, name)
        if depth > 1 or (parent and parent in classes):
            parents[name] = parent
        children = node.get("Subcategory") or []
        if not isinstance(children, list):
            raise InputError("Subcategory is a list of classes", where=where)
        # The stack turns the order round: a class in several places keeps the last one.
        stack += [(child, name, depth + 1) for child in reversed(children)]
    return parents


def class_names(root: InputRoot, tables: Iterable[Table]) -> tuple[dict[str, str], str]:
    """Return what tables call classes themselves, and the column that tells classes apart.

    Tools that write a table of the images they downloaded add ``ClassName``, and training code
    reads that alone. It is the name of a LabelName, but where one LabelName has several of them,
    as in tables that people made of their own images, the ClassNames are the classes.

    Returns:
        Names of classes, empty if there is no such column; and ``LabelName`` or ``ClassName``, or
        "" if there is no such column.
    """
    pairs: dict[tuple[str, str], None] = {}
    for table in tables:
        file = CsvFile(root.buffer(table.name), root.show(table.name))
        own, called = file.column(LABEL_NAME), file.column(CLASS_NAME)
        if own is None or called is None:
            continue
        for text in file.windows():
            rows = parse_rows(text) or []  # what is wrong with them is said when they are read
            found = (row for row in rows if max(own, called) < len(row))
            pairs.update(dict.fromkeys((row[own], row[called]) for row in found if row[called]))
    names = {name: called for name, called in pairs if name}
    if len(names) == len(pairs):
        return names, LABEL_NAME if names else ""
    return {called: called for _, called in pairs}, CLASS_NAME


def used_names(root: InputRoot, tables: Iterable[Table], name: str) -> list[str]:
    """Return the names of classes that occur in tables, in the order of their first occurrence.

    Args:
        root: The input.
        tables: Some tables.
        name: The column that tells classes apart; see ``class_names``.
    """
    names: dict[str, None] = {}
    for table in tables:
        file = CsvFile(root.buffer(table.name), root.show(table.name))
        file.rename(name, LABEL_NAME)
        file.require(LABEL_NAME)
        column = file.column(LABEL_NAME)
        assert column is not None
        for text in file.windows():
            rows = parse_rows(text) or []  # what is wrong with them is said when they are read
            names.update(dict.fromkeys(row[column] for row in rows if column < len(row)))
    names.pop("", None)
    return list(names)
