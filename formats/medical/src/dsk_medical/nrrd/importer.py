"""Opening NRRD volumes with their segmentations."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, MediaError
from dsk.flow import Importer
from dsk.item import DEFAULT_SUBSET
from dsk.media import Media
from dsk.names import clean_name
from dsk_medical.nifti.layout import MaskFile, Study, unique_studies, with_subsets
from dsk_medical.nrrd.header import open_nrrd
from dsk_medical.nrrd.segments import segments_of
from dsk_medical.nrrd.source import NrrdSource

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["NrrdImporter"]

_SEGMENTS = (".seg.nrrd", ".seg.nhdr")


class NrrdImporter(Importer):
    """Opens NRRD files; options see ``descriptors.IMPORTER``."""

    def __init__(self, *, spatial_mismatch: str = "warn", subsets: str = "auto") -> None:
        self._policy = spatial_mismatch
        self._subsets = subsets

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        names = [root.focus] if root.focus is not None else list(root.walk())
        found = [n for n in names if n.lower().endswith((".nrrd", ".nhdr"))]
        if not found:
            raise InputError("there is no NRRD file", where=root.path)
        studies = with_subsets(_studies(root, found, ledger), self._subsets, alone=False)
        studies = list(unique_studies(studies, root, ledger))
        return NrrdSource(root, studies, _categories(studies), policy=self._policy)


def _is_segmentation(root: InputRoot, name: str) -> bool:
    """Whether a file holds segments: its name says it, or its header does."""
    if name.lower().endswith(_SEGMENTS):
        return True
    head = root.read(name, 1 << 14)
    return b"\nSegment0_ID:=" in head or b"\nSegment0_Name:=" in head


def _stem(name: str) -> str:
    lower = name.lower()
    ends = (*_SEGMENTS, ".nrrd", ".nhdr")
    return next(name[: -len(end)] for end in ends if lower.endswith(end))


def _studies(root: InputRoot, names: list[str], ledger: Ledger) -> list[Study]:
    """Give segmentations to their volumes: of the same name, or the only one in the folder."""
    segmentations = [name for name in names if _is_segmentation(root, name)]
    volumes = [name for name in names if name not in set(segmentations)]
    by_stem = {_stem(name): name for name in volumes}
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in volumes:
        by_folder[name.rpartition("/")[0]].append(name)
    masks: dict[str, list[MaskFile]] = defaultdict(list)
    alone = []
    for name in segmentations:
        beside = by_folder[name.rpartition("/")[0]]
        owner = by_stem.get(_stem(name))
        if owner is None:
            begin = [v for v in beside if _stem(name).startswith(_stem(v))]
            near = begin if len(begin) == 1 else beside
            owner = near[0] if len(near) == 1 else None
        mask = MaskFile(Media(name, root.locate(name)))
        if owner is not None:
            masks[owner].append(mask)
            continue
        if beside:
            ledger.warn(
                f"{root.show(name)} fits no volume beside it: it becomes an item of its own"
            )
        alone.append((name, mask))
    studies = [
        Study(clean_name(_stem(n)), DEFAULT_SUBSET, Media(n, root.locate(n)), tuple(masks[n]))
        for n in volumes
    ]
    for name, mask in alone:
        stem = clean_name(_stem(name))
        studies.append(Study(stem, DEFAULT_SUBSET, Media(f"{stem}.nrrd"), (mask,)))
    return studies


def _categories(studies: list[Study]) -> Categories:
    """Return the labels: names of segments in the order of the files; bad files are told later."""
    colors: dict[str, tuple[int, int, int] | None] = {}
    for study in studies:
        for mask in study.masks:
            try:
                file = open_nrrd(mask.media)
            except MediaError:
                continue
            for segment in segments_of(file.header.pairs, layers=2):
                known = colors.get(segment.name)
                colors[segment.name] = known if known is not None else segment.color
    labels = tuple(LabelCategory(name) for name in colors)
    painted = {n: c for n, c in enumerate(colors.values()) if c is not None}
    return Categories(labels=labels, colors=painted)
