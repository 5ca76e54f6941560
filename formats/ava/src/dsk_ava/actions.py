"""The list of actions: protobuf's text form, one block a label."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.categories import LabelCategory
from dsk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FAMILY", "actions_text", "parse_actions"]

FAMILY = "ava"
_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|[:,;]|(?P<token>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}<>]|[-\w.]+)"""
)
_BLOCKS = ("label", "item")
_NUMBERS = ("label_id", "id")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f"}


def _tokens(text: str, where: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            line = text.count("\n", 0, position) + 1
            raise InputError("no list of actions", where=f"{where}:{line}")
        position = match.end()
        token = match["token"]
        if token is not None:
            yield token


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1].isdigit():
        return bytes([int(code, 8) & 0xFF])
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    return _LETTERS.get(code, code)


def _plain(token: str) -> str:
    """Return a value; what quotes hold is UTF-8 with C's escapes."""
    if token[0] not in "\"'":
        return token
    raw = _ESCAPE.sub(_unescape, token[1:-1].encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "replace")


def parse_actions(text: str, where: str) -> list[LabelCategory]:
    """Return the labels of a list of actions, in its order.

    Both kinds of blocks are read: ``label {name: "…" label_id: 1 label_type: …}`` of the full list
    and ``item {name: "…" id: 1}`` of ActivityNet's. A block without a number has the number 0.

    Raises:
        InputError: It is no such list, or two actions have one number.
    """
    tokens = _tokens(text, where)
    labels: dict[int, LabelCategory] = {}
    for token in tokens:
        if token not in _BLOCKS or next(tokens, "") not in ("{", "<"):
            raise InputError(f"no list of actions: {token!r} where a block begins", where=where)
        fields = _block(tokens)
        if fields is None:
            raise InputError("the list of actions ends early", where=where)
        # Protobuf leaves out numbers that are 0.
        number = next((fields.pop(key) for key in _NUMBERS if key in fields), "0")
        name = fields.pop("name", "")
        if not number.isascii() or not number.isdigit() or len(number) > 9 or not name:
            raise InputError(f"an action without a name or number: {name!r}", where=where)
        if int(number) in labels:
            raise InputError(f"two actions have the number {number}", where=where)
        extra = {FAMILY: dict(fields)}
        labels[int(number)] = LabelCategory(name, source_id=int(number), extra=extra)
    return list(labels.values())


def _block(tokens: Iterator[str]) -> dict[str, str] | None:
    fields: dict[str, str] = {}
    for key in tokens:
        if key in ("}", ">"):
            return fields
        fields[key] = _plain(next(tokens, "") or " ")
    return None


def actions_text(labels: Iterable[tuple[int, LabelCategory]]) -> str:
    """Return the list of some labels by their numbers."""
    blocks = []
    for number, label in labels:
        name = label.name.replace("\\", "\\\\").replace('"', '\\"')
        name = name.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        kind = ((label.extra or {}).get(FAMILY) or {}).get("label_type")
        more = f"  label_type: {kind}\n" if isinstance(kind, str) and kind.isidentifier() else ""
        blocks.append(f'label {{\n  name: "{name}"\n  label_id: {number}\n{more}}}\n')
    return "".join(blocks)
