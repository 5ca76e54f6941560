"""Finding TFRecord files, their subsets and their label maps."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from dsk.splits import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.files import InputRoot

__all__ = [
    "DEPTH",
    "SUBSETS",
    "Shard",
    "find_shards",
    "is_record_name",
    "numbered",
    "subset_of",
]

_NAME = re.compile(
    r"(?P<stem>.+?)(?P<shard>[-_.]\d+-of-\d+)?\.(?:tfrecords?|tfrec|records?)"
    r"(?P<late>[-_.]\d+-of-\d+)?(?:\.gz)?",
    re.IGNORECASE,
)
_BARE_SHARD = re.compile(r"(?P<stem>.+?)-\d{5}-of-\d{5}")
_NUMBERED = re.compile(r"(?P<stem>.*[^\W\d_].*?)[-_.](?P<number>\d{3,})", re.DOTALL)
SUBSETS = SPLITS | {"eval", "dev"}
"""Names of folders, in lower case, that are subsets."""

DEPTH = 3
"""How many folders down files are looked for."""


class Shard(NamedTuple):
    """One TFRecord file and the subset that its items belong to."""

    name: str
    subset: str


def is_record_name(name: str) -> bool:
    """Tell by its name whether a file holds records; macOS's ``._`` side files do not."""
    base = name.rpartition("/")[2]
    return not base.startswith("._") and (
        _NAME.fullmatch(base) is not None or _BARE_SHARD.fullmatch(base) is not None
    )


def find_shards(root: InputRoot, most: int | None = None) -> list[Shard]:
    """Return the TFRecord files up to three folders below the root, in the order of their names.

    The subset is the file's name without its shard number and ending; in folders that are named
    like subsets (Roboflow's ``train/Things.tfrecord``) it is the folder's name. Files of one
    folder that only count up (``voc_train_000.tfrecord``, ``voc_train_001.tfrecord``) are shards.

    Args:
        root: The input.
        most: How many files to look at that may be some by their names; None for all.
    """
    likely = islice(root.walk(depth=DEPTH, words=("rec", "-of-")), most)
    names = [name for name in likely if is_record_name(name)]
    names.sort()
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(name.rpartition("/")[0], []).append(subset_of(name))
    whole = {folder: numbered(below) for folder, below in parts.items()}
    return [
        Shard(name, whole[name.rpartition("/")[0]].get(part := subset_of(name), part))
        for name in names
    ]


def numbered(names: Iterable[str]) -> dict[str, str]:
    """Return those of some names that count up, and what they are called without a number.

    They are several, and count from 0 or 1 without gaps in numbers of three digits or more, all
    of one width (``train_000``, ``train_001``). Fewer digits or gaps rather tell datasets apart:
    ``coco_2014``, ``coco_2017``.
    """
    found: dict[tuple[str, int], dict[int, str]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is not None:
            width = len(match["number"])
            found.setdefault((match["stem"], width), {})[int(match["number"])] = name
    return {
        name: stem
        for (stem, _), parts in found.items()
        if len(parts) > 1 and min(parts) in (0, 1) and max(parts) - min(parts) == len(parts) - 1
        for name in parts.values()
    }


def subset_of(name: str) -> str:
    """Return the subset of a TFRecord file by its name."""
    folder, _, base = name.rpartition("/")
    match = _NAME.fullmatch(base) or _BARE_SHARD.fullmatch(base)
    stem = match["stem"] if match is not None else base
    last = folder.rpartition("/")[2]
    return last if last.lower() in SUBSETS and stem.lower() not in SUBSETS else stem
