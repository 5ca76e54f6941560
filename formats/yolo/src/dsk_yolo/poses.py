"""Telling poses by their rows alone, where no data.yaml states ``kpt_shape``."""

from __future__ import annotations

import re

from dsk.errors import OptionError

__all__ = ["PoseRows", "stated_shape"]

_START = 5
"""Fields before the keypoints: the class and the box."""

_FEWEST = 8
_COCO = 56
"""Fields of a row with the 17 points of COCO: one such row is enough."""

_MANY = 10
"""How many rows tell where few could be outlines by chance."""

_MOST = 0.9
"""Which part of the rows has good boxes: datasets have bad rows, too."""

_SLACK = 0.1
"""How far points may lie outside of their box, in parts of its extent."""

_STATED = re.compile(r"\[?\s*(\d{1,5})\s*[,x]\s*([23])\s*\]?")


class PoseRows:
    """Looks at rows for as long as all of them may be poses of the same number of points."""

    def __init__(self) -> None:
        self._count = self._rows = self._boxes = self._seen = self._inside = 0
        self._twos = False

    def add(self, fields: list[bytes]) -> None:
        """Look at a row."""
        count = len(fields)
        if self._count < 0 or count != (self._count or count) or not _fits(count):
            self._count = -1
            return
        self._count = count
        try:
            x, y, w, h, *rest = map(float, fields[1:])
        except ValueError:
            self._count = -1
            return
        values = rest[2::3]
        if not {0.0, 1.0, 2.0}.issuperset(values):
            self._count = -1
            return
        self._rows += 1
        self._boxes += 0 <= x <= 1 and 0 <= y <= 1 and 0 < w <= 1 and 0 < h <= 1
        self._twos = self._twos or 2.0 in values
        reach_x, reach_y = w * (0.5 + _SLACK), h * (0.5 + _SLACK)
        for px, py, value in zip(rest[::3], rest[1::3], values, strict=True):
            if value:
                self._seen += 1
                self._inside += abs(px - x) <= reach_x and abs(py - y) <= reach_y

    @property
    def shape(self) -> tuple[int, int] | None:
        """(number of points, 3) if all rows are poses, else None.

        An outline has no coordinate of 2. Where visibilities are 0 and 1 only, or may be values
        behind outlines of three points, there must be many rows with points in their boxes.
        """
        if self._count < _FEWEST or self._boxes < _MOST * self._rows:
            return None
        sure = self._twos and self._count > _FEWEST
        if self._rows < (1 if self._count == _COCO else 2 if sure else _MANY):
            return None
        if not sure and (not self._seen or self._inside < _MOST * self._seen):
            return None
        return (self._count - _START) // 3, 3


def _fits(count: int) -> bool:
    return count >= _FEWEST and (count - _START) % 3 == 0


def stated_shape(text: str) -> tuple[int, int] | None:
    """Return what the option ``kpt_shape`` says; None if it was not given.

    Raises:
        OptionError: It is no pair of numbers.
    """
    if not text:
        return None
    found = _STATED.fullmatch(text.strip())
    if found is None or not 0 < int(found[1]) <= 10_000:
        raise OptionError(
            "kpt_shape is not the number of keypoints and 2 or 3", hint="for instance 17,3"
        )
    return int(found[1]), int(found[2])
