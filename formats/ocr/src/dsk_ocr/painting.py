"""Writing ICDAR's text segmentation."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk import masks
from dsk.annotations import Mask
from dsk.flow import Exporter
from dsk.labelmaps import palette_color
from dsk.overlay import Overlay
from dsk.painting import drawable, report_covered
from dsk.pixels import encode
from dsk_ocr.exporter import EXT, lose_labels, make_folders, text_of
from dsk_ocr.homes import IMAGES
from dsk_ocr.segmentation import ENDING, WHITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["SegmentationExporter"]

_COLOR = re.compile(r"(\d{1,3})[ ,]+(\d{1,3})[ ,]+(\d{1,3})")
_CENTER = re.compile(r"\S+ \S+")
_UNKNOWN = "- -"
_BOX = 4


class _Char(Struct):
    """A character on its way into the files."""

    mask: Mask
    counts: NDArray[np.int64]
    size: tuple[int, int]
    place: int
    color: int = 0


class SegmentationExporter(Exporter):
    """Writes text segmentation datasets; it has no options."""

    heavy = True

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        lose_labels(header, ctx.ledger)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``."""
        subsets: dict[str, None] = {}
        for item in items:
            subsets[item.subset] = None
            ctx.save_image(item, f"{item.subset}/{IMAGES}/{ctx.image_name(item, EXT)}")
            text, picture = _files(item, ctx.ledger)
            name = f"{item.subset}/{item.id}{ENDING}"
            ctx.write(f"{name}.txt", text.encode("utf-8", "surrogateescape"))
            if picture:
                ctx.write(f"{name}.bmp", picture)
        return list(subsets)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        make_folders(states, ctx)


def _files(item: DatasetItem, ledger: Ledger) -> tuple[str, bytes]:
    """Return an item's text and picture; both are empty without characters."""
    chars = list(_characters(item, ledger))
    if not chars:
        return "", b""
    _color(chars, item, ledger)
    words = _words(chars)
    chars = [char for word in words for char in word]
    stacked = sorted(chars, key=lambda char: (char.mask.z_order, char.place))
    overlay = Overlay([char.counts for char in stacked], chars[0].size)
    seen = dict(zip(map(id, stacked), overlay.seen().tolist(), strict=True))
    lines = []
    index = 0
    for word in words:
        for char in word:
            report_covered(char.mask, char.counts, seen[id(char)], item, ledger)
            if not seen[id(char)]:
                continue
            if char.mask.attributes.get("index", index) != index:
                ledger.add_at("DSK-L004", "value of index", item, char.mask)
            lines.append(_line(char, item, ledger))
            index += 1
        lines.append("\n")
    colors = [WHITE, *(char.color for char in stacked)]
    table = np.array([(c >> 16, c >> 8 & 255, c & 255) for c in colors], np.uint8)
    return "".join(lines[:-1]), encode(overlay.drawn(table), ".bmp")


def _characters(item: DatasetItem, ledger: Ledger) -> Iterator[_Char]:
    """Yield the masks that can be painted, in the order of their index."""
    size: tuple[int, int] | None = None
    found = [(n, a) for n, a in enumerate(item.annotations) if isinstance(a, Mask)]
    for place, mask in sorted(found, key=lambda pair: _index(pair[1])):
        try:
            counts, size = drawable(mask, size)
        except ValueError as error:
            ledger.add_at("DSK-L018", str(error), item, mask)
            continue
        yield _Char(mask, counts, size, place)


def _index(mask: Mask) -> int:
    value = mask.attributes.get("index", 0)
    return value if isinstance(value, int) else 0


def _words(chars: list[_Char]) -> list[list[_Char]]:
    """Return characters by word, words in the order of their first character."""
    words: dict[int, list[_Char]] = {}
    for number, char in enumerate(chars):
        words.setdefault(char.mask.group or -1 - number, []).append(char)
    return list(words.values())


def _color(chars: list[_Char], item: DatasetItem, ledger: Ledger) -> None:
    """Give every character a colour of its own: the one it has, if no other has it."""
    used = {WHITE}
    without = []
    for char in chars:
        stated = char.mask.attributes.get("color")
        match = _COLOR.fullmatch(stated) if isinstance(stated, str) else None
        values = [int(value) for value in match.groups()] if match is not None else []
        color = values[0] << 16 | values[1] << 8 | values[2] if values else WHITE
        if color not in used and max(values) < 256:
            used.add(color)
            char.color = color
            continue
        if stated is not None:
            ledger.add_at("DSK-L004", "value of color", item, char.mask)
        without.append(char)
    spread = (red << 16 | green << 8 | blue for red, green, blue in map(palette_color, count(1)))
    fresh = (color for color in spread if color not in used)
    for char in without:
        char.color = next(fresh)


def _line(char: _Char, item: DatasetItem, ledger: Ledger) -> str:
    mask = char.mask
    text = text_of(mask, item, ledger)
    center = mask.attributes.get("center", _UNKNOWN)
    if not isinstance(center, str) or _CENTER.fullmatch(center) is None:
        ledger.add_at("DSK-L004", "value of center", item, mask)
        center = _UNKNOWN
    stated = ((mask.extra or {}).get("icdar") or {}).get("box")
    if not isinstance(stated, list | tuple) or len(stated) != _BOX:
        x, y, w, h = masks.bbox(char.counts, char.size[0])
        stated = (x, y, x + w, y + h)
    box = " ".join("".join(str(value).split()) or "0" for value in stated)
    color = f"{char.color >> 16} {char.color >> 8 & 255} {char.color & 255}"
    mark = "#" if text == " " else ""
    return f'{mark}{color} {center} {box} "{text}"\n'
