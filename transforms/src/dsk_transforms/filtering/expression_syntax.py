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
from typing import Any

from dsk_transforms.filtering.errors import ExpressionError
from dsk_transforms.filtering.syntax import (
    DEEPEST,
    Arithmetic,
    Compare,
    Expr,
    Logic,
    Negate,
    Token,
    TokenParser,
    tokens,
)

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

TEXT_TESTS = ("contains", "startswith", "endswith", "matches")
AGGREGATES = ("any", "all", "count")
CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "none": None}
_KEYWORDS = frozenset({"and", "or", "not", "in", *TEXT_TESTS})


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
class Not(Expr):
    """``not`` of a part."""

    part: Expr


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
class Aggregate(Expr):
    """``any``, ``all`` or ``count`` over the annotations of the item."""

    name: str
    part: Expr | None


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<op>[=!<>]=|[<>=+\-*/()\[\],.])
    |(?P<word>[^\W\d]\w*))""",
    re.VERBOSE,
)
_INSTEAD = {"&": "write and", "|": "write or", "!": "write not", "@": 'write attributes["name"]'}


def parse(text: str) -> Expr:
    """Parse an expression.

    Raises:
        ExpressionError: It is malformed, too long or too deeply nested.
    """
    return _Parser(text).whole()


class _Parser(TokenParser):
    """Recursive descent, one method per rule."""

    operators = frozenset({"op", "word"})

    def __init__(self, text: str) -> None:
        super().__init__(text, tokens(text, _TOKEN, _INSTEAD))

    def hint(self) -> str:
        """See ``TokenParser.hint``."""
        return "compare with ==" if self.token.text == "=" else ""

    def whole(self) -> Expr:
        """Parse all of it."""
        found = self._either()
        if self.token.kind != "end":
            raise self.wrong(f"{self.seen()} makes no sense here")
        return found

    def _either(self) -> Expr:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(f"it is nested deeper than {DEEPEST}")
        start = self.token.start
        parts = [self._both()]
        while self.take("or"):
            parts.append(self._both())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Logic(start, self.stop, "or", tuple(parts))

    def _both(self) -> Expr:
        start = self.token.start
        parts = [self._inverse()]
        while self.take("and"):
            parts.append(self._inverse())
        return parts[0] if len(parts) == 1 else Logic(start, self.stop, "and", tuple(parts))

    def _inverse(self) -> Expr:
        start = self.token.start
        odd = False
        inverted = False
        while self.take("not"):
            inverted, odd = True, not odd
        part = self._comparison()
        if inverted and not odd:
            part = Not(start, self.stop, part)
        return Not(start, self.stop, part) if inverted else part

    def _comparison(self) -> Expr:
        start = self.token.start
        left = self._sum()
        negated = self.sees("not") and self.tokens[self.at + 1].text in ("in", *TEXT_TESTS)
        if negated:
            self.at += 1
        if self.take("in"):
            return self._membership(start, left, negated)
        if op := self.take(*TEXT_TESTS):
            return self._text_test(start, left, op, negated)
        parts: list[Expr] = []
        while op := self.take("==", "!=", "<", "<=", ">", ">="):
            right = self._sum()
            parts.append(Compare(left.start, self.stop, op, left, right))
            left = right
        if not parts:
            return left
        self._count(parts)
        return parts[0] if len(parts) == 1 else Logic(start, self.stop, "and", tuple(parts))

    def _count(self, parts: list[Any]) -> None:
        if len(parts) > DEEPEST:
            raise self.wrong(f"more than {DEEPEST} signs in a row")

    def _membership(self, start: int, value: Expr, negated: bool) -> Membership:
        self.need("(")
        options = [self._constant("in")]
        while self.take(","):
            if self.sees(")"):
                break
            options.append(self._constant("in"))
        self.need(")")
        return Membership(start, self.stop, value, tuple(options), negated)

    def _text_test(self, start: int, value: Expr, op: str, negated: bool) -> TextTest:
        pattern = self._constant(op)
        if not isinstance(pattern.value, str):
            raise ExpressionError(f"{op} takes a text in quotes", self.text, pattern.start)
        return TextTest(start, self.stop, op, value, pattern, negated)

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
        while op := self.take(*signs):
            rights.append(part())
            self._count(rights)
            left = Arithmetic(start, self.stop, op, left, rights[-1])
        return left

    def _factor(self) -> Expr:
        start = self.token.start
        if not self.take("-"):
            return self._primary()
        if self.sees("-"):
            raise self.wrong("two minus signs in a row")
        part = self._primary()
        if isinstance(part, Constant) and isinstance(part.value, float):
            return Constant(start, self.stop, -part.value)
        return Negate(start, self.stop, part)

    def _primary(self) -> Expr:
        token = self.token
        start = token.start
        if self.take("("):
            found = self._either()
            self.need(")")
            return found
        if token.kind in ("end", "op") or (token.kind == "word" and token.text in _KEYWORDS):
            raise self.wrong(f"a name or value is expected, not {self.seen()}")
        self.at += 1
        if token.kind == "number":
            return Constant(start, self.stop, float(token.text))
        if token.kind == "text":
            return Constant(start, self.stop, token.text[1:-1])
        word = token.text
        if word.lower() in CONSTANTS and not self.sees(".", "["):
            return Constant(start, self.stop, CONSTANTS[word.lower()])
        return self._call(token) if self.sees("(") else self._name(token)

    def _call(self, token: Token) -> Aggregate:
        if token.text not in AGGREGATES:
            message = f"there is no function {token.text}()"
            hint = f"there are {', '.join(f'{name}()' for name in AGGREGATES)}"
            raise ExpressionError(message, self.text, token.start, hint=hint)
        self.need("(")
        part = None if self.sees(")") else self._either()
        self.need(")")
        return Aggregate(token.start, self.stop, token.text, part)

    def _name(self, token: Token) -> Name:
        path = [token.text]
        while self.take("."):
            if self.token.kind != "word":
                raise self.wrong(f"a name is expected, not {self.seen()}")
            path.append(self.token.text)
            self.at += 1
        key = None
        if self.take("["):
            inner = self.token
            if inner.kind != "text":
                raise self.wrong('the name of an attribute is written attributes["name"]')
            self.at += 1
            key = inner.text[1:-1]
            self.need("]")
        return Name(token.start, self.stop, tuple(path), key)
