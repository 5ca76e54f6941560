"""Reading CelebA: identities, attributes, landmarks, boxes and subsets in a table each."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from dsk.annotations import Annotation, Bbox, Label, Points
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image
from dsk.metafile import read_meta
from dsk.names import clean_name, stem_of
from dsk_faces.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "AlignCelebaImporter",
    "CelebaImporter",
    "find_home",
    "find_images",
    "find_table",
    "is_table",
]

IDENTITY, ATTRIBUTES, BOXES = "identity_CelebA", "list_attr_celeba", "list_bbox_celeba"
PARTITION = "list_eval_partition"
LANDMARKS = {False: "list_landmarks_celeba", True: "list_landmarks_align_celeba"}
_TABLES = (IDENTITY, ATTRIBUTES, BOXES, PARTITION, *LANDMARKS.values())
_WORDS = ("identity_celeba", "list_")
_FOLDERS = ("Anno/", "Eval/", "")
_ENDINGS = (".txt", ".csv")
_IMAGES = {
    False: ("Img/img_celeba", "img_celeba"),
    True: (
        "Img/img_align_celeba",
        "img_align_celeba/img_align_celeba",
        "img_align_celeba",
        "Img/img_align_celeba_png",
        "img_align_celeba_png",
    ),
}
_NUMBERED = re.compile(r"\d{6}\.(?:jpg|png)", re.IGNORECASE | re.ASCII)
_LOOKS = 20
_TRUTH = {"1": True, "-1": False, "0": False}
_SUBSETS = {"0": "train", "1": "val", "2": "test"}
_BOX_HEADER = ["image_id", "x_1", "y_1", "width", "height"]
_DEPTH = 3
_LANDMARKS = 10
_IDENTITIES = 20_000  # there are 10177, of which a part of the dataset may have any
_BOX = 4


def is_table(base: str) -> bool:
    """Tell by its name whether a file is one of the tables."""
    return stem_of(base) in _TABLES and base.lower().endswith(_ENDINGS)


def find_home(root: InputRoot) -> str | None:
    """Return the folder around a dataset's tables, that of a given one if there is one, or None."""
    tables = root.walk(depth=_DEPTH, suffixes=_ENDINGS, words=_WORDS)
    names = [root.focus] if root.focus else sorted(tables, key=lambda n: (n.count("/"), n))
    for name in names:
        folder, _, base = name.rpartition("/")
        if is_table(base):
            outer, _, last = folder.rpartition("/")
            return outer if last in ("Anno", "Eval") else folder
    return None


def find_table(root: InputRoot, home: str, name: str) -> str | None:
    """Return the file of a table: official text, or CSV as Kaggle has it."""
    prefix = f"{home}/" if home else ""
    for folder in _FOLDERS:
        for ending in _ENDINGS:
            if root.is_file(f"{prefix}{folder}{name}{ending}"):
                return f"{prefix}{folder}{name}{ending}"
    return None


def find_images(root: InputRoot, home: str, *, aligned: bool) -> str | None:
    """Return the folder of the images, or None.

    Where none of the usual ones is there, any other one with images that are named as these.
    """
    prefix = f"{home}/" if home else ""
    for folder in _IMAGES[aligned]:
        if root.is_dir(prefix + folder):
            return prefix + folder
    wild, cropped = (find_table(root, home, LANDMARKS[sort]) for sort in (False, True))
    if aligned == bool(wild and not cropped):
        return None
    for folder in root.listing(home).folders:
        files = root.listing(prefix + folder).files[:_LOOKS]
        if folder not in _IMAGES[not aligned] and any(map(_NUMBERED.fullmatch, files)):
            return prefix + folder
    return None


class CelebaImporter(Importer):
    """Reads CelebA as it was found: images in the wild, boxes, landmarks."""

    aligned = False

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            root = root.up()
        home = find_home(root)
        if home is None:
            raise InputError(
                "no CelebA tables are here",
                where=root.show(root.focus or ""),
                hint="one of them is Anno/identity_CelebA.txt",
            )
        return CelebaSource(root, home, ledger, aligned=self.aligned)


class AlignCelebaImporter(CelebaImporter):
    """Reads CelebA, aligned and cropped: landmarks, no boxes."""

    aligned = True


def _fields(line: str) -> list[str]:
    """Return a row's fields; a name with spaces is in quotes, and nothing if these do not match."""
    if '"' not in line and "'" not in line:
        return line.replace(",", " ").split()
    lexer = shlex.shlex(line, posix=True)
    lexer.quotes = '"'
    lexer.whitespace = " \t\r\n,"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return []


