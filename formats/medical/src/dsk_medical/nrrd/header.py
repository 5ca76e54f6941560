"""NRRD headers: read, checked, made. Source of the grammar: teem's definition of NRRD."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dsk.errors import MediaError
from dsk.media import ArchiveMember, Media
from dsk.names import clean_name
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import COLORS, ArrangedVolume, ArrayView, FileArray, LazyVolume
from dsk_medical.volume.nifti import beside
from dsk_medical.volume.reader import ByteReader, size_of

__all__ = ["MAGIC", "NrrdFile", "open_array", "open_nrrd", "parse_header", "vector_text"]

MAGIC = b"NRRD000"
MAX_HEADER = 4 << 20
_CHUNK = 1 << 14
_ESCAPED = re.compile(r"\\([n\\])")
_FIELD = re.compile(r"([^:]+): ?(.*)")
_SPELLINGS = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}
_VECTOR = re.compile(r"\(([^()]*)\)|none")

_TYPES = {
    name: code
    for code, names in {
        "i1": "signed char,int8,int8_t",
        "u1": "uchar,unsigned char,uint8,uint8_t",
        "i2": "short,short int,signed short,signed short int,int16,int16_t",
        "u2": "ushort,unsigned short,unsigned short int,uint16,uint16_t",
        "i4": "int,signed int,int32,int32_t",
        "u4": "uint,unsigned int,uint32,uint32_t",
        "i8": "longlong,long long,long long int,signed long long,int64,int64_t",
        "u8": "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split(",")
}
_PACKING = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bz2", "bz2": "bz2"}
_TEXTS = {"ascii": 10, "text": 10, "txt": 10, "hex": 16}
_FRAMES = {
    "right-anterior-superior": (1, 1),
    "ras": (1, 1),
    "left-anterior-superior": (-1, 1),
    "las": (-1, 1),
    "left-posterior-superior": (-1, -1),
    "lps": (-1, -1),
}
_TIMES = {f"{name}-time" if "-" in name else f"{name}t": name for name in _FRAMES}
"""Spaces whose vectors have a fourth number, time, and what they are without it."""
_MM = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}


class Header(NamedTuple):
    """A header as it is written.

    Attributes:
        fields: Values by name, lower case.
        pairs: Key/value pairs.
        end: Where it ends, in bytes.
    """

    fields: dict[str, str]
    pairs: dict[str, str]
    end: int


def parse_header(data: bytes, name: str) -> Header:
    """Read a header.

    Args:
        data: The file's beginning, with the empty line that ends the header if there is one.
        name: What messages call the file.

    Raises:
        MediaError: It is no NRRD header, or damaged.
    """
    if not data.startswith(MAGIC) or data[7:8] not in b"123456":
        raise MediaError("no NRRD file", where=name, hint="such files begin with NRRD0004 or so")
    match = re.search(rb"\r?\n\r?\n", data)
    end = match.end() if match else len(data)
    text = data[: match.start() if match else end].decode("utf-8", "replace")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        if line.startswith("#") or not line.strip():
            continue
        key, is_pair, value = line.partition(":=")
        if is_pair and ": " not in key:
            pairs[key] = _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], value)
            continue
        found = _FIELD.fullmatch(line)
        if found is None:
            raise MediaError(f"a damaged line of the header: {line[:60]!r}", where=name)
        field = found[1].strip().lower().replace("centering", "centerings")
        fields.setdefault(_SPELLINGS.get(field, field), found[2].strip())
    return Header(fields, pairs, end)


class NrrdFile:
    """An opened NRRD file: its header; the voxels stay where they are.

    Attributes:
        header: See ``Header``.
        array: The voxels, (i, j, k) or (i, j, k, c).
        dtype: Type of the stored numbers.
        affine: Voxel indices to RAS+ mm; None when there is no usable one.
        colors: Names of the channels if they are colours.
        warnings: What a user should know of it.
    """

    def __init__(self, media: Media) -> None:
        self.name = media.path or str(media.source)
        self.warnings: list[str] = []
        reader = ByteReader(media.source, self.name, packing="raw")
        try:
            self.header = _read_header(reader)
        finally:
            reader.close()
        fields = self.header.fields
        sizes = _sizes(fields, self.name)
        self.dtype = _dtype(fields, self.name)
        base, surplus = _data(media, self.header, sizes, self.dtype, self.name)
        if surplus:
            self.warnings.append(
                f"{self.name} has {surplus} bytes more than its voxels: "
                "if they come first, its byte skip is wrong and the voxels are shifted"
            )
        vectors = self._vectors(len(sizes))
        spatial = _spatial(fields, vectors, len(sizes), self.name)
        self.affine = self._affine(vectors, spatial)
        self.array: LazyVolume = _arranged(base, spatial)
        kinds = set(fields.get("kinds", "").lower().split())
        self.colors = COLORS[: 3 if "rgb-color" in kinds else 4 if "rgba-color" in kinds else 0]

    def _vectors(self, dimension: int) -> list[list[float] | None]:
        """Return the direction of each axis, None for axes without one."""
        text = self.header.fields.get("space directions")
        if text is None:
            return []
        found: list[list[float] | None] = []
        for match in _VECTOR.finditer(text):
            numbers = _floats(match[1].split(",")) if match[1] is not None else None
            found.append(_in_space(numbers))
        if len(found) != dimension:
            self.warnings.append(f"{self.name} has {len(found)} directions for {dimension} axes")
            return []
        return found

    def _affine(
        self, vectors: list[list[float] | None], spatial: list[int]
    ) -> geometry.Affine | None:
        fields = self.header.fields
        space = fields.get("space", "").strip('" ').lower()
        signs = _FRAMES.get(_TIMES.get(space, space))
        affine = np.eye(4)
        if not vectors and "spacings" not in fields and "spacing" not in fields:
            return None
        if signs is None or not vectors:
            what = "no space" if signs is None else "no directions"
            self.warnings.append(
                f"{self.name} states {what}: only its spacings are used, axes as left, back, head"
            )
            signs = (-1, -1)
            steps = _floats(fields.get("spacings", "").split()) or [
                float(np.linalg.norm(vector)) if vector else math.nan for vector in vectors
            ]
            for column, axis in enumerate(spatial):
                step = steps[axis] if axis < len(steps) else math.nan
                affine[column, column] = step if math.isfinite(step) and step else 1.0
        else:
            for column, axis in enumerate(spatial):
                affine[:3, column] = vectors[axis] or [0, 0, 0]
            if len(spatial) == 2:
                normal = np.cross(affine[:3, 0], affine[:3, 1])
                affine[:3, 2] = normal / (np.linalg.norm(normal) or 1)
            origin = _VECTOR.match(fields.get("space origin", ""))
            place = _floats(origin[1].split(",")) if origin and origin[1] else None
            if place is not None and len(place) in (3, 4):
                affine[:3, 3] = place[:3]
            units = re.findall(r'"([^"]*)"', fields.get("space units", ""))
            affine[:3] *= _MM.get(units[0] if units else "mm", 1.0)
        affine[0] *= signs[0]
        affine[1] *= signs[1]
        if not np.isfinite(affine).all() or not np.linalg.det(affine[:3, :3]):
            self.warnings.append(f"the directions of {self.name} make no grid and are left out")
            return None
        return affine + 0.0  # no negative zeros


def open_nrrd(media: Media) -> NrrdFile:
    """Read and check a file's header.

    Raises:
        MediaError: It is no NRRD file, is damaged, or ends before its voxels do.
    """
    return NrrdFile(media)


def open_array(media: Media) -> LazyVolume:
    """Return the voxels of an NRRD file, see ``arrays.OPENERS``; errors as ``open_nrrd``."""
    return open_nrrd(media).array


def _read_header(reader: ByteReader) -> Header:
    total = size_of(reader.source)
    data = b""
    while len(data) < min(total, MAX_HEADER):
        data += reader.read_at(len(data), min(_CHUNK, total - len(data)))
        if not data.startswith(MAGIC) or re.search(rb"\r?\n\r?\n", data):
            break
    return parse_header(data, reader.name)


def _floats(texts: Sequence[str]) -> list[float] | None:
    try:
        return [float(text) for text in texts]
    except ValueError:
        return None


def _in_space(numbers: list[float] | None) -> list[float] | None:
    """Return a vector without time; None if there is none, or it is of time alone."""
    if numbers is None or len(numbers) not in (3, 4):
        return None
    return numbers[:3] if len(numbers) == 3 or any(numbers[:3]) else None


def _sizes(fields: dict[str, str], name: str) -> list[int]:
    try:
        sizes = [int(n) for n in fields["sizes"].split()]
        dimension = int(fields["dimension"])
    except (KeyError, ValueError) as error:
        raise MediaError("the header states no usable sizes", where=name) from error
    if dimension != len(sizes) or not 2 <= dimension <= 4 or min(sizes) < 1:
        raise MediaError(f"{dimension} axes of sizes {sizes} make no volume", where=name)
    return sizes


def _dtype(fields: dict[str, str], name: str) -> np.dtype[Any]:
    stated = fields.get("type", "").lower()
    code = _TYPES.get(" ".join(stated.split()))
    if code is None:
        raise MediaError(f"data of type {stated!r} are not supported", where=name)
    big = fields.get("endian", "little").lower() == "big"
    return np.dtype(f"{'>' if big else '<'}{code}")


def _data(
    media: Media, header: Header, sizes: list[int], dtype: np.dtype[Any], name: str
) -> tuple[LazyVolume, int]:
    """Return the voxels, and how many bytes there are behind them."""
    fields = header.fields
    encoding = fields.get("encoding", "raw").lower()
    source, start, detached = media.source, header.end, fields.get("data file")
    if detached is not None:
        source, start = _detached(media, detached, name), 0
    need = math.prod(sizes) * dtype.itemsize
    start = _behind_lines(source, start, _number(fields, "line skip", name), name)
    skip = _number(fields, "byte skip", name)
    if encoding in _TEXTS:
        text = ByteReader(source, name, start=start, packing="raw")
        return _from_text(text, encoding, sizes, dtype), 0
    if encoding not in _PACKING:
        raise MediaError(f"the encoding {encoding!r} is not supported", where=name)
    reader = ByteReader(source, name, start=start, packing=_PACKING[encoding])
    if skip == -1:  # the voxels are the end of the file, whatever is before them
        skip = reader.stated_length() - need
    if skip < 0:
        raise MediaError(f"a byte skip of {skip} leads out of the file", where=name)
    surplus = reader.check_length(skip + need)
    return FileArray(reader, tuple(sizes), dtype, skip), surplus


def _number(fields: dict[str, str], key: str, name: str) -> int:
    text = fields.get(key) or "0"
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise MediaError(f"{key} is no number: {text[:20]!r}", where=name)
    return int(text)


def _behind_lines(source: Any, start: int, count: int, name: str) -> int:
    """Return where the data begin if some lines come first, which are never compressed."""
    reader = ByteReader(source, name, start=start, packing="raw")
    found = 0
    try:
        while count > 0:
            chunk = reader.read_at(found, min(_CHUNK, size_of(source) - start - found))
            lines = chunk.split(b"\n", count)
            if not chunk or found > MAX_HEADER:
                raise MediaError(f"there are {count} lines less than line skip says", where=name)
            count -= len(lines) - 1
            found += len(chunk) - (len(lines[-1]) if not count else 0)
    finally:
        reader.close()
    return start + found


def _detached(media: Media, stated: str, name: str) -> Any:
    """Return where a data file is; it lies in the header's folder or below."""
    if stated.startswith("LIST") or "%" in stated:
        raise MediaError("data in several files are not supported", where=name)
    inside = clean_name(stated, name)
    source = media.source
    if isinstance(source, ArchiveMember):
        folder, slash, _ = source.name.rpartition("/")
        return ArchiveMember(source.archive, f"{folder}{slash}{inside}")
    if isinstance(source, str):
        folder, slash, _ = source.rpartition("/")
        return beside(source, f"{folder}{slash}{inside}")
    raise MediaError("the data are in another file, which is not here", where=name)


