"""Label rows to annotations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from dsk.annotations import Annotation, Bbox, Polygon, RotatedBbox, Skeleton, Visibility
from dsk.errors import RecordError
from dsk.geometry import min_area_rect, rotated_box_corners, rotated_box_from_corners

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dsk.loss import Ledger
    from dsk_yolo.exif import Turn

__all__ = ["RowReader", "is_number", "is_row", "rotated_box"]

BOX, OBB = 5, 9
# Rows become JSON for its decoder: five times as fast as float(), and only regular rows pass.
_BOXES = msgspec.json.Decoder(list[tuple[float, float, float, float, float]])
_LISTS = msgspec.json.Decoder(list[list[float]])
_COMMAS = bytes.maketrans(b" ,[]", b",!!!")  # JSON's own marks have no place in rows
BOM = b"\xef\xbb\xbf"

FAR = 1e9
"""Coordinates from here on, in pixels or relative, are none; and their products stay finite."""

OUTSIDE = "rows reach out of their image or have no extent; they are kept as they are"
SKEW = "some oriented boxes are no rectangles and become such"


class RowReader:
    """Reads the rows of label files.

    Args:
        task: "auto" (boxes and outlines, by the number of fields), "detect", "segment", "pose",
            "obb", or "roboflow" (oriented boxes in pixels, with names).
        ids: Label index by class id.
        names: Label index by name; for "roboflow".
        kpt_shape: (number of keypoints, values of each) for "pose".
        attribute: Oriented boxes become boxes with a ``rotation`` attribute.
        scores: Values behind rows are scores also where they are whole.
        show: Makes the name of a file complete for messages.
    """

    def __init__(
        self,
        task: str,
        ids: Mapping[int, int],
        names: Mapping[str, int],
        kpt_shape: tuple[int, int] | None = None,
        *,
        attribute: bool = False,
        scores: bool = False,
        show: Callable[[str], str] = str,
    ) -> None:
        self.task = task
        self._show = show
        # A class id that is written as a float ("0.0") finds its int key: they hash alike.
        self.ids: Mapping[Any, int] = ids
        self._names = names
        self._points, self._values = kpt_shape or (0, 3)
        self._attribute = attribute
        self._scores = scores
        self._skew = f"{SKEW}; -I task=segment keeps their corners" if task == "obb" else SKEW
        self._is_skew = False  # whether the last row was
        self.reads_boxes = task in ("auto", "detect")
        self._fast = {
            "auto": self._fast_mixed,
            "detect": self._fast_boxes,
            "segment": self._fast_mixed,
        }.get(task)
        self._row: Callable[[list[bytes], float, float, Turn | None], Annotation] = {
            "auto": self._any,
            "detect": self._box,
            "segment": self._polygon,
            "pose": self._pose,
            "obb": self._oriented,
            "roboflow": self._roboflow,
        }[task]

    def read(
        self,
        data: bytes,
        size: tuple[int, int],
        ledger: Ledger,
        where: str,
        item: str,
        *,
        turn: Turn | None = None,
    ) -> list[Annotation]:
        """Return the annotations of one label file.

        Args:
            data: Its content.
            size: (height, width) of the image, as the rows see it.
            ledger: Where bad rows go.
            where: The file's relative name, for messages.
            item: The item, for messages.
            turn: Takes the rows' coordinates to the stored image, if it is turned by EXIF.
        """
        found = None
        if turn is None and self._fast is not None:
            found = self._fast(data, size, ledger)
        if found is None:
            found = self._slow(data, size, ledger, where, item, turn=turn)
        return found

    def _fast_boxes(
        self, data: bytes, size: tuple[int, int], ledger: Ledger
    ) -> list[Annotation] | None:
        """Read a file that holds plain boxes only; None if anything in it is not as usual."""
        try:
            rows = _BOXES.decode(_as_json(data))
        except ValueError:
            return None
        height, width = size
        ids = self.ids
        out: list[Annotation] = []
        append = out.append
        outside = 0
        for c, x, y, w, h in rows:
            label = ids.get(c)
            if label is None:
                return None
            if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0 and 0.0 < w <= 1.0 and 0.0 < h <= 1.0):
                if not max(abs(x), abs(y), abs(w), abs(h)) < FAR:
                    return None
                outside += 1
            w *= width  # noqa: PLW2901 - hot
            h *= height  # noqa: PLW2901
            append(Bbox(x * width - w / 2, y * height - h / 2, w, h, label=label))
        for _ in range(outside):  # only now: what is not as usual is read again, and warns then
            ledger.warn(OUTSIDE)
        return out

    def _fast_mixed(
        self, data: bytes, size: tuple[int, int], ledger: Ledger
    ) -> list[Annotation] | None:
        """Read a file of boxes or of outlines only; None if anything in it is not as usual."""
        if self.reads_boxes:
            found = self._fast_boxes(data, size, ledger)
            if found is not None:
                return found
        try:
            rows = _LISTS.decode(_as_json(data))
        except ValueError:
            return None
        height, width = size
        out: list[Annotation] = []
        outside = 0
        for row in rows:
            label = self.ids.get(row[0]) if len(row) >= 7 and len(row) % 2 else None
            if label is None:
                return None
            if min(row) < 0.0 or max(row[1:]) > 1.0:
                if min(row) <= -FAR or max(row) >= FAR:
                    return None
                outside += 1
            xs, ys = row[1::2], row[2::2]
            del row[0]
            row[0::2] = [x * width for x in xs]
            row[1::2] = [y * height for y in ys]
            out.append(Polygon(row, label=label))
        for _ in range(outside):
            ledger.warn(OUTSIDE)
        return out

    def _slow(
        self,
        data: bytes,
        size: tuple[int, int],
        ledger: Ledger,
        where: str,
        item: str,
        *,
        turn: Turn | None,
    ) -> list[Annotation]:
        """Read row by row with all checks, and say what is wrong with bad ones."""
        height, width = size
        out: list[Annotation] = []
        for number, line in enumerate(data.removeprefix(BOM).splitlines(), 1):
            fields = line.split()
            if not fields:
                continue
            try:
                out.append(self._row(fields, float(width), float(height), turn))
                if self.task != "roboflow" and _reaches_out(fields, boxes=self.task == "pose"):
                    ledger.warn(OUTSIDE)
                if self._is_skew:
                    self._is_skew = False
                    ledger.warn(self._skew)
            except ValueError as error:
                place = f"{self._show(where)}:{number}"
                ledger.bad_record(
                    RecordError(str(error), where=place, item=item, annotation=number)
                )
        _settle(out, scores=self._scores)
        return out

    def _label(self, field: bytes) -> int:
        shown = _show(field)
        try:
            number = float(field)
        except ValueError:
            raise ValueError(f"{shown} is not a number") from None
        label = self.ids.get(number)
        if label is None:
            if not number.is_integer() or number < 0:
                raise ValueError(f"{shown} is no class id")
            raise ValueError(f"class {shown} has no name; there are {len(self.ids)} names")
        return label

    def _any(self, fields: list[bytes], w: float, h: float, turn: Turn | None) -> Annotation:
        count = len(fields)
        if count <= BOX + 1:
            return self._box(fields, w, h, turn)
        if count >= OBB and not is_number(fields[8]):
            return self._roboflow(fields, w, h, turn)
        return self._polygon(fields, w, h, turn)

    def _box(self, fields: list[bytes], w: float, h: float, turn: Turn | None) -> Annotation:
        if not BOX <= len(fields) <= BOX + 1:
            raise ValueError(
                f"{len(fields)} fields, but a box has 5: class, centre x and y, width, height"
            )
        label = self._label(fields[0])
        box = _corner_box(fields, w, h, turn)
        return Bbox(*box, label=label, attributes=_extra(fields[BOX:]))

    def _polygon(self, fields: list[bytes], w: float, h: float, turn: Turn | None) -> Annotation:
        count = len(fields) - 1
        if count < 6:
            raise ValueError(
                f"{count + 1} fields, but an outline has 7 or more: class, x1, y1, x2, …"
            )
        label = self._label(fields[0])
        points = _scaled(fields[1 : 1 + count // 2 * 2], w, h, turn)
        return Polygon(points, label=label, attributes=_extra(fields[1 + count // 2 * 2 :]))

    def _oriented(self, fields: list[bytes], w: float, h: float, turn: Turn | None) -> Annotation:
        if len(fields) >= OBB and not is_number(fields[8]):
            return self._roboflow(fields, w, h, turn)
        if not OBB <= len(fields) <= OBB + 1:
            raise ValueError(
                f"{len(fields)} fields, but an oriented box has 9: class, x1, y1, … y4"
            )
        corners = _scaled(fields[1:OBB], w, h, turn)
        return self._rotated(corners, self._label(fields[0]), _extra(fields[OBB:]))

    def _roboflow(self, fields: list[bytes], w: float, h: float, turn: Turn | None) -> Annotation:  # noqa: ARG002
        if len(fields) < OBB:
            raise ValueError(
                f"{len(fields)} fields, but a row has 10: x1, y1, … y4, name, difficult"
            )
        if len(fields) == OBB:  # as in copies of DOTA, nothing behind the name
            fields = [*fields, b"0"]
        name = b" ".join(fields[8:-1]).decode("utf-8", "replace")
        label = self._names.get(name)
        if label is None:
            raise ValueError(f"{name!r} is not among the class names")
        attributes = {"difficult": True} if fields[-1] not in (b"0", b"0.0") else {}
        return self._rotated(_numbers(fields[:8]), label, attributes)

    def _rotated(self, corners: list[float], label: int, attributes: dict[str, Any]) -> Annotation:
        (cx, cy, w, h, r), self._is_skew = rotated_box(corners)
        if not self._attribute:
            return RotatedBbox(cx, cy, w, h, r, label=label, attributes=attributes)
        r %= 180.0
        if r >= 90.0:
            w, h, r = h, w, r - 90.0
        r = round(r, 6)
        if 0.01 <= r < 89.99:
            attributes = {**attributes, "rotation": r}
        elif r > 1:
            w, h = h, w
        return Bbox(cx - w / 2, cy - h / 2, w, h, label=label, attributes=attributes)

    def _pose(self, fields: list[bytes], w: float, h: float, turn: Turn | None) -> Annotation:
        values = self._values
        stop = BOX + self._points * values
        if not stop <= len(fields) <= stop + 1:
            raise ValueError(
                f"{len(fields)} fields, but kpt_shape [{self._points}, {values}] makes {stop}"
            )
        label = self._label(fields[0])
        box = _corner_box(fields, w, h, turn)
        xs, ys = fields[BOX:stop:values], fields[BOX + 1 : stop : values]
        points = _scaled([f for pair in zip(xs, ys, strict=True) for f in pair], w, h, turn)
        if values == 3:
            seen = [_visibility(f) for f in fields[BOX + 2 : stop : 3]]
        else:
            # Two values leave a negative coordinate as the one way to say that a point is absent.
            seen = [
                Visibility.ABSENT
                if a.startswith(b"-") or b.startswith(b"-")
                else Visibility.VISIBLE
                for a, b in zip(xs, ys, strict=True)
            ]
        for n, v in enumerate(seen):
            if v == Visibility.ABSENT:
                points[2 * n : 2 * n + 2] = (0.0, 0.0)
        extra = _extra(fields[stop:])
        return Skeleton(points, seen, bbox=box, label=label, attributes=extra)


def rotated_box(
    corners: Sequence[float],
) -> tuple[tuple[float, float, float, float, float], bool]:
    """Return (cx, cy, w, h, degrees in (-180, 180]) of four corners, and if these are no rectangle.

    The width runs from the first corner to the second, as D1 and DOTA have it. Corners that miss
    a rectangle by more than rounding get the smallest rectangle around them.
    """
    box = rotated_box_from_corners(corners)
    fitted = rotated_box_corners(*box)
    slack = max(1.0, 0.02 * max(box[2], box[3]))
    skew = max(abs(a - b) for a, b in zip(corners, fitted, strict=True)) > slack
    if skew:
        box = min_area_rect(corners)
    cx, cy, w, h, r = box
    return (cx, cy, w, h, r - 360.0 if r > 180.0 else r), skew


def _as_json(data: bytes) -> bytes:
    return b"[[" + data.rstrip().translate(_COMMAS).replace(b"\n", b"],[") + b"]]"


def _show(field: bytes) -> str:
    return repr(field.decode("utf-8", "replace")[:40])


def is_number(field: bytes) -> bool:
    """Whether a field of a row is a number."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def is_row(fields: list[bytes]) -> bool:
    """Whether fields may be those of a row: five or more numbers, the first of them a class id.

    Class ids are whole; calibrations of cameras are numbers beside images, too.
    """
    return len(fields) >= BOX and all(map(is_number, fields)) and float(fields[0]).is_integer()


