"""Reading MOTS datasets: masks of tracked objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk import masks
from dsk.annotations import Mask, Rle
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import HEAVY_ITEMS, Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.media import Image
from dsk_tracking.homes import DEFAULT_LABELS, IGNORED, Home, find_homes, read_labels
from dsk_tracking.labels import joined
from dsk_tracking.maps import MapFile, ValueMask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["MotsImporter", "MotsSource"]

IGNORED_CLASS = 10
TRACKS = 1000
_FIELDS = 6
_LARGEST = 50_000  # pixels along a side

Rows = dict[str, list[tuple[int, Rle]]]
"""Objects (1000 x class + track, run lengths) by item id."""


class MotsImporter(Importer):
    """Opens MOTS datasets; it has no options."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            raise InputError(
                "this is one file", where=root.show(root.focus), hint="give the dataset's folder"
            )
        return MotsSource(root, find_homes(root), ledger)


class MotsSource(Source):
    """An opened dataset.

    Args:
        root: The input.
        homes: Its parts.
        ledger: Where bad lines of texts go; they are reported once, here.
    """

    partition_items = HEAVY_ITEMS

    def __init__(self, root: InputRoot, homes: list[Home], ledger: Ledger) -> None:
        self._root = root
        self._homes = homes
        stated = [read_labels(root, home) for home in homes]
        usual = Categories.from_names([*DEFAULT_LABELS, IGNORED])
        labels = joined(own or usual for own in stated)
        known = [own.names if own is not None else DEFAULT_LABELS for own in stated]
        self._classes = [[labels.number(name) for name in own] for own in known]
        self._ignored = [
            labels.number(IGNORED) if own is None or IGNORED in own.names else None
            for own in stated
        ]
        self._kept: tuple[int, Rows] = (-1, {})
        self._ids = [self._list(number, ledger) for number in range(len(homes))]
        self.header = Header(
            categories=labels.categories(),
            subsets=tuple(home.subset for home in homes),
            items=sum(map(len, self._ids)),
        )

    def _list(self, number: int, ledger: Ledger) -> list[str]:
        home = self._homes[number]
        ids = home.files if home.masks else self._rows(number, ledger)
        return sorted({*ids, *home.images})

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the parts' items."""
        return slices((len(ids) for ids in self._ids), self.partition_items)

    def index(
        self,
        partition: tuple[int, int, int],
        ledger: Ledger,  # noqa: ARG002
    ) -> Iterator[DatasetItem]:
        """See ``Source.index``: no mask is decoded."""
        number, first, last = partition
        home = self._homes[number]
        for item in self._ids[number][first:last]:
            yield DatasetItem(item, home.subset, self._image(home, item))

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, first, last = partition
        home = self._homes[number]
        rows = {} if home.masks else self._rows(number, None)
        for item in self._ids[number][first:last]:
            image = self._image(home, item)
            if not home.masks:
                objects = [self._mask(number, value, rle) for value, rle in rows.get(item, ())]
                yield DatasetItem(item, home.subset, image, tuple(objects))
                continue
            if item not in home.files:
                yield DatasetItem(item, home.subset, image)
                continue
            name = home.files[item]
            file = MapFile(Image(name, self._root.locate(name)))
            found = self._masks(number, item, file, ledger)
            yield DatasetItem(item, home.subset, image, tuple(found))
            file.forget()

    def _image(self, home: Home, item: str) -> Image | None:
        name = home.images.get(item)
        if name is None:
            return None
        path = name[len(home.path) + 1 :] if home.path else name
        return Image(path, self._root.locate(name))

    def _masks(self, number: int, item: str, file: MapFile, ledger: Ledger) -> list[Mask]:
        found = []
        try:
            values = file.values()
        except RecordError as error:
            error.item = item
            ledger.bad_record(error)
            return []
        if values and values[0] < TRACKS:
            ledger.warn(f"values below {TRACKS} are of no class and left out")
        for value in values:
            if value < TRACKS:
                continue
            try:
                found.append(self._mask(number, value, ValueMask(file, value)))
            except RecordError as error:
                where = self._root.show(self._homes[number].files[item])
                ledger.bad_record(RecordError(error.message, where=where, item=item))
        return found

    def _mask(self, number: int, value: int, source: Rle | ValueMask) -> Mask:
        """Return the mask of 1000 x class + track.

        Raises:
            RecordError: The class is none.
        """
        kind, track = divmod(value, TRACKS)
        classes = self._classes[number]
        z_order = 0
        label: int | None
        if kind == IGNORED_CLASS and len(classes) < IGNORED_CLASS:
            label, z_order = self._ignored[number], 1
        elif kind > len(classes):
            raise RecordError(
                f"the value {value} is of class {kind}, there are {len(classes)} labels",
                where=self._root.show(self._homes[number].path),
            )
        else:
            label = classes[kind - 1]
        attributes = {"track_id": track}
        return Mask(source, label=label, object_id=track, z_order=z_order, attributes=attributes)

    def _rows(self, number: int, ledger: Ledger | None) -> Rows:
        """Return the objects of a part's texts; bad lines are told only when it is opened."""
        if self._kept[0] != number:
            home = self._homes[number]
            rows: Rows = {}
            for sequence, name in home.files.items():
                data = self._root.text_bytes(name)
                for place, line in enumerate(data.replace(b"\r\n", b"\n").split(b"\n"), 1):
                    if line.strip():
                        self._row((number, sequence), line, f"{name}:{place}", rows, ledger)
            self._kept = (number, rows)
        return self._kept[1]

    def _row(
        self,
        home: tuple[int, str],
        line: bytes,
        where: str,
        rows: Rows,
        ledger: Ledger | None,
    ) -> None:
        """Read ``frame object class height width run-lengths`` of a part's sequence."""
        number, sequence = home
        try:
            frame, value, height, width, counts = _object(line)
            self._mask(number, value, Rle((height, width), b""))
        except (ValueError, RecordError) as error:
            if ledger is not None:
                text = error.message if isinstance(error, RecordError) else str(error)
                ledger.bad_record(RecordError(text, where=self._root.show(where)))
            return
        item = self._frame(number, sequence, frame)
        rows.setdefault(item, []).append((value, Rle((height, width), counts)))

    def _frame(self, number: int, sequence: str, frame: int) -> str:
        """Return the id of a frame, which images write with more or fewer zeros."""
        images = self._homes[number].images
        prefix = f"{sequence}/" if sequence else ""
        for digits in (6, 10, 1):
            item = f"{prefix}{frame:0{digits}d}"
            if item in images:
                return item
        return f"{prefix}{frame:06d}"


def _object(line: bytes) -> tuple[int, int, int, int, bytes]:
    """Return frame, object, height, width and run lengths.

    Raises:
        ValueError: The line is something else.
    """
    fields = line.split()
    if len(fields) != _FIELDS:
        msg = "a line is: frame, object, class, height, width, run lengths"
        raise ValueError(msg)
    frame, value, kind, height, width = map(int, fields[:-1])
    if not (0 < height < _LARGEST and 0 < width < _LARGEST):
        msg = f"an image cannot be {height} x {width}"
        raise ValueError(msg)
    if frame < 0 or value < TRACKS or value // TRACKS != kind:
        msg = "an object's number is 1000 x class + track"
        raise ValueError(msg)
    masks.check_counts(masks.decode_counts(fields[-1]), height, width)
    return frame, value, height, width, fields[-1]
