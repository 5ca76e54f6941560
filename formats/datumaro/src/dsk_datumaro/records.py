"""The annotations of Datumaro's JSON as they are written, one struct per kind.

Every struct ends in two fields that are left out when they say nothing: ``object_id``, which
Datumaro 1.x knows, and ``dsk``, which no Datumaro reads and which holds what they cannot say.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

__all__ = [
    "BboxRecord",
    "CaptionRecord",
    "CuboidRecord",
    "FlatRecord",
    "LabelRecord",
    "MaskRecord",
    "PointsRecord",
    "Record",
    "SkeletonRecord",
]

Numbers = Any
"""Anything msgspec writes as a list of numbers: a list, a tuple, or undecoded JSON."""


class Record(Struct, kw_only=True, omit_defaults=True, gc=False):
    """What follows the fields of each kind."""

    object_id: int = -1
    dsk: dict[str, Any] | None = None


class LabelRecord(Record, gc=False):
    """A label; Datumaro has no drawing order for it."""

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    label_id: int | None
    z_order: int = 0


class CaptionRecord(Record, gc=False):
    """A caption; Datumaro gives it no label."""

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    caption: str
    label_id: int | None = None
    z_order: int = 0


class BboxRecord(Record, gc=False):
    """A box x, y, w, h."""

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    label_id: int | None
    z_order: int
    bbox: tuple[float, float, float, float]


class FlatRecord(Record, gc=False):
    """A polygon, polyline, ellipse, rotated box or flat cuboid: nothing but numbers."""

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    label_id: int | None
    z_order: int
    points: Numbers


class PointsRecord(Record, gc=False):
    """Points; without ``visibility`` all are visible."""

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    label_id: int | None
    z_order: int
    points: Numbers
    visibility: Any = None


class SkeletonRecord(Record, gc=False):
    """A skeleton of Datumaro 0.x: flat x, y, visibility triplets."""

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    label_id: int | None
    points: Numbers
    points_attributes: Any
    z_order: int = 0


class MaskRecord(Record, gc=False):
    """A mask; ``rle`` has compressed ``counts`` and ``size``."""

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    label_id: int | None
    rle: dict[str, Any] | Raw
    z_order: int


class CuboidRecord(Record, gc=False):
    """A box in space."""

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    label_id: int | None
    position: Numbers
    rotation: Numbers
    scale: Numbers
    z_order: int = 0
