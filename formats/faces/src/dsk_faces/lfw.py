"""Reading Labeled Faces in the Wild: pairs of images of the same person, or of two."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from dsk.annotations import Annotation, Label, Points
from dsk.categories import Categories
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, is_image_name
from dsk.metafile import read_meta
from dsk.names import clean_name, stem_of
from dsk.splits import subset_of_root
from dsk_faces.lines import split_lines

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "ANNOTATIONS",
    "IMAGES",
    "NO_LABEL",
    "PAIRS",
    "LfwImporter",
    "fields_of",
    "find_subsets",
    "is_columns",
    "separator",
    "split_label",
]

ANNOTATIONS, IMAGES = "annotations", "images"
PAIRS, PEOPLE, LANDMARKS = "pairs.txt", "people.txt", "landmarks.txt"
NO_LABEL = "-"
"""Stands for the name of a partner without a label."""

_OFFICIAL = re.compile(r"pairs(?:Dev(Train|Test))?\.txt|pairs\.csv", re.IGNORECASE)
_COUNTS = re.compile(r"\d+(?: +\d+)? *\r?\n")
_CSV, _TAB, _BLANK = ".csv", "\t", " "
_OFFICIAL_IMAGES = ("lfw", "lfw-deepfunneled", "lfw_funneled", "lfwa")
_COLUMNS = ["name", "imagenum1"]
_DEPTH = 3


def find_subsets(root: InputRoot) -> dict[str, str]:
    """Return the files of pairs by subset; if one of them was given, that one."""
    found: dict[str, str] = {}
    alone = _OFFICIAL.fullmatch((root.focus or "").rpartition("/")[2])
    pairs = root.walk(depth=_DEPTH, suffixes=(".txt", _CSV), words=("pairs",))
    for name in sorted(pairs, key=lambda n: (n.count("/"), n.lower().endswith(_CSV), n)):
        folder, _, base = name.rpartition("/")
        match = _OFFICIAL.fullmatch(base)
        if match is None or (alone and name != root.focus):
            continue
        outer, _, last = folder.rpartition("/")
        subset = DEFAULT_SUBSET
        if last == ANNOTATIONS:
            subset = outer.rpartition("/")[2] or subset_of_root(root)
        elif match[1]:
            subset = match[1].lower()
        found.setdefault(subset, name)
    return found


def separator(name: str, text: str = "") -> str:
    """Return what is between the fields of a file's lines: Kaggle has the official ones as CSV.

    Copies with a header, but without any tab, have blanks.
    """
    if name.lower().endswith(_CSV):
        return ","
    return _BLANK if _TAB not in text and _COUNTS.match(text) else _TAB


def fields_of(line: str, tab: str) -> list[str]:
    """Return a line's fields. Blanks are only between names and numbers: ids may hold some."""
    if tab != _BLANK:
        return list(map(str.strip, line.rstrip(tab).split(tab)))
    words = line.split()
    pair = len(words) in (3, 4) and _is_number(words[1]) and _is_number(words[-1])
    return words if pair or all(map(_is_number, words)) else [line.strip()]


def split_label(path: str, labels: Container[str]) -> tuple[str, str]:
    """Return label and id of ``<label>/<id>``; a known label may hold slashes itself."""
    if "/" not in path:
        return "", path
    cut = path.find("/")
    while cut > 0:
        if path[:cut] in labels:
            return path[:cut], path[cut + 1 :]
        cut = path.find("/", cut + 1)
    label, _, item = path.partition("/")
    return ("" if label == NO_LABEL else label), item


def _full(label: str, item: str) -> str:
    """Return the id of an image that is given by number."""
    return f"{label}_{int(item):04d}" if label and _is_number(item) else item


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def is_columns(line: str) -> bool:
    """Tell whether a line is the first one of Kaggle's CSV."""
    return line.split(",")[:2] == _COLUMNS


def _is_header(fields: list[str]) -> bool:
    return (len(fields) <= 2 and all(map(_is_number, fields))) or fields[:2] == _COLUMNS


