"""The items of folders of DICOM files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.annotations import Annotation, Mask3d
from dsk.collector import collect_young
from dsk.errors import MediaError, RecordError
from dsk.flow import Header, Source
from dsk.item import DatasetItem
from dsk.media import Media, Volume
from dsk_medical.dicom.segments import open_segmentation
from dsk_medical.dicom.series import IDENTIFIERS, DicomVolume, Series
from dsk_medical.volume import geometry
from dsk_medical.volume.align import cropped, place
from dsk_medical.volume.labels import LabelVolume

if TYPE_CHECKING:
    from dsk.categories import Categories
    from dsk.loss import Ledger

__all__ = ["DicomSource", "Study"]


class Study(NamedTuple):
    """What becomes one item.

    Attributes:
        id: Its id.
        series: The series; None when there are only segmentations.
        masks: Its segmentations.
    """

    id: str
    series: Series | None
    masks: list[Media]


class DicomSource(Source):
    """See ``dsk.flow.Source``.

    Args:
        studies: What becomes items.
        categories: The labels.
        keep: Whether identifiers become attributes.
        threshold: See ``segments.Segmentation``.
        policy: What to do with segmentations on other grids, see ``align.POLICIES``.
    """

    def __init__(
        self,
        studies: Sequence[Study],
        categories: Categories,
        *,
        keep: bool,
        threshold: float | None,
        policy: str,
    ) -> None:
        self._studies = studies
        self._keep = keep
        self._threshold = threshold
        self._policy = policy
        self._by_name = {label.name: n for n, label in enumerate(categories.labels)}
        self.header = Header(categories=categories, media=frozenset({"volume"}), items=len(studies))

    def partitions(self) -> Sequence[int]:
        """See ``Source.partitions``: one for each study."""
        return range(len(self._studies))

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        study = self._studies[partition]
        media: Volume | None = None
        try:
            if study.series is not None:
                media = _volume(study, study.series, ledger)
        except MediaError as error:
            ledger.bad_record(_bad(error, study))
            return
        annotations: list[Annotation] = []
        for mask in study.masks:
            try:
                media, found = self._segments(mask, media, study, ledger)
            except MediaError as error:
                ledger.bad_record(_bad(error, study))
                continue
            annotations.extend(found)
        attributes: dict[str, Any] = {}
        if study.series is not None:
            hidden = frozenset() if self._keep else frozenset(IDENTIFIERS)
            attributes = {k: v for k, v in study.series.facts.items() if v and k not in hidden}
        yield DatasetItem(study.id, media=media, annotations=annotations, attributes=attributes)
        collect_young()  # pydicom's data sets and highdicom's segmentations hold cycles

    def _segments(
        self, mask: Media, media: Volume | None, study: Study, ledger: Ledger
    ) -> tuple[Volume | None, list[Annotation]]:
        segmentation = open_segmentation(mask, self._threshold)
        if segmentation.warning:
            ledger.warn(segmentation.warning)
        found: list[Annotation] = []
        for segment in segmentation.segments:
            array, affine = segmentation.volume(segment.number)
            if media is None:
                media = Volume(f"{study.id}.dcm", None, None, array.shape, geometry.flat(affine))
            target = geometry.matrix(media.affine)
            fitted = place(
                cropped(array), affine, target, media.shape, policy=self._policy, name=mask.path
            )
            if fitted.warning:
                ledger.warn(fitted.warning)
            found.append(
                Mask3d(
                    LabelVolume(fitted.array, mask.path),
                    1,
                    geometry.flat(fitted.affine),
                    label=self._by_name.get(segment.label),
                    extra={"dicom": {"SegmentNumber": segment.number, **segment.codes}},
                )
            )
        return media, found


def _volume(study: Study, series: Series, ledger: Ledger) -> Volume:
    array = DicomVolume(series, ledger)
    channels = tuple(str(n) for n in range(array.channels)) if array.channels > 1 else ()
    return Volume(
        f"{study.id}.dcm",
        array,
        None,
        array.shape,
        geometry.flat(array.affine),
        array.dtype.name,
        channels=channels,
    )


def _bad(error: MediaError, study: Study) -> RecordError:
    return RecordError(error.message, where=error.where, hint=error.hint, item=study.id)
