"""The quick way of writing rows gives exactly what looking at every value gives."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from dsk.annotations import Bbox
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk_tracking.numbering import Numbers
from dsk_tracking.writing import RowWriter

TRACKS = st.one_of(
    st.integers(-2, 5),
    st.sampled_from([True, 1.0, 1.5, "3", " 4 ", "car", "", None, 1 << 31, (1 << 31) - 1]),
)
VALUES = {
    "track_id": TRACKS,
    "visibility": st.sampled_from([0, 1, 0.0, 0.25, 1.0, 1.5, -1.0, "0.5", "x", None, True]),
    "occluded": st.sampled_from([True, False, 0, 1, "true", "maybe", None]),
    "ignored": st.sampled_from([True, False, 0, 1, "yes", "maybe", None]),
    "other": st.just("x"),
}
PLACES = st.one_of(st.integers(-5, 2000), st.floats(-5, 2000), st.sampled_from([-0.0, 1e16, 1e-7]))


@st.composite
def boxes(draw: st.DrawFn) -> Bbox:
    """Return a box whose attributes are plain or odd."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True))
    attributes = {name: draw(VALUES[name]) for name in names}
    place = [draw(PLACES) for _ in range(4)]
    label = draw(st.sampled_from([None, 0, 12]))
    return Bbox(*place, label=label, object_id=draw(st.integers(-1, 4)), attributes=attributes)


def expected(writer: RowWriter, item: DatasetItem, numbers: Numbers) -> list[list[str]]:
    """Return the cells of the rows, every value looked at."""
    found = []
    for box in item.annotations:
        track = writer._track(box, item, numbers)
        considered, seen = writer._flags(box, item)
        label = -1 if box.label is None else box.label + 1
        place = [repr(v) for v in (box.x, box.y, box.w, box.h)]
        found.append(["7", track, *place, str(int(considered)), str(label), repr(seen)])
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(boxes(), max_size=4))
def test_rows(annotations):
    item = DatasetItem("7", annotations=annotations)
    quick, slow = Ledger(), Ledger()
    numbers, others = Numbers(names={}), Numbers(names={})
    text, count = RowWriter(quick)(item, 7, numbers)
    rows = [line.split(",") for line in text.splitlines()]
    wanted = expected(RowWriter(slow), deepcopy(item), others)
    assert count == len(rows) == len(wanted)
    for row, cells in zip(rows, wanted, strict=True):
        assert (row[:2], row[6:8]) == (cells[:2], cells[6:8])
        numbers_of = [[float(v) for v in (*r[2:6], r[8])] for r in (row, cells)]
        assert numbers_of[0] == numbers_of[1]
    assert numbers == others
    assert (quick.events, quick.warnings) == (slow.events, slow.warnings)
