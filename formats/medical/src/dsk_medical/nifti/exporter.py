"""Writing NIfTI volumes with their masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk.annotations import Annotation
from dsk.errors import InputError, OutputError
from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk.media import Volume
from dsk_medical.cases.channels import report_names
from dsk_medical.cases.writing import bad_item, compose, discard, save_labels, save_volume
from dsk_medical.nifti import byname, planes
from dsk_medical.nifti.descriptors import EXPORTER
from dsk_medical.nifti.filenames import facts, parse, score_name
from dsk_medical.nifti.layout import tell_odd_subsets
from dsk_medical.nifti.naming import Classes, annotation_name, classes_of, volume_name
from dsk_medical.nifti.objects import (
    SCORE_NAMES,
    collect_scores,
    object_values,
    report_numbers,
)
from dsk_medical.nifti.scores import score_rows
from dsk_medical.nifti.turning import save_turned_labels, save_turned_volume
from dsk_medical.volume.tables import color_map_text

if TYPE_CHECKING:
    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext
    from dsk_medical.nifti.scores import Scores

__all__ = ["NiftiExporter"]

_FACTS = ("plane", "patient_uuid", "case_uuid")


class NiftiExporter(Exporter):
    """Writes NIfTI files; options see ``descriptors.EXPORTER``."""

    def __init__(
        self,
        *,
        structure: str = "by-name",
        mask_mode: str = "auto",
        ext: str = "nii.gz",
        color_map: str = "cls_color_map.txt",
        scores: bool = True,
        dtype: str = "auto",
        orientation: str = "keep",
        spatial_mismatch: str = "error",
        privacy: str = "drop",
    ) -> None:
        self._structure = structure
        self._mode = mask_mode
        self._ext = ext
        self._color_map = "" if color_map == "none" else color_map
        self._scores = scores
        self._dtype = None if dtype == "auto" else np.dtype(dtype)
        self._turn = orientation == "ras"
        self._policy = spatial_mismatch
        self._texts = privacy == "keep"
        self._parted = False
        self._classes = Classes([], [], [])

    def capabilities(self, header: Header) -> Capabilities:  # noqa: ARG002
        """See ``Exporter.capabilities``: what no file is written for is lost."""
        caps = EXPORTER.capabilities
        return replace(
            caps,
            attributes=caps.attributes if self._scores else caps.attributes - {*SCORE_NAMES},
            label_fields=caps.label_fields if self._color_map else frozenset(),
        )

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._parted = any(subset != DEFAULT_SUBSET for subset in header.subsets)
        self._classes = classes_of(
            header.categories, ctx.ledger, files=self._structure == "by-name"
        )
        tell_odd_subsets(header.subsets, ctx.ledger)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[tuple[str, bool]]:
        """See ``Exporter.write``; the state names the volumes and tells which have masks."""
        written = []
        for item in items:
            name = volume_name(item, self._folder(item), self._structure)
            made: list[str] = []
            try:
                there = self._write_item(item, name, ctx, made)
            except InputError as error:
                discard(ctx, made)
                bad_item(ctx, item, error)
                continue
            if there:
                written.append((name, len(made) > 1))
        return written

    def _folder(self, item: DatasetItem) -> str:
        return item.subset if self._parted or item.subset != DEFAULT_SUBSET else ""

    def _write_item(self, item: DatasetItem, name: str, ctx: WriteContext, made: list[str]) -> bool:
        """Write volume and masks; add the files' names to ``made``."""
        there = False
        if isinstance(item.media, Volume) and item.media.source is not None:
            file = f"{name}.{self._ext}"
            made.append(file)
            save = save_turned_volume if self._turn else save_volume
            there = save(ctx, item, item.media, file, texts=self._texts)
            report_names(ctx, item, item.media)
        if not there:
            self._report_missing(item, ctx)
            if self._structure == "by-name":
                return False
        self._report_facts(item, name, ctx)
        by_label: dict[int, list[Annotation]] = defaultdict(list)
        for a in item.annotations:
            if a.label is not None:  # core dropped the others
                by_label[a.label].append(a)
        if self._structure == "by-name":
            self._write_classes(item, name, by_label, ctx, made)
        else:
            self._write_plane(item, name, by_label, ctx, made)
        return True

    def _report_missing(self, item: DatasetItem, ctx: WriteContext) -> None:
        ctx.ledger.add_at(
            "DSK-L008",
            "items without a volume",
            item,
            hint="-O structure=planes writes masks without their volumes",
        )
        if self._structure != "by-name":
            return
        for a in item.annotations:
            ctx.ledger.add_at("DSK-L017", "masks without a volume", item, a)

    def _report_facts(self, item: DatasetItem, name: str, ctx: WriteContext) -> None:
        """Tell which attributes the file's name does not say."""
        parsed = parse(f"{name}.nii")
        said = facts(parsed) if parsed is not None and parsed.role == "volume" else {}
        for fact in _FACTS:
            if fact in item.attributes and said.get(fact) != item.attributes[fact]:
                what = f"item attribute {fact}"
                ctx.ledger.add_at("DSK-L009", what, item)

    def _write_classes(
        self,
        item: DatasetItem,
        name: str,
        by_label: dict[int, list[Annotation]],
        ctx: WriteContext,
        made: list[str],
    ) -> None:
        for label in sorted(by_label):
            base = f"{name}/{self._classes.names[label]}"
            members = by_label[label]
            values = object_values(members)
            if self._write_masks(item.replace(annotations=members), values, base, ctx, made):
                scores = collect_scores(item, members, values, ctx.ledger)
                self._write_scores(scores, f"{base}_score.csv", ctx)

    def _write_plane(
        self,
        item: DatasetItem,
        name: str,
        by_label: dict[int, list[Annotation]],
        ctx: WriteContext,
        made: list[str],
    ) -> None:
        values: dict[int, int] = {}
        for members in by_label.values():
            values |= object_values(members)
        ids = self._classes.ids
        if self._instances(by_label, values):
            for label in sorted(by_label):
                base = annotation_name(name, ids[label])
                members = by_label[label]
                if self._write_masks(item.replace(annotations=members), values, base, ctx, made):
                    scores = collect_scores(item, members, values, ctx.ledger)
                    self._write_scores(scores, score_name(base), ctx)
        elif by_label:
            base = annotation_name(name, None)
            members = [a for label in sorted(by_label) for a in by_label[label]]
            values = {id(a): ids[label] for label, own in by_label.items() for a in own}
            if self._write_masks(item.replace(annotations=members), values, base, ctx, made):
                scores = collect_scores(item, members, values, ctx.ledger)
                self._write_scores(scores, score_name(base), ctx)

    def _instances(self, by_label: dict[int, list[Annotation]], values: dict[int, int]) -> bool:
        """Whether a plane gets a file for each class: some class has several objects."""
        if self._mode != "auto":
            return self._mode == "instance"
        return any(len({values[id(a)] for a in members}) > 1 for members in by_label.values())

    def _write_masks(
        self,
        item: DatasetItem,
        values: dict[int, int],
        base: str,
        ctx: WriteContext,
        made: list[str],
    ) -> bool:
        composed = compose(ctx, item, lambda a: values[id(a)], policy=self._policy)
        if composed is None or not composed.count:
            return False
        report_numbers(ctx.ledger, item, item.annotations)
        file = f"{base}.{self._ext}"
        made.append(file)
        kind = composed.dtype(self._dtype)
        if self._dtype is not None and kind != self._dtype:
            ctx.ledger.warn(f"masks with values that {self._dtype} does not hold are {kind}")
        save = save_turned_labels if self._turn else save_labels
        save(ctx, item, composed, file, dtype=self._dtype)
        return True

    def _write_scores(self, scores: Scores, name: str, ctx: WriteContext) -> None:
        if any(scores.values()):
            ctx.write(name, score_rows(scores).encode())

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``.

        Raises:
            OutputError: Masks would be taken for those of another volume.
        """
        if self._structure == "by-name":
            self._check_names([pair for state in states for pair in state], ctx)
        if self._color_map and self._classes.entries:
            ctx.write(self._color_map, color_map_text(self._classes.entries).encode())

    def _check_names(self, written: list[tuple[str, bool]], ctx: WriteContext) -> None:
        volumes = [f"{name}.nii" for name, _ in written]
        masked = [f"{name}/mask.nii" for name, masks in written if masks]
        folders = byname.mask_folders(volumes + masked)
        for name in volumes:
            folder = name.rpartition("/")[0]
            if folder in folders.owner or folder in folders.ambiguous:
                of = folders.owner.get(folder) or folders.ambiguous[folder][0]
                raise OutputError(
                    f"the volume {name[:-4]!r} would be read as a mask of {of[:-4]!r}, "
                    f"whose masks a folder called {folder.rpartition('/')[2]!r} holds",
                    hint="rename items, or choose -O structure=planes-items",
                )
        named = planes.plane_names(volumes, {})
        if any(parsed.role == "annotation" for parsed in named.values()):
            ctx.ledger.warn("names of volumes speak of masks: -I structure=by-name reads them back")