def _key(line: str) -> str:
    if '"' not in line and "'" not in line:
        words = line.replace(",", " ").split(None, 1)
        return words[0] if words else ""
    return (_fields(line) or [""])[0]


def _identity(text: str) -> int:
    """Return the number of a person, -1 if it is none."""
    return int(text) if text.isdecimal() and len(text) < 8 else -1


class _Table:
    """A table: its header, and its rows by image.

    Args:
        root: The dataset.
        name: The file.
        header: Whether there are column names, and in text files a count before them.
        ledger: Where a wrong count goes, as a part of the dataset may have.
    """

    def __init__(self, root: InputRoot, name: str, ledger: Ledger, *, header: bool) -> None:
        csv = name.endswith(".csv")
        skip = (1 if csv else 2) if header or csv else 0
        self.rows = LineIndex(root, name, _key, skip)
        self.columns: list[str] = []
        if not skip:
            return
        if len(self.rows.head) < skip:
            raise InputError("the header is missing", where=self.rows.where)
        columns = _fields(self.rows.head[-1])
        self.columns = columns[1:] if csv else columns
        if not csv and self.rows.head[0] != str(len(self.rows)):
            ledger.bad_record(
                RecordError(
                    f"the first line says {self.rows.head[0][:20]!r} rows, there are "
                    f"{len(self.rows)}",
                    where=self.rows.where,
                    hint="the file may be cut off; --on-error skip reads what there is",
                )
            )

    def values(self, image: str, guess: int) -> tuple[int, list[str]]:
        """Return the row's number and its fields after the image's name; -1 if there is none."""
        rows = self.rows
        if guess < len(rows) and (text := rows.row(guess)).startswith(image) and '"' not in text:
            fields = _fields(text)  # tables of one dataset are mostly in the same order
            if fields[0] == image:
                return guess, fields[1:]
        number = rows.find(image)
        return (number, _fields(rows.row(number))[1:]) if number >= 0 else (-1, [])


