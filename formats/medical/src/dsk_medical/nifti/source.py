"""The items of a folder of NIfTI files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import Header, Source, spans
from dsk.item import DatasetItem
from dsk.media import Volume
from dsk_medical.nifti.scores import attributes_of, read_scores
from dsk_medical.volume import geometry
from dsk_medical.volume.align import align
from dsk_medical.volume.annotate import slice_masks, volume_masks
from dsk_medical.volume.arrays import PARTITION_VOLUMES
from dsk_medical.volume.labels import LabelVolume, label_maps
from dsk_medical.volume.nifti import NiftiFile, open_array, open_nifti, volume_of

if TYPE_CHECKING:
    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_medical.nifti.layout import MaskFile, Study
    from dsk_medical.nifti.scores import Scores
    from dsk_medical.volume.arrays import LazyVolume
    from dsk_medical.volume.tables import Labels

__all__ = ["OBJECT_VALUE", "NiftiSource"]

OBJECT_VALUE = "object_value"
"""Attribute of a mask of a slice: the value of its voxels in the file."""


class NiftiSource(Source):
    """See ``dsk.flow.Source``.

    Args:
        root: Where the files are.
        studies: What becomes items.
        labels: Classes by value; those that only have a name by negative numbers.
        colors: Colours by value.
        scanned: Label volumes that were read already, by file.
        masks: "volume" or "slices".
        policy: What to do with masks on other grids, see ``align.POLICIES``.
    """

    partition_items = PARTITION_VOLUMES

    def __init__(
        self,
        root: InputRoot,
        studies: Sequence[Study],
        labels: Labels,
        colors: dict[int, tuple[int, int, int]],
        scanned: dict[str, LabelVolume],
        *,
        masks: str,
        policy: str,
    ) -> None:
        self._root = root
        self._studies = studies
        self._labels = labels
        self._scanned = scanned
        self._slices = masks == "slices"
        self._policy = policy
        categories = _named_only(labels.categories(colors))
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
                grid = _Grid.of(study)
            except MediaError as error:
                ledger.bad_record(_bad(error, study))
                continue
            for warning in grid.warnings:
                ledger.warn(warning)
            yield DatasetItem(
                study.id,
                study.subset,
                grid.media,
                list(self._annotations(study, grid, ledger)),
                dict(study.attributes),
            )

    def index(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.index``: without annotations, which are what costs."""
        start, stop = partition
        for study in self._studies[start:stop]:
            try:
                media = _Grid.of(study).media
            except MediaError as error:
                ledger.bad_record(_bad(error, study))
                continue
            yield DatasetItem(study.id, study.subset, media, (), dict(study.attributes))

    def _annotations(self, study: Study, grid: _Grid, ledger: Ledger) -> Iterator[Annotation]:
        objects = 1
        for mask in study.masks:
            try:
                found = list(self._masks(mask, grid, objects, ledger))
            except MediaError as error:
                ledger.bad_record(_bad(error, study))
                continue
            objects += len({a.object_id for a in found if a.object_id >= 0})
            yield from found

    def _masks(
        self, mask: MaskFile, grid: _Grid, first: int, ledger: Ledger
    ) -> Iterator[Annotation]:
        file = open_nifti(mask.media)
        for warning in file.warnings:
            ledger.warn(warning)
        base = open_array(mask.media)
        maps = [self._placed(part, base, file, grid) for part in label_maps(base, file.name)]
        for labels, _, warning in maps:
            for text in (warning, *labels.warnings):
                if text:
                    ledger.warn(text)
        values = [value for labels, _, _ in maps for value in labels.values() if value]
        if not values:
            ledger.warn(f"{mask.media.path} holds no object")
        scores = self._scores(mask, values, grid.shape[2], ledger)
        label_of = self._label_of(mask)
        if self._slices:
            self._tell_lost(mask, scores, [labels for labels, _, _ in maps], ledger)
        numbers = {value: first + n for n, value in enumerate(values)}
        for labels, affine, _ in maps:
            if self._slices:
                yield from slice_masks(
                    labels, label_of, objects=numbers, attributes=partial(_of_slice, scores)
                )
            else:
                objects = partial(_of_object, scores, labels.slice_values())
                yield from volume_masks(labels, label_of, affine=affine, attributes=objects)

    def _tell_lost(
        self, mask: MaskFile, scores: Scores, maps: Sequence[LabelVolume], ledger: Ledger
    ) -> None:
        """Tell of scores of slices that their object has no voxel in, and so no mask."""
        places = {
            (value, k)
            for labels in maps
            for k, there in enumerate(labels.slice_values())
            for value in there
            if value
        }
        objects = {value for value, _ in places}
        lost = {(v, k) for v, own in scores.items() for k in own if v in objects} - places
        slices = {k for _, k in lost}
        if mask.by_class:  # a score is of all objects of the slice
            slices -= {k for _, k in places}
        if slices:
            what = f"scores of {len(slices)} slices without voxels of their object are left out"
            ledger.warn(f"{self._root.show(mask.scores)}: {what}")

    def _placed(
        self, part: LazyVolume, base: LazyVolume, file: NiftiFile, grid: _Grid
    ) -> tuple[LabelVolume, geometry.Affine | None, str]:
        """Return a label map on the item's grid, its affine if that is another one, a warning."""
        affine = file.affine if file.stated else None
        target = grid.affine if grid.stated or affine is not None else None
        fitted = align(part, affine, target, grid.shape, policy=self._policy, name=file.name)
        scanned = self._scanned.get(file.name)
        if scanned is None or fitted.array is not base:
            scanned = LabelVolume(fitted.array, file.name)
        scanned.values()  # finds warnings
        return scanned, fitted.affine, fitted.warning

    def _label_of(self, mask: MaskFile) -> Callable[[int], int | None]:
        if mask.label:
            number = self._by_name.get(mask.label)
            return lambda _value: number
        if mask.number is not None:
            number = self._labels.of(mask.number)
            return lambda _value: number
        return self._labels.of

    def _scores(self, mask: MaskFile, values: list[int], depth: int, ledger: Ledger) -> Scores:
        if not mask.scores:
            return {}
        try:
            found = read_scores(self._root, mask.scores, depth, ledger)
        except InputError as error:
            bad = RecordError(error.message, where=error.where, hint=error.hint)
            ledger.bad_record(bad)
            return {}
        if mask.by_class and mask.number is not None:
            return dict.fromkeys(values, found.get(mask.number, {}))
        for value in sorted(set(found) - set(values)):
            if found[value]:
                what = f"{self._root.show(mask.scores)}: no object has the value {value}"
                ledger.warn(f"{what} of column Label-{value}")
        return found


