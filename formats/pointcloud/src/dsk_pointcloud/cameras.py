"""What related images say of their cameras, and the lines of calibration files; without numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk_pointcloud.frames import is_finite

if TYPE_CHECKING:
    from dsk.media import Image

__all__ = ["CAMERA", "camera_extra", "matrices_of", "numbers_by_key"]

CAMERA = "camera"
"""Family of the ``extra`` of related images: name, extrinsics (3×4 lidar to camera, row by row),
intrinsics (3×3, row by row), device_id, timestamp."""

_HUGE = 1e9
"""Larger numbers are no metres and no pixels."""


def numbers_by_key(text: str) -> dict[str, list[float]]:
    """Return the numbers of each ``key: …`` line; lines of other values are left out."""
    found = {}
    for line in text.splitlines():
        key, colon, rest = line.partition(":")
        if not colon:
            key, _, rest = line.strip().partition(" ")
        try:
            values = [float(word) for word in rest.split()]
        except ValueError:
            continue
        if values and is_finite(*values) and max(map(abs, values)) < _HUGE:
            found[key.strip()] = values
    return found


def camera_extra(name: str, matrices: tuple[list[float], list[float]] | None) -> dict[str, Any]:
    """Return the ``extra`` of a related image."""
    about: dict[str, Any] = {"name": name}
    if matrices is not None:
        about["extrinsics"], about["intrinsics"] = matrices
    return {CAMERA: about}


def matrices_of(image: Image) -> tuple[list[float], list[float]] | None:
    """Return the extrinsics (12) and intrinsics (9) of an image's camera, or None if not known."""
    about = (image.extra or {}).get(CAMERA) or {}
    outer, inner = about.get("extrinsics"), about.get("intrinsics")
    if not outer or not inner or (len(outer), len(inner)) != (12, 9):
        return None
    return outer, inner
