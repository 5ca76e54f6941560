"""Names of folders and files that are subsets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.item import DEFAULT_SUBSET

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["NUMBERED_SPLIT", "SPLITS", "is_subset_name", "subset_of_root"]

SPLITS = frozenset({"train", "training", "val", "validation", "valid", "test", "testing"})
"""Names, in lower case, that are subsets wherever they occur."""

NUMBERED_SPLIT = re.compile(
    r"(?:trainval|train|val|validation|valid|test|testdev|dev)[-_]?\d*", re.IGNORECASE
)
"""Names that are subsets, those of an edition among them: ``val2017``, ``testdev``."""


def is_subset_name(name: str) -> bool:
    """Tell whether a name is that of a subset or of an edition of one."""
    return name.lower() in SPLITS or NUMBERED_SPLIT.fullmatch(name) is not None


_ARCHIVE = re.compile(r"\.(?:zip|tar|tgz|tar\.gz)$", re.IGNORECASE)


def subset_of_root(root: InputRoot) -> str:
    """Return the subset's name when the folder or archive given may be the subset itself."""
    name = _ARCHIVE.sub("", root.name)
    return name if name.lower() in SPLITS else DEFAULT_SUBSET
