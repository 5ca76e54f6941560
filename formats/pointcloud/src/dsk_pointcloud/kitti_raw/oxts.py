"""The vehicle's place and motion at each frame: thirty numbers in ``oxts/data/<frame>.txt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import RecordError
from dsk_pointcloud.frames import is_finite

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["FIELDS", "read_oxts"]

FIELDS = (
    *("lat", "lon", "alt", "roll", "pitch", "yaw", "vn", "ve", "vf", "vl", "vu"),
    *("ax", "ay", "az", "af", "al", "au", "wx", "wy", "wz", "wf", "wl", "wu"),
    *("pos_accuracy", "vel_accuracy", "navstat", "numsats", "posmode", "velmode", "orimode"),
)
"""As ``oxts/dataformat.txt`` of the recordings names them: degrees, metres, radians, m/s, m/s²."""


def read_oxts(root: InputRoot, name: str) -> dict[str, float]:
    """Return a frame's values as attributes ``oxts_lat`` and so on.

    Raises:
        RecordError: The file does not hold thirty numbers.
    """
    where = root.show(name)
    try:
        values = [float(word) for word in root.text(name).split()]
    except ValueError as error:
        raise RecordError(f"oxts: {error}", where=where) from error
    if len(values) != len(FIELDS) or not is_finite(*values):
        raise RecordError(
            f"oxts: {len(FIELDS)} numbers are needed, {len(values)} are there", where=where
        )
    return {f"oxts_{name}": value for name, value in zip(FIELDS, values, strict=True)}
