"""Reading segmentations in BIDS derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsk.annotations import Annotation
from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, MediaError, OptionError
from dsk.flow import Header, Importer
from dsk.item import DatasetItem
from dsk.media import Volume
from dsk_medical.bids.images import ImageFinder, sidecar
from dsk_medical.bids.layout import SEGMENTATIONS, BidsName, parse
from dsk_medical.bids.tables import Classes, applying, read_classes
from dsk_medical.cases.reading import (
    Case,
    CaseSource,
    Reading,
    affines,
    bad_case,
    scan_labels,
)
from dsk_medical.volume.align import align
from dsk_medical.volume.annotate import slice_masks, volume_masks
from dsk_medical.volume.arrays import LazyVolume, open_volume
from dsk_medical.volume.labels import LabelVolume
from dsk_medical.volume.tables import Labels

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["BidsImporter"]

DEPTH = 8
_ENDINGS = (".nii.gz", ".nii")
_SURFACES = (".label.gii", ".dlabel.nii")


class _Part(NamedTuple):
    """A file of labels.

    Attributes:
        file: The file.
        values: Labels by value; empty: every value is ``label``.
        label: The label of a mask or a probability map.
        frame: The frame of a 4D probability map, or -1.
        threshold: From which probability on a voxel belongs to it; None for labels.
    """

    file: str
    values: dict[int, int]
    label: int = -1
    frame: int = -1
    threshold: float | None = None


class BidsImporter(Importer):
    """Opens BIDS derivatives with segmentations, or BIDS datasets that hold such.

    Args:
        masks: "volume" or "slices".
        probseg_threshold: Probabilities from it on make a mask; None: probability maps are
            volumes without masks.
        spatial_mismatch: See ``align.POLICIES``.
    """

    def __init__(
        self,
        *,
        masks: str = "volume",
        probseg_threshold: float | None = None,
        spatial_mismatch: str = "warn",
    ) -> None:
        if probseg_threshold is not None and not 0 < probseg_threshold <= 1:
            raise OptionError(f"probseg_threshold is above 0 and up to 1, not {probseg_threshold}")
        self._threshold = probseg_threshold
        self._reading = Reading(masks=masks, spatial_mismatch=spatial_mismatch)

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        focus = root.focus
        if focus is not None:
            root = root.up()
            focus = root.focus
        names = list(root.walk(depth=DEPTH))
        found = [(n, p) for n in names if (p := parse(n)) and p.suffix in SEGMENTATIONS]
        found = [(n, p) for n, p in found if p.ending in _ENDINGS and focus in (None, n)]
        if not found:
            raise InputError(
                "no segmentations of BIDS",
                where=root.path,
                hint="expected are files sub-<label>_..._dseg.nii.gz, _mask or _probseg",
            )
        _tell_surfaces(names, ledger)
        builder = _Builder(root, names, ledger)
        cases: dict[str, Case] = {}
        parts: dict[str, list[_Part]] = {}
        images = ImageFinder(root, names)
        for name, bids in found:
            kept = bids.suffix == "probseg" and self._threshold is None
            case = _case_id(bids) + ("_probseg" if kept else "")
            image = name if kept else images.of(name, bids)
            frames = builder.frames(name) if bids.suffix == "probseg" else []
            channels = (("", image),) if image else ()
            names_of = tuple(frames) if kept else ()
            cases.setdefault(case, Case(case, "default", channels, "", names_of))
            into = parts.setdefault(case, [])
            if not kept:
                into.extend(builder.parts(name, bids, frames, self._threshold))
        header = Header(categories=builder.categories())
        ordered = [cases[case] for case in sorted(cases)]
        return _BidsSource(root, header, ordered, Labels({}), self._reading, parts=parts)


def _tell_surfaces(names: list[str], ledger: Ledger) -> None:
    left = [name for name in names if name.lower().endswith(_SURFACES)]
    if left:
        ledger.warn(f"{len(left)} files of surfaces are left out: {', '.join(left[:3])}")


def _case_id(name: BidsName) -> str:
    """Return an item's id: the file's name without suffix; masks of several labels share one."""
    shared = name._replace(entities={k: v for k, v in name.entities.items() if k != "label"})
    stem = shared.stem if name.suffix != "dseg" else name.stem
    return f"{name.folder}/{stem}".strip("/")


class _Builder:
    """Collects the labels of all files while a dataset is opened."""

    def __init__(self, root: InputRoot, names: list[str], ledger: Ledger) -> None:
        self._root = root
        self._ledger = ledger
        self._tables = [n for n in names if n.endswith("dseg.tsv")]
        self._known: dict[str, Classes] = {}
        self._labels: dict[str, int] = {}
        self._values: dict[str, set[int]] = {}
        self._colors: dict[int, tuple[int, int, int]] = {}

    def _label(self, name: str, value: int | None = None) -> int:
        index = self._labels.setdefault(name, len(self._labels))
        if value is not None:
            self._values.setdefault(name, set()).add(value)
        return index

    def frames(self, name: str) -> list[str]:
        """Return the names of a probability map's frames, as its side file tells."""
        found = sidecar(self._root, name, self._ledger).get("LabelMap")
        return [str(v) for v in found] if isinstance(found, list) else []

    def parts(
        self, name: str, bids: BidsName, frames: list[str], threshold: float | None
    ) -> Iterator[_Part]:
        """Yield the labels of a file."""
        if bids.suffix == "dseg":
            yield _Part(name, self._dseg(name, bids))
        elif bids.suffix == "mask":
            yield _Part(name, {}, self._label(self._mask_label(name, bids)))
        elif frames:
            for number, frame in enumerate(frames):
                yield _Part(name, {}, self._label(frame), number, threshold)
        else:
            label = bids.entities.get("label") or bids.entities.get("desc") or "probseg"
            yield _Part(name, {}, self._label(label), -1, threshold)

    def _mask_label(self, name: str, bids: BidsName) -> str:
        kind = sidecar(self._root, name, self._ledger).get("Type")
        stated = str(kind) if isinstance(kind, str) and kind else ""
        return bids.entities.get("label") or stated or bids.entities.get("desc") or "mask"

    def _dseg(self, name: str, bids: BidsName) -> dict[int, int]:
        table = applying(bids, self._tables)
        if table:
            if table not in self._known:
                self._known[table] = read_classes(self._root, table, self._ledger)
            classes = self._known[table]
        else:
            case = Case(name, "default", (), name)
            values, _ = scan_labels(self._root, [case], self._ledger)
            self._ledger.warn(f"{self._root.show(name)} has no _dseg.tsv: its values have no names")
            classes = Classes({v: f"class_{v}" for v in sorted(values)}, {})
        found = {v: self._label(n, v) for v, n in classes.names.items() if v}
        self._colors.update({found[v]: c for v, c in classes.colors.items() if v in found})
        return found

    def categories(self) -> Categories:
        """Return the labels of all files."""
        labels = []
        for name in self._labels:
            values = self._values.get(name, set())
            value = next(iter(values)) if len(values) == 1 else None
            labels.append(LabelCategory(name, source_id=value))
        return Categories(labels=tuple(labels), colors=self._colors)


