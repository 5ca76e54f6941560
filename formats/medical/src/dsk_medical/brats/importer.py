"""Reading BraTS in either layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.flow import Header, Importer
from dsk.names import clean_name
from dsk_medical.brats.classes import classes_of
from dsk_medical.brats.layouts import (
    CLASSIC,
    DEPTH,
    MODERN,
    SEG,
    CaseFiles,
    Home,
    find_cases,
    find_homes,
    subset_of,
)
from dsk_medical.brats.tables import SideTables, is_side_table, read_side_tables
from dsk_medical.cases.reading import Case, CaseSource, Reading, scan_labels
from dsk_medical.volume.labels import LabelVolume
from dsk_medical.volume.names import nifti_stem
from dsk_medical.volume.tables import Labels, read_label_list

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["BratsImporter", "named_values"]

LABELS = ("labels", "labels.txt")


class BratsImporter(Importer):
    """Opens BraTS datasets.

    Args:
        masks: "slices", "volume", or "auto" for slices in the layout msd and volumes otherwise.
        background: "masks" or "skip": whether value 0 gets masks in slices.
        year: Which year's classes the original layout has, see ``classes.YEARS``.
        spatial_mismatch: What to do with a segmentation on another grid, see ``align.POLICIES``.
    """

    def __init__(
        self,
        *,
        masks: str = "auto",
        background: str = "masks",
        year: str = "auto",
        spatial_mismatch: str = "warn",
    ) -> None:
        self._masks = masks
        self._background = background == "masks"
        self._year = year
        self._mismatch = spatial_mismatch

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        focus = root.focus
        if focus is not None:
            root = root.up()
            focus = root.focus or focus
        homes = find_homes(root)
        source = self._open_homes(root, homes, ledger) if homes else None
        if source is None or not source.cases:
            source = self._open_cases(root, ledger) or source
        if source is None:
            raise InputError(
                "no BraTS cases",
                where=root.path,
                hint="expected are imagesTr/<id>.nii.gz or <case>/<case>_flair.nii.gz and so on",
            )
        if focus is not None:
            return _only(source, focus)
        return source

    def _reading(self, auto: str) -> Reading:
        masks = auto if self._masks == "auto" else self._masks
        return Reading(masks=masks, background=self._background, spatial_mismatch=self._mismatch)

    # the layout of the Decathlon

    def _open_homes(self, root: InputRoot, homes: list[Home], ledger: Ledger) -> CaseSource:
        cases = _unique([case for home in homes for case in _cases_of_home(root, home, ledger)])
        lists = [f"{h.folder}/{n}".strip("/") for h in homes for n in LABELS]
        name = next((n for n in lists if root.is_file(n)), None)
        known: dict[str, LabelVolume] = {}
        if name is not None:
            labels = read_label_list(root, name, ledger)
        else:
            values, known = scan_labels(root, cases, ledger)
            labels = named_values(values)
        header = Header(categories=labels.categories())
        return CaseSource(root, header, cases, labels, self._reading("slices"), known=known)

    # the layout of the challenge

    def _open_cases(self, root: InputRoot, ledger: Ledger) -> CaseSource | None:
        files = list(root.walk(depth=DEPTH))
        found = list(find_cases(files))
        if not found:
            return None
        tables = read_side_tables(root, [n for n in files if is_side_table(n)], ledger)
        used = {name for case in found for name in case.files.values()}
        used.update(case.rest[0] for case in found if len(case.rest) == 1)  # it is the label
        left = [n for n in files if n not in used and nifti_stem(n) is not None]
        if left:
            what = f"{len(left)} NIfTI files belong to no case and are not read"
            ledger.warn(f"{what}, for instance {left[0]}")
        cases = _unique([_case(root, case, tables, ledger) for case in found])
        modern = found[0].modern
        words = " ".join([root.path.rpartition("/")[2], *(f.folder for f in found[:1])])
        labels = Labels(classes_of(self._year, modern=modern, names=words))
        listed = next((n for n in LABELS if root.is_file(n)), None)
        if listed is not None and self._year == "auto":
            names = {v: n for v, n in _names(read_label_list(root, listed, ledger)).items() if v}
            labels = Labels(names)
        reading = self._reading("volume")
        if reading.masks == "slices" and reading.background:
            labels = Labels({0: "background", **_names(labels)})
        header = Header(categories=labels.categories())
        return CaseSource(root, header, cases, labels, reading)


def _names(labels: Labels) -> dict[int, str]:
    return {label.source_id or 0: label.name for label in labels.categories().labels}


def named_values(values: set[int]) -> Labels:
    """Return labels for values without names: one for each number from 0, so both are equal."""
    highest = max(values, default=0)
    if highest > 255:  # label maps with few but large values
        return Labels({v: f"class_{v}" if v else "background" for v in sorted(values)})
    return Labels({v: f"class_{v}" if v else "background" for v in range(highest + 1)})


def _only(source: CaseSource, focus: str) -> CaseSource:
    cases = [c for c in source.cases if focus in (*(file for _, file in c.channels), c.label)]
    if not cases:
        raise InputError(
            "this file is no volume of a BraTS dataset",
            where=source.root.show(focus),
            hint="give the dataset's folder",
        )
    header = source.header
    return CaseSource(source.root, header, cases, source.labels, source.reading, known=source.known)


def _stems(root: InputRoot, folder: str) -> dict[str, str]:
    """Return the volumes of a folder by what their names begin with; further folders too."""
    found: dict[str, str] = {}
    for name in root.walk(folder):
        stem = nifti_stem(name)
        if stem is not None:
            inner = name[len(folder) + 1 :].rpartition("/")[0]
            found.setdefault(f"{inner}/{stem}" if inner else stem, name)
    return found


def _cases_of_home(root: InputRoot, home: Home, ledger: Ledger) -> Iterator[Case]:
    for subset in dict.fromkeys([*home.images, *home.labels]):
        folder = home.images.get(subset, "")
        images = _stems(root, folder) if folder else {}
        labels = _stems(root, home.labels[subset]) if subset in home.labels else {}
        for stem in sorted(images | labels):
            image = images.get(stem)
            if image is None:
                ledger.warn(
                    f"{root.show(labels[stem])} has no volume in {folder or f'images of {subset}'}"
                )
            channels = (("", image),) if image else ()
            yield Case(clean_name(stem), subset, channels, labels.get(stem, ""))


def _case(root: InputRoot, files: CaseFiles, tables: SideTables, ledger: Ledger) -> Case:
    order = MODERN if files.modern else CLASSIC
    channels = tuple((name, files.files[name]) for name in order if name in files.files)
    missing = [name for name in order if name not in files.files]
    if missing:
        ledger.warn(f"{root.show(files.folder)}: {files.id} has no {', '.join(missing)}")
    label = files.files.get(SEG, "")
    if not label and len(files.rest) == 1:
        label = files.rest[0]
        ledger.warn(f"{root.show(label)} is taken for the segmentation of {files.id}")
    attributes, extra = tables.of(files.id)
    for part in files.folder.split("/"):
        if part in ("HGG", "LGG"):
            attributes.setdefault("grade", part)
    above = root.name if "brats" in root.name.lower() else ""
    subset = subset_of(files.folder, files.id, above)
    return Case(clean_name(files.id), subset, channels, label, (), attributes, extra)


def _unique(cases: list[Case]) -> list[Case]:
    """Make ids unique by the folders they are in, where they are not."""
    counts = Counter((case.id, case.subset) for case in cases)
    done = []
    for case in cases:
        file = case.channels[0][1] if case.channels else case.label
        folder = file.rpartition("/")[0]
        if counts[case.id, case.subset] > 1 and folder:
            done.append(replace(case, id=f"{folder}/{case.id}"))
        else:
            done.append(case)
    return done
