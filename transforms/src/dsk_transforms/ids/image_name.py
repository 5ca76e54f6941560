"""Ids by the names of the media."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dsk.errors import OptionError, UsageError
from dsk.flow import Transform
from dsk.media import VideoFrame
from dsk.names import stem_of
from dsk_transforms.ids.naming import CHANGED, Names, checked_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["IdFromImageName"]

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TRIES = 1000
_STEP = "id_from_image_name"


class IdFromImageName(Transform):
    """Gives items the names of their media files, without folder and ending.

    Args:
        ensure_unique: Where several items of a subset get one name, the second and later ones get
            a suffix; it depends on the item's old id only.
        suffix_length: Letters and digits of such suffixes.
    """

    needs_plan = True
    plan_on = "ids"

    def __init__(self, *, ensure_unique: bool = False, suffix_length: int = 3) -> None:
        if suffix_length < 1:
            raise OptionError(f"{_STEP}: suffix_length is at least 1, not {suffix_length}")
        self._ensure_unique = ensure_unique
        self._length = suffix_length
        self._suffixed: dict[tuple[str, str], str] = {}

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Find the names that occur twice.

        Raises:
            UsageError: There are some and ``ensure_unique`` is not set, or suffixes run out.
        """
        self._suffixed = {}
        names = Names(_STEP, "ensure_unique=true adds a suffix")
        for item in items:
            plain = _name(item)
            new = item.id if plain is None else checked_id(plain, item, _STEP)
            if self._ensure_unique and names.has(new, item.subset):
                new = self._suffixed[item.id, item.subset] = self._free(new, item, names)
            names.add(new, item.subset, item)

    def _free(self, name: str, item: DatasetItem, names: Names) -> str:
        for attempt in range(_TRIES):
            text = f"{item.subset}\0{item.id}\0{attempt}".encode()
            number = int.from_bytes(hashlib.blake2b(text).digest(), "big")
            suffix = ""
            for _ in range(self._length):
                number, digit = divmod(number, len(_LETTERS))
                suffix += _LETTERS[digit]
            new = f"{name}__{suffix}"
            if not names.has(new, item.subset):
                return new
        raise UsageError(
            f"{_STEP}: too many items of subset {item.subset!r} are named {name!r}",
            hint="a larger suffix_length helps",
        )

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item under the name of its medium; without one it keeps its id."""
        new = _name(item)
        if new is None:
            ledger.warn(f"{_STEP}: items whose media have no name keep their ids")
            new = item.id
        if self._suffixed:
            new = self._suffixed.get((item.id, item.subset), new)
        if new == item.id:
            return item
        ledger.add_at(CHANGED, f"ids changed by {_STEP}", item)
        return item.replace(id=new)


def _name(item: DatasetItem) -> str | None:
    media = item.media
    if media is None or not media.path:
        return None
    base = media.path.rpartition("/")[2]
    # The one ending in use that has two parts; stem_of would leave .nii.
    stem = base[:-7] if base[-7:].lower() == ".nii.gz" and len(base) > 7 else stem_of(base)
    return f"{stem}_frame-{media.index}" if isinstance(media, VideoFrame) else stem
