"""What the numbers of a tracklet mean: KITTI's order, or one of those that Datumaro writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk_pointcloud.frames import bottom_of, centre_of

if TYPE_CHECKING:
    from dsk_pointcloud.frames import Vector

__all__ = ["CONVENTIONS", "from_box", "made_by_datumaro", "to_box"]

CONVENTIONS = ("kitti", "datumaro", "datumaro-hwl")
"""kitti: (tx, ty, tz) is the centre of the bottom face, l lies along the box's x, w along y, h
along z. datumaro: (tx, ty, tz) is the position, w, h, l lie along x, y, z (also CVAT's exports).
datumaro-hwl: the same with h, w, l, as Datumaro since 1.10 does."""


def to_box(
    convention: str, translation: Vector, rotation: Vector, size: Vector
) -> tuple[Vector, Vector]:
    """Return position and scale of a tracklet's box.

    Args:
        convention: One of ``CONVENTIONS``.
        translation: tx, ty, tz.
        rotation: rx, ry, rz in radians.
        size: h, w, l in metres.
    """
    h, w, length = size
    if convention == "datumaro":
        return translation, (w, h, length)
    if convention == "datumaro-hwl":
        return translation, (h, w, length)
    return centre_of(translation, rotation, h), (length, w, h)


def from_box(
    convention: str, position: Vector, rotation: Vector, scale: Vector
) -> tuple[Vector, Vector]:
    """Return translation (tx, ty, tz) and size (h, w, l), the inverse of ``to_box``."""
    x, y, z = scale
    if convention == "datumaro":
        return position, (y, x, z)
    if convention == "datumaro-hwl":
        return position, (x, y, z)
    return bottom_of(position, rotation, z), (z, y, x)


_FIRST_POSE = re.compile(
    rb"<poses[^>]*>.*?<item_version>\s*(\d+)\s*</item_version>\s*<item([^>]*)>"
    rb"(.*?)</item>",
    re.DOTALL,
)


def made_by_datumaro(head: bytes) -> bool:
    """Tell by a file's first pose whether Datumaro or CVAT wrote it.

    They number versions differently from the development kit and put amt_occlusion_kf behind the
    borders.
    """
    found = _FIRST_POSE.search(head)
    if found is None:
        return False
    version, attributes, body = found.groups()
    kf, border = body.find(b"<amt_occlusion_kf>"), body.find(b"<amt_border_r>")
    return version in (b"0", b"1") and b'version="1"' in attributes and 0 <= border < kf
