"""Draw how an affine leads from a voxel's indices to a place in the patient, for the docs.

Usage: medical_frames_picture.py [OUTPUT]    docs/formats/medical-frames.png by default

Every number in the picture is computed from ``AFFINE``. It is the same at every run with one
version of Pillow: the font is the one Pillow brings.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "docs" / "formats" / "medical-frames.png"

SIZE = (1000, 470)
FINE = 3
"""So many times larger it is drawn than it is shown: lines get smooth."""

SHAPE = (5, 4, 3)
VOXEL = (3, 1, 2)
TURN = math.radians(15)
SPACING = (10.0, 10.0, 15.0)
AFFINE = np.array(
    [
        [-math.cos(TURN) * SPACING[0], math.sin(TURN) * SPACING[1], 0, 85],
        [-math.sin(TURN) * SPACING[0], -math.cos(TURN) * SPACING[1], 0, 45],
        [0, 0, SPACING[2], 10],
        [0, 0, 0, 1],
    ]
).round(1)
"""An array stored LPS: i grows to the left, j to the back, k to the head; turned by 15 degrees."""

STEPS = np.array([[1.0, 0.5, 0.0], [0.0, -0.36, -1.0]])
"""Where x, y, z lead on paper (right, down): seen from behind, a bit from the right and above."""

TOWARD = np.array([0.5, -1.0, 0.36])
"""The direction to the eye, which ``STEPS`` make a point."""

PAPER, INK, FAINT, GRID = (255, 255, 255), (50, 50, 50), (205, 205, 205), (140, 140, 140)
PLACE = (125, 50, 160)
AXES = ((214, 39, 40), (44, 160, 44), (31, 119, 180))
FACES = ((255, 214, 120), (245, 180, 60), (230, 160, 40))
FACE = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))

Matrix = NDArray[np.float64]


class Panel:
    """A part of the picture that shows space.

    Args:
        pen: What draws.
        origin: Where the point (0, 0, 0) is shown, in pixels.
        scale: Pixels for a unit.
    """

    def __init__(self, pen: ImageDraw.ImageDraw, origin: tuple[float, float], scale: float) -> None:
        self.pen = pen
        self.origin = np.array(origin)
        self.scale = scale

    def at(self, point: Matrix) -> tuple[float, float]:
        """Return where a point of space is shown."""
        x, y = (self.origin + self.scale * (STEPS @ point[:3])) * FINE
        return float(x), float(y)

    def line(self, a: Matrix, b: Matrix, color: tuple[int, int, int], width: float = 1) -> None:
        """Draw a line."""
        self.pen.line([self.at(a), self.at(b)], fill=color, width=round(width * FINE))

    def arrow(self, a: Matrix, b: Matrix, color: tuple[int, int, int]) -> tuple[float, float]:
        """Draw an arrow; return where it ends, in pixels of the picture."""
        (ax, ay), (bx, by) = self.at(a), self.at(b)
        self.pen.line([(ax, ay), (bx, by)], fill=color, width=3 * FINE)
        angle, length = math.atan2(by - ay, bx - ax), 11 * FINE
        wings = [
            (bx - length * math.cos(angle + side), by - length * math.sin(angle + side))
            for side in (0.4, -0.4)
        ]
        self.pen.polygon([(bx, by), *wings], fill=color)
        return bx / FINE, by / FINE

    def dot(self, point: Matrix, color: tuple[int, int, int]) -> None:
        """Draw a dot."""
        x, y = self.at(point)
        r = 4.5 * FINE
        self.pen.ellipse([x - r, y - r, x + r, y + r], fill=color)


def text(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    words: str,
    *,
    color: tuple[int, int, int] = INK,
    size: int = 17,
    anchor: str = "lm",
) -> None:
    """Write words; the place is in pixels of the picture."""
    font = ImageFont.load_default(size * FINE)
    x, y = place
    pen.text((x * FINE, y * FINE), words, fill=color, font=font, anchor=anchor)


def faces(low: Matrix, high: Matrix, affine: Matrix) -> list[tuple[int, Matrix, bool]]:
    """Return the faces of a box of voxels: their axis, four corners, whether the eye sees them."""
    found = []
    for axis in range(3):
        first, second = (n for n in range(3) if n != axis)
        for side in (low, high):
            corners = np.ones((4, 4))
            corners[:, axis] = side[axis]
            for row, (a, b) in zip(corners, FACE, strict=True):
                row[first] = low[first] if a < 0 else high[first]
                row[second] = low[second] if b < 0 else high[second]
            sign = 1 if side is high else -1
            seen = sign * affine[:3, axis] @ TOWARD > 0
            found.append((axis, corners @ affine.T, bool(seen)))
    return found


def draw_grid(panel: Panel, affine: Matrix) -> None:
    """Draw the grid of voxels, one of them filled, and its axes from the first voxel on."""
    low, high = np.full(3, -0.5), np.array(SHAPE) - 0.5
    box = faces(low, high, affine)
    for _, corners, seen in box:
        if not seen:
            for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                panel.line(a, b, FAINT)
    voxel = np.array(VOXEL, np.float64)
    for axis, corners, seen in faces(voxel - 0.5, voxel + 0.5, affine):
        if seen:
            panel.pen.polygon([panel.at(c) for c in corners], fill=FACES[axis])
    for axis, corners, seen in box:
        if seen:
            counts = [SHAPE[n] for n in range(3) if n != axis]
            draw_lines(panel, corners, counts[0], counts[1])
    start = np.array([0.0, 0, 0, 1])
    for axis, name in enumerate("ijk"):
        end = start.copy()
        end[axis] = SHAPE[axis] + 0.4
        x, y = panel.arrow(affine @ start, affine @ end, AXES[axis])
        toward = STEPS @ affine[:3, axis]
        x, y = np.array([x, y]) + 14 * toward / np.linalg.norm(toward)
        text(panel.pen, (x, y), name, color=AXES[axis], size=20, anchor="mm")
    panel.dot(affine @ start, INK)
    panel.dot(affine @ np.array([*VOXEL, 1.0]), PLACE)


def draw_lines(panel: Panel, corners: Matrix, columns: int, rows: int) -> None:
    """Draw the lines of a face."""
    a, b, c, d = corners
    for n in range(columns + 1):
        share = n / columns
        panel.line(a + (b - a) * share, d + (c - d) * share, GRID)
    for n in range(rows + 1):
        share = n / rows
        panel.line(a + (d - a) * share, b + (c - b) * share, GRID)


def draw_world(panel: Panel) -> None:
    """Draw the axes of the patient."""
    zero = np.zeros(3)
    names = (("x  right", "lm", (6, 0)), ("y  front", "mb", (6, -6)), ("z  head", "mb", (0, -6)))
    for axis, (name, anchor, (right, down)) in enumerate(names):
        end = np.zeros(3)
        end[axis] = (30, 45, 62)[axis]
        x, y = panel.arrow(zero, end, INK)
        text(panel.pen, (x + right, y + down), name, anchor=anchor)
    panel.dot(zero, INK)
    x, y = panel.at(zero)
    text(panel.pen, (x / FINE, y / FINE + 14), "0, 0, 0 mm", size=14, anchor="mt")


def draw_formula(pen: ImageDraw.ImageDraw, top: float) -> None:
    """Write the matrix, whose columns have the colours of the axes, times the voxel's indices."""
    place = AFFINE @ np.array([*VOXEL, 1.0])
    columns = (250, 330, 400, 465)
    for row in range(3):
        y = top + 24 * row
        text(pen, (205, y), "xyz"[row] + "  =", anchor="rm")
        for n, x in enumerate(columns):
            color = AXES[n] if n < 3 else INK
            text(pen, (x, y), f"{AFFINE[row, n]:g}", color=color, anchor="rm")
        text(pen, (548, y), str(VOXEL[row]), color=AXES[row], anchor="mm")
        text(pen, (622, y), f"{place[row]:.1f}", color=PLACE, anchor="rm")
        text(pen, (628, y), "mm", color=PLACE)
    text(pen, (548, top + 72), "1", anchor="mm")
    for x, n in zip(columns, (0, 0, 0, 1), strict=True):
        text(pen, (x, top + 72), str(n), color=FAINT, anchor="rm")
    text(pen, (500, top + 24), "\u00b7", anchor="mm", size=24)
    text(pen, (575, top + 24), "=", anchor="mm")
    for x, bend in ((211, 6), (475, -6), (530, 6), (566, -6)):
        ends = [(x + bend, top - 13), (x, top - 13), (x, top + 85), (x + bend, top + 85)]
        pen.line([(a * FINE, b * FINE) for a, b in ends], fill=INK, width=FINE)
    lengths = ", ".join(f"{n:g}" for n in SPACING)
    text(pen, (705, top), f"lengths of the columns: spacing {lengths} mm", size=14)
    text(pen, (705, top + 24), "their directions: stored LPS, turned by 15\u00b0", size=14)
    text(pen, (705, top + 48), "last column: centre of voxel 0, 0, 0", size=14)


def main() -> None:
    """Write the picture."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    large = Image.new("RGB", (SIZE[0] * FINE, SIZE[1] * FINE), PAPER)
    pen = ImageDraw.Draw(large)
    indices = ", ".join(map(str, VOXEL))
    text(pen, (30, 28), f"The array: voxel i, j, k = {indices}", size=19)
    draw_grid(Panel(pen, (75, 285), 42), np.eye(4))
    text(pen, (520, 28), "The patient, seen from behind: x, y, z in mm (RAS+)", size=19)
    world = Panel(pen, (560, 325), 3.2)
    draw_world(world)
    draw_grid(world, AFFINE)
    pen.line([(400 * FINE, 180 * FINE), (470 * FINE, 180 * FINE)], fill=INK, width=3 * FINE)
    pen.polygon([(x * FINE, y * FINE) for x, y in ((482, 180), (468, 173), (468, 187))], fill=INK)
    text(pen, (438, 162), "affine", size=15, anchor="mm")
    draw_formula(pen, 375)
    shown = large.resize(SIZE, Image.Resampling.LANCZOS)
    shown = shown.quantize(128, dither=Image.Dither.NONE)
    shown.save(output, "PNG", optimize=True)


if __name__ == "__main__":
    main()
