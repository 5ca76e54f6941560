"""Labels of Mapillary Vistas: from the configuration beside the data, or built in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError
from dsk.jsonerrors import UNDECODABLE
from dsk_scenes.shared.colors import Entry, read_colors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.categories import Color
    from dsk.files import InputRoot

__all__ = ["read_config", "read_table", "to_categories"]


class _Label(msgspec.Struct):
    name: str
    color: tuple[int, int, int]
    instances: Any = None


class _Config(msgspec.Struct):
    labels: list[_Label]


_decode = msgspec.json.Decoder(_Config).decode


def read_config(root: InputRoot, name: str) -> list[Entry]:
    """Read a ``config_v*.json``.

    Raises:
        InputError: It is damaged.
    """
    where = root.show(name)
    try:
        labels = _decode(root.text_bytes(name)).labels
    except UNDECODABLE as error:
        raise InputError(f"no configuration of Mapillary Vistas: {error}", where=where) from error
    for label in labels:
        if not 0 <= min(label.color) <= max(label.color) <= 255:
            raise InputError(f"{label.name!r} has no colour of 0 to 255", where=where)
    return [Entry(label.name, label.color) for label in labels]


def read_table(root: InputRoot, path: str) -> list[Entry] | None:
    """Read a table of labels of the user's own, in a folder or one above it."""
    while True:
        entries = read_colors(root, path)
        if entries is not None or not path:
            return entries
        path = path.rpartition("/")[0]


def to_categories(entries: Sequence[Entry], ids: Iterable[int | None] = ()) -> Categories:
    """Return categories: full names, with the first part of the name for a parent."""
    source = list(ids) or [None] * len(entries)
    colors: dict[int, Color] = {n: e.color for n, e in enumerate(entries) if e.color is not None}
    return Categories(
        labels=tuple(
            LabelCategory(e.name, e.name.split("--")[0] if "--" in e.name else "", (), number)
            for e, number in zip(entries, source, strict=True)
        ),
        colors=colors,
    )
