"""Checking option values against their declarations, from text or from Python."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from dsk.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dsk.descriptors import Option

__all__ = ["check_options", "parse_dashed", "parse_pairs"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def parse_pairs(pairs: Iterable[str]) -> dict[str, str | bool]:
    """Split ``name=value`` words; a bare name stands for true."""
    values: dict[str, str | bool] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        values[_plain(name)] = value if equals else True
    return values


def parse_dashed(words: Sequence[str]) -> dict[str, str | bool]:
    """Read Datumaro-style words after ``--``: ``--save-media --tasks a,b --name=x --no-clip``.

    Raises:
        OptionError: A word is no option and no option waits for a value.
    """
    values: dict[str, str | bool] = {}
    waiting = ""
    for word in words:
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            waiting = "" if equals else _plain(name)
            values[_plain(name)] = value if equals else True
        elif waiting:
            values[waiting] = word
            waiting = ""
        else:
            raise OptionError(f"{word!r} is no option", hint="write --name value or --name=value")
    return values


def _plain(name: str) -> str:
    return name.strip().lstrip("-").replace("-", "_")


def check_options(
    owner: str, options: Sequence[Option], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the given options with their declared types.

    Args:
        owner: What they belong to, for messages ("exporter coco").
        options: The declarations.
        given: Values; texts are converted, other values must fit.

    Raises:
        OptionError: A name is unknown or a value does not fit.
    """
    known = {option.name: option for option in options}
    checked: dict[str, Any] = {}
    for raw, value in given.items():
        name = _plain(raw)
        option = known.get(name)
        if option is None and name.startswith("no_") and name[3:] in known and value is True:
            name, option, value = name[3:], known[name[3:]], False  # noqa: PLW2901
        if option is None:
            raise OptionError(f"{owner} has no option {raw!r}", hint=_near(name, known))
        checked[name] = _convert(owner, option, value)
    return checked


def _near(name: str, known: Mapping[str, Option]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"it has: {', '.join(sorted(known))}" if known else "it has no options"


def _convert(owner: str, option: Option, value: Any) -> Any:
    if value is None:
        return None
    kind = option.type
    try:
        converted = _as_type(kind, value)
    except (TypeError, ValueError):
        name = kind if isinstance(kind, str) else kind.__name__
        raise OptionError(f"{owner}: option {option.name} takes a {name}, not {value!r}") from None
    if option.choices:
        for item in converted if isinstance(converted, list | tuple) else [converted]:
            if str(item) not in option.choices:
                raise OptionError(
                    f"{owner}: option {option.name} cannot be {item!r}",
                    hint=f"one of: {', '.join(option.choices)}",
                )
    return converted


def _as_type(kind: type | str, value: Any) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise ValueError
    if isinstance(value, bool):
        raise TypeError
    if kind == "list":
        return (
            [v.strip() for v in value.split(",") if v.strip()]
            if isinstance(value, str)
            else list(value)
        )
    if kind is int:
        if isinstance(value, float) and not value.is_integer():
            raise ValueError
        return int(value)
    if kind is float:
        return float(value)
    if kind in (str, "path"):
        return str(value)
    return value
