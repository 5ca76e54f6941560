"""Files that are cleaned when they are saved: nothing is read before, and no pixel is decoded.

A medium of dsk is a file, bytes or pixels. These are a fourth sort, a file that is to be rewritten:
the media classes below answer for it in the places where core asks a medium for its bytes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec import Struct

from dsk.errors import MediaError, RecordError
from dsk.media import Image, Media, MediaElement, VideoFrame, Volume
from dsk_transforms.privacy.dicom import is_dicom, strip_dicom
from dsk_transforms.privacy.exif import DamagedError
from dsk_transforms.privacy.images import strip_gif, strip_jpeg, strip_png, strip_webp
from dsk_transforms.privacy.nifti import is_nifti, strip_nifti
from dsk_transforms.privacy.tiff import strip_tiff

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IMAGE_SUFFIXES", "cleaned", "rewritten"]

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".dib", ""}
)
"""Endings of image files that are cleaned without decoding them; a bitmap holds nothing else."""

_MAGIC: tuple[tuple[bytes, Callable[..., bytes]], ...] = (
    (b"\xff\xd8", strip_jpeg),
    (b"\x89PNG\r\n\x1a\n", strip_png),
    (b"RIFF", strip_webp),
    (b"GIF8", strip_gif),
    (b"II*\0", strip_tiff),
    (b"MM\0*", strip_tiff),
    (b"II+\0", strip_tiff),
    (b"MM\0+", strip_tiff),
)


def rewritten(data: bytes, path: str, *, keep_orientation: bool) -> bytes:
    """Return a file without metadata; what it is its first bytes tell.

    Raises:
        DamagedError: It is of no known format, or damaged.
    """
    for magic, strip in _MAGIC:
        if data.startswith(magic):
            return strip(data, keep_orientation=keep_orientation)
    if data[:2] == b"BM":
        return data
    if data[128:132] == b"DICM" or is_dicom(path):
        return strip_dicom(data)
    if is_nifti(path):
        return strip_nifti(data)
    raise DamagedError("its first bytes are of no format that can be cleaned")


class Cleaned(Struct, frozen=True):
    """A file to be cleaned; a ``Media.source``.

    Attributes:
        archive: The medium as it was. Core takes a source with this attribute for an encoded file.
        keep_orientation: Whether EXIF's orientation stays.
        strict: Whether a damaged file ends the work; else it is left out and reported.
    """

    archive: Media
    keep_orientation: bool
    strict: bool

    def read(self) -> bytes:
        """Read and clean.

        Raises:
            RecordError: The file is damaged, and that ends the work.
            MediaError: It is damaged or missing.
        """
        media = self.archive
        data = media.read_bytes()
        try:
            return rewritten(data, media.path, keep_orientation=self.keep_orientation)
        except DamagedError as error:
            text = f"its metadata cannot be removed: {error}"
            hint = "--on-error skip leaves such files out"
            if self.strict:
                raise RecordError(text, where=media.path, hint=hint) from error
            raise MediaError(text, where=media.path) from error


class _Answers:
    """What a medium says of its bytes when they are yet to be cleaned."""

    __slots__ = ()

    source: Any

    @property
    def exists(self) -> bool:
        """Whether the content can be had."""
        return bool(self.source.archive.exists)

    def open(self) -> BinaryIO:
        """Open the cleaned content; errors as ``Cleaned.read``."""
        return io.BytesIO(self.source.read())

    def read_bytes(self) -> bytes:
        """Return the cleaned content; errors as ``Cleaned.read``."""
        return bytes(self.source.read())


class CleanImage(_Answers, Image, frozen=True, gc=False):
    """An image to be cleaned."""


class CleanFrame(_Answers, VideoFrame, frozen=True, gc=False):
    """A frame of a video to be cleaned."""


class CleanVolume(_Answers, Volume, frozen=True, gc=False):
    """A scan to be cleaned."""


class CleanElement(_Answers, MediaElement, frozen=True, gc=False):
    """Another file to be cleaned."""


_CLASSES: dict[type[Media], type[Media]] = {
    Image: CleanImage,
    VideoFrame: CleanFrame,
    Volume: CleanVolume,
    MediaElement: CleanElement,
}


def cleaned(media: Media, *, keep_orientation: bool, strict: bool, **changes: Any) -> Media:
    """Return a medium whose file is cleaned when it is saved."""
    fields = {name: getattr(media, name) for name in type(media).__struct_fields__}
    fields |= {"source": Cleaned(media, keep_orientation, strict), **changes}
    return _CLASSES[type(media)](**fields)
