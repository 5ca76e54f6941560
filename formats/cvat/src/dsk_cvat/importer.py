"""Reading CVAT's XML files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import InputError
from dsk.flow import Header, Importer
from dsk.names import stem_of
from dsk_cvat.detect import find_files, unread_below, unread_subsets
from dsk_cvat.frames import Index, index_items, skips_frames
from dsk_cvat.labels import add_labels, own_names
from dsk_cvat.meta import Meta, join_labels, read_meta
from dsk_cvat.scan import Scan, scan_file
from dsk_cvat.shapes import ShapeReader
from dsk_cvat.source import CvatSource, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["CvatImporter"]

_SHOWN = 3  # folders that a message names
_SKIPS = (
    "some tracks skip frames; if the file lists keyframes only, -I interpolate=true fills them in"
)


class CvatImporter(Importer):
    """Opens CVAT datasets; see the descriptor for the options."""

    def __init__(
        self, *, subset: str = "", interpolate: bool = False, point_visibility: bool = False
    ) -> None:
        self.subset = subset
        self.interpolate = interpolate
        self.point_visibility = point_visibility

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        names = find_files(root)
        if not names:
            raise InputError(
                "no XML file with the root element <annotations>",
                where=root.path,
                hint="give the folder that holds CVAT's annotations.xml",
            )
        _tell_unread(root, names, ledger)
        scans = [scan_file(root.buffer(name), name, root.show(name), ledger) for name in names]
        called = own_names(scans, ledger)
        metas = _metas(scans, called, ledger)
        categories = join_labels(metas)
        subsets: dict[str, int] = {}
        parts: list[Part] = []
        for scan, meta, own in zip(scans, metas, self._own_subsets(names), strict=True):
            codes = [
                subsets.setdefault(scope.subset or self._fallback(meta, own), len(subsets))
                for scope in scan.scopes
            ]
            step_of = _steps(scan, meta)
            if not self.interpolate and skips_frames(scan, step_of):
                ledger.warn(_SKIPS)
            fill = step_of if self.interpolate else None
            index = index_items(scan, np.array(codes, np.int64), fill)
            _tell(index, scan, ledger)
            parts.append(Part(scan, meta, index, _own_prefixes(scan, index), len(parts)))
        header = Header(
            categories=categories,
            subsets=tuple(subsets),
            items=sum(len(part.index.frame) for part in parts),
        )
        types = {
            n: kinds
            for n, label in enumerate(categories.labels)
            if (kinds := _types(label.name, label.parent, metas))
        }
        reader = ShapeReader(categories, types, called, visibility=self.point_visibility)
        return CvatSource(root, parts, header, reader, list(subsets))

    def _own_subsets(self, names: Sequence[str]) -> list[str]:
        """Return the subset of each file: its name, or its folder's when names are alike."""
        if self.subset:
            return [self.subset] * len(names)
        stems = [stem_of(name).rpartition("/")[2] for name in names]
        found = []
        for name, stem in zip(names, stems, strict=True):
            folder = name.rpartition("/")[0].rpartition("/")[2]
            found.append(folder if folder and stems.count(stem) > 1 else stem)
        return found

    def _fallback(self, meta: Meta, own: str) -> str:
        if meta.project and len(meta.subsets) == 1 and not self.subset:
            return meta.subsets[0]
        return own


def _tell_unread(root: InputRoot, names: Sequence[str], ledger: Ledger) -> None:
    """Warn of files that look as if they belonged to the dataset, but are not read."""
    for name in unread_subsets(root, names):
        ledger.warn(f"{root.show(name)} is not read: it has no root element <annotations>")
    below = unread_below(root, names)
    if below:
        folders = sorted({name.rpartition("/")[0] for name in below})
        places = ", ".join(map(root.show, folders[:_SHOWN])) + ", …" * (len(folders) > _SHOWN)
        what = f"files of CVAT that are not read, as there are others further out: {len(below)}"
        ledger.warn(f"{what}, in {places}; give the folder to read them")


def _metas(scans: Sequence[Scan], called: Mapping[str, str], ledger: Ledger) -> list[Meta]:
    """Return the heads; labels of files without one, and of all if none declares any, occur."""
    metas = [read_meta(scan.meta, called) for scan in scans]
    declared = any(meta.labels for meta in metas)
    for scan, meta in zip(scans, metas, strict=True):
        if not scan.has_meta:
            meta.video = scan.has_tracks
        if not scan.has_meta or not declared:
            add_labels(meta, scan, called)
    bare = [scan.where for scan in scans if not scan.has_meta]
    if bare:
        others = f" (and {len(bare) - 1} more files)" if len(bare) > 1 else ""
        ledger.warn(f"{bare[0]}{others}: there is no <meta>: labels are those that occur")
    return metas


def _steps(scan: Scan, meta: Meta) -> Callable[[int], tuple[int, int | None]]:
    def step_of(scope: int) -> tuple[int, int | None]:
        task = scan.scopes[scope].task
        step = meta.steps.get(task, meta.steps.get("", 1))
        stop = meta.stops.get(task, meta.stops.get(""))
        return step, stop

    return step_of


def _types(name: str, parent: str, metas: Sequence[Meta]) -> dict[str, str]:
    """Return the types of a label's attributes; of several files the first one counts."""
    found: dict[str, str] = {}
    for meta in metas:
        for number, label in enumerate(meta.labels):
            if label.name == name and label.parent == parent:
                found = {**meta.types.get(number, {}), **found}
    return found


def _own_prefixes(scan: Scan, index: Index) -> list[str]:
    """Return what precedes the ids of frames by scope.

    CVAT numbers the frames of a subset's tasks one after the other. Where others begin anew, tasks
    have to be kept apart.
    """
    if not any(scope.task for scope in scan.scopes):
        return [""] * len(scan.scopes)
    frames = np.column_stack([index.subset, index.frame])[np.diff(index.images) == 0]
    known, counts = np.unique(frames, axis=0, return_counts=True)
    shared = set(known[counts > 1][:, 0].tolist())
    subsets = dict(zip(index.scope.tolist(), index.subset.tolist(), strict=True))
    return [
        f"task_{scope.task}/" if scope.task and subsets.get(number) in shared else ""
        for number, scope in enumerate(scan.scopes)
    ]


def _tell(index: Index, scan: Scan, ledger: Ledger) -> None:
    """Warn of shapes that are left out, images that are joined and tracks with other numbers."""
    named = [t for t in scan.tracks if not t.given.get("id", "0").strip().lstrip("-").isdecimal()]
    if named:
        ledger.warn(f"ids of tracks that are no numbers: {len(named)}; they are numbered")
    if index.replaced:
        what = "shapes left out, as their track has a later one in the same frame"
        ledger.warn(f"{what}: {index.replaced}")
    if again := index.listed_again():
        what = "images listed again, whose shapes go to the first of their name"
        ledger.warn(f"{what}: {again}")