def _from_text(
    reader: ByteReader, encoding: str, sizes: list[int], dtype: np.dtype[Any]
) -> LazyVolume:
    data = reader.read_at(0, size_of(reader.source) - reader.start)
    reader.close()
    try:
        if _TEXTS[encoding] == 16:
            flat = np.frombuffer(bytes.fromhex(data.decode("ascii")), dtype)
        else:
            flat = np.array(data.split(), np.float64 if dtype.kind == "f" else np.int64).astype(
                dtype
            )
        return ArrayView(flat.astype(dtype.newbyteorder("=")).reshape(sizes, order="F"))
    except (ValueError, OverflowError) as error:
        raise MediaError(f"the numbers cannot be read: {error}", where=reader.name) from error


def _spatial(
    fields: dict[str, str], vectors: list[list[float] | None], dimension: int, name: str
) -> list[int]:
    """Return the axes that lie in space."""
    if vectors:
        spatial = [n for n, vector in enumerate(vectors) if vector is not None]
    else:
        kinds = fields.get("kinds", "").lower().split()
        other = {"list", "vector", "rgb-color", "rgba-color", "3-color", "4-color", "time"}
        spatial = [n for n in range(dimension) if n >= len(kinds) or kinds[n] not in other]
        spatial = spatial[-3:] if len(spatial) > 3 else spatial
    if len(spatial) not in (2, 3) or dimension - len(spatial) > 1:
        raise MediaError(f"{len(spatial)} of {dimension} axes lie in space", where=name)
    return spatial


def _arranged(base: LazyVolume, spatial: list[int]) -> LazyVolume:
    """Bring axes in space to the front, channels to the end."""
    dimension = len(base.shape)
    other = [n for n in range(dimension) if n not in spatial]
    if len(spatial) == 3 and [*spatial, *other] == list(range(dimension)):
        return base
    return ArrangedVolume(base, spatial, other)


def vector_text(vector: Sequence[float]) -> str:
    """Return a vector as headers write it; numbers read back the same."""
    return f"({','.join(repr(float(v)) for v in vector)})"
