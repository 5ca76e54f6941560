"""The labels of a folder of masks: a table beside them, or the palette of the masks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.categories import Categories, LabelCategory
from dsk.errors import DskError, InputError, OptionError
from dsk.files import DirectoryRoot
from dsk.media import Image
from dsk.metafile import META_NAME, read_meta
from dsk_scenes.shared.colors import (
    COLORS_NAME,
    Entry,
    parse_class_csv,
    parse_colors,
    to_categories,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.files import InputRoot

__all__ = ["Classes", "find_table", "given_table", "palette_classes", "read_table"]

_OBJECT_INFO = "objectinfo150.txt"
"""The table of ADE20K's scene parsing benchmark: Idx, Ratio, Train, Val, Stuff, Name."""

_NAMES = ("codes.txt", "classes.txt", "labels.txt", "class_names.txt", _OBJECT_INFO)
_LOOKS = 20
"""Tables that are looked into: a folder of very many has one for each image."""


class Classes(Struct, frozen=True):
    """What masks show.

    Attributes:
        categories: The labels.
        values: The label of each value of grey masks; None: the value is the label.
        plain: Whether they are the names of two labels, without colours or values.
    """

    categories: Categories
    values: dict[int, int] | None = None
    plain: bool = False


def find_table(root: InputRoot, paths: Iterable[str]) -> str | None:
    """Return the first table of labels in some folders."""
    for path in dict.fromkeys(paths):
        prefix = f"{path}/" if path else ""
        files = {name.lower(): name for name in root.entries(path)[1]}
        for name in (META_NAME, COLORS_NAME, *_NAMES):
            if name in files:
                return prefix + files[name]
        for name in root.listing(path).pick((".csv",))[:_LOOKS]:
            if _is_csv(root, prefix + name):
                return prefix + name
    return None


def _is_csv(root: InputRoot, name: str) -> bool:
    head = root.text_bytes(name, 4096).decode(errors="replace").split("\n")[0]
    return parse_class_csv(head, name) is not None


def read_table(root: InputRoot, name: str) -> Classes:
    """Read a table of labels.

    Raises:
        InputError: It is damaged.
    """
    folder, _, base = name.rpartition("/")
    if base == META_NAME:
        found = read_meta(root, folder)
        if found is None:  # a link to nowhere
            raise InputError("there is no such file", where=root.show(name))
        return _from_meta(*found)
    where = root.show(name)
    if base.lower().endswith((".csv", _OBJECT_INFO)):
        rows = parse_class_csv(root.text(name), where)
        if not rows:
            raise InputError(
                "the class table has no columns name, r, g, b or name, value", where=where
            )
        return _from_rows(rows)
    entries = parse_colors(root.text(name), where)
    if not entries:
        raise InputError("the table names no labels", where=where)
    plain = len(entries) == 2 and all(entry.color is None for entry in entries)
    return Classes(to_categories(entries), plain=plain)


def _from_meta(categories: Categories, meta: dict[str, object]) -> Classes:
    numbered = meta.get("label_map")
    values = None
    if isinstance(numbered, dict):
        numbers = sorted(int(key) for key in numbered)
        values = {number: label for label, number in enumerate(numbers)}
    if not categories.colors:
        categories = to_categories([Entry(name) for name in categories.names])
    return Classes(categories, values)


def _from_rows(rows: Sequence[tuple[int | None, Entry]]) -> Classes:
    entries: dict[str, int] = {}
    kept: list[Entry] = []
    values: dict[int, int] = {}
    for value, entry in rows:
        if entry.name not in entries:
            entries[entry.name] = len(kept)
            kept.append(entry)
        if value is not None:
            values[value] = entries[entry.name]
    return Classes(to_categories(kept), values or None)


def given_table(path: str) -> Classes:
    """Read the table that the user gives.

    Raises:
        OptionError: It is none.
    """
    if not os.path.isfile(path):  # noqa: PTH113
        raise OptionError(f"classes: {path!r} is no file")
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    try:
        return read_table(DirectoryRoot(folder), name)
    except DskError as error:
        raise OptionError(f"classes: {error}") from error


def palette_classes(root: InputRoot, name: str) -> Classes | None:
    """Return labels named by number from the palette of a mask, or None if it has none."""
    from dsk.pixels import decode_labels  # it brings numpy and Pillow, which no detector needs

    try:
        _, colors = decode_labels(Image(name, root.locate(name)))
    except InputError:
        return None
    if colors is None:
        return None
    table = {n: (int(r), int(g), int(b)) for n, (r, g, b) in enumerate(colors)}
    labels = tuple(LabelCategory(f"class-{n}") for n in range(len(colors)))
    return Classes(Categories(labels=labels, colors=table), {n: n for n in table})
