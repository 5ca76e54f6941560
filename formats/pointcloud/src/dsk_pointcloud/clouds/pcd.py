"""PCD files, versions .5 to .7: ascii, binary and binary_compressed.

Specification: the PCD format page of the Point Cloud Library and the behaviour of its reader.
The header is small; what it declares is checked against the bytes before anything is allocated.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import MediaError
from dsk_pointcloud.clouds import lzf
from dsk_pointcloud.clouds.cloud import (
    NO_VIEWPOINT,
    Cloud,
    Viewpoint,
    check_organized,
    is_viewpoint,
    width_of,
)
from dsk_pointcloud.clouds.names import ENCODINGS, Encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "PcdHeader",
    "fitted",
    "numbers_of",
    "read_header",
    "read_pcd",
    "write_pcd",
]

HEAD = 1 << 16
"""A header lies in these first bytes."""

MAX_FIELDS = 1000
MAX_COUNT = 100_000  # elements of one field; a histogram has a few hundred

_TYPES = {
    **{("I", s): f"<i{s}" for s in (1, 2, 4, 8)},
    **{("U", s): f"<u{s}" for s in (1, 2, 4, 8)},
    **{("F", s): f"<f{s}" for s in (4, 8)},
}
_LETTERS = {"i": "I", "u": "U", "f": "F"}
_PADDING = "_"


@dataclass(frozen=True, slots=True)
class PcdHeader:
    """What a PCD file says before its points.

    Attributes:
        fields: Name, type letter, bytes per element and number of elements of each field; those
            of no elements, which ROS writes for some sensors, are left out.
        width: Points per row.
        height: Rows.
        viewpoint: As in ``Cloud``.
        encoding: How the points are stored.
        start: Offset of the points in the file.
    """

    fields: tuple[tuple[str, str, int, int], ...]
    width: int
    height: int
    viewpoint: Viewpoint
    encoding: str
    start: int

    @property
    def count(self) -> int:
        """The number of points."""
        return self.width * self.height

    @property
    def dtype(self) -> np.dtype[Any]:
        """The record of one point, padding among it."""
        names, formats, offsets, at = [], [], [], 0
        for name, kind, size, count in self.fields:
            if name != _PADDING:
                names.append(name)
                formats.append((_TYPES[kind, size], (count,)) if count > 1 else _TYPES[kind, size])
                offsets.append(at)
            at += size * count
        spec = {"names": names, "formats": formats, "offsets": offsets, "itemsize": at}
        return np.dtype(spec)  # type: ignore[call-overload,no-any-return]


def read_header(data: bytes | memoryview, where: str = "") -> PcdHeader:
    """Parse a header.

    Raises:
        MediaError: It is damaged or declares what no file can hold.
    """
    head = bytes(data[:HEAD])
    entries: dict[str, list[str]] = {}
    at = 0
    while True:
        end = head.find(b"\n", at)
        line = head[at : len(head) if end < 0 else end]
        at = len(head) if end < 0 else end + 1
        text = line.decode("utf-8", "replace").strip()
        words = text.split()
        if words and not text.startswith("#"):
            key = words[0].upper()
            if key not in _KEYS:
                raise MediaError(f"no PCD header: unknown entry {words[0][:40]!r}", where=where)
            entries["FIELDS" if key == "COLUMNS" else key] = words[1:]
            if key == "DATA":
                break
        if end < 0:
            raise MediaError("no PCD file: its header has no DATA line", where=where)
    try:
        return _header(entries, at, where)
    except (ValueError, IndexError, OverflowError) as error:
        raise MediaError(f"damaged PCD header: {error}", where=where) from error


_KEYS = frozenset(
    [
        "VERSION",
        "FIELDS",
        "COLUMNS",
        "SIZE",
        "TYPE",
        "COUNT",
        "WIDTH",
        "HEIGHT",
        "VIEWPOINT",
        "POINTS",
        "DATA",
    ]
)


def _header(entries: dict[str, list[str]], start: int, where: str) -> PcdHeader:
    names = entries.get("FIELDS", [])
    number = len(names)
    if not 0 < number <= MAX_FIELDS:
        raise MediaError("a PCD header names its FIELDS", where=where)
    sizes = [int(v) for v in entries.get("SIZE", ["4"] * number)]
    kinds = [v.upper() for v in entries.get("TYPE", ["F"] * number)]
    counts = [int(v) for v in entries.get("COUNT", ["1"] * number)]
    if not len(sizes) == len(kinds) == len(counts) == number:
        raise MediaError("FIELDS, SIZE, TYPE and COUNT differ in length", where=where)
    kept = [name for name in names if name != _PADDING]
    if len(set(kept)) != len(kept):
        raise MediaError("a field is named twice", where=where)
    for name, kind, size, count in zip(names, kinds, sizes, counts, strict=True):
        if (kind, size) not in _TYPES and name != _PADDING:
            raise MediaError(f"field {name}: there is no type {kind}{size}", where=where)
        if not 0 <= count <= MAX_COUNT or not 0 < size <= 8:
            raise MediaError(f"field {name}: {count} × {size} bytes", where=where)
    points = int(entries["POINTS"][0]) if "POINTS" in entries else None
    height = int(entries["HEIGHT"][0]) if "HEIGHT" in entries else 1
    width = int(entries["WIDTH"][0]) if "WIDTH" in entries else points
    if width is None or width < 0 or height < 0 or (points is not None and points < 0):
        raise MediaError("a PCD header states WIDTH and HEIGHT, or POINTS", where=where)
    check_organized(width * height if points is None else points, width, height, where)
    view = tuple(float(v) for v in entries.get("VIEWPOINT", ())) or NO_VIEWPOINT
    if not is_viewpoint(view):
        raise MediaError("VIEWPOINT is seven numbers", where=where)
    encoding = (entries["DATA"] or [""])[0].lower()
    if encoding not in ENCODINGS:
        raise MediaError(
            f"DATA is ascii, binary or binary_compressed, not {encoding!r}", where=where
        )
    fields = tuple(f for f in zip(names, kinds, sizes, counts, strict=True) if f[3])
    if not fields:
        raise MediaError("no field has elements", where=where)
    tx, ty, tz, qw, qx, qy, qz = view
    return PcdHeader(fields, width, height, (tx, ty, tz, qw, qx, qy, qz), encoding, start)


def read_pcd(data: bytes | memoryview, where: str = "") -> Cloud:
    """Decode a PCD file; binary points are a view of the bytes, not a copy.

    Args:
        data: The whole file.
        where: Its name, for errors.

    Raises:
        MediaError: It is damaged or truncated.
    """
    header = read_header(data, where)
    body = memoryview(data)[header.start :]
    surplus = False
    if header.encoding == "ascii":
        points, surplus = _read_ascii(header, bytes(body), where)
    elif header.encoding == "binary":
        dtype = header.dtype
        needed = header.count * dtype.itemsize
        if len(body) < needed:
            raise MediaError(
                f"the header declares {needed} bytes of points, there are {len(body)}", where=where
            )
        points = np.frombuffer(body, dtype, header.count)
    else:
        points = _read_compressed(header, body, where)
    return Cloud(points, header.width, header.height, header.viewpoint, surplus)


def _plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the record without padding."""
    names = dtype.names or ()
    return np.dtype([(n, *_base(dtype[n])) for n in names])


