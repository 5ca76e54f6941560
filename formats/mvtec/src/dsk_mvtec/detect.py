"""Telling MVTec AD datasets from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.media import is_image_name
from dsk_mvtec.layout import TRUTH, find_categories

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["detect"]


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    if root.focus is not None:
        return None
    for category in find_categories(root, "", 2)[:3]:
        prefix = f"{category}/" if category else ""
        subsets = [name for name in root.entries(category)[0] if name != TRUTH]
        for subset in subsets:
            folders, files = root.entries(f"{prefix}{subset}")
            for folder in folders:
                if any(map(is_image_name, root.entries(f"{prefix}{subset}/{folder}")[1])):
                    what = f"{TRUTH} beside {subset}/{folder} with images"
                    return Detection(80 if "good" in folders else 70, what)
            if any(map(is_image_name, files)):
                return Detection(45, f"{TRUTH} beside {subset} with images")
    return None
