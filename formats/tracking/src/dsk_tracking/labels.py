"""Lists of labels, one a line: the number of a class is that of its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.categories import Categories, GrowingLabels
from dsk.names import NO_LINE, fit_labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["joined", "line_names", "read_lines"]


def read_lines(root: InputRoot, name: str) -> list[str]:
    """Return a file's labels, class 1 first; a blank line between others is a class, too.

    Raises:
        InputError: It is not UTF-8.
    """
    text = root.text(name).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.strip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return [line or f"class_{number}" for number, line in enumerate(lines, 1)]


def joined(lists: Iterable[Categories]) -> GrowingLabels:
    """Return the labels of several lists as one, in the order in which they come."""
    union = Categories()
    for labels in lists:
        union, _ = union.merged(labels)
    return GrowingLabels(union)


def line_names(categories: Categories, ledger: Ledger) -> list[str]:
    """Return the labels as a list of lines can hold them; what that changes is reported."""
    return fit_labels(categories.names, NO_LINE, ledger)
