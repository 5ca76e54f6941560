"""Ultralytics classify: a folder per subset, in it a folder per class."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from dsk.annotations import Label
from dsk.categories import Categories
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Source, spans
from dsk.item import DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.media import is_image_name
from dsk.metafile import META_NAME, meta_text, read_meta
from dsk.names import clean_name, stem_of
from dsk_yolo.folders import images_of
from dsk_yolo.paths import IMAGE_FOLDERS, LABEL_FOLDERS, SPLIT_KEYS, folder_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk.output import WriteContext
    from dsk_yolo.labels import ClassNames

__all__ = [
    "ClassifySource",
    "finish_classify",
    "label_folder",
    "open_classify",
    "subset_folders",
    "write_classify",
]

DEPTH = 3
"""How deep below the root the subsets are looked for."""

LABELS_FILE = "labels.json"
NO_LABEL = "no_label"
_NO_CLASSES = frozenset({*IMAGE_FOLDERS, *LABEL_FOLDERS})


class Entry(Struct, gc=False):
    """One item: its id, its image's relative name, its labels' names."""

    id: str
    image: str
    labels: list[str]


def subset_folders(root: InputRoot, home: str = "") -> list[str]:
    """Return the names of the folders in one that hold class folders, or a labels.json."""
    found = []
    prefix = f"{home}/" if home else ""
    for folder in root.entries(home)[0]:
        classes, files = root.entries(prefix + folder)
        if LABELS_FILE in files or (classes and _NO_CLASSES.isdisjoint(classes)):
            found.append(folder)
    return found


def _home(root: InputRoot) -> str:
    """Return the folder of the subsets: a download's only folder, if that holds the subsets."""
    home = ""
    for _ in range(DEPTH):
        folders, files = root.entries(home)
        if len(folders) != 1 or LABELS_FILE in files or folders[0].lower() in SPLIT_KEYS:
            break
        home = f"{home}/{folders[0]}" if home else folders[0]
        if any(name.lower() in SPLIT_KEYS for name in root.entries(home)[0]):
            return home
    return ""


def open_classify(root: InputRoot, ledger: Ledger) -> ClassifySource | None:
    """Open a classify dataset, or return None if there are no subset and class folders.

    Raises:
        InputError: A labels.json is damaged.
    """
    order = {key: n for n, key in enumerate(SPLIT_KEYS)}
    home = _home(root)
    folders = sorted(subset_folders(root, home), key=lambda f: order.get(f, len(order)))
    items = {}
    for name in folders:
        folder = f"{home}/{name}" if home else name
        entries = _list_subset(root, folder, _read_table(root, folder), ledger)
        if entries or root.is_file(f"{folder}/{LABELS_FILE}"):
            items[name] = entries
    found = read_meta(root, home)
    meta = found[0] if found is not None else None
    if not any(items.values()) and meta is None:
        return None
    used = {label for entries in items.values() for entry in entries for label in entry.labels}
    names = meta.names if meta is not None else []
    return ClassifySource(root, items, [*names, *sorted(used.difference(names))])


class _Record(Struct):
    labels: list[str] = []
    path: str = ""


def _read_table(root: InputRoot, folder: str) -> dict[str, _Record]:
    file = f"{folder}/{LABELS_FILE}"
    if not root.is_file(file):
        return {}
    try:
        return msgspec.json.decode(root.text_bytes(file), type=dict[str, _Record])
    except UNDECODABLE as error:
        raise InputError(str(error), where=root.show(file)) from error


def _list_subset(
    root: InputRoot, folder: str, table: dict[str, _Record], ledger: Ledger
) -> list[Entry]:
    entries = []
    covered: set[str] = set()
    for item, record in table.items():
        try:
            name = clean_name(item)
            image = clean_name(record.path) if record.path else ""
        except UnsafePathError as error:
            where = f"{root.show(folder)}/{LABELS_FILE}"
            ledger.bad_record(RecordError(error.message, where=where, item=item))
            continue
        tail = image.partition("/")[2]
        covered.update(f"{label_folder(label)}/{tail}" for label in [*record.labels, NO_LABEL])
        covered.add(image)
        entries.append(Entry(name, image and f"{folder}/{image}", record.labels))
    cut = len(folder) + 1
    for file in root.walk(folder):
        if not is_image_name(file) or file[cut:] in covered:
            continue
        label, slash, _ = file[cut:].partition("/")
        if not slash:
            ledger.warn(f"{folder}: images in no class folder are read without label")
        labels = [label] if slash and label != NO_LABEL else []
        entries.append(Entry(stem_of(file[cut:]), file, labels))
    return _unique(entries, cut, ledger)


