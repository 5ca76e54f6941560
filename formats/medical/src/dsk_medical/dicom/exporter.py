"""Writing DICOM segmentations for volumes that come from DICOM series."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsk.annotations import Annotation, Mask, Mask3d
from dsk.collector import collect_young
from dsk.errors import InputError, MediaError
from dsk.flow import Exporter, Header
from dsk.item import DEFAULT_SUBSET
from dsk.media import Volume
from dsk_medical.cases.writing import bad_item, compose
from dsk_medical.dicom.library import library
from dsk_medical.dicom.series import DicomVolume
from dsk_medical.volume.compose import label_dtype

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.media import Media
    from dsk.output import WriteContext
    from dsk_medical.dicom.series import Frame
    from dsk_medical.volume.compose import LabelComposer

__all__ = ["DicomSegExporter"]

MOST_STACKED = 256 << 20
"""Overlapping segments that need more bytes together are written to several files."""

_CATEGORY = ["85756007", "SCT", "Tissue"]
_TYPE = ["85756007", "SCT", "Tissue"]
_ROOT = "2.25."
"""UIDs below it are numbers of 128 bits, here from what is written: equal input, equal UIDs."""


class DicomSegExporter(Exporter):
    """Writes binary segmentations of each item; options see ``descriptors.EXPORTER``."""

    def __init__(self, *, spatial_mismatch: str = "error") -> None:
        self._policy = spatial_mismatch
        self._header = Header()

    def begin(self, header: Header, ctx: WriteContext) -> None:  # noqa: ARG002
        """See ``Exporter.begin``."""
        library("highdicom.seg")
        self._header = header

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> set[int]:
        """See ``Exporter.write``; the state is the labels that segments have."""
        used: set[int] = set()
        for item in items:
            media = item.media
            if not isinstance(media, Volume) or not isinstance(media.source, DicomVolume):
                self._leave_out(item, ctx)
                continue
            try:
                used |= self._write_item(item, media, media.source, ctx)
            except InputError as error:
                bad_item(ctx, item, error)
            collect_young()  # as in reading
        return used

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """Tell which labels no segment has: the files do not name them."""
        used = set().union(*states)
        if unused := len(self._header.categories.labels) - len(used):
            ctx.ledger.add("DSK-L010", "labels without a segment", count=unused)

    def _leave_out(self, item: DatasetItem, ctx: WriteContext) -> None:
        what = "items whose volume is no DICOM series"
        hint = "a segmentation refers to DICOM images; -f nrrd or -f nifti hold any volume"
        ctx.ledger.add_at("DSK-L008", what, item, hint=hint)
        for a in item.annotations:
            ctx.ledger.add_at("DSK-L017", "masks of volumes that are no DICOM series", item, a)

    def _write_item(
        self, item: DatasetItem, media: Volume, series: DicomVolume, ctx: WriteContext
    ) -> set[int]:
        by_label: dict[int, list[Annotation]] = {}
        for a in item.annotations:
            if isinstance(a, Mask | Mask3d) and a.label is not None:
                by_label.setdefault(a.label, []).append(a)
        parts: list[LabelComposer] = []
        labels = []
        for label in sorted(by_label):
            part = item.replace(annotations=by_label[label])
            made = compose(ctx, part, lambda _: 1, policy=self._policy)
            if made is not None and made.count:
                parts.append(made.composer)
                labels.append(label)
        if not parts:
            return set()
        if series.channels > 1:
            raise MediaError("the series has several images at each place", where=media.path)
        folder = f"{item.subset}/" if item.subset != DEFAULT_SUBSET else ""
        for n, (taken, array) in enumerate(_voxels(parts), 1):
            if n == 2:
                ctx.ledger.warn(
                    "large segments that overlap are in several files: together in one they would "
                    "need too much memory"
                )
            data = self._encode(array, [labels[part] for part in taken], by_label, series)
            ctx.write(f"{folder}{item.id}.seg{f'.{n}' if n > 1 else ''}.dcm", data)
        return set(labels)

    def _encode(
        self,
        array: Any,
        labels: list[int],
        by_label: dict[int, list[Annotation]],
        series: DicomVolume,
    ) -> bytes:
        """Return a segmentation of voxels as ``_voxels`` returns them as a file."""
        highdicom, pydicom = library("highdicom"), library("pydicom")
        array, medias = _as_in_files(array, [frame for (frame,) in series.frames])
        images = []
        for media in medias:
            with media.open() as file:
                images.append(pydicom.dcmread(file))
        if len(medias) == 1 and int(images[0].get("NumberOfFrames") or 1) not in (1, len(array)):
            raise MediaError("only a part of the file's frames is in the series", where=media.path)
        segments = [
            self._description(highdicom, number, label, by_label[label][0])
            for number, label in enumerate(labels, 1)
        ]
        digest = hashlib.sha256(np.ascontiguousarray(array).data)
        digest.update(str(images[0].SeriesInstanceUID).encode())
        uid = _ROOT + str(int.from_bytes(digest.digest()[:15], "big"))
        made = highdicom.seg.Segmentation(
            images,
            array,
            highdicom.seg.SegmentationTypeValues.BINARY,
            segments,
            series_instance_uid=uid + "1",
            series_number=900,
            sop_instance_uid=uid + "2",
            instance_number=1,
            manufacturer="dsk",
            manufacturer_model_name="dsk-medical",
            software_versions="0.1",
            device_serial_number="0",
        )
        fixed = {**_FIXED, "DimensionOrganizationUID": uid + "3"}
        for element in made.iterall():
            if element.keyword in fixed:
                element.value = fixed[element.keyword]
        buffer = io.BytesIO()
        made.save_as(buffer)
        return buffer.getvalue()

    def _description(self, highdicom: Any, number: int, label: int, a: Annotation) -> Any:
        name = self._header.categories.labels[label].name
        color = self._header.categories.colors.get(label)
        known = (a.extra or {}).get("dicom", {})
        category, kind = (
            highdicom.sr.CodedConcept(*known.get(key, default)[:3])
            for key, default in (("category", _CATEGORY), ("type", _TYPE))
        )
        shown = highdicom.color.CIELabColor.from_rgb(*color) if color else None
        return highdicom.seg.SegmentDescription(
            number,
            name[:64] or f"class_{label}",
            category,
            kind,
            highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
            display_color=shown,
        )


def _voxels(parts: list[LabelComposer]) -> Iterator[tuple[list[int], NDArray[Any]]]:
    """Yield the voxels of segments in one of the two ways that highdicom takes them.

    Segments that overlap go into one array if it is not too large, else into several.

    Yields:
        Which segments, and their voxels: numbers from 1 on, (k, rows, columns), or 0 and 1 for each
        segment on a further axis, which needs as many times the memory.
    """
    rest = list(range(len(parts)))
    first = True
    while rest:
        numbers, taken = _without_overlap(parts, rest)
        rest = [n for n in rest if n not in taken]
        if first and rest and numbers.size * len(parts) <= MOST_STACKED:
            yield list(range(len(parts))), _stacked(parts, numbers.shape)
            return
        yield taken, numbers
        first = False


def _without_overlap(
    parts: list[LabelComposer], candidates: list[int]
) -> tuple[NDArray[Any], list[int]]:
    """Return numbered voxels of those segments that overlap none before, and which these are."""
    columns, rows, depth = parts[0].shape
    numbers = np.zeros((depth, rows, columns), label_dtype(len(candidates)))
    taken: list[int] = []
    for n in candidates:
        if _paint(numbers, parts[n], len(taken) + 1):
            taken.append(n)
        else:
            numbers[numbers == len(taken) + 1] = 0
    return numbers, taken


def _paint(numbers: NDArray[Any], part: LabelComposer, number: int) -> bool:
    """Give a segment's voxels its number; tell whether all of them were free."""
    for out, piece in zip(numbers, part.slices(_BINARY), strict=True):
        there = piece.T != 0
        if out[there].any():
            return False
        out[there] = number
    return True


def _stacked(parts: list[LabelComposer], shape: tuple[int, ...]) -> NDArray[Any]:
    stacked = np.zeros((*shape, len(parts)), np.uint8)
    for n, part in enumerate(parts):
        for k, piece in enumerate(part.slices(_BINARY)):
            stacked[k, :, :, n] = piece.T
    return stacked


_BINARY = np.dtype(np.uint8)


def _as_in_files(array: Any, frames: list[Frame]) -> tuple[Any, list[Media]]:
    """Return slices in the order of a file of several frames, if they are in one, and the files.

    Raises:
        MediaError: They are in several such files.
    """
    if frames[0].within is None:
        return array, [frame.media for frame in frames]
    if len({frame.media.path for frame in frames}) > 1:
        raise MediaError(
            "the series is in several files of many frames", where=frames[0].media.path
        )
    order = sorted(range(len(frames)), key=lambda k: frames[k].within or 0)
    return array[order], [frames[0].media]


_FIXED = {
    "ContentDate": "20000101",
    "ContentTime": "000000",
    "InstanceCreationDate": "20000101",
    "InstanceCreationTime": "000000",
    "ContributionDateTime": "20000101000000",
}
"""Times of writing, which would make equal input give other bytes."""
