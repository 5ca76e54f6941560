"""Masks laid over one another, against painting pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dsk import masks, overlay
from dsk.overlay import Overlay

SIZES = st.integers(1, 24)
STACKS = st.tuples(SIZES, SIZES).flatmap(
    lambda size: hnp.arrays(np.bool_, st.integers(0, 5).map(lambda n: (n, *size)))
)


def painted(stack, table):
    """What each pixel shows, and how many pixels each mask shows."""
    top = np.zeros(stack.shape[1:], np.int64)
    for number, mask in enumerate(stack, 1):
        top[mask] = number
    return table[top], np.bincount(top.ravel(), minlength=len(stack) + 1)[1:]


@given(STACKS, st.sampled_from([np.uint8, np.uint16, np.int16, np.uint32]), st.booleans())
def test_later_masks_lie_over_earlier_ones(stack, kind, clear):
    table = np.array([0 if clear else 200, 7, 255, 0, 13, 7][: len(stack) + 1], kind)
    found = Overlay([masks.from_dense(mask) for mask in stack], stack.shape[1:])
    wanted, seen = painted(stack, table)
    assert np.array_equal(found.drawn(table), wanted)
    assert found.drawn(table).dtype == kind
    assert found.seen().tolist() == seen.tolist()


@given(STACKS, st.sampled_from([3, 4]))
def test_colors(stack, channels):
    table = np.random.default_rng(1).integers(0, 256, (len(stack) + 1, channels)).astype(np.uint8)
    found = Overlay([masks.from_dense(mask) for mask in stack], stack.shape[1:])
    assert np.array_equal(found.drawn(table), painted(stack, table)[0])


def test_many_masks_are_stacked_in_chunks(monkeypatch):
    monkeypatch.setattr(overlay, "_CHUNK", 5)
    stack = np.random.default_rng(0).random((9, 12, 17)) < 0.5
    table = np.arange(10, dtype=np.uint8)
    found = Overlay([masks.from_dense(mask) for mask in stack], (12, 17))
    assert np.array_equal(found.drawn(table), painted(stack, table)[0])


def test_masks_of_another_size_are_refused():
    with pytest.raises(ValueError, match="mask 1 is not of the label map's size"):
        Overlay([np.array([0, 6]), np.array([1, 4])], (2, 3))