_NO_FOLDER = re.compile(r"[/\\]|(?<=^[A-Za-z]):")
"""What would part a folder's name, or make a drive letter of it."""


def label_folder(label: str) -> str:
    """Return the folder of a label's images."""
    folder = _NO_FOLDER.sub("_", label).strip()
    return f"_{folder}" if folder in ("", ".", "..", NO_LABEL) else folder


def _unique(entries: list[Entry], cut: int, ledger: Ledger) -> list[Entry]:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            entry.id = entry.image[cut:]
            ledger.warn("images share a name in one folder; one was given a longer id")
        seen.add(entry.id)
    return entries


class ClassifySource(Source):
    """An opened classify dataset."""

    def __init__(self, root: InputRoot, items: dict[str, list[Entry]], names: list[str]) -> None:
        self._root = root
        self._items = items
        self._index = {name: n for n, name in enumerate(names)}
        self.header = Header(
            categories=Categories.from_names(names),
            media=frozenset({"image"}),
            subsets=tuple(items),
            items=sum(len(entries) for entries in items.values()),
        )

    def partitions(self) -> Sequence[tuple[str, int, int]]:
        """Return (subset, first item, item after the last)."""
        return [
            (subset, *span)
            for subset, entries in self._items.items()
            for span in spans(len(entries), self.partition_items)
        ]

    def read(self, partition: tuple[str, int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        subset, start, stop = partition
        index = self._index
        entries = self._items[subset][start:stop]
        pictures = images_of(self._root, [entry.image for entry in entries if entry.image])
        for entry in entries:
            media = next(pictures) if entry.image else None
            labels: list[Annotation] = [Label(label=index[name]) for name in entry.labels]
            yield DatasetItem(entry.id, subset, media, labels)


def write_classify(
    items: Iterable[DatasetItem],
    ctx: WriteContext,
    names: ClassNames,
) -> dict[str, dict[str, int]]:
    """Write one partition; return the number of items by subset folder and label."""
    counts: dict[str, dict[str, int]] = {}
    tables: dict[str, list[bytes]] = {}
    for item in items:
        folder = folder_of(item.subset)
        if folder != item.subset:
            ctx.ledger.add_at("DSK-L012", f"subset {item.subset}→{folder}", item)
        labels = _labels_of(item, names, ctx)
        file = ctx.image_name(item)
        places = [label_folder(name) for name in labels] or [NO_LABEL]
        paths = [f"{place}/{file.removeprefix(place + '/')}" for place in places]
        for path in paths:
            ctx.save_image(item, f"{folder}/{path}")
        record = {"labels": labels, "path": paths[0]}
        pair = msgspec.json.encode(item.id) + b": " + msgspec.json.encode(record)
        tables.setdefault(folder, []).append(pair)
        count = counts.setdefault(folder, {})
        for name in labels:
            count[name] = count.get(name, 0) + 1
    for folder, pairs in tables.items():
        with ctx.fragment(f"{folder}/{LABELS_FILE}") as file_:
            file_.write(b",\n".join(pairs))
    return counts


def finish_classify(
    states: list[dict[str, dict[str, int]]], names: ClassNames, ctx: WriteContext
) -> None:
    """Join the tables of labels, and report what folders do not say."""
    for file in ctx.out.fragment_names():
        ctx.out.join(file, ctx.out.fragments(file), head=b"{", between=b",\n", tail=b"}\n")
    used: dict[str, set[str]] = {}
    for state in states:
        for folder, count in state.items():
            used.setdefault(folder, set()).update(count)
    # Folders alone would lose the labels' order and those without images.
    ctx.write(META_NAME, meta_text(Categories.from_names(names.names)))
    if len({frozenset(labels) for labels in used.values()}) > 1:
        ctx.ledger.warn(
            "the subsets do not have the same classes; trainers that number the folders of each "
            "subset by themselves will mix classes up"
        )


def _labels_of(item: DatasetItem, names: ClassNames, ctx: WriteContext) -> list[str]:
    out: list[str] = []
    for a in item.annotations:
        number: Any = names.ids[a.label] if a.label is not None else None
        if number is None:
            what = "label names a keypoint, not a class"
        elif names.names[number] in out:
            what = "label given twice"
        else:
            out.append(names.names[number])
            continue
        ctx.ledger.add_at("DSK-L017", what, item, a)
    return out