def _base(dtype: np.dtype[Any]) -> tuple[Any, ...]:
    return (dtype.base, dtype.shape) if dtype.shape else (dtype,)


def _read_compressed(header: PcdHeader, body: memoryview, where: str) -> NDArray[Any]:
    dtype = _plain(header.dtype)
    if len(body) < 8:
        if not header.count:
            return np.empty(0, dtype)
        raise MediaError("the compressed points are cut off", where=where)
    packed, size = struct.unpack_from("<II", body)
    needed = header.count * dtype.itemsize
    if size != needed:
        raise MediaError(
            f"the header declares {needed} bytes of points, the compressed block {size}",
            where=where,
        )
    stream = body[8 : 8 + packed]
    if len(stream) < packed:
        raise MediaError(
            f"{packed} compressed bytes are declared, there are {len(stream)}", where=where
        )
    plain: bytes | memoryview = stream
    if packed != size or not _is_raw(stream, size):
        plain = lzf.decompress(stream, size, where)
    points = np.empty(header.count, dtype)
    at = 0
    for name in dtype.names or ():
        kind, shape = dtype[name].base, dtype[name].shape
        count = header.count * int(np.prod(shape, dtype=int))
        column = np.frombuffer(plain, kind, count, at)
        points[name] = column.reshape(header.count, *shape)
        at += column.nbytes
    return points


def _is_raw(stream: memoryview, size: int) -> bool:
    """Whether a block as long as its content was stored as it is, and is no stream after all."""
    try:
        lzf.decompress(stream, size)
    except MediaError:
        return True
    return False


def _read_ascii(header: PcdHeader, body: bytes, where: str) -> tuple[NDArray[Any], bool]:
    """Return the declared points, and whether there are more."""
    dtype = _plain(header.dtype)
    per_point = sum(count for *_, count in header.fields)
    count = header.count
    if count * per_point * 2 - 1 > len(body) + 1:  # a digit and a blank for each number
        raise MediaError(f"{count} points are declared, the file is too short", where=where)
    points = np.empty(count, dtype)
    if not count:
        return points, bool(body.strip())
    lines = [line for line in body.split(b"\n", count * 2 + 1024) if line.strip()]
    surplus = len(lines) > count
    lines = lines[:count]
    if len(lines) < count:
        raise MediaError(f"{count} points are declared, {len(lines)} are there", where=where)
    try:
        _parse_columns(header, b"\n".join(lines), points, per_point)
    except (ValueError, OverflowError) as error:
        raise MediaError(f"damaged points: {error}", where=where) from error
    return points, surplus


