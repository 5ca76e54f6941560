"""Telling MVTec AD datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.media import is_image_name
from dsk.names import stem_of
from dsk_mvtec.layout import TRUTH, find_categories, holds_masks

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    for category in find_categories(root, "", 2)[:3]:
        prefix = f"{category}/" if category else ""
        subsets = [name for name in root.listing(category).folders if name != TRUTH]
        if _is_other(root, prefix, subsets):
            continue
        masked = next((s for s in subsets if holds_masks(root, f"{prefix}{s}")), None)
        truth = f"{masked}/{TRUTH}" if masked else TRUTH
        flat = ""
        for subset in subsets:
            folders, files = root.entries(f"{prefix}{subset}")
            for folder in folders:
                if any(map(is_image_name, root.entries(f"{prefix}{subset}/{folder}")[1])):
                    what = f"{truth} beside {subset}/{folder} with images"
                    return Detection(80 if "good" in folders else 70, what)
            if any(map(is_image_name, files)):
                flat = flat or subset
        if flat:
            return Detection(45, f"{truth} beside {flat} with images")
    return None


def _is_other(root: InputRoot, prefix: str, subsets: list[str]) -> bool:
    """Tell whether masks are kept as in MVTec AD's relatives, whose images these masks do not fit.

    Some have ``ground_truth`` in a subset: its folders and those beside it are the same labels.
    """
    labels = root.listing(f"{prefix}{TRUTH}").folders
    if any(label in subsets for label in labels):
        return True
    for label in labels:
        for folder in root.listing(f"{prefix}{TRUTH}/{label}").folders[:1]:
            if not any(_is_there(root, f"{prefix}{s}/{label}", folder) for s in subsets):
                return True
    return False


def _is_there(root: InputRoot, label: str, folder: str) -> bool:
    """Tell whether masks in a folder are of images in such a folder, or of the image so named."""
    files = root.entries(label)[1]
    return root.is_dir(f"{label}/{folder}") or any(
        is_image_name(name) and stem_of(name) == folder for name in files
    )
