"""Reading CIFAR-10 and CIFAR-100: pickles of rows of pixels, or the binary version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk.annotations import Label
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.metafile import read_meta
from dsk.names import clean_name, stem_of
from dsk.pickles import text_of
from dsk_classification.batches import (
    BINARY_100,
    META_10,
    META_100,
    find_backups,
    find_batches,
    find_binaries,
    find_homes,
    is_pickle,
    unread_batches,
)
from dsk_classification.binary import BinaryBatch, read_names
from dsk_classification.ids import unique_ids
from dsk_classification.numbered import numbered
from dsk_classification.pickles import load_dict, load_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["PARENTS", "SIDE", "CifarImporter"]

PARENTS = "fine_to_coarse"
"""Key of dsk's own in META_100: a fine label's coarse one, by number, or None."""

SIDE = 32
"""Height and width of an image, if the file does not say another."""

_KEPT = 256 << 20
"""Bytes of pixels to hold: all of CIFAR-10 or CIFAR-100, which need not be unpickled twice then."""

_NAMES_10 = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
]


class CifarImporter(Importer):
    """Reads ``data_batch_1`` … (CIFAR-10), ``train`` and ``test`` (CIFAR-100); each is a subset."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        homes = find_homes(root)
        if len(homes) > 1:
            read, *others = [folder or "." for folder in homes]
            ledger.warn(f"of several datasets {read} is read; not read: {', '.join(others)}")
        if homes:
            home = homes[0]
            for name in unread_batches(root, home):
                ledger.warn(f"{root.show(name)} is not read: it is no pickle")
            for name, original in find_backups(root, home).items():
                ledger.warn(f"{root.show(name)} is not read: it is a copy of {original}")
            return CifarSource(root, home, find_batches(root, home), ledger)
        home, files = find_binaries(root)
        if not files:
            raise InputError(
                "no CIFAR batches are here",
                where=root.show(root.focus or ""),
                hint="the Python version has batches.meta or meta beside its batches, the binary "
                "one batches.meta.txt or fine_label_names.txt",
            )
        return CifarSource(root, home, files, ledger)


class _Batch:
    """One file: columns of equal length.

    Attributes:
        names: The images' files, if they are stated; ``labels``, ``coarse``, ``sizes`` likewise.
        pixels: Rows, or None when there are none or they have been let go.
        count: Number of images.
        size: Bytes of all pixels.
        loaded: Whether the pixels have not been let go.

    Raises:
        InputError: It holds no such columns.
    """

    def __init__(self, root: InputRoot, name: str) -> None:
        where = root.show(name)
        table = load_dict(root.read(name), where)
        try:
            self.names = [text_of(n) for n in _column(table, "filenames", where)]
            self.fine = "labels" not in table or not len(table["labels"])
            self.labels = _column(table, "fine_labels" if self.fine else "labels", where)
            self.coarse = _column(table, "coarse_labels", where)
            self.pixels = load_pixels(table.get("data"))
        except (ValueError, TypeError) as error:
            raise InputError(str(error), where=where) from error
        self.sizes = _column(table, "image_sizes", where)
        pixels = () if self.pixels is None else self.pixels
        count = max(len(self.names), len(self.labels), len(pixels))
        for key, column in (
            ("filenames", self.names),
            ("fine_labels" if self.fine else "labels", self.labels),
            ("coarse_labels", self.coarse),
            ("data", pixels),
            ("image_sizes", self.sizes),
        ):
            if 0 < len(column) != count:
                raise InputError(f"{key} has {len(column)} values for {count} images", where=where)
        self.count = count
        self.where = where
        self.loaded = True
        parts = pixels if isinstance(pixels, list) else [pixels]
        self.size = sum(part.nbytes for part in parts if isinstance(part, np.ndarray))

    def forget(self) -> None:
        """Let the pixels go."""
        self.pixels = None
        self.loaded = False


def _column(table: dict[str, Any], key: str, where: str) -> list[Any]:
    value = table.get(key)
    if value is None:
        return []
    plain = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(plain, list | tuple):
        raise InputError(f"{key} is no list but {type(value).__name__}", where=where)
    return list(plain)


