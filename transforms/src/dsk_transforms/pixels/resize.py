"""Scaling images, and what is drawn on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dsk.errors import OptionError, RecordError
from dsk.pixels import MAX_PIXELS
from dsk_transforms.pixels.base import PixelTransform, whole_number, with_pixels
from dsk_transforms.pixels.following import follow
from dsk_transforms.pixels.pictures import Resized
from dsk_transforms.pixels.places import Place

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.pixels.pictures import Size

__all__ = ["Resize"]

METHODS = ("auto", "nearest", "area", "bilinear", "bicubic", "lanczos")


class Resize(PixelTransform):
    """Scale images to a size.

    Args:
        width: New width in pixels; 0 leaves it to the height.
        height: New height in pixels; 0 leaves it to the width.
        keep_aspect: Make the image as large as fits into width and height, without distortion.
        scale: Factor of both sides, instead of a size.
        largest: New length of the longer side, instead of a size.
        smallest: New length of the shorter side, instead of a size.
        method: How pixels are computed; "auto": "area" when there are fewer, else "bicubic".

    Raises:
        OptionError: No size is asked for, or several that contradict each other.
    """

    def __init__(
        self,
        *,
        width: int = 0,
        height: int = 0,
        keep_aspect: bool = False,
        scale: float = 0.0,
        largest: int = 0,
        smallest: int = 0,
        method: str = "auto",
    ) -> None:
        self.width, self.height = whole_number("width", width), whole_number("height", height)
        self.largest = whole_number("largest", largest)
        self.smallest = whole_number("smallest", smallest)
        if not (math.isfinite(scale) and scale >= 0):
            raise OptionError(f"scale is a factor above 0, not {scale!r}")
        asked = [
            name
            for name, value in (
                ("width and height", self.width or self.height),
                ("scale", scale),
                ("largest", self.largest),
                ("smallest", self.smallest),
            )
            if value
        ]
        if len(asked) != 1:
            raise OptionError(
                f"resize cannot do {' and '.join(asked)} at once" if asked else "resize to what?",
                hint="give width and height, or one of scale, largest, smallest",
            )
        if method not in METHODS:
            raise OptionError(f"no method {method!r}", hint=f"one of: {', '.join(METHODS)}")
        self.keep_aspect, self.scale, self.method = keep_aspect, scale, method

    def change(self, item: DatasetItem, size: Size, ledger: Ledger) -> DatasetItem | None:
        """Scale the image and move the annotations."""
        new = self.target(size)
        if new == size:
            return item
        if new[0] * new[1] > MAX_PIXELS:
            what = f"resized it would have {new[1]} × {new[0]} pixels, more than {MAX_PIXELS}"
            ledger.bad_record(RecordError(what, item=item.id, hint="choose a smaller size"))
            return None
        method = self.method
        if method == "auto":
            method = "area" if new[0] * new[1] < size[0] * size[1] else "bicubic"
        annotations = follow(item, Place.scaling(size, new), ledger)
        return with_pixels(item, Resized(new, method), new, annotations, ledger)

    def target(self, size: Size) -> Size:
        """Return the new (height, width) of an image."""
        height, width = size
        factor = self.scale
        if self.largest:
            factor = self.largest / max(size)
        elif self.smallest:
            factor = self.smallest / min(size)
        elif self.width and self.height:
            if not self.keep_aspect:
                return self.height, self.width
            factor = min(self.width / width, self.height / height)
        elif self.width or self.height:
            factor = self.width / width if self.width else self.height / height
        return max(1, round(height * factor)), max(1, round(width * factor))
