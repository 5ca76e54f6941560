"""The error of a malformed expression: one line, and a picture that points at the place."""

from __future__ import annotations

from dsk.errors import OptionError

__all__ = ["ExpressionError"]

AROUND = 50
"""Characters shown on either side of the place."""


class ExpressionError(OptionError):
    """An expression makes no sense.

    Args:
        message: What is wrong.
        text: The whole expression.
        place: Index of the character where it goes wrong.
        hint: What to write instead.

    The picture of the place is a note of the exception (PEP 678): Python shows it below the
    traceback, ``dsk`` above the error.
    """

    def __init__(self, message: str, text: str, place: int, *, hint: str = "") -> None:
        super().__init__(f"filter, column {place + 1}: {message}", hint=hint)
        self.text = text
        self.place = place
        start = max(0, place - AROUND)
        shown = "".join(c if c.isprintable() else " " for c in text[start : place + AROUND])
        more = "…" if start else ""
        self.add_note(f"  {more}{shown}\n  {' ' * (len(more) + place - start)}^")
