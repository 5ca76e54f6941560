"""The annotations of Datumaro's JSON as they are written."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

__all__ = ["Record"]

Numbers = Any
"""Anything msgspec writes as a list of numbers: a list, a tuple, or undecoded JSON."""


class Record(Struct, omit_defaults=True, gc=False):
    """An annotation; which of the fields with defaults are there depends on ``type``.

    Attributes:
        label_id: Unset for captions without label, because Datumaro gives captions none.
        z_order: Unset where it is 0 and Datumaro has no drawing order for the type.
        rle: Compressed ``counts`` and ``size``.
        object_id: Known to Datumaro 1.x only.
        dsk: What no Datumaro can say, and none reads.
    """

    id: int
    type: str
    attributes: dict[str, Any]
    group: int
    label_id: int | UnsetType | None
    z_order: int | UnsetType
    points: Numbers = UNSET
    bbox: Numbers = UNSET
    visibility: Numbers = UNSET
    points_attributes: Any = UNSET
    caption: str | UnsetType = UNSET
    rle: dict[str, Any] | UnsetType = UNSET
    position: Numbers = UNSET
    rotation: Numbers = UNSET
    scale: Numbers = UNSET
    object_id: int = -1
    dsk: dict[str, Any] | None = None
