"""Telling BraTS datasets from others."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_medical.brats.layouts import DEPTH, CaseFiles, find_homes, first_case
from dsk_medical.volume.names import nifti_stem

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_FILES = 20000
_NAMED = re.compile(r"brats", re.IGNORECASE)
_CHANNEL = re.compile(r".+_\d{4}")


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    homes = find_homes(root)
    if homes:
        folder = homes[0].folder
        if root.is_file(f"{folder}/dataset.json".strip("/")):
            return None  # nnU-Net or the Decathlon itself
        ends = (".nii", ".gz")
        volumes = (n for f in homes[0].images.values() for n in root.walk(f, suffixes=ends))
        stems = [stem for name in islice(volumes, _FILES) if (stem := nifti_stem(name))]
        if not stems or all(_CHANNEL.fullmatch(stem) for stem in stems):
            return None
        listed = root.is_file(f"{folder}/labels".strip("/"))
        return Detection(80 if listed else 60, "volumes in imagesTr or imagesTs, no dataset.json")
    case = first_case(islice(root.walk(depth=DEPTH, suffixes=(".nii", ".gz")), _FILES))
    if case is None:
        return None
    names = ", ".join(sorted(case.files))
    return Detection(85 if _is_named(case) else 65, f"{case.id} has the sequences {names}")


def _is_named(case: CaseFiles) -> bool:
    return _NAMED.search(case.id) is not None
