"""Writing nnU-Net datasets that pass its own verification."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dsk.errors import MediaError, OptionError, RecordError
from dsk.flow import Exporter, Header
from dsk.media import Volume
from dsk_medical.cases.channels import channel_count, channel_names
from dsk_medical.cases.naming import case_name, dataset_folder, suffix_of, unique, word
from dsk_medical.cases.pictures import page_spacing, save_color_picture
from dsk_medical.cases.values import Values
from dsk_medical.cases.writing import (
    compose,
    discard,
    each_written,
    leave_out,
    save_channels,
    save_labels,
)
from dsk_medical.nnunet.importer import FAMILY, IDS
from dsk_medical.nnunet.regions import MOST_LABELS, Regions, save_bits, save_numbered
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import COLORS, open_volume

if TYPE_CHECKING:
    from dsk.annotations import Annotation
    from dsk.item import DatasetItem
    from dsk.output import WriteContext
    from dsk_medical.cases.writing import Composed

__all__ = ["NnunetExporter"]

IGNORE = "ignore"
READER = "overwrite_image_reader_writer"
_READERS = {
    "SimpleITKIO": (".nii.gz", ".nrrd", ".mha", ".gipl"),
    "NibabelIO": (".nii.gz", ".nii"),
    "NibabelIOWithReorient": (".nii.gz", ".nii"),
    "Tiff3DIO": (".tif", ".tiff"),
    "NaturalImage2DIO": (".png", ".bmp", ".tif"),
}
"""Which endings nnU-Net's readers take."""


class _Row(NamedTuple):
    """A written case.

    Attributes:
        id: The item's id.
        case: Its name in files.
        suffix: ``Tr`` or ``Ts``.
        channels: Names of its channels, empty where there are none.
        files: What was written.
        empty: Whether it has no masks.
        label: Name of the label volume that is to be numbered, if it is, see ``regions``.
        combinations: Those of labels in it.
    """

    id: str
    case: str
    suffix: str
    channels: tuple[str, ...]
    files: tuple[str, ...]
    empty: bool
    label: str = ""
    combinations: tuple[int, ...] = ()


