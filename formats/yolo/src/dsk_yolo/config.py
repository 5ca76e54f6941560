"""Reading data.yaml, obj.data and files of class names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.errors import InputError, LimitError
from dsk_yolo.paths import RESERVED_DARKNET, RESERVED_YAML, SPLIT_KEYS, above, lines_of, resolve

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "Config",
    "has_names",
    "is_dataset_yaml",
    "load_yaml",
    "parse_darknet",
    "read_darknet",
    "read_names_file",
    "read_yaml",
]

MAX_BYTES = 8 << 20
MAX_DEPTH = 16
MAX_ALIASES = 16

_LIKE_A_PATH = re.compile(r"^[^:]*/|\.txt$")
_COMMENT = re.compile(r"\s#\s.*")

_NULL = frozenset({"", "~", "null", "Null", "NULL"})


class Config(Struct):
    """What a configuration file says.

    Attributes:
        file: Its relative name.
        names: Label names by dense index.
        ids: Dense index by class id as written in rows.
        subsets: Image folders, lists or images by subset, as written.
        path: The ``path`` key.
        kpt_shape: (number of keypoints, 2 or 3), or None. Datumaro writes no keypoints as 0.
        kpt_names: Keypoint names by class id, or all under None.
        flip_idx: Keypoint that each one becomes when the image is mirrored.
        task: What the rows hold, if dsk wrote the file.
        keypoints: Classes whose keypoints have names, if dsk wrote the file, else None.
        joints: Pairs of connected keypoints by class id, if dsk wrote the file.
    """

    file: str
    names: list[str]
    ids: dict[int, int]
    subsets: dict[str, list[str]]
    path: str = ""
    kpt_shape: tuple[int, int] | None = None
    kpt_names: dict[int | None, list[str]] = {}
    flip_idx: list[int] = []
    task: str = ""
    keypoints: list[int] | None = None
    joints: dict[int, list[tuple[int, int]]] = {}


def load_yaml(data: bytes, where: str) -> Any:
    """Load YAML with every scalar as text, so that a class ``no`` stays "no" and ``007`` "007".

    Raises:
        InputError: It is no YAML.
        LimitError: It is too large, nests too deep or repeats itself by too many aliases.
    """
    import yaml

    if len(data) > MAX_BYTES:
        raise LimitError(f"larger than {MAX_BYTES >> 20} MB", where=where)
    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    depth = aliases = 0
    try:
        for event in yaml.parse(data, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            aliases += isinstance(event, yaml.AliasEvent)
            if depth > MAX_DEPTH or aliases > MAX_ALIASES:
                raise LimitError("nested too deep, or too many aliases", where=where)
        return yaml.load(data, Loader=loader)  # noqa: S506 - makes text, lists and mappings only
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(f"no valid YAML: {problem}", where=f"{where}{line}") from error


def is_dataset_yaml(document: Any) -> bool:
    """Tell whether a loaded YAML describes a dataset: class names or their number, and images.

    A model's YAML has ``nc`` too, and keys that name no images.
    """
    if not isinstance(document, dict) or not ("names" in document or "nc" in document):
        return False
    paths = {k: _paths(v) for k, v in document.items() if k not in RESERVED_YAML}
    return any(
        found and (key in SPLIT_KEYS or any(map(_LIKE_A_PATH.search, found)))
        for key, found in paths.items()
    )


def has_names(document: Any) -> bool:
    """Tell whether a loaded YAML names classes, of images that it may leave to the folders."""
    return isinstance(document, dict) and isinstance(document.get("names"), (list, dict))


def read_yaml(root: InputRoot, file: str, ledger: Ledger) -> Config:
    """Read a data.yaml.

    Raises:
        InputError: It is no YAML, no mapping, or its class names or keypoints make no sense.
    """
    where = root.show(file)
    document = load_yaml(root.read(file, MAX_BYTES + 1), where)
    if not isinstance(document, dict):
        raise InputError(
            "holds no mapping", where=where, hint="a data.yaml has keys names, train, val"
        )
    names = _names(document.get("names"), where)
    count = _integer(document.get("nc"), "nc", where)
    if names is None:
        names = {n: f"class_{n}" for n in range(count or 0)}
    elif count is not None and count != len(names):
        ledger.warn(f"{file}: nc is {count}, but there are {len(names)} names; the names count")
    order = sorted(names)
    if order and order != list(range(len(order))):
        ledger.warn(f"{file}: class ids have gaps; labels are numbered without")
    subsets = {}
    for key, value in document.items():
        if isinstance(key, str) and key not in RESERVED_YAML and (paths := _paths(value)):
            subsets[key] = paths
    shape = _shape(document.get("kpt_shape"), where)
    path = document.get("path")
    own = document.get("dsk")
    own = own if isinstance(own, dict) else {}
    return Config(
        file=file,
        names=[names[k] for k in order],
        ids={k: n for n, k in enumerate(order)},
        subsets=subsets,
        path=path if isinstance(path, str) and path not in _NULL else "",
        kpt_shape=shape,
        kpt_names=_keypoint_names(document.get("kpt_names"), shape),
        flip_idx=_integers(document.get("flip_idx")),
        task=str(own.get("task", "")),
        keypoints=_integers(own["keypoints"]) if "keypoints" in own else None,
        joints=_joints(own.get("joints")),
    )


def _names(value: Any, where: str) -> dict[int, str] | None:
    if value is None or (isinstance(value, str) and value in _NULL):
        return None
    if isinstance(value, dict):
        pairs = list(value.items())
        numbers = set(_integers(list(value.values())))
        if len(numbers) == len(pairs) and not any(str(key).isdigit() for key in value):
            pairs = [(number, name) for name, number in pairs]  # "cat: 0" for "0: cat"
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        raise InputError("names is neither a list nor a mapping", where=where)
    names: dict[int, str] = {}
    for key, name in pairs:
        try:
            number = int(key)
        except ValueError:
            raise InputError(f"names has the key {key!r}, not a class id", where=where) from None
        if number < 0 or not isinstance(name, str):
            raise InputError(f"names: class {number} has no usable name", where=where)
        names[number] = name
    return names


def _paths(value: Any) -> list[str]:
    if isinstance(value, str):
        return [] if value in _NULL else [value]
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return [v for v in value if v not in _NULL]
    return []


def _integer(value: Any, key: str, where: str) -> int | None:
    if value is None or (isinstance(value, str) and value in _NULL):
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= 1_000_000:
        raise InputError(f"{key} is {value!r}, not a number of classes", where=where)
    return number


def _integers(value: Any) -> list[int]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v.isdigit() for v in value):
        return []
    return [int(v) for v in value]


def _shape(value: Any, where: str) -> tuple[int, int] | None:
    if value is None or (isinstance(value, str) and value in _NULL):
        return None
    shape = _integers(value)
    if len(shape) != 2 or shape[1] not in (2, 3) or shape[0] > 10_000:
        raise InputError(
            "kpt_shape is not [number of keypoints, 2 or 3]",
            where=where,
            hint="for instance [17, 3]",
        )
    return shape[0], shape[1]


def _keypoint_names(value: Any, shape: tuple[int, int] | None) -> dict[int | None, list[str]]:
    """Take names of keypoints, of all classes or by class; a list of another length is no use."""
    if shape is None:
        return {}
    pairs = value.items() if isinstance(value, dict) else [(None, value)]
    found: dict[int | None, list[str]] = {}
    for key, names in pairs:
        fits = isinstance(names, list) and len(names) == shape[0]
        if fits and all(isinstance(n, str) for n in names) and (key is None or str(key).isdigit()):
            found[None if key is None else int(key)] = names
    return found


def _joints(value: Any) -> dict[int, list[tuple[int, int]]]:
    if not isinstance(value, dict):
        return {}
    found = {}
    for key, pairs in value.items():
        numbers = [_integers(p) for p in pairs] if isinstance(pairs, list) else []
        if str(key).isdigit() and all(len(n) == 2 for n in numbers):
            found[int(key)] = [(n[0], n[1]) for n in numbers]
    return found


def parse_darknet(text: str) -> dict[str, str]:
    """Return the ``key = value`` lines of an obj.data; ``#`` and ``;`` begin comment lines.

    `` # `` begins a comment behind a value, too, as in Datumaro's manual; ``#`` in a path does not.
    """
    found = {}
    for line in lines_of(text):
        key, equals, value = line.partition("=")
        if equals and key.strip() and key.lstrip()[0] not in "#;":
            found[key.strip()] = _COMMENT.sub("", value).strip()
    return found


def read_darknet(root: InputRoot, file: str, ledger: Ledger) -> Config:
    """Read an obj.data and the file of names that it refers to.

    Raises:
        InputError: A file is missing, or no names are given.
    """
    values = parse_darknet(root.text(file))
    listed = values.get("names", "")
    if not listed:
        raise InputError("has no line 'names = …'", where=root.show(file))
    folder = file.rpartition("/")[0]
    names_file = resolve(root, listed, [folder, *above(folder)], directory=False)
    if names_file is None:
        raise InputError(f"the file of class names {listed!r} is not there", where=root.show(file))
    names = read_names_file(root, names_file, ledger)
    stated = values.get("classes", "")
    if stated and stated != str(len(names)):
        ledger.warn(
            f"{file}: classes is {stated}, but there are {len(names)} names; the names count"
        )
    return Config(
        file=file,
        names=names,
        ids={n: n for n in range(len(names))},
        subsets={k: [v] for k, v in values.items() if k not in RESERVED_DARKNET and v},
    )


def read_names_file(root: InputRoot, file: str, ledger: Ledger) -> list[str]:
    """Return the label names of an obj.names or classes.txt: its lines that are not blank."""
    lines = [line.strip() for line in lines_of(root.text(file))]
    while lines and not lines[-1]:
        lines.pop()
    if not all(lines):
        ledger.warn(f"{file}: blank lines between names; darknet would count them as classes")
    return [line for line in lines if line]
