"""Which dimension of a LAS file holds which column of a cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import MediaError
from dsk_pointcloud.clouds.cloud import column_named, coordinate_names, spelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk_pointcloud.clouds.cloud import Cloud

__all__ = ["WITH_WAVEFORMS", "Place", "format_of", "is_as_read", "moved", "places"]

_BYTE, _SHORT = (0, 255), (0, 65535)

_LIMITS = {
    "intensity": _SHORT,
    "return_number": (0, 15),
    "number_of_returns": (0, 15),
    "synthetic": (0, 1),
    "key_point": (0, 1),
    "withheld": (0, 1),
    "overlap": (0, 1),
    "scanner_channel": (0, 3),
    "scan_direction_flag": (0, 1),
    "edge_of_flight_line": (0, 1),
    "classification": _BYTE,
    "user_data": _BYTE,
    "scan_angle": (-32768, 32767),
    "point_source_id": _SHORT,
    "red": _SHORT,
    "green": _SHORT,
    "blue": _SHORT,
    "nir": _SHORT,
}
"""Integers that dimensions of the point formats 6, 7 and 8 hold."""

_TIME, _ANGLE, _RANK = "gps_time", "scan_angle", "scan_angle_rank"
_COLOURS = ("red", "green", "blue")

_ALIASES = {"nir": ("infrared",), "scanner_channel": ("scan_channel",)}
"""What PDAL calls some of them."""

_ELSEWHERE = frozenset(
    spelled(name)
    for name in (
        "wavepacket_index",
        "wavepacket_offset",
        "wavepacket_size",
        "return_point_wave_location",
        "x_t",
        "y_t",
        "z_t",
    )
)
"""Dimensions of the formats with waveforms, which are not written: waveforms are not read."""

WITH_WAVEFORMS = frozenset({4, 5, 9, 10})
"""Point formats."""

_DEGREES = 0.006
"""Of a step of ``scan_angle``; ranks are whole degrees, or fractions of them in other files."""

_LONGEST = 32  # bytes of a dimension's name


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column goes.

    Attributes:
        column: Its name.
        dimension: The name of the file's dimension.
        values: What the file holds of it.
        extra: Whether the dimension is none of the point format's own.
        moved: What is to be told of it, or "".
    """

    column: str
    dimension: str
    values: NDArray[Any]
    extra: bool = False
    moved: str = ""


def places(cloud: Cloud) -> list[Place]:
    """Return where all columns but the coordinates go.

    Raises:
        MediaError: There are no coordinates, or two columns would share a dimension.
    """
    coordinates = coordinate_names(cloud)
    if is_as_read(cloud):
        return [Place(n, n, cloud.points[n]) for n in cloud.names if n not in coordinates]
    asked, own = _own(cloud)
    taken = {*cloud.names, *_LIMITS, _TIME, "X", "Y", "Z", "x", "y", "z"}
    found = []
    for name in cloud.names:
        if name in coordinates:
            continue
        place = own.get(name)
        if place is None:
            told = name in asked or spelled(name) in _ELSEWHERE
            place = _extra(name, cloud.points[name], taken, told=told)
        found.append(place)
    if len({place.dimension for place in found}) < len(found):
        raise MediaError(f"columns of a LAS file differ in their first {_LONGEST} letters")
    return found


def is_as_read(cloud: Cloud) -> bool:
    """Whether a cloud was read of a LAS file of a point format that is written as well."""
    return cloud.las is not None and cloud.las.point_format.id not in WITH_WAVEFORMS


def format_of(found: list[Place]) -> int:
    """Return the number of the point format that has the dimensions of all places."""
    own = {place.dimension for place in found if not place.extra}
    if "nir" in own:
        return 8
    return 7 if own.issuperset(_COLOURS) else 6


def moved(cloud: Cloud) -> list[str]:
    """Return what is to be told of columns whose names LAS knows, but that go elsewhere."""
    return [place.moved for place in places(cloud) if place.moved]


def _own(cloud: Cloud) -> tuple[set[str], dict[str, Place]]:
    """Return the columns whose names ask for dimensions, and the places of those that fit.

    A dimension is asked for by one column; others of a like name were beside it before.
    """
    asked: set[str] = set()
    own: dict[str, Place] = {}
    held: set[str] = set()
    for label in (*_LIMITS, _TIME, _RANK):
        name = column_named(cloud.names, label, *_ALIASES.get(label, ()))
        if not name or (label == _RANK and _ANGLE in held):
            continue
        asked.add(name)
        place = _standard(name, label, cloud.points[name])
        if place is not None:
            own[name] = place
            held.add(place.dimension)
    if not held.issuperset(_COLOURS):  # one alone is no colour
        own = {name: place for name, place in own.items() if place.dimension not in _COLOURS}
    return asked, own


def _standard(name: str, label: str, column: NDArray[Any]) -> Place | None:
    """Return the place of a column in a dimension of the point format; None if it does not fit."""
    if column.ndim > 1 or column.dtype.kind not in "iuf":
        return None
    if label == _TIME:
        time = column.astype(np.float64)
        exact = column.dtype.kind == "f" or _most(column) <= 1 << 53
        return Place(name, label, time) if exact else None
    if label == _RANK:
        return _angle(name, column)
    if label == _ANGLE and column.dtype.kind == "f":
        return None  # degrees, by all likelihood, not steps
    low, high = _LIMITS[label]
    if column.size and not (column.min() >= low and column.max() <= high):
        return None
    if column.dtype.kind == "f" and not np.array_equal(column, np.rint(column)):
        return None
    return Place(name, label, column.astype(np.int64))


def _most(column: NDArray[Any]) -> int:
    return max(int(column.max()), -int(column.min())) if column.size else 0


def _angle(name: str, ranks: NDArray[Any]) -> Place | None:
    steps = np.rint(ranks.astype(np.float64) / _DEGREES)
    low, high = _LIMITS[_ANGLE]
    if steps.size and not (steps.min() >= low and steps.max() <= high):
        return None
    exact = np.array_equal(ranks, np.rint(ranks))
    what = f"{name} but as {_ANGLE}" + ("" if exact else f", in steps of {_DEGREES}°")
    return Place(name, _ANGLE, steps.astype(np.int64), moved=what)


def _extra(name: str, column: NDArray[Any], taken: set[str], *, told: bool) -> Place:
    """Return a place beside the dimensions of the point format."""
    label = name
    if name in _LIMITS or name in {_TIME, *"XYZ"}:
        while label in taken:
            label += "_"
    label = label[:_LONGEST]
    what = "an extra dimension" if label == name else f"the extra dimension {label}"
    return Place(name, label, column, extra=True, moved=f"{name} but as {what}" if told else "")
