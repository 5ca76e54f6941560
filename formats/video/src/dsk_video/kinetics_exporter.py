"""Writing Kinetics: a CSV for each subset, and the videos in folders beside it."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

import msgspec

from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk.jsonvalues import plain_value
from dsk.metafile import META_NAME, meta_text
from dsk_video.clips import COLUMNS, END, START
from dsk_video.kinetics import FAMILY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["KineticsExporter"]


class _State(msgspec.Struct, frozen=True):
    """What a partition leaves: the labels it used, in order, and names of further columns."""

    labels: list[int]
    more: list[str]


class KineticsExporter(Exporter):
    """Writes ``<subset>.csv`` and, when media are saved, ``<subset>/<id>.<ext>``.

    Args:
        save_dataset_meta: Write dataset_meta.json, which keeps unused labels and their order.
            Datumaro takes it for a list of clips and fails.
    """

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self._save_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._labels = header.categories.names
        if "" in self._labels:
            raise OutputError("a label without a name cannot be written", hint=_RENAME)
        ctx.ledger.equal_names(self._labels)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> _State:
        """See ``Exporter.write``; a fragment's rows have their further cells as JSON at the end."""
        tables: dict[str, tuple[io.StringIO, Any]] = {}
        labels: dict[int, None] = {}
        more: dict[str, None] = {}
        for item in items:
            name = f"{item.subset}.csv"
            if name not in tables:
                text = io.StringIO(newline="")
                tables[name] = text, csv.writer(text, lineterminator="\n")
            if item.media is not None and ctx.save_media:
                file = f"{item.subset}/{item.id}{item.media.ext or '.mp4'}"
                ctx.save_file(item, item.media, file)
            if item.annotations:
                for column in item.attributes:
                    what = f"{column} of a whole video that has labels"
                    ctx.ledger.add_at("DSK-L009", what, item)
            for label, attributes, fields in _rows(item):
                if label is not None:
                    labels[label] = None
                more.update(dict.fromkeys(fields))
                times = [_time(attributes, column, item, ctx) for column in (START, END)]
                word = "" if label is None else self._labels[label]
                rest = msgspec.json.encode(fields, enc_hook=plain_value) if fields else b"{}"
                tables[name][1].writerow([word, item.id, *times, item.subset, rest.decode()])
        for name, (text, _) in tables.items():
            with ctx.fragment(name) as fragment:
                fragment.write(text.getvalue().encode())
        return _State(list(labels), list(more))

    def finish(self, states: list[_State], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        more = list(dict.fromkeys(name for state in states for name in state.more))
        for name in ctx.out.fragment_names():
            with io.TextIOWrapper(ctx.out.open(name), "utf-8", newline="") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow([*COLUMNS, *more])
                for row in _fragment_rows(ctx.out.fragments(name)):
                    fields = msgspec.json.decode(row.pop()) if more else {}
                    table.writerow([*row[:5], *(_cell(fields.get(column)) for column in more)])
        used = list(dict.fromkeys(number for state in states for number in state.labels))
        if self._save_meta:
            ctx.write(META_NAME, meta_text(self._categories))
            return
        ctx.ledger.unused_labels(len(self._labels), [used], "clip", _HINT)
        if used != sorted(used):
            ctx.ledger.add("DSK-L015", "labels in the order of the clips", hint=_HINT)


_RENAME = "change it: -t remap_labels"
_HINT = "save_dataset_meta keeps them"


def _rows(item: DatasetItem) -> Iterator[tuple[int | None, dict[str, Any], dict[str, Any]]]:
    """Yield label, attributes and further fields of each row of an item; there is one at least."""
    shared = (item.extra or {}).get(FAMILY) or {}
    if not item.annotations:
        yield None, item.attributes, shared
    for a in item.annotations:
        yield a.label, a.attributes, (a.extra or {}).get(FAMILY) or shared


def _time(attributes: dict[str, Any], column: str, item: DatasetItem, ctx: WriteContext) -> str:
    """Return a time in seconds as text, "" for none."""
    value = attributes.get(column)
    if value is None:
        return ""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        what = f"attribute {column} that is no number of seconds"
        ctx.ledger.add("DSK-L004", what, kind="label", item=item.id, subset=item.subset)
        return ""
    return str(int(number)) if number == int(number) else repr(number)


def _fragment_rows(paths: list[str]) -> Iterator[list[str]]:
    for path in paths:
        with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 - a staged file
            yield from csv.reader(file)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
