"""Compiling what is common in XPath filters to functions of ``(annotation, scope)``: no tree.

Each function here returns None for what it does not cover; ``xpath_walk`` then takes over, and
both say the same. Covered: leaves of an annotation or item by name, ``attribute[@name="…"]``,
comparisons, arithmetic, and, or, not(), contains(), starts-with(), count() and paths over all
annotations of an item.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from dsk_transforms.filtering import xpath_values as values
from dsk_transforms.filtering.tree import BRANCHES, ITEM_NAMES, plain_value
from dsk_transforms.filtering.values import BOX_LEAVES, ITEM_LEAVES, LEAVES, Scope, common_getter
from dsk_transforms.filtering.xpath_syntax import (
    Arithmetic,
    Call,
    Compare,
    Expr,
    Literal,
    Logic,
    Negate,
    Number,
    Path,
    Step,
)
from dsk_transforms.filtering.xpath_walk import type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Test = Callable[[Any, Scope], bool]
    Getter = Callable[[Any, Scope], Any]

__all__ = ["all_of", "test"]

_no = object()


def all_of(predicates: Sequence[Expr], of: str) -> Test | None:
    """Compile predicates that must all hold, of an "item" or an "annotation"."""
    tests = [_predicate(p, of) for p in predicates]
    if any(t is None for t in tests):
        return None
    found = [t for t in tests if t is not None]
    if not found:
        return lambda _a, _scope: True
    return found[0] if len(found) == 1 else lambda a, scope: all(t(a, scope) for t in found)


def _predicate(expr: Expr, of: str) -> Test | None:
    return None if type_of(expr) == "number" else test(expr, of)  # a number means a position


def test(expr: Expr, of: str) -> Test | None:
    """Compile an expression that is asked for yes or no."""
    if isinstance(expr, Logic):
        return _logic(expr, of)
    if isinstance(expr, Compare):
        return _compare(expr, of)
    if isinstance(expr, Path):
        leaf = _leaf(expr, of)
        if leaf is not None:
            return lambda a, scope: leaf(a, scope) is not None
        each = _each(expr, of)
        return None if each is None else lambda _a, scope: any(v is not None for v in each(scope))
    if isinstance(expr, Call):
        return _call(expr, of)
    return None


def _logic(expr: Logic, of: str) -> Test | None:
    tests = [test(part, of) for part in expr.parts]
    found = [t for t in tests if t is not None]
    if len(found) < len(tests):
        return None
    if len(found) == 2:
        one, two = found
        if expr.op == "and":
            return lambda a, scope: one(a, scope) and two(a, scope)
        return lambda a, scope: one(a, scope) or two(a, scope)
    if expr.op == "and":
        return lambda a, scope: all(t(a, scope) for t in found)
    return lambda a, scope: any(t(a, scope) for t in found)


def _call(expr: Call, of: str) -> Test | None:
    if expr.name in ("true", "false"):
        return lambda _a, _scope: expr.name == "true"
    if expr.name in ("not", "boolean"):
        part = test(expr.arguments[0], of)
        if part is None:
            return None
        return part if expr.name == "boolean" else lambda a, scope: not part(a, scope)
    if expr.name in ("contains", "starts-with"):
        texts = [_text(argument, of) for argument in expr.arguments]
        whole, part_of = texts
        if whole is None or part_of is None:
            return None
        if expr.name == "contains":
            return lambda a, scope: part_of(a, scope) in whole(a, scope)
        return lambda a, scope: whole(a, scope).startswith(part_of(a, scope))
    return None


def _text(expr: Expr, of: str) -> Callable[[Any, Scope], str] | None:
    if isinstance(expr, Literal):
        constant = expr.value
        return lambda _a, _scope: constant
    leaf = _leaf(expr, of)
    if leaf is None:
        return None

    def text(a: Any, scope: Scope) -> str:
        value = leaf(a, scope)
        return "" if value is None else str(value)

    return text


def _number(expr: Expr, of: str) -> Callable[[Any, Scope], float] | None:
    """Compile what is a number, or a leaf that is taken for one."""
    if isinstance(expr, Number):
        constant = expr.value
        return lambda _a, _scope: constant
    if isinstance(expr, Negate):
        part = _number(expr.part, of)
        return None if part is None else lambda a, scope: -part(a, scope)
    if isinstance(expr, Arithmetic):
        left, right, op = _number(expr.left, of), _number(expr.right, of), expr.op
        if left is None or right is None:
            return None
        return lambda a, scope: values.arithmetic(op, left(a, scope), right(a, scope))
    if isinstance(expr, Call) and expr.name == "count":
        each = _each(expr.arguments[0], of)
        if each is None:
            return None
        return lambda _a, scope: float(sum(v is not None for v in each(scope)))
    leaf = _leaf(expr, of)
    if leaf is None:
        return None

    def number(a: Any, scope: Scope) -> float:
        value = leaf(a, scope)
        return math.nan if value is None else values.number_of(value)

    return number


def _compare(expr: Compare, of: str) -> Test | None:
    left, right, op = expr.left, expr.right, expr.op
    if isinstance(right, Path) and not isinstance(left, Path):
        left, right, op = right, left, values.SWAPPED[op]
    holds = values.COMPARE[op]
    if not isinstance(left, Path):
        both = type_of(left) == type_of(right) == "number"
        one, two = (_number(left, of), _number(right, of)) if both else (None, None)
        if one is None or two is None:
            return None
        return lambda a, scope: holds(one(a, scope), two(a, scope))
    as_texts = op in ("=", "!=") and type_of(right) != "number"
    convert: Callable[[Any], Any] = str if as_texts else values.number_of
    if isinstance(right, Path):
        return _compare_leaves(left, right, holds, convert, of)
    other = _other_side(right, convert, of)
    leaf = _leaf(left, of)
    each = _each(left, of) if leaf is None else None
    if other is None or (leaf is None and each is None):
        return None
    if each is not None:
        return lambda a, scope: any(
            v is not None and holds(convert(v), other(a, scope)) for v in each(scope)
        )

    assert leaf is not None

    def one_holds(a: Any, scope: Scope) -> bool:
        value = leaf(a, scope)
        return value is not None and holds(convert(value), other(a, scope))

    return one_holds


def _other_side(expr: Expr, convert: Callable[[Any], Any], of: str) -> Getter | None:
    if isinstance(expr, Literal):
        constant = convert(expr.value)
        return lambda _a, _scope: constant
    return _number(expr, of) if type_of(expr) == "number" else None


def _compare_leaves(
    left: Path,
    right: Path,
    holds: Callable[[Any, Any], bool],
    convert: Callable[[Any], Any],
    of: str,
) -> Test | None:
    one, two = _leaf(left, of), _leaf(right, of)
    if one is None or two is None:
        return None

    def both_hold(a: Any, scope: Scope) -> bool:
        v, w = one(a, scope), two(a, scope)
        return v is not None and w is not None and holds(convert(v), convert(w))

    return both_hold


def _each(expr: Expr, of: str) -> Callable[[Scope], Iterator[Any]] | None:
    """Compile a path over an item's annotations: what it finds in each, None for nothing."""
    if of != "item" or not isinstance(expr, Path) or expr.absolute or not expr.steps:
        return None
    first, rest = expr.steps[0], expr.steps[1:]
    if (first.axis, first.test) != ("child", "annotation"):
        return None
    keep = all_of(first.predicates, "annotation")
    find = _leaf_of_steps(rest, "annotation") if rest else lambda _a, _scope: True
    if keep is None or find is None:
        return None

    def each(scope: Scope) -> Iterator[Any]:
        for a in scope.item.annotations:
            if keep(a, scope):
                yield find(a, scope)

    return each


