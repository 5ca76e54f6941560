"""What an exporter works with: the staged output, the ledger, and how media are saved."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct, field

from dsk.annotations import Mask
from dsk.errors import DskError, MediaError, OutputError, RecordError, UnsafePathError
from dsk.files import check_located
from dsk.media import Image, Media, is_decoded

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.staging import Output

__all__ = ["MediaSettings", "WriteContext"]

_SAME_EXT = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}


class MediaSettings(Struct, frozen=True):
    """How media are written.

    Attributes:
        save: Whether they are written at all.
        image_ext: Ending (with dot) that images shall have, which re-encodes others; None keeps.
        mode: "copy" or "link".
    """

    save: bool = False
    image_ext: str | None = None
    mode: str = "copy"


class WriteContext(Struct):
    """Everything a writing exporter may use.

    Attributes:
        out: The staged output.
        ledger: Where losses go.
        media: How media are saved.
        part: Number of the partition being written.
        total_items: Number of items to come, when known.
    """

    out: Output
    ledger: Ledger
    media: MediaSettings = field(default_factory=MediaSettings)
    part: int = 0
    total_items: int | None = None

    @property
    def save_media(self) -> bool:
        """Whether media are to be written."""
        return self.media.save

    def write(self, name: str, data: bytes | bytearray | memoryview) -> None:
        """Write a new file, see ``Output.write``."""
        self.out.write(name, data)

    def fragment(self, name: str) -> BinaryIO:
        """Open this partition's fragment of a file that ``finish`` will join."""
        return self.out.fragment(name, self.part)

    def image_name(self, item: DatasetItem, default_ext: str = ".jpg") -> str:
        """Return the name of an item's image: its id with the ending the file shall have."""
        media = item.media
        ext = self.media.image_ext or (media.ext if media is not None else "")
        if not ext and media is not None and is_decoded(media.source):
            ext = ".png"  # pixels without a file lose nothing in it
        return item.id + (ext or default_ext)

    def image_size(self, item: DatasetItem, *, masks: bool = False) -> tuple[int, int] | None:
        """Return (height, width) of an item's image; the ledger is told why it cannot be read.

        Args:
            item: The item.
            masks: Take that of a mask if there is no image, or it does not say.
        """
        size = None
        if isinstance(item.media, Image):
            try:
                size = item.media.get_size()
            except MediaError as error:
                self.ledger.warn(f"an image has no readable size: {error.message}")
        if size is None and masks:
            mask = next((a for a in item.annotations if isinstance(a, Mask)), None)
            try:
                size = None if mask is None else mask.rle.size
            except (ValueError, DskError):
                return None  # what is wrong with it is said when it is written
        return size

    def save_image(self, item: DatasetItem, name: str) -> bool:
        """Write an item's image, if media are to be saved at all.

        The file is copied byte by byte unless ``name`` has another ending than the image; then it
        is re-encoded, and the ledger says so. A missing image is reported, not an error.

        Args:
            item: The item; its medium must be an image.
            name: Relative name with the ending the file shall have.

        Returns:
            Whether the file was written.

        Raises:
            OutputError: It cannot be written.
            MediaError: It must be re-encoded and is damaged.
        """
        if not self.media.save:
            return False
        media = item.media
        if not isinstance(media, Image):
            return False
        if media.source is None:
            self._missing(item)
            return False
        ext = os.path.splitext(name)[1].lower()  # noqa: PTH122
        own = media.ext.lower()
        if isinstance(media.source, str | bytes) or hasattr(media.source, "archive"):
            if not own or _SAME_EXT.get(ext, ext) == _SAME_EXT.get(own, own):
                return self.save_file(item, media, name)
            if not media.exists:
                self._missing(item)
                return False
            self.ledger.add_at("DSK-L016", f"image re-encoded {own}→{ext}", item)
        from dsk.pixels import encode

        try:
            data = encode(media.data, ext)
        except MediaError as error:
            bad = RecordError(error.message, where=error.where or media.path, item=item.id)
            self.ledger.bad_record(bad)
            return False
        self.out.write(name, data)
        self.ledger.media_saved += 1
        return True

    def save_file(self, item: DatasetItem, media: Media, name: str) -> bool:
        """Copy a medium's file as it is; a missing one is reported.

        Returns:
            Whether the file was written.
        """
        source = media.source
        if isinstance(source, str):
            try:
                check_located(source)
                self.out.copy(source, name, self.media.mode)
            except UnsafePathError:
                self._not_saved(item, "link leads out of the dataset", "copy the files in")
                return False
            except OutputError:
                raise
            except OSError:
                self._missing(item)
                return False
            self.ledger.media_saved += 1
            return True
        try:
            data = media.read_bytes()
        except MediaError as error:
            if media.exists:
                self._not_saved(item, f"{media.kind} not saved: {error.message}", "")
            else:
                self._missing(item)
            return False
        self.out.write(name, data)
        self.ledger.media_saved += 1
        return True

    def _missing(self, item: DatasetItem) -> None:
        kind = item.media.kind if item.media is not None else "image"
        self._not_saved(item, f"{kind} not found", "check where the source keeps its media")

    def _not_saved(self, item: DatasetItem, what: str, hint: str) -> None:
        self.ledger.add_at("DSK-L016", what, item, hint=hint)
