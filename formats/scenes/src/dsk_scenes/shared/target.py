"""The labels of an export: their names, colours and order, and how the source's labels fit them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dsk.errors import DskError, OptionError
from dsk.files import DirectoryRoot
from dsk.labelmaps import palette
from dsk.metafile import META_NAME, meta_text
from dsk.names import fit_labels
from dsk_scenes.shared.colors import (
    BLACK,
    COLORS_NAME,
    Entry,
    colors_text,
    parse_colors,
    read_colors,
    to_categories,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dsk.categories import Categories
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["BACKGROUND", "Target", "make_target", "write_labels"]

BACKGROUND = "background"

_NO_LINE = re.compile(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]|^\s|\s$|^$|\s(?=\s)")
"""What a line of ``label_colors.txt`` cannot hold in a name."""


class Target(Struct):
    """The labels of an export.

    Attributes:
        entries: All labels with their colours; the background comes first.
        index: New index by source label; None for labels that are not there.
        added: Whether the background was not among the labels and is not written.
        official: Whether the labels are the format's own.
    """

    entries: list[Entry]
    index: list[int | None]
    added: bool = False
    official: bool = False

    @property
    def written(self) -> list[Entry]:
        """The labels that the table names."""
        return self.entries[1:] if self.added else self.entries


def make_target(
    categories: Categories,
    label_map: str,
    own: Sequence[Entry],
    name: str,
    ledger: Ledger,
    *,
    unique: bool,
    lines: bool = True,
    telling: Collection[str] = (),
) -> Target:
    """Return the labels of an export.

    Args:
        categories: The source's.
        label_map: "source", the format's name, or the path of a table.
        own: The format's own labels.
        name: The format's name.
        ledger: For names, colours and places that change.
        unique: Colours must differ, because they are all that files hold.
        lines: Names must fit into lines.
        telling: Names that make labels the format's own if all are there and no other format's:
            "source" gives them the format's indices then.

    Raises:
        OptionError: There is no such table.
    """
    official = label_map.lower() == name
    renamed: dict[str, str] = {}
    if official:
        entries = list(own)
    elif label_map == "source":
        entries, renamed = _from_source(categories, ledger, lines=lines)
        if telling:
            whole = _completed(entries, own, telling, ledger)
            official, entries = whole is not None, whole or entries
    else:
        entries = _from_file(label_map, name)
    before = [entry.name for entry in entries]
    added = False
    if not official:
        entries, added = _with_background(entries)
        if not added and [e.name for e in entries] != before:
            ledger.add("DSK-L010", "order of labels: the background comes first")
        entries = _with_colors(entries, ledger, unique=unique)
    index = _indices(categories, entries, renamed, loosely=official)
    source = label_map == "source" and entries == list(own)
    return Target(entries, index, added, official or source)


def _indices(
    categories: Categories, entries: Sequence[Entry], renamed: Mapping[str, str], *, loosely: bool
) -> list[int | None]:
    """Return the place of each label among the entries, loosely: whatever the case and blanks."""
    by_name = {entry.name: n for n, entry in enumerate(entries)}
    squeezed = {_squeezed(entry.name): n for n, entry in enumerate(entries)} if loosely else {}
    index: list[int | None] = []
    for label in categories.labels:
        wanted = renamed.get(label.name, label.name)
        there = by_name.get(wanted)
        index.append(squeezed.get(_squeezed(wanted)) if there is None else there)
    return index


def _from_source(
    categories: Categories, ledger: Ledger, *, lines: bool
) -> tuple[list[Entry], dict[str, str]]:
    names = categories.names
    fitted = fit_labels(names, _NO_LINE, ledger) if lines else names
    entries: dict[str, Entry] = {}
    for number, name in enumerate(fitted):
        entries.setdefault(name, Entry(name, categories.colors.get(number)))
    return list(entries.values()), dict(zip(names, fitted, strict=True))


def _squeezed(name: str) -> str:
    return name.replace(" ", "").lower()


def _completed(
    entries: Sequence[Entry], own: Sequence[Entry], telling: Collection[str], ledger: Ledger
) -> list[Entry] | None:
    """Return a format's own labels, those of the source with its spelling and its colours.

    The first one stays black: readers know the background by it.

    Returns:
        None when a label is not the format's, or when one that is telling is missing: people and
        cars alone are in many datasets.
    """
    places = {_squeezed(entry.name): n for n, entry in enumerate(own)}
    given = {places.get(_squeezed(entry.name)): entry for entry in entries}
    few = any(places[_squeezed(name)] not in given for name in telling)
    if None in given or len(given) < len(entries) or few:
        return None
    whole = []
    for place, entry in enumerate(own):
        found = given.get(place, entry)
        color = found.color
        if place == 0 and color not in (None, entry.color):
            ledger.add("DSK-L010", f"colour of label {found.name!r}, which is black here")
            color = None
        whole.append(Entry(found.name, color or entry.color))
    return whole


def _from_file(path: str, name: str) -> list[Entry]:
    if not os.path.isfile(path):  # noqa: PTH113
        raise OptionError(
            f"label_map {path!r} is no file",
            hint=f"source, {name}, or a {COLORS_NAME} or {META_NAME} file",
        )
    folder, base = os.path.split(os.path.abspath(path))  # noqa: PTH100
    root = DirectoryRoot(folder)
    try:
        if base == META_NAME:
            entries = read_colors(root) or []
        else:
            entries = parse_colors(root.text(base), path)
    except DskError as error:
        raise OptionError(f"label_map: {error}") from error
    if not entries:
        raise OptionError(f"label_map {path!r} names no labels")
    return entries


def _with_background(entries: list[Entry]) -> tuple[list[Entry], bool]:
    """Put the background first, or add one: pixels that no mask covers are its."""
    found = next((e for e in entries if e.color == BLACK), None) or next(
        (e for e in entries if e.name.lower() == BACKGROUND), None
    )
    if found is None:
        return [Entry(BACKGROUND, BLACK), *entries], True
    return [found, *(e for e in entries if e is not found)], False


def _with_colors(entries: Sequence[Entry], ledger: Ledger, *, unique: bool) -> list[Entry]:
    """Give colours to labels that have none, and, where files hold colours only, other ones."""
    fresh = palette(2 * len(entries) + 256)
    if all(e.color is None for e in entries[1:]) and entries[0].color in (None, BLACK):
        return [replace(e, color=fresh[n]) for n, e in enumerate(entries)]
    used = {e.color for e in entries} | {BLACK}
    free = (color for color in fresh if color not in used)
    seen: set[tuple[int, int, int]] = set()
    done = []
    for number, entry in enumerate(entries):
        color = entry.color
        if number == 0 and color is None:
            color = BLACK
        if color is None or (unique and color in seen):
            if color is not None:
                ledger.add("DSK-L010", f"colour of label {entry.name!r}, which another one has")
            color = next(free)
        seen.add(color)
        done.append(replace(entry, color=color))
    return done


def write_labels(target: Target, ctx: WriteContext, *, meta: bool) -> None:
    """Write the table of labels: ``label_colors.txt`` or ``dataset_meta.json``."""
    if meta:
        more = {} if target.added else {"background_label": "0"}
        ctx.write(META_NAME, meta_text(to_categories(target.written), more))
    else:
        ctx.write(COLORS_NAME, colors_text(target.written))
