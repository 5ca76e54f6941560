"""Small pure functions on flat coordinate lists ``[x1, y1, x2, y2, …]`` in pixels, y down.

The lists are short, so plain Python beats numpy's fixed costs.
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
    "ring_area",
    "rings_bbox",
    "rotated_box_corners",
    "rotated_box_from_corners",
]

Box = tuple[float, float, float, float]


def ring_area(ring: Sequence[float]) -> float:
    """Return the signed area of a ring in px²; positive when it runs clockwise on the screen."""
    xs, ys = ring[0::2], ring[1::2]
    total = 0.0
    px, py = (xs[-1], ys[-1]) if len(xs) else (0.0, 0.0)
    for x, y in zip(xs, ys, strict=True):
        total += px * y - x * py
        px, py = x, y
    return total / 2


def rings_bbox(rings: Sequence[Sequence[float]]) -> Box:
    """Return the box (x, y, w, h) around all points of some non-empty flat lists."""
    left = min(min(ring[0::2]) for ring in rings)
    top = min(min(ring[1::2]) for ring in rings)
    right = max(max(ring[0::2]) for ring in rings)
    bottom = max(max(ring[1::2]) for ring in rings)
    return left, top, right - left, bottom - top


def box_ring(x: float, y: float, w: float, h: float) -> list[float]:
    """Return the corners of a box: top left, top right, bottom right, bottom left."""
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def rotated_box_corners(cx: float, cy: float, w: float, h: float, degrees: float) -> list[float]:
    """Return the corners of a box turned about its centre.

    Args:
        cx: Centre, x.
        cy: Centre, y.
        w: Width before turning.
        h: Height before turning.
        degrees: Angle; positive turns clockwise on the screen.

    Returns:
        Flat, from the corner that was top left before turning, clockwise.
    """
    angle = math.radians(degrees)
    c, s = math.cos(angle), math.sin(angle)
    out = []
    for dx, dy in ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)):
        out += [cx + dx * c - dy * s, cy + dx * s + dy * c]
    return out


def rotated_box_from_corners(corners: Sequence[float]) -> tuple[float, float, float, float, float]:
    """Return (cx, cy, w, h, degrees) of four corners in order; inverse of ``rotated_box_corners``.

    The width is the length of the first edge, the height of the second, the angle that of the
    first edge, in [0, 360). Corners that are no exact rectangle keep their centre and these edges.
    """
    x1, y1, x2, y2, x3, y3 = corners[:6]
    cx, cy = sum(corners[0:8:2]) / 4, sum(corners[1:8:2]) / 4
    width, height = math.hypot(x2 - x1, y2 - y1), math.hypot(x3 - x2, y3 - y2)
    degrees = math.degrees(math.atan2(y2 - y1, x2 - x1)) % 360.0
    return cx, cy, width, height, 0.0 if degrees >= 360.0 else degrees


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the convex hull (monotone chain)."""
    points = sorted(set(points))
    if len(points) < 3:
        return points
    halves = []
    for run in (points, points[::-1]):
        half: list[tuple[float, float]] = []
        for p in run:
            while len(half) > 1 and _turn(half[-2], half[-1], p) <= 0:
                half.pop()
            half.append(p)
        halves.append(half[:-1])
    return halves[0] + halves[1]


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def min_area_rect(points: Sequence[float]) -> tuple[float, float, float, float, float]:
    """Return (cx, cy, w, h, degrees in [0, 180)) of the smallest rectangle around some points."""
    hull = _hull(list(zip(points[0::2], points[1::2], strict=True)))
    best: tuple[float, float, float, float, float, float] | None = None
    for (ax, ay), (bx, by) in zip(hull, hull[1:] + hull[:1], strict=True):
        length = math.hypot(bx - ax, by - ay)
        c, s = ((bx - ax) / length, (by - ay) / length) if length else (1.0, 0.0)
        us = [x * c + y * s for x, y in hull]
        vs = [y * c - x * s for x, y in hull]
        w, h = max(us) - min(us), max(vs) - min(vs)
        if best is None or w * h < best[0]:
            u, v = (max(us) + min(us)) / 2, (max(vs) + min(vs)) / 2
            degrees = math.degrees(math.atan2(s, c)) % 180.0
            best = (w * h, u * c - v * s, u * s + v * c, w, h, degrees)
    return best[1:] if best is not None else (0.0, 0.0, 0.0, 0.0, 0.0)


def ellipse_ring(x: float, y: float, w: float, h: float, count: int = 64) -> list[float]:
    """Return ``count`` points of the ellipse inside a box, clockwise from its right end."""
    ring = []
    for k in range(count):
        angle = 2 * math.pi * k / count
        ring += [x + w / 2 * (1 + math.cos(angle)), y + h / 2 * (1 + math.sin(angle))]
    return ring


def clip_box(  # noqa: PLR0917 - the six numbers of a box and an image
    x: float, y: float, w: float, h: float, width: float, height: float
) -> Box:
    """Return the part of a box that lies in an image; its extent is 0 where nothing does."""
    left, top = min(max(x, 0), width), min(max(y, 0), height)
    right, bottom = min(max(x + w, 0), width), min(max(y + h, 0), height)
    return left, top, right - left, bottom - top


def iou_boxes(a: Box, b: Box) -> float:
    """Return intersection over union of two boxes (x, y, w, h); 0 for empty ones."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h)