def _numbers(fields: list[bytes]) -> list[float]:
    try:
        numbers = list(map(float, fields))
    except ValueError:
        bad = next(f for f in fields if not is_number(f))
        raise ValueError(f"{_show(bad)} is not a number") from None
    for field, number in zip(fields, numbers, strict=True):
        if not math.isfinite(number):
            raise ValueError(f"{_show(field)} is not a number")
        if not -FAR < number < FAR:
            raise ValueError(f"{_show(field)} is no possible coordinate")
    return numbers


def _corner_box(
    fields: list[bytes], w: float, h: float, turn: Turn | None
) -> tuple[float, float, float, float]:
    """Return x, y, width and height in pixels of a row's centre and extent."""
    x, y, bw, bh = _numbers(fields[1:BOX])
    if turn is not None:
        x, y, bw, bh = turn.box(x, y, bw, bh)
    bw, bh = bw * w, bh * h
    return x * w - bw / 2, y * h - bh / 2, bw, bh


def _scaled(fields: list[bytes], w: float, h: float, turn: Turn | None) -> list[float]:
    points = _numbers(fields)
    if turn is not None:
        points = turn.points(points)
    points[0::2] = [x * w for x in points[0::2]]
    points[1::2] = [y * h for y in points[1::2]]
    return points


