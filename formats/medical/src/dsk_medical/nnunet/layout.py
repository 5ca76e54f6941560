"""Names of the files of an nnU-Net dataset; detectors use it, so nothing heavy is imported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dsk_medical.cases.datasets import load_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["ENDINGS", "is_nnunet", "split_channel", "without_ending"]

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".tif", ".tiff")
"""Endings of files that are read; the first is the usual one."""

_CHANNEL = re.compile(r"(.+)_(\d{4})", re.DOTALL)


def is_nnunet(root: InputRoot, folder: str) -> str:
    """Return which version the dataset of a folder has ("v2", "v1"); "" if it is another format.

    Cases of the Decathlon may end in four digits too, but its lists name them with these.

    Raises:
        InputError: The dataset.json cannot be read.
    """
    found = load_json(root, f"{folder}/dataset.json".strip("/"))
    if "channel_names" in found and "labels" in found:
        return "v2"
    if "modality" not in found or "labels" not in found:
        return ""
    _, files = root.entries(f"{folder}/imagesTr".strip("/"))
    stems = {s for name in files if (s := without_ending(name, ENDINGS)) is not None}
    if not stems or not all(_CHANNEL.fullmatch(s) for s in stems):
        return ""
    exact = stems & set(_listed_stems(found.get("training")))
    return "" if any(not s.endswith("_0000") for s in exact) else "v1"


def _listed_stems(training: Any) -> Iterator[str]:
    """Yield the images that a list names, without ending: version 1 leaves the channel out."""
    for entry in training if isinstance(training, list) else ():
        image = entry.get("image") if isinstance(entry, dict) else None
        stem = without_ending(image.rpartition("/")[2], ENDINGS) if isinstance(image, str) else None
        if stem is not None:
            yield stem


def without_ending(name: str, endings: tuple[str, ...]) -> str | None:
    """Return a name without one of some endings; None if it has none, or is hidden."""
    if name.startswith("."):
        return None
    lower = name.lower()
    return next(
        (name[: -len(e)] for e in endings if lower.endswith(e) and len(name) > len(e)), None
    )


def split_channel(name: str, ending: str) -> tuple[str, int] | None:
    """Return case and channel of a file's name: exactly the last ``_dddd`` is the channel."""
    stem = without_ending(name, (ending,))
    match = _CHANNEL.fullmatch(stem) if stem is not None else None
    return (match[1], int(match[2])) if match else None
