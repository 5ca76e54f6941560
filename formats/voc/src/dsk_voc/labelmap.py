"""Label maps: names, mask colours, parts and actions of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError
from dsk.labelmaps import palette
from dsk.metafile import META_NAME, meta_text, read_meta
from dsk_voc.tasks import BUILTIN, LABEL_MAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.categories import Color
    from dsk.files import InputRoot

__all__ = [
    "VOID",
    "VOID_COLOR",
    "Entry",
    "default_map",
    "label_map_text",
    "meta_bytes",
    "parse_label_map",
    "read_label_map",
    "to_categories",
]

VOID = "ignored"
"""The label of pixels that belong to no class (value 255)."""

VOID_COLOR = (224, 224, 192)

HEADER = "# label:color_rgb:parts:actions\n"

_NAMES = (
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
_PARTS = ("head", "hand", "foot")
_ACTIONS = (
    "other",
    "jumping",
    "phoning",
    "playinginstrument",
    "reading",
    "ridingbike",
    "ridinghorse",
    "running",
    "takingphoto",
    "usingcomputer",
    "walking",
)


class Entry(Struct, frozen=True):
    """One label of a label map.

    Attributes:
        name: Its name.
        color: Red, green, blue of its masks, or None.
        parts: Names of the parts its objects may have.
        actions: Names of the actions its objects may do.
    """

    name: str
    color: Color | None = None
    parts: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


def default_map() -> list[Entry]:
    """Return the 22 labels of VOC 2007–2012 with the parts and actions of persons."""
    entries = [Entry(n, c) for n, c in zip(_NAMES, palette(len(_NAMES)), strict=True)]
    person = _NAMES.index("person")
    entries[person] = Entry("person", entries[person].color, _PARTS, _ACTIONS)
    return [*entries, Entry(VOID, VOID_COLOR)]


def parse_label_map(text: str, where: str) -> list[Entry]:
    """Parse a ``labelmap.txt``: lines ``name:r,g,b:parts:actions``.

    Raises:
        InputError: A line has another number of fields, a bad colour or a name that was there.
    """
    entries: dict[str, Entry] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        place = f"{where}:{number}"
        fields = line.split(":")
        if len(fields) != 4:
            raise InputError(
                f"a label has 4 fields separated by ':', this line has {len(fields)}",
                where=place,
                hint="write name:r,g,b:parts:actions",
            )
        name, color, parts, actions = fields
        if name in entries:
            raise InputError(f"the label {name!r} is defined twice", where=place)
        entries[name] = Entry(name, _color(color, place), _names(parts), _names(actions))
    return list(entries.values())


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _color(text: str, where: str) -> Color | None:
    if not text.strip():
        return None
    try:
        red, green, blue = (int(c) for c in text.split(","))
    except ValueError:
        red = green = blue = -1
    if not 0 <= min(red, green, blue) <= max(red, green, blue) <= 255:
        raise InputError(f"{text!r} is no colour r,g,b of numbers from 0 to 255", where=where)
    return red, green, blue


def read_label_map(root: InputRoot, home: str) -> list[Entry] | None:
    """Read the label map of a dataset; None when it has none.

    ``dataset_meta.json`` goes before ``labelmap.txt``, as in Datumaro, and that before the list of
    names that labelme writes.

    Raises:
        InputError: It is damaged.
    """
    prefix = f"{home}/" if home else ""
    found = read_meta(root, home)
    if found is not None:
        return _from_meta(*found, root.show(prefix + META_NAME))
    for name in (prefix + LABEL_MAP, f"{prefix}label_map.txt"):
        if root.is_file(name):
            return parse_label_map(root.text(name), root.show(name))
    name = f"{prefix}class_names.txt"  # labelme's: names in the order of the masks' values
    if root.is_file(name):
        names = list(filter(None, map(str.strip, root.text(name).split("\n"))))
        return list(map(Entry, dict.fromkeys(names), palette(len(names))))
    return None


def _from_meta(categories: Categories, meta: dict[str, Any], where: str) -> list[Entry]:
    parts, actions = meta.get("parts") or {}, meta.get("actions") or {}
    if not isinstance(parts, dict) or not isinstance(actions, dict):
        raise InputError("'parts' and 'actions' are objects by label number", where=where)

    def names(table: dict[str, Any], number: int) -> tuple[str, ...]:
        values = table.get(str(number)) or ()
        if not isinstance(values, list | tuple):
            raise InputError("parts and actions are lists of names", where=where)
        return tuple(str(value) for value in values)

    entries: dict[str, Entry] = {}
    for number, label in enumerate(categories.labels):
        entry = Entry(
            label.name,
            categories.colors.get(number),
            names(parts, number),
            names(actions, number),
        )
        entries.setdefault(label.name, entry)
    return list(entries.values())


def to_categories(entries: Sequence[Entry], *, parts: bool = True) -> Categories:
    """Return the categories of a label map.

    Parts become labels of their own behind all others; actions become attributes of their label.
    Without any colour in the map, labels get the colours of the development kit.

    Args:
        entries: The label map.
        parts: Whether parts become labels.
    """
    labels = [LabelCategory(e.name, "", e.actions, None, _extra(e)) for e in entries]
    known = {entry.name for entry in entries}
    if parts:
        more = sorted({part for entry in entries for part in entry.parts} - known)
        labels += [LabelCategory(part) for part in more]
    colors = {n: e.color for n, e in enumerate(entries) if e.color is not None}
    if not colors:
        colors = dict(enumerate(palette(len(entries))))
    return Categories(labels=tuple(labels), attributes=BUILTIN, colors=colors)


def _extra(entry: Entry) -> dict[str, Any] | None:
    """Keep what tells parts and actions from other labels and attributes, for writing VOC again."""
    if not entry.parts and not entry.actions:
        return None
    return {"voc": {"parts": list(entry.parts), "actions": list(entry.actions)}}


def label_map_text(entries: Iterable[Entry]) -> bytes:
    """Return the content of a ``labelmap.txt``."""
    lines = [HEADER]
    for e in entries:
        color = ",".join(map(str, e.color)) if e.color is not None else ""
        lines.append(f"{e.name}:{color}:{','.join(e.parts)}:{','.join(e.actions)}\n")
    return "".join(lines).encode()


def meta_bytes(entries: Sequence[Entry]) -> bytes:
    """Return the content of a ``dataset_meta.json`` with VOC's own keys."""
    categories = Categories.from_names(entry.name for entry in entries)
    colors = {n: e.color for n, e in enumerate(entries) if e.color is not None}
    more = {
        "background_label": "0",
        "parts": {str(n): list(e.parts) for n, e in enumerate(entries)},
        "actions": {str(n): list(e.actions) for n, e in enumerate(entries)},
    }
    return meta_text(Categories(labels=categories.labels, colors=colors), more)