class CifarSource(Source):
    """Batches of images; holds their names and labels, and rows of pixels as far as they are few.

    Args:
        root: The dataset.
        home: The folder of the files.
        files: The files by subset.
        ledger: Is told about names that are made unique.
    """

    def __init__(self, root: InputRoot, home: str, files: dict[str, str], ledger: Ledger) -> None:
        self._root = root
        self._files = files
        self._fine = root.is_file(f"{home}/{BINARY_100[0]}".lstrip("/"))
        self._batches: dict[str, _Batch | BinaryBatch] = {}
        if not self._files:
            raise InputError("there is no batch of images", where=root.show(home))
        categories, coarse, parents = _read_labels(root, home)
        highest, fine = -1, False
        self._ids: dict[str, list[str]] = {}
        for subset in self._files:
            batch = self._load(subset)
            self._ids[subset] = _ids(batch, ledger)
            if lost := _add_parents(batch, parents, len(coarse)):
                ledger.warn(
                    f"{batch.where}: {lost} of the coarse labels are not read: they are not those "
                    "of their image's label, or have no name"
                )
            numbers = [n for n in batch.labels if type(n) is int]
            highest = max(highest, *numbers, -1)
            fine = fine or (batch.fine and bool(numbers))
        if categories is None:
            named = highest < len(_NAMES_10) and not fine
            categories = (
                Categories.from_names(_NAMES_10) if named else numbered(highest, root.show(home))
            )
        self._categories = _with_parents(categories, parents, coarse)
        self.header = Header(
            categories=self._categories,
            subsets=tuple(self._files),
            items=sum(batch.count for batch in self._batches.values()),
        )

    def _load(self, subset: str) -> _Batch | BinaryBatch:
        """Return a batch with its pixels; those of others are let go when they become many."""
        batch = self._batches.get(subset)
        if batch is not None and batch.loaded:
            return batch
        known = [b for b in self._batches.values() if b.loaded]
        if sum(b.size for b in known) + (batch.size if batch else 0) > _KEPT:
            for other in known:
                other.forget()  # before the next one comes
        name = self._files[subset]
        if name.lower().endswith(".bin"):
            batch = BinaryBatch(self._root, name, fine=self._fine)
        else:
            batch = _Batch(self._root, name)
        self._batches[subset] = batch
        return batch

    def partitions(self) -> Sequence[Any]:
        """Return slices of the batches."""
        return [
            (subset, *span)
            for subset, batch in self._batches.items()
            for span in spans(batch.count, self.partition_items)
        ]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        subset, start, stop = partition
        batch = self._load(subset)
        ids = self._ids[subset][start:stop]
        names = batch.names[start:stop] or [f"{item}.png" for item in ids]
        views = _views(batch, start, stop)
        known = [(Label(label=n),) for n in range(len(self._categories.labels))]
        for number, item, name in zip(range(start, stop), ids, names, strict=True):
            annotations: tuple[Label, ...] = ()
            media = None
            try:
                label = _label(batch, number, len(known))
                if label is not None:
                    annotations = known[label]
            except ValueError as error:
                place = f"{batch.where}[{number}]"
                ledger.bad_record(RecordError(str(error), where=place, item=item))
            path = clean_name(name, batch.where)
            try:
                if views is not None:
                    media = Image(path, views[number - start], None, (SIDE, SIDE))
                else:
                    media = _image(batch, number, path)
            except (ValueError, TypeError) as error:
                place = f"{batch.where}[{number}]"
                ledger.bad_record(RecordError(str(error), where=place, item=item))
            yield DatasetItem(item, subset, media, annotations)


def _ids(batch: _Batch | BinaryBatch, ledger: Ledger) -> list[str]:
    """Return the ids of a batch's items: the files' names without ending, or running numbers."""
    if not batch.names:
        return [str(n) for n in range(batch.count)]
    stems = (stem_of(clean_name(name, batch.where)) for name in batch.names)
    return unique_ids(stems, batch.where, ledger)


def _label(batch: _Batch | BinaryBatch, number: int, known: int) -> int | None:
    value = batch.labels[number] if batch.labels else None
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < known:
        raise ValueError(f"label {value!r} of {known} labels, counted from 0")
    return value


def _views(batch: _Batch | BinaryBatch, start: int, stop: int) -> list[NDArray[np.uint8]] | None:
    """Return images of the usual size, at once; None if there are others."""
    pixels = batch.pixels
    if not isinstance(pixels, np.ndarray) or batch.sizes or pixels.shape[1:] != (3 * SIDE * SIDE,):
        return None
    return list(pixels[start:stop].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))


def _image(batch: _Batch | BinaryBatch, number: int, name: str) -> Image | None:
    """Return an image: its row holds the red, the green and the blue plane, each row by row."""
    if batch.pixels is None:
        return None
    row = batch.pixels[number]
    if row is None:
        return None
    height, width = batch.sizes[number] if batch.sizes else (SIDE, SIDE)
    if type(height) is not int or type(width) is not int or height < 0 or width < 0:
        raise ValueError(f"an image's size is two numbers, not {height!r}, {width!r}")
    if row.size != 3 * height * width:
        raise ValueError(f"{row.size} values for an image of 3 × {height} × {width}")
    if not row.size:
        return None
    return Image.from_array(row.reshape(3, height, width).transpose(1, 2, 0), name)


def _read_labels(root: InputRoot, home: str) -> tuple[Categories | None, list[str], dict[int, int]]:
    """Return the labels, None if no file names them, the coarse ones, and the latter by label."""
    prefix = f"{home}/" if home else ""
    found = read_meta(root, home)
    for base in (META_10, META_100):
        if not root.is_file(prefix + base) or not is_pickle(root.read(prefix + base, 3)):
            continue
        where = root.show(prefix + base)
        meta = load_dict(root.read(prefix + base), where)
        names = _column(meta, "label_names", where) or _column(meta, "fine_label_names", where)
        coarse = _column(meta, "coarse_label_names", where)
        try:
            texts, coarse = [text_of(n) for n in names], [text_of(n) for n in coarse]
        except ValueError as error:
            raise InputError(f"label names: {error}", where=where) from error
        parents = _column(meta, PARENTS, where)
        known = {n: above for n, above in enumerate(parents) if type(above) is int}
        return (Categories.from_names(texts) if found is None else found[0]), coarse, known
    texts, coarse = read_names(root, home)
    if found is None and texts:
        found = (Categories.from_names(texts), {})
    return (found[0] if found is not None else None), coarse, {}


def _add_parents(batch: _Batch | BinaryBatch, parents: dict[int, int], known: int) -> int:
    """Note the coarse labels of labels; return how many images have one that is not held so."""
    lost = 0
    for number, above in enumerate(batch.coarse):
        if type(above) is not int:
            continue
        label = batch.labels[number] if batch.labels else None
        held = type(label) is int and 0 <= above < known
        if not held or parents.setdefault(int(label or 0), above) != above:
            lost += 1
    return lost


def _with_parents(categories: Categories, parents: dict[int, int], coarse: list[str]) -> Categories:
    """Set the parents of labels that have none, by the coarse labels of their images."""
    labels = [
        replace(label, parent=coarse[parents[n]])
        if not label.parent and 0 <= parents.get(n, -1) < len(coarse)
        else label
        for n, label in enumerate(categories.labels)
    ]
    return categories.with_labels(labels)
