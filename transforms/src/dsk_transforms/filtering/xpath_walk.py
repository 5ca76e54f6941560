"""Compiling an XPath to functions of a node: all of the language, at the speed of walking a tree.

``xpath_fast`` does what is common without a tree; both must say the same.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk_transforms.filtering import xpath_values as values
from dsk_transforms.filtering.tree import ATTRIBUTE, ELEMENT, ROOT, TEXT, Node
from dsk_transforms.filtering.xpath_syntax import (
    Arithmetic,
    Call,
    Compare,
    Expr,
    Filtered,
    Literal,
    Logic,
    Negate,
    Number,
    Path,
    Step,
    Union,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Evaluator = Callable[["Context"], Any]

__all__ = ["Context", "type_of", "walk"]


class Context(NamedTuple):
    """A node, its position and the number of nodes it is one of."""

    node: Node
    at: int
    size: int


def type_of(expr: Expr) -> str:
    """Return "nodes", "number", "string" or "boolean": what an expression yields."""
    if isinstance(expr, Path | Filtered | Union):
        return "nodes"
    if isinstance(expr, Number | Arithmetic | Negate):
        return "number"
    if isinstance(expr, Literal):
        return "string"
    if isinstance(expr, Call):
        return _RESULTS.get(expr.name, "string")
    return "boolean"


_RESULTS = {
    **dict.fromkeys(("boolean", "contains", "false", "not", "starts-with", "true"), "boolean"),
    **dict.fromkeys(
        (
            "ceiling",
            "count",
            "floor",
            "last",
            "number",
            "position",
            "round",
            "string-length",
            "sum",
        ),
        "number",
    ),
}


def walk(expr: Expr) -> Evaluator:
    """Compile an expression; it yields a bool, float, str or list of nodes."""
    if isinstance(expr, Path | Filtered | Union):
        return _nodes(expr)
    if isinstance(expr, Number | Literal):
        constant = expr.value
        return lambda _: constant
    if isinstance(expr, Logic):
        return _logic(expr)
    if isinstance(expr, Compare):
        return _compare(expr)
    if isinstance(expr, Arithmetic):
        op, left, right = expr.op, _number(expr.left), _number(expr.right)
        return lambda c: values.arithmetic(op, left(c), right(c))
    if isinstance(expr, Negate):
        part = _number(expr.part)
        return lambda c: -part(c)
    assert isinstance(expr, Call)
    return _call(expr)


def _truth(expr: Expr) -> Evaluator:
    value = walk(expr)
    return lambda c: values.truth_of(value(c))


def _number(expr: Expr) -> Evaluator:
    value, kind = walk(expr), type_of(expr)
    if kind == "number":
        return value
    if kind == "boolean":
        return lambda c: float(value(c))
    if kind == "string":
        return lambda c: values.number_of(value(c))

    def of_first(c: Context) -> float:
        nodes = value(c)
        return values.number_of(nodes[0].scalar) if nodes else math.nan

    return of_first


def _string(expr: Expr) -> Evaluator:
    value = walk(expr)
    if type_of(expr) != "nodes":
        return lambda c: values.string_of(value(c))

    def of_first(c: Context) -> str:
        nodes = value(c)
        return str(nodes[0].scalar) if nodes else ""

    return of_first


def _logic(expr: Logic) -> Evaluator:
    parts = [_truth(part) for part in expr.parts]
    if expr.op == "and":
        return lambda c: all(part(c) for part in parts)
    return lambda c: any(part(c) for part in parts)


def _compare(expr: Compare) -> Evaluator:
    left, right = type_of(expr.left), type_of(expr.right)
    if "nodes" not in (left, right):
        return _compare_plain(expr, left, right)
    if left == right:
        return _compare_node_sets(expr)
    nodes, other, op = expr.left, expr.right, expr.op
    if right == "nodes":
        nodes, other, op = other, nodes, values.SWAPPED[op]
    holds, kind = values.COMPARE[op], type_of(other)
    found = walk(nodes)
    if kind == "boolean":
        truth = _truth(other)
        return lambda c: holds(bool(found(c)), truth(c))
    if kind == "string" and op in ("=", "!="):
        text = _string(other)

        def any_text(c: Context) -> bool:
            wanted = text(c)
            return any(holds(str(n.scalar), wanted) for n in found(c))

        return any_text
    number = _number(other)

    def any_number(c: Context) -> bool:
        wanted = number(c)
        return any(holds(values.number_of(n.scalar), wanted) for n in found(c))

    return any_number


def _compare_plain(expr: Compare, left: str, right: str) -> Evaluator:
    holds = values.COMPARE[expr.op]
    if expr.op not in ("=", "!="):
        convert = _number
    elif "boolean" in (left, right):
        convert = _truth
    else:
        convert = _number if "number" in (left, right) else _string
    a, b = convert(expr.left), convert(expr.right)
    return lambda c: holds(a(c), b(c))


def _compare_node_sets(expr: Compare) -> Evaluator:
    a, b, holds = walk(expr.left), walk(expr.right), values.COMPARE[expr.op]
    convert: Callable[[Any], Any] = str if expr.op in ("=", "!=") else values.number_of

    def any_pair(c: Context) -> bool:
        right = [convert(n.scalar) for n in b(c)]
        return bool(right) and any(holds(convert(n.scalar), other) for n in a(c) for other in right)

    return any_pair


def _nodes(expr: Expr) -> Evaluator:
    """Compile what yields a list of nodes, in document order and without repetition."""
    if isinstance(expr, Union):
        parts = [_nodes(part) for part in expr.parts]

        def union(c: Context) -> list[Node]:
            found = [n for part in parts for n in part(c)]
            return sorted(dict.fromkeys(found), key=Node.order)

        return union
    if isinstance(expr, Filtered):
        base = _nodes(expr.base)
        keep = [_predicate(p) for p in expr.predicates]
        follow = _steps(expr.steps)

        def filtered(c: Context) -> list[Node]:
            nodes = base(c)
            for predicate in keep:
                nodes = predicate(nodes)
            return follow(nodes)

        return filtered
    assert isinstance(expr, Path)
    follow = _steps(expr.steps)
    if expr.absolute:
        return lambda c: follow([_root(c.node)])
    return lambda c: follow([c.node])


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node


def _steps(steps: Sequence[Step]) -> Callable[[list[Node]], list[Node]]:
    compiled = [_step(step) for step in steps]
    straight = all(step.axis in ("child", "self", "attribute") for step in steps)

    def follow(nodes: list[Node]) -> list[Node]:
        for step in compiled:
            found = [n for node in nodes for n in step(node)]
            if not straight and len(found) > 1:
                found = sorted(dict.fromkeys(found), key=Node.order)
            nodes = found
        return nodes

    return follow


def _step(step: Step) -> Callable[[Node], list[Node]]:
    axis, test = _AXES[step.axis], step.test
    keep = [_predicate(p) for p in step.predicates]
    principal = ATTRIBUTE if step.axis == "attribute" else ELEMENT

    def fits(node: Node) -> bool:
        if test == "node()":
            return True
        if test == "text()":
            return node.kind == TEXT
        return node.kind == principal and test in ("*", node.name)

    named = step.axis == "child" and test not in ("*", "node()", "text()")

    def take(node: Node) -> list[Node]:
        nodes = node.named(test) if named else [n for n in axis(node) if fits(n) and n.is_there]
        for predicate in keep:
            nodes = predicate(nodes)
        return nodes

    return take


def _predicate(expr: Expr) -> Callable[[list[Node]], list[Node]]:
    """Compile a predicate: a number means a position, all else yes or no."""
    if type_of(expr) == "number":
        number = walk(expr)
        return lambda nodes: [
            n for at, n in enumerate(nodes, 1) if number(Context(n, at, len(nodes))) == at
        ]
    truth = _truth(expr)
    return lambda nodes: [n for at, n in enumerate(nodes, 1) if truth(Context(n, at, len(nodes)))]


def _descendants(node: Node) -> Iterable[Node]:
    for child in node.children:
        if child.is_there:
            yield child
            yield from _descendants(child)


def _ancestors(node: Node) -> Iterable[Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def _siblings(node: Node) -> tuple[list[Node], int]:
    if node.parent is None or node.kind == ATTRIBUTE:
        return [], 0
    return node.parent.children, node.place


_AXES: dict[str, Callable[[Node], Iterable[Node]]] = {
    "ancestor": _ancestors,
    "ancestor-or-self": lambda node: [node, *_ancestors(node)],
    "attribute": lambda node: node.attributes,
    "child": lambda node: node.children,
    "descendant": _descendants,
    "descendant-or-self": lambda node: [node, *_descendants(node)],
    "following-sibling": lambda node: _siblings(node)[0][_siblings(node)[1] + 1 :],
    "parent": lambda node: [node.parent] if node.parent is not None else [],
    "preceding-sibling": lambda node: _siblings(node)[0][: _siblings(node)[1]][::-1],
    "self": lambda node: [node],
}


def _call(expr: Call) -> Evaluator:
    name, arguments = expr.name, expr.arguments
    if name in ("true", "false"):
        return lambda _: name == "true"
    if name == "position":
        return lambda c: float(c.at)
    if name == "last":
        return lambda c: float(c.size)
    if name in ("not", "boolean"):
        truth = _truth(arguments[0])
        wanted = name == "boolean"
        return lambda c: truth(c) is wanted
    if name in ("count", "sum", "name", "local-name"):
        return _of_nodes(name, arguments)
    if name in ("floor", "ceiling", "round", "number"):
        return _of_number(name, arguments)
    function, numbers = _TEXTS[name], _NUMBERS.get(name, 0)
    here: Evaluator = lambda c: str(c.node.scalar)  # noqa: E731
    texts = [_string(a) for a in arguments[: len(arguments) - numbers * (len(arguments) - 1)]]
    ask = [*texts, *(_number(a) for a in arguments[len(texts) :])] or [here]
    return lambda c: function(*(a(c) for a in ask))


def _of_nodes(name: str, arguments: Sequence[Expr]) -> Evaluator:
    nodes: Evaluator = walk(arguments[0]) if arguments else lambda c: [c.node]
    if name == "count":
        return lambda c: float(len(nodes(c)))
    if name == "sum":
        return lambda c: sum((values.number_of(n.scalar) for n in nodes(c)), 0.0)

    def name_of(c: Context) -> str:
        found = nodes(c)
        return found[0].name if found and found[0].kind != ROOT else ""

    return name_of


def _of_number(name: str, arguments: Sequence[Expr]) -> Evaluator:
    here: Evaluator = lambda c: values.number_of(c.node.scalar)  # noqa: E731
    number = _number(arguments[0]) if arguments else here
    if name == "number":
        return number
    function = _ROUNDED[name]

    def rounded(c: Context) -> float:
        value = number(c)
        return float(function(value)) if math.isfinite(value) else value

    return rounded


_ROUNDED: dict[str, Callable[[float], float]] = {
    "floor": math.floor,
    "ceiling": math.ceil,
    "round": values.round_half_up,
}

_NUMBERS = {"substring": 1}
"""Functions of a text whose further arguments are numbers."""

_TEXTS: dict[str, Callable[..., Any]] = {
    "string": str,
    "string-length": lambda text: float(len(text)),
    "concat": lambda *texts: "".join(texts),
    "starts-with": str.startswith,
    "contains": str.__contains__,
    "substring-before": lambda text, sign: text[: max(text.find(sign), 0)],
    "substring-after": lambda text, sign: text.partition(sign)[2] if sign else text,
    "substring": values.substring,
    "normalize-space": lambda text: re.sub("[ \t\r\n]+", " ", text).strip(" "),
    "translate": values.translate,
}
