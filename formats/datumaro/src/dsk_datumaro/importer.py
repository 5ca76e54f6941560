"""Reading Datumaro JSON: the items of every file are indexed, and decoded when they are read."""

from __future__ import annotations

import os
import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Raw, Struct

from dsk import jsonindex
from dsk.categories import Categories
from dsk.errors import InputError
from dsk.files import open_root
from dsk.flow import PARTITION_ITEMS, Header, Importer, Source, slices
from dsk.jsonerrors import UNDECODABLE
from dsk_datumaro import categories
from dsk_datumaro.detect import FOLDER, annotation_files
from dsk_datumaro.encode import NAME
from dsk_datumaro.item_reader import ItemReader
from dsk_datumaro.media import MEDIA_TYPES
from dsk_datumaro.media_reader import MediaReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["DatumaroImporter"]

VERSIONS = ("1.0", "legacy")
_KINDS = {number: kind for kind, number in MEDIA_TYPES.items() if kind != "video"} | {
    5: "media",
    7: "multiframe_image",
}
_TOP = frozenset({"categories", "dm_format_version", "media_type", "info", "infos", "dsk"})


class _Head(Struct, gc=False):
    """The top level of a file, without its items."""

    dm_format_version: str | float | None = None
    media_type: int | None = None
    info: Any = None
    infos: Any = None
    dsk: dict[str, Any] | None = None


class _File(Struct):
    """One annotation file."""

    name: str
    subset: str
    categories: Categories
    head: _Head
    fields: dict[str, Any]
    records: jsonindex.Records
    rows: NDArray[np.int64]
    labels: dict[int, int] | None = None


class DatumaroImporter(Importer):
    """Reads one file per subset."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        names = annotation_files(root)
        if root.focus is not None and root.name.lower() == FOLDER:
            root = root.up()
            names = [root.focus] if root.focus is not None else names
        elif root.name.lower() == FOLDER and os.path.isdir(root.path):  # noqa: PTH112
            above, folder = os.path.split(os.path.abspath(root.path))  # noqa: PTH100
            root, names = open_root(above), [f"{folder}/{name}" for name in names]
        files = [f for f in (_open_file(root, name, ledger) for name in names) if f is not None]
        if not files:
            raise InputError(
                "no Datumaro JSON is here",
                where=root.path,
                hint="expected annotations/<subset>.json with categories and items",
            )
        for name, count in Counter(file.subset for file in files).items():
            if count > 1:
                ledger.warn(
                    f"{count} files hold subset {name!r}: items of the same id are read as doubles"
                )
        return DatumaroSource(root, files)


def _open_file(root: InputRoot, name: str, ledger: Ledger) -> _File | None:
    where = root.show(name)
    found = jsonindex.scan(root.buffer(name), {"items": ()}, where, ledger)
    records = found.records.get("items")
    if records is None or "categories" not in found.rest:
        ledger.warn(f"{name} is no Datumaro JSON: it has no categories and items; passed over")
        return None
    known = {k: v for k, v in found.rest.items() if k in _TOP and k != "categories"}
    try:
        head = msgspec.json.decode(msgspec.json.encode(known), type=_Head)
        fields = {k: msgspec.json.decode(v) for k, v in found.rest.items() if k not in _TOP}
    except UNDECODABLE as error:
        raise InputError(str(error), where=where) from error
    if str(head.dm_format_version or "legacy") not in VERSIONS:
        ledger.warn(f"{name} has format version {head.dm_format_version!r}; read as 1.0")
    more = head.dsk or {}
    joints, subset = more.get("joint_labels"), more.get("subset")
    stem = posixpath.splitext(posixpath.basename(name))[0]
    return _File(
        name=name,
        subset=subset if isinstance(subset, str) else stem,
        categories=categories.from_json(
            found.rest["categories"], where, ledger, joints if isinstance(joints, int) else 0
        ),
        head=head,
        fields=fields,
        records=records,
        rows=_last_of_each(records, name, ledger),
    )


class _IdOnly(Struct, gc=False):
    id: Raw = Raw(b"")


_ids = msgspec.json.Decoder(list[_IdOnly]).decode


def _ids_of(records: jsonindex.Records, start: int, stop: int) -> list[bytes]:
    """Return each record's id as its JSON has it, quotes off; damaged records differ from all."""
    try:
        found = _ids(records.span(start, stop))
    except UNDECODABLE:
        if stop - start > 1:
            return [one for row in range(start, stop) for one in _ids_of(records, row, row + 1)]
        found = [_IdOnly()]
    texts = [bytes(one.id) for one in found]
    return [
        (text[1:-1] if text[:1] == b'"' else text) or b"%d of none" % (start + n)
        for n, text in enumerate(texts)
    ]


