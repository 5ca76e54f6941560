"""Ids of a whole file: kept where they are set and unique, else assigned above the greatest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Raw

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLACE", "assign_ids", "filled", "renumber"]

_UNSET = (
    (b'{"id":-1,', b'{"id":%d,'),
    (b'{"id":0,"image_id":-1,', b'{"id":%d,"image_id":%d,'),
)
"""What images and annotations without ids begin with, and what puts theirs in."""

PLACE = Raw(b"%d")
"""Stands for an id in text of which ``filled`` makes records: it has no other percent signs."""

_decode = msgspec.json.Decoder(list[Raw]).decode


def assign_ids(given: NDArray[np.int64], unset: int, *, anew: bool = False) -> NDArray[np.int64]:
    """Return an id for each record.

    Args:
        given: The ids there are.
        unset: The value that stands for no id.
        anew: Number all from 1.

    Returns:
        Unique ids: the given ones, but for those that are not set or were there before, which get
        the numbers after the greatest one, in order.
    """
    count = len(given)
    if anew or (given == unset).all():
        return np.arange(1, count + 1, dtype=np.int64)
    _, first = np.unique(given, return_index=True)
    kept = np.zeros(count, bool)
    kept[first] = True
    kept &= given != unset
    if kept.all():
        return given
    greatest = max(int(given[kept].max()), 0) if kept.any() else 0
    ids = given.copy()
    missing = count - int(np.count_nonzero(kept))
    ids[~kept] = np.arange(greatest + 1, greatest + 1 + missing)
    return ids


def renumber(
    text: bytes,
    ids: NDArray[np.int64],
    images: NDArray[np.int64] | None = None,
    *,
    unset: bool = False,
) -> bytes:
    """Return joined records with other ids.

    Args:
        text: The records, separated by commas; each begins with ``"id"`` and, if ``images`` is
            given, ``"image_id"``. Records of panoptic files begin with ``"image_id"`` alone.
        ids: The id of each record.
        images: The image id of each record.
        unset: No record has any yet; it takes a third of the time.
    """
    if unset:
        anew = _all_anew(text, ids, images)
        if anew is not None:
            return anew
    parts: list[bytes] = []
    records = _decode(b"".join((b"[", text, b"]")))
    if images is None:
        for raw, number in zip(records, ids.tolist(), strict=True):
            record = bytes(raw)
            name = record[: record.index(b":") + 1]
            parts.append(b"%b%d%b" % (name, number, record[record.index(b",") :]))
    else:
        for raw, number, image in zip(records, ids.tolist(), images.tolist(), strict=True):
            record = bytes(raw)
            cut = record.index(b",", record.index(b",") + 1)
            parts.append(b'{"id":%d,"image_id":%d%b' % (number, image, record[cut:]))
    return b",".join(parts)


def filled(text: bytes, ids: NDArray[np.int64], images: NDArray[np.int64] | None) -> bytes:
    """Put ids, and image ids, into the places that were left for them; see ``PLACE``."""
    numbers = ids if images is None else np.column_stack([ids, images])
    return text % tuple(numbers.reshape(-1).tolist())


def _all_anew(
    text: bytes, ids: NDArray[np.int64], images: NDArray[np.int64] | None
) -> bytes | None:
    """Put ids into records that all come without; None when other things look like theirs."""
    begins, template = _UNSET[images is not None]
    if text.count(begins) != len(ids):
        return None
    if b"%" in text:
        text = text.replace(b"%", b"%%")
    return filled(text.replace(begins, template), ids, images)
