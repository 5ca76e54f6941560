"""What the label rows of a dataset hold, told from some of its files."""

from __future__ import annotations

from collections import Counter

from dsk_yolo.poses import PoseRows
from dsk_yolo.rows import is_number

__all__ = ["RowCounts"]


class RowCounts:
    """Counts of the rows that were looked at.

    Attributes:
        fields: How many rows have how many fields.
        scores: Whether a value behind a box or an outline is a fraction: it is a score then.
        poses: Whether the rows look like poses.
    """

    def __init__(self) -> None:
        self.fields: Counter[int] = Counter()
        self.scores = False
        self.poses = PoseRows()
        self._texts = self._boxes = 0

    def add(self, data: bytes) -> None:
        """Look at a label file."""
        for line in data.splitlines():
            fields = line.split()
            count = len(fields)
            if not count:
                continue
            self.fields[count] += 1
            self.poses.add(fields)
            self._texts += count >= 9 and not is_number(fields[8])
            self._boxes += count == 9 and _is_box(fields[1:])
            self.scores = self.scores or (count % 2 == 0 and not fields[-1].isdigit())

    @property
    def is_oriented(self) -> bool:
        """Whether every row has four points, and nearly all of them are the corners of a box.

        An outline of four points looks the same but for its shape.
        """
        return self.fields.keys() == {9} and self._boxes >= 0.9 * self.fields.total()

    @property
    def is_roboflow(self) -> bool:
        """Whether every row is eight pixels, a name and, mostly, a digit."""
        return bool(self._texts) and self._texts == self.fields.total()


def _is_box(fields: list[bytes]) -> bool:
    """Whether four points, relative to an image of unknown shape, may be a rectangle's corners.

    A rectangle becomes a parallelogram there; annotators' boxes are a little off.
    """
    try:
        x1, y1, x2, y2, x3, y3, x4, y4 = map(float, fields)
    except ValueError:
        return False
    gap = abs(x1 + x3 - x2 - x4) + abs(y1 + y3 - y2 - y4)
    extent = max(x1, x2, x3, x4) - min(x1, x2, x3, x4) + max(y1, y2, y3, y4) - min(y1, y2, y3, y4)
    return gap <= 0.04 * extent + 4e-6
