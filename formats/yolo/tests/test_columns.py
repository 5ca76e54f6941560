"""Boxes as columns: numbers and texts are, to the last bit, those that single rows give."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dsk.annotations import Bbox
from dsk.columns import BoxColumns
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk_yolo.rowcolumns import RowColumns
from dsk_yolo.rows import RowReader
from dsk_yolo.textcolumns import _micros, box_texts

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test depends on how busy the machine is."""

SHARES = st.one_of(
    st.floats(0, 1),
    st.builds(lambda n, d: min(n / d, 1.0), st.integers(0, 64_000), st.sampled_from([640, 64_000])),
    st.integers(0, 1_000_000).map(lambda n: (n + 0.5) / 1_000_000).filter(lambda v: v <= 1),
)


@PATIENT
@given(st.lists(SHARES, max_size=8))
@example([0.0, 1.0, 0.5e-6, 1.5e-6, 0.0015625, 0.9999995, 0.99999950000000001])
@example([2.0**-7, 3 * 2.0**-7, 5 * 2.0**-7])  # exact halves of a millionth: the even one is taken
def test_millionths_are_those_of_percent_format(values: list[float]) -> None:
    found = [f"{n // 10**6}.{n % 10**6:06d}" for n in _micros(np.array(values)).tolist()]
    assert found == [f"{value:.6f}" for value in values]


def test_texts_of_classes_of_several_digits() -> None:
    items = [DatasetItem("a", media=Image("a.jpg", size=(50, 100)))]
    boxes = np.array([[0.0, 0.0, 50.0, 25.0], [10.0, 10.0, 90.0, 40.0]])
    columns = BoxColumns(items, [0, 2], boxes, np.array([0, 1]), np.zeros(2, np.int64), {})
    texts = box_texts(columns, [7, 123])
    assert [bytes(text or b"") for text in texts] == [
        b"7 0.250000 0.250000 0.500000 0.500000\n123 0.550000 0.600000 0.900000 0.800000\n"
    ]


@pytest.mark.parametrize(
    ("size", "box", "label"),
    [
        (None, (1, 1, 2, 2), 0),
        ((0, 0), (1, 1, 2, 2), 0),
        ((10, 10), (1, 1, 20, 2), 0),
        ((10, 10), (float("nan"), 1, 2, 2), 0),
        ((10, 10), (1, 1, 2, 2), 1),
    ],
    ids=["no size", "empty image", "outside", "nan", "no class"],
)
def test_odd_items_have_no_text(
    size: tuple[int, int] | None, box: tuple[float, ...], label: int
) -> None:
    items = [
        DatasetItem("good", media=Image("a.jpg", size=(10, 10))),
        DatasetItem("odd", media=Image("b.jpg", size=size)),
    ]
    boxes = np.array([(1, 1, 2, 2), box], np.float64)
    columns = BoxColumns(items, [0, 1, 2], boxes, np.array([0, label]), np.zeros(2, np.int64), {})
    texts = box_texts(columns, [0, None])
    assert bytes(texts[0] or b"") == b"0 0.200000 0.200000 0.200000 0.200000\n"
    assert texts[1] is None


NUMBERS = st.one_of(
    SHARES.map(lambda v: f"{v:.6f}"),
    SHARES.map(repr),
    st.sampled_from(["0", "1", "-0.1", "1.5", "nan", "x", "", "1e999", ".5", "+1"]),
)
LINES = st.one_of(
    st.builds(
        lambda c, v: " ".join([c, *v]),
        st.sampled_from(["0", "1", "2", "0.0", "7"]),
        st.lists(NUMBERS, min_size=4, max_size=4),
    ),
    st.lists(NUMBERS, max_size=7).map(" ".join),
)
FILES = st.builds(
    lambda lines, end: ("\n".join(lines) + end).encode(),
    st.lists(LINES, max_size=4),
    st.sampled_from(["", "\n", "\r\n", "\n\n"]),
)


@PATIENT
@given(st.lists(FILES, min_size=1, max_size=4))
@example([b"0 0.5 0.5 0.25 0.125\n1 0.1 0.2 0.3 0.4", b"", b"9 0.5 0.5 0.5 0.5\n"])
def test_rows_are_those_of_the_reader(files: list[bytes]) -> None:
    ids, size = {0: 0, 1: 1, 2: 2}, (48, 64)
    try:
        found = RowColumns(files, [size] * len(files), ids)
    except ValueError:
        return  # read row by row
    reader = RowReader("auto", ids, {})
    ends = np.concatenate([[0], np.cumsum(found.counts)]).tolist()
    for data, usual, (start, stop) in zip(files, found.usual.tolist(), pairwise(ends), strict=True):
        if not usual:
            assert start == stop
            continue
        ledger = Ledger()
        long = reader.read(data, size, ledger, "a.txt", "a") if data else []
        assert not ledger.warnings
        rows = zip(found.boxes[start:stop].tolist(), found.labels[start:stop].tolist(), strict=True)
        assert [Bbox(*box, label=label) for box, label in rows] == long


def test_a_file_of_usual_rows_is_usual() -> None:
    files = [b"0 0.5 0.5 0.25 0.125\n1 0.1 0.2 0.3 0.4", b"0 0.5 0.5 0.5 0.5\n", None, b"7 1 1 1 1"]
    found = RowColumns(files, [(48, 64)] * 3 + [None], {0: 0, 1: 1})
    assert found.usual.tolist() == [True, True, True, False]
    assert found.counts.tolist() == [2, 1, 0, 0]
    assert found.labels.tolist() == [0, 1, 0]
