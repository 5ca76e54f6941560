"""Annotations to label rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dsk.annotations import (
    Annotation,
    Bbox,
    Polygon,
    RotatedBbox,
    Skeleton,
    Visibility,
    is_crowd,
)
from dsk.convert import bbox_of
from dsk.geometry import clip_box, min_area_rect, rings_bbox, rotated_box_corners
from dsk_yolo.outlines import join_rings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_yolo.exif import Turn

__all__ = ["RowWriter"]

ROW = "%d %.6f %.6f %.6f %.6f\n"

SLACK = 0.01
"""How far Ultralytics lets coordinates, relative to the image, lie outside."""

NOT_FINITE = "NaN or infinite coordinates"

OUTSIDE = (
    "rows reach out of their image; Ultralytics leaves such images out of the training "
    "(-O clip=true cuts them)"
)


class RowWriter:
    """Makes the rows of label files.

    Args:
        task: "detect", "segment", "pose" or "obb".
        classes: Class id by label index; None for labels that are no classes.
        points: Number of keypoints of a pose row; 0 if each skeleton shall have its own.
        clip: Cut what lies outside the image.
        skip_crowd: Leave crowd regions out.
    """

    def __init__(
        self, task: str, classes: Sequence[int | None], points: int, *, clip: bool, skip_crowd: bool
    ) -> None:
        self._classes = classes
        self._points = points
        self.lengths: set[int] = set()
        """Numbers of keypoints that were written."""
        self._clip = clip
        self._skip_crowd = skip_crowd
        self._boxes = task == "detect"
        self._row: Any = {
            "detect": self._box,
            "segment": self._segment,
            "pose": self._pose,
            "obb": self._oriented,
        }[task]

    def rows(
        self, item: DatasetItem, size: tuple[int, int], ledger: Ledger, turn: Turn | None = None
    ) -> str:
        """Return the rows of one item.

        Args:
            item: It holds only annotations of kinds that the task has.
            size: (height, width) of its image as stored.
            ledger: Where changes and drops go.
            turn: Takes coordinates of the stored image to the one that rows shall refer to.
        """
        if not self._boxes or turn is not None:
            return "".join([self._checked(a, item, size, ledger, turn) for a in item.annotations])
        height, width = size
        classes = self._classes
        parts: list[str] = []
        plain: list[float] = []
        extend = plain.extend
        for a in item.annotations:
            c: Any = classes[a.label]  # type: ignore[index]
            attributes = a.attributes
            w, h = a.w / width, a.h / height  # type: ignore[attr-defined]
            x, y = a.x / width + w / 2, a.y / height + h / 2  # type: ignore[attr-defined]
            if (
                0.0 <= x <= 1.0
                and 0.0 <= y <= 1.0
                and 0.0 <= w <= 1.0
                and 0.0 <= h <= 1.0
                and c is not None
                and not (attributes and (attributes.get("is_crowd") or attributes.get("rotation")))
            ):
                extend((c, x, y, w, h))
            else:
                parts += (
                    ROW * (len(plain) // 5) % tuple(plain),
                    self._checked(a, item, size, ledger, None),
                )
                plain.clear()
        # One formatting for all rows takes less than one for each.
        last = ROW * (len(plain) // 5) % tuple(plain)
        return "".join([*parts, last]) if parts else last

    def _checked(
        self,
        a: Annotation,
        item: DatasetItem,
        size: tuple[int, int],
        ledger: Ledger,
        turn: Turn | None,
    ) -> str:
        """Return the row of any annotation, or nothing and an entry in the ledger."""
        note = _Note(ledger, item, a)
        c = self._classes[a.label] if a.label is not None else None
        if c is None:
            note("DSK-L017", "label names a keypoint, not a class")
            return ""
        crowd = is_crowd(a)
        if crowd and self._skip_crowd:
            note("DSK-L017", "crowd region", hint="-O crowd=keep writes it as an object")
            return ""
        if crowd:
            note("DSK-L004", "attribute is_crowd")
        try:
            row: str = self._row(a, c, size, note, turn)
        except ValueError as error:  # undecoded geometry of the source is malformed
            note("DSK-L018", f"{a.kind}: {error}")
            return ""
        if "n" in row:  # "nan" or "inf", no other row has letters
            note("DSK-L018", f"{a.kind}: {NOT_FINITE}")
            return ""
        return row

    def _outside(self, note: _Note) -> None:
        note.ledger.warn(OUTSIDE)

    def _box(self, a: Bbox, c: int, size: tuple[int, int], note: _Note, turn: Turn | None) -> str:
        height, width = size
        x, y, w, h = a.x, a.y, a.w, a.h
        if a.attributes and (degrees := _rotation(a)):
            corners = rotated_box_corners(x + w / 2, y + h / 2, w, h, degrees)
            x, y, w, h = rings_bbox([corners])
            note("DSK-L003", "rotated box→bbox")
        w, h = w / width, h / height
        x, y = x / width + w / 2, y / height + h / 2
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0 and 0.0 <= w <= 1.0 and 0.0 <= h <= 1.0):
            if not math.isfinite(x + y + w + h):
                raise ValueError(NOT_FINITE)
            if not self._clip:
                self._outside(note)
            else:
                box = clip_box(x - w / 2, y - h / 2, w, h, 1.0, 1.0)
                if box[2] <= 0.0 or box[3] <= 0.0:
                    note("DSK-L017", "box outside the image", hint="-O clip=false keeps it")
                    return ""
                note("DSK-L007", "box clipped to the image", hint="-O clip=false keeps it")
                x, y, w, h = box[0] + box[2] / 2, box[1] + box[3] / 2, box[2], box[3]
        if turn is not None:
            x, y, w, h = turn.box(x, y, w, h)
        return ROW % (c, x, y, w, h)

    def _segment(
        self, a: Polygon, c: int, size: tuple[int, int], note: _Note, turn: Turn | None
    ) -> str:
        given = a.rings  # decodes
        kept = [n for n, ring in enumerate(given) if len(ring) >= 6]
        rings = [given[n] for n in kept]
        if not rings:
            note("DSK-L018", "outline of fewer than three points")
            return ""
        if len(rings) < len(given):
            note("DSK-L007", "outline parts of fewer than three points left out")
        ring = rings[0]
        if len(rings) > 1:
            holes = {k for k, n in enumerate(kept) if n in a.holes}
            note(
                "DSK-L007", "outline parts joined by seams", hint="-O parts=split keeps them apart"
            )
            ring = join_rings(rings, holes)
        points = _relative(ring, size)
        if min(points) < 0.0 or max(points) > 1.0:
            clipped = self._clipped(points, note, "outline clipped to the image")
            if clipped is None:
                return ""
            points = clipped
        return _line(c, points if turn is None else turn.points(points))

    def _clipped(self, points: list[float], note: _Note, what: str) -> list[float] | None:
        if not self._clip:
            self._outside(note)
            return points
        clipped = [min(max(v, 0.0), 1.0) for v in points]
        _, _, w, h = rings_bbox([clipped])
        if w <= 0.0 or h <= 0.0:
            note("DSK-L017", "outline outside the image", hint="-O clip=false keeps it")
            return None
        note("DSK-L007", what, hint="-O clip=false keeps it")
        return clipped

    def _oriented(
        self, a: Annotation, c: int, size: tuple[int, int], note: _Note, turn: Turn | None
    ) -> str:
        if isinstance(a, RotatedBbox):
            corners = rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
        elif isinstance(a, Bbox):
            corners = rotated_box_corners(a.x + a.w / 2, a.y + a.h / 2, a.w, a.h, _rotation(a))
            note("DSK-L003", "bbox→rotated_bbox")
        else:
            points = [v for ring in a.rings for v in ring] if isinstance(a, Polygon) else []
            if len(points) < 6 or len(points) % 2:
                note("DSK-L018", "outline of fewer than three points")
                return ""
            if not all(map(math.isfinite, points)):  # the hull would leave such points out
                raise ValueError(NOT_FINITE)
            corners = rotated_box_corners(*min_area_rect(points))
            note("DSK-L003", "polygon→rotated_bbox")
        points = _relative(corners, size)
        # Moving corners skews the box, so those within the tolerance stay where they are.
        if min(points) < -SLACK or max(points) > 1.0 + SLACK:
            clipped = self._clipped(points, note, "oriented box clipped to the image")
            if clipped is None:
                return ""
            points = clipped
        return _line(c, points if turn is None else turn.points(points))

    def _pose(
        self, a: Skeleton, c: int, size: tuple[int, int], note: _Note, turn: Turn | None
    ) -> str:
        seen = list(a.visibility) or [Visibility.VISIBLE] * (len(a.points) // 2)
        count = self._points or len(seen)
        if len(seen) > count:
            note("DSK-L018", f"skeleton of more than {count} points")
            return ""
        stated = bbox_of(a)
        if stated is None:
            note("DSK-L018", "skeleton without a box or any present point")
            return ""
        x, y, w, h = stated
        box = self._box(Bbox(x, y, w, h), c, size, note, turn)
        if not box:
            return ""
        points = _relative(a.points, size)
        if turn is not None:
            points = turn.points(points)
        cells = [box[:-1]]
        lost = 0
        for n, v in enumerate(seen):
            px, py = points[2 * n : 2 * n + 2]
            inside = 0.0 <= px <= 1.0 and 0.0 <= py <= 1.0
            if v and not inside and self._clip:
                lost += 1
            if v and (inside or not self._clip):
                cells.append(f"{px:.6f} {py:.6f} {v}")
            else:
                cells.append("0.0 0.0 0")
        if lost:
            note(
                "DSK-L007",
                "keypoints outside the image written as absent",
                hint="-O clip=false keeps them",
            )
        cells += ["0.0 0.0 0"] * (count - len(seen))
        self.lengths.add(count)
        return " ".join(cells) + "\n"


class _Note:
    """Reports what becomes of one annotation."""

    __slots__ = ("_annotation", "_item", "ledger")

    def __init__(self, ledger: Ledger, item: DatasetItem, annotation: Annotation) -> None:
        self.ledger = ledger
        self._item = item
        self._annotation = annotation

    def __call__(self, code: str, what: str, hint: str = "") -> None:
        a, item = self._annotation, self._item
        self.ledger.add_at(code, what, item, a, hint=hint)


def _rotation(a: Annotation) -> float:
    """Return the angle that Datumaro 0.x and CVAT keep in an attribute of upright boxes."""
    value = a.attributes.get("rotation", 0.0) if a.attributes else 0.0
    return float(value) % 360.0 if isinstance(value, int | float) else 0.0


def _relative(points: Sequence[float], size: tuple[int, int]) -> list[float]:
    height, width = size
    if len(points) % 2:
        raise ValueError("a flat list of x, y pairs holds an odd number of values")
    out = [0.0] * len(points)
    out[0::2] = [x / width for x in points[0::2]]
    out[1::2] = [y / height for y in points[1::2]]
    return out


def _line(c: int, points: Sequence[float]) -> str:
    return f"{c} " + " ".join([f"{v:.6f}" for v in points]) + "\n"
