"""Writing WIDER FACE."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from dsk.annotations import Bbox, Label
from dsk.flow import Exporter
from dsk.media import Image, is_decoded, is_image_name
from dsk.metafile import META_NAME, meta_text
from dsk_faces.shared import fit_categories
from dsk_faces.wider import ATTRIBUTES, FACE, NO_LABEL, ORDERS, SPLIT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.annotations import Annotation
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["WiderFaceExporter"]

_NO_WORDS = re.compile(r"[^\S ]|\0| (?= )|^ | $|^$")
_TEST, _FILES = "test", "filelist"
"""The subset of which the official list is one of files, and that sort of list."""

_Row = tuple[str, tuple[str, ...], str]
_MISSING = ("-",) * len(ATTRIBUTES)
_MARKS = frozenset({"-", "True", "False"})  # see is_marked
_PLACES = {order: list(map(ATTRIBUTES.index, names)) for order, names in ORDERS.items()}
_NONE = "0\n0 0 0 0 0 0 0 0 0 0\n"  # the official way to say that there is no face


class WiderFaceExporter(Exporter):
    """Writes ``wider_face_split``, images and ``labels.txt``.

    Readers of the official files (torchvision) want a list of files for the subset ``test``, which
    has no faces there: it has one beside its table.

    Args:
        attribute_order: The columns' order: official, datumaro, or auto: that of Datumaro for
            subsets with something that only Datumaro has (labels other than face, missing values).
        save_dataset_meta: Write dataset_meta.json, too.
    """

    def __init__(
        self,
        *,
        attribute_order: Literal["auto", "official", "datumaro"] = "auto",
        save_dataset_meta: bool = False,
    ) -> None:
        self._order = attribute_order
        self._orders = tuple(ORDERS) if attribute_order == "auto" else (attribute_order,)
        self._save_meta = save_dataset_meta
        self._labels: list[str] = []

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        categories = fit_categories(header.categories, _NO_WORDS, ctx.ledger)
        self._labels = categories.names
        ctx.write("labels.txt", "".join(f"{name}\n" for name in self._labels).encode())
        if self._save_meta:
            ctx.write(META_NAME, meta_text(categories))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, bool]:
        """See ``Exporter.write``; the state says which subsets need Datumaro's order."""
        marked: dict[str, bool] = {}
        found: dict[str, dict[str, list[str]]] = {}
        files: list[str] = []
        for item in items:
            name = _image_name(item, ctx)
            path = f"{self._folder(item, ctx)}/{name}"
            if "\n" in path or "\r" in path or path != path.rstrip():
                _leave_out(item, ctx, "line breaks in an id")
                continue
            if not is_image_name(name):
                _leave_out(item, ctx, "an id that is no image's name")
                continue
            rows = [self._row(a, item, ctx) for a in item.annotations if type(a) is Bbox]
            if all(row[1] == _MISSING for row in rows):
                # no attributes: say nothing of them, unless the label needs it
                rows = [(box, () if " " not in name else six, name) for box, six, name in rows]
            needed = any(name or not _MARKS.isdisjoint(six) for _, six, name in rows)
            marked[item.subset] = marked.get(item.subset, False) or needed
            blocks = found.get(item.subset)
            if blocks is None:
                blocks = found[item.subset] = {order: [] for order in self._orders}
            lines = ""
            for order, parts in blocks.items():
                if not lines or any(six for _, six, _ in rows):
                    lines = f"{len(rows)}\n{_lines(rows, _PLACES[order])}" if rows else _NONE
                parts.append(f"{path}\n{lines}")
            if item.subset == _TEST:
                files.append(f"{path}\n")
            _save(item, f"WIDER_{item.subset}/images/{path}", ctx)
        for subset, blocks in found.items():
            for order, parts in blocks.items():
                with ctx.fragment(f"{order}/{subset}") as file:
                    file.write("".join(parts).encode())
        if files:
            with ctx.fragment(f"{_FILES}/{_TEST}") as file:
                file.write("".join(files).encode())
        return marked

    def finish(self, states: list[dict[str, bool]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        marked: dict[str, bool] = {}
        for state in states:
            for subset, needed in state.items():
                marked[subset] = marked.get(subset, False) or needed
        subsets = dict.fromkeys(name.partition("/")[2] for name in ctx.out.fragment_names())
        for subset in subsets:
            order = self._order
            if order == "auto":
                order = "datumaro" if marked.get(subset) else "official"
            name = f"{SPLIT}/wider_face_{subset}_bbx_gt.txt"
            ctx.out.join(name, ctx.out.fragments(f"{order}/{subset}"))
        if _TEST in subsets:
            name = f"{SPLIT}/wider_face_{_TEST}_{_FILES}.txt"
            ctx.out.join(name, ctx.out.fragments(f"{_FILES}/{_TEST}"))

    def _folder(self, item: DatasetItem, ctx: WriteContext) -> str:
        """Return the folder of an item's first label: its event."""
        folder = NO_LABEL
        for a in item.annotations:
            if type(a) is not Label:
                continue
            name = self._labels[a.label or 0]
            if folder != NO_LABEL:
                _drop(a, item, ctx, "further labels of an image")
            elif "/" in name or "\\" in name or name == FACE:
                _drop(a, item, ctx, f"the label {name!r} names no event's folder")
            else:
                folder = f"{a.label}--{name}"
        return folder

    def _row(self, a: Bbox, item: DatasetItem, ctx: WriteContext) -> _Row:
        """Return a box's line: its numbers, its six attributes, its label unless that is face."""
        given = a.attributes
        six = tuple([_value(given.get(name)) for name in ATTRIBUTES]) if given else _MISSING
        if given and "-" in six:
            for name, text in zip(ATTRIBUTES, six, strict=True):
                if text == "-" and given.get(name) is not None:
                    what = f"{name}: a whole number or a truth value is held"
                    ctx.ledger.add("DSK-L004", what, kind=a.kind, item=item.id, subset=item.subset)
        name = self._labels[a.label or 0]
        box = f"{a.x} {a.y} {a.w} {a.h} ".replace(".0 ", " ")  # whole numbers as such
        return box[:-1], six, "" if name == FACE else name


def _lines(rows: list[_Row], places: list[int]) -> str:
    """Return the lines of an image's boxes, attributes in the order of the places."""
    lines = []
    for box, six, name in rows:
        words = [box, *[six[n] for n in places]] if six else [box]
        if name:
            words.append(name)
        lines.append(" ".join(words))
    return "\n".join([*lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    text = str(value)
    return text if text.lstrip("-").isdecimal() or text in ("True", "False") else "-"


def _drop(a: Annotation, item: DatasetItem, ctx: WriteContext, what: str) -> None:
    ctx.ledger.add_at("DSK-L017", what, item, a)


def _image_name(item: DatasetItem, ctx: WriteContext) -> str:
    """Return the name of an item's image, with an ending that tells readers that it is one."""
    name = ctx.image_name(item)
    return name if is_image_name(name) else f"{item.id}.jpg"


def _save(item: DatasetItem, name: str, ctx: WriteContext) -> None:
    media = item.media
    if not isinstance(media, Image):
        return
    ext = media.ext
    if ctx.media.image_ext or is_decoded(media.source) or not ext or is_image_name(f"x{ext}"):
        ctx.save_image(item, name)
        return
    what = f"the ending {ext} of an image, of which readers know nothing"
    ctx.ledger.add_at("DSK-L016", what, item)
    if ctx.save_media:
        ctx.save_file(item, media, name)


def _leave_out(item: DatasetItem, ctx: WriteContext, what: str) -> None:
    ctx.ledger.add_at("DSK-L008", what, item)
    for a in item.annotations:
        _drop(a, item, ctx, what)
