"""Lines of ``label_2`` files: one object each, fields separated by blanks.

``type truncated occluded alpha left top right bottom height width length x y z rotation_y [score]``
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dsk.annotations import Bbox
from dsk.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.loss import Ledger

__all__ = ["FAMILY", "FIELDS", "SPACE", "first_words", "is_number", "joined", "read_objects"]

FAMILY = "kitti"
"""Key of ``extra``: what lines say beyond flags, for those who write KITTI.

``truncated`` and ``occluded`` are exact values other than 0 and 1; ``space`` is alpha, height,
width, length, x, y, z, rotation_y, and, as these are of no other box, the box's x, y, w, h.
"""

SPACE = 8
"""How many fields say where an object is in space."""

FIELDS = 15
"""Fields of an object; results have a score behind them."""

_LENGTHS = (FIELDS, FIELDS + 1)
_TRACKING = (17, 18)
_UNKNOWN = (
    [-10.0, -1.0, -1.0, -1.0, -1000.0, -1000.0, -1000.0, -10.0],  # of DontCare
    [-1.0] * SPACE,  # Datumaro
    [0.0] * SPACE,
)


def first_words(text: str) -> Iterator[str]:
    """Yield the types of objects of a file; lines of other lengths are no objects."""
    for line in text.split("\n"):
        fields = joined(line.split())
        if len(fields) in _LENGTHS:
            yield fields[0]


def joined(fields: list[str]) -> list[str]:
    """Return the fields of a line with the words of its type, mostly one, as one.

    Labelformat writes types with blanks as they are.
    """
    if len(fields) <= FIELDS or is_number(fields[1]) or is_number(fields[0]):
        return fields
    words = next((n for n, field in enumerate(fields) if is_number(field)), 1)
    return [" ".join(fields[:words]), *fields[words:]]


def read_objects(
    text: str,
    labels: dict[str, int],
    ledger: Ledger,
    *,
    where: str,
    item: str,
    details: bool,
) -> list[Bbox]:
    """Parse a file.

    Args:
        text: Its content.
        labels: Index by type.
        ledger: For bad lines.
        where: The file's place.
        item: Id of the item.
        details: Also keep viewing angle, size and place in space, and the exact values of
            truncation and occlusion, as attributes.
    """
    found: list[Bbox] = []
    for number, line in enumerate(text.split("\n"), 1):
        fields = joined(line.split())
        if not fields:
            continue
        try:
            box = _box(fields, len(found), labels, details=details)
        except ValueError as error:
            hint = (
                "these look like labels of the tracking benchmark"
                if (len(fields) in _TRACKING)
                else ""
            )
            ledger.bad_record(
                RecordError(str(error), where=f"{where}:{number}", item=item, hint=hint)
            )
            continue
        if box.w < 0 or box.h < 0:
            ledger.warn("boxes whose right or bottom edge lies before the left or top one")
        found.append(box)
    return found


def _box(fields: list[str], number: int, labels: dict[str, int], *, details: bool) -> Bbox:
    if len(fields) not in _LENGTHS:
        raise ValueError(f"an object has {FIELDS} or {FIELDS + 1} fields, not {len(fields)}")
    values = _numbers(fields[1:])
    if fields[0] not in labels:
        raise ValueError(f"the type {fields[0]!r} is not among the dataset's labels")
    left, top, right, bottom = values[3:7]
    attributes: dict[str, Any] = {"truncated": values[0] != 0, "occluded": values[1] != 0}
    if len(values) == FIELDS:
        attributes["score"] = values[-1]
    if details:
        attributes.update(
            alpha=values[2],
            dimensions=values[7:10],
            location=values[10:13],
            rotation_y=values[13],
            truncation=values[0],
            occlusion=int(values[1]),
        )
    return Bbox(
        left,
        top,
        right - left,
        bottom - top,
        label=labels[fields[0]],
        id=number,
        attributes=attributes,
        extra=_beyond(values),
    )


def _beyond(values: list[float]) -> dict[str, Any] | None:
    """Return what the flags of an object do not say, see ``FAMILY``."""
    truncated, occluded, alpha, left, top, right, bottom = values[:7]
    found: dict[str, Any] = {}
    if truncated not in (0, 1):
        found["truncated"] = truncated
    if occluded not in (0, 1):
        found["occluded"] = occluded
    space = [alpha, *values[7 : FIELDS - 1]]
    if space not in _UNKNOWN:
        found["space"] = [*space, left, top, right - left, bottom - top]
    return {FAMILY: found} if found else None


def is_number(word: str) -> bool:
    """Tell whether a field is meant as a number, be it none that can be used."""
    try:
        float(word)
    except ValueError:
        return word.lower() in _WORDS
    return True


_WORDS = {"true": 1.0, "false": 0.0}


def _numbers(words: list[str]) -> list[float]:
    try:
        values = list(map(float, words))
    except ValueError:
        return list(map(_number, words))
    return values if math.isfinite(sum(values)) else list(map(_number, words))


def _number(word: str) -> float:
    try:
        value = _WORDS[word.lower()] if word.lower() in _WORDS else float(word)
    except ValueError:
        raise ValueError(f"{word!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"{word!r} is no finite number")
    return value
