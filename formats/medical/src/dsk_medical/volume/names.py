"""Names of NIfTI files; detectors ask for them, so nothing heavy is imported."""

from __future__ import annotations

__all__ = ["is_nifti_name", "nifti_stem", "stem"]

_PAIRS = (".nii.gz", ".nii", ".img.gz", ".img", ".hdr.gz", ".hdr")
_VOLUMES = (".nii.gz", ".nii")


def is_nifti_name(name: str) -> bool:
    """Tell by its name whether a file is a NIfTI volume; the data half of a pair is none."""
    base = name.rpartition("/")[2].lower()
    return base.endswith((*_VOLUMES, ".hdr", ".hdr.gz")) and not base.startswith("._")


def stem(name: str) -> str:
    """Return a name without the ending of a NIfTI file, which may be two-fold."""
    lower = name.lower()
    return next((name[: -len(s)] for s in _PAIRS if lower.endswith(s)), name)


def nifti_stem(name: str) -> str | None:
    """Return a file's base name without ``.nii`` or ``.nii.gz``; None if it has neither."""
    base = name.rpartition("/")[2]
    lower = base.lower()
    if base.startswith("."):
        return None
    return next((base[: -len(e)] for e in _VOLUMES if lower.endswith(e) and lower != e), None)
