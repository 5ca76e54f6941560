"""Label maps of three channels and 16 bits: Pillow by itself gives their upper bytes only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PilImage

from dsk.errors import LimitError, MediaError
from dsk.pixels import BAD_IMAGE, decode_labels, guard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.media import Image

__all__ = ["read_channels"]

_HEAD = 26
_DEPTH, _KIND = 24, 25  # places in the header of a PNG file
_MODES = {2: "RGB", 6: "RGBA"}


def read_channels(image: Image) -> NDArray[Any]:
    """Return a label map's channels, (height, width, 3 or more), with all their bits.

    Raises:
        ValueError: It has one channel only.
        InputError: It is missing or damaged.
    """
    with image.open() as file:
        head = file.read(_HEAD)
    deep = head[:4] == b"\x89PNG" and len(head) == _HEAD and head[_DEPTH] == 16
    mode = _MODES.get(head[_KIND]) if deep else None
    if mode is None:
        pixels, _ = decode_labels(image)
        if pixels.ndim != 3 or pixels.shape[2] < 3:
            raise ValueError("it has one channel where SYNTHIA has labels and objects in two")
        return pixels
    # The file is read once as it is and once as if its bytes were the other way round.
    upper, lower = (_load(image, f"{mode};16{order}") for order in "BL")
    return upper.astype(np.uint16) << 8 | lower


def _load(image: Image, raw: str) -> NDArray[np.uint8]:
    guard()
    with image.open() as file:
        try:
            picture = PilImage.open(file, formats=("PNG",))
            picture.tile = [(t[0], t[1], t[2], raw) for t in picture.tile]  # type: ignore[misc]
            picture.load()
        except PilImage.DecompressionBombError as error:
            raise LimitError(str(error), where=image.path) from error
        except MemoryError as error:
            message = "there is not enough memory for what the image claims to hold"
            raise MediaError(message, where=image.path) from error
        except BAD_IMAGE as error:
            raise MediaError(f"no readable image: {error}", where=image.path) from error
    return np.asarray(picture)
