"""DICOM files sorted into series, and series as volumes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsk.errors import MediaError
from dsk.media import Media
from dsk_medical.dicom.library import library
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import LazyVolume, full_key

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["DicomVolume", "Frame", "Series", "frames_of", "read_header", "sort_series"]

TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "Modality"),
    *("FrameOfReferenceUID", "SeriesNumber", "InstanceNumber", "Rows", "Columns"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("RescaleSlope", "RescaleIntercept", "SamplesPerPixel", "NumberOfFrames", "BitsStored"),
    *("PixelRepresentation", "PatientID", "StudyDate", "SeriesDescription", "BodyPartExamined"),
    *("ReferencedSeriesSequence", "BitsAllocated", "SegmentSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
IDENTIFIERS = {
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "study_date": "StudyDate",
    "series_description": "SeriesDescription",
}
"""Attributes of items that may name a patient."""

DIRECTORY = "1.2.840.10008.1.3.10"
_UNEVEN = 0.01


class Frame(NamedTuple):
    """One slice of a series.

    Attributes:
        media: Its file.
        number: InstanceNumber.
        place: Its position along the normal, in mm.
        position: Centre of its first pixel, LPS mm.
        scaling: (slope, intercept).
        bits: (BitsStored, PixelRepresentation).
        within: Which of the file's frames it is, from 0; None if the file is one image.
    """

    media: Media
    number: int
    place: float
    position: tuple[float, float, float]
    scaling: tuple[float, float]
    bits: tuple[int, int]
    within: int | None = None


class Series(NamedTuple):
    """Slices of one size and orientation.

    Attributes:
        uid: SeriesInstanceUID.
        folder: Folder of its first file.
        number: SeriesNumber.
        frames: Its slices, as sorted by ``frames_in_space``.
        steps: Directions of columns and rows, LPS, and their spacing (2, 3) in mm.
        thickness: SliceThickness in mm, or 1.
        size: (rows, columns).
        facts: What else is known of it.
    """

    uid: str
    folder: str
    number: int
    frames: list[Frame]
    steps: NDArray[np.float64]
    thickness: float
    size: tuple[int, int]
    facts: dict[str, str]


def read_header(root: InputRoot, name: str) -> Any:
    """Return a file's data set without pixels, or None if it is no DICOM file."""
    pydicom = library("pydicom")
    with root.open(name) as file:
        head = file.read(132)
        if head[128:] != b"DICM":
            return None
        file.seek(0)
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS))
            for _ in header.iterall():  # values are decoded when asked for: damage is found here
                pass
        except Exception as error:
            raise MediaError(f"a damaged DICOM file: {error}", where=root.show(name)) from error
    return header


_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}
"""Where files of several frames keep what others state once: functional groups, shared or not."""

Found = tuple[tuple[Any, ...], Frame, Series]


class _OfFrame:
    """What a file of several frames says of one.

    Args:
        header: The file's data set.
        index: The frame, from 0.
    """

    def __init__(self, header: Any, index: int) -> None:
        self._header = header
        own = header.get("PerFrameFunctionalGroupsSequence") or ()
        shared = header.get("SharedFunctionalGroupsSequence") or ()
        self._groups = [*own[index : index + 1], *shared[:1]]

    def get(self, tag: str, default: Any = None) -> Any:
        """Return a value, looking where the frame has it, where all have it, in the file."""
        for group in self._groups:
            found = group.get(_GROUPS[tag]) if tag in _GROUPS else None
            if found and tag in found[0]:
                return found[0].get(tag)
        return self._header.get(tag, default)


def frames_of(header: Any, media: Media) -> Iterator[Found]:
    """Yield the slices of a file: what those of a volume share, the slice, and the series.

    Raises:
        MediaError: It does not say where it lies, or is no grey image.
    """
    count = int(header.get("NumberOfFrames") or 1)
    if int(header.get("SamplesPerPixel", 1)) != 1:
        raise MediaError("colours are not read", where=media.path)
    if count == 1 and "PerFrameFunctionalGroupsSequence" not in header:
        yield _found(header, media, int(header.get("InstanceNumber") or 0), None)
        return
    stated = len(header.get("PerFrameFunctionalGroupsSequence") or ())
    if stated != count:
        raise MediaError(
            f"the file does not say where its frames lie: it has {count}, it tells of {stated}",
            where=media.path,
        )
    for index in range(count):
        yield _found(_OfFrame(header, index), media, index, index)


_NEEDED = (
    *("ImageOrientationPatient", "PixelSpacing", "ImagePositionPatient"),
    *("Rows", "Columns", "BitsStored"),
)


def _found(header: Any, media: Media, number: int, index: int | None) -> Found:
    try:
        cosines = np.array([float(v) for v in header.get("ImageOrientationPatient")]).reshape(2, 3)
        spacing = [float(v) for v in header.get("PixelSpacing")]
        x, y, z = (float(v) for v in header.get("ImagePositionPatient"))
        size = int(header.get("Rows")), int(header.get("Columns"))
        bits = int(header.get("BitsStored")), int(header.get("PixelRepresentation", 0))
        scaling = _number(header, "RescaleSlope", 1), _number(header, "RescaleIntercept", 0)
    except (TypeError, ValueError) as error:
        missing = [tag for tag in _NEEDED if header.get(tag) in (None, "")]
        why = f"{', '.join(missing)} is missing" if missing else str(error)
        raise MediaError(
            f"the file does not say where it lies: {why}",
            where=media.path,
            hint="only images with position, orientation and spacing make volumes",
        ) from error
    normal = np.cross(cosines[0], cosines[1])
    place = float(normal @ np.array([x, y, z]))
    frame = Frame(media, number, place, (x, y, z), scaling, bits, index)
    # columns step along the row's direction by the distance of columns, which is stated second
    steps = cosines * np.array([[spacing[1]], [spacing[0]]])
    folder = media.path.rpartition("/")[0]
    facts = {"modality": str(header.get("Modality", ""))}
    facts |= {name: str(header.get(tag, "") or "") for name, tag in IDENTIFIERS.items()}
    thickness = float(header.get("SliceThickness") or 1)
    series_number = int(header.get("SeriesNumber") or 0)
    uid = str(header.get("SeriesInstanceUID", ""))
    key = (uid, size, tuple(np.round(steps, 4).ravel().tolist()))
    return key, frame, Series(uid, folder, series_number, [], steps, thickness, size, facts)


