"""Masks as run lengths: coding, rasterising and set operations, all in numpy.

Run lengths ("counts") follow COCO: pixels are taken column by column, the first run counts zeros
and may be 0, and the runs of a mask of (height, width) add up to height × width. Compressed counts
are COCO's strings. Polygons are rasterised exactly as pycocotools does it (``rleFrPoly``).

Functions trust the counts they are given; ``check_counts`` is for counts that come from outside.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.contours import flips, spans
from dsk.overlay import layers, topmost

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Ring = Sequence[float]

__all__ = [
    "area",
    "bbox",
    "check_counts",
    "decode_counts",
    "decode_counts_many",
    "encode_counts",
    "encode_counts_many",
    "from_dense",
    "from_polygons",
    "from_polygons_many",
    "from_polygons_with_holes",
    "intersection_area",
    "iou",
    "runs_by_value",
    "subtract",
    "to_dense",
    "union",
]

_SHORT = 256  # up to this many runs or characters a plain loop beats numpy's fixed costs
_MORE, _SIGN, _LOW = 0x20, 0x10, 0x1F  # COCO's digits: another follows, negative, five bits
_FIRST_DIFFERENCE = 3  # from the fourth run on the string holds differences
_MAX_DIGITS = 10  # 50 bits, far more pixels than any mask has


# --- COCO's compressed string ---------------------------------------------------------------------


def encode_counts(counts: NDArray[Any] | Sequence[int]) -> bytes:
    """Encode run lengths as COCO's compressed string."""
    if len(counts) > _SHORT:
        return encode_counts_many([np.asarray(counts, np.int64)])[0]
    runs = counts.tolist() if isinstance(counts, np.ndarray) else counts
    out = bytearray()
    for number, count in enumerate(runs):
        value = count - runs[number - 2] if number >= _FIRST_DIFFERENCE else count
        while True:
            digit = value & _LOW
            value >>= 5
            if value == (-1 if digit & _SIGN else 0):
                break
            out.append(digit + _MORE + 48)
        out.append(digit + 48)
    return bytes(out)


def encode_counts_many(masks: Sequence[NDArray[Any]]) -> list[bytes]:
    """Encode the run lengths of many masks in one pass."""
    if not masks:
        return []
    sizes = np.fromiter(map(len, masks), np.int64, len(masks))
    values = np.concatenate(masks).astype(np.int64, copy=False)
    stops = np.cumsum(sizes)
    plain = ((stops - sizes)[:, None] + np.arange(_FIRST_DIFFERENCE))[
        np.arange(_FIRST_DIFFERENCE) < sizes[:, None]
    ]
    differences = values.copy()
    differences[2:] -= values[:-2]
    differences[plain] = values[plain]
    magnitude = differences ^ (differences >> 63)
    digits = np.ones(len(values), np.int64)
    limit, greatest = _SIGN, int(magnitude.max(initial=0))
    while limit <= greatest:
        digits += magnitude >= limit
        limit <<= 5
    ends = np.concatenate([[0], np.cumsum(digits)])
    out = np.empty(int(ends[-1]), np.uint8)
    rows, rest, left, place = ends[:-1], differences, digits, 0
    while len(rows):
        more = left > 1
        out[rows + place] = (rest & _LOW) + 48 + more * _MORE
        rows, rest, left, place = rows[more], rest[more] >> 5, left[more] - 1, place + 1
    data = out.tobytes()
    cuts = ends[stops].tolist()
    return [data[a:b] for a, b in zip([0, *cuts[:-1]], cuts, strict=True)]


def decode_counts(compressed: bytes | str) -> Counts:
    """Decode COCO's compressed string.

    Raises:
        ValueError: It holds characters out of range, an absurd number, or ends inside a number.
    """
    data = _characters(compressed)
    if len(data) > _SHORT:
        return decode_counts_many([data])[0]
    counts: list[int] = []
    value = shift = 0
    for code in data:
        digit = code - 48
        if not 0 <= digit <= _MORE + _LOW or shift >= 5 * _MAX_DIGITS:
            raise _damaged()
        value |= (digit & _LOW) << shift
        shift += 5
        if digit & _MORE:
            continue
        if digit & _SIGN:
            value -= 1 << shift
        if len(counts) >= _FIRST_DIFFERENCE:
            value += counts[-2]
        counts.append(value)
        value = shift = 0
    if shift:
        raise _damaged()
    return np.array(counts, np.int64)


