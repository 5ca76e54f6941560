"""Coordinates of images that viewers turn by their EXIF tag.

dsk sizes and stores images as they are in the file. Ultralytics trains on the turned image, so its
rows refer to that one; which of the two a dataset means is the user's to say (option ``exif``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.media import Image

__all__ = ["Turn", "turn_of"]

ORIENTATION = 0x0112

# (swap x and y first, then mirror x, then mirror y): from the stored image to the shown one.
_SHOWN = {
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


class Turn:
    """One of the seven ways to turn and mirror a picture, in coordinates relative to its size.

    Args:
        swap: x and y change places first.
        mirror_x: Then x runs the other way.
        mirror_y: So does y.
    """

    __slots__ = ("mirror_x", "mirror_y", "swap")

    def __init__(self, *, swap: bool, mirror_x: bool, mirror_y: bool) -> None:
        self.swap = swap
        self.mirror_x = mirror_x
        self.mirror_y = mirror_y

    def inverse(self) -> Turn:
        """Return the way back."""
        if self.swap:
            return Turn(swap=True, mirror_x=self.mirror_y, mirror_y=self.mirror_x)
        return self

    def points(self, points: Sequence[float]) -> list[float]:
        """Return turned points, flat, each coordinate in 0…1."""
        xs, ys = points[0::2], points[1::2]
        if self.swap:
            xs, ys = ys, xs
        out = [0.0] * len(points)
        out[0::2] = [1.0 - x for x in xs] if self.mirror_x else xs
        out[1::2] = [1.0 - y for y in ys] if self.mirror_y else ys
        return out

    def box(self, x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
        """Return a turned box: centre, width, height."""
        x, y = self.points((x, y))
        return (x, y, h, w) if self.swap else (x, y, w, h)


def turn_of(image: Image) -> Turn | None:
    """Return how an image is turned for showing, or None if it is shown as stored."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    if not image.exists:
        return None
    try:
        with image.open() as file, Pillow.open(file) as picture:
            orientation = picture.getexif().get(ORIENTATION, 1)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return None  # whoever reads the image's size reports what is wrong with it
    shown = _SHOWN.get(orientation)
    if shown is None:
        return None
    return Turn(swap=shown[0], mirror_x=shown[1], mirror_y=shown[2])
