"""Opening DICOM series with their segmentations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.categories import Categories, LabelCategory
from dsk.collector import collect_young
from dsk.errors import InputError, MediaError, OptionError, RecordError
from dsk.flow import Importer
from dsk.media import Media
from dsk.names import clean_name
from dsk_medical.dicom.detect import may_be_dicom
from dsk_medical.dicom.segments import SEG_CLASSES, SegmentFacts, segments_of
from dsk_medical.dicom.series import DIRECTORY, Series, frames_of, read_header, sort_series
from dsk_medical.dicom.source import DicomSource, Study

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["DicomImporter"]


COLLECTED = 256
"""Files after which is freed what pydicom left of their headers in cycles."""

ODD_VALUES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What values of another kind or number than the standard's make of a header's facts."""


class DicomImporter(Importer):
    """Opens DICOM files; options see ``descriptors.IMPORTER``.

    Raises:
        OptionError: The threshold is no share.
    """

    def __init__(
        self,
        *,
        identifiers: str = "drop",
        threshold: float | None = None,
        spatial_mismatch: str = "warn",
    ) -> None:
        if threshold is not None and not 0 < threshold <= 1:
            raise OptionError(f"threshold is a share from 0 to 1, not {threshold}")
        self._keep = identifiers == "keep"
        self._threshold = threshold
        self._policy = spatial_mismatch

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        names = (
            [root.focus] if root.focus is not None else [n for n in root.walk() if may_be_dicom(n)]
        )
        frames: list[Any] = []
        other: list[str] = []
        segmentations: list[_Segments] = []
        for number, name in enumerate(names):
            media = Media(name, root.locate(name))
            if not number % COLLECTED:
                collect_young()
            try:
                header = read_header(root, name)
                if header is None or str(header.get("SOPClassUID", "")) == DIRECTORY:
                    continue
                if not _in_space(header):
                    other.append(name)
                elif str(header.get("SOPClassUID", "")) in SEG_CLASSES:
                    segmentations.append(_Segments.of(header, media))
                else:
                    frames += list(frames_of(header, media))  # all of a file's or none
            except MediaError as error:
                where = error.where or root.show(name)
                ledger.bad_record(RecordError(error.message, where=where, hint=error.hint))
            except ODD_VALUES as error:
                text = f"a damaged DICOM file: {error}"
                ledger.bad_record(RecordError(text, where=root.show(name)))
        if other:
            what = "DICOM files without an image in space are left out"
            ledger.warn(f"{len(other)} {what}: {', '.join(other[:3])}")
        if not frames and not segmentations:
            raise InputError("there is no DICOM image in space", where=root.path)
        studies = _studies(sort_series(frames), segmentations, ledger)
        return DicomSource(
            studies,
            _categories(segmentations),
            keep=self._keep,
            threshold=self._threshold,
            policy=self._policy,
        )


class _Segments(NamedTuple):
    """A file of a segmentation: the series it is about, and its segments."""

    media: Media
    series: frozenset[str]
    segments: list[SegmentFacts]

    @classmethod
    def of(cls, header: Any, media: Media) -> _Segments:
        """Take the facts of a header."""
        series = header.get("ReferencedSeriesSequence") or ()
        uids = frozenset(str(one.get("SeriesInstanceUID", "")) for one in series)
        return cls(media, uids, segments_of(header))


def _categories(segmentations: list[_Segments]) -> Categories:
    """Return the labels: those of the segments, in the order of the files."""
    colors: dict[str, tuple[int, int, int] | None] = {}
    codes: dict[str, dict[str, list[str]]] = {}
    for one in segmentations:
        for segment in one.segments:
            known = colors.get(segment.label)
            colors[segment.label] = known if known is not None else segment.color
            codes.setdefault(segment.label, segment.codes)
    labels = tuple(
        LabelCategory(name, extra={"dicom": codes[name]} if codes[name] else None)
        for name in colors
    )
    painted = {n: c for n, c in enumerate(colors.values()) if c is not None}
    return Categories(labels=labels, colors=painted)


def _in_space(header: Any) -> bool:
    """Whether a file holds an image that lies somewhere.

    Reports and screenshots do not, nor do segmentations of radiographs: those have no frame of
    reference.
    """
    if str(header.get("SOPClassUID", "")) in SEG_CLASSES:
        return bool(header.get("FrameOfReferenceUID"))
    place = header.get("ImagePositionPatient") or header.get("PerFrameFunctionalGroupsSequence")
    return "Rows" in header and bool(place)


def _studies(series: list[Series], segmentations: list[_Segments], ledger: Ledger) -> list[Study]:
    """Name series by their folders, number those that share one, and give them segmentations."""
    in_folder: dict[str, int] = {}
    for one in series:
        in_folder[one.folder] = in_folder.get(one.folder, 0) + 1
    counts: dict[str, int] = {}
    studies: list[Study] = []
    for one in series:
        number = counts[one.folder] = counts.get(one.folder, 0) + 1
        name = one.folder or "series"
        if in_folder[one.folder] > 1:
            name = f"{name}_{number}" if not one.folder else f"{name}/series_{number}"
        studies.append(Study(clean_name(name), one, []))
    for media, wanted, _ in segmentations:
        owners = [s for s in studies if s.series is not None and s.series.uid in wanted]
        # a scout may share the series: what was segmented is the volume
        owner = max(owners, key=lambda s: len(s.series.frames if s.series else ()), default=None)
        if owner is None:
            ledger.warn(f"{media.path}: its series is not here: it becomes an item of its own")
            stem = media.path.rpartition(".")[0] or media.path
            studies.append(Study(clean_name(stem), None, [media]))
        else:
            owner.masks.append(media)
    return studies
