"""Small NIfTI files for tests, and facts about labels that do not depend on storage order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

AFFINE = np.array(
    [[-0.75, 0.0, 0.0, 40.0], [0.0, 0.75, 0.0, -30.0], [0.0, 0.0, 2.5, 7.0], [0, 0, 0, 1.0]]
)
OBLIQUE = AFFINE.copy()
OBLIQUE[:3, :3] = AFFINE[:3, :3] @ np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
SHAPE = (9, 8, 5)


def scan(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1000, 2000, shape).astype(np.int16)


def blocks(*values: int, shape: tuple[int, ...] = SHAPE, dtype: Any = np.uint8) -> np.ndarray:
    """Return a label map with a block for each value, none overlapping."""
    array = np.zeros(shape, dtype)
    for n, value in enumerate(values):
        array[2 * n : 2 * n + 2, 1 + n : 4 + n, 1 : 3 + n % 2] = value
    return array


def save(
    path: Path,
    array: np.ndarray,
    affine: np.ndarray | None = AFFINE,
    codes: tuple[int, int] = (1, 1),
    **fields: Any,
) -> Path:
    """Write a file; codes are those of sform and qform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, codes[0])
    image.set_qform(affine, codes[1])
    for name, value in fields.items():
        image.header[name] = value
    nib.save(image, path)
    return path


def voxels(a: Any) -> np.ndarray:
    """Return a mask in the volume as an array of booleans."""
    array = np.asarray(a.source[:, :, :])
    return array != 0 if a.value is None else array == a.value


def label_facts(mask: np.ndarray, affine: np.ndarray) -> tuple[int, float, tuple[float, ...]]:
    """Return the number of voxels, mm³ and the centroid in RAS mm."""
    places = np.argwhere(mask)
    centre = affine[:3, :3] @ places.mean(axis=0) + affine[:3, 3]
    volume = len(places) * abs(np.linalg.det(affine[:3, :3]))
    return len(places), round(float(volume), 3), tuple(np.round(centre, 3).tolist())
