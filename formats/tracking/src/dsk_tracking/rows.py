"""Parsing the tables of MOT Challenge: ``frame,id,left,top,width,height,conf,class,visibility``."""

from __future__ import annotations

import math
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import RecordError
from dsk_tracking.numbering import LARGEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.loss import Ledger

__all__ = ["COLUMNS", "parse_rows"]

COLUMNS = 9
"""frame, track, left, top, width, height, confidence, class, visibility."""

_BLANKS = re.compile(rb"(?<=\S)[ \t]+(?=\S)")
_FEWEST = 6
_WORLD, _NOWHERE = 10, -1.0
_DEFAULTS = (1.0, -1.0, 1.0)
"""Confidence, class and visibility of rows that end before them."""


def parse_rows(data: bytes, where: str, ledger: Ledger) -> NDArray[np.float64]:
    """Return a table's rows, (n, 9), ordered by frame; rows of one frame keep their order.

    Rows of ten columns are MOT15's: the last three are a place in the world, not class and
    visibility. An unknown class is -1, an unknown visibility 1.

    Where no row has a comma, blanks divide the columns, as trackers write them.

    Args:
        data: The file, without a byte-order mark.
        where: Its name, for messages.
        ledger: Where bad rows go, and what is told of columns that are left out.
    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"," not in data:
        data = _BLANKS.sub(b",", data)
    rows = _quick(data)
    if rows is None:
        rows = _careful(data, where, ledger)
    else:
        rows = _completed(rows, ledger)
        if not _sound(rows).all():
            rows = _careful(data, where, ledger)
    return rows[np.argsort(rows[:, 0], kind="stable")]


def _quick(data: bytes) -> NDArray[np.float64] | None:
    """Parse a table whose rows are all alike; None when they are not."""
    text = data.strip()
    if not text:
        return np.empty((0, COLUMNS))
    codes = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    commas = np.searchsorted(np.flatnonzero(codes == ord(",")), np.append(ends, len(codes)))
    counts = np.diff(commas, prepend=0)
    width = int(counts[0]) + 1
    if width < _FEWEST or (counts != width - 1).any():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy only warns of what it cannot read
            numbers = np.fromstring(text.replace(b"\n", b",").decode("ascii"), sep=",")
    except (ValueError, DeprecationWarning):
        return None
    return numbers.reshape(-1, width) if len(numbers) == width * len(counts) else None


def _completed(rows: NDArray[np.float64], ledger: Ledger) -> NDArray[np.float64]:
    """Bring rows of six and more columns to nine."""
    width = rows.shape[1]
    if width > _WORLD:
        ledger.warn("columns behind the ninth are left out")
    elif width == _WORLD and (rows[:, 7:] != _NOWHERE).any():
        ledger.warn("places in the world, the last three of ten columns, are left out")
    known = 7 if width == _WORLD else min(width, COLUMNS)
    full = np.empty((len(rows), COLUMNS))
    full[:, :known] = rows[:, :known]
    for column in range(known, COLUMNS):
        full[:, column] = _DEFAULTS[column - 6]
    unknown = full[:, 8] < 0
    full[unknown, 8] = 1.0
    return full


def _sound(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which rows hold finite numbers, and whole ones where that must be."""
    whole = rows[:, [0, 1, 7]]
    with np.errstate(invalid="ignore"):
        fine: NDArray[np.bool_] = (
            np.isfinite(rows).all(axis=1)
            & (whole == np.floor(whole)).all(axis=1)
            & (np.abs(whole) < LARGEST).all(axis=1)
            & (rows[:, 0] >= 0)
        )
    return fine


def _careful(data: bytes, where: str, ledger: Ledger) -> NDArray[np.float64]:
    """Parse line by line and say which lines are bad."""
    rows: list[list[float]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(_row(line, ledger))
        except ValueError as error:
            ledger.bad_record(RecordError(str(error), where=f"{where}:{number}"))
    return np.array(rows).reshape(-1, COLUMNS)


def _row(line: bytes, ledger: Ledger) -> list[float]:
    fields = line.rstrip(b", \t\r").split(b",")  # some tools end rows with a comma
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        msg = "a row is: frame, track, left, top, width, height, confidence, class, visibility"
        raise ValueError(msg) from error
    if len(values) < _FEWEST:
        msg = f"a row has at least {_FEWEST} numbers, this one has {len(values)}"
        raise ValueError(msg)
    if not all(map(math.isfinite, values)):
        msg = "a number is not finite"
        raise ValueError(msg)
    row = _completed(np.array([values]), ledger)
    if not _sound(row)[0]:
        msg = "frame, track and class are whole numbers, and the frame is not negative"
        raise ValueError(msg)
    found: list[float] = row[0].tolist()
    return found
