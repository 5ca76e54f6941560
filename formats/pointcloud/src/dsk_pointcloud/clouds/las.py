"""LAS and LAZ files, by the extra ``dsk-pointcloud[las]``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import MediaError, PluginError
from dsk_pointcloud.clouds.cloud import Cloud, xyz_of

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

__all__ = ["STEP", "read_las", "write_las"]

STEP = 0.001
"""Metres between two coordinates that a written file can hold."""

_PANIC = "PanicException"
"""What a decoder written in Rust raises where it gives up; it is no ``Exception``."""

_LONGEST = 32  # bytes of a dimension's name


def _laspy(where: str) -> ModuleType:
    try:
        import laspy  # type: ignore[import-untyped]
    except ImportError as error:
        raise PluginError(
            "LAS and LAZ files need laspy", where=where, hint="pip install 'dsk-pointcloud[las]'"
        ) from error
    module: ModuleType = laspy
    return module


def read_las(data: bytes | memoryview, where: str = "") -> Cloud:
    """Decode: x, y, z as float64 in the file's units, the other columns as they are.

    Raises:
        MediaError: It is damaged.
        PluginError: laspy is not installed.
    """
    laspy = _laspy(where)
    _check_size(bytes(data[:375]), len(data), where)
    try:
        las = laspy.read(io.BytesIO(data))
        columns: dict[str, NDArray[Any]] = {n: np.asarray(getattr(las, n)) for n in "xyz"}
        for name in las.point_format.dimension_names:
            if name not in {"X", "Y", "Z"}:
                columns[name] = np.asarray(las[name])
    except PluginError:
        raise
    except Exception as error:  # the reader raises what its decoders do
        raise MediaError(f"no readable LAS file: {error}", where=where) from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise MediaError(f"no readable LAS file: {error}", where=where) from error
    count = len(columns["x"])
    dtype = np.dtype([(n, a.dtype.newbyteorder("<"), a.shape[1:]) for n, a in columns.items()])
    points = np.empty(count, dtype)
    for name, column in columns.items():
        points[name] = column
    return Cloud(points, count)


def _check_size(head: bytes, size: int, where: str) -> None:
    """Compare the declared number of points with the file before anything is allocated."""
    if not head.startswith(b"LASF") or len(head) < 227:
        raise MediaError("no LAS file", where=where)
    start = int.from_bytes(head[96:100], "little")
    packed = head[104] & 0x80  # LAZ marks its point format so
    length = int.from_bytes(head[105:107], "little")
    count = int.from_bytes(head[107:111], "little")
    if head[25] >= 4 and len(head) >= 255:
        count = max(count, int.from_bytes(head[247:255], "little"))
    most = (size - start) * (2000 if packed else 1)  # empty LAZ points take bits, not bytes
    if start > size or count * length > max(most, 0):
        raise MediaError(f"{count} points are declared, the file is too short", where=where)


def write_las(cloud: Cloud, *, packed: bool = False) -> bytes:
    """Encode as LAS 1.4; coordinates become multiples of ``STEP``, other columns extra bytes.

    Args:
        cloud: The points; x, y, z must be finite.
        packed: Write LAZ.

    Raises:
        MediaError: There are no coordinates, or the file cannot hold a column.
        PluginError: laspy is not installed.
    """
    laspy = _laspy("")
    xyz = xyz_of(cloud)
    if not np.isfinite(xyz).all():
        raise MediaError("a LAS file cannot hold points that are not finite")
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales = [STEP] * 3
    header.offsets = xyz.min(axis=0) if len(xyz) else np.zeros(3)
    names = _names(cloud, set(header.point_format.dimension_names))
    out = io.BytesIO()
    try:
        las = _filled(laspy, header, cloud, xyz, names)
        las.write(out, do_compress=packed)
    except Exception as error:  # the writer raises what its encoders do
        raise MediaError(f"a LAS file cannot hold this cloud: {error}") from error
    return out.getvalue()


def _filled(
    laspy: ModuleType, header: Any, cloud: Cloud, xyz: NDArray[Any], names: dict[str, str]
) -> Any:
    """Return LAS data with all columns.

    Raises:
        ValueError: A column has values that its dimension cannot hold.
    """
    known = set(header.point_format.dimension_names)
    for name, label in names.items():
        column = cloud.points[name]
        if label not in known:
            several = f"{column.shape[-1]}{column.dtype.str[1:]}"
            kind = several if column.ndim > 1 else column.dtype
            header.add_extra_dim(laspy.ExtraBytesParams(name=label, type=kind))
    las = laspy.LasData(header)
    las.x, las.y, las.z = xyz.T
    for name, label in names.items():
        las[label] = cloud.points[name]
        if not np.array_equal(las[label], cloud.points[name], equal_nan=True):
            raise ValueError(f"values of {name}")
    return las


def _names(cloud: Cloud, known: set[str]) -> dict[str, str]:
    """Return the dimensions of a file by the columns they hold; known ones hold integers."""
    names = {}
    for name in cloud.names:
        if name not in ("x", "y", "z"):
            kept = name not in known or cloud.points.dtype[name].base.kind != "f"
            names[name] = (name if kept else f"{name}_")[:_LONGEST]
    if len(set(names.values())) < len(names):
        raise MediaError(f"columns of a LAS file differ in their first {_LONGEST} letters")
    return names
