"""Which files of a folder are COCO's, and where their images lie."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk_coco.plugin import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.files import InputRoot

__all__ = [
    "DEFAULT_SUBSET",
    "FOLDER",
    "Found",
    "find_files",
    "image_folders",
    "is_results_file",
    "split_stem",
]

FOLDER = "annotations"
DEFAULT_SUBSET = "default"
DEPTH = 3
"""How deep below the root datasets are looked for, as in Datumaro."""

HEAD = 1 << 16
ROBOFLOW = "_annotations.coco.json"
_PLAIN_STEMS = frozenset(
    {"annotations", "annotation", "_annotations.coco", "coco", "labels", "result"}
)
_LVIS = re.compile(r"lvis_v[\d.]+_(\w+)")
_KEYS = re.compile(rb'"(?:images|annotations)"\s*:\s*\[')
_OTHERS = re.compile(rb'"categories"\s*:\s*\{|"(?:items|shapes|assets)"\s*:\s*[\[{]')


class Found(Struct, frozen=True):
    """An annotation file.

    Attributes:
        name: Its relative name.
        task: One of ``TASKS``, or "" when its name does not tell.
        subset: The subset that its name or place stands for.
        base: The folder that images are looked for in, see ``image_folders``.
    """

    name: str
    task: str
    subset: str
    base: str


def split_stem(stem: str) -> tuple[str, str]:
    """Split ``<task>_<subset>``; the task is "" when there is none.

    ``instances_train_2017`` gives ("instances", "train_2017"), ``instances`` ("instances",
    "default"), ``lvis_v1_val`` ("instances", "val"), anything else itself as the subset.
    """
    for task in TASKS:
        if stem == task and task != "labels":
            return task, DEFAULT_SUBSET
        if stem.startswith(f"{task}_"):
            return task, stem[len(task) + 1 :] or DEFAULT_SUBSET
    lvis = _LVIS.fullmatch(stem)
    if lvis:
        return "instances", lvis[1]
    return "", DEFAULT_SUBSET if stem in _PLAIN_STEMS else stem


def find_files(root: InputRoot) -> list[Found]:
    """Return the annotation files nearest to the root, sorted by name.

    Looked for, in this order at each depth: ``annotations/*.json``, Roboflow's
    ``*/_annotations.coco.json``, and COCO JSON files lying in a folder itself.

    Args:
        root: The dataset, or one file of it. For a file in an ``annotations`` folder it must show
            the folder above.
    """
    if root.focus is not None:
        return [_found(root.focus)] if _is_json(root.focus) else []
    level = [""]
    for _ in range(DEPTH + 1):
        found: list[Found] = []
        below: list[str] = []
        for folder in level:
            folders, files = root.entries(folder)
            prefix = f"{folder}/" if folder else ""
            found += _of_folder(root, prefix, folders, files)
            below += [prefix + name for name in folders]
        if found:
            return found
        level = below
    return []


def _of_folder(
    root: InputRoot, prefix: str, folders: Iterable[str], files: Iterable[str]
) -> list[Found]:
    if FOLDER in folders:
        names = [f"{prefix}{FOLDER}/{n}" for n in root.entries(prefix + FOLDER)[1] if _is_json(n)]
        named = [f for f in map(_found, names) if f.task]
        found = named or [_found(n) for n in names if looks_like_coco(root, n)]
        if found:
            return found
    found = [_found(prefix + n) for n in files if n == ROBOFLOW]
    for folder in folders:
        name = f"{prefix}{folder}/{ROBOFLOW}"
        if root.is_file(name):
            found.append(_found(name))
    if found:
        return found
    found = [_found(prefix + n) for n in files if _is_json(n) and looks_like_coco(root, prefix + n)]
    if len(found) == 1 and not found[0].task:
        only = found[0]
        return [Found(only.name, only.task, DEFAULT_SUBSET, only.base)]
    return found


def _found(name: str) -> Found:
    folder, _, base = name.rpartition("/")
    if base == ROBOFLOW:
        return Found(name, "", posixpath.basename(folder) or DEFAULT_SUBSET, folder)
    task, subset = split_stem(base[: -len(".json")])
    above, _, last = folder.rpartition("/")
    return Found(name, task, subset, above if last == FOLDER else folder)


def _is_json(name: str) -> bool:
    return name.lower().endswith(".json")


def looks_like_coco(root: InputRoot, name: str) -> bool:
    """Tell by its first bytes whether a file is COCO JSON rather than another JSON."""
    head = root.read(name, HEAD)
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    return _KEYS.search(head) is not None and _OTHERS.search(head) is None


def is_results_file(root: InputRoot, name: str) -> bool:
    """Tell by its first bytes whether a file is a JSON list, as COCO's results are."""
    return root.read(name, HEAD).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def image_folders(found: Found) -> list[str]:
    """Return the folders that may hold a file's images, best first, relative to the root."""
    base = f"{found.base}/" if found.base else ""
    folders = [f"{base}images/{found.subset}", f"{base}images", f"{base}{found.subset}"]
    own = posixpath.dirname(found.name)
    if found.name.endswith(ROBOFLOW):
        return [own, *folders]
    return [*folders, own, found.base, f"{base}data", f"{base}train2017", f"{base}val2017"]
