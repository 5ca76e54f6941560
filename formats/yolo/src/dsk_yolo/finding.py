"""Finding a dataset in what the user gave: a configuration file, or folders that speak for it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk_yolo.config import has_names, is_dataset_yaml, load_yaml, parse_darknet
from dsk_yolo.loose import Loose, find_loose
from dsk_yolo.paths import IMAGE_FOLDERS, LABEL_FOLDERS

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["find_dataset"]

YAML = (".yaml", ".yml")
_KEY = re.compile(rb"^\s*(names|train)\s*:", re.MULTILINE)
_KEYS = {b"names", b"train"}

DEPTH = 3
"""How deep below the root a dataset is looked for, as in Datumaro."""

MAX_FOLDERS = 64
"""How many folders of one depth are searched."""

MAX_LOOKS = 50
"""How many files of one folder are looked into: of very many, none describes the others."""


def find_dataset(root: InputRoot, wanted: str = "") -> str | Loose | None:
    """Return a dataset's data.yaml or obj.data, else its loose folders, else None.

    What lies nearest to the root counts; but folders without class names may have a data.yaml in
    a folder beside them.

    Args:
        root: The dataset.
        wanted: Name of the configuration file, if the user gave one.

    Raises:
        InputError: Several files fit, the wanted one is not there, or the one file that was given
            describes no dataset.
    """
    focus = root.focus
    if focus is not None:
        if focus.lower().endswith((*YAML, ".data")):
            return focus
        raise InputError(
            "this file describes no YOLO dataset",
            where=root.show(focus),
            hint="give the dataset's folder, its data.yaml or its obj.data",
        )
    level = [""]
    for _ in range(DEPTH + 1):
        configs = [c for folder in level for c in _configs(root, folder, wanted)]
        if len(configs) > 1:
            raise InputError(
                f"there are several datasets: {', '.join(configs[:5])}",
                where=root.path,
                hint="give the folder of one, or its file",
            )
        if configs:
            return configs[0]
        if not wanted and len(level) == 1 and (loose := find_loose(root, level[0])) is not None:
            return loose if loose.names else _config_beside(root, loose) or loose
        level = _below(root, level)
    if wanted:
        raise InputError("there is no such configuration file", where=root.show(wanted))
    return None


def _config_beside(root: InputRoot, loose: Loose) -> str | None:
    """Return the one configuration file in a folder beside those of images and rows."""
    own = {place.subset for place in loose.places}
    folders = [f for f in _below(root, [loose.home]) if f.rpartition("/")[2] not in own]
    try:
        configs = [c for folder in folders for c in _configs(root, folder, "")]
    except InputError:
        return None
    return configs[0] if len(configs) == 1 else None


def _below(root: InputRoot, level: list[str]) -> list[str]:
    """Return the folders below some folders that may hold a dataset of their own."""
    found = []
    for folder in level:
        prefix = f"{folder}/" if folder else ""
        names = [n for n in root.listing(folder).folders if not n.startswith(".")]
        found += [prefix + n for n in names if n not in (*IMAGE_FOLDERS, *LABEL_FOLDERS)]
    return found[:MAX_FOLDERS]


def _configs(root: InputRoot, folder: str, wanted: str) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    if wanted:
        return [prefix + wanted] if root.is_file(prefix + wanted) else []
    names = root.listing(folder).pick((".data", *YAML))
    for sure in ("obj.data", "data.yaml"):
        if sure in names:
            return [prefix + sure]
    darknet = [prefix + n for n in names if n.lower().endswith(".data")]
    found = [n for n in darknet[:MAX_LOOKS] if _is_darknet(root, n)]
    if not found:
        yamls = [prefix + n for n in names if n.lower().endswith(YAML)]
        found = [n for n in yamls[:MAX_LOOKS] if _is_yaml(root, n)]
        found = found or _naming(root, folder, yamls[:MAX_LOOKS])
    if len(found) > 1:
        raise InputError(
            f"several files may describe the dataset: {', '.join(found[:5])}",
            where=root.path,
            hint="name one: -I config_file=NAME",
        )
    return found


def _naming(root: InputRoot, folder: str, yamls: list[str]) -> list[str]:
    """Return the one YAML file that names classes, but no images, of folders without names."""
    loose = find_loose(root, folder) if yamls else None
    if loose is None or loose.names:
        return []
    found = []
    for file in yamls:
        with suppress(InputError):
            found += [file] if has_names(load_yaml(root.read(file, 1 << 20), file)) else []
    return found if len(found) == 1 else []


def _is_darknet(root: InputRoot, file: str) -> bool:
    head = root.read(file, 1 << 16).decode("utf-8", "replace")
    return "names" in parse_darknet(head)


def _is_yaml(root: InputRoot, file: str) -> bool:
    data = root.read(file, 1 << 20)
    try:
        return is_dataset_yaml(load_yaml(data, file))
    except InputError:
        return set(_KEY.findall(data)) >= _KEYS  # ours and damaged: reading it says where
