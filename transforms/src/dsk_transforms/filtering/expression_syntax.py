"""Reading the filter's own language: text to tokens to a tree.

    either      = both {"or" both}
    both        = inverse {"and" inverse}
    inverse     = ["not"] comparison
    comparison  = sum { ("==" | "!=" | "<" | "<=" | ">" | ">=") sum }
                | sum ["not"] "in" "(" value {"," value} ")"
                | sum ["not"] ("contains" | "startswith" | "endswith" | "matches") text
    sum         = product {("+" | "-") product}
    product     = factor {("*" | "/") factor}
    factor      = ["-"] (number | text | true | false | none | name | call | "(" either ")")
    name        = word {"." word} ["[" text "]"]
    call        = ("any" | "all" | "count") "(" [either] ")"

Texts stand in double or single quotes; a backslash means itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from dsk_transforms.filtering.errors import ExpressionError

__all__ = [
    "Aggregate",
    "Arithmetic",
    "Compare",
    "Constant",
    "Expr",
    "Logic",
    "Membership",
    "Name",
    "Negate",
    "Not",
    "TextTest",
    "parse",
]

LONGEST = 10_000
"""Characters an expression may have."""

DEEPEST = 40
"""How deep parts may be nested, and how many signs may follow one another."""

TEXT_TESTS = ("contains", "startswith", "endswith", "matches")
AGGREGATES = ("any", "all", "count")
CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "none": None}
_KEYWORDS = frozenset({"and", "or", "not", "in", *TEXT_TESTS})


@dataclass(frozen=True, slots=True)
class Expr:
    """A part of an expression: the characters ``start`` to ``stop`` of its text."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Constant(Expr):
    """A number, text, true, false or none."""

    value: float | str | bool | None


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """A field ``image.width``, or an attribute: then ``key`` is its name."""

    path: tuple[str, ...]
    key: str | None


@dataclass(frozen=True, slots=True)
class Logic(Expr):
    """``and`` or ``or`` of several parts."""

    op: str
    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not(Expr):
    """``not`` of a part."""

    part: Expr


@dataclass(frozen=True, slots=True)
class Compare(Expr):
    """``== != < <= > >=``."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Membership(Expr):
    """``in`` and ``not in``."""

    value: Expr
    options: tuple[Constant, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class TextTest(Expr):
    """``contains``, ``startswith``, ``endswith`` or ``matches``."""

    op: str
    value: Expr
    pattern: Constant
    negated: bool


@dataclass(frozen=True, slots=True)
class Arithmetic(Expr):
    """``+ - * /``."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Negate(Expr):
    """A minus sign before a part."""

    part: Expr


@dataclass(frozen=True, slots=True)
class Aggregate(Expr):
    """``any``, ``all`` or ``count`` over the annotations of the item."""

    name: str
    part: Expr | None


class Token(NamedTuple):
    """A piece of the text: kind "number", "text", "word", "op" or "end"."""

    kind: str
    text: str
    start: int


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<op>[=!<>]=|[<>=+\-*/()\[\],.])
    |(?P<word>[^\W\d]\w*))""",
    re.VERBOSE,
)
_INSTEAD = {"&": "write and", "|": "write or", "!": "write not", "@": 'write attributes["name"]'}


def _tokens(text: str) -> list[Token]:
    found = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            place += len(text[place:]) - len(text[place:].lstrip())
            sign = text[place]
            hint = "put another quote at its end" if sign in "\"'" else _INSTEAD.get(sign, "")
            raise ExpressionError(f"{sign!r} makes no sense here", text, place, hint=hint)
        kind = str(match.lastgroup)
        found.append(Token(kind, match.group(kind), match.start(kind)))
        place = match.end()
    return [*found, Token("end", "", end)]


def parse(text: str) -> Expr:
    """Parse an expression.

    Raises:
        ExpressionError: It is malformed, too long or too deeply nested.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"it is longer than {LONGEST:,} characters", text, LONGEST)
    return _Parser(text).whole()


