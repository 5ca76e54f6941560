"""Reading ICDAR's tasks of words and of their places."""

from __future__ import annotations

import posixpath
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from dsk.annotations import Bbox, Caption, Polygon
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.names import clean_name, stem_of
from dsk_ocr.grammar import parse_region, parse_word
from dsk_ocr.homes import (
    DEPTH,
    IMAGES,
    Home,
    find_homes,
    find_lists,
    home_of,
    lead_of,
    own_stem,
)
from dsk_ocr.labelfiles import LabelFileSource, find_label_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "FileSource",
    "LocalizationImporter",
    "RecognitionImporter",
    "lines_of",
    "region_name",
]

NO_IDS = ("", ".", "..")
"""What would be left of names that are nothing but an extension."""


def lines_of(data: bytes, where: str) -> list[str]:
    """Return the lines of a text file: UTF-8 with or without a byte-order mark, else Latin 1.

    Raises:
        InputError: It is no text.
    """
    if b"\0" in data:
        raise InputError("this is no text", where=where)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class RecognitionImporter(Importer):
    """Opens word recognition datasets; it has no options."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        return _WordSource(root, find_lists(root), ledger)


class _WordSource(Source):
    """Images of words; the lists are small beside their images and are held.

    Args:
        root: The input.
        homes: The subsets.
        ledger: Where bad lines go.
    """

    def __init__(self, root: InputRoot, homes: list[Home], ledger: Ledger) -> None:
        self._root = root
        self._homes = homes
        self._items = [self._list(home, ledger) for home in homes]
        self.header = Header(
            subsets=tuple(home.subset for home in homes), items=sum(map(len, self._items))
        )
        listed = {
            home.images.get(name)
            for home, items in zip(homes, self._items, strict=True)
            for _, name, _ in items
        }
        left = {file for home in homes for file in home.images.values()} - listed
        if left:
            ledger.warn(
                f"{len(left)} images that no list names are left out, for instance {min(left)}"
            )

    def _list(self, home: Home, ledger: Ledger) -> list[tuple[str, str, list[str]]]:
        """Return ids, names of images and their texts."""
        file = home.texts[""]
        where = self._root.show(file)
        found: dict[str, tuple[str, list[str]]] = {}
        for number, line in enumerate(lines_of(self._root.read(file), where), 1):
            stripped = line.strip()
            if not stripped:
                continue
            try:
                stated, text = parse_word(stripped)
                name = clean_name(stated)
                item = clean_name(stem_of(name))
            except ValueError as error:
                ledger.bad_record(RecordError(str(error), where=f"{where}:{number}"))
                continue
            except UnsafePathError as error:
                ledger.bad_record(RecordError(error.message, where=f"{where}:{number}"))
                continue
            known = found.get(item)
            if known is None:
                known = found[item] = (name, [])
            if text is not None:
                known[1].append(text)
        lead = lead_of([name for name, _ in found.values()], home.images.__contains__) or ""
        cut = len(lead)
        return [(item[cut:], name[cut:], texts) for item, (name, texts) in found.items()]

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the lists."""
        return slices((len(items) for items in self._items), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        number, first, last = partition
        home = self._homes[number]
        locate = self._root.locator(clean=True)
        missing = posixpath.join(home.path, IMAGES, "")
        for item, name, texts in self._items[number][first:last]:
            file = home.images.get(name)
            media = Image(missing + name) if file is None else Image(file, locate(file))
            yield DatasetItem(item, home.subset, media, [Caption(text) for text in texts])


class FileSource(Source):
    """Datasets with one text file for each image.

    Args:
        root: The input.
        homes: The subsets.
    """

    def __init__(self, root: InputRoot, homes: list[Home]) -> None:
        self.root = root
        self._homes = homes
        self._ids = [sorted({*home.texts, *home.images}) for home in homes]
        self.header = Header(
            subsets=tuple(home.subset for home in homes), items=sum(map(len, self._ids))
        )

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the subsets."""
        return slices((len(ids) for ids in self._ids), self.partition_items)

    def index(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.index``."""
        for home, item in self._each(partition):
            yield DatasetItem(item, home.subset, self._image(home, item))

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        folder, read = None, self.root.reader()
        for home, item in self._each(partition):
            if home.path != folder:
                folder = home.path
                read = self.root.reader(folder)
            annotations: list[Annotation] = []
            name = home.texts.get(item)
            if name is not None:
                data = read(name[len(folder) + 1 :] if folder else name)
                if data is not None:
                    lines = lines_of(data, self.root.show(name))
                    annotations = self.parse(lines, name, item, ledger)
            yield DatasetItem(item, home.subset, self._image(home, item), annotations)

    def _each(self, partition: tuple[int, int, int]) -> Iterator[tuple[Home, str]]:
        number, first, last = partition
        for item in self._ids[number][first:last]:
            yield self._homes[number], item

    def _image(self, home: Home, item: str) -> Image | None:
        name = home.images.get(item)
        return Image(name, self.root.locate(name)) if name is not None else None

    @abstractmethod
    def parse(self, lines: list[str], name: str, item: str, ledger: Ledger) -> list[Annotation]:
        """Return the annotations of one text file.

        Args:
            lines: Its lines.
            name: Its name.
            item: The item's id.
            ledger: Where bad lines go.
        """


def region_name(base: str) -> str | None:
    """Return the id that a text file of localization is named by: ``gt_img_1.txt``."""
    stem = stem_of(base)
    return stem[3:] if stem.startswith("gt_") and stem[3:] not in NO_IDS else None


class LocalizationImporter(Importer):
    """Opens text localization datasets; it has no options."""

    kind: ClassVar[str] = "gt_*.txt"

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        lists = find_label_files(root)
        names = root.walk("", DEPTH, (".txt",), ("gt_",)) if lists and root.focus is None else ()
        if lists and not any(map(region_name, map(posixpath.basename, names))):
            return LabelFileSource(root, lists, ledger)
        for name in lists:
            ledger.warn(f"{name} is not read: there are files {self.kind}")
        if root.focus is not None:
            item = region_name(root.focus) or own_stem(root.focus)
            return _RegionSource(root, [home_of(root, item)])
        return _RegionSource(root, find_homes(root, region_name, self.kind, ledger))


class _RegionSource(FileSource):
    """Boxes and outlines of text."""

    def parse(self, lines: list[str], name: str, item: str, ledger: Ledger) -> list[Annotation]:
        """See ``FileSource.parse``."""
        found: list[Annotation] = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                region = parse_region(line)
            except ValueError as error:
                where = f"{self.root.show(name)}:{number}"
                ledger.bad_record(RecordError(str(error), where=where, item=item))
                continue
            attributes: dict[str, Any] = {}
            if region.text:
                attributes["text"] = region.text
            if region.script:
                attributes["script"] = region.script
            if len(region.numbers) == 4:
                left, top, right, bottom = region.numbers
                found.append(Bbox(left, top, right - left, bottom - top, attributes=attributes))
            else:
                found.append(Polygon(region.numbers, attributes=attributes))
        return found