def _leaf(expr: Expr, of: str) -> Getter | None:
    """Compile a path that finds one leaf or none; the value is None if there is none."""
    if not isinstance(expr, Path) or expr.absolute:
        return None
    return _leaf_of_steps(expr.steps, of)


def _leaf_of_steps(steps: Sequence[Step], of: str) -> Getter | None:
    if of == "annotation" and len(steps) > 1 and (steps[0].axis, steps[0].test) == UP:
        return None if steps[0].predicates else _leaf_of_steps(steps[1:], "item")
    named = _attribute_step(steps)
    if named is not None:
        return _attribute(named, of)
    if any(step.axis != "child" or step.predicates for step in steps):
        return None
    path = tuple(step.test for step in steps)
    if any(not _PLAIN.fullmatch(name) for name in path):
        return None
    if of == "item":
        if path in ITEM_LEAVES:
            return ITEM_LEAVES[path]
        return _attribute(path[0], of) if len(path) == 1 and path[0] not in ITEM_NAMES else None
    if len(path) == 2 and path[0] == "bbox":
        return BOX_LEAVES.get(path[1])
    return _child(path[0]) if len(path) == 1 else None


UP = ("parent", "node()")

_PLAIN = re.compile(r"(?!_\d+$)[^\W\d]\w*")
"""Names of elements that can stand for one attribute only, the one of the same name."""


def _attribute_step(steps: Sequence[Step]) -> str | None:
    """Return the key if the path is ``attribute[@name="key"]``."""
    if len(steps) != 1 or (steps[0].axis, steps[0].test) != ("child", "attribute"):
        return None
    match steps[0].predicates:
        case [Compare(op="=", left=Path(absolute=False, steps=[step]), right=Literal(value=key))]:
            is_name = (step.axis, step.test, step.predicates) == ("attribute", "name", ())
            return key if is_name else None
    return None


def _attribute(key: str, of: str) -> Getter:
    def of_annotation(a: Any, _: Scope) -> Any:
        value = a.attributes.get(key, _no)
        return None if value is _no else plain_value(value)

    def of_item(_: Any, scope: Scope) -> Any:
        value = scope.item.attributes.get(key, _no)
        return None if value is _no else plain_value(value)

    return of_item if of == "item" else of_annotation


def _child(name: str) -> Getter | None:
    """Compile a child of an annotation: a leaf of its kind, else an attribute."""
    if name in BRANCHES:
        return None
    common = common_getter(name)
    if common is not None:
        return common
    attribute = _attribute(name, "annotation")
    table = {kind: leaves[name] for kind, leaves in LEAVES.items() if name in leaves}
    if not table:
        return attribute
    return lambda a, scope: table.get(a.kind, attribute)(a, scope)
