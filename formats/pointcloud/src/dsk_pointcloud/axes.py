"""Frames of nuScenes in KITTI's axes: x ahead, whichever way the lidar is mounted; without numpy.

Only whole quarter turns about z are made, as by nuScenes' own export to KITTI: what remains is the
lidar's mounting, which KITTI's lidar has, too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.annotations import Cuboid3d
from dsk.media import PointCloud
from dsk_pointcloud.cameras import CAMERA, matrices_of
from dsk_pointcloud.frames import HALF_PI, note_boxes, wrap

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.media import Image

__all__ = ["COS_SIN", "Pose", "facing_ahead", "quarter_turns", "stated_pose"]

Pose = tuple[tuple[float, ...], tuple[float, ...]]
"""Translation (x, y, z) in metres and quaternion (w, x, y, z)."""

COS_SIN = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""Cosine and sine of 0 to 3 quarter turns."""


def stated_pose(item: DatasetItem, name: str) -> Pose | None:
    """Return a pose that nuScenes' fields of an item state, None without one that is sound.

    Args:
        item: The item; other datasets may have brought anything in its extra fields.
        name: "lidar", in the vehicle, or "ego", in the world.
    """
    known = (item.extra or {}).get("nuscenes")
    try:
        translation, rotation = known[name] if isinstance(known, dict) else ((), ())
        place, turn = tuple(map(float, translation)), tuple(map(float, rotation))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    sound = len(place) == 3 and len(turn) == 4 and any(turn)
    return (place, turn) if sound and all(map(math.isfinite, place + turn)) else None


def quarter_turns(item: DatasetItem) -> int:
    """Return by how many quarter turns about z, 0 to 3, an item's x axis comes ahead.

    nuScenes states the lidar's pose in the vehicle, whose x is ahead; other items are KITTI's.
    """
    pose = stated_pose(item, "lidar")
    if pose is None:
        return 0
    w, x, y, z = pose[1]
    return round(math.atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z) / HALF_PI) % 4


def facing_ahead(item: DatasetItem, turns: int, ledger: Ledger) -> DatasetItem:
    """Return an item with boxes and cameras' places turned; its cloud is left to ``CloudSaver``."""
    if not turns:
        return item
    annotations = [_box(a, turns) if isinstance(a, Cuboid3d) else a for a in item.annotations]
    what = "boxes and clouds turned: x ahead, as KITTI has it"
    note_boxes(ledger, what, sum(isinstance(a, Cuboid3d) for a in annotations))
    media = item.media
    if isinstance(media, PointCloud):
        media = replace(media, extra_images=tuple(_image(i, turns) for i in media.extra_images))
    return item.replace(annotations=annotations, media=media)


def _box(box: Cuboid3d, turns: int) -> Cuboid3d:
    cos, sin = COS_SIN[turns]
    x, y, z = box.position
    rx, ry, rz = (
        box.rotation
    )  # R = Rz·Ry·Rx: a turn about the frame's z adds to rz, whatever the others
    return replace(
        box,
        position=(cos * x - sin * y, sin * x + cos * y, z),
        rotation=(rx, ry, wrap(rz + turns * HALF_PI)),
    )


def _image(image: Image, turns: int) -> Image:
    matrices = matrices_of(image)
    if matrices is None:
        return image
    cos, sin = COS_SIN[turns]
    outer: list[float] = []
    for a, b, c, d in zip(*[iter(matrices[0])] * 4, strict=True):
        outer += (cos * a - sin * b, sin * a + cos * b, c, d)
    extra: dict[str, Any] = dict(image.extra or {})
    extra[CAMERA] = {**extra[CAMERA], "extrinsics": outer}
    return replace(image, extra=extra)
