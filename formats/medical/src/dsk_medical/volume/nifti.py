"""NIfTI files: headers read and checked, voxels read and written plane by plane.

The affine is nibabel's choice: the sform if it has a code, else the qform, else the fallback from
the spacing. ITK chooses otherwise when both have codes and differ, which is warned of. What is
written has equal sform and qform, so that all readers agree.
"""

from __future__ import annotations

import base64
import gzip
import math
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from dsk.errors import MediaError
from dsk.files import Located
from dsk.media import ArchiveMember, Media, Volume
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import COLORS, ArrangedVolume, FileArray, LazyVolume
from dsk_medical.volume.reader import ByteReader, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "FAMILY",
    "GEOMETRY",
    "NiftiFile",
    "beside",
    "header_of",
    "make_header",
    "open_array",
    "open_nifti",
    "stated_affine",
    "take_values",
    "write_nifti",
]

FAMILY = "nifti"
_SIZES = {348: "<", 540: "<", 0x5C010000: ">", 0x1C020000: ">"}
_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
_COMPRESSION = 1
"""gzip's level: nibabel's choice, three times as fast as 6 for a few per cent of size."""


class NiftiFile:
    """An opened NIfTI file: its header; the voxels stay where they are.

    Attributes:
        header: nibabel's header object.
        raw: The header's bytes.
        array: The voxels; of volumes in colour their first axis is colour.
        colors: Names of the colours of such volumes.
        affine: Voxel indices to RAS+ mm (4, 4); None when the file has no usable one.
        stated: Whether a form code says what the affine is relative to.
        warnings: What a user should know of it.
    """

    def __init__(self, media: Media) -> None:
        self.name = media.path or str(media.source)
        self.warnings: list[str] = []
        reader = ByteReader(media.source, self.name)
        try:
            self._read(reader, media)
        finally:
            reader.close()

    def _read(self, reader: ByteReader, media: Media) -> None:
        self.raw, kind, pair = _header_bytes(reader)
        self.header = header = _parse(self.raw, kind, self.name)
        shape, dtype = _shape_of(header, self.name), _dtype_of(header, self.name)
        colors = len(dtype.fields or ())  # numbers of a voxel lie together
        scaling = (1.0, 0.0) if colors else _scaling(header)
        offset = _offset(header, kind, pair)
        if pair:
            reader = _data_half(media, self.name)
        reader.check_length(offset + math.prod(shape) * dtype.itemsize)
        if reader.packed != self.name.lower().endswith(".gz") and isinstance(media.path, str):
            what = "is gzipped" if reader.packed else "is not gzipped"
            self.warnings.append(f"{self.name} {what}, against its name")
        self.stored_shape = shape
        if colors:
            shape, dtype = (colors, *shape), np.dtype(np.uint8)
        self.array = FileArray(reader, shape, dtype, offset, scaling=scaling)
        self.colors = COLORS[:colors]
        self.affine, self.stated = self._affine(kind)

    def _affine(self, kind: str) -> tuple[geometry.Affine | None, bool]:
        from nibabel.spatialimages import HeaderDataError

        if kind == "analyze":
            self.warnings.append(f"{self.name} is Analyze 7.5, which does not state orientation")
            return np.asarray(self.header.get_best_affine(), np.float64), False
        codes = int(self.header["sform_code"]), int(self.header["qform_code"])
        try:
            affine = np.asarray(self.header.get_best_affine(), np.float64)
        except (HeaderDataError, ValueError, ArithmeticError) as error:
            self.warnings.append(f"the affine of {self.name} cannot be used: {error}")
            return None, False
        affine = affine.copy()
        affine[:3] *= _UNIT_MM.get(int(self.header["xyzt_units"]) & 7, 1.0)
        if not np.isfinite(affine).all() or not np.linalg.det(affine[:3, :3]):
            self.warnings.append(f"the affine of {self.name} is not invertible and left out")
            return None, False
        if all(codes):
            self._compare_forms(codes)
        return affine, any(codes)

    def _compare_forms(self, codes: tuple[int, int]) -> None:
        from nibabel.spatialimages import HeaderDataError

        try:
            other = self.header.get_qform()
        except (HeaderDataError, ValueError, ArithmeticError) as error:
            self.warnings.append(f"the qform of {self.name} cannot be used: {error}")
            return
        apart = geometry.corner_distance(self.header.get_sform(), other, _three(self.stored_shape))
        if apart > geometry.CLOSE_MM:
            self.warnings.append(
                f"sform_qform_conflict: sform (code {codes[0]}) and qform (code {codes[1]}) of "
                f"{self.name} are up to {apart:.4g} mm apart; the sform is taken, ITK may differ"
            )


