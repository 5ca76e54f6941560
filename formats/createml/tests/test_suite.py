"""What every format must be able to do, for both of this package."""

from __future__ import annotations

from dsk.testing import FormatSuite


class TestCreateMl(FormatSuite):
    format = "create_ml"
    kinds = ("bbox",)
    ignore = frozenset({"label_order", "labels"})  # without dataset_meta.json, those that occur
    expected_losses = frozenset({"DSK-L010"})


class TestClasses(FormatSuite):
    format = "multiclass_csv"


class TestBoxes(FormatSuite):
    format = "tensorflow_csv"
    kinds = ("bbox",)
    ignore = frozenset({"label_order", "labels"})  # without dataset_meta.json, those that occur
    expected_losses = frozenset({"DSK-L008", "DSK-L010"})
