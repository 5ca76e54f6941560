"""The transform ``filter``: what it removes in which mode, and what it reports."""

from __future__ import annotations

import pickle
from typing import ClassVar

import pytest

from dsk.annotations import Bbox, Caption
from dsk.dataset import Dataset
from dsk.errors import DskWarning, OptionError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.testing import TransformSuite
from dsk_transforms.filtering.errors import ExpressionError
from dsk_transforms.filtering.filter import Filter, parse_mode


class TestFilterAnnotations(TransformSuite):
    name = "filter"
    options: ClassVar = {"expression": 'label == "cat" or label == none'}


class TestFilterItems(TransformSuite):
    name = "filter"
    options: ClassVar = {"expression": 'subset == "train" and count(label == "cat") < 100'}


class TestFilterBoth(TransformSuite):
    name = "filter"
    options: ClassVar = {"expression": "area > 100", "mode": "i+a"}


class TestXPathItems(TransformSuite):
    name = "filter"
    options: ClassVar = {"expression": '/item[annotation/label="cat"]'}


class TestXPathAnnotations(TransformSuite):
    name = "filter"
    options: ClassVar = {"expression": '//annotation[label="cat" or area > 10]', "mode": "a"}


class TestXPathWalked(TransformSuite):
    name = "filter"
    options: ClassVar = {"expression": "/item/annotation[position() < 3]", "mode": "annotations"}


def dataset():
    return Dataset.from_iterable(
        [
            DatasetItem("a", "train", annotations=[Bbox(0, 0, 9, 9, label=0, id=1)]),
            DatasetItem(
                "b",
                "train",
                annotations=[Bbox(0, 0, 1, 1, label=0, id=2), Bbox(0, 0, 2, 2, label=1, id=3)],
            ),
            DatasetItem("c", "val", annotations=[Bbox(0, 0, 3, 3, label=1, id=4)]),
            DatasetItem("d", "val"),
        ],
        categories=["cat", "dog"],
    )


def outcome(expression, **options):
    """Return ids of items and annotations that are left, and what is reported."""
    ledger = Ledger()
    items = list(dataset().filter(expression, **options).read(ledger))
    left = {item.id: [a.id for a in item.annotations] for item in items}
    assert sum(map(len, left.values())) == ledger.report().annotations["out"]
    return left, {(e.code, e.count) for e in ledger.events.values()}


ALL = {"a": [1], "b": [2, 3], "c": [4], "d": []}


@pytest.mark.parametrize(
    ("expression", "options", "left", "events"),
    [
        ('label == "cat"', {}, {"a": [1], "b": [2], "c": [], "d": []}, {("DSK-L019", 2)}),
        (
            'label == "cat"',
            {"mode": "i+a"},
            {"a": [1], "b": [2]},
            {("DSK-L019", 1), ("DSK-L020", 2)},
        ),
        (
            'label == "cat"',
            {"remove_empty": True},
            {"a": [1], "b": [2]},
            {("DSK-L019", 1), ("DSK-L020", 2)},
        ),
        (
            'label == "cat"',
            {"mode": "items"},
            {"a": [1], "b": [2, 3]},
            {("DSK-L019", 1), ("DSK-L020", 2)},
        ),
        ('subset == "train"', {}, {"a": [1], "b": [2, 3]}, {("DSK-L019", 1), ("DSK-L020", 2)}),
        (
            'subset == "train"',
            {"mode": "annotations"},
            {"a": [1], "b": [2, 3], "c": [], "d": []},
            {("DSK-L019", 1)},
        ),
        (
            "count() == 2",
            {"mode": "annotations"},
            {"a": [], "b": [2, 3], "c": [], "d": []},
            {("DSK-L019", 2)},
        ),
        ("area > 0", {}, ALL, set()),
        ("count() >= 0", {}, ALL, set()),
        (
            '/item/annotation[label="cat"]',
            {},
            {"a": [1], "b": [2, 3]},
            {("DSK-L019", 1), ("DSK-L020", 2)},
        ),
        (
            '/item/annotation[label="cat"]',
            {"mode": "a"},
            {"a": [1], "b": [2], "c": [], "d": []},
            {("DSK-L019", 2)},
        ),
        (
            '/item[subset="train"]/annotation[label!="cat"]',
            {"mode": "items+anno"},
            {"b": [3]},
            {("DSK-L019", 3), ("DSK-L020", 3)},
        ),
        ("//annotation[last()]", {"mode": "a"}, {**ALL, "b": [3]}, {("DSK-L019", 1)}),
    ],
)
def test_what_is_left_and_reported(expression, options, left, events):
    found, reported = outcome(expression, **options)
    assert found == left
    by_code = {code: sum(n for c, n in reported if c == code) for code, _ in reported}
    assert set(by_code.items()) == events


def test_untouched_items_are_the_same_objects():
    data = dataset()
    before = list(data)
    after = list(data.filter('label in ("cat", "dog")', mode="i+a"))
    assert all(one is two for one, two in zip(before, after, strict=False))
    assert len(after) == 3


@pytest.mark.parametrize(
    ("mode", "removes"),
    [
        ("", set()),
        ("i", {"items"}),
        ("items", {"items"}),
        ("a", {"annotations"}),
        ("Annotations", {"annotations"}),
        ("i+a", {"items", "annotations"}),
        ("a + i", {"items", "annotations"}),
        ("items+annotations", {"items", "annotations"}),
        ("annotations+items", {"items", "annotations"}),
        ("items+anno", {"items", "annotations"}),
    ],
)
def test_modes(mode, removes):
    assert parse_mode(mode) == removes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs an expression"),
        ({"expression": "  "}, "needs an expression"),
        ({"expression": "occluded", "mode": "x"}, "no filter mode 'x'.*i\\+a"),
        ({"expression": "occluded", "mode": "i+x"}, "no filter mode"),
        ({"expression": 'subset == "a"', "remove_empty": True}, "items are filtered"),
        ({"expression": "/item", "mode": "i", "remove_empty": True}, "items are filtered"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(OptionError, match=message):
        Filter(**options)


def test_an_expression_that_selects_no_annotations_is_refused():
    with pytest.raises(ExpressionError, match="selects no annotations"):
        dataset().filter('/item[subset="train"]', mode="annotations")


def test_a_label_that_is_not_there_is_said_once():
    filtered = dataset().filter('label == "cta"')
    with pytest.warns(DskWarning, match="no label 'cta'; did you mean 'cat'"):
        items = list(filtered)
    assert [len(item.annotations) for item in items] == [0, 0, 0, 0]
    assert len(filtered.categories().labels) == 2  # a second warning would be an error


def test_errors_survive_processes():
    with pytest.raises(ExpressionError) as caught:
        Filter(expression="area >")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.__notes__) == (str(caught.value), caught.value.__notes__)


def test_the_number_of_items_is_said_only_when_it_is_known():
    assert dataset().filter("area > 3").header.items == 4
    assert dataset().filter("area > 3", mode="i+a").header.items is None
    assert dataset().filter('subset == "val"').header.items is None


def test_captions_without_label_are_no_cats():
    item = DatasetItem("a", annotations=[Caption("x"), Caption("y", label=0)])
    data = Dataset.from_iterable([item], categories=["cat"])
    for expression, kept in (('/item/annotation[label!="dog"]', "y"), ('label == "cat"', "y")):
        left = next(iter(data.filter(expression, mode="a"))).annotations
        assert [a.caption for a in left] == [kept]