def open_nifti(media: Media) -> NiftiFile:
    """Read and check a file's header.

    Raises:
        MediaError: It is no NIfTI file, is damaged, or ends before its voxels do.
    """
    return NiftiFile(media)


def open_array(media: Media) -> LazyVolume:
    """Return the voxels of a NIfTI file, see ``arrays.OPENERS``; errors as ``open_nifti``."""
    return _grid(open_nifti(media))


def _grid(file: NiftiFile) -> LazyVolume:
    """Bring an array to three axes and maybe channels."""
    array = file.array
    shape = file.stored_shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 5 and shape[3] == 1:  # NIfTI keeps vectors behind an axis for time
        shape = (*shape[:3], shape[4])
    if len(shape) > (3 if file.colors else 4):
        raise MediaError(
            f"the volume has {len(shape)} axes {shape}; vectors over time are not supported",
            where=array.reader.name,
        )
    shape = (*shape, *(1,) * (3 - len(shape)))
    if file.colors:
        shape = (len(file.colors), *shape)
    grid = FileArray(
        array.reader, shape, array.stored, array.offset, order=array.order, scaling=array.scaling
    )
    return ArrangedVolume(grid, [1, 2, 3], [0]) if file.colors else grid


def _three(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape, 1, 1, 1)[:3]


def _header_bytes(reader: ByteReader) -> tuple[bytes, str, bool]:
    """Return the header, its kind (nifti1, nifti2, analyze), and whether it is one of two files."""
    hint = "NIfTI files begin with their header's size, 348 or 540"
    try:
        size = _SIZES.get(int.from_bytes(head := reader.read_at(0, 4), "little"))
    except MediaError as error:
        if size_of(reader.source):
            raise
        raise MediaError("no NIfTI file: it is empty", where=reader.name) from error
    if size is None:
        raise MediaError("no NIfTI file", where=reader.name, hint=hint)
    two = head in (b"\x1c\x02\0\0", b"\0\0\x02\x1c")
    raw = reader.read_at(0, 540 if two else 348)
    magic = raw[4:8] if two else raw[344:348]
    if two:
        return raw, "nifti2", magic[:2] == b"ni"
    if magic[:3] in (b"n+1", b"ni1"):
        return raw, "nifti1", magic[:2] == b"ni"
    return raw, "analyze", True


def _parse(raw: bytes, kind: str, name: str) -> Any:
    import nibabel as nib
    from nibabel.spatialimages import HeaderDataError

    classes: dict[str, Any] = {
        "nifti1": nib.nifti1.Nifti1Header,
        "nifti2": nib.nifti2.Nifti2Header,
        "analyze": nib.spm99analyze.Spm99AnalyzeHeader,
    }
    try:
        return classes[kind](raw, check=False)
    except (HeaderDataError, ValueError) as error:
        raise MediaError(f"damaged NIfTI header: {error}", where=name) from error


def _shape_of(header: Any, name: str) -> tuple[int, ...]:
    dims = [int(n) for n in header["dim"]]
    if not 1 <= dims[0] <= 7 or min(dims[1 : dims[0] + 1]) < 1:
        raise MediaError(f"the header's dimensions {dims} make no volume", where=name)
    return tuple(dims[1 : dims[0] + 1])


def _dtype_of(header: Any, name: str) -> np.dtype[Any]:
    from nibabel.spatialimages import HeaderDataError

    try:
        dtype: np.dtype[Any] = np.dtype(header.get_data_dtype())
    except (HeaderDataError, KeyError, ValueError) as error:
        raise MediaError(f"unknown data type {int(header['datatype'])}", where=name) from error
    if dtype.kind not in "iufV" or not dtype.itemsize:
        raise MediaError(f"data of type {dtype} are not supported", where=name)
    if dtype.fields is not None and "".join(dtype.fields) not in ("RGB", "RGBA"):
        raise MediaError(f"data of type {dtype} are not supported", where=name)
    return dtype


