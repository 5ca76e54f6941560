"""Decoding and encoding of images, with a pixel cap and a list of allowed formats."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PilImage
from PIL import ImageFile, UnidentifiedImageError

from dsk.allocator import keep_freed_memory
from dsk.errors import LimitError, MediaError
from dsk.imagesize import reason_of
from dsk.lfs import check_fetched

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

    from dsk.media import Image

__all__ = ["decode", "decode_labels", "encode", "guard"]

MAX_PIXELS = 500_000_000
"""Images with more pixels are refused: no dataset has them, bombs do."""

FORMATS = (
    "JPEG",
    "PNG",
    "BMP",
    "GIF",
    "TIFF",
    "WEBP",
    "PPM",
    "TGA",
    "JPEG2000",
    "SUN",
    "DIB",
)
"""Pillow's readers that may be used; the others run rarely tested code on hostile bytes."""

BAD_IMAGE = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    struct.error,
    zlib.error,
)
"""What damaged images make Pillow raise."""


@functools.cache
def guard() -> None:
    """Set Pillow's own limits, and what is done with freed memory, once per process."""
    keep_freed_memory()
    PilImage.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow raises at twice this number
    ImageFile.LOAD_TRUNCATED_IMAGES = False


def _load(image: Image) -> PilImage.Image:
    guard()
    with image.open() as file:
        try:
            picture = PilImage.open(file, formats=FORMATS)
            picture.load()
        except PilImage.DecompressionBombError as error:
            raise LimitError(str(error), where=image.path) from error
        except MemoryError as error:  # a part of a file may claim to have any length
            message = "there is not enough memory for what the image claims to hold"
            raise MediaError(message, where=image.path) from error
        except BAD_IMAGE as error:
            check_fetched(_beginning(file), image.path, MediaError)
            raise MediaError(f"no readable image: {reason_of(error)}", where=image.path) from error
    return picture


def _beginning(file: BinaryIO) -> bytes:
    with suppress(OSError, ValueError):  # it cannot be read again: what was wrong is told, then
        file.seek(0)
        return file.read(64)
    return b""


def decode(image: Image) -> NDArray[Any]:
    """Return an image's pixels, (height, width) or (height, width, channels), RGB order.

    Palette images are expanded to RGB or RGBA; 16-bit images stay 16-bit.

    Raises:
        MediaError: It is missing or damaged.
        LimitError: It has more than ``MAX_PIXELS`` pixels.
    """
    source = image.source
    if callable(source):
        source = source()
    if isinstance(source, np.ndarray):
        return source
    picture = _load(image)
    if picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    elif picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        picture = picture.convert("RGB")
    elif picture.mode == "1":
        picture = picture.convert("L")
    return np.asarray(picture)


def decode_labels(image: Image) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    """Return a label image as stored: palette indices are kept.

    Returns:
        The array, (height, width) or (height, width, channels), and the palette, (n, 3) RGB, of a
        palette image.

    Raises:
        MediaError: It is missing or damaged.
        LimitError: It has more than ``MAX_PIXELS`` pixels.
    """
    picture = _load(image)
    palette = None
    if picture.mode == "P":
        raw = picture.getpalette("RGB") or []
        palette = np.array(raw, dtype=np.uint8).reshape(-1, 3)
    elif picture.mode == "1":
        picture = picture.convert("L")
    return np.asarray(picture), palette


_PIL_FORMAT = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".dib": "BMP",
    ".jp2": "JPEG2000",
}


def encode(
    pixels: NDArray[Any], ext: str, *, palette: NDArray[np.uint8] | None = None, **options: Any
) -> bytes:
    """Encode pixels as an image file.

    Args:
        pixels: (height, width) or (height, width, channels), uint8, or uint16 for PNG and TIFF;
            floats are rounded and clipped to 0–255.
        ext: File name ending with its dot, which names the format.
        palette: (n, 3) RGB colours for a (height, width) index image; PNG, BMP and GIF only.
        options: For Pillow's writer, for instance ``quality=95`` or ``compress_level=1``.

    Raises:
        MediaError: The format cannot be written, or not from such pixels.
    """
    fmt = _PIL_FORMAT.get(ext.lower(), ext.lower().lstrip(".").upper())
    if pixels.ndim == 3 and pixels.shape[2] == 1:  # Pillow does not take these
        pixels = pixels[:, :, 0]
    if pixels.dtype.kind == "f":
        pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    elif pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    try:
        if fmt == "JPEG" and pixels.dtype != np.uint8:  # Pillow would clip without a word
            raise TypeError("8 bits are the most it holds")  # noqa: TRY301 - worded with the others
        picture = PilImage.fromarray(np.ascontiguousarray(pixels))
        if palette is not None:
            picture.putpalette(np.ascontiguousarray(palette, dtype=np.uint8).tobytes())
        elif fmt == "JPEG" and picture.mode not in ("L", "RGB", "CMYK"):
            picture = picture.convert("RGB")
        if fmt == "JPEG":
            options.setdefault("quality", 95)
        elif fmt == "WEBP" and "quality" not in options:
            options.setdefault("lossless", True)
        buffer = io.BytesIO()
        picture.save(buffer, fmt, **options)
    except (KeyError, OSError, ValueError, TypeError) as error:
        raise MediaError(
            f"cannot write a {ext} image from {pixels.dtype} {pixels.shape}: {error}"
        ) from error
    return buffer.getvalue()