class LfwImporter(Importer):
    """Reads ``<subset>/annotations/pairs.txt``, people.txt, landmarks.txt; official files too."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            root = root.up()
        subsets = find_subsets(root)
        if not subsets:
            raise InputError(
                "no LFW pairs are here",
                where=root.show(root.focus or ""),
                hint="they are <subset>/annotations/pairs.txt",
            )
        return LfwSource(root, subsets, ledger)


class _Face:
    """What is known of an image; ``pairs`` are those whose first image it is."""

    __slots__ = ("label", "labelled", "landmarks", "negative", "path", "positive")

    def __init__(self, label: str, path: str) -> None:
        self.label = label
        self.path = path
        self.positive: list[str] = []
        self.negative: list[str] = []
        self.landmarks: list[list[float]] = []
        self.labelled = False  # an image may have landmarks only


class LfwSource(Source):
    """Images that occur in pairs: some ten thousand.

    Args:
        root: The dataset.
        subsets: Files of pairs by subset.
        ledger: Where bad lines go.
    """

    def __init__(self, root: InputRoot, subsets: dict[str, str], ledger: Ledger) -> None:
        self._root = root
        self._ledger = ledger
        self._folders: dict[str, str] = {}
        labels: dict[str, None] = {}
        meta = read_meta(root)
        faces: list[tuple[str, str, _Face]] = []
        unlisted: dict[str, set[str]] = {}
        for subset, name in subsets.items():
            home = name.rpartition("/")[0]
            outer = home.rpartition("/")[0] if home.endswith(ANNOTATIONS) else home
            self._folders[subset] = folder = self._image_folder(outer)
            self._found = self._find_images(folder)
            unlisted.setdefault(folder, set(self._found.values()))
            labels.update(self._people(home))
            found: dict[str, _Face] = {}
            self._pairs(name, found, labels)
            self._landmarks(f"{home}/{LANDMARKS}".lstrip("/"), found, labels)
            faces += [(subset, item, face) for item, face in found.items()]
            unlisted[folder] -= {face.path for face in found.values()}
            meta = meta or read_meta(root, outer)
        for folder, names in unlisted.items():
            if names:
                first = root.show(posixpath.join(folder, min(names)))
                ledger.warn(f"{len(names)} images are in no list and left out, such as {first}")
        self._faces = faces
        categories = meta[0] if meta is not None else Categories.from_names(labels)
        self._index = {label: n for n, label in enumerate(categories.names)}
        self.header = Header(categories=categories, subsets=tuple(subsets), items=len(faces))

    def _image_folder(self, outer: str) -> str:
        """Return the folder of the people's folders: a known one, or that around the pairs."""
        root = self._root
        for name in (IMAGES, *_OFFICIAL_IMAGES):
            folder = posixpath.join(outer, name)
            if root.is_dir(folder):
                inner = posixpath.join(folder, name)  # archives unpacked in a folder of their name
                return inner if name != IMAGES and root.is_dir(inner) else folder
        for person in root.entries(outer)[0]:
            if any(map(is_image_name, root.entries(posixpath.join(outer, person))[1])):
                return outer
        return posixpath.join(outer, IMAGES)

    def _find_images(self, folder: str) -> dict[str, str]:
        """Return the images by their names without ending."""
        start = len(folder) + 1 if folder else 0
        names = [name[start:] for name in self._root.walk(folder) if is_image_name(name)]
        return {stem_of(name): name for name in names}

    def _people(self, home: str) -> dict[str, None]:
        """Return the names of people.txt, of the official variants too."""
        prefix = f"{home}/" if home else ""
        people: dict[str, None] = {}
        for name in (PEOPLE, "people.csv", "peopleDevTrain.txt", "peopleDevTest.txt"):
            if not self._root.is_file(prefix + name):
                continue
            for line in split_lines(self._root, prefix + name):
                fields = [field.strip() for field in line.split(separator(name))]
                header = fields == ["name", "images"] or (
                    len(fields) == 1 and fields[0].isdecimal()
                )
                if fields[0] and not header:
                    people[fields[0]] = None
        return people

    def _face(
        self, found: dict[str, _Face], label: str, item: str, labels: dict[str, None]
    ) -> tuple[str, _Face]:
        """Return an image's id and what is known of it."""
        item = clean_name(item)
        if label:
            labels.setdefault(label)
        face = found.get(item)
        if face is None:
            key = f"{label}/{item}" if label else item
            path = self._found.get(key) or clean_name(f"{key}.jpg")
            face = found[item] = _Face(label, path)
        return item, face

    def _pairs(self, name: str, found: dict[str, _Face], labels: dict[str, None]) -> None:
        where, tab = self._root.show(name), separator(name, self._root.text(name))
        for number, line in enumerate(split_lines(self._root, name), 1):
            fields = fields_of(line, tab)
            # An unpaired image may be called by a number, too.
            if not any(fields) or (
                number == 1 and _is_header(fields) and fields[0] not in self._found
            ):
                continue
            if len(fields) == 2 and fields[0].isdecimal() and fields[1].isdecimal():
                continue  # the header of a further fold
            try:
                self._pair(fields, found, labels)
            except ValueError as error:
                place = f"{where}:{number}"
                self._ledger.bad_record(RecordError(str(error), where=place))
            except UnsafePathError as error:
                raise UnsafePathError(error.message, where=f"{where}:{number}") from error

    def _pair(self, fields: list[str], found: dict[str, _Face], labels: dict[str, None]) -> None:
        if len(fields) == 1:
            label, item = split_label(fields[0], labels)
            _, face = self._face(found, label, item, labels)
            face.labelled = bool(label)
            return
        if len(fields) not in (3, 4) or not all(fields):
            raise ValueError("a line is: name, number, number; or name, number, name, number")
        same = len(fields) == 3
        first = "" if fields[0] == NO_LABEL else fields[0]
        _, face = self._face(found, first, _full(first, fields[1]), labels)
        face.labelled = bool(first)
        second = first if same else "" if fields[2] == NO_LABEL else fields[2]
        item, other = self._face(found, second, _full(second, fields[-1]), labels)
        other.labelled = bool(second)
        partner = f"{second}/{item}" if second else item
        (face.positive if same else face.negative).append(partner)

    def _landmarks(self, name: str, found: dict[str, _Face], labels: dict[str, None]) -> None:
        if not self._root.is_file(name):
            return
        where = self._root.show(name)
        for number, line in enumerate(split_lines(self._root, name), 1):
            if not line.strip():
                continue
            path, _, numbers = line.partition(_TAB)
            try:
                values = [float(n) for n in numbers.split()]
                if not values or len(values) % 2 or not sum(map(abs, values)) < float("inf"):
                    raise ValueError  # noqa: TRY301
            except ValueError:
                message = "a line is: image, pairs of coordinates, with tabs between them"
                self._ledger.bad_record(RecordError(message, where=f"{where}:{number}"))
                continue
            # In the folder of the images, where labels may be called like drives.
            inside = clean_name(f"{IMAGES}/{path.strip()}", where).removeprefix(f"{IMAGES}/")
            label, item = split_label(stem_of(inside), labels)
            _, face = self._face(found, label, item, labels)
            face.landmarks.append(values)

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list of images."""
        return spans(len(self._faces), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        locate = {
            subset: self._root.locator(folder, clean=True)
            for subset, folder in self._folders.items()
        }
        for subset, item, face in self._faces[slice(*partition)]:
            label = self._index.get(face.label) if face.label else None
            annotations: list[Annotation] = []
            attributes: dict[str, Any] = {}
            if face.positive:
                attributes["positive_pairs"] = face.positive
            if face.negative:
                attributes["negative_pairs"] = face.negative
            if label is not None and face.labelled:
                annotations.append(Label(label=label, attributes=attributes))
            annotations += [Points(points=points, label=label) for points in face.landmarks]
            image = Image(face.path, locate[subset](face.path))
            yield DatasetItem(item, subset, image, annotations)
