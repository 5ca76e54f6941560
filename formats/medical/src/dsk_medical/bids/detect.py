"""Telling BIDS derivatives with segmentations from others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.flow import Detection
from dsk_medical.bids.layout import SEGMENTATIONS, parse
from dsk_medical.cases.datasets import load_json

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["DESCRIPTION", "detect"]

DESCRIPTION = "dataset_description.json"
_FILES = 5000


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None or not (root.is_file(DESCRIPTION) or root.is_dir("derivatives")):
        return None
    found = next(
        (
            name
            for name in islice(root.walk(depth=8), _FILES)
            if (p := parse(name))
            and p.suffix in SEGMENTATIONS
            and ("sub" in p.entities or "tpl" in p.entities)
            and p.ending in (".nii.gz", ".nii")
        ),
        None,
    )
    if found is None:
        return None
    if root.is_file(DESCRIPTION):
        try:
            kind = load_json(root, DESCRIPTION).get("DatasetType")
        except InputError:
            kind = None
        if kind == "derivative":
            return Detection(92, f"{DESCRIPTION} of a derivative, and {found}")
    return Detection(75, f"a BIDS dataset with {found}")