class CelebaSource(Source):
    """Tables of one dataset.

    Args:
        root: The dataset.
        home: The folder around the tables.
        ledger: Where tables go that are not complete.
        aligned: Whether to read aligned images.
    """

    def __init__(self, root: InputRoot, home: str, ledger: Ledger, *, aligned: bool) -> None:
        self._root = root
        found = {}
        for name in (IDENTITY, ATTRIBUTES, PARTITION, LANDMARKS[aligned], BOXES):
            file = find_table(root, home, name)
            if file is not None and not (aligned and name == BOXES):
                header = name not in (IDENTITY, PARTITION)
                found[name] = _Table(root, file, ledger, header=header)
        if not found:
            raise InputError("the tables are missing", where=root.show(home))
        self._tables = found
        self._landmark_name = LANDMARKS[aligned]
        self._landmarks = found.get(self._landmark_name)
        # without identities (Kaggle), whatever table there is names the images
        self._main = next(iter(found.values())).rows
        self._check(found)
        prefix = f"{home}/" if home else ""
        self._images = find_images(root, home, aligned=aligned) or prefix + _IMAGES[aligned][0]
        self._ending = ".png" if self._images.endswith("_png") else ""
        meta = read_meta(root, home)
        self._identity = found.get(IDENTITY)
        categories = meta[0] if meta is not None else self._classes()
        self._labels = len(categories.labels)
        self._twice = set(self._main.repeated().tolist())
        subsets = tuple(_SUBSETS.values()) if PARTITION in found else (DEFAULT_SUBSET,)
        self.header = Header(
            categories=categories,
            subsets=(*subsets, DEFAULT_SUBSET) if PARTITION in found else subsets,
            items=None if self._twice else len(self._main),
        )

    def _check(self, found: dict[str, _Table]) -> None:
        """Check headers, and that no table names images that the first one lacks."""
        boxes = found.get(BOXES)
        if boxes is not None and boxes.columns[-_BOX:] != _BOX_HEADER[-_BOX:]:
            hint = f"it is: {' '.join(_BOX_HEADER)}"
            raise InputError("the header of boxes is wrong", where=boxes.rows.where, hint=hint)
        if self._landmarks is not None and len(self._landmarks.columns) != _LANDMARKS:
            message = f"{len(self._landmarks.columns)} columns instead of {_LANDMARKS}"
            raise InputError(message, where=self._landmarks.rows.where)

    def _classes(self) -> Categories:
        """Return the labels ``class-0`` to the highest identity."""
        if self._identity is None:
            return Categories()
        rows = self._identity.rows
        highest = -1
        for number in range(len(rows)):
            fields = _fields(rows.row(number))
            if len(fields) > 1:
                highest = max(highest, _identity(fields[1]))
        if highest > 100 * len(rows) + _IDENTITIES:
            message = f"the identity {highest} is far too high for {len(rows)} images"
            raise InputError(message, where=rows.where)
        return Categories.from_names(f"class-{n}" for n in range(highest + 1))

    def partitions(self) -> Sequence[Any]:
        """Return slices of the first table, and at last the rows of others that it lacks."""
        return [*spans(len(self._main), self.partition_items), None]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        if partition is None:
            self._strays(ledger)
            return
        locate = self._root.locator(self._images, clean=True)
        for number in range(*partition):
            where = self._main.place(number)
            image = self._main.key(number)
            if not image:
                message = "a row begins with the name of an image, its quotes do not match"
                ledger.bad_record(RecordError(message, where=where))
                continue
            name = clean_name(image, where)
            item = clean_name(stem_of(name), where)
            if number in self._twice:
                ledger.bad_record(RecordError("the image is listed before", where=where, item=item))
                continue
            path = item + self._ending if self._ending else name
            media = Image(path, locate(path))
            _, part = self._values(PARTITION, image, number)
            subset = DEFAULT_SUBSET
            if part:
                subset = _SUBSETS.get(part[0], "")
            if not subset:
                message = f"the subset is 0, 1 or 2, not {part[0]!r}"
                ledger.bad_record(RecordError(message, where=where, item=item))
                continue
            annotations = list(self._annotations(image, number, item, ledger))
            attributes = self._attributes(image, number, item, ledger)
            yield DatasetItem(item, subset, media, annotations, attributes)

    def _strays(self, ledger: Ledger) -> None:
        for table in self._tables.values():
            if table.rows is self._main or len(table.rows) == 0:
                continue
            for number in table.rows.lacking(self._main).tolist():
                message = f"the image {table.rows.key(number)!r} is not in {self._main.name}"
                ledger.bad_record(RecordError(message, where=table.rows.place(number)))

    def _values(self, name: str, image: str, guess: int) -> tuple[int, list[str]]:
        """Return a row's number and values; -1 and nothing if the table or the row is missing."""
        table = self._tables.get(name)
        return (-1, []) if table is None else table.values(image, guess)

    def _bad(self, name: str, row: int, message: str, item: str, ledger: Ledger) -> None:
        where = self._tables[name].rows.place(row)
        ledger.bad_record(RecordError(message, where=where, item=item))

    def _annotations(
        self, image: str, guess: int, item: str, ledger: Ledger
    ) -> Iterator[Annotation]:
        label = None
        row, values = self._values(IDENTITY, image, guess)
        if row >= 0:
            number = _identity(values[0]) if len(values) == 1 else -1
            if 0 <= number < self._labels:
                label = number
                yield Label(label=label)
            else:
                below = f" below {self._labels}" if self._labels else ""
                message = f"the identity is a number{below}, not {' '.join(values)!r}"
                self._bad(IDENTITY, row, message, item, ledger)
        for name, count in ((self._landmark_name, _LANDMARKS), (BOXES, _BOX)):
            row, values = self._values(name, image, guess)
            if row < 0:
                continue
            try:
                numbers = list(map(float, values))
            except ValueError:
                numbers = []
            if len(numbers) != count or not sum(map(abs, numbers)) < float("inf"):
                message = f"a row is the image and {count} numbers"
                self._bad(name, row, message, item, ledger)
            elif name == BOXES:
                yield Bbox(*numbers, label=label)
            else:
                yield Points(points=numbers, label=label)

    def _attributes(self, image: str, guess: int, item: str, ledger: Ledger) -> dict[str, Any]:
        row, values = self._values(ATTRIBUTES, image, guess)
        if row < 0:
            return {}
        columns = self._tables[ATTRIBUTES].columns
        flags = list(map(_TRUTH.get, values))
        if len(values) != len(columns) or None in flags:
            message = f"a row is the image and 1 or -1 for each of {len(columns)} attributes"
            self._bad(ATTRIBUTES, row, message, item, ledger)
            return {}
        return dict(zip(columns, flags, strict=True))
