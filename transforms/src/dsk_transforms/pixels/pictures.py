"""Pixels that are computed only when an image is saved or looked at.

A changed image keeps a reference to the one it comes from and the work to be done on it. Nothing is
kept of the result; both pickle, so the work may be done in another process.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from dsk.errors import MediaError
from dsk.media import Image, VideoFrame
from dsk.pixels import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Array = NDArray[Any]
    Size = tuple[int, int]

__all__ = ["Cut", "Mosaic", "Operation", "Pixels", "Resized", "Turned", "changed", "shared"]

WRITABLE = frozenset(
    {"", ".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".tif", ".tiff", ".webp", ".tga", ".ppm"}
)
"""Endings of the files into which changed pixels can be written without reducing their colours."""


class Operation(Protocol):
    """Work on pixels, (height, width) or (height, width, channels); it must pickle."""

    def __call__(self, pixels: Array) -> Array:
        """Return the changed pixels; those that come in stay as they are."""


class Pixels(Struct, frozen=True):
    """The pixels of an image after some work; a ``Media.source``.

    Attributes:
        image: The image as it was.
        work: What is done, one after the other.
    """

    image: Image
    work: tuple[Operation, ...]

    def __call__(self) -> Array:
        """Decode the image and do the work.

        Raises:
            MediaError: It is damaged, or not of the size that the dataset states.
        """
        pixels = decode(self.image)
        stated = self.image.size
        if stated is not None and pixels.shape[:2] != stated:
            raise MediaError(
                f"the image has {_words(pixels.shape[:2])} pixels, the dataset says "
                f"{_words(stated)}, so annotations would not fit what is shown",
                where=self.image.path,
                hint="if EXIF turns it: -t strip_metadata orientation=apply first",
            )
        for operation in self.work:
            pixels = operation(pixels)
        return pixels


def _words(size: tuple[int, ...]) -> str:
    return f"{size[1]} × {size[0]}"


_held: list[tuple[_Held, Array]] = []
"""The image decoded last by ``shared``: one per process."""


class _Held:
    """Decodes an image once for all that ask for it without another in between."""

    __slots__ = ("_image",)

    def __init__(self, image: Image) -> None:
        self._image = image

    def __call__(self) -> Array:
        for owner, pixels in _held:
            if owner is self:
                return pixels
        pixels = decode(self._image)
        _held[:] = [(self, pixels)]
        return pixels


def shared(image: Image) -> Image:
    """Return an image that several others are made of: it is decoded once if they follow."""
    if image.source is None or not image.exists:
        return image
    return replace(image, source=_Held(image))


def changed(item: DatasetItem, image: Image, work: Operation, size: Size, ledger: Ledger) -> Image:
    """Return an image with other pixels; none are read.

    Args:
        item: Whose it is, for the ledger.
        image: The image as it is.
        work: What happens to its pixels.
        size: (height, width) afterwards.
        ledger: Where is told what does not stay: a video, an ending that cannot be written.
    """
    changes: dict[str, Any] = {"size": size}
    source = image.source
    ledger.add_at("DSK-L022", "images changed", item)
    if isinstance(image, VideoFrame) and image.video is not None:
        changes["video"] = None
        what = (
            "link of a frame to its video" if source else "frame of a video that is not extracted"
        )
        ledger.add_at("DSK-L016", what, item, hint="extract the frames")
    if source is None or not image.exists:
        return replace(image, source=None, **changes)
    if isinstance(source, Pixels):
        made = Pixels(source.image, (*source.work, work))
    else:
        made = Pixels(image, (work,))
    stem, ext = os.path.splitext(image.path)  # noqa: PTH122 - a name in a dataset, no local path
    if ext.lower() not in WRITABLE:
        changes["path"] = f"{stem}.png"
        what = f"image re-encoded {ext.lower()}→.png"
        ledger.add_at("DSK-L016", what, item)
    return replace(image, source=made, **changes)


def nearest(old: int, new: int) -> NDArray[np.int64]:
    """Return for each of ``new`` pixels in a row the one of ``old`` in which its middle lies."""
    return (2 * np.arange(new) + 1) * old // (2 * new)


class Resized(Struct, frozen=True):
    """Scaling to a size.

    Attributes:
        size: (height, width).
        method: "nearest", "area", "bilinear", "bicubic" or "lanczos"; all but the first average
            over the pixels that become one.
    """

    size: tuple[int, int]
    method: str

    def __call__(self, pixels: Array) -> Array:
        """Scale; whole numbers are rounded and stay in the range of their type."""
        if self.method == "nearest":
            rows = nearest(pixels.shape[0], self.size[0])
            return pixels[rows][:, nearest(pixels.shape[1], self.size[1])]
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8) * 255
        if pixels.dtype == np.uint8 and (pixels.ndim == 2 or pixels.shape[2] in (2, 3, 4)):
            return self._scaled(pixels)
        planes = pixels[..., None] if pixels.ndim == 2 else pixels
        done = [self._scaled(planes[..., n].astype(np.float32)) for n in range(planes.shape[2])]
        result = done[0] if pixels.ndim == 2 else np.stack(done, axis=-1)
        if pixels.dtype.kind in "iu":
            limits = np.iinfo(pixels.dtype)
            result = np.clip(np.rint(result), limits.min, limits.max)
        return result.astype(pixels.dtype)

    def _scaled(self, plane: Array) -> Array:
        from PIL import Image as PilImage

        filters = PilImage.Resampling
        chosen = filters.BOX if self.method == "area" else filters[self.method.upper()]
        picture = PilImage.fromarray(np.ascontiguousarray(plane))
        return np.asarray(picture.resize((self.size[1], self.size[0]), chosen))


class Cut(Struct, frozen=True):
    """Cutting out a window, in whole pixels inside the image."""

    x: int
    y: int
    width: int
    height: int

    def __call__(self, pixels: Array) -> Array:
        """Cut out."""
        return pixels[self.y : self.y + self.height, self.x : self.x + self.width]


class Turned(Struct, frozen=True):
    """Exchanging rows and columns, then mirroring.

    Attributes:
        swap: Whether rows become columns.
        left_right: Whether left and right are exchanged after that.
        up_down: Whether up and down are exchanged after that.
    """

    swap: bool
    left_right: bool
    up_down: bool

    def __call__(self, pixels: Array) -> Array:
        """Turn; no value changes."""
        if self.swap:
            pixels = pixels.swapaxes(0, 1)
        if self.up_down:
            pixels = pixels[::-1]
        return pixels[:, ::-1] if self.left_right else pixels


class Mosaic(Struct, frozen=True):
    """An image put together from tiles; a ``Media.source``.

    Attributes:
        tiles: Images and where their upper left corners are: (x, y, image). Later ones lie on top.
        size: (height, width) of the whole; what no tile covers is 0.
    """

    tiles: tuple[tuple[int, int, Image], ...]
    size: tuple[int, int]

    def __call__(self) -> Array:
        """Decode the tiles, one at a time.

        Raises:
            MediaError: One is damaged, has other channels than the first, or is too large.
        """
        whole: Array | None = None
        for x, y, tile in self.tiles:
            pixels = decode(tile)
            if whole is None:
                whole = np.zeros((*self.size, *pixels.shape[2:]), pixels.dtype)
            place = whole[y : y + pixels.shape[0], x : x + pixels.shape[1]]
            if place.shape != pixels.shape or whole.dtype != pixels.dtype:
                raise MediaError(
                    f"the tile is {pixels.shape} {pixels.dtype}, its place {place.shape}",
                    where=tile.path,
                )
            place[...] = pixels
        return np.zeros(self.size, np.uint8) if whole is None else whole
