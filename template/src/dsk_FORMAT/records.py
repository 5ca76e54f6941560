"""The grammar of the files; msgspec checks every value while it decodes."""

from __future__ import annotations

from msgspec import Struct


class Box(Struct):
    """One box: x, y, width, height in pixels; ``label`` is an index into ``labels.json``."""

    box: tuple[float, float, float, float]
    label: int | None = None


class Record(Struct):
    """One line: an item, its image below the image folder, its size (height, width)."""

    id: str
    boxes: list[Box] = []
    image: str | None = None
    size: tuple[int, int] | None = None
