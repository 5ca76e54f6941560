"""The pixels of all images: colours and repeated images."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image as PilImage

from dsk.errors import MediaError, RecordError
from dsk.media import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.media import Media

__all__ = ["NOTHING", "Look", "Pixels", "colours", "look", "looks"]

AHEAD = 4
"""Images that wait for each thread: one that takes long does not let the others stand idle."""

MOST_THREADS = 64
"""More threads wait for one another, and each may hold a decoded image."""

DIGEST = 16
"""Bytes kept of each image's content."""

LEVELS = np.arange(256, dtype=np.float64)


class Look(NamedTuple):
    """What one image shows.

    Attributes:
        size: (height, width), or None if there is no image to look at.
        digest: Equal for images with equal pixels.
        colours: See ``colours``; None if there are none.
        left_out: Why it is not counted, or its colours are not; "" if they are.
        error: What is wrong with it, if it cannot be read.
    """

    size: tuple[int, int] | None = None
    digest: bytes = b""
    colours: NDArray[np.int64] | None = None
    left_out: str = ""
    error: MediaError | None = None


NOTHING = Look()


def look(media: Media | None) -> Look:
    """Decode an image and look at its pixels."""
    if not isinstance(media, Image):
        return NOTHING
    if not media.exists:
        return Look(left_out="missing")
    try:
        pixels = np.ascontiguousarray(media.data)
    except MediaError as error:
        return Look(left_out="unreadable", error=error)
    if pixels.ndim not in (2, 3) or not pixels.size or pixels.dtype.hasobject:
        return Look(left_out="empty or no picture")
    digest = hashlib.sha1(pixels.data, usedforsecurity=False)  # the fastest of the good ones
    digest.update(f"{pixels.shape}{pixels.dtype.str}".encode())
    size = int(pixels.shape[0]), int(pixels.shape[1])
    found = colours(pixels)
    why = f"of {pixels.dtype}, which has no colours" if found is None else ""
    return Look(size, digest.digest()[:DIGEST], found, why)


def looks(items: Iterable[DatasetItem], jobs: int) -> Iterator[tuple[DatasetItem, Look]]:
    """Look at the images of items, some at a time; yield both in order.

    Args:
        items: The items.
        jobs: How many images are decoded at a time. Only those that are files of their own or in
            memory are: what reads archives and videos is not made for several readers.
    """
    if jobs == 1:
        yield from ((item, look(item.media)) for item in items)
        return
    waiting: deque[tuple[DatasetItem, Future[Look] | None]] = deque()
    jobs = min(jobs, MOST_THREADS)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for item in items:
                media = item.media
                alone = isinstance(media, Image) and isinstance(media.source, str | bytes)
                waiting.append((item, pool.submit(look, media) if alone else None))
                if len(waiting) > jobs * AHEAD:
                    yield _looked(*waiting.popleft())
            while waiting:
                yield _looked(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _looked(item: DatasetItem, seen: Future[Look] | None) -> tuple[DatasetItem, Look]:
    return item, look(item.media) if seen is None else seen.result()


class Pixels:
    """Histograms and digests of the images of one subset.

    The histograms of red, green and blue hold all that mean and deviation need, exactly, however
    many images there are.
    """

    def __init__(self) -> None:
        self.counts = np.zeros((3, 256), np.int64)
        self.left_out: Counter[str] = Counter()
        self._digests = bytearray()
        self._names: list[tuple[str, str]] = []

    def add(self, item: DatasetItem, seen: Look, ledger: Ledger) -> None:
        """Count what an item's image shows.

        Raises:
            RecordError: It cannot be read, and bad records are not skipped.
        """
        if seen.left_out:
            self.left_out[seen.left_out] += 1
        if seen.error is not None:
            where = seen.error.where or (item.media.path if item.media is not None else "")
            ledger.bad_record(RecordError(seen.error.message, where=where, item=item.id))
        if seen.digest:
            self._digests += seen.digest
            self._names.append((item.id, item.subset))
        if seen.colours is not None:
            self.counts += seen.colours

    def join(self, other: Pixels) -> None:
        """Add another subset."""
        self.counts += other.counts
        self.left_out.update(other.left_out)
        self._digests += other._digests
        self._names += other._names

    def mean_std(self) -> tuple[list[float] | None, list[float] | None]:
        """Return mean and unbiased standard deviation of red, green, blue, 0–255; None of none.

        Every pixel of every image weighs the same.
        """
        total = int(self.counts[0].sum())
        if not total:
            return None, None
        means = self.counts @ LEVELS / total
        squares = (self.counts * (LEVELS - means[:, None]) ** 2).sum(axis=1)
        return means.tolist(), np.sqrt(squares / max(total - 1, 1)).tolist()

    def repeated(self) -> tuple[int, list[list[list[str]]]]:
        """Return how many images differ, and the groups of equal ones as [id, subset]."""
        if not self._names:
            return 0, []
        digests = np.frombuffer(bytes(self._digests), np.uint64).reshape(len(self._names), -1)
        order = np.lexsort(digests.T)
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (digests[order[1:]] != digests[order[:-1]]).any(axis=1)
        starts = np.flatnonzero(fresh)
        groups = [part for part in np.split(order, starts[1:]) if len(part) > 1]
        groups.sort(key=lambda part: int(part.min()))
        return len(starts), [self._named(sorted(part.tolist())) for part in groups]

    def _named(self, numbers: Sequence[int]) -> list[list[str]]:
        return [list(self._names[n]) for n in numbers]


def colours(pixels: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return how often each level occurs in red, green and blue.

    Grey counts as all three, transparency is left out, 16 bits are brought to 8.

    Args:
        pixels: (height, width) or (height, width, channels), C-contiguous, not empty.

    Returns:
        (3, 256) counts, or None for numbers that have no range of their own.
    """
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    elif pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    elif pixels.dtype != np.uint8:
        return None
    if pixels.ndim == 3 and pixels.shape[2] not in (3, 4):
        pixels = pixels[:, :, :3] if pixels.shape[2] > 4 else pixels[:, :, 0]
    found = PilImage.fromarray(np.ascontiguousarray(pixels)).histogram()
    levels = np.array(found, np.int64).reshape(-1, 256)
    return levels[:3] if len(levels) >= 3 else np.repeat(levels[:1], 3, axis=0)
