"""Reading WIDER FACE: for each image its path, a count, and a line for each face."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from dsk.annotations import Annotation, Bbox, Label
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk_faces.lines import split_lines, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "ATTRIBUTES",
    "FACE",
    "NO_LABEL",
    "ORDERS",
    "SPLIT",
    "WiderFaceImporter",
    "find_lists",
    "is_marked",
    "is_path",
]

SPLIT = "wider_face_split"
FACE = "face"
NO_LABEL = "no_label"
ATTRIBUTES = ("blur", "expression", "illumination", "invalid", "occluded", "pose")
"""The six columns after a box, as the official readme.txt orders them."""

ORDERS = {
    "official": ATTRIBUTES,
    "datumaro": ("blur", "expression", "illumination", "occluded", "pose", "invalid"),
}
"""Columns by order: Datumaro's (and torchvision's) differ from the official ones."""

_NAME = re.compile(r"wider_face_(.+)_(bbx_gt|filelist)\.txt", re.IGNORECASE)
_MISSING = "-"
_MARKS = frozenset({_MISSING, "True", "False"})
_BOX = 4
_ALL = _BOX + len(ATTRIBUTES)
_DEPTH = 3
_DIGITS = 9
"""How many digits a count of faces can have."""


def find_lists(root: InputRoot) -> dict[str, str]:
    """Return the lists of images by subset, boxes rather than file lists only."""
    lists = root.walk(depth=_DEPTH, suffixes=(".txt",), words=("wider_face_",))
    names = [root.focus] if root.focus else sorted(lists, key=_depth)
    found: dict[str, str] = {}
    home = None
    for name in names:
        folder, _, base = name.rpartition("/")
        match = _NAME.fullmatch(base)
        if match is None or (home is not None and folder != home):
            continue
        home = folder
        if match[1] not in found or match[2].lower() == "bbx_gt":
            found[match[1]] = name
    return found


def _depth(name: str) -> tuple[int, str]:
    return name.count("/"), name


def is_path(line: str) -> bool:
    """Tell whether a line is an image's path and not a count or a box."""
    if "." not in line or not is_image_name(line):
        return False
    fields = line.split()
    return len(fields) < _BOX or not all(map(_is_number, fields[:_BOX]))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_marked(fields: Sequence[str]) -> bool:
    """Tell whether a box has what only Datumaro writes: a label, a missing value, a truth value."""
    return len(fields) not in (_BOX, _ALL) or not _MARKS.isdisjoint(fields[_BOX:])


class WiderFaceImporter(Importer):
    """Reads ``wider_face_split/wider_face_<subset>_bbx_gt.txt``.

    Args:
        attribute_order: The columns' order: official, datumaro, or auto: that of Datumaro in files
            that have something only Datumaro writes.
    """

    def __init__(
        self, *, attribute_order: Literal["auto", "official", "datumaro"] = "auto"
    ) -> None:
        self._order = attribute_order

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            root = root.up()
        lists = find_lists(root)
        if not lists:
            raise InputError(
                "no WIDER FACE lists are here",
                where=root.show(root.focus or ""),
                hint=f"they are {SPLIT}/wider_face_<subset>_bbx_gt.txt",
            )
        source = WiderFaceSource(root, lists, self._order)
        source.check(ledger)
        return source


class _Entry(Struct, frozen=True):
    """One image: its subset, the number of its line from 0, and of the line after its last."""

    subset: str
    line: int
    end: int


