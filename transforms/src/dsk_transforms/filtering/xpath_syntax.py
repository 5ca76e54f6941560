"""Reading XPath 1.0 expressions: text to tokens to a checked tree (https://www.w3.org/TR/xpath-10).

Left out: variables, namespaces, and what no item has (comments, processing instructions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dsk.errors import did_you_mean
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
    "Arithmetic",
    "Call",
    "Compare",
    "Expr",
    "Filtered",
    "Literal",
    "Logic",
    "Negate",
    "Number",
    "Path",
    "Step",
    "Union",
    "parse",
]

AXES = (
    "ancestor",
    "ancestor-or-self",
    "attribute",
    "child",
    "descendant",
    "descendant-or-self",
    "following-sibling",
    "parent",
    "preceding-sibling",
    "self",
)

FUNCTIONS: dict[str, tuple[int, int]] = {
    "boolean": (1, 1),
    "ceiling": (1, 1),
    "concat": (2, 99),
    "contains": (2, 2),
    "count": (1, 1),
    "false": (0, 0),
    "floor": (1, 1),
    "last": (0, 0),
    "local-name": (0, 1),
    "name": (0, 1),
    "normalize-space": (0, 1),
    "not": (1, 1),
    "number": (0, 1),
    "position": (0, 0),
    "round": (1, 1),
    "starts-with": (2, 2),
    "string": (0, 1),
    "string-length": (0, 1),
    "substring": (2, 3),
    "substring-after": (2, 2),
    "substring-before": (2, 2),
    "sum": (1, 1),
    "translate": (3, 3),
    "true": (0, 0),
}
"""Least and greatest number of arguments."""

NODE_SETS_ONLY = frozenset({"count", "sum"})


@dataclass(frozen=True, slots=True)
class Number(Expr):
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Literal(Expr):
    """A text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Union(Expr):
    """``|`` of several node-sets."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A function call."""

    name: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Step(Expr):
    """A step of a path; ``test`` is a name, ``*``, ``node()`` or ``text()``."""

    axis: str
    test: str
    predicates: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Path(Expr):
    """Steps from the root or from the context node."""

    absolute: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Filtered(Expr):
    """A part in brackets or a call, with predicates and steps behind it."""

    base: Expr
    predicates: tuple[Expr, ...]
    steps: tuple[Step, ...]


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<op>::|//|\.\.|!=|<=|>=|[/|+\-=<>()\[\].@,*])
    |(?P<name>[^\W\d][\w.\-]*))""",
    re.VERBOSE,
)
_BEFORE_OPERAND = frozenset({"@", "::", "(", "[", ",", "and", "or", "mod", "div", "*", "/", "//"})
_BEFORE_OPERAND |= frozenset({"|", "+", "-", "=", "!=", "<", "<=", ">", ">="})


def _kind(kind: str, word: str, before: list[Token]) -> str:
    """Tell operators that look like names from names, by what stands before them."""
    operand = not before or (before[-1].kind == "op" and before[-1].text in _BEFORE_OPERAND)
    if word == "*" and operand:
        return "name"
    return "op" if not operand and word in {"and", "or", "div", "mod"} else kind


def parse(text: str) -> Expr:
    """Parse an XPath expression.

    Raises:
        ExpressionError: It is malformed, too long or too deeply nested.
    """
    return _Parser(text).whole()


def _direct(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Write ``//annotation`` as ``/item/annotation``: there are no others, and it is fast."""
    if (steps[1].axis, steps[1].test) != ("child", "annotation"):
        return steps
    anywhere = steps[0]
    return (Step(anywhere.start, anywhere.stop, "child", "item", ()), *steps[1:])


