"""Finding the sequences of a MOT Challenge dataset, and what their side files say."""

from __future__ import annotations

import posixpath
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from dsk.categories import Categories
from dsk.errors import InputError
from dsk.item import DEFAULT_SUBSET
from dsk.jsonerrors import UNDECODABLE
from dsk.media import is_image_name
from dsk.metafile import META_NAME, stated_labels
from dsk.names import clean_name, stem_of
from dsk.splits import SPLITS, is_subset_name, subset_of_root
from dsk_tracking.detect import find_results, holds_rows
from dsk_tracking.labels import read_lines
from dsk_tracking.numbering import LARGEST

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "DET",
    "FRAMES",
    "GT",
    "IMAGES",
    "LABELS",
    "LABELS_FILE",
    "SEQINFO",
    "Sequence",
    "find_sequences",
    "read_frames",
    "read_labels",
]

GT, DET = "gt/gt.txt", "det/det.txt"
LABELS_FILE, FRAMES = "gt/labels.txt", "gt/frames.json"
SEQINFO, IMAGES = "seqinfo.ini", "img1"
DEPTH = 4

LABELS = (
    "pedestrian",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
    "crowd",
)
"""The benchmark's classes from 1; the last one came with MOT20."""

_SPLIT_OF = re.compile(r".+-(?=(?:train|val|test)$)", re.IGNORECASE)
"""What stands before the split in the names of TrackEval's folders: ``MOT17-train``."""

_LARGEST = 10_000_000  # frames: four days of video


class Sequence(Struct):
    """One video.

    Attributes:
        path: Its folder, relative to the dataset.
        table: The table to read, or "".
        truth: Whether the table is ground truth; otherwise it holds detections.
        prefix: What its items' ids begin with, with a slash, or "".
        subset: Their subset.
        length: Number of frames that ``seqinfo.ini`` states, or 0.
        size: (height, width) that it states, or None.
        images: Image file by frame number, relative to the dataset.
        pattern: Folder and ending of image files that are only expected: ("a/img1", ".jpg").
        info: All that ``seqinfo.ini`` states.
    """

    path: str
    table: str
    truth: bool
    prefix: str = ""
    subset: str = DEFAULT_SUBSET
    length: int = 0
    size: tuple[int, int] | None = None
    images: dict[int, str] = {}
    pattern: tuple[str, str] | None = None
    info: dict[str, str] = {}


def find_sequences(root: InputRoot, rows: str, ledger: Ledger) -> tuple[InputRoot, list[Sequence]]:
    """Return the sequences of a dataset, at most four folders down, in the order of their paths.

    Args:
        root: The dataset.
        rows: "gt", "det", or "auto": ground truth where any sequence has it, else detections.
        ledger: Where oddities go.

    Returns:
        What the sequences' paths are relative to, and the sequences.

    Raises:
        InputError: There are none, or a ``seqinfo.ini`` is damaged.
    """
    if root.focus is not None:
        root = root.up()
        return root, [_single(root, rows, ledger)]
    paths = list(_search(root, "", DEPTH))
    any_rows = rows == "auto"
    if any_rows:
        rows = "gt" if any(_table(root, path, GT) for path in paths) else "det"
    tables = {path: _table(root, path, GT if rows == "gt" else DET) for path in paths}
    if not tables:
        tables = {stem_of(name): name for name in find_results(root)}
    truth = rows == "gt"
    for path, name in tables.items():
        own = posixpath.join(path, GT if truth else DET)
        if not name and root.is_stray(own):
            ledger.warn(f"{own} is a link to nothing, or no file")
    found = [_describe(root, Sequence(path, name, truth), ledger) for path, name in tables.items()]
    untold = any_rows and any(sequence.images for sequence in found)  # test sets may have none
    if not untold and not any(sequence.table for sequence in found):
        what = f"{GT} and no {DET}" if any_rows else GT if rows == "gt" else DET
        raise InputError(
            f"no sequence has a {what}",
            where=root.path,
            hint="give the folder of a sequence, one that holds sequences, or a table",
        )
    _name(found, subset_of_root(root))
    return root, found


def _table(root: InputRoot, folder: str, name: str) -> str:
    """Return a sequence's table, which may lie in a folder of its own, or ""."""
    own = posixpath.join(folder, name)
    if root.is_file(own):
        return own
    plain = posixpath.join(folder, posixpath.basename(name))
    return plain if root.is_file(plain) and holds_rows(root, plain) else ""


def _search(root: InputRoot, under: str, depth: int) -> list[str]:
    folders, files = root.entries(under)
    found = []
    there = {*folders, *files}
    tables = [n for n in (GT, DET) if not there.isdisjoint(n.split("/"))]
    own = [IMAGES]
    if SEQINFO in files or any(_table(root, under, name) for name in tables):
        found.append(under)
        own += ["gt", "det"]  # elsewhere sequences may lie in such a folder: TrackEval's data
    if depth:
        for folder in folders:
            if folder not in own:
                found += _search(root, posixpath.join(under, folder), depth - 1)
    return found


def _single(root: InputRoot, rows: str, ledger: Ledger) -> Sequence:
    """Return the sequence of one table that was given by itself, seen from the folder above."""
    name = root.focus or ""
    folder = posixpath.dirname(name)
    own = folder in ("gt", "det")
    detected = folder == "det" or posixpath.basename(name) == posixpath.basename(DET)
    truth = rows == "gt" or (rows == "auto" and not detected)
    return _describe(root, Sequence("" if own else folder, name, truth), ledger)


