"""A line of ``label_2``, and boxes between the camera's and the lidar's frame.

In the camera frame (x right, y down, z ahead) a label gives the centre of the bottom face and
``rotation_y`` about the axis that points down; see KITTI's object development kit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from dsk.rotations import corners
from dsk_pointcloud.frames import is_finite, wrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.annotations import Cuboid3d

__all__ = [
    "DONT_CARE",
    "HUGE",
    "LEVELS",
    "LabelLine",
    "parse_line",
    "project_box",
    "to_camera",
    "to_lidar",
]

DONT_CARE = "DontCare"

HUGE = 1e9
"""Larger numbers are no metres and no pixels."""


LEVELS = {"easy": (40, 0, 0.15), "moderate": (25, 1, 0.3), "hard": (25, 2, 0.5)}
"""The benchmark's levels: least height in pixels, most occlusion, most truncation."""


class LabelLine(Struct):
    """One object of a label file, fields as in the file.

    Attributes:
        name: Its class.
        truncated: 0 to 1, -1 unknown.
        occluded: 0 visible, 1 partly, 2 largely, 3 unknown, -1 not stated.
        alpha: Observation angle, -10 unknown.
        box: left, top, right, bottom in pixels.
        size: height, width, length in metres, -1 unknown.
        location: Bottom centre in the camera's frame, -1000 unknown.
        rotation_y: Radians, -10 unknown.
        score: Confidence of a result, or None.
    """

    name: str
    truncated: float
    occluded: int
    alpha: float
    box: tuple[float, float, float, float]
    size: tuple[float, float, float] = (-1.0, -1.0, -1.0)
    location: tuple[float, float, float] = (-1000.0, -1000.0, -1000.0)
    rotation_y: float = -10.0
    score: float | None = None

    @property
    def is_solid(self) -> bool:
        """Whether it has a box in space."""
        return self.name != DONT_CARE and max(self.size) > 0 and self.location[2] > -999

    @property
    def difficulty(self) -> str:
        """The first of ``LEVELS`` that it fits, or "none"."""
        height = self.box[3] - self.box[1]
        for name, (least, occluded, truncated) in LEVELS.items():
            if height >= least and 0 <= self.occluded <= occluded and self.truncated <= truncated:
                return name
        return "none"

    def text(self, digits: int, *, score: bool) -> str:
        """Return the line without its end.

        Args:
            digits: Decimals of each number but the confidence, which orders results.
            score: Whether to write the confidence.
        """
        numbers = (self.alpha, *self.box, *self.size, *self.location, self.rotation_y)
        words = [self.name, f"{self.truncated:.{digits}f}", str(self.occluded)]
        words += [f"{value:.{digits}f}" for value in numbers]
        if score and self.score is not None:
            short = f"{self.score:.{digits}f}"
            words.append(short if float(short) == self.score else repr(self.score))
        return " ".join(words)


def parse_line(line: str) -> LabelLine:
    """Parse a line.

    Raises:
        ValueError: It is no label.
    """
    words = line.split()
    if len(words) in (17, 18) and words[0].isdigit():
        raise ValueError("this is a tracking label (frame and track id first), not an object's")
    if len(words) not in (15, 16):
        raise ValueError(f"a label has 15 or 16 fields, not {len(words)}")
    try:
        values = [float(word) for word in words[1:]]
    except ValueError:
        raise ValueError("fields 2 to 16 are numbers") from None
    if not is_finite(*values) or max(map(abs, values)) > HUGE:
        raise ValueError("a number is not finite, or beyond all metres and pixels")
    t, o, alpha, x1, y1, x2, y2, h, w, length, x, y, z, ry = values[:14]
    score = values[14] if len(values) > 14 else None
    size, place = (h, w, length), (x, y, z)
    return LabelLine(words[0], t, int(o), alpha, (x1, y1, x2, y2), size, place, ry, score)


def to_lidar(
    line: LabelLine, inverse: NDArray[np.float64]
) -> tuple[tuple[float, float, float], tuple[float, float, float], float]:
    """Return centre, extents (l, w, h) and heading of a label in the lidar's frame.

    Args:
        line: The label.
        inverse: 4×4, rectified camera to lidar.
    """
    h, w, length = line.size
    x, y, z = line.location
    centre = inverse @ np.array([x, y - h / 2, z, 1.0])
    ry = line.rotation_y
    ahead = inverse[:3, :3] @ np.array([math.cos(ry), 0.0, -math.sin(ry)])
    heading = math.atan2(ahead[1], ahead[0])
    return (float(centre[0]), float(centre[1]), float(centre[2])), (length, w, h), heading


def to_camera(
    box: Cuboid3d, matrix: NDArray[np.float64]
) -> tuple[tuple[float, float, float], float, float]:
    """Return location, rotation_y and alpha of a box whose +x points ahead.

    Args:
        box: A box in the lidar's frame.
        matrix: 4×4, lidar to rectified camera.
    """
    x, y, z, _ = (float(v) for v in matrix @ np.array([*box.position, 1.0]))
    heading = box.rotation[2]
    ahead = matrix[:3, :3] @ np.array([math.cos(heading), math.sin(heading), 0.0])
    ry = math.atan2(-ahead[2], ahead[0])
    return (x, y + box.scale[2] / 2, z), ry, wrap(ry - math.atan2(x, z))


def project_box(
    box: Cuboid3d,
    matrix: NDArray[np.float64],
    projection: NDArray[np.float64],
    size: tuple[int, int] | None,
) -> tuple[float, float, float, float] | None:
    """Return left, top, right, bottom of a box's corners in an image.

    Args:
        box: A box in the lidar's frame.
        matrix: 4×4, lidar to rectified camera.
        projection: P2, 3×4.
        size: (height, width) to clip to, if known.

    Returns:
        The box in pixels, or None if no corner lies before the camera or nothing in the image.
    """
    points = np.column_stack([corners(box), np.ones(8)]) @ matrix.T
    seen = points[points[:, 2] > 1e-3] @ projection.T
    if not len(seen) or (np.abs(seen[:, 2]) < 1e-9).any():
        return None
    flat = seen[:, :2] / seen[:, 2:]
    left, top = (float(v) for v in flat.min(axis=0))
    right, bottom = (float(v) for v in flat.max(axis=0))
    if size is not None:
        height, width = size
        left, right = max(left, 0.0), min(right, width - 1.0)
        top, bottom = max(top, 0.0), min(bottom, height - 1.0)
        if left >= right or top >= bottom:
            return None
    return left, top, right, bottom
