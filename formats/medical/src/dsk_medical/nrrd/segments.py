"""Segments of 3D Slicer's segmentations: keys ``Segment0_Name`` … in the header."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import NamedTuple

__all__ = ["Segment", "color_of", "segments_of"]

_KEY = re.compile(r"Segment(\d{1,6})_(\w+)")


class Segment(NamedTuple):
    """One segment.

    Attributes:
        id: Its id, unique in the file.
        name: Its name, not always unique.
        value: The value of its voxels in its layer.
        layer: Its layer.
        color: Red, green, blue of 0 to 255, or None.
        other: Further keys, without ``Segment0_``.
    """

    id: str
    name: str
    value: int
    layer: int
    color: tuple[int, int, int] | None
    other: dict[str, str]


def segments_of(pairs: dict[str, str], layers: int) -> list[Segment]:
    """Return the segments in a header.

    Files of Slicer before 4.11 state neither value nor layer: each segment is a layer of ones.

    Args:
        pairs: The header's key/value pairs.
        layers: How many layers there are.
    """
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for key, text in pairs.items():
        match = _KEY.fullmatch(key)
        if match:
            found[int(match[1])][match[2]] = text.strip()
    done = []
    for place, number in enumerate(sorted(found)):
        own = found[number]
        identity = own.pop("ID", f"Segment_{number}")
        name = own.pop("Name", identity) or identity
        value = _whole(own.pop("LabelValue", ""), 1)
        layer = _whole(own.pop("Layer", ""), place if layers > 1 else 0)
        color = color_of(own.pop("Color", ""))
        own.pop("Extent", None)
        done.append(Segment(identity, name, value, layer, color, own))
    return done


def _whole(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"\d{1,9}", text) else default


def color_of(text: str) -> tuple[int, int, int] | None:
    """Return a colour that is stated as three numbers of 0 to 1, by some writers of 0 to 255."""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return None
    if len(numbers) != 3 or not all(0 <= n <= 255 for n in numbers):
        return None
    scale = 255 if max(numbers) <= 1 else 1
    red, green, blue = (round(n * scale) for n in numbers)
    return red, green, blue
