"""PaddleOCR's lists of images and the texts in them: a line is an image, a tab and JSON."""

from __future__ import annotations

import math
import posixpath
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from dsk.annotations import Polygon
from dsk.errors import RecordError, UnsafePathError
from dsk.flow import Header, Source, slices
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.jsonerrors import UNDECODABLE, record_message
from dsk.listings import is_prose
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk.splits import SPLITS
from dsk_ocr.homes import DEPTH, IMAGES, lead_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["LabelFileSource", "find_label_files", "is_label_line"]

HEAD = 4096
_FEW = 4
"""How many texts of a folder are looked into before it is taken for one without such lists."""

_CROPS = "crop_img/"
"""Where PPOCRLabel puts images of single words."""

_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n)?")
_FIRST = re.compile(r'\s*(?:$|\]|\{.*"(?:points|transcription)"\s*:)')
_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode


def is_label_line(line: str) -> bool:
    """Tell whether a line, which may be cut off, is an image and what stands in it as JSON."""
    name, tab, text = line.partition("\t")
    text = text.lstrip()
    if not tab or text[:1] != "[" or not is_image_name(name.strip()):
        return False
    return _FIRST.match(text[1:]) is not None


def find_label_files(root: InputRoot) -> list[str]:
    """Return the label files of a dataset; folders whose first texts are none have none."""
    if root.focus is not None:
        return [root.focus] if _is_label_file(root, root.focus) else []
    folders: dict[str, list[str]] = {}
    for name in root.walk("", DEPTH, (".txt",)):
        folder, _, base = name.rpartition("/")
        if not is_prose(base):
            folders.setdefault(folder, []).append(name)
    return [
        name
        for names in folders.values()
        if any(_is_label_file(root, name) for name in names[:_FEW])
        for name in names
        if _is_label_file(root, name)
    ]


def _is_label_file(root: InputRoot, name: str) -> bool:
    text = root.text_bytes(name, HEAD).decode("utf-8", "replace")
    return is_label_line(next((line for line in text.split("\n") if line.strip()), ""))


def _subsets(names: Sequence[str]) -> list[str]:
    """Return what lists are the subsets of: their names say it, or the folders they lie in."""
    folders = [posixpath.dirname(name) for name in names]
    told = []
    for name, folder in zip(names, folders, strict=True):
        stem = stem_of(posixpath.basename(name))
        split = next((word for word in re.split(r"[-_. ]", stem) if word.lower() in SPLITS), "")
        alone = folders.count(folder) == 1
        told.append(split or (posixpath.basename(folder) or DEFAULT_SUBSET if alone else stem))
    paths = [name.removesuffix(".txt").replace("/", "_") for name in names]
    return [path if told.count(own) > 1 else own for path, own in zip(paths, told, strict=True)]


class _Labelled:
    """What one list says: where the lines of each image are.

    Attributes:
        name: The list.
        subset: The subset it stands for.
        folder: What names of images refer to.
        lines: Places of JSON by name of the image, and the numbers of the lines.
    """

    def __init__(self, name: str, subset: str, view: memoryview) -> None:
        self.name = name
        self.subset = subset
        self.view = view
        self.folder = ""
        self.lines: dict[str, list[tuple[int, int, int]]] = {}


