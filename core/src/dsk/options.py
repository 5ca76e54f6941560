"""Checking option values against their declarations, from text or from Python.

In text, a "list" is comma separated or repeated, and so are the words ``a:b`` of a "mapping"; a
backslash before a comma or colon makes it part of the value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.descriptors import Option

__all__ = ["Repeated", "check_options", "parse_dashed", "parse_pairs"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_COLLECTED = frozenset({"list", "mapping"})


class Repeated(list[str]):
    """The texts of an option that was given several times, before its type is known."""


def parse_pairs(pairs: Iterable[str], options: Sequence[Option] | None = None) -> dict[str, Any]:
    """Split ``name=value`` words; a bare name stands for true.

    Args:
        pairs: The words.
        options: The declarations, where they are known: only a "list" or a "mapping" is collected
            from several words, of other options the last word counts. Without them the texts of
            a repeated option stay together, for ``check_options`` to decide.
    """
    flags = _Flags(options or ())
    values: dict[str, Any] = {}
    for pair in pairs:
        raw, equals, value = pair.partition("=")
        name = _plain(raw)
        option = flags.names.get(name) or flags.shorts.get(name)
        collected = options is None or (option is not None and option.type in _COLLECTED)
        _put(values, option.name if option else name, value if equals else True, collected)
    return values


def parse_dashed(words: Sequence[str], options: Sequence[Option] = ()) -> dict[str, Any]:
    """Read Datumaro-style words after ``--``: ``--save-media -l a:b --name=x --no-clip -k 20``.

    A declared option takes the next word whatever it is, unless that is a flag of another declared
    option; a bool takes it only if it says yes or no. An undeclared ``--name`` (which
    ``check_options`` refuses) takes the next word if that does not begin with two dashes.

    Args:
        words: The words.
        options: The declarations; their short flags are known, repeated ones are collected.

    Raises:
        OptionError: A word is no option and no option waits for a value, or a value is missing.
    """
    flags = _Flags(options)
    values: dict[str, Any] = {}
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        flag = flags.read(word)
        if flag is None:
            raise OptionError(f"{word!r} is no option", hint=flags.hint(word))
        option = flag.option
        value: str | bool | None = flag.value
        if value is None and position < len(words) and flags.takes(flag, words[position]):
            value = words[position]
            position += 1
        if value is None:
            if option is not None and option.type is not bool:
                raise OptionError(f"option {word} needs a value")
            value = not flag.off
        _put(values, flag.name, value, option is not None and option.type in _COLLECTED)
    return values


def _put(values: dict[str, Any], name: str, value: Any, collected: bool) -> None:
    before = values.get(name)
    if collected and isinstance(value, str) and isinstance(before, str | Repeated):
        value = Repeated([*(before if isinstance(before, Repeated) else [before]), value])
    values[name] = value


class _Flag(NamedTuple):
    """A word that names an option.

    Attributes:
        option: Its declaration, None if it has none.
        name: Its plain name.
        value: What stands behind the equals sign, None if there is none.
        off: It was written ``--no-name``.
    """

    option: Option | None
    name: str
    value: str | None
    off: bool = False


class _Flags:
    """The ways to write some options on the command line."""

    def __init__(self, options: Sequence[Option]) -> None:
        self.names = _by_name(options)
        self.shorts = {option.short: option for option in options if option.short}

    def read(self, word: str) -> _Flag | None:
        """Take a word for a flag; None if it cannot be one."""
        head, equals, text = word.partition("=")
        value = text if equals else None
        if head.startswith("--") and len(head) > 2:
            name = _plain(head)
            option = self.names.get(name)
            if option is None and name.startswith("no_") and value is None:
                switch = self.names.get(name[3:])
                if switch is not None and switch.type is bool:
                    return _Flag(switch, switch.name, None, off=True)
            return _Flag(option, option.name if option else name, value)
        option = self.shorts.get(head[1:]) if head.startswith("-") else None
        return _Flag(option, option.name, value) if option else None

    def takes(self, flag: _Flag, word: str) -> bool:
        """Tell whether a word is the value of the flag before it."""
        if flag.off:
            return False
        if flag.option is not None and flag.option.type is bool:
            return word.lower() in _TRUE | _FALSE
        other = self.read(word)
        if other is None:
            return True
        return other.option is None and flag.option is not None

    def hint(self, word: str) -> str:
        """Say what could have been meant by a word that is no option."""
        known = [f"--{name.replace('_', '-')}" for name in self.names]
        near = did_you_mean(f"--{word.lstrip('-')}", known) if word.startswith("-") else ""
        if near:
            return near
        if word.startswith("-") and known:
            return f"it has: {', '.join([*known, *(f'-{short}' for short in self.shorts)])}"
        return "write --name value or --name=value"


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
    known = _by_name(options)
    checked: dict[str, Any] = {}
    for raw, value in given.items():
        name = _plain(raw)
        option = known.get(name)
        if option is None and name.startswith("no_") and name[3:] in known and value is True:
            option, value = known[name[3:]], False  # noqa: PLW2901
        if option is None:
            raise OptionError(f"{owner} has no option {raw!r}", hint=_near(name, known))
        checked[option.name] = _convert(owner, option, value)
    return checked


def _by_name(options: Sequence[Option]) -> dict[str, Option]:
    """Return options by their names and other names."""
    return {name: option for option in options for name in (option.name, *option.aliases)}


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
        raise OptionError(
            f"{owner}: option {option.name} takes a {name}, not {value!r}",
            hint=_HINTS.get(name, ""),
        ) from None
    if option.choices:
        for item in _single_values(converted):
            if str(item) not in option.choices:
                raise OptionError(
                    f"{owner}: option {option.name} cannot be {item!r}",
                    hint=f"one of: {', '.join(option.choices)}",
                )
    return converted


_HINTS = {"mapping": r"write a:b, comma separated or repeated, each a once; a\:b holds a colon"}


def _single_values(converted: Any) -> Iterable[Any]:
    if isinstance(converted, dict):
        return converted.values()
    return converted if isinstance(converted, list | tuple) else [converted]


def _as_type(kind: type | str, value: Any) -> Any:
    if isinstance(value, Repeated) and kind not in _COLLECTED:
        value = value[-1]
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
        return _texts(value) if isinstance(value, str | Repeated) else list(value)
    if kind == "mapping":
        return _mapping(value)
    if kind is int:
        if isinstance(value, float) and not value.is_integer():
            raise ValueError
        return int(value)
    if kind is float:
        return float(value)
    if kind in (str, "path"):
        return str(value)
    return value


_COMMA = re.compile(r"(?<!\\),")
_COLON = re.compile(r"(?<!\\):")


def _words(value: str | Repeated) -> list[str]:
    texts = value if isinstance(value, Repeated) else [value]
    parts = [part.strip() for text in texts for part in _COMMA.split(text)]
    return [part for part in parts if part]


def _texts(value: str | Repeated) -> list[str]:
    return [word.replace("\\,", ",") for word in _words(value)]


def _mapping(value: Any) -> dict[str, str]:
    """Make a mapping of texts; pairs that contradict each other are refused."""
    if isinstance(value, Mapping):
        pairs: Iterable[Any] = value.items()
    else:
        words = _words(value) if isinstance(value, str | Repeated) else value
        pairs = [_pair(word) if isinstance(word, str) else word for word in words]
    made: dict[str, str] = {}
    for key, to in pairs:
        if (
            not isinstance(key, str)
            or isinstance(to, bool)
            or not isinstance(to, str | int | float)
        ):
            raise TypeError
        if made.setdefault(key, str(to)) != str(to):
            raise ValueError
    return made


def _pair(word: str) -> list[str]:
    parts = _COLON.split(word)
    return [p.replace("\\,", ",").replace("\\:", ":").strip() for p in parts]
