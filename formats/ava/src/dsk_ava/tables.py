"""Reading tables of boxes with actions."""

from __future__ import annotations

import csv
import io
from array import array
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, field

from dsk.errors import InputError, RecordError
from dsk.names import clean_name
from dsk_ava.frames import frame_name, item_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["LARGEST", "NONE", "Table", "read_table", "read_times"]

NONE = -1
_CELLS = 8
_CHUNK = 512
LARGEST = 2**31 - 1
_PIXELS = 1.5
"""Where half of the boxes end beyond this, coordinates are no shares of the image."""


class Table(Struct):
    """The rows of one file, by frame.

    Attributes:
        file: Its name.
        subset: Its subset.
        frames: Film and time of each frame, in order of appearance.
        numbers: The frames' places in ``frames``.
        frame: Frame of each box.
        action: Number of each box's action; -1 for none.
        person: Number of each box's person; -1 for none.
        line: Line of each box in the file.
        box: Four numbers for each box: x1, y1, x2, y2.
        excluded: Numbers of the frames that are to be left out.
        pixels: Whether the boxes are in pixels.
        order: Numbers of boxes by frame.
        first: Where each frame begins in ``order``; one more at the end.
    """

    file: str
    subset: str
    frames: list[tuple[str, str]] = field(default_factory=list)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    frame: array[int] = field(default_factory=lambda: array("l"))
    action: array[int] = field(default_factory=lambda: array("l"))
    person: array[int] = field(default_factory=lambda: array("l"))
    line: array[int] = field(default_factory=lambda: array("l"))
    box: array[float] = field(default_factory=lambda: array("d"))
    excluded: set[int] = field(default_factory=set)
    pixels: bool = False
    order: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    first: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))

    def number(self, video: str, time: str, where: str) -> int:
        """Return a frame's number; a new frame gets the next one.

        Raises:
            UnsafePathError: Its film or time is no name of a file.
        """
        number = self.numbers.get((video, time))
        if number is None:
            clean = clean_name(item_id(clean_name(video, where), time), where)
            clean_name(frame_name(video, time), where)
            if clean != item_id(video, time) or "/" in time:
                raise RecordError(f"no name of a frame: {clean!r}", where=where)
            number = self.numbers[video, time] = len(self.frames)
            self.frames.append((video, time))
        return number

    def close(self) -> None:
        """Put the boxes in order."""
        frame = np.array(self.frame, np.int64)
        self.order = np.argsort(frame, kind="stable")
        counts = np.bincount(frame, minlength=len(self.frames))
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        ends = np.frombuffer(self.box, np.float64)[2::4] if self.box else np.zeros(1)
        self.pixels = bool(np.median(ends) > _PIXELS)


def _rows(root: InputRoot, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a file with their lines."""
    where = root.show(name)
    with root.open(name) as raw:
        text = io.TextIOWrapper(raw, "utf-8-sig", newline="")
        rows = csv.reader(text)
        try:
            for row in rows:
                if row and not (rows.line_num == 1 and is_head(row)):
                    yield rows.line_num, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(
                f"no readable CSV: {error}", where=f"{where}:{rows.line_num + 1}"
            ) from error


def is_head(row: list[str]) -> bool:
    """Tell whether a file's first row names the columns."""
    return row[0].lower() == "video_id" and not any(c in row[-1] for c in "0123456789")


def read_table(root: InputRoot, name: str, subset: str, ledger: Ledger) -> Table:
    """Read a table; bad rows go to the ledger.

    Raises:
        InputError: It is no CSV file.
    """
    table = Table(name, subset)
    where = root.show(name)
    rows = _rows(root, name)
    while chunk := list(islice(rows, _CHUNK)):
        if _quick(table, chunk, where):
            continue
        for line, row in chunk:
            try:
                _slow(table, row, line, where)
            except (ValueError, OverflowError) as error:
                ledger.bad_record(RecordError(f"bad row: {error}", where=f"{where}:{line}"))
            except InputError as error:
                ledger.bad_record(RecordError(error.message, where=f"{where}:{line}"))
    return table


def _quick(table: Table, chunk: list[tuple[int, list[str]]], where: str) -> bool:
    """Note rows that are all complete, column by column; return whether they were."""
    try:
        cells = list(zip(*(row for _, row in chunk), strict=True))
        if len(cells) != _CELLS:
            return False
        box = np.array([list(map(float, column)) for column in cells[2:6]])
        act, who = (list(map(int, column)) for column in cells[6:])
    except ValueError:
        return False
    low, high = min(*act, *who), max(*act, *who)
    ordered = (box[0] <= box[2]) & (box[1] <= box[3])
    if low < NONE or high > LARGEST or not (ordered.all() and np.isfinite(box).all()):
        return False
    keys = list(zip(cells[0], cells[1], strict=True))
    numbers = table.numbers
    for video, time in dict.fromkeys(keys):
        if (video, time) not in numbers:
            if time != time.strip():
                return False
            try:
                table.number(video, time, where)
            except InputError:
                return False  # the row by row reading says which
    table.frame.extend(map(numbers.__getitem__, keys))
    table.action.extend(act)
    table.person.extend(who)
    table.line.extend([line for line, _ in chunk])
    table.box.frombytes(np.ascontiguousarray(box.T).tobytes())
    return True


def _slow(table: Table, row: list[str], line: int, where: str) -> None:
    """Note a row: the first of its frame, a frame without boxes, or a box that lacks something.

    Raises:
        ValueError: A cell is wrong.
        InputError: The name of the frame is.
    """
    cells = [*(cell.strip() for cell in row), *[""] * (_CELLS - len(row))]
    if len(row) > _CELLS or len(row) < 2:
        raise ValueError(f"{len(row)} cells, not {_CELLS}")
    corners = [float(cell) for cell in cells[2:6] if cell]
    if len(corners) not in (0, 4):
        raise ValueError("a box that lacks a corner")
    act, who = int(cells[6] or NONE), int(cells[7] or NONE)
    if not (NONE <= act <= LARGEST and NONE <= who <= LARGEST):
        raise ValueError("a number of an action or a person out of range")
    if corners and not (
        all(map(isfinite, corners)) and corners[0] <= corners[2] and corners[1] <= corners[3]
    ):
        raise ValueError("corners of a box that are no corners")
    number = table.number(row[0], row[1].strip(), f"{where}:{line}")
    if corners:
        table.frame.append(number)
        table.action.append(act)
        table.person.append(who)
        table.line.append(line)
        table.box.extend(corners)


def read_times(root: InputRoot, name: str, table: Table, ledger: Ledger) -> None:
    """Read a list of frames that are to be left out; those without boxes become frames, too."""
    where = root.show(name)
    for line, row in _rows(root, name):
        try:
            if len(row) < 2:
                raise RecordError("a row is: video, timestamp", where=f"{where}:{line}")
            table.excluded.add(table.number(row[0], row[1].strip(), f"{where}:{line}"))
        except InputError as error:
            ledger.bad_record(RecordError(error.message, where=f"{where}:{line}"))
