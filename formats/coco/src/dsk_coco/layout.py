"""Which files of a folder are COCO's, and where their images lie."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dsk.splits import NUMBERED_SPLIT
from dsk_coco.plugin import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.files import InputRoot

__all__ = [
    "DEFAULT_SUBSET",
    "FOLDER",
    "Found",
    "farther_files",
    "farther_folders",
    "find_files",
    "image_folders",
    "is_results_file",
    "looks_like_results",
    "passed_over",
    "split_stem",
    "subset_of_folder",
    "video_of",
]

FOLDER = "annotations"
DEFAULT_SUBSET = "default"
DEPTH = 3
"""How deep below the root datasets are looked for, as in Datumaro."""

HEAD = 1 << 16
FAR = 1 << 23
"""As far into a file that begins with categories: a thousand of them come before the images."""

_LOOKS = 20
_FOLDERS = 64
_PICTURES = re.compile(r"(?:image|img|photo|picture|frame|jpe?g|rgb)[^/]*$", re.IGNORECASE)
ROBOFLOW = "_annotations.coco.json"
_PLAIN_STEMS = frozenset(
    {"annotations", "annotation", "_annotations.coco", "coco", "labels", "result"}
)
_LVIS = re.compile(r"lvis_v[\d.]+_(\w+)")
_WORD = re.compile(r"annotations?|anns?|coco|labels|keypoints|" + "|".join(TASKS))
_KEYS = re.compile(rb'"(?:images|annotations)"\s*:\s*\[')
_RESULT = re.compile(rb'\{[^{}]*"image_id"\s*:')
_OTHERS = re.compile(rb'"(?:categories|images)"\s*:\s*\{|"(?:items|shapes|assets)"\s*:\s*[\[{]')
_IMAGES = re.compile(rb'"images"\s*:\s*\[')
_FIELDS = re.compile(rb'"(?:image_id|category_id|segmentation|iscrowd)"\s*:')
"""What COCO's annotations have, and those of other JSON with ``annotations`` have not."""
_CATEGORIES = re.compile(rb'"categories"\s*:\s*\[\s*\{')
_NESTED = re.compile(rb'"images"\s*:\s*\[\s*\{[^{}]*"annotations"\s*:\s*\[')
"""Images that hold their annotations, as OCHuman has them."""
_UNLIKE = re.compile(rb'"(?:videos"\s*:\s*\[|video_id"\s*:|image"\s*:\s*\{)')


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
    "default"), ``lvis_v1_val`` ("instances", "val"), ``val_captions`` ("captions", "val"),
    ``annotations_train`` and ``train.coco`` ("", "train"), anything else itself as the subset.
    """
    lvis = _LVIS.fullmatch(stem)
    stem = lvis[1] if lvis else stem.replace("images_info", "image_info")
    lower = stem.lower()
    for task in TASKS:
        if lower == task and task != "labels":
            return task, DEFAULT_SUBSET
        if lower.startswith(f"{task}_"):
            return task, stem[len(task) + 1 :] or DEFAULT_SUBSET
    if lvis:
        return "instances", stem
    return _loose_stem(stem)


def _loose_stem(stem: str) -> tuple[str, str]:
    """Take words that stand for COCO, for annotations or for a task from both ends of a name."""
    task = ""
    parts = re.split(r"([-_.])", stem)
    while len(parts) > 1:
        word = next((w for w in (parts[-1], parts[0]) if not w or _WORD.fullmatch(w)), None)
        if word is None:
            break
        parts = parts[:-2] if word == parts[-1] else parts[2:]
        task = {"keypoints": "person_keypoints", "labels": ""}.get(word, word) or task
    subset = "".join(parts)
    return task if task in TASKS else "", DEFAULT_SUBSET if subset in _PLAIN_STEMS else subset


def find_files(root: InputRoot) -> list[Found]:
    """Return the annotation files nearest to the root, sorted by name.

    Looked for, in this order at each depth: ``annotations/*.json``, Roboflow's
    ``*/_annotations.coco.json``, and COCO JSON files lying in a folder itself.

    Args:
        root: The dataset, or one file of it. For a file in an ``annotations`` folder it must show
            the folder above.
    """
    if root.focus is not None:
        found = _alone([_found(root.focus)]) if _is_json(root.focus) else []
    else:
        found = _told_apart(_nearest(root))
    return [_of_root(root, found[0])] if len(found) == 1 else found


def _of_root(root: InputRoot, found: Found) -> Found:
    """Let a given folder tell the subset of the only file in it: one of Roboflow's, say."""
    told = found.subset != DEFAULT_SUBSET or found.name.endswith(f"{DEFAULT_SUBSET}.json")
    if told or "/" in found.name or not NUMBERED_SPLIT.fullmatch(root.name):
        return found
    return replace(found, subset=root.name)


