"""Reading DOTA datasets."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Any

from dsk.annotations import Polygon, RotatedBbox
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.geometry import rotated_box_from_corners
from dsk.item import DatasetItem
from dsk.lfs import check_fetched
from dsk.media import Image
from dsk.metafile import read_meta
from dsk_dota.layout import Home, find_homes, home_of
from dsk_dota.rows import Rows, ShortRowError, is_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["DotaImporter", "DotaSource"]


_APART, _LEAN = 4 / 3, 2.0  # px
_HALF = 180.0  # degrees: rotations are those of atan2, as in Datumaro
_SHORT = "lines of fewer than nine fields are no objects; they are left out"
_SKEW = "some outlines are no rectangles and become such; -I shapes=polygon keeps their corners"


class DotaImporter(Importer):
    """Opens DOTA datasets; see the descriptor for the options."""

    def __init__(self, *, shapes: str = "rotated_bbox") -> None:
        self.shapes = shapes

    def open(self, root: InputRoot, ledger: Ledger) -> Source:  # noqa: ARG002
        """See ``Importer.open``."""
        alone = root.focus is not None
        root = root.up() if alone else root
        homes = [home_of(root)] if alone else find_homes(root)
        return DotaSource(root, homes, polygons=self.shapes == "polygon")


def _lines(data: bytes, where: str) -> list[str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text: {error}", where=where) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class DotaSource(Source):
    """An opened dataset.

    Args:
        root: The input.
        homes: Its subsets.
        polygons: Whether objects are outlines as written, not rectangles.
    """

    def __init__(self, root: InputRoot, homes: list[Home], *, polygons: bool) -> None:
        self._root = root
        self._homes = homes
        self._polygons = polygons
        self._rows = Rows()
        self._ids = [sorted({*home.texts, *_lone(home)}) for home in homes]
        categories = self._categories()
        self._labels = {name: number for number, name in enumerate(categories.names)}
        self.header = Header(
            categories=categories,
            subsets=tuple(home.subset for home in homes),
            items=sum(map(len, self._ids)),
        )

    def _categories(self) -> Categories:
        """Return the labels: stated, or else all classes that occur, sorted."""
        meta = read_meta(self._root)
        if meta is not None:
            return meta[0]
        found: set[str] = set()
        for home in self._homes:
            read = self._root.reader(home.path)
            for name in home.texts.values():
                found.update(self._classes(read(name) or b""))
        return Categories.from_names(sorted(found))

    def _classes(self, data: bytes) -> set[str]:
        """Return further classes of a text file; what is no object's line is left to ``read``."""
        found = set()
        for line in data.decode("utf-8-sig", "replace").replace("\r", "\n").split("\n"):
            if line.strip() and not self._rows.knows(line) and is_header(line) is None:
                try:
                    found.add(self._rows(line).category)
                except ValueError:
                    continue
        return found

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the subsets."""
        return slices((len(ids) for ids in self._ids), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, first, last = partition
        home = self._homes[number]
        read = self._root.reader(home.path)
        for item in self._ids[number][first:last]:
            file = home.images.get(item) or home.images.get(item.rpartition("/")[2])
            media = Image(file, self._root.locate(file)) if file is not None else None
            found: list[Annotation] = []
            extra: dict[str, Any] | None = None
            if item in home.texts:
                found, extra = self._parse(home, item, read, ledger)
            yield DatasetItem(item, home.subset, media, found, extra=extra)

    def _parse(
        self, home: Home, item: str, read: Callable[[str], bytes | None], ledger: Ledger
    ) -> tuple[list[Annotation], dict[str, Any] | None]:
        name = home.texts[item]
        where = self._root.show(f"{home.path}/{name}" if home.path else name)
        found: list[Annotation] = []
        facts: dict[str, str] = {}
        try:
            data = read(name) or b""
            check_fetched(data, where)
            lines = _lines(data, where)
        except InputError as error:
            bad = RecordError(error.message, where=where, hint=error.hint, item=item)
            ledger.bad_record(bad)
            return found, None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            fact = is_header(line)
            if fact is not None:
                facts[fact[0]] = fact[1]
                continue
            try:
                found.append(self._object(line, ledger))
            except ShortRowError:
                ledger.warn(_SHORT)
            except ValueError as error:
                bad = RecordError(str(error), where=f"{where}:{number}", item=item)
                ledger.bad_record(bad)
        return found, {"dota": facts} if facts else None

    def _object(self, line: str, ledger: Ledger) -> Annotation:
        row = self._rows(line)
        label = self._labels.get(row.category)
        if label is None:
            raise ValueError(f"the class {row.category!r} is not in dataset_meta.json")
        attributes = {"difficulty": row.difficulty}
        if self._polygons:
            return Polygon(row.corners, label=label, attributes=attributes)
        cx, cy, w, h, degrees = rotated_box_from_corners(row.corners)
        degrees -= 360.0 if degrees > _HALF else 0.0
        if _is_skew(row.corners):
            ledger.warn(_SKEW)
        return RotatedBbox(cx, cy, w, h, degrees, label=label, attributes=attributes)


def _is_skew(corners: list[float]) -> bool:
    """Tell whether a corner of the rectangle that an outline becomes is about a pixel from its own.

    That is so if opposite edges differ by 4/3 px, or the second one leans by 2 px.
    """
    x1, y1, x2, y2, x3, y3, x4, y4 = corners
    dx, dy, ex, ey = x2 - x1, y2 - y1, x3 - x2, y3 - y2
    apart = max(abs(ex - x4 + x1), abs(ey - y4 + y1))
    return apart > _APART or abs(dx * ex + dy * ey) > _LEAN * hypot(dx, dy)


def _lone(home: Home) -> list[str]:
    """Return the images without a text file: test sets have none, nor have empty images."""
    known = {*home.texts, *(item.rpartition("/")[2] for item in home.texts)}
    return [item for item in home.images if item not in known]
