"""Numpy's files."""

from __future__ import annotations

from tokenize import TokenError

__all__ = ["DAMAGE"]

DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    MemoryError,
    TypeError,
    OverflowError,
    RecursionError,
    TokenError,
)
"""What numpy raises for damaged ``.npy`` files: it reads their headers as Python."""
