"""Opening NIfTI volumes with their masks: which classes there are, then item by item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dsk.errors import InputError, MediaError, RecordError
from dsk.files import open_root
from dsk.flow import Importer
from dsk.item import DEFAULT_SUBSET
from dsk.jsonerrors import UNDECODABLE
from dsk_medical.nifti.layout import Layout, Study, discover
from dsk_medical.nifti.separate import join_volumes, read_mapping, resolve_mapping
from dsk_medical.nifti.source import NiftiSource
from dsk_medical.volume.labels import LabelVolume, label_maps
from dsk_medical.volume.nifti import open_array
from dsk_medical.volume.tables import ColorEntry, Labels, read_color_map

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["NiftiImporter"]


class NiftiImporter(Importer):
    """Opens NIfTI volumes; options see ``descriptors.IMPORTER``."""

    def __init__(
        self,
        *,
        structure: str = "auto",
        mask_mode: str = "auto",
        masks: str = "volume",
        spatial_mismatch: str = "warn",
        subsets: str = "auto",
        volumes: str | None = None,
        volume_registry: str | None = None,
    ) -> None:
        self._structure = structure
        self._mode = mask_mode
        self._masks = masks
        self._policy = spatial_mismatch
        self._subsets = subsets
        self._volumes = volumes
        self._registry = volume_registry

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        layout = self._discover(root, ledger, self._subsets)
        if layout.structure == "annotations":
            layout = self._separate(root, layout, ledger)
        elif self._volumes or self._registry:
            ledger.warn("volumes and volume_registry are for annotations alone: not used")
        entries = read_color_map(root, layout.color_map, ledger) if layout.color_map else []
        studies, labels, scanned = _classes(layout.studies, entries, ledger)
        colors = {entry.value: entry.color for entry in entries if entry.color is not None}
        return NiftiSource(
            root, studies, labels, colors, scanned, masks=self._masks, policy=self._policy
        )

    def _discover(self, root: InputRoot, ledger: Ledger, subsets: str) -> Layout:
        return discover(root, ledger, structure=self._structure, mode=self._mode, subsets=subsets)

    def _separate(self, root: InputRoot, layout: Layout, ledger: Ledger) -> Layout:
        """Join annotations with the volumes that are elsewhere."""
        registry = _registry(self._registry) if self._registry else {}
        mapping = read_mapping(root, layout.mappings, ledger)
        studies = resolve_mapping(root, layout.studies, mapping, registry, ledger)
        if self._volumes:
            if not registry and any(isinstance(target, int) for target in mapping.values()):
                what = "volumes are numbers in the mapping of files to volumes"
                ledger.warn(f"{what}: without volume_registry their masks are matched by name")
            parted = any(study.subset != DEFAULT_SUBSET for study in studies)
            subsets = "folders" if parted and self._subsets == "auto" else self._subsets
            there = self._discover(open_root(self._volumes), ledger, subsets)
            studies = join_volumes(studies, there.studies, ledger)
        return layout._replace(studies=studies)


def _registry(path: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=dict[str, str])
    except (OSError, *UNDECODABLE) as error:
        raise InputError(
            f"no registry of volumes: {error}", where=path, hint='{"123": "path of the volume"}'
        ) from error


def _classes(
    studies: list[Study], entries: list[ColorEntry], ledger: Ledger
) -> tuple[list[Study], Labels, dict[str, LabelVolume]]:
    """Find out which classes there are; files whose values are classes are read for that.

    Returns:
        The studies without masks that cannot be read; the labels, classes by name have negative
        values; the files that were read, by name.
    """
    labels = Labels({entry.value: entry.name for entry in entries})
    named = {entry.name for entry in entries}
    files = [mask for study in studies for mask in study.masks]
    fresh = sorted({mask.label for mask in files if mask.label} - named)
    for number, name in enumerate(fresh, 1):
        labels.add(-number, name)
    scanned: dict[str, LabelVolume] = {}
    ids = {mask.number for mask in files if mask.number is not None}
    good = []
    for study in studies:
        kept = []
        for mask in study.masks:
            if not mask.label and mask.number is None:
                try:
                    maps = label_maps(open_array(mask.media), mask.media.path)
                    volumes = [LabelVolume(part, mask.media.path) for part in maps]
                    ids.update(value for part in volumes for value in part.values() if value)
                except MediaError as error:
                    ledger.bad_record(_bad(error, study))
                    continue
                if len(volumes) == 1:
                    scanned[mask.media.path] = volumes[0]
            kept.append(mask)
        good.append(study._replace(masks=tuple(kept)))
    for value in sorted(ids):
        labels.add(value, f"Segment_{value}")
    return good, labels, scanned


def _bad(error: MediaError, study: Study) -> RecordError:
    return RecordError(error.message, where=error.where, hint=error.hint, item=study.id)
