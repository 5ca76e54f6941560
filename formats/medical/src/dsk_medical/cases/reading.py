"""Cases of one or several NIfTI channels and at most one label volume, read as items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import Header, Source, spans
from dsk.item import DatasetItem
from dsk.media import Media, Volume
from dsk_medical.cases.channels import ChannelVolume
from dsk_medical.nrrd.header import open_nrrd
from dsk_medical.nrrd.source import volume_of as nrrd_volume
from dsk_medical.volume import geometry, metaimage
from dsk_medical.volume.align import align
from dsk_medical.volume.annotate import slice_masks, volume_masks
from dsk_medical.volume.arrays import PARTITION_VOLUMES, LazyVolume, open_volume
from dsk_medical.volume.labels import LabelVolume
from dsk_medical.volume.nifti import open_array, open_nifti, stated_affine, volume_of

if TYPE_CHECKING:
    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_medical.volume.tables import Labels

__all__ = [
    "Case",
    "CaseSource",
    "Reading",
    "affines",
    "bad_case",
    "located",
    "opened",
    "scan_labels",
]


@dataclass(frozen=True, slots=True)
class Case:
    """The files of an item.

    Attributes:
        id: The item's id.
        subset: Its subset.
        channels: Names and files of its channels; one file may hold several (then the names are
            in ``names``).
        label: File of its label volume, or "".
        names: Names of the channels of a single file, or none.
        attributes: The item's attributes.
        extra: Fields without a place in the model.
    """

    id: str
    subset: str
    channels: tuple[tuple[str, str], ...]
    label: str = ""
    names: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How label volumes become annotations.

    Attributes:
        masks: "slices" (a mask per slice and value) or "volume" (a mask per value).
        background: Whether value 0 gets masks too; of slices only.
        spatial_mismatch: See ``align.POLICIES``.
        attributes: From a value to attributes of its masks.
    """

    masks: str = "volume"
    background: bool = False
    spatial_mismatch: str = "warn"
    attributes: Callable[[int], dict[str, Any]] | None = None


def located(root: InputRoot, file: str) -> Media:
    """Return a file of the dataset as a medium."""
    return Media(file, root.locate(file))


def opened(root: InputRoot, file: str) -> tuple[Volume, list[str]]:
    """Return a file of the dataset (NIfTI, NRRD, MetaImage, PNG, TIFF) as a volume, and warnings.

    Raises:
        MediaError: It is damaged, or of a kind that is not read.
    """
    media = located(root, file)
    shown = replace(media, path=root.show(file))
    lower = file.lower()
    if lower.endswith(".nrrd"):
        nrrd = open_nrrd(shown)
        return nrrd_volume(nrrd, media), nrrd.warnings
    if lower.endswith(".mha"):
        image = metaimage.open_metaimage(shown)
        return metaimage.volume_of(image, media), image.warnings
    if lower.endswith((".png", ".tif", ".tiff")):
        from dsk_medical.volume import pages

        return pages.volume_of(pages.PageVolume(shown), media), []
    nifti = open_nifti(shown)
    return volume_of(nifti, media), nifti.warnings


def scan_labels(
    root: InputRoot,
    cases: Sequence[Case],
    ledger: Ledger,
    opener: Callable[[Media], LazyVolume] = open_array,
) -> tuple[set[int], dict[str, LabelVolume]]:
    """Read all label volumes once, for datasets that do not name their values.

    Args:
        root: The dataset.
        cases: Its cases.
        ledger: Where warnings go.
        opener: From a file to its voxels.

    Returns:
        The values, and by file the volumes whose values are known now.
    """
    values: set[int] = set()
    known: dict[str, LabelVolume] = {}
    for file in dict.fromkeys(case.label for case in cases if case.label):
        try:
            labels = LabelVolume(opener(located(root, file)), root.show(file))
            values.update(labels.values())
            known[file] = labels
        except MediaError as error:  # told again, with its item, when that is read
            ledger.warn(f"{root.show(file)}: its values are not known: {error.message}")
    return values, known