def _parse_columns(header: PcdHeader, text: bytes, points: NDArray[Any], per_point: int) -> None:
    wide = any(kind in "IU" and size == 8 for _, kind, size, _ in header.fields)
    if wide:  # beyond what a float64 holds exactly
        table: Any = np.array(text.split())
    else:
        table = numbers_of(text)
    if len(table) != per_point * len(points):
        raise ValueError(f"a point has {per_point} numbers")
    table = table.reshape(len(points), per_point)
    at = 0
    for name, kind, size, count in header.fields:
        if name != _PADDING:
            column = table[:, at : at + count]
            if wide:
                exact = np.uint64 if (kind, size) == ("U", 8) else np.int64
                column = column.astype(np.str_).astype(float if kind == "F" else exact)
            points[name] = fitted(column if count > 1 else column[:, 0], points.dtype[name].base)
        at += count


def numbers_of(text: bytes) -> NDArray[np.float64]:
    """Return the numbers of a text, separated by blanks.

    Raises:
        ValueError: It holds something else.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error", DeprecationWarning
        )  # numpy's word for text that is no number
        try:
            return np.fromstring(text.decode("ascii", "replace"), dtype=np.float64, sep=" ")
        except DeprecationWarning as error:
            raise ValueError("a word is no number") from error


def fitted(column: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Return numbers as their type, refusing integers that it cannot hold."""
    if kind.kind in "iu" and column.size:
        limits = np.iinfo(kind)
        if not (column.min() >= limits.min and column.max() <= limits.max):
            raise ValueError(f"a number does not fit {kind}")
    return column.astype(kind)


def write_pcd(cloud: Cloud, encoding: Encoding = "binary") -> bytes:
    """Encode a cloud as PCD 0.7; nothing is rounded.

    Args:
        cloud: The points.
        encoding: One of ``ENCODINGS``.

    Raises:
        MediaError: A column's type has no place in PCD.
    """
    points = cloud.points
    dtype = points.dtype
    columns = []
    for name in cloud.names:
        base = dtype[name].base
        letter = _LETTERS.get(base.kind)
        if letter is None or (letter, base.itemsize) not in _TYPES or not _is_word(name):
            raise MediaError(f"PCD cannot hold the column {name!r} of type {base}")
        columns.append((name, letter, base.itemsize, width_of(dtype[name])))
    head = _header_text(columns, cloud, encoding)
    if encoding == "ascii":
        return head + _ascii_rows(points)
    plain = np.ascontiguousarray(points, _little(dtype))
    if encoding == "binary":
        return b"".join((head, plain.data.cast("B") if plain.size else b""))
    fields = b"".join(np.ascontiguousarray(plain[name]).tobytes() for name in cloud.names)
    packed = lzf.compress(fields)
    return b"".join((head, struct.pack("<II", len(packed), len(fields)), packed))


def _little(dtype: np.dtype[Any]) -> np.dtype[Any]:
    names = dtype.names or ()
    return np.dtype([(n, dtype[n].base.newbyteorder("<"), dtype[n].shape) for n in names])


def _is_word(name: str) -> bool:
    return bool(name) and not name.startswith("#") and len(name.split()) == 1 and name != _PADDING


def _header_text(
    columns: Sequence[tuple[str, str, int, int]], cloud: Cloud, encoding: str
) -> bytes:
    def row(key: str, values: Sequence[Any]) -> str:
        return f"{key} {' '.join(map(str, values))}\n"

    return (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\n"
        + row("FIELDS", [c[0] for c in columns])
        + row("SIZE", [c[2] for c in columns])
        + row("TYPE", [c[1] for c in columns])
        + row("COUNT", [c[3] for c in columns])
        + row("WIDTH", [cloud.width])
        + row("HEIGHT", [cloud.height])
        + row("VIEWPOINT", [f"{v:.17g}" for v in cloud.viewpoint])
        + row("POINTS", [len(cloud.points)])
        + row("DATA", [encoding])
    ).encode()


_FORMATS = {("f", 4): "%.9g", ("f", 8): "%.17g"}  # the fewest digits that lose nothing


def _ascii_rows(points: NDArray[Any]) -> bytes:
    formats: list[str] = []
    columns: list[NDArray[Any]] = []
    for name in points.dtype.names or ():
        column = points[name].reshape(len(points), width_of(points.dtype[name]))
        form = _FORMATS.get((column.dtype.kind, column.dtype.itemsize), "%d")
        for number in range(column.shape[1]):
            formats.append(form)
            columns.append(column[:, number].tolist())
    line = " ".join(formats) + "\n"
    out = io.StringIO()
    out.writelines(line % row for row in zip(*columns, strict=True))
    return out.getvalue().encode()
