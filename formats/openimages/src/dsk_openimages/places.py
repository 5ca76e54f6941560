"""Where the images lie, and how large the images are that ``images.meta`` names."""

from __future__ import annotations

import shlex
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import InputError, RecordError
from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.metafile import SIZES_NAME
from dsk.names import stem_of
from dsk_openimages.layout import IMAGE_HOMES, folder_subset, join, subset_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_openimages.items import ItemIndex
    from dsk_openimages.layout import Layout

__all__ = ["Places", "read_sizes"]


class Places:
    """The image files of items: a folder and an ending for each.

    Args:
        root: The dataset.
        layout: Its files.
        items: Its items.
        listed: Whether lists name the items; otherwise images without annotations are items too.
    """

    def __init__(self, root: InputRoot, layout: Layout, items: ItemIndex, *, listed: bool) -> None:
        self._items = items
        self._listed = listed
        self.names: list[tuple[str, str]] = []
        self._codes: dict[tuple[str, str], int] = {}
        self.number: NDArray[np.int32] = np.full(len(items), -1, np.int32)
        self.unlisted = 0
        for subset, home in layout.homes.items():
            self._walk(root, join(home, "data"), "", subset)
        folders = [] if layout.homes else subset_folders(root, layout, "images")
        deep = {folder: any(f.startswith(f"{folder}/") for f in folders) for folder in folders}
        stated = frozenset(items.subsets)
        for folder in folders:
            subset = folder_subset(folder, stated)
            whole = len(folders) == 1 and folder.rpartition("/")[2].lower() in IMAGE_HOMES
            if deep[folder] or whole:
                self._add(folder, "", root.entries(folder)[1], DEFAULT_SUBSET)
            else:
                self._walk(root, folder, "", subset)

    def name(self, item: int, item_id: str) -> str:
        """Return the name of an item's image below the root, or ""."""
        number = int(self.number[item])
        if number < 0:
            return ""
        folder, ext = self.names[number]
        return f"{folder}/{item_id}{ext}" if folder else item_id + ext

    def _walk(self, root: InputRoot, top: str, below: str, subset: str) -> None:
        folders, files = root.entries(join(top, below) if below else top)
        self._add(top, below, files, subset)
        for folder in folders:
            self._walk(root, top, join(below, folder), subset)

    def _add(self, top: str, below: str, files: list[str], subset: str) -> None:
        names = [name for name in files if is_image_name(name)]
        if not names:
            return
        items = self._items
        subset_number = items.subsets.index(subset) if subset in items.subsets else -1
        stems = [stem_of(name) for name in names]
        found = items.find_names((join(below, stem) for stem in stems), subset_number)
        if (found < 0).all():  # ids may be names of files, endings included
            whole = items.find_names((join(below, name) for name in names), subset_number)
            if (whole >= 0).any():
                found, stems = whole, names
        folder = top
        if below and not (found >= 0).any():  # sorted into folders by class, for instance
            found, folder = items.find_names(stems, subset_number), join(top, below)
        elif not self._listed and (found < 0).any():
            ids = items.encode(join(below, stem) for stem in stems)
            items.add_unlisted(ids[found < 0], subset)
            grown = np.full(len(items) - len(self.number), -1, np.int32)
            self.number = np.concatenate([self.number, grown])
            found = items.find(ids, items.subset_number(subset))
        codes = np.array(
            [self._code(folder, name, s) for name, s in zip(names, stems, strict=True)]
        )
        self.unlisted += int(np.count_nonzero(found < 0))
        known = found >= 0
        numbers, codes = found[known], codes[known]
        free = (self.number[numbers] < 0) | (items.subset[numbers] == subset_number)
        self.number[numbers[free]] = codes[free]

    def _code(self, folder: str, name: str, stem: str) -> int:
        key = (folder, name[len(stem) :])
        code = self._codes.get(key)
        if code is None:
            code = self._codes[key] = len(self.names)
            self.names.append(key)
        return code


