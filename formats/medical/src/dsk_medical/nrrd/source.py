"""The items of a folder of NRRD files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import Annotation, Mask3d
from dsk.errors import MediaError, RecordError
from dsk.flow import Header, Source, spans
from dsk.item import DatasetItem
from dsk.media import Volume
from dsk_medical.nrrd.forms import nifti_header
from dsk_medical.nrrd.header import NrrdFile, open_nrrd
from dsk_medical.nrrd.segments import Segment, segments_of
from dsk_medical.volume import geometry
from dsk_medical.volume.align import place
from dsk_medical.volume.arrays import PARTITION_VOLUMES, ChannelView
from dsk_medical.volume.labels import LabelVolume

if TYPE_CHECKING:
    from dsk.categories import Categories
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk.media import Media
    from dsk_medical.nifti.layout import MaskFile, Study
    from dsk_medical.volume.arrays import LazyVolume

__all__ = ["FAMILY", "NrrdSource", "volume_of"]

FAMILY = "nrrd"
_AFTER_FIRST = 1 << 16


class NrrdSource(Source):
    """See ``dsk.flow.Source``.

    Args:
        root: Where the files are.
        studies: What becomes items.
        categories: The labels.
        policy: What to do with segmentations on other grids, see ``align.POLICIES``.
    """

    partition_items = PARTITION_VOLUMES

    def __init__(
        self, root: InputRoot, studies: Sequence[Study], categories: Categories, *, policy: str
    ) -> None:
        self._root = root
        self._studies = studies
        self._policy = policy
        self._by_name = {label.name: n for n, label in enumerate(categories.labels)}
        self.header = Header(
            categories=categories,
            media=frozenset({"volume"}),
            subsets=tuple(dict.fromkeys(study.subset for study in studies)),
            items=len(studies),
        )

    def partitions(self) -> Sequence[tuple[int, int]]:
        """See ``Source.partitions``."""
        return spans(len(self._studies), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        start, stop = partition
        for study in self._studies[start:stop]:
            try:
                media = _medium(study, ledger)
            except MediaError as error:
                ledger.bad_record(_bad(error, study))
                continue
            annotations: list[Annotation] = []
            for mask in study.masks:
                try:
                    annotations.extend(self._segments(mask, media, ledger))
                except MediaError as error:
                    ledger.bad_record(_bad(error, study))
            yield DatasetItem(study.id, study.subset, media, annotations)

    def _segments(self, mask: MaskFile, media: Volume, ledger: Ledger) -> list[Annotation]:
        file = open_nrrd(mask.media)
        for warning in file.warnings:
            ledger.warn(warning)
        if np.prod(file.array.shape[:3]) == 1:  # Slicer's way to write that there is nothing
            return []
        layers = _layers(file.array)
        segments = segments_of(file.header.pairs, len(layers))
        if not segments:
            raise MediaError("the segmentation names no segment", where=mask.media.path)
        volumes: dict[int, tuple[LabelVolume, geometry.Affine | None]] = {}
        found: list[Annotation] = []
        for segment in segments:
            if segment.layer not in volumes:
                if segment.layer >= len(layers):
                    what = f"segment {segment.id} is in layer {segment.layer} of {len(layers)}"
                    raise MediaError(what, where=mask.media.path)
                volumes[segment.layer] = self._placed(layers[segment.layer], file, media, ledger)
            labels, affine = volumes[segment.layer]
            if segment.value not in labels.values():
                ledger.warn(f"{self._root.show(mask.media.path)}: {segment.name!r} has no voxel")
            found.append(self._mask(segment, labels, affine))
        return found

    def _placed(
        self, layer: LazyVolume, file: NrrdFile, media: Volume, ledger: Ledger
    ) -> tuple[LabelVolume, geometry.Affine | None]:
        target = geometry.matrix(media.affine)
        fitted = place(layer, file.affine, target, media.shape, policy=self._policy, name=file.name)
        labels = LabelVolume(fitted.array, file.name)
        labels.values()
        for warning in (fitted.warning, *labels.warnings):
            if warning:
                ledger.warn(warning)
        return labels, fitted.affine

    def _mask(
        self, segment: Segment, labels: LabelVolume, affine: geometry.Affine | None
    ) -> Annotation:
        return Mask3d(
            labels,
            segment.value,
            geometry.flat(affine),
            label=self._by_name.get(segment.name),
            extra={FAMILY: {"ID": segment.id, **segment.other}},
        )


def _layers(array: LazyVolume) -> list[LazyVolume]:
    if len(array.shape) == 3:
        return [array]
    return [ChannelView(array, n) for n in range(min(array.shape[3], _AFTER_FIRST))]


def _medium(study: Study, ledger: Ledger) -> Volume:
    """Open the volume, or take the grid of the first segmentation."""
    media = study.volume
    alone = media.source is None
    file = open_nrrd(study.masks[0].media if alone else media)
    if alone:
        shape = file.array.shape[:3]
        dtype = file.dtype.newbyteorder("=").name
        return Volume(media.path, None, None, shape, geometry.flat(file.affine), dtype)
    for warning in file.warnings:
        ledger.warn(warning)
    return volume_of(file, media)


def volume_of(file: NrrdFile, media: Media) -> Volume:
    """Return the medium of an item for an opened file."""
    pairs, shape = file.header.pairs, file.array.shape
    return Volume(
        media.path,
        media.source,
        None,
        shape,
        geometry.flat(file.affine),
        file.dtype.newbyteorder("=").name,
        channels=file.colors,
        header={FAMILY: pairs, **nifti_header(pairs, shape)},
    )


def _bad(error: MediaError, study: Study) -> RecordError:
    return RecordError(error.message, where=error.where, hint=error.hint, item=study.id)
