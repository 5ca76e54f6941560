"""Reading nnU-Net datasets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsk.categories import Categories
from dsk.errors import InputError, UnsafePathError
from dsk.flow import Header, Importer
from dsk.names import clean_name
from dsk_medical.cases.datasets import (
    DATASET,
    class_names,
    find_datasets,
    load_json,
    numbered_names,
    region_values,
)
from dsk_medical.cases.reading import Case, Reading
from dsk_medical.nnunet.layout import ENDINGS, is_nnunet
from dsk_medical.nnunet.listing import iter_cases
from dsk_medical.nnunet.source import NnunetSource
from dsk_medical.volume.tables import Labels

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["FAMILY", "IDS", "NnunetImporter", "restored_ids"]

FAMILY = "nnunet"
IDS = "dsk_ids"
"""Key of dataset.json with the ids of items whose id cannot be a file name."""

_OWN = frozenset(
    {
        *("channel_names", "modality", "labels", "numTraining", "numTest", "file_ending"),
        *("dataset", "training", "test", "tensorImageSize", "dsk_label_map", IDS),
    }
)


class NnunetImporter(Importer):
    """Opens nnU-Net raw datasets, version 2 or 1.

    Args:
        masks: "volume" or "slices".
        background: "masks" or "skip": whether value 0 gets masks in slices.
        regions: "values" or "masks": what becomes of labels that stand for several values.
        spatial_mismatch: See ``align.POLICIES``.
    """

    def __init__(
        self,
        *,
        masks: str = "volume",
        background: str = "skip",
        regions: str = "values",
        spatial_mismatch: str = "warn",
    ) -> None:
        self._regions = regions == "masks"
        self._reading = Reading(
            masks=masks, background=background == "masks", spatial_mismatch=spatial_mismatch
        )

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            folders = [root.focus.rpartition("/")[0]]
        else:
            folders = [f for f in find_datasets(root) if is_nnunet(root, f)]
        if not folders:
            raise InputError(
                f"no {DATASET} of nnU-Net",
                where=root.path,
                hint="it has channel_names, labels, numTraining and file_ending",
            )
        if len(folders) > 1:
            raise InputError(
                f"{len(folders)} datasets: {', '.join(folders[:4])}",
                where=root.path,
                hint="give the folder of one of them",
            )
        return self._open(root, folders[0], ledger)

    def _open(self, root: InputRoot, folder: str, ledger: Ledger) -> NnunetSource:
        name = f"{folder}/{DATASET}".strip("/")
        where = root.show(name)
        found = load_json(root, name)
        channels = numbered_names(
            found.get("channel_names", found.get("modality")), f"{where}#/channel_names"
        )
        ending = found.get("file_ending", ENDINGS[0])
        if ending not in ENDINGS:
            raise InputError(
                f"files that end in {ending!r} are not read",
                where=f"{where}#/file_ending",
                hint=f"known are {', '.join(ENDINGS)}",
            )
        names, regions = class_names(found.get("labels"), f"{where}#/labels", ledger)
        if not (self._reading.background and self._reading.masks == "slices"):
            names.pop(0, None)
        cases = list(
            iter_cases(root, folder, channels, ledger, ending=ending, explicit=found.get("dataset"))
        )
        cases = restored_ids(cases, found.get(IDS))
        stated, there = found.get("numTraining"), sum(case.subset == "train" for case in cases)
        if isinstance(stated, int) and stated != there:
            ledger.warn(f"{where}: numTraining is {stated}, there are {there} cases")
        facts: dict[str, Any] = {k: v for k, v in found.items() if k not in _OWN}
        labels = Labels(names)
        categories = labels.categories()
        by_name = region_values(found["labels"]) if regions and self._regions else {}
        if by_name:
            facts.pop("regions_class_order", None)
            categories = Categories.from_names(list(by_name))
        elif regions:
            facts["labels"] = found["labels"]
        header = Header(categories=categories, info={FAMILY: facts} if facts else {})
        source = NnunetSource(root, header, cases, labels, self._reading)
        source.regions = by_name
        return source


def restored_ids(cases: list[Case], ids: Any) -> list[Case]:
    """Give cases back the ids that dsk could not use as names of files."""
    if not isinstance(ids, dict):
        return cases
    done = []
    for case in cases:
        text = ids.get(case.id)
        try:
            done.append(replace(case, id=clean_name(text)) if isinstance(text, str) else case)
        except UnsafePathError:
            done.append(case)
    return done