class CaseSource(Source):
    """Cases as items.

    Args:
        root: Where they are.
        header: The header; subsets and the number of items are filled in.
        cases: The cases, in order.
        labels: Labels by value.
        reading: How labels are read.
        known: Label volumes that were read before, by file.
    """

    partition_items = PARTITION_VOLUMES

    def __init__(
        self,
        root: InputRoot,
        header: Header,
        cases: Sequence[Case],
        labels: Labels,
        reading: Reading,
        *,
        known: dict[str, LabelVolume] | None = None,
    ) -> None:
        self.root = root
        self.cases = list(cases)
        self.labels = labels
        self.reading = reading
        self.known = known or {}
        self.header = replace(
            header,
            subsets=tuple(dict.fromkeys(case.subset for case in cases)),
            items=len(self.cases),
            media=frozenset({"volume"}),
        )

    def partitions(self) -> Sequence[Any]:
        """See ``Source.partitions``."""
        return spans(len(self.cases), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        start, stop = partition
        for case in self.cases[start:stop]:
            item = self.item(case, ledger, annotated=True)
            if item is not None:
                yield item

    def index(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.index``."""
        start, stop = partition
        for case in self.cases[start:stop]:
            item = self.item(case, ledger, annotated=False)
            if item is not None:
                yield item

    def item(self, case: Case, ledger: Ledger, *, annotated: bool) -> DatasetItem | None:
        """Return a case as an item, None if it is bad; without annotations if not asked for."""
        try:
            media = self.volume(case, ledger)
        except InputError as error:
            bad_case(ledger, error, case, "the item is left out")
            return None
        annotations: list[Annotation] = []
        if annotated and case.label:
            try:
                annotations = self._annotations(case, media, ledger)
            except InputError as error:
                bad_case(ledger, error, case, "the item has no annotations")
        return DatasetItem(case.id, case.subset, media, annotations, case.attributes, case.extra)

    def volume(self, case: Case, ledger: Ledger) -> Volume | None:
        """Return a case's medium: its channels, or only the grid of its labels."""
        volumes = [self.open_file(file, ledger) for _, file in case.channels]
        if not volumes:
            if not case.label:
                return None
            return replace(
                self.open_file(case.label, ledger), path=case.id, source=None, header=None
            )
        if len(volumes) == 1:
            one = volumes[0]
            if one.channels:  # colours
                return one
            names = case.names or tuple(name for name, _ in case.channels if name)
            count = one.shape[3] if len(one.shape) > 3 else 1
            if names and len(names) != count:
                ledger.warn(f"{one.path} has {count} channels, {len(names)} are named")
                names = ()
            return replace(one, channels=names)
        return _stacked(case, volumes, ledger)

    def open_file(self, file: str, ledger: Ledger) -> Volume:
        """Return a file as a volume; its warnings go to the ledger, errors as ``opened``."""
        volume, warnings = opened(self.root, file)
        for warning in warnings:
            ledger.warn(warning)
        return volume

    def _annotations(self, case: Case, media: Volume | None, ledger: Ledger) -> list[Annotation]:
        labels, affine = self.aligned(case, media, ledger)
        reading = self.reading
        values = labels.values()
        for warning in labels.warnings:
            ledger.warn(warning)
        strange = [v for v in values if v and self.labels.of(v) is None]
        if strange:
            ledger.warn(
                f"unexpected_label_value: {self.root.show(case.label)} holds {strange[:8]}, which "
                "no label stands for"
            )
        made = reading.attributes
        if reading.masks == "volume":
            return list(volume_masks(labels, self.labels.of, affine=affine, attributes=made))
        return list(
            slice_masks(
                labels,
                self.labels.of,
                background=reading.background,
                attributes=(lambda _, value: made(value)) if made else None,
            )
        )

    def aligned(
        self, case: Case, media: Volume | None, ledger: Ledger
    ) -> tuple[LabelVolume, geometry.Affine | None]:
        """Return a case's labels on its volume's grid, and their affine if it is another."""
        name = self.root.show(case.label)
        own = self.open_file(case.label, ledger)
        if media is None:
            return LabelVolume(open_volume(own), name), None
        known = self.known.get(case.label)
        base = known.base if known is not None else open_volume(own)
        fitted = align(
            base,
            *affines(own, media),
            media.shape,
            policy=self.reading.spatial_mismatch,
            name=name,
        )
        if fitted.warning:
            ledger.warn(fitted.warning)
        if known is not None and fitted.array is base:
            return known, fitted.affine
        return LabelVolume(fitted.array, name), fitted.affine


def affines(mask: Volume, volume: Volume) -> tuple[geometry.Affine | None, geometry.Affine | None]:
    """Return the affines by which to compare a mask with its volume, None where none is stated."""
    own = stated_affine(mask)
    stated = volume.source is not None and stated_affine(volume) is not None
    return own, geometry.matrix(volume.affine) if stated or own is not None else None


def _stacked(case: Case, volumes: list[Volume], ledger: Ledger) -> Volume:
    """Return several files as the channels of one volume."""
    first = volumes[0]
    affine = geometry.matrix(first.affine)
    for volume in volumes[1:]:
        other = geometry.matrix(volume.affine)
        if affine is None or other is None or volume.shape != first.shape:
            continue
        apart = geometry.corner_distance(affine, other, first.shape)
        if apart > geometry.CLOSE_MM:
            ledger.warn(
                f"spatial_mismatch: {volume.path} is up to {apart:.4g} mm away from {first.path}; "
                "the first channel's grid is taken"
            )
    array = ChannelVolume(volumes)
    return Volume(
        case.id,
        array,
        None,
        array.shape,
        first.affine,
        array.dtype.name,
        channels=tuple(name for name, _ in case.channels),
        header=first.header,
    )


def bad_case(ledger: Ledger, error: InputError, case: Case, what: str) -> None:
    """Report a case that cannot be read, and what is done without it."""
    ledger.bad_record(
        RecordError(
            error.message,
            where=error.where or case.id,
            hint=error.hint or f"with --on-error skip {what}",
            item=case.id,
        )
    )
