"""Masks as run lengths: coding, rasterising, painting and set operations, all in numpy.

Run lengths ("counts") follow COCO: pixels are taken column by column, the first run counts zeros
and may be 0, and the runs of a mask of (height, width) add up to height × width. Compressed counts
are COCO's strings. Polygons are rasterised exactly as pycocotools does it (``rleFrPoly``).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

__all__ = [
    "area",
    "bbox",
    "check_counts",
    "decode_counts",
    "encode_counts",
    "encode_counts_many",
    "from_dense",
    "from_polygons",
    "from_polygons_with_holes",
    "intersection_area",
    "iou",
    "paint_many",
    "runs_by_value",
    "subtract",
    "to_dense",
    "union",
]

MAX_REACH = 100_000
"""How many pixels an outline may reach out of its image before it is taken for nonsense."""

_SHORT = 24  # below this many runs a plain loop beats numpy's fixed costs


def decode_counts(compressed: bytes | str) -> Counts:
    """Decode COCO's compressed string.

    Raises:
        ValueError: It holds characters out of range or ends inside a number.
    """
    data = compressed.encode("latin-1", "replace") if isinstance(compressed, str) else compressed
    codes = np.frombuffer(data, np.uint8).astype(np.int64) - 48
    if not len(codes):
        return np.zeros(0, np.int64)
    if codes.min() < 0 or codes.max() > 63 or codes[-1] & 0x20:
        msg = "the compressed run lengths are damaged"
        raise ValueError(msg)
    last = np.flatnonzero((codes & 0x20) == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    place = np.arange(len(codes)) - np.repeat(first, last - first + 1)
    if place.max() > 12:
        msg = "the compressed run lengths are damaged"
        raise ValueError(msg)
    values = np.add.reduceat((codes & 0x1F) << (5 * place), first)
    negative = (codes[last] & 0x10) != 0
    values -= negative * (np.int64(1) << (5 * (last - first + 1)))
    counts = values
    counts[1::2] = np.cumsum(values[1::2])
    counts[2::2] = np.cumsum(values[2::2])
    return counts


def encode_counts(counts: NDArray[Any] | Sequence[int]) -> bytes:
    """Encode run lengths as COCO's compressed string."""
    if len(counts) <= _SHORT:
        return _encode_short([int(c) for c in counts])
    return encode_counts_many([np.asarray(counts, np.int64)])[0]


def _encode_short(counts: list[int]) -> bytes:
    out = bytearray()
    for number, count in enumerate(counts):
        value = count - counts[number - 2] if number > 2 else count
        while True:
            code = value & 0x1F
            value >>= 5
            if value == (-1 if code & 0x10 else 0):
                out.append(code + 48)
                break
            out.append((code | 0x20) + 48)
    return bytes(out)


def encode_counts_many(masks: Sequence[NDArray[Any]]) -> list[bytes]:
    """Encode the run lengths of many masks in one pass."""
    if not masks:
        return []
    sizes = np.array([len(counts) for counts in masks])
    counts = np.concatenate(masks).astype(np.int64, copy=False)
    values = counts.copy()
    if len(counts) > 2:
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        inside = np.arange(len(counts)) - np.repeat(first, sizes)
        values[2:] -= np.where(inside[2:] > 2, counts[:-2], 0)
    magnitude = np.where(values < 0, ~values, values)
    digits = np.ones(len(values), np.int64)
    limit, longest = 16, 1
    while len(magnitude) and magnitude.max() >= limit:
        digits += magnitude >= limit
        limit <<= 5
        longest += 1
    ends = np.cumsum(digits)
    begins = ends - digits
    out = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    for digit in range(longest):
        rows = np.flatnonzero(digits > digit) if digit else slice(None)
        code = (values[rows] >> (5 * digit)) & 0x1F
        out[begins[rows] + digit] = code + 48 + 32 * (digits[rows] > digit + 1)
    data = out.tobytes()
    stops = np.concatenate([[0], ends])[np.cumsum(sizes)].tolist()
    return [data[a:b] for a, b in zip([0, *stops[:-1]], stops, strict=True)]


def check_counts(counts: NDArray[Any], height: int, width: int) -> None:
    """Make sure that run lengths fill a mask of this size.

    Raises:
        ValueError: One is negative, or they do not add up to height × width.
    """
    if len(counts) and int(counts.min()) < 0:
        msg = "a run length is negative"
        raise ValueError(msg)
    total = int(counts.sum())
    if total != height * width:
        msg = f"the run lengths add up to {total}, not to {height} x {width}"
        raise ValueError(msg)


def area(counts: NDArray[Any]) -> int:
    """Return the number of pixels of a mask."""
    return int(counts[1::2].sum())


def bbox(counts: NDArray[Any], height: int) -> tuple[int, int, int, int]:
    """Return the box (x, y, w, h) of a mask, as pycocotools: 0, 0, 0, 0 when it is empty."""
    ends = np.cumsum(counts)
    stops = ends[1::2]
    starts = stops - counts[1::2]
    kept = stops > starts
    if not kept.any():
        return 0, 0, 0, 0
    starts, stops = starts[kept], stops[kept] - 1
    left, right = int(starts[0]) // height, int(stops[-1]) // height
    first, last = starts // height, stops // height
    if (first != last).any():
        return left, 0, right - left + 1, height
    top, bottom = int((starts % height).min()), int((stops % height).max())
    return left, top, right - left + 1, bottom - top + 1


