"""Reading ICDAR's text segmentation: characters drawn in colours of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk import masks
from dsk.annotations import Mask, Rle
from dsk.errors import InputError, RecordError
from dsk.flow import HEAVY_ITEMS, Importer
from dsk.media import Image
from dsk.names import stem_of
from dsk.pixels import decode
from dsk_ocr.homes import PICTURES, find_homes, home_of
from dsk_ocr.importer import NO_IDS, FileSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["ENDING", "WHITE", "Char", "SegmentationImporter", "character_name", "parse_characters"]

ENDING = "_GT"
WHITE = 0xFFFFFF
_FIELDS = 10
_SPACE = '" "'


class Char(Struct):
    """One character.

    Attributes:
        index: Its number among the file's characters, from 0.
        color: Red, green and blue as one number.
        center: "x y" as written; "- -" when not known.
        box: The box around it as written: x1, y1, x2, y2.
        text: The character.
        word: The number of its word, from 1; 0 if the word has one character.
    """

    index: int
    color: int
    center: str
    box: tuple[str, ...]
    text: str
    word: int = 0


def character_name(base: str) -> str | None:
    """Return the id that a text file of segmentation is named by: ``1_GT.txt``."""
    stem = stem_of(base)
    item = stem.removesuffix(ENDING)
    return item if item != stem and item not in NO_IDS else None


def parse_characters(lines: list[str], where: str, item: str, ledger: Ledger) -> list[Char]:
    """Return the characters of a text file; an empty line ends a word.

    Args:
        lines: The lines.
        where: The file's name, for messages.
        item: The item's id.
        ledger: Where bad lines go.
    """
    found: list[Char] = []
    words: list[list[Char]] = [[]]
    for number, line in enumerate(lines, 1):
        if not line.strip():
            words.append([])
            continue
        try:
            char = _character(line.strip(), len(found))
        except ValueError as error:
            ledger.bad_record(RecordError(str(error), where=f"{where}:{number}", item=item))
            continue
        found.append(char)
        words[-1].append(char)
    for number, word in enumerate([word for word in words if len(word) > 1], 1):
        for char in word:
            char.word = number
    return found


def _character(line: str, index: int) -> Char:
    """Parse ``red green blue center-x center-y x1 y1 x2 y2 "c"``; ``#`` in front marks a space.

    Raises:
        ValueError: It is something else.
    """
    space = line.startswith("#")
    fields = line.lstrip("#").strip().split(None, _FIELDS - 1)
    if len(fields) < _FIELDS - 1 or (len(fields) < _FIELDS and not space):
        msg = 'a line is: red green blue, center x y, x1 y1 x2 y2, "c"'
        raise ValueError(msg)
    try:
        red, green, blue = map(int, fields[:3])
    except ValueError as error:
        msg = f"a colour is three whole numbers, not {' '.join(fields[:3])!r}"
        raise ValueError(msg) from error
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        msg = f"a colour is from 0 to 255, not {red} {green} {blue}"
        raise ValueError(msg)
    text = _SPACE if space else fields[9]
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    color = red << 16 | green << 8 | blue
    return Char(index, color, " ".join(fields[3:5]), tuple(fields[5:9]), text)


class SegmentationImporter(Importer):
    """Opens text segmentation datasets; it has no options."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            item = character_name(root.focus) or stem_of(root.focus)
            return _CharacterSource(root, [home_of(root, item)])
        return _CharacterSource(root, find_homes(root, character_name, f"*{ENDING}.txt", ledger))


class _CharacterSource(FileSource):
    """Masks of characters."""

    partition_items = HEAVY_ITEMS

    def parse(self, lines: list[str], name: str, item: str, ledger: Ledger) -> list[Annotation]:
        """See ``FileSource.parse``."""
        chars = parse_characters(lines, self.root.show(name), item, ledger)
        file = self._picture(name)
        if file is None or not chars:
            if chars:
                ledger.warn("characters without a picture that shows them are left out")
            return []
        picture = ColorFile(file)
        try:
            colors = picture.colors()
        except InputError as error:
            ledger.bad_record(RecordError(error.message, where=error.where, item=item))
            return []
        if not colors <= {char.color for char in chars} | {WHITE}:
            ledger.warn("a picture has colours that its text file does not name")
        found: list[Annotation] = []
        for char in chars:
            if char.color == WHITE or char.color not in colors:
                ledger.warn("characters that no pixel shows are left out")
                continue
            found.append(_mask(char, picture))
        return found

    def _picture(self, name: str) -> Image | None:
        stem = stem_of(name)
        for ext in PICTURES:
            if self.root.is_file(stem + ext):
                return Image(stem + ext, self.root.locate(stem + ext))
        return None


def _mask(char: Char, picture: ColorFile) -> Mask:
    color = char.color
    attributes: dict[str, Any] = {
        "index": char.index,
        "color": f"{color >> 16} {color >> 8 & 255} {color & 255}",
        "text": char.text,
        "center": char.center,
    }
    extra = {"icdar": {"box": list(char.box)}}
    source = ColorMask(picture, color)
    return Mask(source, group=char.word, attributes=attributes, extra=extra)


class ColorFile:
    """A picture whose colours are masks; pixels are not kept, run lengths are.

    Args:
        image: The picture.
    """

    __slots__ = ("_image", "_runs", "_size")

    def __init__(self, image: Image) -> None:
        self._image = image
        self._runs: dict[int, NDArray[np.int64]] | None = None
        self._size = (0, 0)

    def colors(self) -> set[int]:
        """Return the colours that occur.

        Raises:
            InputError: The picture is damaged.
        """
        return set(self._load())

    def _load(self) -> dict[int, NDArray[np.int64]]:
        if self._runs is None:
            pixels = decode(self._image)
            if pixels.dtype != np.uint8:
                raise RecordError("the picture has no 8-bit colours", where=self._image.path)
            if pixels.ndim == 2:
                codes = pixels.astype(np.int32) * 0x010101
            else:
                red, green, blue = (pixels[..., n].astype(np.int32) for n in range(3))
                codes = red << 16 | green << 8 | blue
            self._size = (int(codes.shape[0]), int(codes.shape[1]))
            self._runs = masks.runs_by_value(codes)
        return self._runs

    def rle(self, color: int) -> Rle:
        """Return the run lengths of one colour."""
        return Rle(self._size, masks.encode_counts(self._load()[color]))


class ColorMask:
    """One colour of a picture, see ``dsk.rle.MaskSource``."""

    __slots__ = ("_color", "_file")

    def __init__(self, file: ColorFile, color: int) -> None:
        self._file = file
        self._color = color

    def rle(self) -> Rle:
        """Return the run lengths."""
        return self._file.rle(self._color)
