"""``label_map.pbtxt``: items with an id and a name, in the text format of protocol buffers."""

from __future__ import annotations

import re
from typing import NamedTuple

from dsk.errors import InputError

__all__ = ["Entry", "label_map_text", "parse_label_map"]

_TOKEN = re.compile(
    r"""(?P<space>[\s,;]+|\#[^\n]*)|(?P<open>[{<\[])|(?P<close>[}>\]])|(?P<colon>:)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<word>[-+.\w/]+)""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_SIMPLE = {
    b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v",
}  # fmt: skip


class Entry(NamedTuple):
    """One item of a label map."""

    id: int
    name: str
    display_name: str = ""


def parse_label_map(text: str, where: str) -> list[Entry]:
    """Parse a label map.

    Returns:
        Its items, in the order of their ids.

    Raises:
        InputError: It is damaged, or an item has no id or no name.
    """
    tokens = list(_tokens(text, where))
    entries: list[Entry] = []
    fields: dict[str, str] = {}
    depth, key, place = 0, "", 0
    while place < len(tokens):
        kind, value, line = tokens[place]
        place += 1
        if kind == "open":
            if depth == 0:
                if key != "item":
                    raise InputError(
                        "an item is: item { id: 1 name: 'x' }", where=f"{where}:{line}"
                    )
                fields = {}
            depth, key = depth + 1, ""
        elif kind == "close":
            depth -= 1
            if depth < 0:
                raise InputError("a closing brace too many", where=f"{where}:{line}")
            if depth == 0:
                entries.append(_entry(fields, f"{where}:{line}"))
        elif kind == "word" and not key:
            key = value
        elif kind in ("word", "text") and key:
            while kind == "text" and place < len(tokens) and tokens[place][0] == "text":
                value += tokens[place][1]
                place += 1
            if depth == 1:
                fields[key] = value
            key = ""
        elif kind == "text":
            raise InputError(f"a text without a field: {value!r}", where=f"{where}:{line}")
    if depth:
        raise InputError("the file is cut off: a brace is not closed", where=where)
    return sorted(entries, key=lambda entry: entry.id)


def _tokens(text: str, where: str) -> list[tuple[str, str, int]]:
    found, position, line = [], 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InputError(f"unexpected {text[position]!r}", where=f"{where}:{line}")
        kind = match.lastgroup or ""
        if kind == "text":
            found.append((kind, _unescaped(match[0][1:-1], f"{where}:{line}"), line))
        elif kind not in ("space", "colon"):
            found.append((kind, match[0], line))
        line += match[0].count("\n")
        position = match.end()
    return found


def _unescaped(text: str, where: str) -> str:
    def value(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, simple = match.groups()
        if octal:
            return bytes([int(octal, 8) & 0xFF])
        if hexadecimal:
            return bytes([int(hexadecimal, 16)])
        return _SIMPLE.get(simple, simple)

    try:
        return _ESCAPE.sub(value, text.encode()).decode()
    except UnicodeError as error:
        raise InputError("a text is not UTF-8", where=where) from error


def _entry(fields: dict[str, str], where: str) -> Entry:
    try:
        number = int(fields["id"], 0)
    except (KeyError, ValueError) as error:
        raise InputError("an item needs a whole number as its id", where=where) from error
    name = fields.get("name") or fields.get("display_name")
    if not name:
        raise InputError(f"the item with the id {number} has no name", where=where)
    return Entry(number, name, fields.get("display_name", ""))


def label_map_text(entries: list[Entry]) -> bytes:
    """Return a label map in the layout that TensorFlow's examples and Datumaro's reader have."""
    parts = []
    for entry in entries:
        parts.append(f"item {{\n\tid: {entry.id}\n\tname: '{_escaped(entry.name)}'\n")
        if entry.display_name and entry.display_name != entry.name:
            parts.append(f"\tdisplay_name: '{_escaped(entry.display_name)}'\n")
        parts.append("}\n\n")
    return "".join(parts).encode("utf-8")


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
