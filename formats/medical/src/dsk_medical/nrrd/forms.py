"""What NIfTI says of geometry, kept as key/value pairs of NRRD.

The keys are ITK's, which writes the fields of a NIfTI header under their names. Readers take the
directions; these pairs let form codes and numbers come back as they were.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk_medical.volume.nifti import FAMILY, GEOMETRY, header_of

if TYPE_CHECKING:
    from dsk.media import Volume

__all__ = ["KEYS", "forms_of", "nifti_header"]

_SPACING = tuple(f"pixdim[{n}]" for n in range(4))
_FLOAT = np.dtype(np.float32)
_MOST = 32767
"""Voxels along an axis of a NIfTI-1 volume."""

KEYS = frozenset({*GEOMETRY, *_SPACING})
"""The keys of such pairs; their values are numbers."""


def forms_of(volume: Volume) -> dict[str, str]:
    """Return the pairs of a volume whose NIfTI header is known and has its affine, else none."""
    header = header_of(volume)
    if header is None or "srow_x" not in header.structarr.dtype.names:
        return {}
    pairs = {}
    for name in GEOMETRY:
        pairs[name] = " ".join(repr(n) for n in np.atleast_1d(header[name]).tolist())
    for n, name in enumerate(_SPACING):
        pairs[name] = repr(float(header["pixdim"][n]))
    return pairs


def nifti_header(pairs: dict[str, str], shape: tuple[int, ...]) -> dict[str, str]:
    """Return what ``Volume.header`` holds of NIfTI; nothing if pairs are missing or damaged.

    Args:
        pairs: All pairs of an NRRD file.
        shape: The volume's.
    """
    import nibabel as nib

    if max(shape) > _MOST:
        return {}
    header = nib.nifti1.Nifti1Header()  # type: ignore[no-untyped-call]
    header.set_data_shape(shape)  # type: ignore[no-untyped-call]
    try:
        for name in GEOMETRY:
            header[name] = _numbers(pairs[name], header[name].dtype)
        header["pixdim"][:4] = [_numbers(pairs[name], _FLOAT) for name in _SPACING]
    except (KeyError, ValueError):
        return {}
    return {FAMILY: base64.b64encode(header.binaryblock).decode()}


def _numbers(text: str, kind: np.dtype[Any]) -> Any:
    """Return a number or a list of several that a field of some type holds."""
    numbers = [float(word) for word in text.split()]
    limits = np.iinfo(kind) if kind.kind in "iu" else np.finfo(kind)
    if not numbers or not all(limits.min <= n <= limits.max for n in numbers):
        raise ValueError(text)
    return numbers[0] if len(numbers) == 1 else numbers