def decode_counts_many(compressed: Sequence[bytes | str]) -> list[Counts]:
    """Decode many of COCO's compressed strings in one pass; errors as ``decode_counts``."""
    parts = [_characters(part) for part in compressed]
    codes = np.frombuffer(b"".join(parts), np.uint8) - np.uint8(48)  # what is too low wraps round
    if not len(codes):
        return [np.zeros(0, np.int64) for _ in parts]
    closing = codes < _MORE
    stops = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))
    cuts = stops[stops > 0]
    if codes.max() > _MORE + _LOW or not closing[cuts - 1].all():
        raise _damaged()
    last = np.flatnonzero(closing)
    first = np.concatenate([[0], last[:-1] + 1])
    length = last - first
    if int(length.max()) >= _MAX_DIGITS:
        raise _damaged()
    values = (codes[first] & _LOW).astype(np.int64)
    for place in range(1, int(length.max()) + 1):
        rows = np.flatnonzero(length >= place)
        values[rows] |= (codes[first[rows] + place] & _LOW).astype(np.int64) << (5 * place)
    values -= ((codes[last] & _SIGN) != 0) * (np.int64(1) << (5 * (length + 1)))
    found, begin = [], 0
    for end in np.searchsorted(last, stops).tolist():
        counts = values[begin:end]
        np.add.accumulate(counts[1::2], out=counts[1::2])
        np.add.accumulate(counts[2::2], out=counts[2::2])
        found.append(counts)
        begin = end
    return found


def _characters(compressed: bytes | str) -> bytes:
    # In UTF-8 every character beyond ASCII becomes bytes that are out of range.
    return (
        compressed.encode("utf-8", "surrogatepass") if isinstance(compressed, str) else compressed
    )


def _damaged() -> ValueError:
    return ValueError("the compressed run lengths are damaged")


# --- Facts about one mask -------------------------------------------------------------------------


def check_counts(counts: NDArray[Any], height: int, width: int) -> None:
    """Make sure that run lengths fill a mask of this size.

    Raises:
        ValueError: One is negative, or they do not add up to height × width.
    """
    pixels = height * width
    if len(counts) and int(counts.min()) < 0:
        msg = "a run length is negative"
        raise ValueError(msg)
    # A sum of huge runs could overflow and meet the number by chance.
    total = int(counts.sum()) if int(counts.max(initial=0)) <= pixels else "more"
    if total != pixels:
        msg = f"the run lengths add up to {total}, a mask of {height} x {width} has {pixels} pixels"
        raise ValueError(msg)


def area(counts: NDArray[Any]) -> int:
    """Return the number of pixels of a mask."""
    return int(counts[1::2].sum())


def bbox(counts: NDArray[Any], height: int) -> tuple[int, int, int, int]:
    """Return the box (x, y, w, h) of a mask, as pycocotools: 0, 0, 0, 0 when it is empty."""
    starts, stops = spans(counts)
    if not len(starts):
        return 0, 0, 0, 0
    columns, rows = np.divmod(starts, height)
    left, right = int(columns[0]), (int(stops[-1]) - 1) // height
    bottoms = stops - columns * height
    top, bottom = int(rows.min()), int(bottoms.max())
    if bottom > height:  # a run goes on in the next column
        top, bottom = 0, height
    return left, top, right - left + 1, bottom - top


def from_dense(mask: NDArray[Any]) -> Counts:
    """Return the run lengths of a (height, width) array; non-zero pixels belong to the mask."""
    if not mask.size:
        return np.zeros(0, np.int64)
    solid = mask if mask.dtype == np.bool_ else mask != 0
    bounds = _changes(solid)
    counts = np.diff(bounds)
    return np.concatenate([[0], counts]) if solid[0, 0] else counts


def to_dense(counts: NDArray[Any], height: int, width: int) -> NDArray[np.bool_]:
    """Return a mask as a boolean (height, width) array, stored column by column."""
    values = np.zeros(len(counts), np.bool_)
    values[1::2] = True
    return np.repeat(values, counts).reshape(width, height).T


def _changes(array: NDArray[Any]) -> Counts:
    """Return where runs of one value begin in column order, and the number of pixels at the end.

    Rows are compared as they lie in memory and only the places found are sorted by column: numpy
    transposes a large map many times slower.
    """
    height, width = array.shape
    ends = np.array([height * width])
    if array.T.flags.c_contiguous:
        flat = array.T.reshape(-1)
        return np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, ends])
    rows, columns = np.divmod(np.flatnonzero(array[1:] != array[:-1]), width)
    tops = np.flatnonzero(array[0, 1:] != array[-1, :-1]) + 1
    places = np.concatenate([[0], columns * height + rows + 1, tops * height, ends])
    places.sort()
    return places


# --- Label maps -----------------------------------------------------------------------------------


def runs_by_value(label_map: NDArray[Any], ignore: Collection[int] = ()) -> dict[int, Counts]:
    """Return the mask of every value of a label map, in one pass over its pixels.

    Args:
        label_map: (height, width) integers.
        ignore: Values to leave out.

    Returns:
        Run lengths by value, values ascending.
    """
    if not label_map.size:
        return {}
    bounds = _changes(label_map)
    starts, total = bounds[:-1], int(bounds[-1])
    columns, rows = np.divmod(starts, label_map.shape[0])
    values = label_map[rows, columns]
    low = int(values.min())
    if values.dtype.itemsize > 2 and int(values.max()) - low <= 0xFFFF:
        order = np.argsort((values - low).astype(np.uint16), kind="stable")  # a radix sort
    else:
        order = np.argsort(values, kind="stable")
    starts, stops, values = starts[order], bounds[1:][order], values[order]
    firsts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    before = np.concatenate([[0], stops[:-1]])
    before[firsts] = 0
    pairs = np.column_stack([starts - before, stops - starts]).reshape(-1)
    found = {}
    lasts = [*firsts[1:].tolist(), len(starts)]
    for value, first, last in zip(values[firsts].tolist(), firsts.tolist(), lasts, strict=True):
        if value not in ignore:
            rest = total - int(stops[last - 1])
            runs = pairs[2 * first : 2 * last]
            found[value] = np.concatenate([runs, [rest]]) if rest else runs
    return found


