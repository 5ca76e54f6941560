"""Keeping the cyclic collector out of work that makes millions of objects."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["collect_young", "collector_off"]


@contextmanager
def collector_off() -> Iterator[None]:
    """Switch the collector off: indices and items hold no cycles, it would scan them all."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect_young() -> None:
    """Free what a library left in cycles, for loops over its objects while the collector is off.

    Only what was made since the last call is looked at.
    """
    gc.collect(0)
