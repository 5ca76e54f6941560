from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.categories import (
    Categories,
    GrowingLabels,
    LabelCategory,
    LabelGroup,
    PointsCategory,
)

SKELETON = Categories(
    labels=(
        LabelCategory("person"),
        LabelCategory("eye", "person"),
        LabelCategory("nose", "person"),
        LabelCategory("dog", "animal"),
        LabelCategory("eye"),
    ),
    points={0: PointsCategory(("eye", "nose"), ((0, 1),))},
)


def test_labels_from_names():
    categories = Categories.from_names(["b", "a"])
    assert categories.names == ["b", "a"]
    assert categories.index("a") == 1
    assert categories.index("c") is None
    assert categories.index("") is None


def test_equal_names_are_told_apart_by_their_parents():
    assert SKELETON.index("eye") == 1
    assert SKELETON.index("eye", "person") == 1
    assert SKELETON.index("eye", "") == 4
    assert SKELETON.index("eye", "dog") is None


def test_names_of_keypoints_are_no_classes_of_objects():
    assert [SKELETON.is_joint(n) for n in range(5)] == [False, True, True, False, False]
    assert SKELETON.object_labels() == [0, 3, 4]
    assert Categories.from_names(["a", "b"]).object_labels() == [0, 1]


def test_changing_labels_leaves_the_original():
    changed = SKELETON.with_labels([LabelCategory("x")])
    assert changed.names == ["x"]
    assert changed.points == SKELETON.points
    assert len(SKELETON.labels) == 5


def test_merging_keeps_indices_of_the_first_and_moves_the_second():
    first = Categories(
        labels=(LabelCategory("a"), LabelCategory("b", "o")),
        attributes=("x",),
        colors={0: (1, 1, 1)},
        groups=(LabelGroup("g"),),
    )
    second = Categories(
        labels=(LabelCategory("c"), LabelCategory("a"), LabelCategory("b", "p")),
        attributes=("x", "y"),
        colors={0: (2, 2, 2), 1: (3, 3, 3)},
        points={2: PointsCategory(("q",))},
        groups=(LabelGroup("g"), LabelGroup("h")),
    )
    union, moved = first.merged(second)
    assert [(lab.name, lab.parent) for lab in union.labels] == [
        ("a", ""),
        ("b", "o"),
        ("c", ""),
        ("b", "p"),
    ]
    assert moved == {0: 2, 1: 0, 2: 3}
    assert union.colors == {0: (1, 1, 1), 2: (2, 2, 2)}
    assert union.points == {3: PointsCategory(("q",))}
    assert union.attributes == ("x", "y")
    assert [g.name for g in union.groups] == ["g", "h"]
    assert first.colors == {0: (1, 1, 1)}


@pytest.mark.parametrize(
    ("first", "second", "union"),
    [
        ([("a", "")], [("a", "p")], [("a", "p")]),
        ([("a", "p")], [("a", "")], [("a", "p")]),
        ([("a", "p")], [("a", "q")], [("a", "p"), ("a", "q")]),
        ([("a", "p"), ("a", "q")], [("a", "")], [("a", "p"), ("a", "q"), ("a", "")]),
        ([("a", "")], [("a", "p"), ("a", "q")], [("a", ""), ("a", "p"), ("a", "q")]),
        ([("p", ""), ("k", "p")], [("k", "")], [("p", ""), ("k", "p"), ("k", "")]),
        ([("k", "")], [("p", ""), ("k", "p")], [("k", ""), ("p", ""), ("k", "p")]),
    ],
)
def test_a_parent_that_nobody_states_may_be_that_of_the_other(first, second, union):
    """``k`` is a keypoint of ``p``, and therefore no class."""
    points = PointsCategory(("k",))
    sides = []
    for pairs in (first, second):
        own = {pairs.index(("p", "")): points} if ("p", "") in pairs else {}
        sides.append(Categories(labels=tuple(LabelCategory(*pair) for pair in pairs), points=own))
    found, moved = sides[0].merged(sides[1])
    assert [(label.name, label.parent) for label in found.labels] == union
    assert [found.labels[moved[n]].name for n in range(len(second))] == [n for n, _ in second]


NAMES = st.lists(st.text(max_size=3), unique=True, max_size=6)


@given(NAMES, NAMES)
def test_merging_loses_no_label(first, second):
    union, moved = Categories.from_names(first).merged(Categories.from_names(second))
    assert union.names[: len(first)] == first
    assert sorted(union.names) == sorted({*first, *second})
    assert [union.names[moved[n]] for n in range(len(second))] == second


def test_merging_with_itself_changes_nothing():
    union, moved = SKELETON.merged(SKELETON)
    assert union == SKELETON
    assert moved == {n: n for n in range(5)}


@pytest.mark.parametrize("cls", [Categories, LabelCategory, PointsCategory])
def test_categories_do_not_change(cls):
    value = cls("x") if cls is LabelCategory else cls()
    with pytest.raises(AttributeError):
        value.labels = ()


def test_attributes_of_labels_that_meet_are_joined():
    first = Categories(labels=(LabelCategory("cat", attributes=("age", "fur")),))
    second = Categories(labels=(LabelCategory("cat", attributes=("fur", "tail")),))
    union, moved = first.merged(second)
    assert union.labels == (LabelCategory("cat", attributes=("age", "fur", "tail")),)
    assert moved == {0: 0}


def test_labels_that_grow():
    stated = Categories.from_names(["a", "b", "a"])
    labels = GrowingLabels(stated)
    assert [labels.number(name) for name in ("c", "a", "b", "d", "c")] == [3, 0, 1, 4, 3]
    assert labels.categories().names == ["a", "b", "a", "c", "d"]
    assert stated.names == ["a", "b", "a"]
