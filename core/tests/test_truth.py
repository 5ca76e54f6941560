"""Truth values in the words of many formats."""

from __future__ import annotations

import pytest

from dsk.truth import truth_of


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "true", " True ", "YES", "y", "t"])
def test_true(value: object) -> None:
    assert truth_of(value) is True


@pytest.mark.parametrize("value", [False, 0, 0.0, None, "", "0", "false", "No", "n", "F", "none"])
def test_false(value: object) -> None:
    assert truth_of(value) is False


@pytest.mark.parametrize("value", [2, -1, 0.5, "2", "maybe", "truck", [], float("nan")])
def test_neither(value: object) -> None:
    assert truth_of(value) is None
