"""Changing the colours and the depth of images."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from dsk.errors import MediaError, OptionError
from dsk.media import Image
from dsk_transforms.pixels.base import PixelTransform, with_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.pixels.pictures import Size

    Array = NDArray[Any]

__all__ = ["ConvertImage", "Converted"]

CHANNELS = {"grey": 1, "rgb": 3, "rgba": 4}
_WEIGHTS = np.array([299, 587, 114])  # ITU-R BT.601, thousandths: how bright eyes find the colours
_ALPHA = frozenset({".png", ".tif", ".tiff", ".webp", ".tga"})
_DEEP = frozenset({".png", ".tif", ".tiff"})


class Converted(Struct, frozen=True):
    """Changing colours and depth.

    Attributes:
        mode: "grey", "rgb", "rgba", or None to keep the channels.
        depth: 8 or 16 bits per channel, or 0 to keep it.
    """

    mode: str | None
    depth: int

    def __call__(self, pixels: Array) -> Array:
        """Change them.

        Raises:
            MediaError: The pixels are no whole numbers of 8 or 16 bits.
        """
        if self.depth:
            pixels = _as_depth(pixels, self.depth)
        if self.mode is None:
            return pixels
        planes = pixels[..., None] if pixels.ndim == 2 else pixels
        count = planes.shape[2]
        full = 255 if pixels.dtype == np.uint8 else np.iinfo(_whole(pixels)).max
        alpha = planes[..., -1:] if count in (2, 4) else np.full_like(planes[..., :1], full)
        colours = planes[..., : 3 if count > 2 else 1]
        if self.mode == "grey":
            return _brightness(colours)
        if colours.shape[2] == 1:
            colours = np.repeat(colours, 3, axis=2)
        return colours if self.mode == "rgb" else np.concatenate([colours, alpha], axis=2)


def _brightness(colours: Array) -> Array:
    if colours.shape[2] == 1:
        return colours[..., 0]
    summed = colours.astype(np.int64) @ _WEIGHTS
    grey: Array = ((summed + 500) // 1000).astype(colours.dtype)
    return grey


def _whole(pixels: Array) -> np.dtype[Any]:
    if pixels.dtype.kind not in "iu":
        raise MediaError(f"pixels of type {pixels.dtype} have no depth of 8 or 16 bits")
    return pixels.dtype


def _as_depth(pixels: Array, depth: int) -> Array:
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype.kind == "i" and pixels.size and 0 <= pixels.min() <= pixels.max() <= 0xFFFF:
        pixels = pixels.astype(np.uint16)  # Pillow gives 16-bit images in 32 bits at times
    if pixels.dtype not in (np.uint8, np.uint16):
        raise MediaError(f"pixels of type {pixels.dtype} have no depth of 8 or 16 bits")
    if pixels.dtype.itemsize * 8 == depth:
        return pixels
    if depth == 16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


class ConvertImage(PixelTransform):
    """Change the colour mode and the bit depth of images; annotations stay as they are.

    Args:
        mode: "rgb", "grey" or "rgba".
        depth: 8 or 16 bits per channel.

    Raises:
        OptionError: Neither is given, or 16 bits with colours, which no writer of images can.
    """

    def __init__(self, *, mode: str | None = None, depth: int = 0) -> None:
        if mode is not None and mode not in CHANNELS:
            raise OptionError(f"no colour mode {mode!r}", hint=f"one of: {', '.join(CHANNELS)}")
        if depth not in (0, 8, 16):
            raise OptionError(f"depth is 8 or 16 bits, not {depth!r}")
        if mode is None and not depth:
            raise OptionError("convert_image to what?", hint="give mode, depth or both")
        if depth == 16 and mode != "grey":
            raise OptionError(
                "images of 16 bits are written in grey only", hint="add mode=grey, or use depth=8"
            )
        self.mode, self.depth = mode, depth

    def change(self, item: DatasetItem, size: Size, ledger: Ledger) -> DatasetItem:
        """Convert the image."""
        media = item.media
        if not isinstance(media, Image):
            return item
        holds = _DEEP if self.depth == 16 else _ALPHA if self.mode == "rgba" else None
        if holds is not None and media.path and media.ext.lower() not in holds:
            what = f"image saved as .png, since {media.ext.lower()} holds no such pixels"
            ledger.add_at("DSK-L016", what, item)
            stem = os.path.splitext(media.path)[0]  # noqa: PTH122 - a name in a dataset
            item = item.replace(media=replace(media, path=f"{stem}.png"))
        work = Converted(self.mode, self.depth)
        return with_pixels(item, work, size, item.annotations, ledger)