class LabelFileSource(Source):
    """Images whose texts stand in lists.

    Args:
        root: The input.
        names: The lists.
        ledger: Where bad lines go.
    """

    def __init__(self, root: InputRoot, names: list[str], ledger: Ledger) -> None:
        self._root = root
        self._files = [
            _Labelled(name, subset, root.buffer(name))
            for name, subset in zip(names, _subsets(names), strict=True)
        ]
        for file in self._files:
            self._index(file, ledger)
        self._items = [list(file.lines.items()) for file in self._files]
        subsets = tuple(dict.fromkeys(file.subset for file in self._files))
        self.header = Header(subsets=subsets, items=sum(map(len, self._items)))
        self._tell_unlisted(ledger)

    def _index(self, file: _Labelled, ledger: Ledger) -> None:
        where = self._root.show(file.name)
        found: dict[str, list[tuple[int, int, int]]] = {}
        for number, match in enumerate(_LINE.finditer(file.view), 1):
            name, tab, _ = match[1].removeprefix(b"\xef\xbb\xbf").partition(b"\t")
            if not name.strip():
                continue
            try:
                image = _image_name(name.decode())
                if not tab:
                    raise ValueError("a line is: image, tab, JSON list of texts")  # noqa: TRY301
            except (ValueError, UnsafePathError) as error:
                ledger.bad_record(RecordError(str(error), where=f"{where}:{number}"))
                continue
            start = match.start() + match[1].index(b"\t") + 1
            found.setdefault(image, []).append((start, match.end(1), number))
        file.folder, lead = self._place(file, list(found))
        file.lines = {name[len(lead) :]: lines for name, lines in found.items()}

    def _place(self, file: _Labelled, names: Sequence[str]) -> tuple[str, str]:
        """Return the folder that a list's names of images refer to, and what precedes them."""
        own = posixpath.dirname(file.name)
        folders = [own, posixpath.join(own, IMAGES)]
        while own:
            own = posixpath.dirname(own)
            folders.append(own)
        for folder in folders:
            lead = lead_of(names, partial(self._is_in, folder))
            if lead is not None:
                return folder, lead
        return folders[0], ""

    def _is_in(self, folder: str, name: str) -> bool:
        return self._root.is_file(posixpath.join(folder, name))

    def _tell_unlisted(self, ledger: Ledger) -> None:
        listed = {posixpath.join(file.folder, name) for file in self._files for name in file.lines}
        left = [
            name
            for folder in sorted({file.folder for file in self._files if file.lines})
            for name in self._root.walk(folder)
            if is_image_name(name) and name not in listed and f"/{_CROPS}" not in f"/{name}"
        ]
        if left:
            ledger.warn(
                f"{len(set(left))} images that no list names are left out, for instance {min(left)}"
            )

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the lists."""
        return slices((len(items) for items in self._items), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, first, last = partition
        file = self._files[number]
        locate = self._root.locator(file.folder, clean=True)
        for name, lines in self._items[number][first:last]:
            item, annotations = stem_of(name), []
            for start, stop, line in lines:
                where = f"{self._root.show(file.name)}:{line}"
                annotations += _texts(file.view[start:stop], where, item, ledger)
            yield DatasetItem(item, file.subset, Image(name, locate(name)), annotations)


def _image_name(stated: str) -> str:
    """Return a clean name; those of the author's machine are read from its root."""
    name = clean_name(stated.strip().replace("\\", "/").lstrip("/"))
    clean_name(stem_of(name))
    return name


def _texts(text: memoryview, where: str, item: str, ledger: Ledger) -> list[Annotation]:
    try:
        records = _decode(text)
    except UNDECODABLE as error:
        ledger.bad_record(RecordError(record_message(error, text), where=where, item=item))
        return []
    found: list[Annotation] = []
    for record in records:
        try:
            found.append(_outline(record, ledger))
        except ValueError as error:
            ledger.bad_record(RecordError(str(error), where=where, item=item))
    return found


def _outline(record: dict[str, Any], ledger: Ledger) -> Polygon:
    """Return one text's outline; whatever else is told of it are attributes.

    Raises:
        ValueError: It has no outline.
    """
    try:
        corners = msgspec.convert(record.pop("points", None), list[tuple[float, float]])
    except msgspec.ValidationError as error:
        raise ValueError(f"points: {error}") from error
    points = [value for corner in corners for value in corner]
    if len(corners) < 3 or not all(map(math.isfinite, points)):
        raise ValueError("an outline takes three points")
    text = record.pop("transcription", None)
    attributes: dict[str, Any] = {} if text in ("", None) else {"text": str(text)}
    for name, value in record.items():
        if isinstance(value, str | int | float | bool):
            attributes[name] = value
        elif value is not None:
            ledger.add("DSK-L011", f"{name} of texts", kind="polygon")
    return Polygon(points, attributes=attributes)