def _last_of_each(records: jsonindex.Records, name: str, ledger: Ledger) -> NDArray[np.int64]:
    """Return the rows to be read: of items with the same id only the last one."""
    count = len(records)
    starts = range(0, count, PARTITION_ITEMS)
    hashes = np.empty(count, np.int64)
    for start in starts:
        stop = min(start + PARTITION_ITEMS, count)
        hashes[start:stop] = list(map(hash, _ids_of(records, start, stop)))
    if len(np.unique(hashes)) == count:
        return np.arange(count)
    last: dict[bytes, int] = {}
    for start in starts:
        ids = _ids_of(records, start, min(start + PARTITION_ITEMS, count))
        last |= {one: start + n for n, one in enumerate(ids)}
    if len(last) < count:
        ledger.warn(f"{name} has several items of the same id; the last of each is read")
    return np.array(sorted(last.values()), np.int64)


class DatumaroSource(Source):
    """Opened Datumaro files."""

    def __init__(self, root: InputRoot, files: list[_File]) -> None:
        self._root = root
        self._files = files
        merged = files[0].categories
        for file in files[1:]:
            if file.categories != merged:
                merged, moved = merged.merged(file.categories)
                if any(old != new for old, new in moved.items()):
                    file.labels = dict(moved)
        self.header = Header(
            categories=merged,
            media=_media_kinds(files),
            subsets=tuple(dict.fromkeys(file.subset for file in files)),
            items=sum(len(file.rows) for file in files),
            info=_info(files),
        )

    def partitions(self) -> Sequence[Any]:
        """Return slices of the files' items."""
        return slices((len(file.rows) for file in self._files), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, start, stop = partition
        file = self._files[number]
        folder, _, base = file.name.rpartition("/")
        prefix = f"{folder}/"[: -len(f"{FOLDER}/")] if folder.lower().endswith(FOLDER) else folder
        stem = posixpath.splitext(base)[0]
        reader = ItemReader(
            subset=file.subset,
            media=MediaReader(self._root, prefix, stem, ledger),
            labels=len(file.categories.labels),
            moved=file.labels,
            where=self._root.show(file.name),
            ledger=ledger,
        )
        return reader.read(file.records, file.rows[start:stop])


def _media_kinds(files: list[_File]) -> frozenset[str]:
    kinds = set()
    for file in files:
        if file.head.media_type is not None:
            kinds.add(_KINDS.get(file.head.media_type, "image"))
        elif len(file.rows):
            first = bytes(file.records.raw(int(file.rows[0])))
            kinds.add("point_cloud" if b'"point_cloud"' in first else "image")
    return frozenset(kinds or {"image"})


def _info(files: list[_File]) -> dict[str, Any]:
    """Join what the files say about the whole dataset; earlier files win."""
    own: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for file in reversed(files):
        for key, value in (
            ("info", file.head.info),
            ("infos", file.head.infos),
            ("fields", file.fields),
        ):
            both = isinstance(value, dict) and isinstance(own.get(key), dict)
            if value:
                own[key] = {**own[key], **value} if both else value
        more: Mapping[str, Any] = file.head.dsk or {}
        if isinstance(more.get("info"), dict):
            others |= more["info"]
    return others | ({NAME: own} if own else {})