class _Grid:
    """What an item's masks lie on: its volume or, without one, the first mask.

    Attributes:
        media: The item's medium.
        shape: Its shape.
        affine: Voxel indices to RAS+ mm, or None.
        stated: Whether the file says what the affine is relative to.
        warnings: What a user should know of the volume.
    """

    def __init__(self, media: Volume, file: NiftiFile | None) -> None:
        self.media = media
        self.shape = media.shape
        self.affine = geometry.matrix(media.affine)
        self.stated = file is not None and file.stated
        self.warnings = file.warnings if file is not None else []

    @classmethod
    def of(cls, study: Study) -> _Grid:
        """Open what a study's grid is read from."""
        media = study.volume
        if media.source is not None:
            file = open_nifti(media)
            return cls(volume_of(file, media), file)
        for mask in study.masks:
            file = open_nifti(mask.media)
            like = volume_of(file, mask.media)
            volume = Volume(media.path, None, None, like.shape[:3], like.affine)
            grid = cls(volume, file)
            grid.warnings = []
            return grid
        return cls(Volume(media.path), None)


def _of_slice(scores: Scores, k: int, value: int) -> dict[str, Any]:
    """Return the attributes of an object's mask in a slice."""
    own = scores.get(value, {})
    return {OBJECT_VALUE: value, **({"score": own[k]} if k in own else {})}


def _of_object(scores: Scores, places: list[list[int]], value: int) -> dict[str, Any]:
    """Return an object's attributes."""
    there = [k for k, values in enumerate(places) if value in values]
    return attributes_of(scores.get(value, {}), there)


def _named_only(categories: Categories) -> Categories:
    """Take away the negative numbers that stand for classes by name."""
    labels = (
        replace(label, source_id=None) if (label.source_id or 0) < 0 else label
        for label in categories.labels
    )
    return categories.with_labels(labels)


def _bad(error: MediaError, study: Study) -> RecordError:
    return RecordError(error.message, where=error.where, hint=error.hint, item=study.id)
