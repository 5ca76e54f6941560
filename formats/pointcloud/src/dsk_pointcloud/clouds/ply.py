"""PLY 1.0 files: the vertices of ascii and binary ones; faces are not read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import MediaError
from dsk_pointcloud.clouds.cloud import Cloud, width_of
from dsk_pointcloud.clouds.pcd import fitted, numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_ply", "write_ply"]

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8", "bool"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
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
_ORDERS = {"ascii": "<", "binary_little_endian": "<", "binary_big_endian": ">"}
_HEAD = 1 << 16


def read_ply(data: bytes | memoryview, where: str = "") -> Cloud:
    """Decode the vertices.

    Raises:
        MediaError: It is damaged or truncated.
    """
    try:
        form, before, count, columns, start = _header(bytes(data[:_HEAD]), where)
        order = _ORDERS[form]
        dtype = np.dtype([(name, order + kind) for name, kind in columns])
    except (ValueError, KeyError, IndexError) as error:
        raise MediaError(f"damaged PLY header: {error}", where=where) from error
    body = memoryview(data)[start:]
    if form == "ascii":
        return _ascii(bytes(body), before, count, dtype, where)
    if before:
        raise MediaError("a binary PLY begins with its vertices", where=where)
    if len(body) < count * dtype.itemsize:
        needed = count * dtype.itemsize
        raise MediaError(
            f"the header declares {needed} bytes of points, there are {len(body)}", where=where
        )
    points: NDArray[Any] = np.frombuffer(body, dtype, count)
    if order == ">":
        points = points.astype(dtype.newbyteorder("<"))
    return Cloud(points, count)


def _header(head: bytes, where: str) -> tuple[str, int, int, list[tuple[str, str]], int]:
    """Return format, rows before the vertices, vertices, their columns and where data begin."""
    end = head.find(b"end_header")
    stop = head.find(b"\n", end)
    if not head.startswith(b"ply") or end < 0 or stop < 0:
        raise MediaError("no PLY file: it has no ply … end_header", where=where)
    form, element, before, count = "", "", 0, -1
    columns: list[tuple[str, str]] = []
    for line in head[:end].decode("latin-1").splitlines()[1:]:
        words = line.split()
        if not words:
            continue
        if words[0] == "format":
            form = words[1]
        elif words[0] == "element":
            element, number = words[1], int(words[2])
            if number < 0:
                raise ValueError(f"{number} elements")
            if element == "vertex":
                count = number
            elif count < 0:
                before += number
        elif words[0] == "property" and element == "vertex":
            if words[1] == "list":
                raise ValueError("lists among the vertices are not read")
            columns.append((words[2], _TYPES[words[1]]))
    if count < 0 or not columns or form not in _ORDERS:
        raise ValueError("it states no format, or no vertices with properties")
    return form, before, count, columns, stop + 1


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
