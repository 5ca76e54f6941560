"""Small faults put into files, one at a time and always the same: what mutating fuzzers do."""

from __future__ import annotations

import copy
import json
import random
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["DAMAGES", "mutations", "sort_of"]

PLACES = 36
"""How many places of a file are changed."""

PER_PLACE = 4
"""How many values each place is given."""

ODD_BYTES = (1, 1, 1, 4, 4, 32)
"""How many random bytes are put into a file, time after time."""

JSON_VALUES: tuple[Any, ...] = (
    None, "", "x", -1, 10**9, 1.5, True, [], {}, [None], {"x": 1}, [[]], "../x", 2**63, "9" * 5000,
)  # fmt: skip

TEXT_VALUES = ("", "x", "-1", "999999999999", "1e999", "nan", "0", "../x", "ÿ", "9" * 5000, "[]")


def mutations(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield faulty versions of a file, each with a description.

    Args:
        name: The file's name, for messages.
        data: Its content, which tells what sort of file it is.
    """
    try:
        yield from _FAULTS[sort_of(data)](data)
    except (ValueError, ET.ParseError) as error:
        msg = f"{name} is no valid file of its sort: {error}"
        raise AssertionError(msg) from error
    yield from _odd_bytes(data)


def sort_of(data: bytes) -> str:
    """Return what a file's content is: "json", "lines" (of JSON), "xml", "text" or "binary"."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "binary"
    if "\0" in text:
        return "binary"
    head = text.lstrip("\ufeff \t\r\n")
    if head.startswith("<"):
        return "xml"
    if not head.startswith(("{", "[")):
        return "text"
    try:
        json.loads(data)
    except ValueError:
        return "lines" if head.startswith('{"') else "text"
    return "json"


def _json(data: bytes) -> Iterator[tuple[str, bytes]]:
    whole = json.loads(data)
    places: dict[str, tuple[Any, ...]] = {}
    for path in _paths(whole, ()):
        shape = "/".join("*" if isinstance(step, int) else step for step in path)
        places.setdefault(shape, path)
    for number, (shape, path) in enumerate(list(places.items())[:PLACES]):
        for step in range(PER_PLACE):
            value = JSON_VALUES[(number * PER_PLACE + step) % len(JSON_VALUES)]
            yield f"{shape} = {str(value)[:20]!r}", _dump(_replaced(whole, path, value))
        if path:
            yield f"{shape} deleted", _dump(_deleted(whole, path))


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    steps: Any = ()
    if isinstance(value, dict):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for key, inner in steps:
        yield from _paths(inner, (*path, key))


def _replaced(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(whole)
    _at(changed, path[:-1])[path[-1]] = value
    return changed


def _deleted(whole: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(whole)
    del _at(changed, path[:-1])[path[-1]]
    return changed


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _xml(data: bytes) -> Iterator[tuple[str, bytes]]:
    tags = list(dict.fromkeys(element.tag for element in _parsed(data).iter()))
    for number, tag in enumerate(tags[:PLACES]):
        for step in range(PER_PLACE):
            value = TEXT_VALUES[(number * PER_PLACE + step) % len(TEXT_VALUES)]
            root = _parsed(data)
            element = next(root.iter(tag))
            element.text = value
            yield f"<{tag}> = {value[:20]!r}", ET.tostring(root)
            for key in element.keys():  # noqa: SIM118 - an element is no dict
                root = _parsed(data)
                next(root.iter(tag)).set(key, value)
                yield f"<{tag} {key}={value[:20]!r}>", ET.tostring(root)
        yield from _xml_structure(data, tag)


def _xml_structure(data: bytes, tag: str) -> Iterator[tuple[str, bytes]]:
    for twice in (False, True):
        root = _parsed(data)
        parent = next((e for e in root.iter() if e.find(tag) is not None), None)
        child = None if parent is None else parent.find(tag)
        if parent is None or child is None:
            continue
        if twice:
            parent.append(child)
        else:
            parent.remove(child)
        yield f"<{tag}> {'doubled' if twice else 'deleted'}", ET.tostring(root)


def _parsed(data: bytes) -> ET.Element:
    return ET.fromstring(data)  # noqa: S314 - our own output


_TOKEN = re.compile(r"[^\s,;:=\[\]{}\"']+")


def _text(data: bytes) -> Iterator[tuple[str, bytes]]:
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    distinct: dict[str, int] = {}
    for n, line in enumerate(lines):
        distinct.setdefault(re.sub(r"[\d.]+", "0", line), n)
    numbers = list(distinct.values())[:12]
    count = 0
    for n in numbers:
        for token in list(_TOKEN.finditer(lines[n]))[:8]:
            value = TEXT_VALUES[count % len(TEXT_VALUES)]
            count += 1
            faulty = lines[n][: token.start()] + value + lines[n][token.end() :]
            yield f"line {n + 1}: {faulty.strip()[:60]!r}", _lines(lines, n, [faulty])
        yield f"line {n + 1} deleted", _lines(lines, n, [])
        yield f"line {n + 1} doubled", _lines(lines, n, [lines[n], lines[n]])
        yield f"line {n + 1} cut", _lines(lines, n, [lines[n][: len(lines[n]) // 2] + "\n"])


def _lines(lines: list[str], n: int, instead: list[str]) -> bytes:
    return "".join([*lines[:n], *instead, *lines[n + 1 :]]).encode()


def _binary(data: bytes) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(len(data))  # noqa: S311 - places of faults
    for _ in range(12):
        if not data:
            return
        place = chance.randrange(min(len(data), 400))
        faulty = bytearray(data)
        faulty[place] ^= 1 << chance.randrange(8)
        yield f"a bit of byte {place} flipped", bytes(faulty)


def _odd_bytes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Put random bytes in random places: text stops being text, quotes and brackets go missing."""
    chance = random.Random(len(data))  # noqa: S311 - places of faults
    for count in ODD_BYTES if data else ():
        faulty = bytearray(data)
        places = [chance.randrange(len(data)) for _ in range(count)]
        for place in places:
            faulty[place] = chance.randrange(256)
        yield f"{count} random bytes, the first at {places[0]}", bytes(faulty)


_FAULTS = {"json": _json, "lines": _text, "xml": _xml, "text": _text, "binary": _binary}


def _truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _garbage(path: Path) -> None:
    path.write_bytes(random.Random(7).randbytes(500))  # noqa: S311 - any bytes will do


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "truncated": _truncate,
    "emptied": lambda path: path.write_bytes(b""),
    "garbage": _garbage,
    "latin-1": lambda path: path.write_bytes(b"caf\xe9 \xff\xfe" + path.read_bytes()),
    "folder": _folder,
    "deleted": lambda path: path.unlink(),
}
"""Damage done to a file, by name."""
