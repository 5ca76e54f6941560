"""Reading lists of images with label numbers, as Caffe has them for ImageNet."""

from __future__ import annotations

import contextlib
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from dsk.annotations import Label
from dsk.categories import Categories
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import HEAVY_ITEMS, Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image, is_image_name
from dsk.metafile import META_NAME, read_meta
from dsk.names import clean_name, stem_of
from dsk_classification.imagelists import (
    META,
    SYNSETS,
    find_lists,
    find_names,
    parse_line,
    unread_lists,
)
from dsk_classification.numbered import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["IMAGES", "ImagenetTxtImporter", "read_labels"]

IMAGES = "images"
_NUMBERED = re.compile(r"(\d+)\s+(.+)", re.ASCII)


def read_labels(root: InputRoot, name: str, home: str = "", *, bare: bool = False) -> Categories:
    """Return the labels of a file with one a line, or of the dataset_meta.json in a folder.

    Args:
        root: The dataset.
        name: The file.
        home: The folder.
        bare: Leave out the labels' numbers if all lines begin with them, as in PaddleClas.

    Raises:
        InputError: It is missing, or a line in it is blank.
    """
    meta = read_meta(root, home.rstrip("/"))
    if meta is not None:
        return meta[0]
    if not root.is_file(name):
        raise InputError(
            "there is no such file of label names",
            where=root.show(name),
            hint="name it with labels_file, or give labels=generate",
        )
    names = [line.strip() for line in root.text(name).rstrip().split("\n")]
    numbered = [_NUMBERED.fullmatch(line) for line in names]
    if bare and all(found and found[1] == str(n) for n, found in enumerate(numbered)):
        names = [found[2] for found in numbered if found]
    if "" in names and names != [""]:
        where = f"{root.show(name)}:{names.index('') + 1}"
        raise InputError("a blank line between labels: is a name missing?", where=where)
    return Categories.from_names(name for name in names if name)


class ImagenetTxtImporter(Importer):
    """Reads ``<subset>.txt``, a line ``<image> <number> …`` for each image, and the labels' names.

    Args:
        labels: "file": the names are in a file; "generate": they are ``class-0``, ``class-1`` ….
        labels_file: That file.
        image_dir: Folder of the images.
    """

    def __init__(
        self, *, labels: str = "file", labels_file: str = SYNSETS, image_dir: str = IMAGES
    ) -> None:
        self._generate = labels == "generate"
        self._labels_file = labels_file
        self._image_dir = image_dir

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        home, lists = find_lists(root, self._labels_file)
        if not lists:
            odd = unread_lists(root, home, ())
            raise InputError(
                f"{odd[0]} is no list of images" if odd else "no list of images is here",
                where=root.show(root.focus or ""),
                hint="a list is <subset>.txt with lines: image, label numbers",
            )
        for name in unread_lists(root, home, lists.values()):
            ledger.warn(f"{root.show(name)} is not read: none of its first lines names an image")
        if self._generate:
            return ImagenetTxtSource(root, home, lists, None, self._image_dir)
        file = home + self._labels_file
        other = None
        if self._labels_file == SYNSETS and not root.is_file(file):
            other = find_names(root, home) if not root.is_file(home + META_NAME) else None
        categories = read_labels(root, other or file, home, bare=other is not None)
        source = ImagenetTxtSource(root, home, lists, categories, self._image_dir)
        count = len(categories.labels)
        if other is None or source.highest < count:
            return source
        ledger.warn(
            f"{root.show(other)} names {count} labels, but numbers go up to {source.highest}: "
            "labels are called class-0 …; labels_file names another file"
        )
        return ImagenetTxtSource(root, home, lists, None, self._image_dir)


class _Part(Struct, frozen=True):
    """Some lines of a list: its subset, the first line's number, and the bytes it spans."""

    subset: str
    line: int
    start: int
    stop: int