def _scaling(header: Any) -> tuple[float, float]:
    """Return (slope, intercept); a slope that is 0 or no number means none."""
    try:
        slope, inter = header.get_slope_inter()
    except (ValueError, ArithmeticError, KeyError):
        return 1.0, 0.0
    except Exception as error:
        if type(error).__name__ != "HeaderDataError":
            raise
        return 1.0, 0.0  # a good slope with an intercept that is no number
    slope, inter = (1.0 if slope is None else slope), (0.0 if inter is None else inter)
    return (float(slope), float(inter)) if math.isfinite(slope) and slope else (1.0, 0.0)


def _offset(header: Any, kind: str, pair: bool) -> int:
    stated = float(header["vox_offset"])
    least = 0 if pair else {"nifti1": 352, "nifti2": 544}[kind]
    return max(int(stated), least) if math.isfinite(stated) else least


def beside(source: str, path: str) -> str:
    """Return the path of a file beside another, checked like that one when it is opened."""
    if not isinstance(source, Located):
        return path
    place = Located(path)
    place.root = source.root
    return place


def _data_half(media: Media, name: str) -> ByteReader:
    """Return a reader of the data file beside a header file."""
    lower, source = name.lower(), media.source
    for head, data in ((".hdr.gz", ".img.gz"), (".hdr", ".img")):
        if lower.endswith(head):
            other = name[: -len(head)] + data
            if isinstance(source, ArchiveMember):
                member = source.name[: -len(head)] + data
                return ByteReader(ArchiveMember(source.archive, member), other)
            if isinstance(source, str):
                return ByteReader(beside(source, source[: -len(head)] + data), other)
    raise MediaError("the header of a pair of files, without the other one", where=name)


# --- From and to dsk's Volume ---------------------------------------------------------------------


def volume_of(file: NiftiFile, media: Media, **more: Any) -> Volume:
    """Return the medium of an item for an opened file.

    Args:
        file: The opened file.
        media: Its path and source.
        more: Further fields of the ``Volume``.
    """
    grid = _grid(file)
    more.setdefault("channels", file.colors)
    return Volume(
        media.path,
        media.source,
        None,
        grid.shape,
        geometry.flat(file.affine),
        file.array.stored.newbyteorder("=").name,
        file.array.scaling,
        header={FAMILY: base64.b64encode(file.raw).decode()},
        **more,
    )


def stated_affine(volume: Volume) -> geometry.Affine | None:
    """Return a volume's affine; None also if its NIfTI header does not say what it is relative to.

    Without form codes (and in Analyze 7.5) readers make an affine up from the spacing.
    """
    text = volume.header.get(FAMILY) if isinstance(volume.header, dict) else None
    if isinstance(text, str):
        raw = base64.b64decode(text)
        if len(raw) == 348 and raw[344:347] not in (b"n+1", b"ni1"):
            return None
        header = _parse(raw, "nifti2" if len(raw) == 540 else "nifti1", volume.path)
        if not int(header["sform_code"]) and not int(header["qform_code"]):
            return None
    return geometry.matrix(volume.affine)


def header_of(volume: Volume | None) -> Any:
    """Return nibabel's header object that a volume's source had, or None.

    None also when the volume's affine is no longer the header's: then it was reoriented, and what
    the header says of geometry is of no use.
    """
    text = volume.header.get(FAMILY) if volume and isinstance(volume.header, dict) else None
    if volume is None or not isinstance(text, str):
        return None
    try:
        raw = base64.b64decode(text, validate=True)
        header = _parse(raw, "nifti2" if len(raw) == 540 else "nifti1", volume.path)
        affine = np.asarray(header.get_best_affine(), np.float64).copy()
    except (ValueError, ArithmeticError, MediaError):
        return None
    affine[:3] *= _UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    own = geometry.matrix(volume.affine)
    return header if own is not None and np.array_equal(affine, own) else None