# --- Set operations -------------------------------------------------------------------------------


def _joined(starts: Counts, stops: Counts) -> tuple[Counts, Counts]:
    """Return spans in order; those that overlap or touch are joined."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(stops[order])
    fresh = np.ones(len(starts) + 1, np.bool_)
    fresh[1:-1] = starts[1:] > reach[:-1]
    return starts[fresh[:-1]], reach[fresh[1:]]


def _from_spans(starts: Counts, stops: Counts, total: int) -> Counts:
    """Return the run lengths of spans that are ordered and do not touch."""
    bounds = np.empty(2 * len(starts) + 2, np.int64)
    bounds[0], bounds[-1] = 0, total
    bounds[1:-1:2], bounds[2:-1:2] = starts, stops
    if len(stops) and bounds[-2] == total:
        bounds = bounds[:-1]
    return bounds[1:] - bounds[:-1]


def union(masks: Sequence[NDArray[Any]]) -> Counts:
    """Return the pixels that belong to any of the masks (one or more, all of one size)."""
    starts, stops, _ = layers(masks)
    return _from_spans(*_joined(starts, stops), int(masks[0].sum()))


def subtract(counts: NDArray[Any], other: NDArray[Any]) -> Counts:
    """Return the pixels of the first mask that are not in the second (both of one size)."""
    inverse = counts[1:] if counts[0] == 0 else np.concatenate([[0], counts])
    rest = union([inverse, other])
    return rest[1:] if rest[0] == 0 else np.concatenate([[0], rest])


def intersection_area(counts: NDArray[Any], other: NDArray[Any]) -> int:
    """Return the number of pixels that belong to both masks (both of one size)."""
    return area(counts) + area(other) - area(union([counts, other]))


def iou(counts: NDArray[Any], other: NDArray[Any]) -> float:
    """Return intersection over union of two masks of one size; 1 when both are empty."""
    joined = area(union([counts, other]))
    return (area(counts) + area(other) - joined) / joined if joined else 1.0


# --- Polygons, exactly as pycocotools rasterises them ---------------------------------------------


def from_polygons(rings: Sequence[Ring], height: int, width: int) -> Counts:
    """Rasterise the union of rings, exactly as pycocotools.

    Args:
        rings: Flat rings ``[x1, y1, x2, y2, …]`` in pixels.
        height: Height of the mask.
        width: Width of the mask.

    Raises:
        ValueError: A ring is no flat list of finite pairs, or reaches absurdly far out.
    """
    return from_polygons_many([rings], height, width)[0]


def from_polygons_many(polygons: Sequence[Sequence[Ring]], height: int, width: int) -> list[Counts]:
    """Rasterise many polygons of one image in one pass; each as by ``from_polygons``."""
    total = height * width
    starts, stops, ring = flips(list(chain.from_iterable(polygons)), height, width)
    parts = np.fromiter(map(len, polygons), np.int64, len(polygons))
    # Each polygon has a stretch of numbers of its own, one longer than a mask, so none can touch.
    bases = np.arange(len(parts) + 1) * (total + 1)
    base = np.repeat(bases[:-1], parts)[ring]
    starts, stops = starts + base, stops + base
    if (parts > 1).any():
        starts, stops = _joined(starts, stops)
    cuts = np.searchsorted(starts, bases).tolist()
    return [
        _from_spans(starts[first:last] - offset, stops[first:last] - offset, total)
        for first, last, offset in zip(cuts[:-1], cuts[1:], bases[:-1].tolist(), strict=True)
    ]


def from_polygons_with_holes(
    rings: Sequence[Ring], holes: Collection[int], height: int, width: int
) -> Counts:
    """Rasterise rings in order, cutting out those that are holes; errors as ``from_polygons``.

    A hole cuts what comes before it. With the holes last that is the union of the outer rings minus
    the union of the holes; a part that lies in a hole of another part comes after that hole.

    Args:
        rings: Flat rings in pixels.
        holes: Indices of the rings that are holes.
        height: Height of the mask.
        width: Width of the mask.
    """
    if not holes:
        return from_polygons(rings, height, width)
    starts, stops, owners = topmost(*flips(rings, height, width))
    solid = ~np.isin(owners, np.fromiter(holes, np.int64, len(holes)))
    return _from_spans(*_joined(starts[solid], stops[solid]), height * width)