def from_dense(mask: NDArray[Any]) -> Counts:
    """Return the run lengths of a (height, width) array; non-zero pixels belong to the mask."""
    flat = np.ascontiguousarray(mask.T != 0).ravel()
    if not len(flat):
        return np.zeros(0, np.int64)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate([[0], edges, [len(flat)]])
    counts = np.diff(bounds)
    return np.concatenate([[0], counts]) if flat[0] else counts


def to_dense(counts: NDArray[Any], height: int, width: int) -> NDArray[np.bool_]:
    """Return a mask as a boolean (height, width) array."""
    values = np.zeros(len(counts), np.bool_)
    values[1::2] = True
    return np.repeat(values, counts).reshape(width, height).T


def runs_by_value(label_map: NDArray[Any], ignore: Collection[int] = ()) -> dict[int, Counts]:
    """Return the mask of every value of a label map, in one pass over its pixels.

    Args:
        label_map: (height, width) integers.
        ignore: Values to leave out.

    Returns:
        Run lengths by value, values ascending.
    """
    flat = np.ascontiguousarray(label_map.T).ravel()
    total = len(flat)
    if not total:
        return {}
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(np.concatenate([starts, [total]]))
    values = flat[starts]
    order = np.argsort(values, kind="stable")
    starts, lengths, values = starts[order], lengths[order], values[order]
    firsts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    before = np.concatenate([[0], (starts + lengths)[:-1]])
    before[firsts] = 0
    pairs = np.empty(2 * len(starts), np.int64)
    pairs[0::2] = starts - before
    pairs[1::2] = lengths
    found = {}
    stops = [*firsts[1:].tolist(), len(starts)]
    for first, stop in zip(firsts.tolist(), stops, strict=True):
        value = int(values[first])
        if value in ignore:
            continue
        rest = total - int(starts[stop - 1] + lengths[stop - 1])
        runs = pairs[2 * first : 2 * stop]
        found[value] = np.append(runs, rest) if rest else runs
    return found


def _runs(counts: NDArray[Any]) -> tuple[Counts, Counts]:
    """Return where a mask's pixels start and stop in column order."""
    ends = np.cumsum(counts)
    stops = ends[1::2]
    return stops - counts[1::2], stops


def paint_many(
    label_map: NDArray[Any], masks: Sequence[NDArray[Any]], values: Sequence[int]
) -> None:
    """Write masks into a label map, later ones over earlier ones.

    Args:
        label_map: (height, width) integers, changed in place.
        masks: Run lengths, each of the map's size.
        values: The value of each mask.
    """
    if not masks:
        return
    spans = [_runs(counts) for counts in masks]
    starts = np.concatenate([s for s, _ in spans])
    stops = np.concatenate([e for _, e in spans])
    number = np.repeat(np.asarray(values, label_map.dtype), [len(s) for s, _ in spans])
    order = np.argsort(starts, kind="stable")
    starts, stops, number = starts[order], stops[order], number[order]
    flat = np.ascontiguousarray(label_map.T).ravel()
    if (starts[1:] < stops[:-1]).any():
        for (begin, end), value in zip(spans, values, strict=True):
            flat[_pixels(begin, end)] = value
    else:
        flat[_pixels(starts, stops)] = np.repeat(number, stops - starts)
    label_map[...] = flat.reshape(label_map.shape[1], label_map.shape[0]).T


def _pixels(starts: Counts, stops: Counts) -> Counts:
    lengths = stops - starts
    total = int(lengths.sum())
    offset = starts - (np.cumsum(lengths) - lengths)
    return np.repeat(offset, lengths) + np.arange(total)


def _combine(masks: Sequence[NDArray[Any]], least: int) -> Counts:
    """Return the pixels that belong to at least ``least`` of the masks."""
    total = int(masks[0].sum())
    spans = [_runs(counts) for counts in masks]
    places = np.concatenate([part for span in spans for part in span])
    steps = np.concatenate(
        [np.full(len(p), 1 - 2 * k) for span in spans for k, p in enumerate(span)]
    )
    order = np.argsort(places, kind="stable")
    places, steps = places[order], steps[order]
    depth = np.cumsum(steps)
    final = np.append(places[1:] != places[:-1], True) if len(places) else np.zeros(0, bool)
    places, inside = places[final], depth[final] >= least
    changes = places[inside != np.concatenate([[False], inside[:-1]])] if len(places) else places
    return _close(changes, total)


def _close(changes: NDArray[Any], total: int) -> Counts:
    """Return run lengths from the places where the value changes."""
    if len(changes) and changes[-1] == total:
        changes = changes[:-1]
    return np.diff(np.concatenate([[0], changes, [total]]))


def union(masks: Sequence[NDArray[Any]]) -> Counts:
    """Return the pixels that belong to any of the masks (all of one size)."""
    return np.asarray(masks[0], np.int64) if len(masks) == 1 else _combine(masks, 1)


