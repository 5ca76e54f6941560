"""Names of folders and files that are subsets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.item import DEFAULT_SUBSET
from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from dsk.files import InputRoot

__all__ = ["NUMBERED_SPLIT", "SPLITS", "called_like_subsets", "is_subset_name", "subset_of_root"]

SPLITS = frozenset({"train", "training", "val", "validation", "valid", "test", "testing"})
"""Names, in lower case, that are subsets wherever they occur."""

NUMBERED_SPLIT = re.compile(
    r"(?:trainval|train|val|validation|valid|test|testdev|dev)[-_]?\d*", re.IGNORECASE
)
"""Names that are subsets, those of an edition among them: ``val2017``, ``testdev``."""


def is_subset_name(name: str) -> bool:
    """Tell whether a name is that of a subset or of an edition of one."""
    return name.lower() in SPLITS or NUMBERED_SPLIT.fullmatch(name) is not None


def called_like_subsets(names: Iterable[str], found: Collection[str]) -> list[str]:
    """Return those of some files that are called like subsets, but are not among those found."""
    return [n for n in names if n not in found and is_subset_name(stem_of(n.rpartition("/")[2]))]


_ARCHIVE = re.compile(r"\.(?:zip|tar|tgz|tar\.gz)$", re.IGNORECASE)


def subset_of_root(root: InputRoot) -> str:
    """Return the subset's name when the folder or archive given may be the subset itself."""
    name = _ARCHIVE.sub("", root.name)
    return name if name.lower() in SPLITS else DEFAULT_SUBSET
