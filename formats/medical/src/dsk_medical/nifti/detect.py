"""Telling folders of NIfTI volumes from data sets that say more about them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_medical.brats.layouts import first_case
from dsk_medical.nifti.filenames import SEGMENTATIONS, parse

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]

_ENOUGH = 20_000
_ENDS = (".nii", ".nii.gz")
_OTHERS = ("dataset.json", "dataset_description.json")


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return Detection(60, "a NIfTI file") if root.focus.lower().endswith(_ENDS) else None
    names = list(islice(root.walk(suffixes=(".nii", ".gz", ".json")), _ENOUGH))
    volumes = [n for n in names if n.lower().endswith(_ENDS) and "/._" not in f"/{n}"]
    if not volumes:
        return _pairs(root)
    theirs = _other_format(names, volumes)
    if theirs:
        return Detection(3, f"NIfTI files, but also {theirs}")
    if not _plausible(root, volumes[0]):
        return Detection(3, f"{volumes[0]} is no NIfTI file")
    planes = sum((p := parse(name)) is not None and p.sure for name in volumes)
    if planes:
        return Detection(75, f"{planes} NIfTI files with plane and type in their names")
    stems = {name[: name.lower().rindex(".nii")] for name in volumes}
    folders = [name.rpartition("/")[0] for name in volumes]
    masks = sum(folder in stems for folder in folders)
    if masks:
        return Detection(75, f"NIfTI volumes with {masks} masks in folders of their names")
    masks = sum(folder.rpartition("/")[2].lower() == SEGMENTATIONS for folder in folders)
    if masks:
        return Detection(70, f"NIfTI files, {masks} of them in folders called {SEGMENTATIONS}")
    return Detection(45, f"{len(volumes)} NIfTI files")


def _pairs(root: InputRoot) -> Detection | None:
    """Detect volumes in two files, header and data; other headers are called ``.hdr`` as well."""
    headers = islice(root.walk(suffixes=(".hdr",)), _ENOUGH)
    name = next((n for n in headers if root.is_file(f"{n[:-4]}.img")), None)
    if name is None or not _plausible(root, name):
        return None
    return Detection(60, f"{name} is the header of a volume, in NIfTI or Analyze")


def _other_format(names: list[str], volumes: list[str]) -> str:
    for name in names:
        base = name.rpartition("/")[2]
        if base in _OTHERS:
            return base
    for name in volumes:
        lower = f"/{name.lower()}"
        if "/imagestr/" in lower or "/labelstr/" in lower:
            return "imagesTr"
        if "_dseg.nii" in lower:
            return name
    case = first_case(volumes)
    return next(iter(case.files.values())) if case is not None else ""


def _plausible(root: InputRoot, name: str) -> bool:
    head = root.read(name, 4)
    sizes = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
    return head[:2] == b"\x1f\x8b" or head in sizes
