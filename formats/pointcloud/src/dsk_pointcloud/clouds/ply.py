"""PLY 1.0 files: the vertices of ascii and binary ones; faces are not read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import MediaError
from dsk_pointcloud.clouds.cloud import Cloud, width_of
from dsk_pointcloud.clouds.pcd import fitted, numbers_of
from dsk_pointcloud.clouds.plyheader import HEAD, past, read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_ply", "write_ply"]

_NAMES = {
    "i1": "char",
    "u1": "uchar",
    "i2": "short",
    "u2": "ushort",
    "i4": "int",
    "u4": "uint",
    "f4": "float",
    "f8": "double",
}


def read_ply(data: bytes | memoryview, where: str = "") -> Cloud:
    """Decode the vertices.

    Raises:
        MediaError: It is damaged or truncated.
    """
    try:
        header = read_header(bytes(data[:HEAD]), where)
        dtype = np.dtype([(name, header.order + kind) for name, kind in header.columns])
    except (ValueError, KeyError, IndexError) as error:
        raise MediaError(f"damaged PLY header: {error}", where=where) from error
    body, count = memoryview(data)[header.start :], header.count
    if header.form == "ascii":
        before = sum(element.count for element in header.before)
        return _ascii(bytes(body), before, count, dtype, where)
    body = body[past(header, body, where) :]
    if len(body) < count * dtype.itemsize:
        needed = count * dtype.itemsize
        raise MediaError(
            f"the header declares {needed} bytes of points, there are {len(body)}", where=where
        )
    points: NDArray[Any] = np.frombuffer(body, dtype, count)
    if header.order == ">":
        points = points.astype(dtype.newbyteorder("<"))
    return Cloud(points, count)


def _ascii(body: bytes, before: int, count: int, dtype: np.dtype[Any], where: str) -> Cloud:
    names = dtype.names or ()
    if count * len(names) * 2 - 1 > len(body) + 1:
        raise MediaError(f"{count} points are declared, the file is too short", where=where)
    lines = [line for line in body.splitlines() if line.strip()][before : before + count]
    points = np.empty(count, dtype)
    try:
        table = numbers_of(b"\n".join(lines))
    except ValueError as error:
        raise MediaError(f"damaged points: {error}", where=where) from error
    if len(lines) < count or len(table) != count * len(names):
        raise MediaError(f"{count} rows of {len(names)} numbers are declared", where=where)
    table = table.reshape(count, len(names))
    try:
        for number, name in enumerate(names):
            points[name] = fitted(table[:, number], dtype[name])
    except ValueError as error:
        raise MediaError(f"damaged points: {error}", where=where) from error
    return Cloud(points, count)


def write_ply(cloud: Cloud) -> bytes:
    """Encode as binary_little_endian; columns of several elements get numbered names.

    Raises:
        MediaError: A column's type has no place in PLY.
    """
    points = cloud.points
    columns: list[tuple[str, str, NDArray[Any]]] = []
    for name in cloud.names:
        column = points[name].reshape(len(points), width_of(points.dtype[name]))
        kind = column.dtype.kind + str(column.dtype.itemsize)
        if kind not in _NAMES:
            raise MediaError(f"PLY cannot hold the column {name!r} of type {column.dtype}")
        wide = column.shape[1] > 1
        columns += [
            (f"{name}_{n}" if wide else name, kind, column[:, n]) for n in range(column.shape[1])
        ]
    rows = np.empty(len(points), np.dtype([(n, f"<{k}") for n, k, _ in columns]))
    for name, _, column in columns:
        rows[name] = column
    head = io.StringIO()
    head.write(f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n")
    head.writelines(f"property {_NAMES[kind]} {name}\n" for name, kind, _ in columns)
    head.write("end_header\n")
    return head.getvalue().encode() + rows.tobytes()