def _name(sequences: list[Sequence], subset: str) -> None:
    """Give sequences their subsets, and several the names that tell their items apart.

    Args:
        sequences: All of them.
        subset: The subset of those below the dataset's folder whose own folders name none.
    """
    several: dict[tuple[str, str], list[tuple[Sequence, str]]] = {}
    for sequence in sequences:
        parts = sequence.path.split("/") if sequence.path else []
        place = _split_place(parts)
        if place >= 0:
            sequence.subset = _SPLIT_OF.sub("", parts[place])
        elif parts:
            sequence.subset = subset
        name = "/".join(parts[place + 1 :])
        above = "/".join(parts[: place + (sequence.subset != parts[place])] if place >= 0 else [])
        several.setdefault((sequence.subset, name), []).append((sequence, above))
    if len(sequences) == 1:
        return
    for (_, name), found in several.items():
        for sequence, above in found:
            longer = [above, name] if len(found) > 1 else [name]
            sequence.prefix = "".join(f"{part}/" for part in longer if part)


def _split_place(parts: list[str]) -> int:
    """Return which folder of a sequence's path is its subset, -1 for none.

    The sequence's own folder is only if its name is plain: a sequence may be called ``test-1``.
    """
    plain = (n for n, part in enumerate(parts) if part.lower() in SPLITS)
    others = (n for n, part in enumerate(parts[:-1]) if is_subset_name(_SPLIT_OF.sub("", part)))
    return next(chain(plain, others), -1)


def _describe(root: InputRoot, sequence: Sequence, ledger: Ledger) -> Sequence:
    """Read ``seqinfo.ini`` and list the images."""
    name = posixpath.join(sequence.path, SEQINFO)
    folder, ext = posixpath.join(sequence.path, IMAGES), ".jpg"
    if root.is_file(name):
        info = sequence.info = _ini(root.text(name))
        keys = {key.lower(): value for key, value in info.items()}
        where = root.show(name)
        sequence.length = _number(keys, "seqlength", where)
        if not sequence.length:
            ledger.warn(f"{where} states no length: frames are those of the images and the table")
        width, height = (_number(keys, k, where) for k in ("imwidth", "imheight"))
        sequence.size = (height, width) if height and width else None
        stated = posixpath.join(sequence.path, clean_name(keys.get("imdir") or IMAGES, where))
        if root.is_dir(stated) or not root.is_dir(folder):
            folder = stated
        ext = keys.get("imext") or ext
        sequence.pattern = (folder, ext if ext.startswith(".") else f".{ext}")
    sequence.images = _images(root, folder, ledger)
    return sequence


def _ini(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.replace("\r", "\n").split("\n") if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _number(keys: dict[str, str], key: str, where: str) -> int:
    value = keys.get(key, "0")
    try:
        number = int(value)
    except ValueError as error:
        raise InputError(f"{key} is no whole number: {value!r}", where=where) from error
    if not 0 <= number <= _LARGEST:
        raise InputError(f"{key} is {number}, which cannot be", where=where)
    return number


def _images(root: InputRoot, folder: str, ledger: Ledger) -> dict[int, str]:
    """Return image files by frame number: the digits that end their names."""
    found: dict[int, str] = {}
    for file in root.entries(folder)[1]:
        if not is_image_name(file):
            continue
        stem = stem_of(file)
        digits = stem[len(stem.rstrip("0123456789")) :]
        if not digits or not digits.isascii() or len(digits) > len(str(_LARGEST)) + 6:
            ledger.warn(f"an image whose name ends in no frame number is left out: {file[:60]}")
            continue
        if int(digits) in found:
            ledger.warn(f"two images of one frame in {folder}: the first is taken")
        found.setdefault(int(digits), posixpath.join(folder, file))
    return found


def read_labels(root: InputRoot, sequence: Sequence) -> Categories | None:
    """Return the labels that a sequence's side files state, class 1 first; None without any.

    Raises:
        InputError: A file is damaged.
    """
    folders = dict.fromkeys([sequence.path, ""])
    for folder in folders:
        if root.is_file(posixpath.join(folder, META_NAME)):
            return stated_labels(root, folder)
    for name in ("gt", posixpath.basename(posixpath.dirname(sequence.table)), ""):
        file = posixpath.join(sequence.path, name, "labels.txt")
        if root.is_file(file):
            return Categories.from_names(read_lines(root, file))
    return None


_frames = msgspec.json.Decoder(dict[int, tuple[str, str]])


def read_frames(root: InputRoot, sequence: Sequence) -> dict[int, tuple[str, str]]:
    """Return subset and id of items by frame, where an export noted that they differ from frames.

    Raises:
        InputError: The file is damaged.
    """
    name = posixpath.join(sequence.path, FRAMES)
    if not sequence.truth or not root.is_file(name):
        return {}
    where = root.show(name)
    try:
        frames: dict[int, Any] = _frames.decode(root.text_bytes(name))
    except (*UNDECODABLE, ValueError) as error:
        raise InputError(f"it holds no subset and id by frame: {error}", where=where) from error
    for subset, item in frames.values():
        clean_name(subset, where)
        if clean_name(item, where) != item or "/" in subset:
            raise InputError(f"{item!r} of {subset!r} is no name of an item", where=where)
    if not all(0 <= frame < LARGEST for frame in frames):
        raise InputError(f"frames are numbers from 0 to {LARGEST - 1}", where=where)
    if len({tuple(pair) for pair in frames.values()}) != len(frames):
        raise InputError("two frames have one id", where=where)
    return frames
