"""Reading Kinetics: one item per video, one label per clip, with its time in seconds."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from dsk.annotations import Label
from dsk.categories import GrowingLabels
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import MediaElement
from dsk.metafile import stated_labels
from dsk.names import clean_name
from dsk_video.clipfiles import ClipFiles
from dsk_video.clips import END, START, CsvTable, JsonTable
from dsk_video.tablefiles import find_tables, is_called_subset, tells_clips

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_video.clips import Clip, Table

__all__ = ["FAMILY", "KineticsImporter"]

FAMILY = "kinetics"
_ANNOTATIONS = "annotations"
_ROW = 40
"""Bits of a row's number in the number that stands for table and row."""


class KineticsImporter(Importer):
    """Reads the tables of a folder, or the one that is given."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``; indexes the rows and the names of the videos."""
        if root.focus is not None and root.name.lower() == _ANNOTATIONS:
            root = root.up()  # the videos lie beside this folder
        tables: list[Table] = []
        folders: set[str] = set()
        refused: dict[str, InputError] = {}
        for name in find_tables(root):
            try:
                tables.append(_table(root, name, ledger))
                folders.add(name.rpartition("/")[0])
            except UnsafePathError:
                raise
            except InputError as error:
                refused[name] = error
                if tells_clips(root, name):
                    ledger.bad_record(RecordError(error.message, where=error.where))
        if not tables:
            raise next(iter(refused.values()), None) or InputError(
                "no CSV or JSON file with clips is here",
                where=root.path,
                hint="the CSV's first line is label,youtube_id,time_start,time_end,split",
            )
        for name, why in refused.items():
            folder = name.rpartition("/")[0]
            beside = folder in folders or is_called_subset(folder)
            if beside and is_called_subset(name) and not tells_clips(root, name):
                ledger.warn(f"{root.show(name)} is not read: {why.message}")
        return _KineticsSource(root, tables, ledger)


def _table(root: InputRoot, name: str, ledger: Ledger) -> Table:
    """Open a table.

    Raises:
        InputError: It lists no clips.
    """
    if not name.lower().endswith(".csv"):
        return JsonTable(root, name)
    table = CsvTable(root, name)
    if table.odd:
        ledger.warn(f"{root.show(name)} {table.odd}")
    return table


class _KineticsSource(Source):
    """Clips of some tables, joined by video."""

    def __init__(self, root: InputRoot, tables: list[Table], ledger: Ledger) -> None:
        self._tables = tables
        self._root = root
        self._files = ClipFiles(root.walk())
        self._labels = GrowingLabels(stated_labels(root))
        self._first = array("q")  # table and row of each item's first clip
        self._further: dict[int, list[int]] = {}
        subsets = self._join(ledger)
        self.header = Header(
            categories=self._labels.categories(),
            media=frozenset({"media"}),
            subsets=subsets,
            items=len(self._first),
        )

    def _join(self, ledger: Ledger) -> tuple[str, ...]:
        """Number the labels and find the rows of each item; return the subsets."""
        owners: dict[str, dict[str, int]] = {}
        for number, table in enumerate(self._tables):
            for row, clip in table.read(range(len(table)), ledger):
                try:
                    item = clean_name(clip.id)
                except UnsafePathError as error:
                    ledger.bad_record(RecordError(error.message, where=table.where, item=clip.id))
                    continue
                if clip.label:
                    self._labels.number(clip.label)
                place = number << _ROW | row
                owner = owners.setdefault(clip.subset, {}).setdefault(item, place)
                if owner == place:
                    self._first.append(place)
                else:
                    self._further.setdefault(owner, []).append(place)
        return tuple(owners)

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list of items."""
        return spans(len(self._first), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        firsts = self._first[slice(*partition)]
        items = [[place, *self._further.get(place, ())] for place in firsts]
        rows: dict[int, list[int]] = {}
        for place in sorted(place for places in items for place in places):
            rows.setdefault(place >> _ROW, []).append(place & ((1 << _ROW) - 1))
        clips = {
            number << _ROW | row: clip
            for number, wanted in rows.items()
            for row, clip in self._tables[number].read(wanted, ledger)
        }
        for places in items:
            yield self._item(_once([clips[place] for place in places], ledger), ledger)

    def _item(self, clips: list[Clip], ledger: Ledger) -> DatasetItem:
        first = clips[0]
        item, subset = clean_name(first.id), first.subset
        files = [self._files.find(item, c.start, c.end, subset) for c in clips]
        if len(set(files)) > 1:
            ledger.warn("videos with several clips, each in a file: the first file is taken")
        media = None
        if files[0] is not None:
            media = MediaElement(files[0], self._root.locate(files[0]))
        labels: list[Annotation] = []
        for clip in clips:
            if clip.label:
                extra = {FAMILY: clip.more} if clip.more and clip.more != first.more else None
                label = self._labels.number(clip.label)
                labels.append(Label(label=label, attributes=_times(clip), extra=extra))
            elif clip is not first:
                ledger.warn("further clips of a video are left out where they have no label")
        return DatasetItem(
            item,
            subset,
            media,
            labels,
            {} if first.label else _times(first),
            {FAMILY: first.more} if first.more else None,
        )


def _once(clips: list[Clip], ledger: Ledger) -> list[Clip]:
    """Return clips without those that are listed again, as where a table is a part of another."""
    if len(clips) == 1:
        return clips
    known: dict[tuple[str, float | None, float | None, str], Clip] = {}
    for clip in clips:
        known.setdefault((clip.label, clip.start, clip.end, repr(clip.more)), clip)
    if len(known) < len(clips):
        ledger.warn("clips that are listed twice, alike in all, are taken once")
    return list(known.values())


def _times(clip: Clip) -> dict[str, Any]:
    """Return a clip's times as attributes, whole seconds as whole numbers."""
    return {
        name: int(value) if value == int(value) else value
        for name, value in ((START, clip.start), (END, clip.end))
        if value is not None
    }