class _Frame(LazyVolume):
    """A probability map from a threshold on; one frame of it if it has several."""

    def __init__(self, base: LazyVolume, frame: int, threshold: float, name: str) -> None:
        if (len(base.shape) == 4) != (frame >= 0):
            raise MediaError(
                f"a probability map of shape {base.shape} needs the names of its frames",
                where=name,
                hint="LabelMap in the JSON file beside it",
            )
        self.base = base
        self.frame = frame
        self.threshold = threshold
        self.shape = base.shape[:3]
        self.dtype = np.dtype(np.uint8)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        from dsk_medical.volume.arrays import full_key

        wanted = full_key(key, self.shape)
        part = self.base[(*wanted, self.frame) if self.frame >= 0 else wanted]
        return np.asarray(part >= self.threshold, np.uint8)


class _BidsSource(CaseSource):
    """Images and all segmentations of each; see ``CaseSource``."""

    def __init__(self, *args: Any, parts: dict[str, list[_Part]]) -> None:
        super().__init__(*args)
        self.parts = parts

    def item(self, case: Case, ledger: Ledger, *, annotated: bool) -> DatasetItem | None:
        """See ``CaseSource.item``."""
        parts = self.parts.get(case.id, [])
        try:
            media = self.volume(case, ledger)
            if media is None and parts:
                grid = self.open_file(parts[0].file, ledger)
                media = Volume(case.id, None, None, grid.shape[:3], grid.affine)
        except InputError as error:
            bad_case(ledger, error, case, "the item is left out")
            return None
        annotations: list[Annotation] = []
        for part in parts if annotated else ():
            try:
                annotations += self._masks(part, media, ledger)
            except InputError as error:
                bad_case(ledger, error, case, "this segmentation is left out")
        return DatasetItem(case.id, case.subset, media, annotations)

    def _masks(self, part: _Part, media: Volume | None, ledger: Ledger) -> Iterator[Annotation]:
        name = self.root.show(part.file)
        own = self.open_file(part.file, ledger)
        base = open_volume(own)
        if part.threshold is not None:
            base = _Frame(base, part.frame, part.threshold, name)
        affine = None
        if media is not None:
            fitted = align(
                base,
                *affines(own, media),
                media.shape,
                policy=self.reading.spatial_mismatch,
                name=name,
            )
            if fitted.warning:
                ledger.warn(fitted.warning)
            base, affine = fitted.array, fitted.affine
        labels = LabelVolume(base, name)
        strange = [v for v in labels.values() if v and part.values and v not in part.values]
        for warning in labels.warnings:
            ledger.warn(warning)
        if strange:
            ledger.warn(f"unexpected_label_value: {name} holds {strange[:8]}, not in its _dseg.tsv")

        def label_of(value: int) -> int | None:
            return (
                part.values.get(value) if part.values else (part.label if part.label >= 0 else None)
            )

        if self.reading.masks == "volume":
            return volume_masks(labels, label_of, affine=affine)
        return slice_masks(labels, label_of)
