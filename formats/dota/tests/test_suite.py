"""What every format must be able to do."""

from __future__ import annotations

from typing import ClassVar

from dsk.testing import FormatSuite


class TestDota(FormatSuite):
    format = "dota"
    kinds = ("rotated_bbox",)
    tolerance = 0.02
    added_attributes: ClassVar = {"difficulty": 0}
    unheld_labels = frozenset({"spaces", "words", "punctuation"})
    ignore = frozenset({"label_order", "labels"})  # without dataset_meta.json, those that occur
    expected_losses = frozenset({"DSK-L007"})  # two digits behind the point