def _reaches_out(fields: list[bytes], *, boxes: bool) -> bool:
    """Whether a good row lies partly outside its image, or is a box without extent."""
    if boxes or len(fields) <= BOX + 1:
        x, y, w, h = map(float, fields[1:BOX])
        return not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0 and 0.0 < w <= 1.0 and 0.0 < h <= 1.0)
    values = [float(f) for f in fields[1 : 1 + (len(fields) - 1) // 2 * 2] if is_number(f)]
    return min(values) < 0.0 or max(values) > 1.0


def _visibility(field: bytes) -> int:
    value = _numbers([field])[0]
    if value not in (0, 1, 2):
        raise ValueError(f"visibility {_show(field)} is none of 0, 1, 2")
    return int(value)


def _extra(fields: list[bytes]) -> dict[str, Any]:
    """Read a value behind the row: a score, or a track id (CVAT); ``_settle`` decides."""
    if not fields:
        return {}
    value = _numbers(fields[:1])[0]
    if fields[0].isdigit():
        return {TRACK: int(value)}
    return {"score": value}


TRACK = "track_id"


def _settle(annotations: Sequence[Annotation], *, scores: bool) -> None:
    """Make scores of whole values behind rows, unless all of a file's may be track ids.

    These are whole and no two of a file are equal. A score of 1.0 is written as 1, too.
    """
    tracks = [a.attributes[TRACK] for a in annotations if TRACK in a.attributes]
    if not tracks:
        return
    mixed = any("score" in a.attributes for a in annotations)
    if not (scores or mixed or len(set(tracks)) < len(tracks)) or max(tracks) > 1:
        return
    for a in annotations:
        if TRACK in a.attributes:
            a.attributes["score"] = float(a.attributes.pop(TRACK))
