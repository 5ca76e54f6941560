"""MetaImage files (``.mha``), with which ITK's tools keep volumes: header and voxels in one file.

Source of the grammar: the documentation of MetaIO. Vectors are in ITK's world, LPS.
"""

from __future__ import annotations

import math
import re
import shutil
import tempfile
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dsk.errors import MediaError
from dsk.media import Volume
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import ArrangedVolume, FileArray, LazyVolume
from dsk_medical.volume.reader import ByteReader, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dsk.media import Media

__all__ = ["MetaImage", "open_array", "open_metaimage", "volume_of", "write_metaimage"]

_MAX_HEADER = 1 << 16
_DATA = re.compile(rb"^ElementDataFile[ \t]*=[ \t]*([^\r\n]*)\r?\n", re.MULTILINE)
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_SYNONYMS = {
    "elementbyteordermsb": "binarydatabyteordermsb",
    "position": "offset",
    "origin": "offset",
    "rotation": "transformmatrix",
    "orientation": "transformmatrix",
    "elementsize": "elementspacing",
}
"""Other names of fields; the spacing is stated before the size where both are."""


class MetaImage:
    """An opened file: its header; the voxels stay where they are.

    Attributes:
        fields: Values by name, lower case.
        array: The voxels, (i, j, k) or (i, j, k, c).
        dtype: Type of the stored numbers.
        affine: Voxel indices to RAS+ mm; None when the header states no usable one.
        warnings: What a user should know of it.
    """

    def __init__(self, media: Media) -> None:
        self.name = media.path or str(media.source)
        self.warnings: list[str] = []
        self.fields, start = _read_header(media, self.name)
        sizes = [int(n) for n in self._numbers("dimsize")]
        stated = self.fields.get("ndims")
        if not 2 <= len(sizes) <= 4 or min(sizes) < 1 or stated != str(len(sizes)):
            raise MediaError(f"axes of the sizes {sizes} make no volume", where=self.name)
        self.dtype = self._dtype()
        self.array = self._data(media, start, sizes)
        self.affine = self._affine(len(sizes))

    def _numbers(self, field: str) -> list[float]:
        """Return a field's numbers, none if it is not there."""
        try:
            found = [float(n) for n in self.fields.get(field, "").split()]
        except ValueError as error:
            raise MediaError(f"{field} are no numbers: {error}", where=self.name) from error
        if not np.isfinite(found).all():
            raise MediaError(f"{field} are no numbers: {found}", where=self.name)
        return found

    def _is(self, field: str) -> bool:
        return self.fields.get(field, "False").lower() in ("true", "1")

    def _dtype(self) -> np.dtype[Any]:
        stated = self.fields.get("elementtype", "")
        if stated.upper() not in _TYPES:
            raise MediaError(f"voxels of type {stated!r} are not supported", where=self.name)
        order = ">" if self._is("binarydatabyteordermsb") else "<"
        return np.dtype(order + _TYPES[stated.upper()])

    def _data(self, media: Media, start: int, sizes: list[int]) -> LazyVolume:
        """Return the voxels, channels (which lie together for each voxel) brought to the end."""
        channels = int((self._numbers("elementnumberofchannels") or [1])[0])
        if channels < 1 or (channels > 1 and len(sizes) == 4):
            what = f"{channels} channels of {len(sizes)} axes make no volume"
            raise MediaError(what, where=self.name)
        shape = (channels, *sizes) if channels > 1 else tuple(sizes)
        packed = self._is("compresseddata")
        kind = "zlib" if packed else "raw"
        reader = ByteReader(media.source, self.name, start=start, packing=kind)
        need = math.prod(shape) * self.dtype.itemsize
        surplus = reader.check_length(
            need, packed=int(sum(self._numbers("compresseddatasize")[:1]))
        )
        if surplus:
            self.warnings.append(
                f"{self.name} has {surplus} bytes more than its voxels: "
                "if they come first, its HeaderSize is wrong and the voxels are shifted"
            )
        base = FileArray(reader, shape, self.dtype, 0)
        if channels == 1 and len(sizes) > 2:
            return base
        first = int(channels > 1)
        return ArrangedVolume(base, list(range(first, len(shape))), [0] if first else [])

    def _affine(self, axes: int) -> geometry.Affine | None:
        space = min(axes, 3)
        spacing = self._numbers("elementspacing")
        if len(spacing) != axes:
            if spacing:
                self.warnings.append(f"{self.name} has {len(spacing)} spacings for {axes} axes")
            return None
        directions = np.eye(axes)
        stated = self._numbers("transformmatrix")
        if len(stated) == axes * axes:
            directions = np.reshape(stated, (axes, axes))
        elif stated:
            self.warnings.append(f"{self.name} has a matrix of {len(stated)} numbers: left out")
        affine = np.eye(4)
        # a row of the matrix is an axis of the array, as MetaIO writes it
        affine[:space, :space] = directions[:space, :space].T
        affine[:space, :space] *= spacing[:space]
        origin = self._numbers("offset")
        if len(origin) == axes:
            affine[:space, 3] = origin[:space]
        affine[:2] *= -1
        if not np.linalg.det(affine[:3, :3]):
            self.warnings.append(f"the directions of {self.name} make no grid and are left out")
            return None
        return affine + 0.0  # no negative zeros


