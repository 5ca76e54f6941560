"""What the two languages of filters share: parts of a tree, tokens, a parser's handling of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dsk_transforms.filtering.errors import ExpressionError

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

__all__ = [
    "DEEPEST",
    "Arithmetic",
    "Compare",
    "Expr",
    "Logic",
    "Negate",
    "Token",
    "TokenParser",
    "tokens",
]

LONGEST = 10_000
"""Characters an expression may have."""

DEEPEST = 40
"""How deep parts may be nested, and how many signs may follow one another."""


@dataclass(frozen=True, slots=True)
class Expr:
    """A part of an expression: the characters ``start`` to ``stop`` of its text."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Logic(Expr):
    """``and`` or ``or`` of several parts."""

    op: str
    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare(Expr):
    """A comparison, with the language's own sign for it."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Arithmetic(Expr):
    """A sum, product or the like, with the language's own sign for it."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Negate(Expr):
    """A minus sign before a part."""

    part: Expr


class Token(NamedTuple):
    """A piece of the text: its kind is a group's name of the language's pattern, or "end"."""

    kind: str
    text: str
    start: int

    @property
    def stop(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


def _as_it_is(kind: str, word: str, before: list[Token]) -> str:  # noqa: ARG001 - as others need it
    return kind


def tokens(
    text: str,
    pattern: re.Pattern[str],
    instead: Mapping[str, str],
    kind_of: Callable[[str, str, list[Token]], str] = _as_it_is,
) -> list[Token]:
    """Cut an expression into tokens; the last one is its end.

    Args:
        text: The expression.
        pattern: Matches blanks and a token, whose kind is the name of its group.
        instead: By sign that the language does not have: what to write.
        kind_of: (kind, word, tokens before) → its kind.

    Raises:
        ExpressionError: It is too long, or has a sign that is none of the language.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"it is longer than {LONGEST:,} characters", text, LONGEST)
    found: list[Token] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = pattern.match(text, place)
        if match is None:
            place += len(text[place:]) - len(text[place:].lstrip())
            sign = text[place]
            hint = "put another quote at its end" if sign in "\"'" else instead.get(sign, "")
            raise ExpressionError(f"{sign!r} makes no sense here", text, place, hint=hint)
        kind = str(match.lastgroup)
        word = match.group(kind)
        found.append(Token(kind_of(kind, word, found), word, match.start(kind)))
        place = match.end()
    return [*found, Token("end", "", end)]


class TokenParser:
    """Goes through tokens, for parsers by recursive descent.

    Args:
        text: The expression.
        found: Its tokens.
    """

    operators = frozenset({"op"})
    """Kinds of tokens that operators have."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self.text = text
        self.tokens = found
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.at]

    @property
    def stop(self) -> int:
        """Where the token before ends."""
        return self.tokens[self.at - 1].stop

    def hint(self) -> str:
        """Return what helps with the next token if it is wrong, or ""."""
        return ""

    def wrong(self, message: str) -> ExpressionError:
        """Return an error at the next token."""
        return ExpressionError(message, self.text, self.token.start, hint=self.hint())

    def seen(self) -> str:
        """Return the next token for messages."""
        return repr(self.token.text) if self.token.kind != "end" else "the end"

    def sees(self, *texts: str) -> bool:
        """Tell whether the next token is one of these operators."""
        return self.token.kind in self.operators and self.token.text in texts

    def take(self, *texts: str) -> str:
        """Take the next token if it is one of these operators, else return ""."""
        if not self.sees(*texts):
            return ""
        self.at += 1
        return self.tokens[self.at - 1].text

    def need(self, text: str) -> None:
        """Take an operator.

        Raises:
            ExpressionError: It is not there.
        """
        if not self.take(text):
            raise self.wrong(f"{text!r} is expected, not {self.seen()}")
