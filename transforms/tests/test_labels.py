"""Labels and attributes: renamed, joined, deleted, ordered; items and annotations removed."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.annotations import Bbox, Caption, Label, Skeleton
from dsk.categories import Categories, LabelCategory, LabelGroup, PointsCategory
from dsk.dataset import Dataset
from dsk.errors import DskWarning, OptionError, UsageError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.options import parse_dashed
from dsk.registry import registry

FACES = PointsCategory(labels=("eye", "ear"))
HANDS = PointsCategory(labels=("thumb",))


def words(name, *text):
    """The options that words behind -- stand for."""
    return parse_dashed(text, registry().transform(name).options)


def dataset(*names, **facts):
    """One annotation of each label, and one without; names may be LabelCategory."""
    labels = tuple(LabelCategory(n) if isinstance(n, str) else n for n in names)
    boxes = [Bbox(n, 0, 1, 1, label=n, id=n + 1) for n in range(len(labels))]
    item = DatasetItem("x", annotations=[*boxes, Bbox(99, 0, 1, 1)])
    return Dataset.from_iterable([item], Categories(labels=labels, **facts))


def run(data, name, **options):
    """Names of labels, label names of the annotations by their number, and the ledger."""
    done = data.transform(name, **options)
    ledger = Ledger()
    names = done.categories().names
    found = {
        int(a.x): a.label if a.label is None else names[a.label]
        for item in done.read(ledger)
        for a in item.annotations
    }
    return names, found, ledger


class TestRemapLabels:
    def test_rename_join_and_keep(self):
        names, found, ledger = run(
            dataset("person", "car", "cat", "dog", "bus"),
            "remap_labels",
            mapping={"person": "car", "cat": "dog"},
        )
        assert names == ["car", "dog", "bus"]
        assert found == {0: "car", 1: "car", 2: "dog", 3: "dog", 4: "bus", 99: None}
        assert not ledger.events

    def test_the_example_of_datumaro_s_manual(self):
        options = words(
            "remap_labels",
            *("-l", "person:car", "-l", "bus:bus", "-l", "cat:dog", "--default", "delete"),
        )
        names, found, ledger = run(
            dataset("person", "car", "cat", "dog", "bus"), "remap_labels", **options
        )
        assert names == ["car", "dog", "bus"]
        assert found == {0: "car", 2: "dog", 4: "bus", 99: None}
        assert ledger.report().annotations["removed"] == 2

    def test_delete(self):
        names, found, ledger = run(
            dataset("cat", "dog"), "remap_labels", **words("remap_labels", "-l", "cat:")
        )
        assert names == ["dog"]
        assert found == {1: "dog", 99: None}
        (event,) = ledger.events.values()
        assert (event.code, event.what, event.kind) == ("DSK-L019", "label 'cat'", "bbox")
        assert event.samples[0].annotation == 1

    def test_annotations_without_labels(self):
        data = dataset("cat", "dog")
        assert 99 in run(data, "remap_labels", mapping={"cat": ""}, default="delete")[1]
        _, found, ledger = run(data, "remap_labels", mapping={"cat": "pet"}, unlabelled="delete")
        assert found == {0: "pet", 1: "dog"}
        assert ledger.total("removed") == 1

    def test_pairs_from_python(self):
        names, _, _ = run(dataset("a", "b"), "remap_labels", mapping=[("a", "c")])
        assert names == ["c", "b"]

    def test_swap(self):
        names, found, _ = run(dataset("a", "b"), "remap_labels", mapping={"a": "b", "b": "a"})
        assert names == ["b", "a"]
        assert found == {0: "b", 1: "a", 99: None}

    def test_a_pure_renaming_copies_nothing(self):
        data = dataset("a", "b")
        (before,), (after,) = list(data), list(data.transform("remap_labels", mapping={"a": "c"}))
        assert before is after

    def test_facts_are_those_of_the_label_that_has_the_name(self):
        data = dataset(
            LabelCategory("person", "being", ("pose",), 3),
            LabelCategory("car", "vehicle", ("make", "pose"), 7),
            colors={0: (1, 1, 1), 1: (2, 2, 2)},
        )
        categories = data.transform("remap_labels", mapping={"person": "car"}).categories()
        assert categories.labels == (LabelCategory("car", "vehicle", ("pose", "make"), 7),)
        assert categories.colors == {0: (2, 2, 2)}

    def test_a_renamed_label_keeps_its_facts(self):
        data = dataset("x", LabelCategory("a", "p", ("k",), 3), colors={1: (1, 1, 1)})
        categories = data.transform("remap_labels", mapping={"x": "", "a": "b"}).categories()
        assert categories.labels == (LabelCategory("b", "p", ("k",), 3),)
        assert categories.colors == {0: (1, 1, 1)}

    def test_parents_and_groups_follow(self):
        labels = [
            "animal",
            "plant",
            LabelCategory("cat", "animal"),
            LabelCategory("fern", "plant"),
            LabelCategory("stone", "thing"),
        ]
        groups = (
            LabelGroup("all", labels=("cat", "fern", "plant")),
            LabelGroup("p", "x", ("plant",)),
        )
        categories = (
            dataset(*labels, groups=groups)
            .transform("remap_labels", mapping={"animal": "beast", "plant": "", "fern": "cat"})
            .categories()
        )
        assert [(lab.name, lab.parent) for lab in categories.labels] == [
            ("beast", ""),
            ("cat", "beast"),
            ("stone", "thing"),
        ]
        assert categories.groups == (LabelGroup("all", labels=("cat",)),)

    def test_no_label_is_its_own_parent(self):
        data = dataset("animal", LabelCategory("cat", "animal"))
        categories = data.transform("remap_labels", mapping={"animal": "cat"}).categories()
        assert categories.labels == (LabelCategory("cat"),)

    def test_one_name_under_two_parents(self):
        labels = [LabelCategory("wheel", "car"), LabelCategory("wheel", "bike"), "tyre"]
        names, found, _ = run(dataset(*labels), "remap_labels", mapping={"tyre": ""})
        assert (names, found[1]) == (["wheel", "wheel"], "wheel")
        names, _, _ = run(dataset(*labels), "remap_labels", mapping={"tyre": "wheel"})
        assert names == ["wheel"]

    def test_keypoints_follow(self):
        labels = ["dog", "man", LabelCategory("eye", "man"), LabelCategory("ear", "man")]
        data = dataset(*labels, points={1: FACES})
        names, _, _ = run(data, "remap_labels", mapping={"man": "person"}, default="delete")
        assert names == ["person", "eye", "ear"]
        categories = data.transform(
            "remap_labels", mapping={"man": "person"}, default="delete"
        ).categories()
        assert categories.points == {0: FACES}
        assert categories.labels[1].parent == "person"
        names, _, _ = run(data, "remap_labels", mapping={"man": ""})
        assert names == ["dog"]

    def test_skeletons_that_join_others_are_told(self):
        item = DatasetItem("x", annotations=[Skeleton([1, 1], [2], label=1)])
        categories = Categories(
            labels=(LabelCategory("face"), LabelCategory("hand")), points={0: FACES, 1: HANDS}
        )
        data = Dataset.from_iterable([item], categories)
        done = data.transform("remap_labels", mapping={"hand": "face"})
        ledger = Ledger()
        list(done.read(ledger))
        assert done.categories().points == {0: FACES}
        assert [e.code for e in ledger.events.values()] == ["DSK-L010"]

    def test_unknown_labels_are_told(self):
        with pytest.warns(DskWarning, match=r"no label 'persn' \(did you mean 'person'\?\)"):
            list(dataset("person").transform("remap_labels", mapping={"persn": "man"}))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "no mapping is given"),
            ({"mapping": {}}, "no mapping is given"),
            ({"mapping": {"a": "b"}, "default": "drop"}, "drop"),
            ({"mapping": {"a": "b"}, "unlabelled": "x"}, "x"),
            ({"mapping": "a:b,a:c"}, "takes a mapping"),
            ({"mapping": "a"}, "takes a mapping"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, options, message):
        with pytest.raises(OptionError, match=message):
            dataset("a").transform("remap_labels", **options)

    names = st.sampled_from("abcde")

    @given(
        st.dictionaries(names, st.sampled_from(["", *"abcdexy"]), min_size=1),
        st.sampled_from(["keep", "delete"]),
    )
    def test_every_annotation_gets_the_name_that_was_asked_for(self, mapping, default):
        names, found, ledger = run(
            dataset(*"abcde"), "remap_labels", mapping=mapping, default=default
        )
        wanted = {n: mapping.get(x, x if default == "keep" else "") for n, x in enumerate("abcde")}
        assert found == {n: name for n, name in wanted.items() if name} | {99: None}
        assert names == list(dict.fromkeys(name for name in wanted.values() if name))
        assert ledger.total("removed") == 6 - len(found)


class TestProjectLabels:
    def test_order_added_and_removed(self):
        names, found, ledger = run(
            dataset("cat", "dog", "bus"),
            "project_labels",
            **words("project_labels", "-l", "person", "-l", "bus", "-l", "cat"),
        )
        assert names == ["person", "bus", "cat"]
        assert found == {0: "cat", 2: "bus", 99: None}
        assert ledger.total("removed") == 1

    def test_colors(self):
        data = dataset("cat", "dog", colors={0: (128, 0, 0), 1: (7, 7, 7)})
        categories = data.transform("project_labels", labels=["tree", "cat", "bush"]).categories()
        assert categories.colors == {0: (0, 128, 0), 1: (128, 0, 0), 2: (128, 128, 0)}
        plain = dataset("cat").transform("project_labels", labels=["tree", "cat"]).categories()
        assert plain.colors == {}

    def test_facts_and_keypoints(self):
        labels = ["animal", LabelCategory("cat", "animal", ("k",), 5), LabelCategory("s", "thing")]
        data = dataset(*labels, points={1: FACES})
        categories = data.transform("project_labels", labels="s,cat").categories()
        assert categories.labels == (
            LabelCategory("s", "thing"),
            LabelCategory("cat", "", ("k",), 5),
        )
        assert categories.points == {1: FACES}

    def test_the_same_labels_copy_nothing(self):
        data = dataset("a", "b")
        (before,), (after,) = list(data), list(data.transform("project_labels", labels="a,b,c"))
        assert before is after

    @pytest.mark.parametrize(
        ("options", "message"),
        [({}, "no label is given"), ({"labels": "a,b,a"}, "'a' is given twice")],
    )
    def test_refuses_what_makes_no_sense(self, options, message):
        with pytest.raises(OptionError, match=message):
            dataset("a").transform("project_labels", **options)


def attributed():
    box = Bbox(0, 0, 1, 1, id=1, attributes={"a": 1, "b": 2})
    items = [
        DatasetItem("x", "train", annotations=[box, Label(label=0, id=2)], attributes={"a": 0}),
        DatasetItem("y:1", "val", annotations=[box, box], attributes={"w": 0}),
    ]
    labels = [LabelCategory("l", attributes=("a", "b"))]
    return Dataset.from_iterable(items, Categories(labels=tuple(labels)))


def attributes(data):
    return [(item.attributes, [a.attributes for a in item.annotations]) for item in data]


class TestRemoveAttributes:
    both: ClassVar = {"a": 1, "b": 2}

    def test_all(self):
        ledger = Ledger()
        found = attributes(attributed().transform("remove_attributes").read(ledger))
        assert found == [({}, [{}, {}]), ({}, [{}, {}])]
        assert {e.what: e.count for e in ledger.events.values()} == {
            "item attribute 'a' removed": 1,
            "item attribute 'w' removed": 1,
            "attribute 'a' removed": 3,
            "attribute 'b' removed": 3,
        }
        assert not ledger.losses()

    def test_by_name(self):
        options = words("remove_attributes", "-a", "a")
        found = attributes(attributed().transform("remove_attributes", **options))
        assert found == [({}, [{"b": 2}, {}]), ({"w": 0}, [{"b": 2}, {"b": 2}])]

    def test_by_item(self):
        found = attributes(attributed().transform("remove_attributes", ids=["y:1:val"]))
        assert found == [({"a": 0}, [self.both, {}]), ({}, [{}, {}])]

    @pytest.mark.parametrize(
        ("scope", "expected"),
        [("items", ({}, [{"a": 1, "b": 2}, {}])), ("annotations", ({"a": 0}, [{}, {}]))],
    )
    def test_scope(self, scope, expected):
        data = attributed().transform("remove_attributes", scope=scope)
        assert attributes(data)[0] == expected

    def test_what_has_none_stays_the_same(self):
        before = list(attributed())
        data = attributed().transform("remove_attributes", attributes=["none"])
        assert [i.annotations is j.annotations for i, j in zip(before, data, strict=True)]
        item = DatasetItem("x", annotations=[Label(label=0)])
        data = Dataset.from_iterable([item], ["l"]).transform("remove_attributes")
        assert next(iter(data)) is item


class TestRenameAttributes:
    def test_items_annotations_and_labels(self):
        ledger = Ledger()
        data = attributed().transform("rename_attributes", mapping={"a": "c"})
        both = {"c": 1, "b": 2}
        assert attributes(data.read(ledger)) == [
            ({"c": 0}, [both, {}]),
            ({"w": 0}, [both, both]),
        ]
        assert list(both) == ["c", "b"]
        assert data.categories().labels[0].attributes == ("c", "b")
        assert not ledger.losses()

    def test_what_has_the_name_already_wins_and_that_is_told(self):
        ledger = Ledger()
        data = attributed().transform("rename_attributes", mapping={"a": "b"})
        assert attributes(data.read(ledger))[0] == ({"b": 0}, [{"b": 2}, {}])
        assert {e.code: e.count for e in ledger.losses()} == {"DSK-L004": 3}

    def test_swap(self):
        data = attributed().transform("rename_attributes", mapping={"a": "b", "b": "a"})
        assert attributes(data)[0] == ({"b": 0}, [{"b": 1, "a": 2}, {}])

    def test_refuses_empty_names(self):
        with pytest.raises(OptionError, match="no new name"):
            attributed().transform("rename_attributes", mapping={"a": ""})


class TestRemoveItems:
    def test_by_id_and_subset(self):
        ledger = Ledger()
        data = attributed().transform("remove_items", ids=["y:1:val"])
        assert [item.id for item in data.read(ledger)] == ["x"]
        assert ledger.report().annotations["removed"] == 2

    def test_pairs_and_absent_ones(self):
        data = attributed().transform("remove_items", ids=[("x", "train"), ("x", "val")])
        with pytest.warns(DskWarning, match="no item 'x' in subset 'val'"):
            assert [item.id for item in data] == ["y:1"]

    @pytest.mark.parametrize("ids", [[], ["x"], [":train"], [("a",)], [3]])
    def test_refuses_what_names_no_item(self, ids):
        with pytest.raises(OptionError, match="remove_items"):
            attributed().transform("remove_items", ids=ids)


class TestRemoveAnnotations:
    def found(self, data):
        return [[a.id for a in item.annotations] for item in data]

    def test_all(self):
        assert self.found(attributed().transform("remove_annotations")) == [[], []]

    def test_of_an_item(self):
        data = attributed().transform("remove_annotations", ids="x:train")
        assert self.found(data) == [[], [1, 1]]

    @pytest.mark.parametrize("ids", [["x:train:1"], [("x", "train", 1)]])
    def test_by_id(self, ids):
        ledger = Ledger()
        data = attributed().transform("remove_annotations", ids=ids)
        assert self.found(data.read(ledger)) == [[2], [1, 1]]
        assert ledger.total("removed") == 1

    def test_absent_ones_are_told(self):
        data = attributed().transform("remove_annotations", ids=["x:train:9"])
        with pytest.warns(DskWarning, match="has no annotation 9"):
            assert self.found(data) == [[1, 2], [1, 1]]

    def test_refuses_other_ids(self):
        with pytest.raises(OptionError, match="no id of an annotation"):
            attributed().transform("remove_annotations", ids=[("x", "train", "one")])


def test_what_has_no_label_passes():
    item = DatasetItem("x", annotations=[Caption(caption="c")])
    data = Dataset.from_iterable([item], ["a"]).transform("remap_labels", mapping={"a": ""})
    assert next(iter(data)) is item


def test_options_without_names():
    data = dataset("cat", "dog")
    assert data.transform("remap_labels", {"cat": "x"}, default="delete").categories().names == [
        "x"
    ]
    for values in (({"cat": "x"}, "keep", *range(9)), ({"cat": "x"},)):
        with pytest.raises(OptionError, match="more values than it has options left"):
            data.transform("remap_labels", *values, mapping={"cat": "y"})
    with pytest.raises(UsageError, match="options are named"):
        data.transform(lambda item: item, 1)
