"""Tests to inherit, samples to convert and attacks to survive, for authors of dsk packages.

A format package's tests begin like this::

    from dsk.testing import FormatSuite

    class TestAcme(FormatSuite):
        format = "acme"

Importing this package imports nothing heavy; ``python -m dsk.testing new NAME`` starts a package.
"""

# ruff: noqa: F401 - public names are imported lazily; these imports are for type checkers
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsk.testing import attacks, samples
    from dsk.testing.compare import (
        Difference,
        assert_same_annotation,
        assert_same_dataset,
        differences,
        same_annotation,
    )
    from dsk.testing.suite import FormatSuite
    from dsk.testing.transforms import TransformSuite

_WHERE = {
    "compare": "Difference assert_same_annotation assert_same_dataset differences same_annotation",
    "suite": "FormatSuite",
    "transforms": "TransformSuite",
}
_NAMES = {name: module for module, names in _WHERE.items() for name in names.split()}
_MODULES = ("attacks", "samples")

__all__ = [  # noqa: PLE0604 - computed from the table above
    *sorted([*_NAMES, *_MODULES])
]

if not TYPE_CHECKING:  # hidden from type checkers, which would accept any attribute otherwise

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used."""
        from importlib import import_module

        if name in _MODULES:
            return import_module(f"dsk.testing.{name}")
        if name in _NAMES:
            value = getattr(import_module(f"dsk.testing.{_NAMES[name]}"), name)
            globals()[name] = value
            return value
        msg = f"module 'dsk.testing' has no attribute {name!r}"
        raise AttributeError(msg)
