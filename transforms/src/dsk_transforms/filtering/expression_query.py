"""The filter's own language as a query: closures of ``(annotation, scope)``, made once.

What is not there – an attribute the annotation lacks, the label of an unlabelled one, the size of
an unreadable image – equals nothing and is neither less nor greater than anything; only ``!=``,
``not in`` and ``== none`` hold for it.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from dsk.annotations import KINDS
from dsk.errors import did_you_mean
from dsk_transforms.filtering import fields
from dsk_transforms.filtering.errors import ExpressionError
from dsk_transforms.filtering.expression_syntax import (
    Aggregate,
    Arithmetic,
    Compare,
    Constant,
    Expr,
    Logic,
    Membership,
    Name,
    Negate,
    Not,
    TextTest,
    parse,
)
from dsk_transforms.filtering.fields import ANY, KIND, LABEL, NUMBER, TEXT, TRUTH
from dsk_transforms.filtering.patterns import MOST_TEXT, compile_pattern
from dsk_transforms.filtering.query import Clause, Query
from dsk_transforms.filtering.values import Labels, Scope, is_true
from dsk_transforms.filtering.xpath_values import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.annotations import Annotation

    Getter = Callable[[Any, Scope], Any]
    Test = Callable[[Any, Scope], bool]

__all__ = ["ExpressionQuery"]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_SWAPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_TEXTS = frozenset({TEXT, LABEL, KIND})


class ExpressionQuery(Query):
    """A compiled expression.

    Args:
        text: The expression.

    Raises:
        ExpressionError: It is malformed, a name is unknown, or values of different sorts are
            compared.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.expr = parse(text)
        compiler = _Compiler(text, None)
        self._test = compiler.test(self.expr)
        self.level = compiler.level
        self._slots = compiler.slots

    def bind(self, labels: Labels) -> None:
        """Compile anew with the indices of the labels that are named."""
        compiler = _Compiler(self.text, labels)
        self._test, self._slots = compiler.test(self.expr), compiler.slots
        self.warnings = compiler.warnings

    def selects(self, scope: Scope) -> bool:
        """Tell whether the item is selected: for a fact about annotations, if any fits."""
        test = self._test
        if self.level == "items":
            return test(None, scope)
        self._fill(scope)
        return any(test(a, scope) for a in scope.item.annotations)

    def kept(self, scope: Scope) -> Sequence[Annotation]:
        """Return the selected annotations."""
        self._fill(scope)
        test = self._test
        return [a for a in scope.item.annotations if test(a, scope)]

    def _fill(self, scope: Scope) -> None:
        if self._slots:
            scope.slots = tuple(get(None, scope) for get in self._slots)

    def clauses(self) -> list[Clause]:
        """Return the expression and its parts."""
        return list(self._parts(self.expr, 0, inside=False))

    def _parts(self, expr: Expr, depth: int, *, inside: bool) -> Iterator[Clause]:
        compiler = _Compiler(self.text, None, inside=inside)
        test = compiler.test(expr)
        of = "annotations" if inside else compiler.level

        def count(scope: Scope) -> int:
            scope.slots = tuple(get(None, scope) for get in compiler.slots)
            if of == "items":
                return int(test(None, scope))
            return sum(test(a, scope) for a in scope.item.annotations)

        yield Clause(self.text[expr.start : expr.stop], depth, of, count)
        for part, within in _inner(expr):
            yield from self._parts(part, depth + 1, inside=inside or within)


def _inner(expr: Expr) -> Iterator[tuple[Expr, bool]]:
    """Yield the parts that are true or false, and whether they ask about annotations."""
    if isinstance(expr, Logic):
        yield from ((part, False) for part in expr.parts)
    elif isinstance(expr, Not):
        yield expr.part, False
    elif isinstance(expr, Aggregate) and expr.part is not None:
        yield expr.part, True
    elif isinstance(expr, Compare | Arithmetic):
        for side in (expr.left, expr.right):
            if isinstance(side, Aggregate | Arithmetic):
                yield from _inner(side)


