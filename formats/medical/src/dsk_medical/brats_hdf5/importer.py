"""Reading brats_hdf5: volumes put together from their slices, or the slices themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.annotations import Annotation, Mask, Mask3d
from dsk.errors import InputError, LimitError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Media, Volume
from dsk.names import clean_name
from dsk_medical.brats.layouts import subset_of
from dsk_medical.brats.tables import SideTables, is_side_table, read_side_tables
from dsk_medical.brats_hdf5.arrays import ChannelMask, SliceImages, SliceLabels, Slices
from dsk_medical.brats_hdf5.detect import DEPTH
from dsk_medical.brats_hdf5.files import CHANNELS, VALUES, SliceFacts, read_facts
from dsk_medical.brats_hdf5.tables import METADATA, read_metadata, slice_number
from dsk_medical.volume import geometry
from dsk_medical.volume.annotate import IMAGE_ID, slice_masks, volume_masks
from dsk_medical.volume.labels import LabelVolume, SliceMask, distinct
from dsk_medical.volume.tables import Labels

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["AFFINE", "CLASSES", "FAMILY", "BratsHdf5Importer"]

FAMILY = "brats_hdf5"
CLASSES = dict(zip(VALUES, ("NCR/NET", "ED", "ET"), strict=True))
AFFINE = (-1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 239.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
"""Where the volumes of the original release lie."""

CHANNEL_NAMES = ("flair", "t1", "t1ce", "t2")
_VOLUMES, _SLICES = 2, 256  # items of a partition


class BratsHdf5Importer(Importer):
    """Opens brats_hdf5 datasets.

    Args:
        items: "volumes" or "slices".
        masks: "slices" or "volume".
        affine: "none", or "brats" to assume the original's grid.
    """

    def __init__(
        self, *, items: str = "volumes", masks: str = "slices", affine: str = "none"
    ) -> None:
        self._by_slice = items == "slices"
        self._by_volume = masks == "volume"
        self._assumed = AFFINE if affine == "brats" else None

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        names = [root.focus] if root.focus is not None else list(root.walk(depth=DEPTH))
        groups: dict[tuple[str, int], dict[int, str]] = {}
        for name in names:
            place = slice_number(name)
            if place is not None:
                groups.setdefault((name.rpartition("/")[0], place[0]), {})[place[1]] = name
        if not groups and not any(n.rpartition("/")[2] == METADATA for n in names):
            raise InputError(
                "no slices",
                where=root.path,
                hint="expected are files volume_<v>_slice_<s>.h5",
            )
        tables = read_side_tables(root, [n for n in names if is_side_table(n)], ledger)
        counts = _metadata(root, names, ledger)
        scans = [
            _scan(root, folder, number, files, tables=tables, ledger=ledger)
            for (folder, number), files in sorted(groups.items())
        ]
        return _Hdf5Source(
            root,
            _named(scans),
            counts,
            by_slice=self._by_slice,
            by_volume=self._by_volume,
            assumed=self._assumed,
        )


class _Scan(NamedTuple):
    """A volume of the dataset.

    Attributes:
        id: Its item's id.
        subset: Its subset.
        number: Its number.
        files: Its files by slice.
        attributes: Its attributes.
        extra: Columns of the tables without a place in the model.
        affine: What its files say of it.
        channels: How many of the channels are used, see ``SliceImages``.
    """

    id: str
    subset: str
    number: int
    files: dict[int, str]
    attributes: dict[str, Any]
    extra: dict[str, Any] | None
    affine: tuple[float, ...] | None
    channels: int


def _metadata(
    root: InputRoot, names: Sequence[str], ledger: Ledger
) -> dict[tuple[int, int], tuple[int, ...]]:
    counts: dict[tuple[int, int], tuple[int, ...]] = {}
    for name in names:
        base = name.rpartition("/")[2].lower()
        if base.endswith(".csv") and ("metadata" in base or "meta_data" in base):
            try:
                found = read_metadata(root, name, ledger)
            except InputError as error:
                ledger.bad_record(RecordError(error.message, where=error.where))
                continue
            counts.update(found or {})
            if found is None:
                ledger.warn(f"{root.show(name)} is no table of slices and left out")
    return counts


def _scan(
    root: InputRoot,
    folder: str,
    number: int,
    files: dict[int, str],
    *,
    tables: SideTables,
    ledger: Ledger,
) -> _Scan:
    ordered = dict(sorted(files.items()))
    gaps = max(ordered) + 1 - len(ordered)
    name = f"BraTS20_Training_{number:03d}"
    if gaps:
        ledger.warn(f"{root.show(folder)}: volume {number} has {gaps} slices less than it counts")
    stated: dict[str, Any] = {}
    for file in ordered.values():
        try:
            stated = read_facts(Media(root.show(file), root.locate(file))).attributes
        except (InputError, LimitError):
            continue  # told when the slice itself is read
        break
    attributes, extra = tables.of(name)
    case, subset, affine = (stated.get(key) for key in ("id", "subset", "affine"))
    channels = stated.get("channels", CHANNELS)
    found = tuple(affine) if isinstance(affine, tuple) and len(affine) == 16 else None
    return _Scan(
        clean_name(case) if isinstance(case, str) and case else name,
        subset if isinstance(subset, str) and subset else subset_of(folder, ""),
        number,
        ordered,
        attributes,
        extra,
        found,
        channels if isinstance(channels, int) and 0 <= channels <= CHANNELS else CHANNELS,
    )


def _named(scans: list[_Scan]) -> list[_Scan]:
    """Make ids unique: the same volume may lie in several folders."""
    seen: set[tuple[str, str]] = set()
    done = []
    for scan in scans:
        key = scan.id, scan.subset
        if key in seen:
            folder = next(iter(scan.files.values())).rpartition("/")[0]
            scan = scan._replace(id=f"{folder}/{scan.id}")  # noqa: PLW2901 - the same volume
        seen.add((scan.id, scan.subset))
        done.append(scan)
    return done


class _Scanned(LabelVolume):
    """Labels whose values were found while their files were checked."""

    def __init__(self, base: SliceLabels, name: str, values: list[list[int]]) -> None:
        super().__init__(base, name)
        self._values = values


class _Hdf5Source(Source):
    """Volumes or slices as items."""

    def __init__(
        self,
        root: InputRoot,
        scans: list[_Scan],
        counts: dict[tuple[int, int], tuple[int, ...]],
        *,
        by_slice: bool,
        by_volume: bool,
        assumed: tuple[float, ...] | None,
    ) -> None:
        self.partition_items = _SLICES if by_slice else _VOLUMES
        self.root = root
        self.counts = counts
        self.by_volume = by_volume
        self.by_slice = by_slice
        self.assumed = assumed
        self.labels = Labels(CLASSES)
        self.scans = scans
        self.places = [(v, s) for v, x in enumerate(scans) for s in (x.files if by_slice else (0,))]
        self.header = Header(
            categories=self.labels.categories(),
            media=frozenset({"volume"}),
            subsets=tuple(dict.fromkeys(scan.subset for scan in scans)),
            items=len(self.places),
        )

    def partitions(self) -> Sequence[Any]:
        """See ``Source.partitions``."""
        return spans(len(self.places), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        start, stop = partition
        for volume, number in self.places[start:stop]:
            scan = self.scans[volume]
            files = {0: scan.files[number]} if self.by_slice else scan.files
            item = self._item(scan, files, number, ledger)
            if item is not None:
                yield item

    def _item(
        self, scan: _Scan, files: dict[int, str], number: int, ledger: Ledger
    ) -> DatasetItem | None:
        case = f"{scan.id}_slice_{number}" if self.by_slice else scan.id
        if self.by_slice and scan.id == f"BraTS20_Training_{scan.number:03d}":
            case = f"volume_{scan.number}_slice_{number}"
        good, facts = self._checked(case, files, ledger)
        if facts is None:
            return None
        slices = Slices(good, facts.shape, 1 if self.by_slice else max(files) + 1)
        annotations: list[Annotation] = []
        labels = SliceLabels(slices)
        if facts.mask:
            values = self._values(case, labels, ledger)
            self._tell(case, scan, labels, number if self.by_slice else 0, ledger)
            annotations = list(self._annotations(labels, values, case))
        attributes = dict(scan.attributes)
        if self.by_slice:
            target = int(any(labels.counts.get(0, ())))
            attributes |= {"volume": scan.number, "slice": number, "target": target}
        return DatasetItem(
            case,
            scan.subset,
            self._media(case, slices, facts, scan, number=number),
            annotations,
            attributes,
            scan.extra,
        )

    def _checked(
        self, case: str, files: dict[int, str], ledger: Ledger
    ) -> tuple[dict[int, Media], SliceFacts | None]:
        """Return the files that can be opened, and what the first of them says."""
        good, first = {}, None
        for k, file in files.items():
            media = Media(self.root.show(file), self.root.locate(file))
            try:
                facts = read_facts(media)
            except (InputError, LimitError) as error:
                _bad(ledger, error, media, case)
                continue
            first = first or facts
            if facts.shape != first.shape or facts.mask != first.mask:
                what = f"unexpected_shape: {facts.shape} after slices of {first.shape}"
                if facts.shape == first.shape:
                    what = "there is no 'mask', other slices have one"
                _bad(ledger, InputError(what), media, case)
                continue
            good[k] = media
        return good, first

    def _values(self, case: str, labels: SliceLabels, ledger: Ledger) -> list[list[int]]:
        """Return the values of each slice; slices that cannot be read are taken out."""
        found = []
        for k in range(labels.shape[2]):
            try:
                found.append(distinct(labels[:, :, k]))
            except InputError as error:
                _bad(ledger, error, labels.base.files[k], case)
                del labels.base.files[k]
                found.append([0])
        return found

    def _tell(
        self, case: str, scan: _Scan, labels: SliceLabels, first: int, ledger: Ledger
    ) -> None:
        if labels.converted:
            ledger.warn(
                f"{labels.converted}: 'mask' is not stored as channels of 0 and 1; what is not 0 "
                "is taken for the class"
            )
        if labels.overlap:
            total = sum(labels.overlap.values())
            ledger.warn(f"{case}: {total} pixels belong to several classes; all masks are kept")
        wrong = [
            k + first
            for k, counts in labels.counts.items()
            if self.counts.get((scan.number, k + first), counts) != counts
        ]
        if wrong:
            ledger.warn(
                f"{case}: the table of slices counts other pixels than there are in "
                f"{len(wrong)} slices, the first is {wrong[0]}; the files count"
            )

    def _annotations(
        self, labels: SliceLabels, values: list[list[int]], case: str
    ) -> Iterator[Annotation]:
        if labels.overlap:
            yield from self._overlapping(labels, case)
            return
        scanned = _Scanned(labels, case, values)
        if self.by_volume:
            yield from volume_masks(scanned, self.labels.of)
            return
        yield from slice_masks(scanned, self.labels.of)

    def _overlapping(self, labels: SliceLabels, case: str) -> Iterator[Annotation]:
        channels = [LabelVolume(ChannelMask(labels.base, c), case) for c in range(len(VALUES))]
        if self.by_volume:
            for channel, source in enumerate(channels):
                if any(counts[channel] for counts in labels.counts.values()):
                    yield Mask3d(source, 1, label=channel)
            return
        for k, counts in sorted(labels.counts.items()):
            for channel, source in enumerate(channels):
                if counts[channel]:
                    yield Mask(SliceMask(source, k, 1), label=channel, attributes={IMAGE_ID: k})

    def _media(
        self, case: str, slices: Slices, facts: SliceFacts, scan: _Scan, *, number: int
    ) -> Volume:
        affine = _shifted(scan.affine or self.assumed, number if self.by_slice else 0)
        grid = (*slices.shape, slices.depth)
        if not facts.image:
            return Volume(case, None, None, grid, affine)
        array = SliceImages(slices, facts.image, scan.channels)
        return Volume(
            case,
            array,
            None,
            array.shape,
            affine,
            array.dtype.name,
            channels=CHANNEL_NAMES if scan.channels == CHANNELS else (),
        )


def _shifted(affine: tuple[float, ...] | None, k: int) -> tuple[float, ...] | None:
    """Return the affine of a volume's slice k as a volume of its own."""
    whole = geometry.matrix(affine)
    if whole is None:
        return None
    whole = whole.copy()
    whole[:, 3] += k * whole[:, 2]
    return geometry.flat(whole)


def _bad(ledger: Ledger, error: InputError | LimitError, media: Media, case: str) -> None:
    ledger.bad_record(
        RecordError(
            error.message,
            where=error.where or media.path,
            hint=error.hint or "with --on-error skip the slice is left out",
            item=case,
        )
    )
