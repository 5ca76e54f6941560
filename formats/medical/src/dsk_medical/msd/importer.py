"""Reading tasks of the Medical Segmentation Decathlon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer
from dsk_medical.cases.datasets import (
    DATASET,
    class_names,
    find_datasets,
    load_json,
    numbered_names,
    safe_path,
)
from dsk_medical.cases.reading import Case, CaseSource, Reading
from dsk_medical.msd.detect import is_msd
from dsk_medical.nnunet.importer import IDS, restored_ids
from dsk_medical.volume.names import nifti_stem
from dsk_medical.volume.tables import Labels

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["FAMILY", "LISTS", "MsdImporter"]

FAMILY = "msd"
LISTS = {"training": "train", "validation": "validation", "test": "test"}
_OWN = frozenset(
    {
        *LISTS,
        "modality",
        "labels",
        "numTraining",
        "numTest",
        "tensorImageSize",
        IDS,
        "numValidation",
    }
)


class MsdImporter(Importer):
    """Opens tasks of the Decathlon.

    Args:
        masks: "volume" or "slices".
        background: "masks" or "skip": whether value 0 gets masks in slices.
        spatial_mismatch: See ``align.POLICIES``.
    """

    def __init__(
        self,
        *,
        masks: str = "volume",
        background: str = "skip",
        spatial_mismatch: str = "warn",
    ) -> None:
        self._reading = Reading(
            masks=masks, background=background == "masks", spatial_mismatch=spatial_mismatch
        )

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            folders = [root.focus.rpartition("/")[0]]
        else:
            folders = [f for f in find_datasets(root) if is_msd(root, f)]
        if len(folders) != 1:
            raise InputError(
                f"{len(folders)} tasks of the Decathlon" if folders else "no task of the Decathlon",
                where=root.path,
                hint=f"give the folder of one; its {DATASET} has modality, labels and training",
            )
        folder = folders[0]
        name = f"{folder}/{DATASET}".strip("/")
        where = root.show(name)
        found = load_json(root, name)
        channels: tuple[str, ...] = ()
        if "modality" in found:
            channels = numbered_names(found["modality"], f"{where}#/modality")
        names, _ = class_names(found.get("labels"), f"{where}#/labels", ledger)
        if not (self._reading.background and self._reading.masks == "slices"):
            names.pop(0, None)
        cases = list(_cases(root, folder, found, channels, ledger))
        cases = restored_ids(cases, found.get(IDS))
        _compare(root, folder, cases, ledger)
        facts: dict[str, Any] = {k: v for k, v in found.items() if k not in _OWN and v}
        labels = Labels(names)
        header = Header(categories=labels.categories(), info={FAMILY: facts} if facts else {})
        return CaseSource(root, header, cases, labels, self._reading)


def _cases(
    root: InputRoot,
    folder: str,
    found: dict[str, Any],
    channels: tuple[str, ...],
    ledger: Ledger,
) -> Iterator[Case]:
    where = root.show(f"{folder}/{DATASET}".strip("/"))
    seen: set[tuple[str, str]] = set()
    for key, subset in LISTS.items():
        entries = found.get(key, [])
        if not isinstance(entries, list):
            ledger.bad_record(RecordError("a list is expected", where=f"{where}#/{key}"))
            continue
        for number, entry in enumerate(entries):
            place = f"{where}#/{key}/{number}"
            try:
                case = _case(root, folder, entry, subset, channels=channels, place=place)
            except RecordError as error:
                ledger.bad_record(error)
                continue
            if (case.id, subset) in seen:
                bad = RecordError("the case is there twice", where=place, item=case.id)
                ledger.bad_record(bad)
                continue
            seen.add((case.id, subset))
            if case.label and not root.is_file(case.label):
                bad = RecordError("there is no such label file", where=place, item=case.id)
                ledger.bad_record(bad)
                case = Case(case.id, subset, case.channels, "", channels)
            yield case


def _case(
    root: InputRoot,
    folder: str,
    entry: Any,
    subset: str,
    *,
    channels: tuple[str, ...],
    place: str,
) -> Case:
    given = entry if isinstance(entry, dict) else {"image": entry}
    image = given.get("image")
    if isinstance(image, list) and len(image) == 1:
        image = image[0]
    file = safe_path(folder, image, place)
    label = given.get("label")
    labels = safe_path(folder, label, place) if label else ""
    case = nifti_stem(file)
    if case is None:
        raise RecordError(f"{file} is no NIfTI file", where=place)
    if not root.is_file(file):
        raise RecordError(f"there is no file {file}", where=place, item=case)
    return Case(case, subset, (("", file),), labels, channels)


def _compare(root: InputRoot, folder: str, cases: list[Case], ledger: Ledger) -> None:
    """Tell of volumes that no list names."""
    listed = {file for case in cases for _, file in case.channels} | {c.label for c in cases}
    base = f"{folder}/" if folder else ""
    for sub in ("imagesTr", "labelsTr", "imagesTs"):
        files = root.entries(base + sub)[1]
        missing = [n for n in files if nifti_stem(n) and f"{base}{sub}/{n}" not in listed]
        if missing:
            ledger.warn(
                f"{root.show(base + sub)}: {len(missing)} volumes are in no list of {DATASET} and "
                f"left out, the first is {missing[0]}"
            )
