"""Items that belong together: by an attribute, by their ids, by what their media show."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsk.errors import MediaError, OptionError, UsageError
from dsk.media import ArchiveMember, MultiframeImage, VideoFrame

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from dsk.item import DatasetItem
    from dsk.media import Media

__all__ = ["THRESHOLD", "Grouping", "parse_grouping"]

THRESHOLD = 4
"""Bits of 64 in which the hashes of near-duplicates may differ."""

_MEDIA = ("image", "near_duplicates")


@dataclass(frozen=True, slots=True)
class Grouping:
    """A way to form groups.

    Attributes:
        by: "attribute", "id", "image" or "near_duplicates".
        what: Name of the attribute, or the regular expression.
        threshold: Largest distance of near-duplicates.
        step: Name of the transform, for messages.
    """

    by: str
    what: str
    threshold: int
    step: str

    def numbers(self, items: Iterable[DatasetItem]) -> list[int]:
        """Return the group number of each item; an item that fits no group has one of its own.

        Raises:
            UsageError: No item fits any group: the attribute or the expression must be wrong.
        """
        if self.by == "near_duplicates":
            from dsk_transforms.sampling.similarity import near_duplicate_groups

            bare = (item.replace(annotations=()) for item in items)
            return list(near_duplicate_groups(bare, threshold=self.threshold))
        if self.by == "image":
            return _same_media(items)
        keys = self._by_attribute(items) if self.by == "attribute" else self._by_id(items)
        numbers: dict[Hashable, int] = {}
        found = [numbers.setdefault(key, len(numbers)) for key in keys]
        if found and not any(key[0] for key in numbers):  # type: ignore[index] # pairs, see below
            what = "has the attribute" if self.by == "attribute" else "has an id with a match of"
            raise UsageError(
                f"{self.step}: no item {what} {self.what!r}",
                hint="group_by is attribute:NAME, id:REGEX, image or near_duplicates",
            )
        return found

    def _by_attribute(self, items: Iterable[DatasetItem]) -> Iterator[tuple[bool, Hashable]]:
        for n, item in enumerate(items):
            value = item.attributes.get(self.what)
            if value is None:
                yield False, n
            else:
                yield True, repr(value) if isinstance(value, list | dict) else value

    def _by_id(self, items: Iterable[DatasetItem]) -> Iterator[tuple[bool, Hashable]]:
        search = re.compile(self.what).search
        for n, item in enumerate(items):
            match = search(item.id)
            if match is None:
                yield False, n
            else:
                yield True, match.groups() or match.group()


def parse_grouping(step: str, text: str, threshold: int) -> Grouping | None:
    """Read an option ``group_by``; "" stands for none.

    A plain word is an attribute's name, all else a regular expression on the ids: what its groups
    match, or all that it matches, is the group. ``attribute:…`` and ``id:…`` say it clearly.

    Raises:
        OptionError: It makes no sense.
    """
    if threshold < 0 or threshold > 64:
        raise OptionError(f"{step}: threshold is from 0 to 64 bits, not {threshold}")
    if not text:
        return None
    by, colon, what = text.partition(":")
    if text in _MEDIA:
        return Grouping(text, "", threshold, step)
    if not colon or by not in ("attribute", "id"):
        by, what = ("attribute" if text.isidentifier() else "id"), text
    try:
        if by == "id":
            re.compile(what)
    except re.error as error:
        raise OptionError(f"{step}: {what!r} is no regular expression: {error}") from error
    if not what:
        raise OptionError(f"{step}: group_by {text!r} names nothing")
    return Grouping(by, what, threshold, step)


def _same_media(items: Iterable[DatasetItem]) -> list[int]:
    """Put items together whose media are equal byte by byte.

    Files are read only if another one has the same size.
    """
    media = [item.media for item in items]
    rough: dict[Any, list[int]] = {}
    for n, one in enumerate(media):
        rough.setdefault(_rough_key(one, n), []).append(n)
    found = list(range(len(media)))
    for key, members in rough.items():
        if len(members) < 2 or key[0] == "alone":
            continue
        first: dict[bytes, int] = {}
        for n in members:
            digest = _digest(media[n])
            if digest is not None:
                found[n] = first.setdefault(digest, n)
    return found


def _rough_key(media: Media | None, number: int) -> tuple[Any, ...]:
    """Return what equal media have in common and is had for nothing."""
    if media is None:
        return ("alone", number)
    source = media.source
    if isinstance(source, str):
        try:
            return (media.kind, os.stat(source).st_size)  # noqa: PTH116 - hot
        except OSError:
            return ("alone", number)
    if isinstance(source, bytes):
        return (media.kind, len(source))
    if isinstance(media, MultiframeImage):
        return (media.kind, len(media.frames))
    if source is None and not (isinstance(media, VideoFrame) and media.video is not None):
        return ("alone", number)
    return (media.kind, "other")


def _digest(media: Media | None) -> bytes | None:
    """Return a digest of what a medium shows; None if that cannot be had."""
    if media is None:
        return None
    if isinstance(media, MultiframeImage):
        parts = [_digest(frame) for frame in media.frames]
        return None if not parts or None in parts else b"".join(p for p in parts if p)
    if media.source is None and isinstance(media, VideoFrame):
        return repr((media.video, media.index)).encode("utf-8", "surrogatepass")
    try:
        if isinstance(media.source, str | bytes | ArchiveMember):
            return hashlib.blake2b(media.read_bytes()).digest()
        return _digest_of_values(media)
    except MediaError:
        return None


def _digest_of_values(media: Media) -> bytes:
    import numpy as np

    values = np.asarray(media.source() if callable(media.source) else media.source)
    head = repr((values.shape, values.dtype.str)).encode()
    return hashlib.blake2b(head + np.ascontiguousarray(values).tobytes()).digest()