def _nearest(root: InputRoot) -> list[Found]:
    level = [""]
    for _ in range(DEPTH + 1):
        found: list[Found] = []
        below: list[str] = []
        for folder in level:
            listing = root.listing(folder)
            prefix = f"{folder}/" if folder else ""
            found += _of_folder(root, prefix, listing.folders, listing.pick((".json",)))
            below += [prefix + name for name in listing.folders]
        if found:
            return found
        level = below
    return []


def _of_folder(
    root: InputRoot, prefix: str, folders: Iterable[str], files: Iterable[str]
) -> list[Found]:
    for own in (f"{prefix}{name}" for name in folders if name.lower() == FOLDER):
        names = root.files(own, (".json",), 0)
        named = [f for f in map(_found, names) if _is_named(f)]
        found = named or _look_into(root, names)
        if found:
            return found
    found = [_found(prefix + n) for n in files if n == ROBOFLOW]
    for folder in folders:
        name = f"{prefix}{folder}/{ROBOFLOW}"
        if root.is_file(name):
            found.append(_found(name))
    if found:
        return found
    return _alone(_look_into(root, [prefix + n for n in files]))


def _alone(found: list[Found]) -> list[Found]:
    """Let the folder tell the subset of the only file, if its name is not one of a subset."""
    if len(found) == 1 and not found[0].task and not NUMBERED_SPLIT.fullmatch(found[0].subset):
        return [replace(found[0], subset=subset_of_folder(found[0].name))]
    return found


def _look_into(root: InputRoot, names: list[str]) -> list[Found]:
    """Return the files that look like COCO; of very many files the first ones tell for all."""
    if not any(looks_like_coco(root, name) for name in names[:_LOOKS]):
        return []
    return [_found(name) for name in names if looks_like_coco(root, name)]


def _found(name: str) -> Found:
    folder, _, file = name.rpartition("/")
    if file == ROBOFLOW:
        return Found(name, "", posixpath.basename(folder) or DEFAULT_SUBSET, folder)
    stem = file[: -len(".json")]
    task, subset = split_stem(stem)
    if subset == DEFAULT_SUBSET and not stem.endswith(DEFAULT_SUBSET):
        subset = subset_of_folder(name)
    parts = folder.split("/")
    own = next((n for n in range(len(parts), 0, -1) if parts[n - 1].lower() == FOLDER), None)
    return Found(name, task, subset, folder if own is None else "/".join(parts[: own - 1]))


def passed_over(root: InputRoot, found: Sequence[Found]) -> list[str]:
    """Return files that look like COCO beside those that are read for their names."""
    folders = {
        posixpath.dirname(f.name)
        for f in found
        if f.name != root.focus and (f.task or f.name.endswith(ROBOFLOW))
    }
    names = {f.name for f in found}
    return [
        name
        for folder in sorted(folders)
        for file in root.entries(folder)[1]
        if _is_json(file)
        and (name := f"{folder}/{file}".lstrip("/")) not in names
        and not split_stem(file[: -len(".json")])[0]
        and looks_like_coco(root, name)
    ]


def farther_files(root: InputRoot, found: Sequence[Found]) -> list[str]:
    """Return files that look like COCO in other folders than those that are read."""
    if root.focus is not None or not found:
        return []
    read = {posixpath.dirname(f.name) for f in found}
    folders: dict[str, list[str]] = {}
    for name in root.walk("", DEPTH + 1, (".json",)):
        folder = posixpath.dirname(name)
        if folder not in read:
            folders.setdefault(folder, []).append(name)
    some = list(folders.values())[:_FOLDERS]
    return [file.name for names in some for file in _look_into(root, names)]