def subtract(counts: NDArray[Any], other: NDArray[Any]) -> Counts:
    """Return the pixels of the first mask that are not in the second."""
    inverse = other[1:] if len(other) and other[0] == 0 else np.concatenate([[0], other])
    return _combine([counts, inverse], 2)


def intersection_area(counts: NDArray[Any], other: NDArray[Any]) -> int:
    """Return the number of pixels that belong to both masks."""
    return area(_combine([counts, other], 2))


def iou(counts: NDArray[Any], other: NDArray[Any]) -> float:
    """Return intersection over union of two masks; 1 when both are empty."""
    common = intersection_area(counts, other)
    joined = area(counts) + area(other) - common
    return common / joined if joined else 1.0


_SCALE = 5  # pycocotools draws outlines five times enlarged


def _ring_changes(ring: Sequence[float], height: int, width: int) -> NDArray[np.int64]:
    """Return the places, in column order, where one ring's inside begins or ends."""
    points = np.asarray(ring, np.float64)
    if points.ndim != 1 or len(points) % 2 or not np.isfinite(points).all():
        msg = "an outline is a flat list of finite x, y pairs"
        raise ValueError(msg)
    if len(points) and (points.min() < -MAX_REACH or points.max() > max(height, width) + MAX_REACH):
        msg = f"an outline reaches more than {MAX_REACH} pixels out of its image"
        raise ValueError(msg)
    corners: NDArray[np.int64] = (_SCALE * points + 0.5).astype(np.int64)
    x0, y0 = corners[0::2], corners[1::2]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    dx, dy = np.abs(x1 - x0), np.abs(y1 - y0)
    wide = dx >= dy
    flip = np.where(wide, x0 > x1, y0 > y1)
    ax, ay = np.where(flip, x1, x0), np.where(flip, y1, y0)
    bx, by = np.where(flip, x0, x1), np.where(flip, y0, y1)
    steps = np.where(wide, dx, dy)
    rise = np.where(wide, by - ay, bx - ax) / np.maximum(steps, 1)
    edge = np.repeat(np.arange(len(steps)), steps + 1)
    first = np.cumsum(steps + 1) - (steps + 1)
    along = np.arange(len(edge)) - first[edge]
    along = np.where(flip[edge], steps[edge] - along, along)
    base = np.where(wide, ay, ax)[edge]
    # Truncation toward zero as in C; floats are exact here because steps are small.
    across = (base + rise[edge] * along + 0.5).astype(np.int64)
    main = np.where(wide, ax, ay)[edge] + along
    on_wide = wide[edge]
    u, v = np.where(on_wide, main, across), np.where(on_wide, across, main)
    change = np.flatnonzero(u[1:] != u[:-1])
    left = np.minimum(u[change + 1], u[change + 1] - 1 + (u[change + 1] < u[change]))
    top = np.minimum(v[change + 1], v[change])
    column, between = np.divmod(left - 2, _SCALE)
    kept = (between == 0) & (column >= 0) & (column < width)
    row = np.clip(-((2 - top[kept]) // _SCALE), 0, height)
    places: NDArray[np.int64] = column[kept] * height + row
    return places


def _parity(changes: NDArray[np.int64], total: int) -> Counts:
    """Return run lengths from places where the value flips; two flips at one place cancel."""
    changes = np.sort(changes)
    if len(changes):
        new = np.concatenate([[True], changes[1:] != changes[:-1]])
        first = np.flatnonzero(new)
        times = np.diff(np.append(first, len(changes)))
        changes = changes[first[times % 2 == 1]]
    return _close(changes, total)


def from_polygons(rings: Sequence[Sequence[float]], height: int, width: int) -> Counts:
    """Rasterise the union of rings, exactly as pycocotools.

    Args:
        rings: Flat rings ``[x1, y1, x2, y2, …]`` in pixels.
        height: Height of the mask.
        width: Width of the mask.

    Raises:
        ValueError: A ring is no flat list of finite pairs, or reaches absurdly far out.
    """
    total = height * width
    parts = [_parity(_ring_changes(r, height, width), total) for r in rings if len(r)]
    if not parts:
        return np.array([total], np.int64)
    return union(parts)


def from_polygons_with_holes(
    rings: Sequence[Sequence[float]], holes: Collection[int], height: int, width: int
) -> Counts:
    """Rasterise rings in their order: outlines add pixels, holes take them away.

    An island in a hole therefore stands behind the hole, as ``contours.to_rings`` gives them.

    Args:
        rings: Flat rings in pixels.
        holes: Indices of the rings that are holes.
        height: Height of the mask.
        width: Width of the mask.

    Raises:
        ValueError: As for ``from_polygons``.
    """
    if not holes:
        return from_polygons(rings, height, width)
    counts = np.array([height * width], np.int64)
    for is_hole, group in groupby(range(len(rings)), lambda n: n in holes):
        part = from_polygons([rings[n] for n in group], height, width)
        counts = subtract(counts, part) if is_hole else union([counts, part])
    return counts
