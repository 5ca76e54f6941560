"""What the transforms of pixels have in common: they need images, and the sizes of these."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.annotations import Mask
from dsk.errors import DskError, OptionError, RecordError
from dsk.flow import Transform
from dsk.media import Image
from dsk_transforms.pixels.following import PLANAR
from dsk_transforms.pixels.pictures import changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.pixels.pictures import Operation, Size

__all__ = ["PixelTransform", "account", "size_of", "whole_number", "with_pixels"]


class PixelTransform(Transform):
    """A transform of images whose annotations go with the pixels.

    Items with other media pass as they are, and a warning says so.
    """

    heavy = True

    def apply(self, item: DatasetItem, ledger: Ledger) -> Any:
        """Change an item whose image size is known; others go as bad records."""
        media = item.media
        if media is not None and not isinstance(media, Image):
            ledger.warn(
                f"{type(self).__name__} changes images only: items with a "
                f"{media.kind.replace('_', ' ')} stay as they are"
            )
            return item
        try:
            size = size_of(item)
        except DskError as error:
            ledger.bad_record(
                RecordError(error.message, where=error.where, hint=error.hint, item=item.id)
            )
            return None
        if size is None:
            return self._without_size(item, ledger)
        return self.change(item, size, ledger)

    def _without_size(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | None:
        shown = item.media is not None and item.media.exists
        if not shown and all(type(a) not in PLANAR for a in item.annotations):
            return item
        ledger.bad_record(
            RecordError(
                "the size of the image is not known, so annotations cannot follow its pixels",
                where=item.media.path if item.media is not None else "",
                item=item.id,
                hint="keep the images beside the annotations when importing",
            )
        )
        return None

    @abstractmethod
    def change(
        self, item: DatasetItem, size: Size, ledger: Ledger
    ) -> DatasetItem | Iterable[DatasetItem] | None:
        """Return what ``apply`` returns for an item with an image (or none) of a known size."""


def size_of(item: DatasetItem) -> Size | None:
    """Return (height, width) of an item's image from what is stated, its header, or a mask.

    Raises:
        MediaError: The image is damaged.
    """
    media = item.media
    size = media.get_size() if isinstance(media, Image) else None
    if size is None:
        for a in item.annotations:
            if isinstance(a, Mask):
                try:
                    return a.rle.size
                except (TypeError, ValueError) as error:
                    raise RecordError(f"malformed mask: {error}", annotation=a.id) from error
    return size


def with_pixels(
    item: DatasetItem,
    work: Operation,
    size: Size,
    annotations: Sequence[Annotation],
    ledger: Ledger,
) -> DatasetItem:
    """Return an item with a changed image, if it has one, and other annotations."""
    media = item.media
    if isinstance(media, Image):
        media = changed(item, media, work, size, ledger)
    return replace(item, media=media, annotations=annotations)


def account(item: DatasetItem, copies: Sequence[int], ledger: Ledger, why: str) -> None:
    """Report how many annotations each of an item's became.

    Args:
        item: The item.
        copies: For each of its annotations the number of those that there are of it now.
        ledger: Gets what went (DSK-L019) and what is more than before (DSK-L013).
        why: What left some of them out, in few words.
    """
    for a, count in zip(item.annotations, copies, strict=True):
        if count == 0:
            ledger.add_at("DSK-L019", why, item, a)
    more = sum(count - 1 for count in copies if count > 1)
    if more:
        what = "annotations in several parts of an image"
        ledger.add_at("DSK-L013", what, item, count=more)


def whole_number(name: str, value: float | str, least: int = 0) -> int:
    """Return an option's value as a whole number.

    Raises:
        OptionError: It is none, or less than ``least``.
    """
    try:
        number = int(value)
        fits = float(value) == number and number >= least
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise OptionError(f"{name} is a whole number from {least} up, not {value!r}")
    return number