class _Parser(TokenParser):
    """Recursive descent, one method per level of precedence."""

    def __init__(self, text: str) -> None:
        super().__init__(text, tokens(text, _TOKEN, {}, _kind))

    def whole(self) -> Expr:
        """Parse all of it."""
        found = self._logic()
        if self.token.kind != "end":
            raise self.wrong(f"{self.token.text!r} makes no sense here")
        return found

    def hint(self) -> str:
        """See ``TokenParser.hint``."""
        return "XPath compares with a single =" if self.token.text == "=" else ""

    def _logic(self, op: str = "or") -> Expr:
        self.depth += 1
        if self.depth > 2 * DEEPEST:
            raise self.wrong(f"it is nested deeper than {DEEPEST}")
        start = self.token.start
        parts = [self._logic("and") if op == "or" else self._chain(0)]
        while self.take(op):
            parts.append(self._logic("and") if op == "or" else self._chain(0))
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Logic(start, self.stop, op, tuple(parts))

    _LEVELS = (("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))

    def _chain(self, level: int) -> Expr:
        if level == len(self._LEVELS):
            return self._negated()
        start = self.token.start
        left = self._chain(level + 1)
        count = 0
        while op := self.take(*self._LEVELS[level]):
            count += 1
            if count > DEEPEST:
                raise self.wrong(f"more than {DEEPEST} signs in a row")
            right = self._chain(level + 1)
            made = Compare if level < 2 else Arithmetic
            left = made(start, self.stop, op, left, right)
        return left

    def _negated(self) -> Expr:
        start = self.token.start
        count = 0
        while self.take("-"):
            count += 1
        part = self._union()
        for _ in range(2 - count % 2 if count else 0):  # two signs still make it a number
            part = Negate(start, self.stop, part)
        return part

    def _union(self) -> Expr:
        start = self.token.start
        parts = [self._path()]
        while self.take("|"):
            parts.append(self._path())
        if len(parts) == 1:
            return parts[0]
        for part in parts:
            if not isinstance(part, Path | Filtered | Union):
                raise ExpressionError("| joins paths only", self.text, part.start)
        return Union(start, self.stop, tuple(parts))

    def _path(self) -> Expr:
        start = self.token.start
        if self._starts_primary():
            return self._filtered(start)
        if self.take("/"):
            steps = self._steps() if self._starts_step() else ()
            return Path(start, self.stop, absolute=True, steps=steps)
        if self.sees("//"):
            return Path(start, self.stop, absolute=True, steps=_direct(self._steps()))
        return Path(start, self.stop, absolute=False, steps=self._steps())

    def _starts_primary(self) -> bool:
        token = self.token
        if token.kind in {"number", "text"} or self.sees("("):
            return True
        behind = self.tokens[self.at + 1].text if token.kind == "name" else ""
        return behind == "(" and token.text not in {"node", "text"}

    def _starts_step(self) -> bool:
        return self.token.kind == "name" or self.sees(".", "..", "@")

    def _filtered(self, start: int) -> Expr:
        base = self._primary()
        behind = self.token.start
        predicates = self._predicates()
        steps: tuple[Step, ...] = ()
        if self.sees("/", "//"):
            self.take("/")
            steps = self._steps()
        if not predicates and not steps:
            return base
        if not isinstance(base, Path | Filtered | Union):
            raise ExpressionError("only a path can be followed by [ or /", self.text, behind)
        return Filtered(start, self.stop, base, predicates, steps)

    def _primary(self) -> Expr:
        token = self.token
        self.at += 1
        if token.kind == "number":
            return Number(token.start, token.stop, float(token.text))
        if token.kind == "text":
            return Literal(token.start, token.stop, token.text[1:-1])
        if token.kind == "name":
            return self._call(token)
        found = self._logic()
        self.need(")")
        return found

    def _call(self, token: Token) -> Call:
        if token.text not in FUNCTIONS:
            near = did_you_mean(token.text, FUNCTIONS) or f"there are {', '.join(FUNCTIONS)}"
            message = f"there is no function {token.text}()"
            raise ExpressionError(message, self.text, token.start, hint=near)
        self.need("(")
        arguments = []
        if not self.sees(")"):
            arguments.append(self._logic())
            while self.take(","):
                arguments.append(self._logic())
        self.need(")")
        least, most = FUNCTIONS[token.text]
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            message = f"{token.text}() takes {wanted} arguments, not {len(arguments)}"
            raise ExpressionError(message, self.text, token.start)
        paths = isinstance(arguments[0], Path | Filtered | Union) if arguments else True
        if token.text in NODE_SETS_ONLY and not paths:
            raise ExpressionError(f"{token.text}() takes a path", self.text, arguments[0].start)
        return Call(token.start, self.stop, token.text, tuple(arguments))

    def _steps(self) -> tuple[Step, ...]:
        """Parse steps; ``//`` stands for a step to all nodes below."""
        steps: list[Step] = []
        while True:
            if self.sees("//"):
                place = self.token.start
                self.at += 1
                steps.append(Step(place, self.stop, "descendant-or-self", "node()", ()))
            steps.append(self._step())
            if not self.sees("//") and not self.take("/"):
                return tuple(steps)

    def _step(self) -> Step:
        start = self.token.start
        if self.take("."):
            return Step(start, self.stop, "self", "node()", ())
        if self.take(".."):
            return Step(start, self.stop, "parent", "node()", ())
        axis = "attribute" if self.take("@") else "child"
        token = self._name()
        if axis == "child" and self.take("::"):
            if token.text not in AXES:
                hint = did_you_mean(token.text, AXES) or f"there are {', '.join(AXES)}"
                raise ExpressionError(
                    f"there is no axis {token.text}", self.text, token.start, hint=hint
                )
            axis = token.text
            token = self._name()
        test = token.text
        if self.take("("):
            self.need(")")
            test = f"{test}()"
            if test not in {"node()", "text()"}:
                raise ExpressionError(f"{test} is no step of a path", self.text, token.start)
        return Step(start, self.stop, axis, test, self._predicates())

    def _name(self) -> Token:
        token = self.token
        if token.kind != "name":
            raise self.wrong(f"a name or value is expected, not {self.seen()}")
        self.at += 1
        return token

    def _predicates(self) -> tuple[Expr, ...]:
        found = []
        while self.take("["):
            found.append(self._logic())
            self.need("]")
        return tuple(found)