class _Compiler:
    """Makes closures of one expression.

    Args:
        text: The expression, for errors.
        labels: The dataset's labels; None as long as they are not known.
        inside: Whether it is the part of an aggregate.

    Attributes:
        level: "annotations" once a fact about one annotation was asked for.
        slots: What is to be computed once per item.
        warnings: Labels that the dataset does not have.
    """

    def __init__(self, text: str, labels: Labels | None, *, inside: bool = False) -> None:
        self.text = text
        self.labels = labels
        self.inside = inside
        self.level = "items"
        self.slots: list[Getter] = []
        self.warnings: list[str] = []

    def _wrong(self, message: str, expr: Expr, hint: str = "") -> ExpressionError:
        return ExpressionError(message, self.text, expr.start, hint=hint)

    def _written(self, expr: Expr) -> str:
        return self.text[expr.start : expr.stop]

    def test(self, expr: Expr) -> Test:
        """Compile what is asked for yes or no."""
        if isinstance(expr, Logic):
            return _joined(expr.op, [self.test(part) for part in expr.parts])
        if isinstance(expr, Not):
            part = self.test(expr.part)
            return lambda a, scope: not part(a, scope)
        if isinstance(expr, Compare):
            return self._compare(expr)
        if isinstance(expr, Membership):
            return self._membership(expr)
        if isinstance(expr, TextTest):
            return self._text_test(expr)
        if isinstance(expr, Constant) and not isinstance(expr.value, bool):
            raise self._wrong(f"{self._written(expr)} says neither yes nor no", expr)
        return _truth(*self.value(expr))

    def value(self, expr: Expr) -> tuple[str, Getter]:
        """Compile a value; return its sort too."""
        if isinstance(expr, Name):
            return self._name(expr)
        if isinstance(expr, Constant):
            constant = expr.value
            return _sort_of(constant), lambda _a, _scope: constant
        if isinstance(expr, Arithmetic):
            left, right = self.number(expr.left), self.number(expr.right)
            return NUMBER, _arithmetic(expr.op, left, right)
        if isinstance(expr, Negate):
            part = self.number(expr.part)
            return NUMBER, lambda a, scope: None if (v := part(a, scope)) is None else -v
        if isinstance(expr, Aggregate):
            return self._aggregate(expr)
        return TRUTH, self.test(expr)

    def number(self, expr: Expr) -> Getter:
        """Compile what must be a number; the value of an attribute is taken for one."""
        sort, get = self.value(expr)
        if sort not in (NUMBER, ANY):
            raise self._wrong(f"{self._written(expr)} is a {_word(sort)}, not a number", expr)
        return _number(sort, get)

    def _name(self, expr: Name) -> tuple[str, Getter]:
        field = fields.find(expr.path, expr.key)
        if field is None:
            hint = fields.hint_for(expr.path) if expr.key is None else ""
            hint = hint or 'an attribute is written attributes["name"]'
            raise self._wrong(f"there is no name {self._written(expr)}", expr, hint)
        if field.of == "annotations":
            self.level = "annotations"
        return field.sort, field.get

    def _aggregate(self, expr: Aggregate) -> tuple[str, Getter]:
        if self.inside:
            raise self._wrong(f"{expr.name}() cannot stand inside any(), all() or count()", expr)
        get = self._over_annotations(expr)
        self.slots.append(get)
        slot = len(self.slots) - 1

        def once(a: Any, scope: Scope) -> Any:
            return get(a, scope) if a is None else scope.slots[slot]

        return NUMBER if expr.name == "count" else TRUTH, once

    def _over_annotations(self, expr: Aggregate) -> Getter:
        if expr.part is None:
            if expr.name == "all":
                raise self._wrong("all() needs to know what all annotations are", expr)
            size: Callable[[Any], Any] = len if expr.name == "count" else bool
            return lambda _, scope: size(scope.item.annotations)
        inner = _Compiler(self.text, self.labels, inside=True)
        part = inner.test(expr.part)
        self.warnings += inner.warnings
        if expr.name == "count":
            return lambda _, scope: sum([part(a, scope) for a in scope.item.annotations])
        over = any if expr.name == "any" else all
        return lambda _, scope: over(part(a, scope) for a in scope.item.annotations)

    def _compare(self, expr: Compare) -> Test:
        left, right, op = expr.left, expr.right, expr.op
        if isinstance(left, Constant) and not isinstance(right, Constant):
            left, right, op = right, left, _SWAPPED[op]
        sort, get = self.value(left)
        other_sort, other = self.value(right)
        if isinstance(right, Constant) and right.value is None:
            self._equality(op, expr)
            missing = op == "=="
            return lambda a, scope: (get(a, scope) is None) is missing
        if TRUTH in (sort, other_sort):
            self._equality(op, expr)
            one, two, equal = _truth(sort, get), _truth(other_sort, other), op == "=="
            return lambda a, scope: (one(a, scope) is two(a, scope)) is equal
        if sort == other_sort == ANY:
            return _compare_any(op, get, other)
        if NUMBER in (sort, other_sort):
            self._same_sort(expr, sort, other_sort)
            if isinstance(right, Constant):
                return _compare_constant(op, _number(sort, get), right.value)
            return _compare_numbers(op, _number(sort, get), _number(other_sort, other))
        self._equality(op, expr, "texts are not in any order")
        if isinstance(right, Constant):
            return self._one_of(left, (right,), negated=op == "!=")
        return _compare_texts(op, get, other)

    def _same_sort(self, expr: Compare, sort: str, other: str) -> None:
        if ANY in (sort, other) or sort == other:
            return
        number, text = (expr.left, expr.right) if sort == NUMBER else (expr.right, expr.left)
        hint = ""
        if isinstance(text, Constant):
            hint = "leave out the quotes"
        elif isinstance(number, Constant):
            hint = f'write "{self._written(number)}" in quotes'
        message = f"{self._written(number)} is a number, {self._written(text)} is a text"
        raise self._wrong(message, expr, hint)

    def _equality(self, op: str, expr: Expr, why: str = "yes, no and none are in no order") -> None:
        if op not in ("==", "!="):
            raise self._wrong(f"{op} makes no sense: {why}", expr, "compare with == or !=")

    def _membership(self, expr: Membership) -> Test:
        for option in expr.options:
            if not isinstance(option.value, str | float) or isinstance(option.value, bool):
                raise self._wrong("behind in only texts and numbers can stand", option)
        return self._one_of(expr.value, expr.options, negated=expr.negated)

    def _one_of(self, expr: Expr, options: Sequence[Constant], *, negated: bool) -> Test:
        """Compile the question whether a value is among some constants."""
        sort, get = self.value(expr)
        texts = frozenset(o.value for o in options if isinstance(o.value, str))
        numbers = frozenset(o.value for o in options if not isinstance(o.value, str))
        for option in options:
            self._check_option(sort, expr, option)
        if sort == LABEL and self.labels is not None:
            indices = self._indices(texts)
            if negated:
                return lambda a, _: a.label not in indices
            return lambda a, _: a.label in indices
        if sort in _TEXTS:
            return lambda a, scope: (get(a, scope) in texts) is not negated
        if sort == NUMBER:
            return lambda a, scope: (get(a, scope) in numbers) is not negated

        def among(a: Any, scope: Scope) -> bool:
            value = get(a, scope)
            found = value is not None and (
                (texts and str(value) in texts) or (numbers and _as_number(value) in numbers)
            )
            return bool(found) is not negated

        return among

    def _check_option(self, sort: str, expr: Expr, option: Constant) -> None:
        text = isinstance(option.value, str)
        if sort == TRUTH or (sort == NUMBER and text) or (sort in _TEXTS and not text):
            message = f"{self._written(expr)} is a {_word(sort)}, {self._written(option)} is none"
            raise self._wrong(message, option)
        if sort == KIND and option.value not in KINDS:
            hint = did_you_mean(str(option.value), KINDS) or fields.KINDS_TEXT
            message = f"no annotation is of type {option.value!r}"
            raise self._wrong(message, option, hint)

    def _indices(self, names: frozenset[str]) -> frozenset[int | None]:
        assert self.labels is not None
        known = self.labels.names
        for name in sorted(names - set(known.values())):
            near = did_you_mean(name, known.values())
            self.warnings.append(f"the dataset has no label {name!r}{near and f'; {near}'}")
        return frozenset(index for index, name in known.items() if name in names)

    def _text_test(self, expr: TextTest) -> Test:
        sort, get = self.value(expr.value)
        if sort not in _TEXTS and sort != ANY:
            raise self._wrong(
                f"{self._written(expr.value)} is a {_word(sort)}, not a text", expr.value
            )
        pattern, wanted = str(expr.pattern.value), not expr.negated
        ask: Callable[[str], Any]
        if expr.op == "matches":
            search = compile_pattern(pattern, self.text, expr.pattern.start + 1).search
            ask = lambda text: search(text[:MOST_TEXT])  # noqa: E731
        elif expr.op == "contains":
            ask = lambda text: pattern in text  # noqa: E731
        else:
            start = expr.op == "startswith"
            ask = lambda text: text.startswith(pattern) if start else text.endswith(pattern)  # noqa: E731

        def holds(a: Any, scope: Scope) -> bool:
            value = get(a, scope)
            return (value is not None and bool(ask(str(value)))) is wanted

        return holds


