"""A Supervisely project: its folders, ``meta.json`` and ``key_id_map.json``."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, UnsafePathError
from dsk.jsonerrors import UNDECODABLE, has_constant
from dsk.names import clean_name
from dsk_pointcloud.clouds.names import is_cloud_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = [
    "CLOUDS",
    "EPISODE_FILE",
    "FAMILY",
    "FRAME_MAP",
    "KEY_MAP",
    "META",
    "Meta",
    "Set",
    "Tag",
    "canonical",
    "decode",
    "find_projects",
    "find_sets",
    "read_key_map",
    "read_meta",
    "safe_name",
]

META = "meta.json"
KEY_MAP = "key_id_map.json"
EPISODE_FILE = "annotation.json"
FRAME_MAP = "frame_pointcloud_map.json"
CLOUDS = "pointcloud"
FAMILY = "sly"

_DASHED = 36  # letters of a UUID with its dashes
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_SCOPES = ("all", "imagesOnly", "objectsOnly")
_TYPES = ("none", "any_string", "any_number", "oneof_string", "date")


class Tag(Struct, frozen=True):
    """A declared tag.

    Attributes:
        name: Its name.
        value_type: none, any_string, any_number, oneof_string or date.
        values: The values of a oneof_string.
        scope: all, imagesOnly or objectsOnly.
        classes: Classes it is for; none means all.
        raw: The declaration as it stands.
    """

    name: str
    value_type: str
    values: tuple[str, ...]
    scope: str
    classes: tuple[str, ...]
    raw: dict[str, Any]

    @property
    def default(self) -> Any:
        """The value that Datumaro gives to objects without the tag."""
        first = self.values[0] if self.values else ""
        return {"any_string": "", "any_number": 0, "oneof_string": first}.get(self.value_type)


class Meta(Struct, frozen=True):
    """``meta.json``: categories, tags, kind of project, and what dsk says if it wrote it.

    Attributes:
        categories: The classes.
        tags: The declared tags.
        project_type: The kind of project, or "".
        own: Whether dsk wrote it.
        numbers: Own numbers of keys that have another one in ``key_id_map.json``, where none
            may come twice.
    """

    categories: Categories
    tags: tuple[Tag, ...]
    project_type: str
    own: bool
    numbers: dict[str, dict[str, int]]


class Set(Struct, frozen=True):
    """One dataset or episode of a project.

    Attributes:
        folder: Its folder below the root.
        name: Its name in the project, "a/b" for nested ones.
        episode: Whether it is an episode.
    """

    folder: str
    name: str
    episode: bool


def decode(data: bytes | memoryview, where: str) -> Any:
    """Decode JSON; Python's NaN and Infinity are read, so that one of them spoils one figure only.

    Raises:
        InputError: It is damaged.
    """
    text = bytes(data).removeprefix(b"\xef\xbb\xbf")
    try:
        return msgspec.json.decode(text)
    except UNDECODABLE as error:
        if has_constant(text) or "out of range" in str(error):
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                pass  # what the other decoder says is as good
        raise InputError(f"damaged JSON: {error}", where=where) from error


def canonical(key: str) -> str:
    """Return a key without the dashes that some tools write in a UUID, to compare it."""
    return key.replace("-", "").lower() if len(key) == _DASHED else key


def find_projects(root: InputRoot) -> Iterator[str]:
    """Yield the folders of projects of point clouds: the root, or those one level below."""
    folders = ["", *root.entries()[0]] if root.focus is None else [posixpath.dirname(root.focus)]
    for folder in folders:
        if root.is_file(posixpath.join(folder, META)) and next(find_sets(root, folder), None):
            yield folder
            if not folder:
                return


def find_sets(root: InputRoot, project: str) -> Iterator[Set]:
    """Yield the datasets of a project, in order of their names."""
    for name in root.entries(project)[0]:
        yield from _sets(root, posixpath.join(project, name), name)


def _sets(root: InputRoot, folder: str, name: str) -> Iterator[Set]:
    folders, files = root.entries(folder)
    if EPISODE_FILE in files and (CLOUDS in folders or FRAME_MAP in files):
        yield Set(folder, name, episode=True)
    elif CLOUDS in folders or ("ann" in folders and _cloud_annotations(root, f"{folder}/ann")):
        yield Set(folder, name, episode=False)
    if "datasets" in folders and name.count("/") < 8:
        for child in root.entries(f"{folder}/datasets")[0]:
            yield from _sets(root, f"{folder}/datasets/{child}", f"{name}/{child}")


def _cloud_annotations(root: InputRoot, folder: str) -> bool:
    """Whether annotations are those of clouds: image projects have an ann folder, too."""
    for name in root.walk(folder, 2):
        if name.lower().endswith(".json"):
            return is_cloud_name(name[:-5])
    return False


def read_meta(root: InputRoot, project: str) -> Meta:
    """Read ``meta.json``.

    Raises:
        InputError: It is damaged, or a tag names a class that is not there.
    """
    name = posixpath.join(project, META)
    where = root.show(name)
    plain = decode(root.read(name), where)
    if not isinstance(plain, dict) or not isinstance(plain.get("classes"), list):
        raise InputError('it holds {"classes": […], "tags": […]}', where=where)
    try:
        classes = [_class(c) for c in plain["classes"]]
        tags = tuple(_tag(t) for t in plain.get("tags") or ())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"damaged class or tag: {error!r}", where=where) from error
    names = [c.name for c, _ in classes]
    if len(set(names)) < len(names):
        raise InputError("a class is declared twice", where=where)
    mine: dict[str, list[str]] = {name: [] for name in names}
    common = []
    for tag in tags:
        unknown = set(tag.classes) - set(names)
        if unknown:
            raise InputError(f"tag {tag.name!r} names no class: {sorted(unknown)}", where=where)
        if tag.scope == "imagesOnly":
            continue
        if not tag.classes:
            common.append(tag.name)
        for name in tag.classes:
            mine[name].append(tag.name)
    labels = tuple(
        LabelCategory(c.name, "", tuple(dict.fromkeys(mine[c.name])), c.source_id, c.extra)
        for c, _ in classes
    )
    colors = {n: color for n, (_, color) in enumerate(classes) if color is not None}
    categories = Categories(labels=labels, attributes=tuple(dict.fromkeys(common)), colors=colors)
    kind, own = str(plain.get("projectType") or ""), plain.get("dsk")
    numbers = own.get("numbers") if isinstance(own, dict) else None
    return Meta(categories, tags, kind, isinstance(own, dict), _key_tables(numbers or {}, where))


def _class(plain: dict[str, Any]) -> tuple[LabelCategory, tuple[int, int, int] | None]:
    title = plain["title"]
    if not isinstance(title, str):
        raise TypeError("title")
    more = {
        k: plain[k] for k in ("shape", "hotkey", "description", "geometry_config") if plain.get(k)
    }
    if more.get("shape") == "cuboid_3d":
        del more["shape"]
    number = plain.get("id")
    source = number if isinstance(number, int) else None
    label = LabelCategory(title, "", (), source, {FAMILY: more} if more else None)
    text = plain.get("color")
    if isinstance(text, str) and _COLOR.fullmatch(text):
        return label, (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))
    return label, None


def _tag(plain: dict[str, Any]) -> Tag:
    scope = plain.get("applicable_type") or "all"
    kind = plain.get("value_type") or "none"
    if scope not in _SCOPES:
        raise ValueError(f"applicable_type {scope!r} is none of {', '.join(_SCOPES)}")
    if kind not in _TYPES:
        raise ValueError(f"value_type {kind!r} is none of {', '.join(_TYPES)}")
    values = tuple(str(v) for v in plain.get("values") or ())
    classes = tuple(str(v) for v in plain.get("classes") or ())
    name = plain["name"]
    if not isinstance(name, str):
        raise TypeError("name")
    return Tag(name, kind, values, scope, classes, plain)


def read_key_map(root: InputRoot, project: str) -> dict[str, dict[str, int]]:
    """Read ``key_id_map.json``; what is missing is empty.

    Raises:
        InputError: It is damaged.
    """
    name = posixpath.join(project, KEY_MAP)
    if not root.is_file(name):
        return _key_tables({}, name)
    where = root.show(name)
    return _key_tables(decode(root.read(name), where), where)


def _key_tables(plain: Any, where: str) -> dict[str, dict[str, int]]:
    """Return numbers by key of objects, figures and clouds; what is missing is empty."""
    if not isinstance(plain, dict):
        raise InputError("it holds an object", where=where)
    found = {}
    for part in ("objects", "figures", "videos"):
        table = plain.get(part) or {}
        if not isinstance(table, dict):
            raise InputError(f"{part} is no object", where=where)
        found[part] = {canonical(k): v for k, v in table.items() if type(v) is int}
    return found


def safe_name(name: str) -> str | None:
    """Return a file name that a project states, or None if it leads elsewhere."""
    try:
        return clean_name(name)
    except UnsafePathError:
        return None
