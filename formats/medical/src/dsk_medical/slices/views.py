"""Which way slices are cut, and how they are turned to be looked at."""

from __future__ import annotations

import numpy as np

from dsk.errors import MediaError
from dsk_medical.volume import geometry

__all__ = ["STORED", "inverse", "orientation_of"]

STORED: geometry.Orientation = ((0, 1), (1, 1), (2, 1))
"""Slices along the third axis, rows along the first, columns along the second."""

_NORMAL = {"sag": 0, "cor": 1, "axl": 2}
_RADIOLOGICAL = {"axl": "PLS", "cor": "ILA", "sag": "IPL"}
"""Where rows, columns and slices grow to: the patient's right is at the left, the nose too."""


def orientation_of(
    affine: geometry.Affine | None, axis: str, view: str, stored_axis: int = 2
) -> geometry.Orientation:
    """Return how a volume's axes become rows, columns and slices.

    Args:
        affine: The volume's affine; without one only "stored", "0", "1", "2" and "raw" are known.
        axis: As the option.
        view: As the option.
        stored_axis: The axis that "stored" stands for.

    Raises:
        MediaError: The affine is needed and there is none.
    """
    if affine is None and (axis in _NORMAL or view != "raw"):
        raise MediaError(
            "the volume does not say how it lies in space: planes and views are not known",
            hint="axis=0, 1 or 2 and view=raw need no affine",
        )
    if affine is None:
        along = stored_axis if axis == "stored" else int(axis)
    else:
        toward_ras = geometry.to_ras(affine)
        if axis in _NORMAL:
            along = toward_ras[_NORMAL[axis]][0]
        else:
            along = stored_axis if axis == "stored" else int(axis)
        if view == "radiological":
            plane = next(p for p, world in _NORMAL.items() if toward_ras[world][0] == along)
            return geometry.orientation_between(affine, _axes(_RADIOLOGICAL[plane]))
    rows, columns = (n for n in range(3) if n != along)
    return ((rows, 1), (columns, 1), (along, 1))


def _axes(codes: str) -> geometry.Affine:
    """Return an affine whose axes run along the given directions."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, code in enumerate(codes):
        row = next(n for n, pair in enumerate(("LR", "PA", "IS")) if code in pair)
        affine[row, column] = 1 if code in "RAS" else -1
    return affine


def inverse(orientation: geometry.Orientation) -> geometry.Orientation:
    """Return the orientation that undoes another."""
    back = [(0, 1)] * 3
    for target, (source, sign) in enumerate(orientation):
        back[source] = (target, sign)
    return tuple(back)