def _joined(op: str, tests: Sequence[Test]) -> Test:
    if len(tests) == 2:
        one, two = tests
        if op == "and":
            return lambda a, scope: one(a, scope) and two(a, scope)
        return lambda a, scope: one(a, scope) or two(a, scope)
    if op == "and":
        return lambda a, scope: all(test(a, scope) for test in tests)
    return lambda a, scope: any(test(a, scope) for test in tests)


def _word(sort: str) -> str:
    return TEXT if sort in _TEXTS else sort


def _sort_of(constant: Any) -> str:
    if isinstance(constant, bool):
        return TRUTH
    if constant is None:
        return ANY
    return TEXT if isinstance(constant, str) else NUMBER


def _as_number(value: Any) -> float | None:
    """Take the value of an attribute for a number; True counts as 1."""
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, str | int | float):
        return None
    number = number_of(value)
    return number if number == number else None  # noqa: PLR0124 - NaN is no number


def _truth(sort: str, get: Getter) -> Test:
    if sort == TRUTH:
        return get
    if sort == ANY:
        return lambda a, scope: is_true(get(a, scope))
    return lambda a, scope: bool(get(a, scope))


def _number(sort: str, get: Getter) -> Getter:
    return get if sort == NUMBER else lambda a, scope: _as_number(get(a, scope))


