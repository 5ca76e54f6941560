"""Folders and files of a Supervisely volume project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError
from dsk_medical.cases.datasets import load_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["META", "Place", "categories_of", "find_project", "iter_places"]

META = "meta.json"
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class Place(NamedTuple):
    """Where the files of one volume are.

    Attributes:
        id: The item's id: names of dataset and volume.
        volume: The volume; "" if only annotations are there.
        annotations: The JSON file; "" if there is none.
        masks: The folder of its masks.
    """

    id: str
    volume: str
    annotations: str
    masks: str


def find_project(root: InputRoot) -> str | None:
    """Return the folder of a project: the root or one right below; None if there is none."""
    folders, files = root.entries("")
    if META in files:
        return "" if _has_volumes(root, "") else None
    found = [f for f in folders if META in root.entries(f)[1] and _has_volumes(root, f)]
    return found[0] if len(found) == 1 else None


def _has_volumes(root: InputRoot, folder: str) -> bool:
    try:
        meta = load_json(root, f"{folder}/{META}".strip("/"))
    except InputError:
        return False
    if not isinstance(meta.get("classes"), list):
        return False
    stated = meta.get("projectType")
    return stated == "volumes" if stated else bool(list(_datasets(root, folder)))


def _datasets(root: InputRoot, folder: str, depth: int = 4) -> Iterator[str]:
    """Yield the folders of datasets, which may lie in each other."""
    folders, _ = root.entries(folder)
    if "volume" in folders:
        yield folder
    for name in sorted(folders):
        if depth and name not in ("volume", "ann", "mask", "interpolation"):
            yield from _datasets(root, f"{folder}/{name}".strip("/"), depth - 1)


def iter_places(root: InputRoot, project: str) -> Iterator[Place]:
    """Yield the volumes of a project, by name; annotations without a volume come, too."""
    for folder in _datasets(root, project):
        base = f"{folder}/".lstrip("/")
        volumes = {n for n in root.entries(f"{base}volume")[1] if n.lower().endswith(".nrrd")}
        endings = ".nrrd.json"
        files = {
            n[: -len(".json")]: n
            for n in root.entries(f"{base}ann")[1]
            if n.lower().endswith(endings)
        }
        short = base.removeprefix(f"{project}/") if project else base
        for name in sorted(volumes | set(files)):
            yield Place(
                short + name[: -len(".nrrd")],
                f"{base}volume/{name}" if name in volumes else "",
                f"{base}ann/{files[name]}" if name in files else "",
                f"{base}mask/{name}",
            )


def categories_of(root: InputRoot, project: str) -> Categories:
    """Return the classes of ``meta.json``, in its order.

    Raises:
        InputError: It is damaged.
    """
    name = f"{project}/{META}".strip("/")
    classes: Any = load_json(root, name).get("classes")
    found: dict[str, tuple[int, int, int] | None] = {}
    for n, entry in enumerate(classes if isinstance(classes, list) else ()):
        title = entry.get("title") if isinstance(entry, dict) else None
        if not isinstance(title, str):
            raise InputError("a class has no title", where=f"{root.show(name)}#/classes/{n}")
        text = entry.get("color")
        found[title] = _rgb(text) if isinstance(text, str) and _COLOR.fullmatch(text) else None
    colors = {n: color for n, color in enumerate(found.values()) if color is not None}
    return Categories(labels=tuple(LabelCategory(title) for title in found), colors=colors)


def _rgb(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:], 16)
