"""Reading AVA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.annotations import Bbox
from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.metafile import read_sizes
from dsk_ava.actions import FAMILY, parse_actions
from dsk_ava.detect import (
    excluded_of,
    find_home,
    find_lists,
    find_tables,
    subset_of,
    unread_tables,
)
from dsk_ava.frames import FrameFinder, item_id
from dsk_ava.tables import NONE, read_table, read_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk.media import Image
    from dsk_ava.tables import Table

__all__ = ["AvaImporter"]


class AvaImporter(Importer):
    """Opens AVA; it has no options."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            root = root.up()
            home, _, name = (root.focus or "").rpartition("/")
            names = [name]
        else:
            found = find_home(root)
            if found is None:
                raise InputError(
                    "no AVA dataset",
                    where=root.path,
                    hint="its tables are called annotations/ava_<subset>_v2.2.csv",
                )
            home, names = found, find_tables(root, found)
            for name in unread_tables(root, home, names):
                shown = root.show(f"{home}/{name}" if home else name)
                ledger.warn(f"{shown} is not read: its first lines are no rows of frames or boxes")
        prefix = f"{home}/" if home else ""
        files = root.entries(home)[1]
        tables = []
        for name in names:
            table = read_table(root, prefix + name, subset_of(name), ledger)
            for other in excluded_of(name, files):
                read_times(root, prefix + other, table, ledger)
            table.close()
            if table.pixels:
                ledger.warn("boxes in pixels, not in shares of the image; they are taken as such")
            tables.append(table)
        labels = _labels(root, home, tables, ledger)
        header = Header(
            categories=Categories(tuple(labels)),
            subsets=tuple(table.subset for table in tables),
            items=sum(len(table.frames) for table in tables),
        )
        return _Source(root, home, tables, header, read_sizes(root, home, ledger))


def _labels(
    root: InputRoot, home: str, tables: Sequence[Table], ledger: Ledger
) -> list[LabelCategory]:
    """Return the listed actions, and those that only boxes have."""
    lists = find_lists(root, home)
    labels: list[LabelCategory] = []
    if lists:
        name = f"{home}/{lists[0]}" if home else lists[0]
        labels = parse_actions(root.text(name), root.show(name))
    known = {label.source_id for label in labels}
    used = set().union(*(set(table.action) for table in tables)) - known - {NONE}
    if lists:
        used.discard(0)  # "no action", as Datumaro numbers it
    if used:
        what = "that no list names" if lists else "without a list of them"
        ledger.warn(f"actions {what} are called action-<number>")
    return labels + [
        LabelCategory(f"action-{number}", source_id=number, extra={FAMILY: {}})
        for number in sorted(used)
    ]


class _Source(Source):
    """An opened dataset."""

    def __init__(
        self,
        root: InputRoot,
        home: str,
        tables: Sequence[Table],
        header: Header,
        sizes: Mapping[str, tuple[int, int]],
    ) -> None:
        self.header = header
        self._root = root
        self._tables = tables
        self._sizes = sizes
        labels = header.categories.labels
        self._labels = {label.source_id: n for n, label in enumerate(labels)}
        self._finder = FrameFinder(root, home)

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the tables' frames."""
        return slices((len(table.frames) for table in self._tables), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, start, stop = partition
        table = self._tables[number]
        for n in range(start, stop):
            video, time = table.frames[n]
            item = item_id(video, time)
            image = self._finder.image(video, time, self._sizes.get(item))
            rows = table.order[table.first[n] : table.first[n + 1]].tolist()
            boxes: list[Annotation] = []
            if rows:
                size = (1, 1)
                if not table.pixels:
                    found = self._sized(image, table, n, ledger)
                    if found is None:
                        continue
                    image, size = found
                boxes = self._boxes(table, rows, size)
            attributes = {"excluded": True} if n in table.excluded else {}
            yield DatasetItem(item, table.subset, image, boxes, attributes)

    def _sized(
        self, image: Image, table: Table, frame: int, ledger: Ledger
    ) -> tuple[Image, tuple[int, int]] | None:
        """Return a frame and its height and width; without them, it is a bad record.

        A frame that is not there has the size of its film's others.
        """
        video, time = table.frames[frame]
        item = item_id(video, time)
        row = int(table.order[table.first[frame]])
        where = f"{self._root.show(table.file)}:{table.line[row]}"
        try:
            size = image.get_size()
            if size is not None:
                return image, size
            size = self._finder.film_size(video)
        except MediaError as error:
            ledger.bad_record(RecordError(error.message, where=error.where or where, item=item))
            return None
        if size is not None:
            ledger.warn("frames are not there: other frames of their films tell their sizes")
            return self._finder.image(video, time, size), size
        ledger.bad_record(
            RecordError(
                "the size of its frame is not known",
                where=where,
                item=item,
                hint="add frames/<video>/<video>_<timestamp>.jpg, or a line "
                "'item height width' to annotations/images.meta",
            )
        )
        return None

    def _boxes(self, table: Table, rows: Sequence[int], size: tuple[int, int]) -> list[Annotation]:
        """Return a frame's boxes: one for each action; those of one person's box are a group."""
        height, width = size
        labels, corners = self._labels, table.box
        alike: dict[tuple[float, ...], list[int]] = {}
        for row in rows:
            key = (*corners[4 * row : 4 * row + 4], table.person[row])
            alike.setdefault(key, []).append(row)
        groups = {}
        number = 0
        for same in alike.values():
            if len(same) > 1:
                number += 1
                groups.update(dict.fromkeys(same, number))
        boxes: list[Annotation] = []
        for row in rows:
            x1, y1, x2, y2 = corners[4 * row : 4 * row + 4]
            person = table.person[row]
            boxes.append(
                Bbox(
                    x1 * width,
                    y1 * height,
                    (x2 - x1) * width,
                    (y2 - y1) * height,
                    label=labels.get(table.action[row]),
                    group=groups.get(row, 0),
                    object_id=person,
                    attributes={"track_id": person} if person != NONE else {},
                )
            )
        return boxes