class _Parser:
    """Recursive descent, one method per rule."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def _stop(self) -> int:
        token = self.tokens[self.at - 1]
        return token.start + len(token.text)

    def _wrong(self, message: str, hint: str = "") -> ExpressionError:
        if self.token.text == "=":
            hint = "compare with =="
        return ExpressionError(message, self.text, self.token.start, hint=hint)

    def _seen(self) -> str:
        return repr(self.token.text) if self.token.kind != "end" else "the end"

    def _is(self, *texts: str) -> bool:
        return self.token.kind in ("op", "word") and self.token.text in texts

    def _take(self, *texts: str) -> str:
        if not self._is(*texts):
            return ""
        self.at += 1
        return self.tokens[self.at - 1].text

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong(f"{text!r} is expected, not {self._seen()}")

    def whole(self) -> Expr:
        """Parse all of it."""
        found = self._either()
        if self.token.kind != "end":
            raise self._wrong(f"{self._seen()} makes no sense here")
        return found

    def _either(self) -> Expr:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._wrong(f"it is nested deeper than {DEEPEST}")
        start = self.token.start
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Logic(start, self._stop, "or", tuple(parts))

    def _both(self) -> Expr:
        start = self.token.start
        parts = [self._inverse()]
        while self._take("and"):
            parts.append(self._inverse())
        return parts[0] if len(parts) == 1 else Logic(start, self._stop, "and", tuple(parts))

    def _inverse(self) -> Expr:
        start = self.token.start
        odd = False
        inverted = False
        while self._take("not"):
            inverted, odd = True, not odd
        part = self._comparison()
        if inverted and not odd:
            part = Not(start, self._stop, part)
        return Not(start, self._stop, part) if inverted else part

    def _comparison(self) -> Expr:
        start = self.token.start
        left = self._sum()
        negated = self._is("not") and self.tokens[self.at + 1].text in ("in", *TEXT_TESTS)
        if negated:
            self.at += 1
        if self._take("in"):
            return self._membership(start, left, negated)
        if op := self._take(*TEXT_TESTS):
            return self._text_test(start, left, op, negated)
        parts: list[Expr] = []
        while op := self._take("==", "!=", "<", "<=", ">", ">="):
            right = self._sum()
            parts.append(Compare(left.start, self._stop, op, left, right))
            left = right
        if not parts:
            return left
        self._count(parts)
        return parts[0] if len(parts) == 1 else Logic(start, self._stop, "and", tuple(parts))

    def _count(self, parts: list[Any]) -> None:
        if len(parts) > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} signs in a row")

    def _membership(self, start: int, value: Expr, negated: bool) -> Membership:
        self._need("(")
        options = [self._constant("in")]
        while self._take(","):
            if self._is(")"):
                break
            options.append(self._constant("in"))
        self._need(")")
        return Membership(start, self._stop, value, tuple(options), negated)

    def _text_test(self, start: int, value: Expr, op: str, negated: bool) -> TextTest:
        pattern = self._constant(op)
        if not isinstance(pattern.value, str):
            raise ExpressionError(f"{op} takes a text in quotes", self.text, pattern.start)
        return TextTest(start, self._stop, op, value, pattern, negated)

    def _constant(self, op: str) -> Constant:
        found = self._factor()
        if not isinstance(found, Constant):
            message = f"behind {op} only texts in quotes and numbers can stand"
            raise ExpressionError(message, self.text, found.start)
        return found

    def _sum(self) -> Expr:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Expr:
        return self._chain(("*", "/"), self._factor)

    def _chain(self, signs: tuple[str, ...], part: Any) -> Expr:
        start = self.token.start
        left: Expr = part()
        rights: list[Expr] = []
        while op := self._take(*signs):
            rights.append(part())
            self._count(rights)
            left = Arithmetic(start, self._stop, op, left, rights[-1])
        return left

    def _factor(self) -> Expr:
        start = self.token.start
        if not self._take("-"):
            return self._primary()
        if self._is("-"):
            raise self._wrong("two minus signs in a row")
        part = self._primary()
        if isinstance(part, Constant) and isinstance(part.value, float):
            return Constant(start, self._stop, -part.value)
        return Negate(start, self._stop, part)

    def _primary(self) -> Expr:
        token = self.token
        start = token.start
        if self._take("("):
            found = self._either()
            self._need(")")
            return found
        if token.kind in ("end", "op") or (token.kind == "word" and token.text in _KEYWORDS):
            raise self._wrong(f"a name or value is expected, not {self._seen()}")
        self.at += 1
        if token.kind == "number":
            return Constant(start, self._stop, float(token.text))
        if token.kind == "text":
            return Constant(start, self._stop, token.text[1:-1])
        word = token.text
        if word.lower() in CONSTANTS and not self._is(".", "["):
            return Constant(start, self._stop, CONSTANTS[word.lower()])
        return self._call(token) if self._is("(") else self._name(token)

    def _call(self, token: Token) -> Aggregate:
        if token.text not in AGGREGATES:
            message = f"there is no function {token.text}()"
            hint = f"there are {', '.join(f'{name}()' for name in AGGREGATES)}"
            raise ExpressionError(message, self.text, token.start, hint=hint)
        self._need("(")
        part = None if self._is(")") else self._either()
        self._need(")")
        return Aggregate(token.start, self._stop, token.text, part)

    def _name(self, token: Token) -> Name:
        path = [token.text]
        while self._take("."):
            if self.token.kind != "word":
                raise self._wrong(f"a name is expected, not {self._seen()}")
            path.append(self.token.text)
            self.at += 1
        key = None
        if self._take("["):
            inner = self.token
            if inner.kind != "text":
                raise self._wrong('the name of an attribute is written attributes["name"]')
            self.at += 1
            key = inner.text[1:-1]
            self._need("]")
        return Name(token.start, self._stop, tuple(path), key)
