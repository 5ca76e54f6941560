"""Reading tables of boxes: a row a box, with its image, the image's size, the class, four edges."""

from __future__ import annotations

from array import array
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from msgspec import field
from msgspec.structs import replace

from dsk.annotations import Bbox
from dsk.errors import InputError
from dsk.flow import Importer
from dsk.names import clean_name
from dsk_createml.common import image_name, own_id, with_images
from dsk_createml.detect import BOX_COLUMNS, box_columns, find_boxes, unread_boxes
from dsk_createml.tables import Table, TableReader, TableSource, open_tables

if TYPE_CHECKING:
    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk.media import Image

__all__ = ["BoxesImporter"]

_HEAD = 1 << 16
_LONGEST = 1 << 31
_HINT = f"its first line is {','.join(BOX_COLUMNS)}"


class _Boxes(Table):
    """The rows of one file.

    Attributes:
        sizes: Height and width of each image; 0 where they are not known.
        image: The image of each box.
        label: The label of each box.
        edges: Four numbers of each box: xmin, ymin, xmax, ymax.
        order: Numbers of boxes by image.
        first: Where each image's begin in ``order``; one more at the end.
    """

    sizes: array[int] = field(default_factory=lambda: array("q"))
    image: array[int] = field(default_factory=lambda: array("q"))
    label: array[int] = field(default_factory=lambda: array("q"))
    edges: array[float] = field(default_factory=lambda: array("d"))
    order: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    first: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))


class BoxesImporter(Importer):
    """Opens tables of boxes; it has no options."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        root = with_images(root)
        names = [root.focus] if root.focus is not None else find_boxes(root)
        if not names:
            raise InputError("no table of boxes", where=root.path, hint=_HINT)
        for name in unread_boxes(root, names):
            ledger.warn(f"{root.show(name)} is not read: its first line does not name the columns")
        tables, header = open_tables(root, names, _Reader, ledger)
        return _Source(root, tables, header)


_FLAT = "there are boxes without area (xmax <= xmin or ymax <= ymin); they are kept"


class _Reader(TableReader[_Boxes]):
    def table(self, name: str, subset: str) -> _Boxes:
        """Read a table; images beside it that have no row come last."""
        where = self.root.show(name)
        head = self.root.read(name, _HEAD)
        columns = box_columns(head)
        if columns is None:
            raise InputError("no table of boxes", where=f"{where}:1", hint=_HINT)
        for other in dict.fromkeys(c for c in columns if c and c not in BOX_COLUMNS):
            self.ledger.warn(f"the column {other} of {where} is not read")
        self.spaced = b", " in head.partition(b"\n")[0]
        table = _Boxes(name, subset)
        rows = self.rows(name)
        next(rows)
        reading = _Rows(self, table, columns)
        for place, row in rows:
            try:
                reading.take(row, place)
            except (InputError, ValueError) as error:
                self.bad_row(error, place, "")
        for image, item in self.beside(table, reading.taken):
            self.add(table, image, item)
            table.sizes.extend((0, 0))
        edges = np.array(table.edges).reshape(-1, 4)
        if (edges[:, 2:] <= edges[:, :2]).any():
            self.ledger.warn(_FLAT)
        images = np.array(table.image, np.int64)
        table.order = np.argsort(images, kind="stable")
        counts = np.bincount(images, minlength=len(table.images))
        table.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return table


class _Rows:
    """Puts rows into a table."""

    def __init__(self, reader: _Reader, table: _Boxes, columns: list[str]) -> None:
        self.taken: dict[str, str] = {}  # images by id
        self._reader = reader
        self._table = table
        self._width = len(columns)
        # A column that is not there is the one behind the last, an empty cell.
        self._pick = itemgetter(*map([*columns, *BOX_COLUMNS].index, BOX_COLUMNS))
        self._empty = [""] * len(BOX_COLUMNS)
        self._written: dict[str, int] = {}  # numbers of images as rows name them
        self._numbers: dict[str, int] = {}  # and by clean name
        self._size: tuple[str, str, tuple[int, int]] = "", "", (0, 0)  # cells and what they say

    def take(self, row: list[str], where: str) -> None:
        """Add a row: a box, or an image without any.

        Raises:
            InputError: The image's name is bad.
            ValueError: Something else is.
        """
        if len(row) != self._width:
            raise ValueError(f"a row of {len(row)} cells, not {self._width}")
        name, width, height, label, *cells = self._pick(row + self._empty)
        edges = _edges(cells)
        if edges and not label:
            raise ValueError("a box has no class")
        if self._size[:2] != (width, height):
            self._size = width, height, (_pixels(height), _pixels(width))
        image = self._written.get(name)
        if image is None:
            image = self._written[name] = self._image(name, where)
        self._state(image, self._size[2])
        if edges:
            self._table.image.append(image)
            self._table.label.append(self._reader.labels.number(label))
            self._table.edges.extend(edges)

    def _image(self, written: str, where: str) -> int:
        """Return the number of an image, which is new if it is not written in another way."""
        table = self._table
        name = image_name(written, where, self._reader.ledger)
        if name not in self._numbers:
            item = clean_name(own_id(name, self.taken), where)
            self.taken[item] = name
            self._reader.add(table, name, item)
            table.sizes.extend((0, 0))
            self._numbers[name] = len(table.ids) - 1
        return self._numbers[name]

    def _state(self, image: int, size: tuple[int, int]) -> None:
        """Note the size that a row states of its image; the first one counts."""
        sizes = self._table.sizes
        known = sizes[2 * image], sizes[2 * image + 1]
        if known == size or not all(size):
            return
        if known[0]:
            self._reader.ledger.warn("rows state different sizes of an image; the first counts")
        else:
            sizes[2 * image], sizes[2 * image + 1] = size


def _edges(cells: list[str]) -> tuple[float, ...]:
    """Return xmin, ymin, xmax and ymax; nothing where a row states none.

    Raises:
        ValueError: They are no edges of a box.
    """
    try:
        left, top, right, bottom = edges = tuple(map(float, cells))
    except ValueError:
        if not any(map(str.strip, cells)):
            return ()
        raise ValueError(f"a coordinate is no number: {', '.join(cells)}") from None
    if -inf < right - left < inf and -inf < bottom - top < inf:
        return edges
    raise ValueError("a coordinate is not finite")


def _pixels(cell: str) -> int:
    """Return a width or height; 0 if there is none.

    Raises:
        ValueError: It is no whole number.
    """
    try:
        number = float(cell) if cell.strip() else 0.0
    except ValueError:
        number = -1.0
    if not 0 <= number < _LONGEST or not number.is_integer():
        raise ValueError(f"{cell!r} is no number of pixels")
    return int(number)


class _Source(TableSource[_Boxes]):
    """An opened dataset."""

    def sized(self, table: _Boxes, number: int, image: Image) -> Image:
        """Return an image with the size that its rows state."""
        height, width = table.sizes[2 * number : 2 * number + 2]
        return replace(image, size=(height, width)) if height else image

    def annotations(self, table: _Boxes, number: int) -> list[Annotation]:
        """Return the boxes of an image."""
        found: list[Annotation] = []
        for k in table.order[table.first[number] : table.first[number + 1]].tolist():
            left, top, right, bottom = table.edges[4 * k : 4 * k + 4]
            found.append(Bbox(left, top, right - left, bottom - top, label=table.label[k]))
        return found
