"""Reading MNIST and its relatives: IDX files of labels and images for each subset."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dsk.annotations import Label
from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, LimitError, OptionError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.metafile import read_meta
from dsk_classification.ids import unique_ids
from dsk_classification.idx import UINT8, IdxFile
from dsk_classification.labelfiles import labels_by_folder, lone_images
from dsk_classification.numbered import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_classification.labelfiles import LabelsFile

__all__ = ["CELL", "NONE", "SIDE", "MnistImporter", "choose_split", "read_labels", "read_names"]

NONE = 255
"""The label of an image without one, an extension of Datumaro's."""

SIDE = 28
CELL = 32
"""Characters of a cell of ``<subset>-meta.gz``."""

_MAX_VALUES = 1 << 28
"""Labels are read whole; no dataset has as many."""

_FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"]
_FASHION += ["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
_KANA = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


class MnistImporter(Importer):
    """Reads ``<subset>-labels-idx1-ubyte.gz`` and ``<subset>-images-idx3-ubyte.gz``.

    Args:
        split: Which of EMNIST's datasets to read, if there are several ("letters").
        transpose: Whether the images are stored column by column; auto: those of EMNIST are.
    """

    def __init__(
        self,
        *,
        split: str | None = None,
        transpose: Literal["auto", "yes", "no"] = "auto",
    ) -> None:
        self._split = split
        self._transpose = transpose

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        folders = labels_by_folder(root)
        files = next(iter(folders.values()), [])
        if len(folders) > 1:
            read, *others = [folder or "." for folder in folders]
            ledger.warn(f"of several datasets {read} is read; not read: {', '.join(others)}")
        for name in lone_images(root, files):
            ledger.warn(f"{root.show(name)} is not read: there is no file of its labels")
        chosen = choose_split(root, sorted({file.split for file in files}), self._split)
        files = [file for file in files if chosen in (None, file.split)]
        if not files:
            raise InputError(
                "no MNIST labels are here",
                where=root.show(root.focus or ""),
                hint="they are called <subset>-labels-idx1-ubyte.gz",
            )
        turn = self._transpose == "yes" or (self._transpose == "auto" and bool(files[0].split))
        return MnistSource(root, files, ledger, turn=turn)


def choose_split(root: InputRoot, splits: Sequence[str], wanted: str | None) -> str | None:
    """Return which of EMNIST's datasets to read, None for all there is.

    Raises:
        OptionError: There is none of that name.
        InputError: There are several, and none is named.
    """
    if wanted is not None and wanted not in splits:
        raise OptionError(f"there is no split {wanted!r}; there are: {', '.join(splits)}")
    if wanted is None and len(splits) > 1:
        raise InputError(
            f"here are several datasets: {', '.join(splits)}",
            where=root.path,
            hint=f"choose one: -I split={splits[-1]}",
        )
    return wanted


class _Subset:
    """One subset's labels and where its images are.

    Raises:
        InputError: The files are damaged or do not fit each other.
    """

    def __init__(self, root: InputRoot, file: LabelsFile, ledger: Ledger) -> None:
        self.subset = file.subset
        labels = IdxFile(root, file.name)
        values = _read_all(labels)
        if (
            values.ndim not in (1, 2)
            or values.dtype.kind not in "iu"
            or values.ndim > values.size + 1
        ):
            message = f"labels of type {values.dtype} and shape {values.shape}"
            raise InputError(message, where=labels.where)
        self.where = labels.where
        none = NONE if values.dtype == np.uint8 else -1
        column = values if values.ndim == 1 else values[:, 0]
        self.labels = np.where(column == none, -1, column.astype(np.int64))
        count = len(self.labels)
        folder, slash, _ = file.name.rpartition("/")
        name = f"{folder}{slash}{file.subset}-meta.gz"
        ids, sizes = _read_meta(root, name, count)
        self.ids = None if ids is None else unique_ids(ids, root.show(name), ledger)
        self.images = IdxFile(root, file.images) if root.is_file(file.images) else None
        self.starts: NDArray[np.int64] | None = None
        self.sizes: NDArray[np.int64] | None = None
        self.channels = 1
        if self.images is not None:
            self._measure(self.images, count, sizes)
        elif count:
            ledger.warn(f"there is no file {root.show(file.images)}: only labels are read")
        if self.channels > 1:
            ledger.warn("images hold three values a pixel; read as Datumaro writes them, in colour")

    def _measure(self, images: IdxFile, count: int, sizes: NDArray[np.int64] | None) -> None:
        """Find out where images begin: many headers state a wrong number of them."""
        shape = images.header.shape
        if images.header.dtype != UINT8 or len(shape) != 3:
            raise InputError("images are uint8 values in three dimensions", where=images.where)
        area = shape[1] * shape[2]
        stated = int((sizes[:, 0] * sizes[:, 1]).sum()) if sizes is not None else -1
        body = images.body_size((stated, area * count))
        if sizes is not None and stated > 0 and body == 3 * stated:
            self.sizes, self.channels = sizes, 3
        elif sizes is not None and stated == body:
            self.sizes = sizes
        elif body == area * count and (area or not count):
            self.sizes = np.full((count, 2), shape[1:], dtype=np.int64)
        elif area and body == shape[0] == 3 * area * count:  # Datumaro states bytes, not images
            self.sizes, self.channels = np.full((count, 2), shape[1:], dtype=np.int64), 3
        else:
            found = f"{body // area} images" if area and body % area == 0 else f"{body} bytes"
            raise InputError(
                f"image data size does not match: {found} of {shape[1]} × {shape[2]} pixels "
                f"for {count} labels",
                where=images.where,
            )
        areas = self.sizes[:, 0] * self.sizes[:, 1] * self.channels
        self.starts = np.concatenate([[0], np.cumsum(areas)]) + images.header.size

    def pixels(self, first: int, last: int) -> list[NDArray[np.uint8] | None]:
        """Return the images of some items, gray or RGB.

        Raises:
            InputError: The file ends before.
        """
        if self.images is None or self.starts is None or self.sizes is None:
            return [None] * (last - first)
        begin, end = int(self.starts[first]), int(self.starts[last])
        data = np.frombuffer(self.images.read(begin, end - begin), np.uint8)
        if len(data) < end - begin:
            raise InputError("the file is cut off", where=self.images.where)
        sizes = self.sizes[first:last]
        height, width = (int(n) for n in sizes[0])
        if self.channels == 1 and height * width and (sizes == sizes[0]).all():
            return list(data.reshape(-1, height, width))
        found: list[NDArray[np.uint8] | None] = []
        for number in range(first, last):
            height, width = (int(n) for n in self.sizes[number])
            start = int(self.starts[number]) - begin
            row = data[start : start + height * width * self.channels]
            image = row.reshape(height, width, self.channels)[:, :, ::-1]  # blue comes first
            found.append(None if not len(row) else image if self.channels > 1 else image[:, :, 0])
        return found


def _read_all(file: IdxFile) -> NDArray[Any]:
    """Return all values of a small file.

    Raises:
        InputError: There are fewer or more than its header says.
        LimitError: There are too many.
    """
    header = file.header
    dtype = np.dtype(header.dtype)
    count = math.prod(header.shape)
    if count > _MAX_VALUES:
        raise LimitError(f"{count} values are too many for labels", where=file.where)
    size = count * dtype.itemsize
    data = file.read(header.size, size + 1)
    file.close()
    if len(data) != size:
        found = "more" if len(data) > size else str(len(data))
        raise InputError(f"the header says {size} bytes, there are {found}", where=file.where)
    return np.frombuffer(data, dtype).reshape(header.shape)


def _read_meta(
    root: InputRoot, name: str, count: int
) -> tuple[list[str] | None, NDArray[np.int64] | None]:
    """Read ``<subset>-meta.gz``: rows of id; height, width; or all three; 32 characters each."""
    if not root.is_file(name) or not count:
        return None, None
    where = root.show(name)
    try:
        with root.open(name) as raw, gzip.GzipFile(fileobj=raw) as file:
            data = file.read(count * 3 * CELL * 4 + 1)
        cells = np.frombuffer(data, dtype=f"<U{CELL}")
        columns = len(cells) // count
        if columns not in (1, 2, 3) or len(cells) != columns * count:
            raise ValueError(f"{len(cells)} cells for {count} images")  # noqa: TRY301
        rows = cells.reshape(count, columns)
        sizes = rows[:, -2:].astype(np.int64) if columns > 1 else None
        if sizes is not None and (sizes < 0).any():
            raise ValueError("a negative size")  # noqa: TRY301
        ids = [str(cell) for cell in rows[:, 0]] if columns != 2 else None
    except (EOFError, OSError, zlib.error, ValueError, OverflowError) as error:
        raise InputError(f"damaged table of ids and sizes: {error}", where=where) from error
    return ids, sizes


class MnistSource(Source):
    """Subsets of images; holds their labels, and reads the images from the front.

    Args:
        root: The dataset.
        files: The files of labels.
        ledger: Is told about images in colour.
        turn: Whether images are stored column by column.
    """

    def __init__(
        self, root: InputRoot, files: Sequence[LabelsFile], ledger: Ledger, *, turn: bool
    ) -> None:
        self._turn = turn
        self._subsets = {file.subset: _Subset(root, file, ledger) for file in files}
        highest = max((int(s.labels.max(initial=-1)) for s in self._subsets.values()), default=-1)
        home = files[0].name.rpartition("/")[0]
        categories, numbers = read_labels(root, home, files[0].split, highest)
        self._numbers = numbers
        self.header = Header(
            categories=categories,
            subsets=tuple(self._subsets),
            items=sum(len(s.labels) for s in self._subsets.values()),
        )

    def partitions(self) -> Sequence[Any]:
        """Return slices of the subsets."""
        return [
            (name, *span)
            for name, subset in self._subsets.items()
            for span in spans(len(subset.labels), self.partition_items)
        ]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        name, start, stop = partition
        subset = self._subsets[name]
        labels = subset.labels[start:stop].tolist()
        images = subset.pixels(start, stop)
        known: dict[int, tuple[Label, ...]] = {
            value: (Label(label=n),) for value, n in self._numbers.items()
        }
        known.setdefault(-1, ())
        for number, value, pixels in zip(range(start, stop), labels, images, strict=True):
            item = str(number)
            if subset.ids is not None:
                item = subset.ids[number]
            if value not in known:
                where = f"{subset.where}[{number}]"
                message = f"label {value} has no name"
                ledger.bad_record(RecordError(message, where=where, item=item))
            media = None
            if pixels is not None:
                image = pixels.swapaxes(0, 1) if self._turn else pixels
                media = Image(f"{item}.png", image, None, image.shape[:2])
            yield DatasetItem(item, name, media, known.get(value, ()))

    def close(self) -> None:
        """See ``Source.close``."""
        for subset in self._subsets.values():
            if subset.images is not None:
                subset.images.close()


def read_names(root: InputRoot, home: str) -> Categories | None:
    """Return the labels of a folder's dataset_meta.json or labels.txt, a label per line."""
    found = read_meta(root, home)
    if found is not None:
        return found[0]
    name = f"{home}/labels.txt".lstrip("/")
    if not root.is_file(name):
        return None
    lines = root.text(name).replace("\r\n", "\n").split("\n")
    return Categories.from_names(line.strip() for line in lines if line.strip())


def read_labels(
    root: InputRoot, home: str, split: str, highest: int
) -> tuple[Categories, dict[int, int]]:
    """Return the labels and the index of each number in the files."""
    found = read_names(root, home)
    mapping = f"{home}/emnist-{split}-mapping.txt".lstrip("/")
    if found is None and split and root.is_file(mapping):
        return _read_mapping(root, mapping)
    if found is None:
        place = _place(root, home).lower()
        names = _FASHION if "fashion" in place else _KANA if "kmnist" in place else None
        if names is None or highest >= len(names):
            found = numbered(highest, root.show(home), prefix="", least=10)
        else:
            found = Categories.from_names(names)
    return found, {n: n for n in range(len(found.labels))}


def _place(root: InputRoot, home: str) -> str:
    """Return the names of the folders that may say which dataset this is."""
    path = os.path.abspath(root.path)  # noqa: PTH100 - as ``InputRoot.name`` is made
    above, name = os.path.split(path)
    # torchvision's folder, which is called alike in all datasets
    parts = [os.path.basename(above)] if not home and name.lower() == "raw" else []  # noqa: PTH119
    return "/".join([*parts, name, home])


def _read_mapping(root: InputRoot, name: str) -> tuple[Categories, dict[int, int]]:
    """Read EMNIST's names of labels: lines of label and the codes of its characters."""
    rows = []
    for number, line in enumerate(root.text(name).split("\n"), 1):
        try:
            fields = [int(field) for field in line.split()]
            if fields:
                rows.append((fields[0], chr(fields[1])))
        except (ValueError, IndexError, OverflowError) as error:
            where = f"{root.show(name)}:{number}"
            raise InputError("a line is: label, character code", where=where) from error
    labels = tuple(LabelCategory(text, source_id=value) for value, text in rows)
    return Categories(labels=labels), {value: n for n, (value, _) in enumerate(rows)}
