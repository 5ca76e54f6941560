"""Small versions of images, decoded as cheaply as can be."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image as PilImage

from dsk.errors import DskError, LimitError, MediaError
from dsk.media import Image, is_decoded
from dsk.pixels import BAD_IMAGE, FORMATS, decode, guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk.media import Media

    Mode = Literal["L", "RGB"]
    OnBad = Callable[[DatasetItem, DskError], None]

__all__ = ["batches", "thumbnail"]

_GREY = (128, 128, 128)
"""What lies behind transparent pixels: neither black nor white drawings vanish on it."""

_OVERSAMPLING = 2
"""A JPEG is decoded at the smallest size that is this many times larger."""


_BATCH = 256


def batches(
    items: Iterable[DatasetItem], size: int, mode: Mode, on_bad: OnBad | None = None
) -> Iterator[tuple[NDArray[np.uint8], list[bool]]]:
    """Yield the images of items as small squares, some hundred at a time.

    Args:
        items: The items.
        size: Side in pixels.
        mode: See ``thumbnail``.
        on_bad: Is told of damaged images.

    Yields:
        (n, size, size) or (n, size, size, 3), and for each item whether it has an image; those
        that have none are black.
    """
    stream = iter(items)
    shape = (size, size) if mode == "L" else (size, size, 3)
    while batch := list(islice(stream, _BATCH)):
        images = np.zeros((len(batch), *shape), np.uint8)
        there = []
        for n, item in enumerate(batch):
            image = None
            try:
                image = thumbnail(item.media, size, mode)
            except DskError as error:
                if on_bad is not None:
                    on_bad(item, error)
            there.append(image is not None)
            if image is not None:
                images[n] = image
        yield images, there


def thumbnail(media: Media | None, size: int, mode: Mode) -> NDArray[np.uint8] | None:
    """Scale an image to a small square, whatever its proportions.

    Colours are those stored: EXIF does not turn it and profiles do not count. Values of other
    types than 8 bits are scaled so that the largest becomes 255.

    Args:
        media: What an item shows.
        size: Side in pixels.
        mode: "L" for luminance (ITU-R 601-2), "RGB" for colours.

    Returns:
        (size, size) or (size, size, 3); None if there is no image: other media, or a name only.

    Raises:
        MediaError: The image is damaged.
        LimitError: It has too many pixels.
    """
    if not isinstance(media, Image) or not media.exists:
        return None
    try:
        if is_decoded(media.source):
            picture = _from_array(decode(media), mode)
            return _scaled(picture, size)
        guard()
        with media.open() as file, PilImage.open(file, formats=FORMATS) as stored:
            stored.draft(mode, (_OVERSAMPLING * size, _OVERSAMPLING * size))
            return _scaled(_converted(stored, mode), size)
    except PilImage.DecompressionBombError as error:
        raise LimitError(str(error), where=media.path) from error
    except BAD_IMAGE as error:
        raise MediaError(f"no readable image: {error}", where=media.path) from error


def _scaled(picture: PilImage.Image, size: int) -> NDArray[np.uint8]:
    return np.asarray(picture.resize((size, size), PilImage.Resampling.LANCZOS))


def _converted(picture: PilImage.Image, mode: Mode) -> PilImage.Image:
    if picture.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in picture.info:
        above = picture.convert("RGBA")
        ground = PilImage.new("RGBA", above.size, (*_GREY, 255))
        return PilImage.alpha_composite(ground, above).convert(mode)
    if picture.mode[0] in "IF":  # 16 and 32 bits, which convert would clip
        return _from_array(np.asarray(picture), mode)
    return picture.convert(mode)


def _from_array(pixels: NDArray[Any], mode: Mode) -> PilImage.Image:
    """Make a picture of pixels (height, width) or (height, width, channels), of any type.

    Raises:
        ValueError: They have no such shape, or no extent.
    """
    if pixels.ndim not in (2, 3) or not pixels.size:
        raise ValueError(f"an image has no shape {pixels.shape}")
    values = pixels if pixels.dtype == np.uint8 else _eight_bits(pixels)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    elif values.ndim == 3 and values.shape[2] not in (2, 3, 4):
        values = np.rint(values.mean(axis=2)).astype(np.uint8)
    return _converted(PilImage.fromarray(np.ascontiguousarray(values)), mode)


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    values = np.nan_to_num(pixels.astype(np.float64), posinf=0.0, neginf=0.0)
    values -= min(float(values.min()), 0.0)
    top = float(values.max())
    return np.rint(values * (255.0 / top if top > 0 else 0.0)).astype(np.uint8)