def _number(header: Any, tag: str, default: float) -> float:
    """Return a number, the default where it is missing or empty."""
    value = header.get(tag)
    return float(default if value in (None, "") else value)


def sort_series(found: Sequence[Found]) -> list[Series]:
    """Put slices together, in the order of folders and numbers of series."""
    by_key: dict[tuple[Any, ...], Series] = {}
    for key, frame, series in found:
        by_key.setdefault(key, series).frames.append(frame)
    done = sorted(by_key.values(), key=lambda s: (s.folder, s.number, s.uid))
    for series in done:
        series.frames.sort(key=lambda f: (f.place, f.number, f.media.path))
    return done


class DicomVolume(LazyVolume):
    """A series as a volume: i along columns, j along rows, k along the normal.

    Values are rescaled; they stay whole numbers if slopes and intercepts are.

    Args:
        series: Its slices; with several at each place they are channels.
        ledger: Where oddities go.

    Raises:
        MediaError: Places have different numbers of slices.
    """

    def __init__(self, series: Series, ledger: Ledger) -> None:
        groups: dict[float, list[Frame]] = defaultdict(list)
        for frame in series.frames:
            groups[round(frame.place, 3)].append(frame)
        counts = {len(frames) for frames in groups.values()}
        if len(counts) > 1:
            raise MediaError(
                f"slices are missing or double: places have {sorted(counts)} slices",
                where=series.folder,
                hint="part the series by its acquisitions",
            )
        self.channels = counts.pop()
        self.frames = [frames for _, frames in sorted(groups.items())]
        rows, columns = series.size
        size = (columns, rows, len(self.frames))
        self.shape = size if self.channels == 1 else (*size, self.channels)
        self.dtype = _dtype(series)
        self.affine = self._affine(series, ledger)

    def _affine(self, series: Series, ledger: Ledger) -> geometry.Affine:
        first, last = self.frames[0][0], self.frames[-1][0]
        places = np.array([frames[0].place for frames in self.frames])
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = series.steps
        affine[:3, 3] = first.position
        if len(places) > 1:
            affine[:3, 2] = (np.array(last.position) - first.position) / (len(places) - 1)
            gaps = np.diff(places)
            if np.ptp(gaps) > _UNEVEN * gaps.mean():
                what = f"distances of slices vary from {gaps.min():.4g} to {gaps.max():.4g} mm"
                ledger.warn(f"{series.folder or 'a series'}: {what}: is one missing?")
        else:
            normal = np.cross(series.steps[0], series.steps[1])
            affine[:3, 2] = normal / np.linalg.norm(normal) * series.thickness
        affine[:2] *= -1  # DICOM's x and y grow to the left and back
        return affine + 0.0

    def _pixels(self, frame: Frame) -> NDArray[Any]:
        try:
            with frame.media.open() as file:
                pixels = library("pydicom.pixels").pixel_array(file, index=frame.within)
        except MediaError:
            raise
        except Exception as error:  # pydicom has no class for damaged or unknown pixels
            raise MediaError(
                f"the pixels cannot be read: {error}",
                where=frame.media.path,
                hint="compressed files may need: pip install pylibjpeg pylibjpeg-libjpeg "
                "pylibjpeg-openjpeg",
            ) from error
        if pixels.shape != self.shape[1::-1]:
            raise MediaError(f"the image is {pixels.shape}", where=frame.media.path)
        slope, inter = frame.scaling
        if self.dtype.kind == "f":
            values = pixels.T * slope + inter
        elif (slope, inter) == (1.0, 0.0):
            values = pixels.T
        else:
            values = pixels.T.astype(np.int64) * int(slope) + int(inter)
        rescaled: NDArray[Any] = values.astype(self.dtype, copy=False)
        return rescaled

    def _slice(self, k: int) -> NDArray[Any]:
        parts = [self._pixels(frame) for frame in self.frames[k]]
        return parts[0] if self.channels == 1 else np.stack(parts, axis=-1)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        wanted = full_key(key, self.shape)
        third = wanted[2]
        if not isinstance(third, slice):
            if len(wanted) == 4 and not isinstance(wanted[3], slice):
                return self._pixels(self.frames[third][wanted[3]])[wanted[:2]]
            return self._slice(third)[(*wanted[:2], *wanted[3:])]
        ks = range(self.shape[2])[third]
        whole = np.empty((*self.shape[:2], len(ks), *self.shape[3:]), self.dtype)
        for n, k in enumerate(ks):
            whole[:, :, n] = self._slice(k)
        return whole[(*wanted[:2], slice(None), *wanted[3:])]


def _dtype(series: Series) -> np.dtype[Any]:
    """Return a type that holds all values there can be."""
    ends = []
    for (slope, inter), (bits, signed) in {(f.scaling, f.bits) for f in series.frames}:
        if not (slope.is_integer() and inter.is_integer()):
            return np.dtype(np.float64)
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        ends += [low * slope + inter, high * slope + inter]
    for kind in (np.uint8, np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float64)
