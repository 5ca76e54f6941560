"""Masks that are painted into one map."""

from __future__ import annotations

import numpy as np
import pytest

from dsk.annotations import Mask, Rle
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.masks import area
from dsk.painting import drawable, report_background, report_covered
from dsk.rle import from_dense

SOLID = Mask(from_dense(np.ones((2, 3), bool)), id=4)


def test_a_mask_says_its_size_and_runs():
    counts, size = drawable(SOLID)
    assert (area(counts), size) == (6, (2, 3))
    assert drawable(SOLID, (2, 3))[1] == (2, 3)


@pytest.mark.parametrize(
    ("mask", "size", "why"),
    [
        (Mask(from_dense(np.zeros((2, 3), bool))), None, "empty mask"),
        (SOLID, (3, 2), "mask of another size than the map of its image"),
        (Mask(Rle((2, 3), [1, 2])), None, "mask: "),
    ],
)
def test_what_cannot_be_painted_says_why(mask, size, why):
    with pytest.raises(ValueError, match=why):
        drawable(mask, size)


@pytest.mark.parametrize(("seen", "code"), [(6, None), (2, "DSK-L006"), (0, "DSK-L017")])
def test_hidden_pixels_are_reported(seen, code):
    ledger = Ledger()
    report_covered(SOLID, drawable(SOLID)[0], seen, DatasetItem("a"), ledger)
    assert [e.code for e in ledger.events.values()] == ([code] if code else [])


@pytest.mark.parametrize(("seen", "count"), [([2, 4], 0), ([2, 3], 1), ([0], 1)])
def test_a_background_that_grows_is_reported(seen, count):
    ledger = Ledger()
    report_background([SOLID], seen, (2, 3), DatasetItem("a"), ledger)
    assert [e.code for e in ledger.events.values()] == ["DSK-L007"] * count
