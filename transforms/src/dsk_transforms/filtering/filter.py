"""The transform ``filter``: removes the items or annotations that an expression does not select."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.categories import Categories
from dsk.errors import DskWarning, OptionError
from dsk.flow import Transform
from dsk_transforms.filtering.expression_query import ExpressionQuery
from dsk_transforms.filtering.values import Labels, Scope
from dsk_transforms.filtering.xpath_query import XPathQuery

if TYPE_CHECKING:
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.filtering.query import Query

__all__ = ["Filter", "compile_query", "is_xpath", "parse_mode"]

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_XPATH = re.compile(r"(?:^|[(,=<>|!]|\b(?:and|or))\s*/|//|::|@|\b(?:item|annotation)\s*[\[/]")
"""A path from the root, or a sign that only an XPath has."""


def is_xpath(expression: str) -> bool:
    """Tell whether an expression is an XPath rather than of the filter's own language."""
    return _XPATH.search(_QUOTED.sub('""', expression.strip())) is not None


def compile_query(expression: str) -> Query:
    """Compile an expression of either language.

    Raises:
        ExpressionError: It is malformed.
    """
    return XPathQuery(expression) if is_xpath(expression) else ExpressionQuery(expression)


def parse_mode(mode: str) -> frozenset[str]:
    """Return what a mode removes: "items", "annotations" or both; nothing for "".

    ``i``, ``items``, ``a``, ``annotations`` and any of ``i+a``; words may be shortened.

    Raises:
        OptionError: It is none of these.
    """
    found = set()
    for word in filter(None, re.split(r"\s*\+\s*", mode.strip().lower())):
        names = [name for name in ("items", "annotations") if name.startswith(word)]
        if not names:
            hint = "one of: items (i), annotations (a), items+annotations (i+a)"
            raise OptionError(f"there is no filter mode {mode!r}", hint=hint)
        found.update(names)
    return frozenset(found)


class Filter(Transform):
    """Keeps what an expression selects.

    Args:
        expression: An XPath on the XML view of an item, or an expression of the filter's own
            language.
        mode: What is removed: "items", "annotations", or "items+annotations": annotations, and
            items that have none left. When not given: "annotations" if an expression of the own
            language asks for facts about single annotations, else "items".
        remove_empty: Remove items that have no annotations left, too.

    Raises:
        ExpressionError: The expression is malformed or does not fit the mode.
        OptionError: There is no such mode, or nothing that ``remove_empty`` could mean.
    """

    def __init__(self, *, expression: str = "", mode: str = "", remove_empty: bool = False) -> None:
        if not expression.strip():
            raise OptionError("a filter needs an expression", hint="-e 'label == \"cat\"'")
        self._options = {"expression": expression, "mode": mode, "remove_empty": remove_empty}
        self._query = compile_query(expression)
        removes = parse_mode(mode) or {self._query.level}
        self._annotations = "annotations" in removes
        self._empty = self._annotations and ("items" in removes or remove_empty)
        if remove_empty and not self._annotations:
            raise OptionError(
                "remove_empty is about items that lose their annotations, but items are filtered",
                hint="choose mode annotations",
            )
        self._query.check_mode("annotations" if self._annotations else "items")
        self._categories = Categories()
        self._bind()
        self._warned: frozenset[str] = frozenset()

    def _bind(self) -> None:
        self._labels = Labels(self._categories)
        if self._categories.labels:
            self._query.bind(self._labels)

    def __getstate__(self) -> dict[str, Any]:
        return {**self._options, "categories": self._categories, "warned": self._warned}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._categories, self._warned = Categories(), frozenset()
        categories, warned = state.pop("categories"), state.pop("warned")
        Filter.__init__(self, **state)
        self._categories, self._warned = categories, warned
        self._bind()

    def header(self, header: Header) -> Header:
        """Note the labels; the number of items is no longer known when items may go."""
        self._categories = header.categories
        self._bind()
        for message in set(self._query.warnings) - self._warned:
            warnings.warn(message, DskWarning, stacklevel=2)
        self._warned |= set(self._query.warnings)
        if self._annotations and not self._empty:
            return header
        return replace(header, items=None)

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | None:
        """Keep the item, a copy with fewer annotations, or nothing of it."""
        scope = Scope(item, self._labels, ledger)
        if not self._annotations:
            return item if self._query.selects(scope) else None
        kept = self._query.kept(scope)
        gone = len(item.annotations) - len(kept)
        if not kept and self._empty:
            return None
        if not gone:
            return item
        what = "annotations removed by the filter"
        ledger.add_at("DSK-L019", what, item, count=gone)
        return item.replace(annotations=kept)

    def scope(self, item: DatasetItem, ledger: Ledger) -> Scope:
        """Return what the expression's clauses are asked about."""
        return Scope(item, self._labels, ledger)

    @property
    def query(self) -> Query:
        """The compiled expression."""
        return self._query
