"""Labels that nothing names: they are called after their numbers."""

from __future__ import annotations

from dsk.categories import Categories
from dsk.errors import LimitError

__all__ = ["numbered"]

_MOST = 1 << 22
"""No dataset has as many labels; a damaged number may be any, and each label takes memory."""


def numbered(highest: int, where: str, *, prefix: str = "class-", least: int = 0) -> Categories:
    """Return labels called after the numbers up to the highest one.

    Args:
        highest: The highest number in use, -1 if there is none.
        where: The dataset, for messages.
        prefix: What their names begin with.
        least: How many there are at least.

    Raises:
        LimitError: There would be too many.
    """
    if highest >= _MOST:
        raise LimitError(
            f"label number {highest} is too high: there would be as many labels",
            where=where,
            hint="is it damaged? A file of label names tells which numbers are right",
        )
    return Categories.from_names(f"{prefix}{n}" for n in range(max(least, highest + 1)))