def _is_named(found: Found) -> bool:
    """Tell whether a file's name begins with its task, which says enough."""
    stem = posixpath.basename(found.name)
    return bool(found.task) and stem.startswith((found.task, "lvis_"))


def subset_of_folder(name: str) -> str:
    """Return the subset that the folders of a file stand for."""
    parts = posixpath.dirname(name).split("/")
    return next((p for p in reversed(parts) if NUMBERED_SPLIT.fullmatch(p)), DEFAULT_SUBSET)


def video_of(found: Found, names: Sequence[str]) -> str:
    """Return the name of the video that a file in a subset's folder is about, or "".

    PoseTrack has a file for each video, whose frames lie in a folder called like it.

    Args:
        found: The file.
        names: Of some of its images.
    """
    folder, stem = posixpath.split(found.name.removesuffix(".json"))
    if found.task or not NUMBERED_SPLIT.fullmatch(posixpath.basename(folder)):
        return ""
    return stem if names and all(n.split("/")[-2:-1] == [stem] for n in names) else ""


def _told_apart(found: list[Found]) -> list[Found]:
    """Give files of one task and subset, which lie in different folders, subsets of their own.

    Joined, images of one name would be one item.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for n, file in enumerate(found):
        groups.setdefault((file.task or TASKS[0], file.subset), []).append(n)
    told = list(found)
    for (_, subset), group in groups.items():
        if len(group) < 2:
            continue
        paths = [found[n].name.removesuffix(".json").split("/") for n in group]
        common = [set(step) for step in zip(*paths, strict=False)]
        start = next((n for n, step in enumerate(common) if len(step) > 1), len(common))
        for n, path in zip(group, paths, strict=True):
            base = path[start] if path[start:] else path[-1]
            last = start >= len(path) - 1
            name = base if last or subset in (DEFAULT_SUBSET, base) else f"{base}_{subset}"
            told[n] = replace(found[n], subset=name)
    return told


def _is_json(name: str) -> bool:
    return name.lower().endswith(".json")


def looks_like_coco(root: InputRoot, name: str) -> bool:
    """Tell by its first bytes whether a file is COCO JSON rather than another JSON."""
    head = root.read(name, HEAD)
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    if _OTHERS.search(head) or _NESTED.search(head):
        return False
    if not _KEYS.search(head):
        if not _CATEGORIES.search(head):
            return False
        head = root.read(name, FAR)
        if not _KEYS.search(head):
            return False
    if _IMAGES.search(head):
        return True
    return _FIELDS.search(head) is not None and _UNLIKE.search(head) is None


def is_results_file(root: InputRoot, name: str) -> bool:
    """Tell by its first bytes whether a file is a JSON list, as COCO's results are."""
    return root.read(name, 64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def looks_like_results(root: InputRoot, name: str) -> bool:
    """Tell by its first bytes whether a file is a list of what was found in COCO's images."""
    head = root.read(name, HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"[") and _RESULT.match(head[1:].lstrip()) is not None


def image_folders(root: InputRoot, found: Found) -> list[str]:
    """Return the folders that may hold a file's images, best first; all of them are there."""
    base = f"{found.base}/" if found.base else ""
    below = {name.lower(): name for name in reversed(root.entries(found.base)[0])}
    images = base + below.get("images", "images")
    own = posixpath.dirname(found.name)
    subset = base + below.get(found.subset.lower(), found.subset)
    wanted = [f"{images}/{found.subset}", images, subset, f"{subset}/images", own, found.base]
    if found.name.endswith(ROBOFLOW):
        wanted.insert(0, own)
    others = [base + name for name in below.values() if name.lower() != FOLDER]
    return [f for f in dict.fromkeys([*wanted, *others]) if not f or root.is_dir(f)]


def farther_folders(root: InputRoot, found: Found) -> list[str]:
    """Return folders below a file's base, the nearest first, those named like images before others.

    Masks are often called like their images, and lie in a folder beside them.
    """
    level = [found.base]
    folders: list[str] = []
    for _ in range(DEPTH):
        level = [
            f"{folder}/{name}".lstrip("/")
            for folder in level
            for name in root.listing(folder).folders
        ][:_FOLDERS]
        folders += sorted(level, key=lambda path: _PICTURES.search(path) is None)
    return folders
