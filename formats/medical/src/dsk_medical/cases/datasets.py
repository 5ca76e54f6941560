"""``dataset.json``, a name that nnU-Net and the Medical Segmentation Decathlon share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.jsonerrors import UNDECODABLE
from dsk.names import clean_name

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "DATASET",
    "class_names",
    "find_datasets",
    "load_json",
    "numbered_names",
    "region_values",
    "safe_path",
]

DATASET = "dataset.json"
MAX_BYTES = 64 << 20
_MOST = 65535


def find_datasets(root: InputRoot, under: str = "", depth: int = 2) -> list[str]:
    """Return the folders that hold a ``dataset.json`` and volumes, the highest of each branch."""
    folders, files = root.entries(under)
    if DATASET in files:
        return [under]
    found: list[str] = []
    prefix = f"{under}/" if under else ""
    for name in folders if depth > 0 else ():
        if not name.startswith(("images", "labels")):
            found += find_datasets(root, prefix + name, depth - 1)
    return found


def load_json(root: InputRoot, name: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        InputError: It is missing, no JSON, or no object.
    """
    data = root.read(name, MAX_BYTES)
    try:
        found = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except UNDECODABLE as error:
        raise InputError(f"no JSON: {error}", where=root.show(name)) from error
    if not isinstance(found, dict):
        raise InputError("an object is expected", where=root.show(name))
    return found


def numbered_names(value: Any, where: str) -> tuple[str, ...]:
    """Return the names of ``{"0": name, "1": name}`` or of a list, in order of the numbers.

    Raises:
        InputError: It is neither.
    """
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if isinstance(value, dict) and all(k.isascii() and k.isdigit() for k in value):
        ordered = sorted(value.items(), key=lambda pair: int(pair[0][:9]))
        return tuple(str(name) for _, name in ordered)
    raise InputError('channels are expected as {"0": name, "1": name}', where=where)


def class_names(value: Any, where: str, ledger: Ledger) -> tuple[dict[int, str], bool]:
    """Return the names of label values, and whether some are regions of several values.

    Both spellings are read: ``{name: value}`` and ``{"value": name}``. Values that only occur in
    regions are called ``class_<value>``: the regions' names mean more than one value.

    Raises:
        InputError: It is no object.
    """
    if not isinstance(value, dict):
        raise InputError("labels are expected as an object", where=where)
    names: dict[int, str] = {}
    inside: set[int] = set()
    regions = False
    old = bool(value) and all(isinstance(v, str) for v in value.values())
    for key, number in value.items():
        if old and key.isascii() and key.isdigit() and len(key) < 6:
            names[int(key)] = number
        elif isinstance(number, list) and all(_is_value(v) for v in number):
            regions = True
            inside.update(map(int, number))
        elif _is_value(number) and int(number) not in names:
            names[int(number)] = key
        else:
            what = f"label {key!r}: {number!r} is no value of its own"
            ledger.bad_record(RecordError(what, where=where))
    for number in sorted(inside - set(names)):
        names[number] = f"class_{number}"
    return dict(sorted(names.items())), regions


def region_values(value: Any) -> dict[str, tuple[int, ...]]:
    """Return the values of each label of a ``dataset.json`` but the background, in its order.

    Args:
        value: Its ``labels``, which ``class_names`` has checked.
    """
    found = {}
    for name, numbers in value.items() if isinstance(value, dict) else ():
        several = numbers if isinstance(numbers, list) else [numbers]
        if several and all(_is_value(v) and int(v) for v in several):
            found[name] = tuple(sorted({int(v) for v in several}))
    return found


def _is_value(value: Any) -> bool:
    """Whether something is a label's value, or means one: 1, 1.0, "1"."""
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) < 6 and int(value) <= _MOST
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and 0 <= value <= _MOST


def safe_path(folder: str, text: Any, where: str) -> str:
    """Return a path that a dataset.json names, relative to the root.

    Raises:
        RecordError: It is no text, or leads elsewhere.
    """
    if not isinstance(text, str) or not text:
        raise RecordError(
            f"{text!r} is no path inside the dataset",
            where=where,
            hint="use paths relative to dataset.json",
        )
    try:
        name = clean_name(text, where)
    except UnsafePathError as error:
        raise RecordError(error.message, where=where) from error
    return f"{folder}/{name}" if folder else name