def _compare_constant(op: str, get: Getter, constant: Any) -> Test:
    holds, unequal = _OPERATORS[op], op == "!="

    def compare(a: Any, scope: Scope) -> bool:
        value = get(a, scope)
        return unequal if value is None else holds(value, constant)

    return compare


def _compare_numbers(op: str, get: Getter, other: Getter) -> Test:
    holds, unequal = _OPERATORS[op], op == "!="

    def compare(a: Any, scope: Scope) -> bool:
        v, w = get(a, scope), other(a, scope)
        return unequal if v is None or w is None else holds(v, w)

    return compare


def _arithmetic(op: str, left: Getter, right: Getter) -> Getter:
    if op == "/":

        def ratio(a: Any, scope: Scope) -> Any:
            v, w = left(a, scope), right(a, scope)
            return v / w if v is not None and w else None

        return ratio
    combine = _OPERATORS[op]

    def combined(a: Any, scope: Scope) -> Any:
        v, w = left(a, scope), right(a, scope)
        return None if v is None or w is None else combine(v, w)

    return combined


def _compare_any(op: str, get: Getter, other: Getter) -> Test:
    """Compare two attributes: as numbers if both are, else as texts."""
    holds, ordered = _OPERATORS[op], op not in ("==", "!=")

    def compare(a: Any, scope: Scope) -> bool:
        v, w = get(a, scope), other(a, scope)
        if v is None or w is None:
            return op == "!="
        one, two = _as_number(v), _as_number(w)
        if one is not None and two is not None:
            return bool(holds(one, two))
        return not ordered and bool(holds(str(v), str(w)))

    return compare


def _compare_texts(op: str, get: Getter, other: Getter) -> Test:
    equal = op == "=="

    def compare(a: Any, scope: Scope) -> bool:
        v, w = get(a, scope), other(a, scope)
        return (v is not None and w is not None and str(v) == str(w)) is equal

    return compare
