"""Names of BIDS: entities ``key-value`` joined by ``_``, a suffix, an ending."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["RAW_SUFFIXES", "SEGMENTATIONS", "BidsName", "parse", "raw_key"]

SEGMENTATIONS = ("dseg", "probseg", "mask")
RAW_SUFFIXES = ("T1w", "T2w", "FLAIR", "PDw", "T2star", "bold", "dwi", "inplaneT1")
"""Suffixes of images, the likeliest first."""

_ENTITY = re.compile(r"([A-Za-z]+)-([A-Za-z0-9+]+)")
_DERIVED = frozenset({"space", "seg", "res", "label", "desc", "den", "hemi"})


class BidsName(NamedTuple):
    """A file's name, taken apart.

    Attributes:
        folder: Its folder.
        entities: Values by key, in order.
        suffix: What it shows: ``dseg``, ``T1w``, ….
        ending: From the first dot on.
    """

    folder: str
    entities: Mapping[str, str]
    suffix: str
    ending: str

    @property
    def stem(self) -> str:
        """The entities joined."""
        return "_".join(f"{k}-{v}" for k, v in self.entities.items())


def parse(name: str) -> BidsName | None:
    """Take a name apart; None if it is no BIDS name."""
    folder, _, base = name.rpartition("/")
    stem, dot, ending = base.partition(".")
    *parts, suffix = stem.split("_")
    pairs = [_ENTITY.fullmatch(part) for part in parts]
    if not dot or not suffix.isalnum() or not all(pairs):
        return None
    return BidsName(folder, {m[1]: m[2] for m in pairs if m}, suffix, f".{ending}")


def raw_key(name: BidsName) -> frozenset[tuple[str, str]]:
    """Return the entities that a segmentation shares with the image it was made from."""
    return frozenset((k, v) for k, v in name.entities.items() if k not in _DERIVED)
