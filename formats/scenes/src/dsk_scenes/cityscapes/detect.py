"""Telling Cityscapes datasets from others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["detect"]

_FILES, _FOLDERS = 2000, 50
_KNOWN = (
    "gtFine",
    "gtCoarse",
    "gtBboxCityPersons",
    "leftImg8bit",
    "imgsFine",
    "leftImg8bit_sequence",
)
_BOXES = "_gtbboxcitypersons.json"
_MAPS = ("_instanceids.png", "_labeltrainids.png", "_labelids.png", "_polygons.json")


def detect(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    image = ""
    for name in _first_files(root):
        low = name.lower()
        maps = low.endswith(_MAPS) and ("_gtfine_" in low or "_gtcoarse_" in low)
        if maps or low.endswith(_BOXES):
            return Detection(92, f"{name} is named as only Cityscapes names files")
        if not image and low.rpartition(".")[0].endswith("_leftimg8bit"):
            image = name
    return Detection(70, f"{image} is named as Cityscapes names images") if image else None


def _first_files(root: InputRoot) -> Iterator[str]:
    """Yield the first files of the folders that matter, and of all.

    Folders of other parts of the download, such as disparities, may hold thousands of files.
    """
    above = ["", *(f"{name}/" for name in root.listing().folders[:_FOLDERS])]
    for known in _KNOWN:
        for prefix in above:
            if root.is_dir(prefix + known):
                yield from islice(root.walk(prefix + known), _FILES)
    yield from islice(root.walk(), _FILES)
