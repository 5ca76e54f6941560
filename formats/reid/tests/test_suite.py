"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import ClassVar

from dsk.testing import FormatSuite


class TestMarket1501(FormatSuite):
    format = "market1501"
    expected_losses = frozenset({"DSK-L001", "DSK-L010"})  # it holds no annotations, no labels
    item_attributes: ClassVar = {}


class TestMars(FormatSuite):
    """Read only; see test_names.py."""

    format = "mars"
