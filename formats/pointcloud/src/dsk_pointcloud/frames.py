"""Boxes in space: frames, angles, and the axis that points ahead; without numpy.

dsk's convention: ``position`` is the centre, ``scale`` the full extents along the box's own axes,
``rotation`` = (rx, ry, rz) in radians with R = Rz(rz)·Ry(ry)·Rx(rx), and ``forward`` names the box
axis that points ahead. Lidar frame: x ahead, y left, z up. Camera frame: x right, y down, z ahead.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from dsk.annotations import Cuboid3d
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = [
    "HALF_PI",
    "NO_SIZE",
    "Vector",
    "bottom_of",
    "centre_of",
    "is_finite",
    "is_upright",
    "note_boxes",
    "note_frames",
    "turned",
    "wrap",
]

Vector = tuple[float, float, float]
"""x, y, z."""

HALF_PI = math.pi / 2
NO_SIZE = "boxes have sizes of 0 or less; they are kept"
"""What importers warn of."""


def wrap(angle: float) -> float:
    """Return an angle in radians brought to [-π, π]; one that lies there is not touched."""
    if -math.pi <= angle <= math.pi:
        return angle
    return math.remainder(angle, 2 * math.pi)


def is_finite(*values: float) -> bool:
    """Whether all numbers are finite."""
    return all(map(math.isfinite, values))


def note_boxes(ledger: Ledger, what: str, count: int) -> None:
    """Have the report say which frame and convention boxes were read or written in."""
    if count:
        ledger.add("DSK-L022", what, kind="cuboid_3d", count=count)


def note_frames(ledger: Ledger, item: DatasetItem, boxes: Sequence[Cuboid3d]) -> None:
    """Have the report tell of boxes that are not in the lidar's frame but are written as if."""
    if [a.frame for a in boxes].count("lidar") == len(boxes):  # hot
        return
    for a in boxes:
        if a.frame != "lidar":
            what = f"frame {a.frame}: numbers are written as the lidar's"
            ledger.add_at("DSK-L005", what, item, a)


def is_upright(rotation: Vector) -> bool:
    """Whether a box turns about z only."""
    return rotation[0] == 0 and rotation[1] == 0


def turned(box: Cuboid3d, forward: Literal["+x", "+y"]) -> Cuboid3d:
    """Return the same solid and heading with another box axis ahead.

    From +y to +x the extents along x and y change places and the box axes turn by +90° about z;
    a box that has the wanted axis ahead is returned as it is.
    """
    if box.forward != ("+y" if forward == "+x" else "+x"):
        return box
    turn = HALF_PI if forward == "+x" else -HALF_PI
    rx, ry, rz = box.rotation
    if rx == 0 and ry == 0:
        rotation = (rx, ry, wrap(rz + turn))
    else:
        from dsk.rotations import angles_of, matrix_of

        rotation = angles_of(matrix_of(box.rotation) @ matrix_of((0.0, 0.0, turn)))
    sx, sy, sz = box.scale
    return replace(box, scale=(sy, sx, sz), rotation=rotation, forward=forward)


def centre_of(bottom: Vector, rotation: Vector, height: float) -> Vector:
    """Return a box's centre from the centre of its bottom face, half a height along its z."""
    if is_upright(rotation):
        return bottom[0], bottom[1], bottom[2] + height / 2
    from dsk.rotations import matrix_of

    x, y, z = matrix_of(rotation)[:, 2] * (height / 2)
    return bottom[0] + float(x), bottom[1] + float(y), bottom[2] + float(z)


def bottom_of(centre: Vector, rotation: Vector, height: float) -> Vector:
    """Return the centre of a box's bottom face, the inverse of ``centre_of``."""
    return centre_of(centre, rotation, -height)
