"""LAS and LAZ files, by the extra ``dsk-pointcloud[las]``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import MediaError, PluginError
from dsk_pointcloud.clouds.cloud import Cloud, xyz_of
from dsk_pointcloud.clouds.dimensions import format_of, is_as_read, places

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from numpy.typing import NDArray

    from dsk_pointcloud.clouds.dimensions import Place

__all__ = ["STEP", "grid_of", "read_las", "records_of", "write_las"]

STEP = 0.001
"""Metres between two coordinates of a written file, if its cloud was of no LAS file."""

_MOST = 2**31 - 1
"""Steps from the offset that a coordinate can have."""

_FACTS = ("file_source_id", "uuid", "system_identifier", "creation_date")
"""What headers of all versions say beside their points."""

_PANIC = "PanicException"
"""What a decoder written in Rust raises where it gives up; it is no ``Exception``."""


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
    if _is_unchunked(data):
        why = "it is packed point by point, as before LASzip 2"
        raise MediaError(f"no readable LAS file: {why}", where=where)
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
    return Cloud(points, count, las=las.header)


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
    records = int.from_bytes(head[100:104], "little") * 54  # least bytes of a record, of a long one
    if head[25] >= 4 and len(head) >= 255:
        records += int.from_bytes(head[243:247], "little") * 60
    if records > size:  # laspy would look for each of four thousand millions
        raise MediaError("more records are declared than the file can hold", where=where)


def _is_unchunked(data: bytes | memoryview) -> bool:
    """Whether a file is of LASzip's first kind: the decoder would panic, and say so on stderr."""
    at = int.from_bytes(data[94:96], "little")
    for _ in range(int.from_bytes(data[100:104], "little")):
        record = bytes(data[at : at + 56])
        if len(record) < 56:
            break
        if record[2:18].rstrip(b"\0") == b"laszip encoded":
            return bool(data[104] & 0x80) and int.from_bytes(record[54:56], "little") == 1
        at += 54 + int.from_bytes(record[20:22], "little")
    return False


def records_of(header: Any) -> str:
    """Return what a LAS file has beside its points, by its header: VLRs, EVLRs; "" if nothing."""
    kept = _kept((*header.vlrs, *(header.evlrs or ())))
    if any(r.user_id == "LASF_Projection" for r in kept):
        return "VLRs, the coordinate reference system among them"
    return "VLRs" if kept else ""


def _kept(records: Iterable[Any]) -> list[Any]:
    """Return the VLRs that do not say how a file lies: extra bytes, packing, waveforms, index."""
    return [
        r
        for r in records
        if r.user_id not in {"copc", "laszip encoded"}
        and (r.user_id != "LASF_Spec" or int(r.record_id) in {0, 3})
    ]


def grid_of(cloud: Cloud) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the steps and offsets of the coordinates that ``write_las`` writes.

    Those of the LAS file that the cloud was read of, if all points are within them.
    """
    xyz = xyz_of(cloud)
    low = xyz.min(axis=0) if len(xyz) else np.zeros(3)
    if cloud.las is None:
        return np.full(3, STEP), low
    scales, offsets = np.array(cloud.las.scales), np.array(cloud.las.offsets)
    scales[~np.isfinite(scales) | (scales == 0)] = STEP
    if len(xyz) and (np.abs(xyz - offsets) / np.abs(scales)).max() > _MOST:
        offsets = low
    return scales, offsets


def write_las(cloud: Cloud, *, packed: bool = False) -> bytes:
    """Encode as the LAS file it was read of, with its VLRs and EVLRs; other clouds as LAS 1.4.

    Coordinates become multiples of ``STEP``, or of what that file's are. Columns go to the
    dimensions that ``places`` says.

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
    found = places(cloud)
    out = io.BytesIO()
    try:
        header = _header(laspy, cloud, found)
        header.scales, header.offsets = grid_of(cloud)
        las = _filled(laspy, header, xyz, found)
        las.write(out, do_compress=packed)
    except Exception as error:  # the writer raises what its encoders do
        raise MediaError(f"a LAS file cannot hold this cloud: {error}") from error
    return out.getvalue()


def _header(laspy: ModuleType, cloud: Cloud, found: list[Place]) -> Any:
    """Return the header of a file that holds a cloud."""
    source = cloud.las
    if is_as_read(cloud):
        header = source.copy()
        if str(header.version) == "1.0":  # which laspy does not write
            header.version = laspy.header.Version(1, 2)
    else:
        header = laspy.LasHeader(version="1.4", point_format=format_of(found))
        for place in found:
            if place.extra:
                dtype = place.values.dtype
                several = f"{place.values.shape[-1]}{dtype.str[1:]}"
                kind = several if place.values.ndim > 1 else dtype
                header.add_extra_dim(laspy.ExtraBytesParams(name=place.dimension, type=kind))
        if source is not None:
            for name in _FACTS:
                setattr(header, name, getattr(source, name))
            header.global_encoding.gps_time_type = source.global_encoding.gps_time_type
            header.global_encoding.wkt = source.global_encoding.wkt
    if source is not None:
        header.vlrs = [*header.vlrs.get("ExtraBytesVlr"), *_kept(source.vlrs)]
        if source.evlrs is not None:
            header.evlrs = type(source.evlrs)(_kept(source.evlrs))
    return header


def _filled(laspy: ModuleType, header: Any, xyz: NDArray[Any], found: list[Place]) -> Any:
    """Return LAS data with all columns.

    Raises:
        ValueError: A column has values that its dimension cannot hold.
    """
    las = laspy.LasData(header, laspy.ScaleAwarePointRecord.zeros(len(xyz), header=header))
    las.x, las.y, las.z = xyz.T
    for place in found:
        las[place.dimension] = place.values
        if not np.array_equal(las[place.dimension], place.values, equal_nan=True):
            raise ValueError(f"values of {place.column}")
    return las