_LINES, _PIECE = 50_000, 1 << 20


def read_sizes(
    root: InputRoot, layout: Layout, items: ItemIndex, ledger: Ledger
) -> NDArray[np.int32]:
    """Read ``images.meta``: lines of item id, height and width, quoted as in a shell.

    A fourth word names the subset, for ids that several subsets have.

    Returns:
        (items, 2) heights and widths, 0 where they are not known.
    """
    sizes = np.zeros((len(items), 2), np.int32)
    for folder in dict.fromkeys((*layout.folders, join(layout.base, "annotations"), layout.base)):
        name = join(folder, SIZES_NAME)
        if not root.is_file(name):
            continue
        where = root.show(name)
        lines = enumerate(_lines(root.buffer(name), where), 1)
        while part := list(islice(lines, _LINES)):
            _read_part(part, where, items, sizes, ledger)
        break
    return sizes


def _lines(view: memoryview, where: str) -> Iterator[bytes]:
    """Yield lines without their ends, of which few are held at a time."""
    rest = b""
    for place in range(0, len(view), _PIECE):
        *lines, rest = (rest + view[place : place + _PIECE]).split(b"\n")
        yield from lines
        if len(rest) > _PIECE:
            raise InputError(f"a line is longer than {_PIECE >> 20} MB", where=where)
    yield rest


def _read_part(
    lines: list[tuple[int, bytes]],
    where: str,
    items: ItemIndex,
    sizes: NDArray[np.int32],
    ledger: Ledger,
) -> None:
    """Fill in the sizes that some lines say; numbers of lines are for messages."""
    names: dict[str, list[str]] = {}
    values: dict[str, list[tuple[int, int]]] = {}
    plain = _plain_lines(lines)
    if plain is not None:
        names[""], values[""] = plain
    for number, line in lines if plain is None else ():
        try:
            fields = _words(line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r"))
            if not fields:
                continue
            size = int(fields[1]), int(fields[2])
            if not (0 < size[0] < 1 << 31 and 0 < size[1] < 1 << 31):
                raise ValueError  # noqa: TRY301 - worded once
        except (ValueError, IndexError):
            bad = RecordError("a line is: item id, height, width", where=f"{where}:{number}")
            ledger.bad_record(bad)
            continue
        subset = fields[3] if len(fields) > 3 else ""
        names.setdefault(subset, []).append(fields[0])
        values.setdefault(subset, []).append(size)
    for subset, ids in names.items():
        known = items.subsets.index(subset) if subset in items.subsets else -1
        found = items.find_names(ids, known)
        rows = found >= 0
        if subset:
            rows[rows] = items.subset[found[rows]] == known
        sizes[found[rows]] = np.array(values[subset], np.int32)[rows]


def _plain_lines(
    lines: list[tuple[int, bytes]],
) -> tuple[list[str], list[tuple[int, int]]] | None:
    """Return ids and sizes if all lines are three words with single blanks; None otherwise."""
    raw = b" \n ".join([line for _, line in lines])
    if any(sign in raw for sign in (b"#", b'"', b"'", b"\\")):
        return None
    try:
        text = raw.decode()
        words = text.split(" ")
        heights, widths = (list(map(int, words[place::4])) for place in (1, 2))
    except ValueError:
        return None
    ends = words[3::4]
    if len(words) != 4 * len(lines) - 1 or ends.count("\n") != len(ends):
        return None
    if len(text.split()) != 3 * len(lines) or min(heights) < 1 or min(widths) < 1:
        return None
    if max(heights) >> 31 or max(widths) >> 31 or text.startswith("\ufeff"):
        return None
    return words[::4], list(zip(heights, widths, strict=True))


def _words(line: str) -> list[str]:
    """Split a line as a shell does; plain lines, nearly all, without its slow parser."""
    if "#" in line or '"' in line or "'" in line or "\\" in line:
        return shlex.split(line, comments=True)
    return line.split()
