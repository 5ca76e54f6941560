"""What both languages of the filter compile to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dsk.annotations import Annotation
    from dsk_transforms.filtering.values import Labels, Scope

__all__ = ["Clause", "Query"]


class Clause(NamedTuple):
    """A part of an expression that is true or false by itself.

    Attributes:
        text: The part as written.
        depth: How deep it is nested; 0 is the whole.
        of: "items" or "annotations": what it is asked about.
        count: Returns of how many of an item's annotations, or of 1 item, it is true.
    """

    text: str
    depth: int
    of: str
    count: Callable[[Scope], int]


class Query(ABC):
    """A compiled expression.

    Attributes:
        level: "items" or "annotations": what it removes unless the user says otherwise.
        warnings: What looks wrong about it once the labels are known.
    """

    level: str = "items"
    warnings: Sequence[str] = ()

    @abstractmethod
    def bind(self, labels: Labels) -> None:
        """Take note of the dataset's labels; called before anything is asked."""

    def check_mode(self, level: str) -> None:
        """Refuse a level ("items" or "annotations") that makes no sense for the expression.

        Raises:
            ExpressionError: It cannot select what it is to select.
        """

    @abstractmethod
    def selects(self, scope: Scope) -> bool:
        """Tell whether an item is selected."""

    @abstractmethod
    def kept(self, scope: Scope) -> Sequence[Annotation]:
        """Return the selected annotations of an item, in their order."""

    @abstractmethod
    def clauses(self) -> list[Clause]:
        """Return the parts of the expression, the whole first; after ``bind``."""
