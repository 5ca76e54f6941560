from __future__ import annotations

import pickle

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dsk import descriptors
from dsk.annotations import (
    KINDS,
    Annotation,
    Bbox,
    Cuboid3d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    Rle,
    Skeleton,
    decode_rings,
)
from dsk.rle import ArrayMask, from_dense

RING = [1.0, 2.0, 3.5, 4.0, 5.0, 6.25]


def test_kinds_are_those_the_descriptors_speak_of():
    assert set(KINDS) == descriptors.ALL_KINDS
    assert all(cls.kind == kind for kind, cls in KINDS.items())


def test_defaults_of_what_all_kinds_have():
    a = Label()
    assert (a.label, a.id, a.group, a.object_id, a.z_order, a.attributes, a.extra) == (
        None,
        0,
        0,
        -1,
        0,
        {},
        None,
    )


def test_defaults_are_not_shared():
    first, second = Label(), Label()
    first.attributes["x"] = 1
    assert second.attributes == {}


@pytest.mark.parametrize("cls", KINDS.values(), ids=lambda c: c.kind)
def test_annotations_do_not_change(cls):
    a = cls(**dict.fromkeys(cls.__struct_fields__, 1))
    with pytest.raises(AttributeError):
        a.label = 2
    assert isinstance(a, Annotation)
    assert msgspec.structs.replace(a, label=5).label == 5


def test_annotations_cross_process_borders():
    for a in (
        Bbox(1, 2, 3, 4, label=1, attributes={"x": [1]}),
        Polygon(RING, (0,)),
        Mask(Rle((2, 2), b"22")),
    ):
        assert pickle.loads(pickle.dumps(a)) == a


@pytest.mark.parametrize(
    ("points", "rings"),
    [
        (RING, [RING]),
        (tuple(RING), [tuple(RING)]),
        ([RING, RING], [RING, RING]),
        ([], []),
        (Raw(b"[1, 2, 3]"), [[1, 2, 3]]),
        (Raw(b"[[1, 2], [3, 4]]"), [[1, 2], [3, 4]]),
        (Raw(b" [ \n [ 1 ] ]"), [[1]]),
        (Raw(b"[]"), []),
        (Raw(b"[[]]"), [[]]),
        (Raw(b"[-1.5e3]"), [[-1500]]),
    ],
)
def test_rings_of_an_outline(points, rings):
    assert Polygon(points).rings == rings


def test_rings_of_arrays():
    flat = np.array(RING)
    assert Polygon(flat).rings[0] is flat
    assert [list(r) for r in Polygon([flat, flat]).rings] == [RING, RING]
    assert [list(r) for r in Polygon(np.array([RING, RING])).rings] == [RING, RING]


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=8),
        min_size=1,
        max_size=4,
    )
)
def test_undecoded_rings_are_decoded_exactly(rings):
    assert decode_rings(msgspec.json.encode(rings)) == rings
    assert (
        decode_rings(memoryview(msgspec.json.format(msgspec.json.encode(rings), indent=4))) == rings
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[",
        b'["x"]',
        b"[[1], 2]",
        b"[1, [2]]",
        b"{}",
        b"null",
        b"5",
        b"[NaN]",
        b"[null]",
        b"[" * 9999,
    ],
)
def test_a_malformed_outline_is_a_value_error(text):
    with pytest.raises(ValueError, match="malformed outline"):
        decode_rings(text)


def test_boxes_tell_their_box():
    assert Bbox(1, 2, 3, 4).bbox == Ellipse(1, 2, 3, 4).bbox == (1, 2, 3, 4)


def test_masks_from_any_source():
    dense = np.array([[0, 1, 2], [1, 1, 0]])
    runs = from_dense(dense == 1)
    calls = []

    def lazy():
        calls.append(1)
        return dense

    raw = Raw(msgspec.json.encode({"size": [2, 3], "counts": runs.counts.decode()}))
    for source in (runs, raw, ArrayMask(dense, 1), ArrayMask(lazy, 1)):
        mask = Mask(source)
        assert mask.image.tolist() == (dense == 1).tolist()
    assert len(calls) == 1
    assert Mask(ArrayMask(dense)).image.sum() == 4


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b'{"size": [2]}',
        b'{"size": [2, 2], "counts": {}}',
        b"nonsense",
        b'{"size": ["a", 2], "counts": ""}',
    ],
)
def test_malformed_run_lengths_are_a_value_error(raw):
    with pytest.raises(ValueError, match="malformed run lengths"):
        Mask(Raw(raw)).rle  # noqa: B018 - the access decodes


@pytest.mark.parametrize(
    "rle",
    [
        Rle((2, 2), [1, 1]),
        Rle((2, 2), [5]),
        Rle((2, 2), [-1, 5]),
        Rle((2, 2), b"\x00"),
        Rle((-2, -2), [4]),
    ],
)
def test_run_lengths_that_do_not_fit_are_a_value_error(rle):
    with pytest.raises(ValueError, match=r"run length|dimension"):
        Mask(rle).image  # noqa: B018 - the access decodes


def test_positions_of_fields_stay():
    """Hot loops make annotations by position."""
    assert Skeleton([1.0], [2], (), (1, 2, 3, 4), 5.0).area == 5.0
    assert Points([1.0], [2], (1, 2, 3, 4)).bbox == (1, 2, 3, 4)
    assert Polygon(RING, (0,), (1, 2, 3, 4), 5.0).area == 5.0
    assert Cuboid3d((1, 2, 3), (0, 0, 1), (4, 5, 6), "+y").forward == "+y"


def test_the_label_of_a_label_needs_no_name():
    assert Label(3) == Label(label=3)
    with pytest.raises(TypeError):
        Label(3, 4)
