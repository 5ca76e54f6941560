"""Which images and which shapes of tracks make which item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from dsk.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from dsk_cvat.scan import Scan

__all__ = ["Index", "index_items", "skips_frames"]

_LOOKS = 1000  # gaps that are looked at
_GONE = b'outside="1"'
MAX_FILLED = 50_000_000
"""How many shapes interpolation may add to a dataset."""


class Index(Struct):
    """The items of one file.

    Attributes:
        subset: Number of each item's subset.
        scope: Number of each item's scope.
        frame: Each item's frame.
        images: For each item, where its images begin in ``image_order``; one more at the end.
        image_order: Numbers of images by item.
        shapes: For each item, its first and its last but one shape in ``shape_order``.
        shape_order: Numbers of shapes by scope, frame and track.
        next_shape: The keyframe to interpolate to, or -1, in the order of ``shape_order``.
        shape_frame: The frames of ``shape_order``.
        renamed: Items whose image has the name of another one but for the ending.
        replaced: How many shapes are left out, as their track has a later one in their frame.
    """

    subset: NDArray[np.int64]
    scope: NDArray[np.int64]
    frame: NDArray[np.int64]
    images: NDArray[np.int64]
    image_order: NDArray[np.int64]
    shapes: NDArray[np.int64]
    shape_order: NDArray[np.int64]
    next_shape: NDArray[np.int64]
    shape_frame: NDArray[np.int64]
    renamed: frozenset[int]
    replaced: int

    def listed_again(self) -> int:
        """Return how many images have the subset and the name of an earlier one."""
        return len(self.image_order) - int(np.count_nonzero(np.diff(self.images)))


def _array(values: object) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def index_items(
    scan: Scan, subsets: NDArray[np.int64], step_of: Callable[[int], tuple[int, int | None]] | None
) -> Index:
    """Group images and shapes into items: images first, then frames that have no image.

    Args:
        scan: The file.
        subsets: Number of the subset by number of the scope.
        step_of: For interpolation: distance of frames and last frame by number of the scope.

    Raises:
        LimitError: Interpolation makes too many shapes.
    """
    image_scope, image_frame = _array(scan.image_scope), _array(scan.image_frame)
    firsts, owner = _join_same(_array(scan.image_key))
    order = np.argsort(owner, kind="stable")
    numbers = _last_ones(_array(scan.shape_track), _array(scan.shape_frame))
    frames, next_shape, shape_order = _shapes(scan, numbers, step_of)
    tops = _array([t.top for t in scan.tracks] or [0])
    scopes = _array([t.scope for t in scan.tracks] or [0])
    track = _array(scan.shape_track)[shape_order]
    shape_scope = scopes[track]
    sort = np.lexsort((track, tops[track], frames, shape_scope))  # skeletons before their points
    frames, next_shape, shape_order = frames[sort], next_shape[sort], shape_order[sort]
    shape_scope = shape_scope[sort]
    # Frames of tracks are one run each, by scope and frame.
    new = np.flatnonzero(
        (np.diff(frames, prepend=-1) != 0) | (np.diff(shape_scope, prepend=-1) != 0)
    )
    stops = np.append(new[1:], len(frames)) if len(new) else new
    own_scope, own_frame = image_scope[firsts], image_frame[firsts]
    runs = np.column_stack([shape_scope[new], frames[new], new, stops])
    spans, alone = _with_images(np.column_stack([own_scope, own_frame]), runs)
    kept = np.flatnonzero(alone)
    scope = np.concatenate([own_scope, shape_scope[new][kept]])
    starts = np.searchsorted(owner[order], np.arange(len(firsts) + 1))
    return Index(
        subset=subsets[scope] if len(scope) else scope,
        scope=scope,
        frame=np.concatenate([own_frame, frames[new][kept]]),
        images=np.concatenate([starts, np.full(len(kept), len(order), np.int64)]),
        image_order=order,
        shapes=np.concatenate([spans, np.column_stack([new, stops])[kept]]),
        shape_order=shape_order,
        next_shape=next_shape,
        shape_frame=frames,
        renamed=_repeated(_array(scan.image_stem)[firsts], _array(scan.image_key)[firsts]),
        replaced=len(scan.shape_frame) - len(numbers),
    )


def _with_images(
    images: NDArray[np.int64], runs: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the first and last but one shape of each image, and which runs have no image.

    Args:
        images: (n, 2) scope and frame of images.
        runs: (m, 4) scope, frame, first shape and last but one of frames of tracks.
    """
    spans = np.zeros((len(images), 2), np.int64)
    alone = np.ones(len(runs), bool)
    if len(runs) and len(images):
        known = {(s, f): n for n, (s, f) in enumerate(images.tolist())}
        for n, (scope, frame, start, stop) in enumerate(runs.tolist()):
            item = known.get((scope, frame))
            if item is not None:
                spans[item] = (start, stop)
                alone[n] = False
    return spans, alone


