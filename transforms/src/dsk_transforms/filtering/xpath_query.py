"""An XPath as a query: Datumaro's filters, on the XML view of an item (see ``tree``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk_transforms.filtering import xpath_fast
from dsk_transforms.filtering.errors import ExpressionError
from dsk_transforms.filtering.query import Clause, Query
from dsk_transforms.filtering.tree import Node, item_tree
from dsk_transforms.filtering.xpath_syntax import (
    Call,
    Expr,
    Filtered,
    Logic,
    Path,
    Step,
    Union,
    parse,
)
from dsk_transforms.filtering.xpath_values import truth_of
from dsk_transforms.filtering.xpath_walk import Context, type_of, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk_transforms.filtering.values import Labels, Scope

__all__ = ["XPathQuery"]


class XPathQuery(Query):
    """A compiled XPath.

    Args:
        text: The expression.

    Raises:
        ExpressionError: It is malformed, or can never select anything.
    """

    level = "items"  # as in Datumaro

    def __init__(self, text: str) -> None:
        self.text = text
        self.expr = parse(text)
        for path in _absolute(self.expr):
            self._check_root(path)
        self._walk = walk(self.expr)
        parts = _item_and_annotation(self.expr)
        self._item_predicates, self._annotation_predicates = parts or ((), None)
        self._item = xpath_fast.all_of(self._item_predicates, "item") if parts else None
        self._annotation = None
        if self._annotation_predicates is not None:
            self._annotation = xpath_fast.all_of(self._annotation_predicates, "annotation")
            if self._annotation is None:
                self._item = None

    def _check_root(self, path: Path) -> None:
        first = path.steps[0] if path.steps else None
        if first is not None and first.axis == "child" and first.test not in ("item", "*"):
            if first.test in ("node()", "text()"):
                return
            raise ExpressionError(
                f"nothing is called {first.test!r} at the top",
                self.text,
                first.start,
                hint="begin with /item or /item/annotation",
            )

    def bind(self, labels: Labels) -> None:
        """Do nothing: labels are asked for by name."""

    def check_mode(self, level: str) -> None:
        """Refuse to select annotations with what never yields any."""
        if level == "annotations" and not _may_yield_annotations(self.expr):
            raise ExpressionError(
                "it selects no annotations, so all of them would be removed",
                self.text,
                self.expr.start,
                hint="write /item/annotation[…], or choose mode items",
            )

    def selects(self, scope: Scope) -> bool:
        """Tell whether an item is selected."""
        if self._item is None:
            return truth_of(self._walk(Context(item_tree(scope).children[0], 1, 1)))
        if not self._item(None, scope):
            return False
        test = self._annotation
        return test is None or any(test(a, scope) for a in scope.item.annotations)

    def kept(self, scope: Scope) -> Sequence[Annotation]:
        """Return the selected annotations."""
        annotations = scope.item.annotations
        test = self._annotation
        if self._item is None or test is None:
            found = self._walk(Context(item_tree(scope).children[0], 1, 1))
            origins = {node.origin for node in found}
            return [a for number, a in enumerate(annotations) if number in origins]
        if not self._item(None, scope):
            return ()
        return [a for a in annotations if test(a, scope)]

    def clauses(self) -> list[Clause]:
        """Return the expression and the parts of its predicates."""
        found = [Clause(self.text, 0, "items", lambda scope: int(self.selects(scope)))]
        if _may_yield_annotations(self.expr):
            found.append(Clause(self.text, 0, "annotations", lambda scope: len(self.kept(scope))))
        for predicate in self._item_predicates:
            found += self._parts(predicate, 1, "items", _items)
        for predicate in self._annotation_predicates or ():
            found += self._parts(predicate, 1, "annotations", _annotations)
        return found

    def _parts(
        self, expr: Expr, depth: int, of: str, nodes: Callable[[Scope], list[Node]]
    ) -> Iterator[Clause]:
        value = walk(expr)
        position = type_of(expr) == "number"

        def count(scope: Scope) -> int:
            found = nodes(scope)
            results = (value(Context(node, at, len(found))) for at, node in enumerate(found, 1))
            return sum(r == at if position else truth_of(r) for at, r in enumerate(results, 1))

        yield Clause(self.text[expr.start : expr.stop], depth, of, count)
        inner: tuple[Expr, ...] = ()
        if isinstance(expr, Logic):
            inner = expr.parts
        elif isinstance(expr, Call) and expr.name == "not":
            inner = expr.arguments
        for part in inner:
            yield from self._parts(part, depth + 1, of, nodes)


def _items(scope: Scope) -> list[Node]:
    return item_tree(scope).children


def _annotations(scope: Scope) -> list[Node]:
    return item_tree(scope).children[0].named("annotation")


def _absolute(expr: Expr) -> Iterator[Path]:
    """Yield the absolute paths of an expression that are no part of a predicate."""
    if isinstance(expr, Path) and expr.absolute:
        yield expr
    elif isinstance(expr, Filtered):
        yield from _absolute(expr.base)
    elif isinstance(expr, Logic | Union):
        for part in expr.parts:
            yield from _absolute(part)
    elif isinstance(expr, Call):
        for argument in expr.arguments:
            yield from _absolute(argument)


def _last_step(expr: Expr) -> Step | None:
    if isinstance(expr, Path | Filtered) and expr.steps:
        return expr.steps[-1]
    return _last_step(expr.base) if isinstance(expr, Filtered) else None


def _may_yield_annotations(expr: Expr) -> bool:
    if isinstance(expr, Union):
        return any(_may_yield_annotations(part) for part in expr.parts)
    step = _last_step(expr)
    return step is not None and (
        step.test in ("annotation", "*", "node()") and step.axis != "attribute"
    )


Predicates = tuple[Expr, ...]


def _item_and_annotation(expr: Expr) -> tuple[Predicates, Predicates | None] | None:
    """Return the predicates of ``/item[…]`` and of ``/item[…]/annotation[…]``, else None."""
    if not isinstance(expr, Path) or not expr.absolute:
        return None
    steps = [(step.axis, step.test) for step in expr.steps]
    item, annotation = ("child", "item"), ("child", "annotation")
    if steps == [item]:
        return expr.steps[0].predicates, None
    if steps == [item, annotation]:
        return expr.steps[0].predicates, expr.steps[1].predicates
    return None
