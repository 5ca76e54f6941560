"""Writing NRRD volumes with their segmentations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dsk.annotations import Annotation, Mask, Mask3d
from dsk.errors import InputError, OutputError
from dsk.flow import Exporter, Header
from dsk.item import DEFAULT_SUBSET
from dsk.media import Volume
from dsk_medical.cases.channels import report_names
from dsk_medical.cases.writing import bad_item, compose, discard, volume_of_item
from dsk_medical.nifti.layout import tell_odd_subsets
from dsk_medical.nifti.objects import identity, report_numbers
from dsk_medical.nrrd.layers import Layer, arrange
from dsk_medical.nrrd.source import FAMILY
from dsk_medical.nrrd.writing import save_volume, write_segmentation

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["NrrdExporter"]


class NrrdExporter(Exporter):
    """Writes NRRD files; options see ``descriptors.EXPORTER``."""

    def __init__(
        self, *, encoding: str = "gzip", spatial_mismatch: str = "error", privacy: str = "drop"
    ) -> None:
        self._encoding = encoding
        self._policy = spatial_mismatch
        self._texts = privacy == "keep"
        self._parted = False
        self._names: list[str] = []
        self._colors: dict[int, tuple[int, int, int]] = {}

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._parted = any(subset != DEFAULT_SUBSET for subset in header.subsets)
        tell_odd_subsets(header.subsets, ctx.ledger)
        names = header.categories.names
        self._names = [" ".join(n.split()) or f"class_{k}" for k, n in enumerate(names)]
        for old, new in zip(header.categories.names, self._names, strict=True):
            if old != new:
                ctx.ledger.add("DSK-L010", f"label {old!r} is called {new!r}")
        self._colors = header.categories.colors

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[int]:
        """See ``Exporter.write``; the state is the labels that segments have."""
        used: set[int] = set()
        for item in items:
            made: list[str] = []
            try:
                used |= self._write_item(item, ctx, made)
            except InputError as error:
                discard(ctx, made)
                bad_item(ctx, item, error)
        return sorted(used)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """Tell which labels no segment has: the files do not name them."""
        used = {label for state in states for label in state}
        if unused := len(self._names) - len(used):
            ctx.ledger.add("DSK-L010", "labels without a segment", count=unused)

    def _write_item(self, item: DatasetItem, ctx: WriteContext, made: list[str]) -> set[int]:
        """Write volume and segments; return the segments' labels."""
        folder = f"{item.subset}/" if self._parted or item.subset != DEFAULT_SUBSET else ""
        name = f"{folder}{item.id}"
        if isinstance(item.media, Volume) and item.media.source is not None:
            if name.lower().endswith(".seg"):
                raise OutputError(
                    f"the volume {name + '.nrrd'!r} would be read as a segmentation",
                    hint="rename the item",
                )
            made.append(f"{name}.nrrd")
            save_volume(ctx, item, item.media, made[-1], encoding=self._encoding, texts=self._texts)
            report_names(ctx, item, item.media)
        else:
            what, hint = "volume not found", "check where the source keeps its media"
            ctx.ledger.add_at("DSK-L016", what, item, hint=hint)
        masks: list[Annotation] = [a for a in item.annotations if isinstance(a, Mask | Mask3d)]
        if not masks:
            if not made:
                what = "items without anything"
                ctx.ledger.add_at("DSK-L008", what, item)
            return set()
        grid = volume_of_item(item)
        if grid is None:
            compose(ctx, item, lambda _: 1)  # tells the ledger
            return set()
        report_numbers(ctx.ledger, item, masks)
        layers = arrange(ctx, item, _objects(masks), policy=self._policy)
        if not layers:
            return set()
        made.append(f"{name}.seg.nrrd")
        pairs = self._pairs(layers)
        write_segmentation(ctx, layers, made[-1], pairs, encoding=self._encoding)
        objects = (members[0].label for layer in layers for members in layer.objects.values())
        return {label for label in objects if label is not None}

    def _pairs(self, layers: list[Layer]) -> dict[str, str]:
        """Return the keys that describe all segments."""
        pairs: dict[str, str] = {}
        taken: set[str] = set()
        number = 0
        for place, layer in enumerate(layers):
            extent = " ".join(f"0 {size - 1}" for size in layer.shape)
            for value, members in layer.objects.items():
                where = {"LabelValue": str(value), "Layer": str(place), "Extent": extent}
                pairs |= self._segment(number, members[0], taken, where)
                number += 1
        return pairs

    def _segment(
        self, number: int, a: Annotation, taken: set[str], where: dict[str, str]
    ) -> dict[str, str]:
        """Return the keys that describe one segment.

        Args:
            number: Its number in the file.
            a: A mask of it.
            taken: The ids that others have.
            where: The keys that say which voxels it has.
        """
        own = dict((a.extra or {}).get(FAMILY, {}))
        segment_id = str(own.pop("ID", "")) or f"Segment_{number + 1}"
        while segment_id in taken:
            segment_id += "_"
        taken.add(segment_id)
        label = a.label or 0  # core dropped masks without a label
        keys = {
            "ID": segment_id,
            "Name": self._names[label] or segment_id,
            "NameAutoGenerated": "0",
            "Tags": "",
            **where,
            **{key: str(text) for key, text in own.items() if key.isidentifier()},
        }
        if label in self._colors:
            keys["Color"] = " ".join(f"{part / 255:.6g}" for part in self._colors[label])
            keys["ColorAutoGenerated"] = "0"
        return {f"Segment{number}_{key}": text for key, text in keys.items()}


def _objects(masks: list[Annotation]) -> list[list[Annotation]]:
    """Group masks of slices by object."""
    found: dict[Any, list[Annotation]] = {}
    for a in masks:
        found.setdefault((a.label, identity(a)), []).append(a)
    return list(found.values())
