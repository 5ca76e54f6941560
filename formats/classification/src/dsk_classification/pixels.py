"""Pixels of items for formats that hold them as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import MediaError, RecordError
from dsk.media import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["gray_of", "load", "rgb_of"]

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's "L"


def load(item: DatasetItem, ctx: WriteContext) -> NDArray[np.uint8] | None:
    """Return an item's pixels in 8 bits, or None when there are none; the report says why.

    Returns:
        (height, width) or (height, width, channels).
    """
    media = item.media
    if not ctx.save_media or not isinstance(media, Image):
        return None
    if not media.exists:
        hint = "check where the source keeps its media"
        ctx.ledger.add_at("DSK-L016", "image not found", item, hint=hint)
        return None
    try:
        pixels = media.data
    except MediaError as error:
        bad = RecordError(error.message, where=error.where or media.path, item=item.id)
        ctx.ledger.bad_record(bad)
        return None
    ctx.ledger.media_saved += 1
    if pixels.dtype == np.uint8:
        return pixels
    _changed(item, ctx, f"{pixels.dtype} pixels in 8 bits")
    return _eight_bits(pixels)


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    eight: NDArray[np.uint8]
    if pixels.dtype == np.bool_:
        eight = pixels.astype(np.uint8) * np.uint8(255)
    elif pixels.dtype == np.uint16:
        eight = (pixels >> 8).astype(np.uint8)
    else:
        eight = np.clip(np.rint(np.nan_to_num(pixels)), 0, 255).astype(np.uint8)
    return eight


def rgb_of(pixels: NDArray[np.uint8], item: DatasetItem, ctx: WriteContext) -> NDArray[np.uint8]:
    """Return (height, width, 3): gray is repeated, an alpha channel is left out."""
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.shape[2] in (2, 4):
        _changed(item, ctx, "alpha channel left out")
        pixels = pixels[:, :, : pixels.shape[2] - 1]
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[:, :, :3]


def gray_of(pixels: NDArray[np.uint8], item: DatasetItem, ctx: WriteContext) -> NDArray[np.uint8]:
    """Return (height, width): luma of colours; equal channels are gray already."""
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] in (2, 4):
        _changed(item, ctx, "alpha channel left out")
        pixels = pixels[:, :, : pixels.shape[2] - 1]
    if pixels.shape[2] == 1:
        return pixels[:, :, 0]
    red, green, blue = pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2]
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    _changed(item, ctx, "colours turned to gray")
    gray: NDArray[np.uint8] = np.rint(pixels[:, :, :3] @ _LUMA).astype(np.uint8)
    return gray


def _changed(item: DatasetItem, ctx: WriteContext, what: str) -> None:
    ctx.ledger.add_at("DSK-L016", what, item)