class WiderFaceSource(Source):
    """Images and the lines that belong to them.

    Args:
        root: The dataset.
        lists: File by subset.
        order: See ``WiderFaceImporter``.
    """

    def __init__(self, root: InputRoot, lists: dict[str, str], order: str) -> None:
        self._root = root
        self._lists = lists
        self._lines = {subset: split_lines(root, name) for subset, name in lists.items()}
        self._entries: list[_Entry] = []
        self._orders: dict[str, tuple[str, ...]] = {}
        boxes = False
        for subset, lines in self._lines.items():
            paths = [n for n, line in enumerate(lines) if is_path(line.strip())]
            ends = [*paths, len(lines)][1:]
            self._entries += [_Entry(subset, *pair) for pair in zip(paths, ends, strict=False)]
            rows = (f for line in lines if len(f := line.split()) >= _BOX and _is_number(f[0]))
            first = next(rows, None)
            boxes = boxes or first is not None
            known = order
            if order == "auto":
                marked = first is not None and (is_marked(first) or any(map(is_marked, rows)))
                known = "datumaro" if marked else "official"
            self._orders[subset] = ORDERS[known]
        if not self._entries:
            raise InputError(
                "the lists name no images", where=root.show(next(iter(lists.values())))
            )
        folder = next(iter(lists.values())).rpartition("/")[0]
        home = folder.rpartition("/")[0]
        self._images = {subset: _images(root, home, subset) for subset in lists}
        self._clashes = self._find_clashes()
        self._twice = self._find_twice()
        categories = texts(root, home, "labels.txt") or self._events(boxes=boxes)
        self._index = {name: n for n, name in enumerate(categories.names)}
        self.header = Header(
            categories=categories,
            subsets=tuple(lists),
            items=None if self._twice else len(self._entries),
        )

    def check(self, ledger: Ledger) -> None:
        """Report what belongs to no image, and images whose event has no label."""
        first: dict[str, int] = {}
        for entry in self._entries:
            first.setdefault(entry.subset, entry.line)
        for subset, lines in self._lines.items():
            lost = next((n for n in range(first.get(subset, len(lines))) if lines[n].strip()), None)
            if lost is not None:
                where = f"{self._root.show(self._lists[subset])}:{lost + 1}"
                ledger.bad_record(RecordError("an image's path is expected", where=where))
        if self._clashes:
            ledger.warn(
                f"{self._root.path}: {len(self._clashes)} names of images are in several events, "
                f"e.g. {min(self._clashes)[1]!r}: the ids of these begin with their folders"
            )
        if self._index.keys() <= {FACE}:
            return  # events are no labels
        named = (_split(self._lines[entry.subset][entry.line])[0] for entry in self._entries)
        unknown = sorted({event for event in named if event} - self._index.keys())
        if unknown:
            ledger.warn(
                f"{self._root.path}: {len(unknown)} events are not among the labels, "
                f"e.g. {unknown[0]!r}: their images have no label"
            )

    def _events(self, *, boxes: bool) -> Categories:
        """Return the labels of a dataset that has no list of them: face and its events."""
        events: dict[str, None] = {}
        for subset in self._lists:
            folders = self._root.entries(self._images[subset])[0]
            events.update(dict.fromkeys(_event(f) for f in folders if f != NO_LABEL))
        events.update(dict.fromkeys(name for name in self._named() if name not in events))
        events.pop(FACE, None)
        return Categories.from_names([FACE, *events] if events or boxes else [])

    def _named(self) -> Iterator[str]:
        """Yield what boxes are called by words at the ends of their lines."""
        for lines in self._lines.values():
            for line in lines:
                fields = line.split()
                if len(fields) in (0, 1, _BOX, _ALL) or not all(map(_is_number, fields[:_BOX])):
                    continue
                given = fields[_BOX:_ALL]
                known = len(given) == len(ATTRIBUTES) and any(map(_is_value, given))
                name = " ".join(fields[_ALL if known else _BOX :])
                if any(map(str.isalpha, name)):
                    yield name

    def _find_clashes(self) -> set[tuple[str, str]]:
        """Return subset and name of images that several events have."""
        events: dict[tuple[str, str], str] = {}
        found = set()
        for entry in self._entries:
            path = self._lines[entry.subset][entry.line]
            key, event = (entry.subset, _split(path)[1]), _split(path)[0]
            if events.setdefault(key, event) != event:
                found.add(key)
        return found

    def _id(self, subset: str, path: str) -> str:
        """Return the id of an image: its path without the event's folder, if that tells it."""
        name = _split(path)[1]
        return stem_of(path.strip().replace("\\", "/")) if (subset, name) in self._clashes else name

    def _find_twice(self) -> set[tuple[str, int]]:
        seen: set[tuple[str, str]] = set()
        twice: set[tuple[str, int]] = set()
        for entry in self._entries:
            key = (entry.subset, self._id(entry.subset, self._lines[entry.subset][entry.line]))
            if key in seen:
                twice.add((entry.subset, entry.line))
            seen.add(key)
        return twice

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list of images."""
        return spans(len(self._entries), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        shown = {subset: self._root.show(name) for subset, name in self._lists.items()}
        locate = {
            subset: self._root.locator(folder, clean=True)
            for subset, folder in self._images.items()
        }
        for entry in self._entries[slice(*partition)]:
            show = shown[entry.subset]
            where = f"{show}:{entry.line + 1}"
            line = self._lines[entry.subset][entry.line]
            path = clean_name(line.strip(), where)
            event = _split(path)[0]
            item = clean_name(self._id(entry.subset, line), where)
            if (entry.subset, entry.line) in self._twice:
                message = f"the image {item} is listed before"
                ledger.bad_record(RecordError(message, where=where, item=item))
                continue
            annotations: list[Annotation] = []
            label = self._index.get(event) if event else None
            if label is not None:
                annotations.append(Label(label=label))
            annotations += self._boxes(entry, item, show, ledger)
            image = Image(path, locate[entry.subset](path))
            yield DatasetItem(item, entry.subset, image, annotations)

    def _boxes(self, entry: _Entry, item: str, show: str, ledger: Ledger) -> Iterator[Bbox]:
        lines = self._lines[entry.subset]
        rows = [n for n in range(entry.line + 1, entry.end) if lines[n].strip()]
        if not rows:
            return
        count = lines[rows[0]].strip()
        if not count.isdecimal() or len(count) > _DIGITS:
            message = "the number of faces is missing"
            where = f"{show}:{rows[0] + 1}"
            ledger.bad_record(RecordError(message, where=where, item=item))
            return
        rows = rows[1:]
        if not int(count) and len(rows) == 1 and not any(map(_nonzero, lines[rows[0]].split())):
            return
        if int(count) != len(rows):
            ledger.warn(f"{show}: the number of faces of some images is wrong; all lines are read")
        for n in rows:
            try:
                box = self._box(lines[n].split(), self._orders[entry.subset])
            except ValueError as error:
                where = f"{show}:{n + 1}"
                ledger.bad_record(RecordError(str(error), where=where, item=item))
                continue
            if box.w <= 0 or box.h <= 0:
                ledger.warn(f"{show}: some boxes have no area; they are kept")
            yield box

    def _box(self, fields: list[str], order: tuple[str, ...]) -> Bbox:
        """Return a box of fields x, y, w, h, six attributes maybe, a label maybe."""
        if len(fields) < _BOX:
            raise ValueError("a face is x, y, width, height and attributes")
        try:
            x, y, w, h = map(float, fields[:_BOX])
        except ValueError as error:
            raise ValueError(f"x, y, width, height are numbers: {error}") from error
        if not abs(x) + abs(y) + abs(w) + abs(h) < float("inf"):
            raise ValueError("x, y, width, height are finite numbers")
        given = fields[_BOX:_ALL]
        known = len(given) == len(ATTRIBUTES) and any(map(_is_value, given))
        if known and not all(map(_is_value, given)):  # a word among them, or a label of many words
            known = " ".join(fields[_BOX:]) not in self._index
        attributes: dict[str, Any] = {}
        if known:
            for name, text in zip(order, given, strict=True):
                if text != _MISSING:
                    attributes[name] = {"True": True, "False": False}.get(text, text)
        name = " ".join(fields[_ALL:] if known else fields[_BOX:]) or FACE
        label = self._index.get(name)
        if label is None and name != FACE:
            raise ValueError(f"the label {name!r} is not among the labels")
        return Bbox(x, y, w, h, label=label, attributes=attributes)


def _is_value(text: str) -> bool:
    return text in (_MISSING, "True", "False") or text.lstrip("-").isdecimal()


def _nonzero(text: str) -> bool:
    return text != "0"


def _images(root: InputRoot, home: str, subset: str) -> str:
    """Return the folder of a subset's images; each archive may have been unpacked in its own."""
    name = f"WIDER_{subset}"
    places = [
        posixpath.join(above, *own, "images")
        for above in dict.fromkeys((home, posixpath.dirname(home)))
        for own in ((name,), (name, name))
    ]
    return next((place for place in places if root.is_dir(place)), places[0])


def _event(folder: str) -> str:
    return folder.partition("--")[2] if "--" in folder else folder


def _split(path: str) -> tuple[str, str]:
    """Return the event of an image's path, "" if there is none, and the item's id."""
    folder, slash, rest = path.strip().replace("\\", "/").partition("/")
    if not slash:
        return "", stem_of(folder)
    return "" if folder == NO_LABEL else _event(folder), stem_of(rest)
