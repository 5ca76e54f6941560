from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsk.flow import packed, slices, spans

COUNTS = st.lists(st.integers(0, 40), max_size=6)


@given(COUNTS, st.integers(1, 20))
def test_partitions_hold_each_element_once_and_in_order(counts, size):
    whole = [(number, n) for number, count in enumerate(counts) for n in range(count)]
    cut = slices(counts, size)
    assert [(number, n) for number, start, stop in cut for n in range(start, stop)] == whole
    assert all(0 < stop - start <= size for _, start, stop in cut)
    together = packed(counts, size)
    assert [
        (k, n) for part in together for k, first, end in part for n in range(first, end)
    ] == whole
    filled = [sum(stop - start for _, start, stop in part) for part in together]
    assert all(count == size for count in filled[:-1])
    assert all(0 < count <= size for count in filled[-1:])


def test_one_list_has_no_number():
    assert spans(5, 2) == [(0, 2), (2, 4), (4, 5)]
    assert spans(0) == []
    assert spans(1025) == [(0, 1024), (1024, 1025)]
