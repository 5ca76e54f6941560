"""Finding the files that later training code has, one for each part of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["HOME", "find_splits", "split_of", "without_repeats"]

HOME = "annot"
"""The folder of these files, beside ``images``."""

_SUBSETS = {"train": "train", "valid": "val", "val": "val", "test": "test"}
_WHOLE = "trainval"
_HEAD = 1 << 16


def split_of(name: str) -> str:
    """Return the subset that a file's name says, or "" if it says none."""
    stem = name.rpartition("/")[2].lower().removesuffix(".json")
    return stem if stem == _WHOLE else _SUBSETS.get(stem, "")


def find_splits(root: InputRoot) -> list[str]:
    """Return ``annot/train.json`` and the like, or [] if none of them has joints."""
    for prefix in (f"{HOME}/", ""):
        names = root.listing(prefix[:-1]).pick((".json",))
        heads = {prefix + n: root.read(prefix + n, _HEAD) for n in names if split_of(n)}
        found = [name for name, head in heads.items() if b'"image"' in head and b'"scale"' in head]
        if any(b'"joints_vis"' in heads[name] for name in found):
            return found
    return []


def without_repeats(names: list[str], ledger: Ledger) -> list[str]:
    """Return the files without those that repeat others: ``trainval`` has ``train`` and ``val``."""
    splits = {split_of(name) for name in names}
    parts = splits & {"train", "val"}
    if _WHOLE not in splits or not parts:
        return names
    left = {_WHOLE} if len(parts) > 1 else parts
    ledger.warn(f"{', '.join(n for n in names if split_of(n) in left)} repeats other files")
    return [name for name in names if split_of(name) not in left]