def open_metaimage(media: Media) -> MetaImage:
    """Read and check a file's header.

    Raises:
        MediaError: It is no MetaImage, of a kind that is not read, damaged, or ends before its
            voxels do.
    """
    return MetaImage(media)


def open_array(media: Media) -> LazyVolume:
    """Return the voxels, see ``arrays.OPENERS``; errors as ``open_metaimage``."""
    return open_metaimage(media).array


def volume_of(file: MetaImage, media: Media) -> Volume:
    """Return the medium of an item for an opened file."""
    return Volume(
        media.path,
        media.source,
        None,
        file.array.shape,
        geometry.flat(file.affine),
        file.dtype.newbyteorder("=").name,
    )


def _read_header(media: Media, name: str) -> tuple[dict[str, str], int]:
    """Return the header's fields and where the voxels begin."""
    reader = ByteReader(media.source, name, packing="raw")
    try:
        data = reader.read_at(0, min(size_of(media.source), _MAX_HEADER))
    finally:
        reader.close()
    match = _DATA.search(data)
    if match is None:
        raise MediaError(
            "no MetaImage file", where=name, hint="its header ends with the line ElementDataFile"
        )
    fields: dict[str, str] = {}
    for line in data[: match.end()].decode("utf-8", "replace").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            key = key.strip().lower()
            fields.setdefault(_SYNONYMS.get(key, key), value.strip())
    _check_kind(fields, name)
    return fields, match.end()


_UNSCALED = {"elementtointensityfunctionslope": 1.0, "elementtointensityfunctionoffset": 0.0}


def _unlike(text: str | None, number: float) -> bool:
    try:
        return text is not None and float(text) != number
    except ValueError:
        return True


def _check_kind(fields: dict[str, str], name: str) -> None:
    """Refuse what is not read."""
    where = fields.get("elementdatafile", "")
    bad = ""
    if fields.get("objecttype", "Image").lower() != "image":
        bad = f"objects of the kind {fields['objecttype']}"
    elif where.upper() != "LOCAL":
        bad = f"voxels in another file ({where[:60]})"
    elif fields.get("binarydata", "True").lower() not in ("true", "1"):
        bad = "voxels written as text"
    elif fields.get("headersize", "0") != "0":
        bad = "headers of a stated size"
    elif any(_unlike(fields.get(key), number) for key, number in _UNSCALED.items()):
        bad = "scale factors"
    if bad:
        hint = "save the file anew as .mha or .nii.gz"
        raise MediaError(f"MetaImage: {bad} are not read", where=name, hint=hint)


_COMPRESSION = 1
_HELD = 16 << 20
"""Compressed bytes that are held in memory before the header, which states their number."""


def write_metaimage(
    create: Callable[[str], BinaryIO],
    name: str,
    pieces: Iterable[NDArray[Any]],
    *,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    affine: geometry.Affine | None,
) -> None:
    """Write a file piece by piece, compressed.

    Args:
        create: Opens a new file, for instance ``ctx.out.open``.
        name: Its name.
        pieces: The voxels, first axis fastest, one after the other.
        shape: (i, j, k).
        dtype: Type of the numbers.
        affine: Voxel indices to RAS+ mm, or None.
    """
    little = dtype.newbyteorder("<")
    engine = zlib.compressobj(_COMPRESSION)
    with tempfile.SpooledTemporaryFile(_HELD, prefix="dsk-") as packed:
        for piece in pieces:
            packed.write(engine.compress(piece.astype(little, copy=False).tobytes("F")))
        packed.write(engine.flush())
        fields = _fields(shape, dtype, affine, packed.tell())
        packed.seek(0)
        with create(name) as file:
            file.write("".join(f"{key} = {value}\n" for key, value in fields.items()).encode())
            shutil.copyfileobj(packed, file)


def _fields(
    shape: tuple[int, ...], dtype: np.dtype[Any], affine: geometry.Affine | None, packed: int
) -> dict[str, str]:
    """Return the fields of a header, in the order of ITK's."""
    fields = {
        "ObjectType": "Image",
        "NDims": str(len(shape)),
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": str(packed),
    }
    if affine is not None:
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine + 0.0
        spacing = geometry.spacing(affine)
        fields["TransformMatrix"] = _numbers_text((lps[:3, :3] / spacing + 0.0).T.ravel())
        fields["Offset"] = _numbers_text(lps[:3, 3])
        fields["ElementSpacing"] = _numbers_text(spacing)
    fields["DimSize"] = " ".join(map(str, shape))
    name = f"{dtype.kind}{dtype.itemsize}"
    fields["ElementType"] = next(key for key, own in _TYPES.items() if own == name)
    fields["ElementDataFile"] = "LOCAL"
    return fields


def _numbers_text(numbers: Any) -> str:
    return " ".join(repr(float(n)) for n in numbers)
