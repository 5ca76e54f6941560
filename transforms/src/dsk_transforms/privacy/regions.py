"""Which pixels an annotation marks, and what is made of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk import geometry, masks
from dsk.annotations import Annotation, Bbox, Ellipse, Mask, Polygon, RotatedBbox
from dsk.convert import ELLIPSE_POINTS, bbox_of
from dsk.errors import MediaError
from dsk.rle import counts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Solid = NDArray[np.bool_]

__all__ = ["Hidden", "region"]

PASSES = 3  # as many box blurs one after the other are close to a Gaussian


class Hidden(Struct, frozen=True):
    """Making regions of an image unrecognisable.

    Attributes:
        regions: What marks them.
        method: "blur", "pixelate" or "fill".
        strength: Spread of the blur, or side of the blocks, as a share of a region's longer side.
        margin: How far beyond its edge a region goes, as a share of its longer side.
        color: Red, green and blue of "fill".
    """

    regions: tuple[Annotation, ...]
    method: str
    strength: float
    margin: float
    color: tuple[int, int, int]

    def __call__(self, pixels: Array) -> Array:
        """Return the pixels; what lies outside all regions is the same bit for bit.

        Raises:
            MediaError: A region cannot be found, so the image must not be used.
        """
        pixels = pixels.copy()
        for a in self.regions:
            try:
                found = region(a, (pixels.shape[0], pixels.shape[1]), self.margin)
            except (TypeError, ValueError) as error:
                raise MediaError(f"a region to hide cannot be read: {error}") from error
            if found is not None:
                x, y, solid = found
                window = pixels[y : y + solid.shape[0], x : x + solid.shape[1]]
                window[solid] = self._changed(window)[solid]
        return pixels

    def _changed(self, window: Array) -> Array:
        if self.method == "fill":
            return self._filled(window)
        side = max(window.shape[:2])
        planes = (window if window.ndim == 3 else window[..., None]).astype(np.float64)
        if self.method == "pixelate":
            planes = _blocks(planes, max(2, round(self.strength * side)))
        else:
            planes = _blurred(planes, max(1.0, self.strength * side))
        if window.dtype.kind in "iub":
            planes = np.rint(planes)
        return planes.reshape(window.shape).astype(window.dtype)

    def _filled(self, window: Array) -> Array:
        filled = np.empty_like(window)
        channels = 1 if window.ndim == 2 else window.shape[2]
        full = np.iinfo(window.dtype).max if window.dtype.kind in "iu" else 1
        deep = full // 255 if window.dtype == np.uint16 else 1
        r, g, b = (value * deep for value in self.color)
        grey = (299 * r + 587 * g + 114 * b + 500) // 1000
        colour = (r, g, b) if channels > 2 else (grey,)
        alpha = (full,) if channels in (2, 4) else ()
        filled[...] = (*colour, *alpha)[:channels] if window.ndim == 3 else grey
        return filled


def region(a: Annotation, size: tuple[int, int], margin: float) -> tuple[int, int, Solid] | None:
    """Return the pixels that an annotation marks: left, top and a (height, width) array.

    A box marks every pixel that it touches; outlines are drawn by COCO's rule; points and lines
    mark the box around them.

    Args:
        a: The annotation.
        size: (height, width) of the image.
        margin: How far to go beyond, as a share of the longer side of its box.

    Returns:
        None if it marks no pixel of the image.

    Raises:
        ValueError: It is malformed, or a mask of another size than the image.
    """
    height, width = size
    solid = _painted(a, size)
    if solid is None:
        box = a.bbox if isinstance(a, Bbox) else bbox_of(a)
        if box is None:
            return None
        if not all(math.isfinite(v) for v in box):
            msg = "its box is not finite"
            raise ValueError(msg)
        x, y, w, h = box
        more = margin * max(w, h)
        left, top = max(0, math.floor(x - more)), max(0, math.floor(y - more))
        right = min(width, max(math.ceil(x + w + more), left + 1))
        bottom = min(height, max(math.ceil(y + h + more), top + 1))
        if right <= left or bottom <= top:
            return None
        return left, top, np.ones((bottom - top, right - left), np.bool_)
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    more = math.ceil(margin * max(bottom - top, right - left))
    top, left = max(0, int(top) - more), max(0, int(left) - more)
    bottom, right = min(height, int(bottom) + more), min(width, int(right) + more)
    window = solid[top:bottom, left:right]
    return left, top, _grown(window, more) if more else window


def _painted(a: Annotation, size: tuple[int, int]) -> Solid | None:
    """Return the pixels of an annotation that is no upright box, else None."""
    if isinstance(a, Mask):
        rle = a.rle
        if tuple(rle.size) != size:
            msg = f"a mask of {rle.size[1]} × {rle.size[0]} on an image of {size[1]} × {size[0]}"
            raise ValueError(msg)
        return masks.to_dense(counts_of(rle), *size)
    if isinstance(a, Polygon):
        rings, holes = [list(ring) for ring in a.rings], a.holes
    elif isinstance(a, RotatedBbox):
        rings, holes = [geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)], ()
    elif isinstance(a, Ellipse):
        rings, holes = [geometry.ellipse_ring(a.x, a.y, a.w, a.h, ELLIPSE_POINTS)], ()
    else:
        return None
    return masks.to_dense(masks.from_polygons_with_holes(rings, holes, *size), *size)


def _grown(solid: Solid, more: int) -> Solid:
    """Return all pixels that have one of the region within a square of ``more`` pixels around."""
    for _ in range(2):
        sums = np.zeros((len(solid) + 2 * more + 1, solid.shape[1]), np.int32)
        np.cumsum(solid, axis=0, out=sums[more + 1 : more + 1 + len(solid)])
        sums[more + 1 + len(solid) :] = sums[more + len(solid)]
        solid = (sums[2 * more + 1 :] > sums[: len(solid)]).T
    return solid


def _blocks(planes: Array, side: int) -> Array:
    """Return the mean of each block of a grid, on all of its pixels."""
    for axis in (0, 1):
        length = planes.shape[axis]
        starts = np.arange(0, length, side)
        sizes = np.diff(np.append(starts, length))
        shape = [-1 if n == axis else 1 for n in range(3)]
        means = np.add.reduceat(planes, starts, axis=axis) / sizes.reshape(shape)
        planes = np.repeat(means, sizes, axis=axis)
    return planes


def _blurred(planes: Array, sigma: float) -> Array:
    """Return a blur, near to a Gaussian; nothing comes from outside, the edges are continued."""
    radius = max(1, round((math.sqrt(12 * sigma * sigma / PASSES + 1) - 1) / 2))
    width = 2 * radius + 1
    for _ in range(2):
        for _ in range(PASSES):
            padded = np.pad(planes, [(radius + 1, radius), (0, 0), (0, 0)], mode="edge")
            sums = np.cumsum(padded, axis=0)
            planes = (sums[width:] - sums[:-width]) / width
        planes = planes.swapaxes(0, 1)
    return planes
