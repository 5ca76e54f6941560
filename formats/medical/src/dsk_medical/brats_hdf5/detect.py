"""Telling brats_hdf5 datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk_medical.brats_hdf5.tables import slice_number

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["DEPTH", "detect"]

DEPTH = 5
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    slices = root.walk(depth=DEPTH, suffixes=(".h5", ".hdf5"), words=("_slice_",))
    names = [root.focus] if root.focus is not None else slices
    name = next((n for n in names if slice_number(n) is not None), None)
    if name is None:
        return None
    if root.read(name, 8) != _SIGNATURE:
        return Detection(40, f"{name} has the name of a slice, but is no HDF5 file")
    return Detection(90, f"{name} is an HDF5 file with the name of a slice")
