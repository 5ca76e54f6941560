"""How much masks of volumes overlap."""

from __future__ import annotations

import numpy as np
import pytest

from dsk.annotations import Bbox, Mask3d
from dsk.item import DatasetItem
from dsk.matching import matched
from dsk.media import Volume
from dsk.solids import placed, solid_overlaps

RNG = np.random.default_rng(7)
RAS = (1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)
LPS_SLICES_FIRST = (0.0, 0, -1, 4, 0, -1, 0, 4, 2, 0, 0, 0, 0, 0, 0, 1)


def pairs(first, second, least=0.01):
    annotations = [*first, *second]
    sides = [0] * len(first) + [1] * len(second)
    return list(solid_overlaps(annotations, sides, least))


def share(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 7, 1), (3, 4), (60,)])
def test_overlaps_are_those_of_voxels(shape, order):
    volumes = [np.array(RNG.integers(0, 4, shape), order=order) for _ in range(2)]
    solids = [[Mask3d(v, n) for n in (1, 2, 3)] + [Mask3d(v)] for v in volumes]
    dense = [[v == 1, v == 2, v == 3, v != 0] for v in volumes]
    found = {(n, m - 4): value for n, m, value in pairs(*solids)}
    expected = {
        (n, m): share(a, b)
        for n, a in enumerate(dense[0])
        for m, b in enumerate(dense[1])
        if (a & b).any() and share(a, b) >= 0.01
    }
    assert found == pytest.approx(expected)


def test_solids_apart_are_no_pairs_however_their_rows_run():
    one, two = np.zeros((2, 8, 8, 8), bool)
    one[1:3, 2:4, 5:], two[1:3, 2:4, :3] = True, True
    assert pairs([Mask3d(one)], [Mask3d(two)]) == []
    two[2, 3, 5] = True
    ((_, _, value),) = pairs([Mask3d(one)], [Mask3d(two)])
    assert value == pytest.approx(share(one, two))


def test_solids_that_run_over_the_ends_of_rows():
    whole, part = np.ones((3, 4, 5), np.uint8), np.zeros((3, 4, 5), np.uint8)
    part[0, 0, 4] = part[0, 1, 0] = 1
    ((_, _, value),) = pairs([Mask3d(whole)], [Mask3d(part)])
    assert value == pytest.approx(2 / 60)


def test_empty_masks_and_other_sizes():
    none = np.zeros((2, 3, 4), np.int16)
    assert pairs([Mask3d(none, 1)], [Mask3d(none.copy(), 2)]) == [(0, 1, 1.0)]
    assert pairs([Mask3d(none, 1)], [Mask3d(none[1:], 1)]) == []
    assert pairs([Mask3d(none, 0)], [Mask3d(none, 1), Mask3d(none, 0)]) == [(0, 2, 1.0)]
    assert pairs([Mask3d(none[:0], 1)], [Mask3d(none[:0], 1)]) == [(0, 1, 1.0)]


def test_volumes_are_not_read_for_nothing():
    class Unread:
        def __getitem__(self, where):
            raise AssertionError

    unread = Mask3d(Unread(), 1)
    assert pairs([unread, unread], [Bbox(1, 2, 3, 4)]) == []


def test_volumes_of_other_orientation_are_turned():
    here = RNG.integers(0, 3, (4, 5, 6))
    there = np.flip(here, (0, 1)).transpose(2, 1, 0)
    sides = []
    for affine, source in ((RAS, here), (LPS_SLICES_FIRST, there)):
        media = Volume("x", shape=source.shape, affine=affine)
        sides.append(placed(DatasetItem("a", media=media, annotations=[Mask3d(source, 1)])))
    assert pairs(*sides) == [(0, 1, 1.0)]
    assert pairs([Mask3d(here, 1)], sides[1]) == []  # nobody knows where that one is


def test_what_says_where_it_is_stays():
    own = Mask3d(None, 1, affine=LPS_SLICES_FIRST)
    box = Bbox(1, 2, 3, 4)
    item = DatasetItem("a", media=Volume("x", shape=(1, 1, 1), affine=RAS), annotations=[own, box])
    assert placed(item) == [own, box]


def test_masks_of_volumes_are_matched():
    here = np.zeros((4, 4, 4), np.uint8)
    here[:2], here[2:] = 1, 2
    swapped = 3 - here
    first = [("a", Mask3d(here, 1)), ("b", Mask3d(here, 2))]
    second = [("a", Mask3d(swapped, 1)), ("b", Mask3d(swapped, 2))]
    assert matched(first, second, 0.5) == [(0, 1, 1.0), (1, 0, 1.0)]
    assert matched(first, [("a", Mask3d(np.roll(here, 1, 2), 1))], 0.5) == [(0, 0, 1.0)]
