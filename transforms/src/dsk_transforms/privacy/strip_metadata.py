"""Removing what files say besides their pixels or voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.errors import MediaError, OptionError, RecordError
from dsk.flow import Transform
from dsk.media import (
    Image,
    Media,
    MediaElement,
    MultiframeImage,
    PointCloud,
    VideoFrame,
    Volume,
    is_decoded,
)
from dsk_transforms.pixels.following import follow
from dsk_transforms.pixels.pictures import Turned, changed
from dsk_transforms.pixels.places import Place
from dsk_transforms.privacy.cleaned import IMAGE_SUFFIXES, cleaned
from dsk_transforms.privacy.dicom import is_dicom, need_pydicom
from dsk_transforms.privacy.nifti import FIELDS, is_nifti

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["StripMetadata"]

_TURNS = {
    2: Turned(False, True, False),
    3: Turned(False, True, True),
    4: Turned(False, False, True),
    5: Turned(True, False, False),
    6: Turned(True, True, False),
    7: Turned(True, True, True),
    8: Turned(True, False, True),
}
"""What EXIF's orientations ask of who shows an image."""


class StripMetadata(Transform):
    """Remove EXIF, XMP, IPTC, comments and free text from the files of a dataset.

    Args:
        orientation: EXIF's turn of an image: "keep" that field, "apply" it to pixels and
            annotations, or "drop" it, which shows the pixels as they are stored.

    Raises:
        OptionError: The orientation is none of these.
    """

    heavy = True

    def __init__(self, *, orientation: str = "keep") -> None:
        if orientation not in ("keep", "apply", "drop"):
            raise OptionError(
                f"orientation cannot be {orientation!r}", hint="one of: keep, apply, drop"
            )
        self.orientation = orientation

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | None:
        """Have the item's file cleaned when it is saved.

        Raises:
            PluginError: It is a DICOM file, and pydicom is not installed.
        """
        media = item.media
        if media is None:
            return item
        if isinstance(media, Image):
            if self.orientation == "apply":
                turned = self._turned(item, media, ledger)
                if turned is not item:
                    return turned
            image = self._image(item, media, ledger)
            return item if image is media else item.replace(media=image)
        other = self._other(item, media, ledger)
        return item if other is media else item.replace(media=other)

    def _image(self, item: DatasetItem, media: Image, ledger: Ledger) -> Image:
        if isinstance(media, VideoFrame) and media.video is not None:
            what = "link of a frame to its video, which cannot be cleaned"
            ledger.add_at("DSK-L016", what, item)
            media = replace(media, video=None)
        if media.source is None or is_decoded(media.source):
            return media  # pixels without a file say nothing else
        if is_dicom(media.path):
            need_pydicom()
        elif media.ext.lower() not in IMAGE_SUFFIXES and type(media) in (Image, VideoFrame):
            what = f"image re-encoded: metadata of {media.ext.lower()} cannot be cut out"
            ledger.add_at("DSK-L016", what, item)
            size = media.size
            return replace(changed(item, media, _as_it_is, (0, 0), ledger), size=size)
        return self._cleaned(item, media, ledger)  # type: ignore[return-value]

    def _cleaned(self, item: DatasetItem, media: Media, ledger: Ledger, **changes: Any) -> Media:
        if type(media) not in (Image, VideoFrame, Volume, MediaElement):
            return media  # cleaned before
        ledger.add_at("DSK-L022", "files without metadata", item)
        keep, strict = self.orientation == "keep", ledger.on_error == "raise"
        return cleaned(media, keep_orientation=keep, strict=strict, **changes)

    def _other(self, item: DatasetItem, media: Media, ledger: Ledger) -> Media:
        if isinstance(media, PointCloud):
            images = tuple(self._image(item, image, ledger) for image in media.extra_images)
            same = all(a is b for a, b in zip(images, media.extra_images, strict=True))
            return media if same else replace(media, extra_images=images)
        if isinstance(media, MultiframeImage):
            frames = tuple(self._image(item, image, ledger) for image in media.frames)
            if media.source is not None:
                what = "file of several images left out, only its frames can be cleaned"
                ledger.add_at("DSK-L016", what, item)
            return replace(media, frames=frames, source=None)
        changes: dict[str, Any] = {}
        if isinstance(media, Volume) and media.header is not None:
            changes["header"] = blank_header(media.header)
        encoded = isinstance(media.source, str | bytes) or hasattr(media.source, "archive")
        if not encoded:
            return replace(media, **changes) if changes else media
        if is_dicom(media.path):
            need_pydicom()
        elif not is_nifti(media.path) and media.ext.lower() not in IMAGE_SUFFIXES - {""}:
            ledger.warn(
                f"strip_metadata does not know {media.ext or 'such'} files: they stay as they are"
            )
            return replace(media, **changes) if changes else media
        return self._cleaned(item, media, ledger, **changes)

    def _turned(self, item: DatasetItem, media: Image, ledger: Ledger) -> DatasetItem | None:
        try:
            orientation, stored = _shown(media)
        except MediaError as error:
            ledger.bad_record(RecordError(error.message, where=error.where, item=item.id))
            return None
        work = _TURNS.get(orientation)
        if work is None:
            return item
        place = Place.turning(stored, work)
        follows = media.size is None or tuple(media.size) == stored
        annotations = follow(item, place, ledger) if follows else item.annotations
        plain = replace(media, size=None)
        return item.replace(
            media=changed(item, plain, work, place.new, ledger), annotations=annotations
        )


def _as_it_is(pixels: Any) -> Any:
    return pixels


def _shown(media: Image) -> tuple[int, tuple[int, int]]:
    """Return EXIF's orientation of an image and its (height, width) as stored.

    Raises:
        MediaError: It is damaged.
    """
    if media.source is None or is_decoded(media.source) or not media.exists:
        return 1, (0, 0)
    from PIL import Image as PilImage

    from dsk.pixels import BAD_IMAGE, FORMATS, guard
    from dsk_transforms.privacy.exif import ORIENTATION

    guard()
    with media.open() as file:
        try:
            with PilImage.open(file, formats=FORMATS) as picture:
                orientation = picture.getexif().get(ORIENTATION, 1)
                return orientation, (picture.height, picture.width)
        except (*BAD_IMAGE, PilImage.DecompressionBombError) as error:
            raise MediaError(f"no readable image: {error}", where=media.path) from error


def blank_header(header: Any) -> Any:
    """Return a volume's own header without free text; None if it is of no known sort."""
    if not hasattr(header, "copy") or not hasattr(header, "keys"):
        return None
    blank = header.copy()
    for name in FIELDS:
        if name in blank:
            blank[name] = b"" if not isinstance(blank[name], str) else ""
    if getattr(blank, "extensions", None):
        blank.extensions.clear()
    return blank
