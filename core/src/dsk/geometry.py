"""Small pure functions on flat coordinate lists ``[x1, y1, x2, y2, …]`` in pixels, y down.

The lists are short, so plain Python beats numpy's fixed costs. Angles are degrees; positive ones
turn clockwise on the screen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "box_ring",
    "clip_box",
    "ellipse_ring",
    "iou_boxes",
    "min_area_rect",
    "polyline_bbox",
    "ring_area",
    "rings_bbox",
    "rotated_box_corners",
    "rotated_box_from_corners",
]

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels."""

RotatedBox = tuple[float, float, float, float, float]
"""Centre x, centre y, width, height in pixels, degrees."""

Point = tuple[float, float]

_QUARTERS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))


def ring_area(ring: Sequence[float]) -> float:
    """Return the signed area of a ring in px²; positive when it runs clockwise on the screen.

    Raises:
        ValueError: The list holds an odd number of values.
    """
    xs, ys = ring[0::2], ring[1::2]
    if not len(xs):
        return 0.0
    # From the first vertex: far from the origin the products would lose the small differences.
    x0, y0 = xs[0], ys[0] if len(ys) else 0.0
    total = px = py = 0.0
    for x, y in zip(xs, ys, strict=True):
        dx, dy = x - x0, y - y0
        total += px * dy - dx * py
        px, py = dx, dy
    return total / 2


def rings_bbox(rings: Sequence[Sequence[float]]) -> Box:
    """Return the box (x, y, w, h) around all points of some flat lists.

    Raises:
        ValueError: There is no point, or a list holds an odd number of values.
    """
    if any(len(ring) % 2 for ring in rings):
        msg = "a flat list of x, y pairs holds an odd number of values"
        raise ValueError(msg)
    drawn = [ring for ring in rings if len(ring)]
    if not drawn:
        msg = "there is no point to make a box around"
        raise ValueError(msg)
    left = min([min(ring[0::2]) for ring in drawn])
    top = min([min(ring[1::2]) for ring in drawn])
    right = max([max(ring[0::2]) for ring in drawn])
    bottom = max([max(ring[1::2]) for ring in drawn])
    return left, top, right - left, bottom - top


def polyline_bbox(points: Sequence[float]) -> Box:
    """Return the box (x, y, w, h) around one flat list; errors as ``rings_bbox``."""
    return rings_bbox([points])


def box_ring(x: float, y: float, w: float, h: float) -> list[float]:
    """Return the corners of a box: top left, top right, bottom right, bottom left."""
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def _cos_sin(degrees: float) -> Point:
    """Return cosine and sine, exact at quarter turns."""
    quarters, rest = divmod(degrees, 90.0)
    if not rest:
        return _QUARTERS[int(quarters) % 4]
    angle = math.radians(degrees)
    return math.cos(angle), math.sin(angle)


def rotated_box_corners(cx: float, cy: float, w: float, h: float, degrees: float) -> list[float]:
    """Return the corners of a box turned about its centre.

    Args:
        cx: Centre, x.
        cy: Centre, y.
        w: Width before turning.
        h: Height before turning.
        degrees: Angle; positive turns clockwise on the screen.

    Returns:
        Eight numbers: the corners that were top left, top right, bottom right and bottom left
        before turning.
    """
    c, s = _cos_sin(degrees)
    ux, uy, vx, vy = c * w / 2, s * w / 2, -s * h / 2, c * h / 2
    return [
        cx - ux - vx,
        cy - uy - vy,
        cx + ux - vx,
        cy + uy - vy,
        cx + ux + vx,
        cy + uy + vy,
        cx - ux + vx,
        cy - uy + vy,
    ]


def rotated_box_from_corners(corners: Sequence[float]) -> RotatedBox:
    """Return (cx, cy, w, h, degrees) of four corners in order; inverse of ``rotated_box_corners``.

    The centre is the mean of the corners, the width the length of the first edge, the height that
    of the second, the angle that of the first edge, in [0, 360). So corners that are not quite a
    rectangle keep their place and their first edges. A first edge without length takes its angle
    from the second.

    Raises:
        ValueError: There are not eight numbers.
    """
    if len(corners) != 8:
        msg = f"four corners are eight numbers, not {len(corners)}"
        raise ValueError(msg)
    x1, y1, x2, y2, x3, y3, x4, y4 = corners
    width, height = math.hypot(x2 - x1, y2 - y1), math.hypot(x3 - x2, y3 - y2)
    dx, dy = (x2 - x1, y2 - y1) if width else (y3 - y2, x2 - x3)
    degrees = _within(math.degrees(math.atan2(dy, dx)), 360.0)
    return (x1 + x2 + x3 + x4) / 4, (y1 + y2 + y3 + y4) / 4, width, height, degrees