def _repeated(stems: NDArray[np.int64], names: NDArray[np.int64]) -> frozenset[int]:
    """Return the images whose stem another one has: an earlier one, or one without an ending."""
    order = np.lexsort((stems != names, stems))
    return frozenset(order[1:][np.diff(stems[order]) == 0].tolist())


def _join_same(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first image of each item, and each image's item: equal keys are one item."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    by_place = np.argsort(first, kind="stable")
    rank[by_place] = np.arange(len(first))
    return first[by_place].astype(np.int64), rank[inverse.reshape(-1)]


def _shapes(
    scan: Scan,
    numbers: NDArray[np.int64],
    step_of: Callable[[int], tuple[int, int | None]] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return frame, shape to interpolate to, and number of all shapes, filled ones included."""
    frames = _array(scan.shape_frame)
    plain = np.full(len(numbers), -1, np.int64)
    if step_of is None or not len(numbers):
        return frames[numbers], plain, numbers
    more: list[NDArray[np.int64]] = []
    total = 0
    for a, b, step, count in _gaps(scan, frames, numbers, step_of):
        if _is_outside(scan, a):
            continue
        total += count
        if total > MAX_FILLED:
            raise LimitError(
                f"interpolation would make more than {MAX_FILLED} shapes", where=scan.where
            )
        filled = int(frames[a]) + step * np.arange(1, count + 1, dtype=np.int64)
        target = b if b >= 0 and not _is_outside(scan, b) else a
        more.append(
            np.column_stack([filled, np.full_like(filled, target), np.full_like(filled, a)])
        )
    if not more:
        return frames[numbers], plain, numbers
    extra = np.concatenate(more)
    return (
        np.concatenate([frames[numbers], extra[:, 0]]),
        np.concatenate([plain, extra[:, 1]]),
        np.concatenate([numbers, extra[:, 2]]),
    )


def _last_ones(track: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of shapes, of several in one frame of a track that of the last one."""
    step, forth = np.diff(track), np.diff(frames)
    if np.all((step > 0) | ((step == 0) & (forth > 0))):
        return np.arange(len(frames), dtype=np.int64)
    order = np.lexsort((frames, track))  # stable: the last one in the file stays the last one
    again = (np.diff(track[order]) == 0) & (np.diff(frames[order]) == 0)
    return np.sort(order[np.append(~again, True)])


def _gaps(
    scan: Scan,
    frames: NDArray[np.int64],
    numbers: NDArray[np.int64],
    step_of: Callable[[int], tuple[int, int | None]],
) -> Iterator[tuple[int, int, int, int]]:
    """Yield shapes that frames without one follow.

    Args:
        scan: The file.
        frames: Frames of all shapes.
        numbers: The shapes to look at.
        step_of: As for ``index_items``.

    Yields:
        The shape, the next one of its track or -1, the distance of frames and their count.
    """
    steps = [step_of(scope) for scope in range(len(scan.scopes))]
    scope = _array([t.scope for t in scan.tracks])
    step = _array([step for step, _ in steps])[scope]
    end = _array([0 if last is None else last + 1 for _, last in steps])[scope]
    tagged = np.array(["frame" in t.given for t in scan.tracks])
    track = _array(scan.shape_track)
    order = numbers[np.lexsort((frames[numbers], track[numbers]))]
    own = track[order]
    follows = np.append(own[1:] == own[:-1], [False])
    after = np.where(follows, np.append(order[1:], [-1]), -1)
    stop = np.where(follows, frames[after], end[own])
    counts = np.maximum(0, (stop - 1 - frames[order]) // step[own])
    counts[tagged[own]] = 0
    for n in np.flatnonzero(counts).tolist():
        yield int(order[n]), int(after[n]), int(step[own[n]]), int(counts[n])


def skips_frames(scan: Scan, step_of: Callable[[int], tuple[int, int | None]]) -> bool:
    """Tell whether tracks go on after frames that they do not list, as where only keyframes are.

    Args:
        scan: The file.
        step_of: As for ``index_items``.
    """
    frames, track = _array(scan.shape_frame), _array(scan.shape_track)
    if len(frames) < 2:
        return False
    steps = _array([step_of(scope)[0] for scope in range(len(scan.scopes))])
    step = steps[_array([t.scope for t in scan.tracks])][track]
    far = (np.diff(track) == 0) & (np.diff(frames) > step[1:])
    return any(not _is_outside(scan, n) for n in np.flatnonzero(far)[:_LOOKS].tolist())


def _is_outside(scan: Scan, shape: int) -> bool:
    text = bytes(scan.data[scan.shape_start[shape] : scan.shape_end[shape]])
    parts = [text]
    if text.startswith(b"<skeleton"):
        parts = text.split(b"<points")[1:] or parts  # CVAT says it of the points alone
    return all(_GONE in part[:2000].split(b">", 1)[0] for part in parts)