def make_header(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    affine: NDArray[Any] | None,
    *,
    like: Any = None,
    scaling: tuple[float, float] = (1.0, 0.0),
    texts: bool = False,
    values: bool = False,
) -> Any:
    """Return a NIfTI header for a new file.

    Args:
        shape: Its axes.
        dtype: Type of the stored numbers.
        affine: Voxel indices to RAS+ mm; None leaves both form codes 0, as for unknown.
        like: A header whose forms, codes and units are taken over; it must have this affine.
        scaling: (slope, intercept).
        texts: Whether free-text fields of ``like`` are taken over too.
        values: Whether what ``like`` says of its values and of time is, too.
    """
    import nibabel as nib

    large = max(shape) > np.iinfo(np.int16).max
    two = large or isinstance(like, nib.nifti2.Nifti2Header)
    cls: Any = nib.nifti2.Nifti2Header if two else nib.nifti1.Nifti1Header
    header = cls(endianness="<")
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    if like is not None:
        for name in GEOMETRY:
            header[name] = like[name]
        header["pixdim"][: min(4, len(shape) + 1)] = like["pixdim"][: min(4, len(shape) + 1)]
        for name in _TEXTS if texts else ():
            header[name] = like[name]
        if values:
            take_values(header, like)
            for name in _SLICES:
                header[name] = like[name]
    elif affine is not None:
        _set_affine(header, np.asarray(affine, np.float64))
    header.set_slope_inter(*scaling)
    header["vox_offset"] = 544 if two else 352
    header["magic"] = b"n+2\0\r\n\x1a\n"[:8] if two else b"n+1"
    return header


GEOMETRY = (
    *("qform_code", "sform_code", "xyzt_units", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
)
"""Fields of a header that say where its voxels lie, beside ``pixdim``."""

_TEXTS = ("descrip", "aux_file", "intent_name")
_VALUES = ("cal_min", "cal_max", "toffset", "intent_code", "intent_p1", "intent_p2", "intent_p3")
_SLICES = ("dim_info", "slice_code", "slice_start", "slice_end", "slice_duration")
"""Fields that say how slices were measured, by the axes of the array."""


def take_values(header: Any, like: Any) -> None:
    """Take over what a header says of its values and of time; all of that are numbers."""
    for name in _VALUES:
        header[name] = like[name]
    if header["dim"][0] > 3:
        header["pixdim"][4:] = like["pixdim"][4:]


def _set_affine(header: Any, affine: NDArray[np.float64]) -> None:
    header.set_sform(affine, code=1)
    header.set_xyzt_units("mm")
    if geometry.orthonormal(affine):
        header.set_qform(affine, code=1)
    else:  # a qform holds no shear: readers that prefer it must not be given another grid
        header["pixdim"][1:4] = geometry.spacing(affine)


@contextmanager
def _compressed(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Compress what is written to a file if its name says so; equal content gives equal bytes."""
    if not name.lower().endswith(".gz"):
        yield file
        return
    with gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as packed:
        yield cast("BinaryIO", packed)


def write_nifti(
    create: Callable[[str], BinaryIO],
    name: str,
    header: Any,
    planes: Iterable[NDArray[Any]],
) -> None:
    """Write a file plane by plane.

    Args:
        create: Opens a new file, for instance ``ctx.out.open``.
        name: Its name; with the ending ``.gz`` it is compressed.
        header: See ``make_header``.
        planes: (i, j) planes, first along k, then along further axes.
    """
    with create(name) as file, _compressed(file, name) as out:
        writer = NiftiWriter(out, header)
        for plane in planes:
            writer.add(plane)


class NiftiWriter:
    """Writes the header at once, then planes one by one: for several files at the same time.

    Args:
        out: Where it goes.
        header: See ``make_header``.
    """

    def __init__(self, out: BinaryIO, header: Any) -> None:
        self._out = out
        self._dtype = np.dtype(header.get_data_dtype())
        head = header.binaryblock
        out.write(head + b"\0" * (int(header["vox_offset"]) - len(head)))

    def add(self, plane: NDArray[Any]) -> None:
        """Write an (i, j) plane."""
        whole = np.asarray(plane).astype(self._dtype, order="F", copy=False)
        self._out.write(whole.tobytes("F"))