def _within(degrees: float, period: float) -> float:
    """Return an angle in [0, period)."""
    rest = degrees % period
    return rest if rest < period else 0.0  # the remainder of a tiny negative angle rounds up


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _hull(points: list[Point]) -> list[Point]:
    """Return the convex hull, clockwise on the screen (Andrew's monotone chain)."""
    points = sorted(set(points))
    if len(points) < 3:
        return points
    halves: list[Point] = []
    for run in (points, points[::-1]):
        half: list[Point] = []
        for p in run:
            while len(half) > 1 and _turn(half[-2], half[-1], p) <= 0:
                half.pop()
            half.append(p)
        halves += half[:-1]
    return halves


def _calipers(hull: list[Point]) -> Point:
    """Return the direction of the hull's edge on which the smallest rectangle lies."""
    count = len(hull)

    def along(k: int, c: float, s: float) -> float:
        (ax, ay), (bx, by) = hull[k % count], hull[(k + 1) % count]
        return (bx - ax) * c + (by - ay) * s

    best, smallest = (1.0, 0.0), math.inf
    right = far = left = 1
    for k in range(count):
        (ax, ay), (bx, by) = hull[k], hull[(k + 1) % count]
        length = math.hypot(bx - ax, by - ay)
        c, s = (bx - ax) / length, (by - ay) / length
        # The extreme points go round with the edge: each of the three passes the hull about once.
        right = max(right, k + 1)
        while right < 3 * count and along(right, c, s) > 0:
            right += 1
        far = max(far, right)
        while far < 3 * count and along(far, -s, c) > 0:
            far += 1
        left = max(left, far)
        while left < 3 * count and along(left, c, s) < 0:
            left += 1
        (rx, ry), (fx, fy), (lx, ly) = (hull[n % count] for n in (right, far, left))
        area = ((rx - lx) * c + (ry - ly) * s) * ((fy - ay) * c - (fx - ax) * s)
        if area < smallest:
            best, smallest = (c, s), area
    return best


def min_area_rect(points: Sequence[float]) -> RotatedBox:
    """Return (cx, cy, w, h, degrees in [0, 90)) of the smallest rectangle around some points.

    A rectangle has four such descriptions; the one with the angle in [0, 90) is given, so that an
    upright one has angle 0, its width and its height. Points on a line give a side of length 0.

    Raises:
        ValueError: There is no point, or the list holds an odd number of values.
    """
    hull = _hull(list(zip(points[0::2], points[1::2], strict=True)))
    if not hull:
        msg = "there is no point to make a rectangle around"
        raise ValueError(msg)
    c, s = _calipers(hull) if len(hull) > 1 else (1.0, 0.0)
    us = [x * c + y * s for x, y in hull]
    vs = [y * c - x * s for x, y in hull]
    u, v, w, h = max(us) + min(us), max(vs) + min(vs), max(us) - min(us), max(vs) - min(vs)
    angle = _within(math.degrees(math.atan2(s, c)), 360.0)
    if angle // 90 % 2:
        w, h = h, w
    return (u * c - v * s) / 2, (u * s + v * c) / 2, w, h, _within(angle, 90.0)


def ellipse_ring(x: float, y: float, w: float, h: float, count: int = 64) -> list[float]:
    """Return ``count`` points of the ellipse inside a box, clockwise from its right end."""
    ring = []
    for k in range(count):
        c, s = _cos_sin(360.0 * k / count)
        ring += [x + w / 2 * (1 + c), y + h / 2 * (1 + s)]
    return ring


def clip_box(  # noqa: PLR0917 - the six numbers of a box and an image
    x: float, y: float, w: float, h: float, width: float, height: float
) -> Box:
    """Return the part of a box that lies in an image; its extent is 0 where nothing does."""
    left, top = min(max(x, 0), width), min(max(y, 0), height)
    right, bottom = min(max(x + w, left), width), min(max(y + h, top), height)
    return left, top, right - left, bottom - top


def iou_boxes(a: Box, b: Box) -> float:
    """Return intersection over union of two boxes (x, y, w, h); 0 when they do not overlap."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h)
