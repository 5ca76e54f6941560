"""Which files of a folder are CIFAR's pickles; nothing is unpickled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.names import stem_of

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = [
    "BINARY_10",
    "BINARY_100",
    "META_10",
    "META_100",
    "find_backups",
    "find_batches",
    "find_binaries",
    "find_home",
    "find_homes",
    "is_pickle",
    "unread_batches",
]

META_10, META_100 = "batches.meta", "meta"
BINARY_10 = "batches.meta.txt"
BINARY_100 = ("fine_label_names.txt", "coarse_label_names.txt")
"""The labels' names of the binary versions."""

_DEPTH = 3
_PICKLE_ENDINGS = (".pkl", ".pickle")
_BARE = ("train", "test")
"""CIFAR-100's files, which tell a dataset only where nothing else does."""

_BATCH = re.compile(r"(?:data_batch_\d+|test_batch|train|test|val)(?:\.pkl|\.pickle)?")
_BACKUP = re.compile(
    r"(.+?)(?:~|\.~\d+~|\.(?:bak|backup|old|orig|save|tmp)\d*)+", re.IGNORECASE | re.DOTALL
)
"""What editors and people call copies; the first group is the name of what was copied."""


def is_pickle(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a pickle, of a dict or of protocol 2 and later."""
    return head[:3] in (b"(dp", b"}q\0") or (
        head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5" and len(head) > 2
    )


def find_home(root: InputRoot) -> str | None:
    """Return the folder that holds a dataset's files, or None."""
    return next(iter(find_homes(root)), None)


def find_homes(root: InputRoot) -> list[str]:
    """Return the folders that hold a dataset's files each, those nearest to the root first."""
    if root.focus is not None:
        return [""] if is_pickle(root.read(root.focus, 3)) else []
    files = root.walk(depth=_DEPTH, words=("meta", "data_batch_", "test_batch"))
    homes: dict[str, None] = {}
    for name in sorted(files, key=lambda name: name.count("/")):
        folder, _, base = name.rpartition("/")
        known = base in (META_10, META_100) or base.startswith(("data_batch_", "test_batch"))
        if folder not in homes and known and is_pickle(root.read(name, 3)):
            homes[folder] = None
    return list(homes) or _bare_home(root)


def _bare_home(root: InputRoot) -> list[str]:
    """Return the folder of CIFAR-100's files without labels' names: the root, or one in it alone.

    Names of images hold ``train`` and ``test``, too, so that these words are not searched for.
    """
    prefix = ""
    for _ in range(_DEPTH + 1):
        for base in _BARE:
            if root.is_file(prefix + base) and is_pickle(root.read(prefix + base, 3)):
                return [prefix.rstrip("/")]
        folders = root.entries(prefix.rstrip("/"))[0]
        if len(folders) != 1:
            break
        prefix = f"{prefix}{folders[0]}/"
    return []


def find_batches(root: InputRoot, home: str) -> dict[str, str]:
    """Return the pickles of a folder but for the labels' names, by subset."""
    prefix = f"{home}/" if home else ""
    left = find_backups(root, home)
    files = (name for name in root.entries(home)[1] if prefix + name not in left)
    names = [root.focus] if root.focus else [prefix + name for name in files]
    found = {}
    for name in names:
        base = name.rpartition("/")[2]
        if base not in (META_10, META_100) and is_pickle(root.read(name, 3)):
            stem = stem_of(base) if base.endswith(_PICKLE_ENDINGS) else base
            found[base if stem in found else stem] = name
    return found


def find_backups(root: InputRoot, home: str) -> dict[str, str]:
    """Return the pickles of a folder that are copies of a file beside them, with its name.

    A subset may be called anything, so that a copy without its original is a batch.
    """
    if root.focus is not None:
        return {}
    prefix = f"{home}/" if home else ""
    names = set(root.entries(home)[1])
    found = {}
    for name in sorted(names):
        match = _BACKUP.fullmatch(name)
        if match and match[1] in names and is_pickle(root.read(prefix + name, 3)):
            found[prefix + name] = match[1]
    return found


def unread_batches(root: InputRoot, home: str) -> list[str]:
    """Return the files of a folder that are called like batches, but are no pickles."""
    if root.focus is not None:
        return []
    prefix = f"{home}/" if home else ""
    names = [name for name in root.entries(home)[1] if _BATCH.fullmatch(name)]
    return [prefix + name for name in names if not is_pickle(root.read(prefix + name, 3))]


def find_binaries(root: InputRoot) -> tuple[str, dict[str, str]]:
    """Return the folder of the binary version, and its files by subset; none if there is none."""
    if root.focus is not None:
        return "", {}
    tables = root.walk(depth=_DEPTH, suffixes=(".txt",), words=("batches.meta", "fine_label_names"))
    for name in sorted(tables, key=lambda name: name.count("/")):
        folder, _, base = name.rpartition("/")
        if base in (BINARY_10, BINARY_100[0]):
            files = root.listing(folder).pick((".bin",))
            found = {stem_of(file): f"{folder}/{file}".lstrip("/") for file in files}
            if found:
                return folder, found
    return "", {}