class NnunetExporter(Exporter):
    """Writes nnU-Net raw datasets.

    Args:
        dataset_id: Number in the folder's name.
        name: Name of the dataset.
        file_ending: Ending of the files, see ``storing.write_array``.
        channel_names: Names of the channels; None: those of the volumes.
        unlabeled: "empty" or "test": what becomes of training cases without masks.
        overlaps: "later", "error" or "regions": what becomes of voxels that several masks share.
        spatial_mismatch: See ``align.POLICIES``.
        privacy: "drop" or "keep" free texts and extensions of headers.
    """

    def __init__(
        self,
        *,
        dataset_id: int = 999,
        name: str = "",
        file_ending: str = ".nii.gz",
        channel_names: Sequence[str] | None = None,
        unlabeled: str = "empty",
        overlaps: str = "later",
        spatial_mismatch: str = "error",
        privacy: str = "drop",
    ) -> None:
        if not 1 <= dataset_id <= 999:
            raise OptionError(f"dataset_id is 1 to 999, not {dataset_id}")
        self._number = dataset_id
        self._name = name
        self._ending = file_ending
        self._channels = tuple(channel_names or ())
        self._unlabeled = unlabeled
        self._overlaps = overlaps
        self._mismatch = spatial_mismatch
        self._texts = privacy == "keep"

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        facts = header.info.get(FAMILY)
        self._facts: dict[str, Any] = dict(facts) if isinstance(facts, dict) else {}
        self._values = Values(header, consecutive=True, ctx=ctx, last=IGNORE)
        self._values.tell_background(header, ctx)
        self._regions: Regions | None = None
        if self._overlaps == "regions" and max(self._values.names, default=0) > MOST_LABELS:
            what = f"overlaps=regions takes {MOST_LABELS} labels at most"
            raise OptionError(what, hint="overlaps=later takes any number")
        name = word(self._name, "dsk")
        self._base = dataset_folder(ctx, r"Dataset\d{3}_.+", f"Dataset{self._number:03d}_{name}")

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> Any:
        """See ``Exporter.write``."""
        rows = (row for _, row in each_written(items, ctx, self._write_item))
        return [row for row in rows if row is not None]

    def _write_item(self, item: DatasetItem, ctx: WriteContext, files: list[str]) -> _Row | None:
        media = item.media
        if not isinstance(media, Volume) or media.source is None:
            leave_out(ctx, item)
            return None
        made = compose(ctx, item, self._value, policy=self._mismatch)
        labelled = made is not None and made.count > 0
        suffix = suffix_of(item, ctx)
        if suffix == "Tr" and not labelled and self._unlabeled == "test":
            suffix = "Ts"
            ctx.ledger.add_at("DSK-L012", "unlabelled cases moved to test", item)
        case = case_name(item)
        self._save_images(ctx, item, media, f"{self._base}images{suffix}/{case}", files)
        row = _Row(item.id, case, suffix, channel_names(item, media), (), not labelled)
        if made is not None and (labelled or suffix == "Tr"):
            base = f"{self._base}labels{suffix}/{case}"
            label = f"{base}{self._ending}"
            files.append(label)
            self._save_spacing(ctx, media, base, files)
            if self._overlaps == "regions":
                bits = save_bits(ctx, made, label)
                row = row._replace(label=label, combinations=tuple(sorted(bits)))
            else:
                self._save_labels(ctx, item, made, label)
        return row._replace(files=tuple(files))

    def _save_images(
        self, ctx: WriteContext, item: DatasetItem, media: Volume, base: str, files: list[str]
    ) -> None:
        """Write an item's channels; the names of the files are added to ``files``."""
        colors = self._ending == ".png" and media.channels in (COLORS[:3], COLORS)
        count = 1 if colors else channel_count(media)
        names = [f"{base}_{n:04d}{self._ending}" for n in range(count)]
        files += names
        if colors:
            save_color_picture(ctx, item, media, names[0], open_volume(media))
        else:
            save_channels(ctx, item, names, texts=self._texts)
        self._save_spacing(ctx, media, base, files)
        _check_numbers(item, media, ctx)

    def _save_spacing(self, ctx: WriteContext, media: Volume, base: str, files: list[str]) -> None:
        """Write the spacing of TIFF files beside them."""
        spacing = page_spacing(geometry.matrix(media.affine)) if self._ending == ".tif" else None
        if spacing is not None:
            files.append(f"{base}.json")
            ctx.write(files[-1], json.dumps({"spacing": spacing}).encode())

    def _value(self, a: Annotation) -> int | None:
        value = self._values.of(a)
        return 1 << value - 1 if value and self._overlaps == "regions" else value

    def _save_labels(
        self, ctx: WriteContext, item: DatasetItem, made: Composed, label: str
    ) -> None:
        small = np.dtype(np.uint8 if len(self._values.names) < 255 else np.uint16)
        hint = "" if self._overlaps == "error" else "overlaps=regions keeps them all"
        save_labels(ctx, item, made, label, dtype=small, hint=hint)
        if made.composer.overlap and self._overlaps == "error":
            what = f"{made.composer.overlap} voxels belong to masks of several labels"
            raise MediaError(
                what,
                where=item.id,
                hint="overlaps=later keeps the later mask, overlaps=regions both",
            )

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        rows = _same_channels([_Row(*row) for state in states for row in state], ctx)
        empty = [row.case for row in rows if row.empty and row.suffix == "Tr"]
        if empty:
            ctx.ledger.warn(
                f"{len(empty)} training cases have no masks and are written as all background, the "
                f"first is {empty[0]}; unlabeled=test moves such cases to imagesTs"
            )
        if self._overlaps == "regions":
            self._number_regions(rows, ctx)
        self._check_reader(ctx)
        found: dict[str, Any] = {
            "channel_names": dict(enumerate(self._channel_names(rows, ctx))),
            "labels": self._labels(),
            "numTraining": sum(row.suffix == "Tr" for row in rows),
            "file_ending": self._ending,
            **{k: v for k, v in self._facts.items() if k not in ("labels", "file_ending")},
        }
        if self._regions is not None and self._regions.order:
            found["regions_class_order"] = self._regions.order
        elif self._values.moved:
            found["dsk_label_map"] = self._values.moved
        renamed = {row.case: row.id for row in rows if row.case != row.id}
        if renamed:
            found[IDS] = renamed
        text = json.dumps(found, indent=4, ensure_ascii=False) + "\n"
        ctx.write(f"{self._base}dataset.json", text.encode("utf-8", "surrogatepass"))

    def _check_reader(self, ctx: WriteContext) -> None:
        """Leave out a stated reader that does not read the files which are written."""
        reader = self._facts.get(READER)
        if isinstance(reader, str) and self._ending not in _READERS.get(reader, (self._ending,)):
            del self._facts[READER]
            what = f"{READER}: {reader} does not read {self._ending}"
            ctx.ledger.add("DSK-L011", what)

    def _number_regions(self, rows: list[_Row], ctx: WriteContext) -> None:
        """Number the combinations of labels that occur, and write the label volumes."""
        names = unique([name for value, name in self._values.names.items() if value])
        every = {bits for row in rows for bits in row.combinations}
        self._regions = Regions.of(every, names, IGNORE)
        if not self._regions.nested:
            ctx.ledger.warn(
                "regions overlap without one lying in the other: of nnU-Net's predictions the "
                "later region covers the earlier there"
            )
        for row in rows:
            if row.label:
                save_numbered(ctx, row.label, self._regions)

    def _labels(self) -> dict[str, Any]:
        kept = self._facts.get("labels")
        if self._regions is not None and self._regions.order:
            return self._regions.labels
        if isinstance(kept, dict) and not self._values.moved:
            return kept  # regions
        names = {value: name for value, name in self._values.names.items() if value}
        texts = unique(["background", *names.values()])
        return dict(zip(texts, [0, *names], strict=True))

    def _channel_names(self, rows: list[_Row], ctx: WriteContext) -> list[str]:
        count = len(rows[0].channels) if rows else max(1, len(self._channels))
        if self._channels:
            if len(self._channels) != count:
                raise OptionError(
                    f"channel_names gives {len(self._channels)} names for {count} channels"
                )
            return list(self._channels)
        names = list(rows[0].channels) if rows else [""]
        if not all(names):
            ctx.ledger.warn(
                "the channels have no names; nnU-Net chooses its normalisation by them: "
                "channel_names=CT, or MR and the like"
            )
        return [name or f"channel_{n}" for n, name in enumerate(names)]


def _same_channels(rows: list[_Row], ctx: WriteContext) -> list[_Row]:
    """Take out cases with another number of channels than the first, which nnU-Net refuses."""
    kept = []
    for row in rows:
        if len(row.channels) == len(rows[0].channels):
            kept.append(row)
            continue
        ctx.ledger.bad_record(
            RecordError(
                f"the case has {len(row.channels)} channels, {rows[0].case} has "
                f"{len(rows[0].channels)}",
                where=row.id,
                hint="all cases of an nnU-Net dataset have the same channels",
                item=row.id,
            )
        )
        discard(ctx, row.files)
    return kept


def _check_numbers(item: DatasetItem, media: Volume, ctx: WriteContext) -> None:
    """Warn of voxels that are no numbers, which nnU-Net refuses; whole numbers cannot be such."""
    array = open_volume(media)
    if array.dtype.kind != "f":
        return
    if any(not np.isfinite(plane).all() for plane in array.planes()):
        ctx.ledger.warn(f"{item.id} has voxels that are no numbers (NaN); nnU-Net refuses them")