class ImagenetTxtSource(Source):
    """Lists of images; holds where their lines are, and the images' hashes while it opens.

    Args:
        root: The dataset.
        home: Its folder, with its slash.
        lists: File by subset.
        categories: The labels, or None to generate as many as are used.
        image_dir: Folder of the images.

    Attributes:
        highest: The highest label number, -1 if there is none.
    """

    def __init__(
        self,
        root: InputRoot,
        home: str,
        lists: dict[str, str],
        categories: Categories | None,
        image_dir: str,
    ) -> None:
        self._root = root
        self._home = home
        self._lists = lists
        self._text = {subset: root.buffer(name) for subset, name in lists.items()}
        self._parts: list[_Part] = []
        self._twice: dict[str, set[int]] = {}
        self._folders: dict[str, str] = {}
        self._by_stem: dict[str, dict[str, str]] = {}
        self.highest = -1
        count = sum(self._scan(subset) for subset in lists)
        for subset in lists:
            self._folders[subset] = self._image_folder(subset, image_dir)
        if categories is None:
            categories = numbered(self.highest, root.show(home))
        self._labels = len(categories.labels)
        twice = sum(map(len, self._twice.values()))
        self.header = Header(
            categories=categories, subsets=tuple(lists), items=None if twice else count
        )

    def _scan(self, subset: str) -> int:
        """Cut a list into parts and find images that it names twice; return its lines' number."""
        hashes: list[int] = []
        numbers: list[int] = []
        start, first, count = 0, 1, 0
        end = number = 0
        for number, end, line in _lines(self._text[subset], self._root.show(self._lists[subset])):
            try:
                name, labels = parse_line(line)
            except ValueError:
                continue  # ``read`` says so
            for label in labels:
                if label > self.highest:  # noqa: PLR1730 - a line in a million lines
                    self.highest = label
            hashes.append(hash(stem_of(_plain(name))))
            numbers.append(number)
            count += 1
            if count % HEAVY_ITEMS == 0:
                self._parts.append(_Part(subset, first, start, end))
                start, first = end, number + 1
        if start < end or not count:
            self._parts.append(_Part(subset, first, start, len(self._text[subset])))
        if count:
            _, keep = np.unique(np.array(hashes), return_index=True)
            if len(keep) < count:
                again = np.setdiff1d(np.arange(count), keep)
                self._twice[subset] = {numbers[n] for n in again.tolist()}
        return count

    def _image_folder(self, subset: str, image_dir: str) -> str:
        """Return the folder that holds a list's first image, or the one there should be.

        Lists in ``meta`` are about images beside it; ``val_list.txt`` is about those of ``val``.
        """
        outer, slash, last = self._home.rstrip("/").rpartition("/")
        bases = (self._home, outer + slash) if last == META else (self._home,)
        bare = subset.removesuffix("_list")
        for _, _, line in _lines(self._text[subset], self._root.show(self._lists[subset])):
            try:
                name = clean_name(parse_line(line)[0])
            except (ValueError, UnsafePathError):
                continue
            for choice in (image_dir, subset, bare, f"ILSVRC2012_img_{bare}", ""):
                for base in bases:
                    folder = (base + choice).rstrip("/")
                    if self._root.is_file(f"{folder}/{name}".lstrip("/")):
                        return folder
                    stems = {} if is_image_name(name) else self._stems(folder)
                    if name in stems:
                        self._by_stem[subset] = stems
                        return folder
            break
        return (self._home + image_dir).rstrip("/")

    def _stems(self, folder: str) -> dict[str, str]:
        """Return a folder's images by their names without ending, as some lists have them."""
        cut = len(folder) + 1 if folder else 0
        names = (name[cut:] for name in self._root.walk(folder))
        return {stem_of(name): name for name in names if is_image_name(name)}

    def partitions(self) -> Sequence[Any]:
        """Return parts of the lists."""
        parts: list[_Part] = []
        together = max(1, self.partition_items // HEAVY_ITEMS)
        for _, found in groupby(self._parts, key=lambda part: part.subset):
            pieces = list(found)
            parts += [
                replace(pieces[first], stop=pieces[stop - 1].stop)
                for first, stop in spans(len(pieces), together)
            ]
        return parts

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        part: _Part = partition
        show = self._root.show(self._lists[part.subset])
        locate = self._root.locator(self._folders[part.subset], clean=True)
        twice = self._twice.get(part.subset, ())
        stems = self._by_stem.get(part.subset, {})
        made: dict[int, Label] = {}
        text = self._text[part.subset][part.start : part.stop]
        for number, _, line in _lines(text, show, part.line, at_start=part.start == 0):
            where = f"{show}:{number}"
            try:
                name, numbers = parse_line(line)
            except ValueError as error:
                ledger.bad_record(RecordError(str(error), where=where))
                continue
            path = clean_name(name, where)
            item = clean_name(stem_of(path), where)
            path = stems.get(path, path)
            if number in twice:
                message = "the image is listed before"
                hint = "a line holds all label numbers of its image"
                ledger.bad_record(RecordError(message, where=where, item=item, hint=hint))
                continue
            labels: list[Annotation] = []
            for n in numbers:
                label = made.get(n)
                if label is None:
                    if not 0 <= n < self._labels:
                        message = f"label number {n} of {self._labels} labels, counted from 0"
                        ledger.bad_record(RecordError(message, where=where, item=item))
                        continue
                    label = made[n] = Label(label=n)
                labels.append(label)
            yield DatasetItem(item, part.subset, Image(path, locate(path)), labels)


def _plain(name: str) -> str:
    """Return a name as items are called, so that ``./a.jpg`` is seen to be ``a.jpg``."""
    if "\\" in name or "./" in name or "//" in name:
        with contextlib.suppress(UnsafePathError):  # ``read`` says so
            return clean_name(name)
    return name


def _lines(
    text: memoryview, where: str, number: int = 1, *, at_start: bool = True
) -> Iterator[tuple[int, int, str]]:
    """Yield number, end and text of each line that is not blank; all ends count a line break.

    Raises:
        InputError: It is not UTF-8.
    """
    place, size = 0, len(text)
    step = 1 << 20
    rest = b""
    while place < size:
        chunk = rest + bytes(text[place : place + step])
        end = place - len(rest)
        place += step
        lines = chunk.split(b"\n")
        rest = lines.pop() if place < size else b""
        for row in lines:
            end += len(row) + 1
            if not row or row.isspace():
                number += 1
                continue
            try:
                line = row.decode().rstrip("\r")
            except UnicodeDecodeError as error:
                message = f"line {number} is not UTF-8 text: {error.reason}"
                raise InputError(message, where=where) from error
            if number == 1 and at_start:
                line = line.removeprefix("\ufeff")
            yield number, end, line
            number += 1
