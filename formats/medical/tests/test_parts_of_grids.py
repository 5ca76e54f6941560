"""Masks that are kept only as large as what is in them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsk_medical.volume import geometry
from dsk_medical.volume.align import PaddedVolume, cropped, place
from dsk_medical.volume.arrays import ArrayView

WHOLE = (6, 5, 7)
GRID = np.array([[-0.75, 0, 0, 40.0], [0, 0.75, 0, -30.0], [0, 0, 2.5, 7.0], [0, 0, 0, 1]])

part = st.one_of(st.integers(0, 4), *(st.slices(n) for n in (5, 7)))


def box(start, size):
    mask = np.zeros(WHOLE, np.uint8)
    mask[tuple(slice(n, n + s) for n, s in zip(start, size, strict=True))] = 1
    return mask


@settings(deadline=None)
@given(
    st.tuples(*(st.integers(0, n - 1) for n in WHOLE)),
    st.tuples(*(st.integers(0, 3) for _ in WHOLE)),
    st.tuples(part, part, part),
)
def test_a_cropped_mask_reads_as_the_whole(start, size, key):
    mask = box(start, size)
    kept = cropped(mask)
    assert all(a <= max(b, 1) for a, b in zip(kept.base.shape, size, strict=True))
    assert np.array_equal(kept[key], mask[key])
    assert np.array_equal(np.stack(list(kept.slices()), axis=-1), mask)
    assert np.array_equal(np.concatenate(list(kept.blocks()), axis=-1), mask)


def test_a_cropped_mask_takes_a_bit_for_a_voxel():
    mask = np.zeros((64, 64, 64), np.uint8)
    mask[:40, 3:43, 7:47] = 1
    kept = cropped(mask)
    assert len(pickle.dumps(kept)) < 40**3 // 8 + 1000
    assert np.array_equal(np.asarray(kept), mask)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_a_part_of_a_grid_is_put_where_it_belongs_however_it_is_stored(axes, signs):
    whole = np.random.default_rng(0).integers(1, 9, WHOLE).astype(np.uint8)
    start, stop = np.array([1, 0, 2]), np.array([5, 3, 6])
    window = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    orientation = tuple(zip(axes, signs, strict=True))
    shifted = GRID.copy()
    shifted[:3, 3] = (GRID @ [*start, 1])[:3]
    piece = whole[window]
    stored = np.asarray(geometry.ReorientedVolume(ArrayView(piece), orientation))
    affine = geometry.reoriented_affine(shifted, piece.shape, orientation)
    fitted = place(ArrayView(stored), affine, GRID, WHOLE, policy="error", name="x")
    expected = np.zeros_like(whole)
    expected[window] = piece
    assert isinstance(fitted.array, PaddedVolume)
    assert np.array_equal(np.asarray(fitted.array), expected)
    assert np.array_equal(np.stack(list(fitted.array.slices()), axis=-1), expected)
