"""Finding TFRecord files, their subsets and their label maps."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["Shard", "find_label_maps", "find_shards", "is_record_name"]

_NAME = re.compile(
    r"(?P<stem>.+?)(?P<shard>[-_.]\d+-of-\d+)?\.(?:tfrecords?|tfrec|records?)"
    r"(?P<late>[-_.]\d+-of-\d+)?(?:\.gz)?",
    re.IGNORECASE,
)
_BARE_SHARD = re.compile(r"(?P<stem>.+?)-\d{5}-of-\d{5}")
_SUBSETS = frozenset({"train", "valid", "val", "validation", "test", "eval", "dev"})
_DEPTH = 3
_FILES = 20_000


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


def find_shards(root: InputRoot) -> list[Shard]:
    """Return the TFRecord files up to three folders below the root, in the order of their names.

    The subset is the file's name without its shard number and ending; in folders that are named
    like subsets (Roboflow's ``train/Things.tfrecord``) it is the folder's name.
    """
    likely = islice(root.walk(depth=_DEPTH, words=("rec", "-of-")), _FILES)
    names = [name for name in likely if is_record_name(name)]
    return [Shard(name, subset_of(name)) for name in sorted(names)]


def subset_of(name: str) -> str:
    """Return the subset of a TFRecord file by its name."""
    folder, _, base = name.rpartition("/")
    match = _NAME.fullmatch(base) or _BARE_SHARD.fullmatch(base)
    stem = match["stem"] if match is not None else base
    last = folder.rpartition("/")[2]
    return last if last.lower() in _SUBSETS and stem.lower() not in _SUBSETS else stem


def find_label_maps(root: InputRoot, shards: list[Shard]) -> list[str]:
    """Return the label maps: those beside the TFRecord files, else any in the dataset.

    Of several in one folder those named ``…label_map.pbtxt`` are taken.
    """
    folders = dict.fromkeys(shard.name.rpartition("/")[0] for shard in shards)
    found: list[str] = []
    for folder in folders:
        found += _maps_in(root, folder)
    if not found:
        found = root.files("", (".pbtxt",), _DEPTH)
    return found


def _maps_in(root: InputRoot, folder: str) -> list[str]:
    names = root.listing(folder).pick((".pbtxt",))
    best = [name for name in names if "label_map" in name.lower() or "labelmap" in name.lower()]
    prefix = f"{folder}/" if folder else ""
    return [prefix + name for name in best or names]
