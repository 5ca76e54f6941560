from __future__ import annotations

import pytest

from dsk.annotations import Bbox
from dsk.categories import Categories, LabelCategory
from dsk.dataset import Dataset
from dsk.errors import (
    DetectionError,
    DskWarning,
    InputError,
    OpeningWarning,
    OptionError,
    PluginError,
    RecordError,
    UsageError,
)
from dsk.flow import Header, ListSource, Transform
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import PointCloud, Volume


@pytest.fixture
def folder(tmp_path):
    """Five files of the toy format."""
    for n in range(5):
        (tmp_path / f"i{n}.toy").write_text(f"{n} 0 1 1 {n % 2}\n")
    return tmp_path


@pytest.fixture
def dataset(toy, folder):
    return Dataset.import_from(folder, "toy")


def ids(items):
    return [item.id for item in items]


def xs(items):
    return [item.annotations[0].x for item in items]


# --- opening -------------------------------------------------------------------------------------


def test_opening_reads_no_item(dataset):
    assert dataset.source.reads == 0
    assert dataset.categories().names == ["cat", "dog"]
    assert len(dataset) == 5
    assert repr(dataset) == "<Dataset toy, 2 labels>"
    assert dataset.source.reads == 0


def test_iterating_reads_item_by_item_and_as_often_as_wanted(dataset):
    assert next(iter(dataset)).id == "i0"
    assert dataset.source.reads == 1
    assert ids(dataset) == ids(dataset) == ["i0", "i1", "i2", "i3", "i4"]


def test_two_iterations_at_once_do_not_disturb_one_another(dataset):
    assert [(a.id, b.id) for a, b in zip(dataset, dataset, strict=True)] == [
        (f"i{n}", f"i{n}") for n in range(5)
    ]


def test_the_format_is_found_out(toy, folder):
    assert Dataset.import_from(folder).format == "toy"


def test_no_format_fits(toy, tmp_path):
    with pytest.raises(DetectionError):
        Dataset.import_from(tmp_path)


def test_options_and_aliases(toy, folder):
    assert xs(Dataset.import_from(folder, "toy", shift="5"))[:2] == [5, 6]
    assert xs(Dataset.import_from(folder, "toy_shifted"))[:2] == [100, 101]
    assert xs(Dataset.import_from(folder, "toy_shifted", shift=1))[:2] == [1, 2]
    with pytest.raises(OptionError, match="did you mean shift"):
        Dataset.import_from(folder, "toy", shfit=1)


@pytest.mark.parametrize("name", [None, "toy"])
def test_what_is_not_followed_is_told_where_nothing_is_found(toy, tmp_path, monkeypatch, name):
    def finds_nothing(importer, root, ledger):
        raise InputError(f"no toys among {root.files()}")

    monkeypatch.setattr(toy.ToyImporter, "open", finds_nothing)
    (tmp_path / "data").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "data/boxes").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="are not followed: boxes"):
        Dataset.import_from(tmp_path / "data", name)


def test_an_absent_format_and_a_missing_path(toy, folder):
    with pytest.raises(PluginError, match="pip install dsk-coco"):
        Dataset.import_from(folder, "coco")
    with pytest.raises(InputError):
        Dataset.import_from(folder / "gone", "toy")


def test_system_errors_while_opening_are_input_errors(toy, folder, monkeypatch):
    def refuse(self, root, ledger):
        raise PermissionError(13, "Permission denied", "x/y")

    monkeypatch.setattr(toy.ToyImporter, "open", refuse)
    with pytest.raises(InputError, match="x/y: Permission denied"):
        Dataset.import_from(folder, "toy")


def test_bad_records_are_raised_or_skipped(toy, folder):
    (folder / "i1.toy").write_text("bad\n7 0 1 1 0\nbad\n")
    with pytest.raises(RecordError, match=r"i1\.toy:1: no box"):
        list(Dataset.import_from(folder, "toy"))
    skipping = Dataset.import_from(folder, "toy", on_error="skip")
    assert xs(skipping) == [0, 7, 2, 3, 4]
    ledger = Ledger("skip")
    list(skipping.read(ledger))
    assert (ledger.bad_count, ledger.items_in, ledger.annotations_in) == (2, 5, 5)
    with pytest.raises(UsageError, match="on_error"):
        Dataset.import_from(folder, "toy", on_error="ignore")


# --- in memory -----------------------------------------------------------------------------------


def test_a_dataset_of_items(boxed):
    dataset = Dataset.from_iterable(iter(boxed), ["cat", "dog"])
    assert list(dataset) == boxed
    assert len(dataset) == 7
    assert dataset.categories() == Categories.from_names(["cat", "dog"])
    assert dataset.header.subsets == ("train", "val")


@pytest.mark.parametrize(
    "categories", [["a"], (LabelCategory("a"),), Categories.from_names(["a"]), iter(["a"])]
)
def test_categories_in_any_shape(categories):
    assert Dataset.from_iterable([], categories).categories().names == ["a"]


def test_an_empty_dataset():
    dataset = Dataset.from_iterable([])
    assert (list(dataset), len(dataset), dict(dataset.subsets())) == ([], 0, {})


def test_two_items_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two items are 'a' in subset 'x'"):
        Dataset.from_iterable([DatasetItem("a", "x"), DatasetItem("a", "y"), DatasetItem("a", "x")])


def test_media_kinds_are_known():
    items = [DatasetItem("a", media=Volume("a.nii")), DatasetItem("b", media=PointCloud("b.pcd"))]
    assert Dataset.from_iterable(items).header.media == {"volume", "point_cloud"}


def test_many_items_come_in_partitions_and_in_order():
    items = [DatasetItem(str(n)) for n in range(2500)]
    source = ListSource(items, Header())
    assert len(source.partitions()) == 3
    assert list(source) == items


# --- steps ---------------------------------------------------------------------------------------


def test_steps_are_lazy_and_leave_the_original(dataset):
    moved = dataset.transform("shift", by=10)
    assert dataset.source.reads == 0
    assert xs(moved) == [10, 11, 12, 13, 14]
    assert xs(dataset) == [0, 1, 2, 3, 4]


def test_a_step_by_name_class_object_or_function(dataset, toy):
    for step in (
        dataset.transform("shift", by="2"),
        dataset.transform(toy.Shift, by=2),
        dataset.transform(toy.Shift(by=2)),
        dataset.transform(
            lambda item: item.replace(annotations=[Bbox(item.annotations[0].x + 2, 0, 1, 1)])
        ),
    ):
        assert xs(step) == [2, 3, 4, 5, 6]


def test_a_function_may_remove_or_multiply_items(dataset):
    assert ids(dataset.transform(lambda item: None if item.id == "i2" else item)) == [
        "i0",
        "i1",
        "i3",
        "i4",
    ]
    double = dataset.transform(lambda item: [item, item.replace(id=item.id + "b")])
    assert ids(double)[:3] == ["i0", "i0b", "i1"]
    assert len(double) == 10


def test_steps_run_in_order(dataset):
    first = dataset.transform("shift", by=1).select(lambda item: item.annotations[0].x > 2)
    assert ids(first) == ["i2", "i3", "i4"]
    second = dataset.select(lambda item: item.annotations[0].x > 2).transform("shift", by=1)
    assert ids(second) == ["i3", "i4"]


def test_unknown_transforms_and_options(dataset):
    with pytest.raises(PluginError, match="pip install dsk-transforms"):
        dataset.transform("remap_labels")
    with pytest.raises(OptionError):
        dataset.transform("shift", bye=1)
    with pytest.raises(PluginError, match="dsk-transforms"):
        dataset.filter("/item")


def test_a_step_that_needs_the_whole_dataset_plans_once(dataset, toy):
    halve = toy.Halve()
    halved = dataset.select(lambda item: item.id != "i0").transform(halve)
    assert (dataset.source.reads, halve.plans) == (0, 0)
    assert [(i.id, i.subset) for i in halved] == [
        ("i1", "one"),
        ("i2", "one"),
        ("i3", "two"),
        ("i4", "two"),
    ]
    assert halved.header.subsets == ("one", "two")
    list(halved)
    assert halve.plans == 1


def test_steps_after_a_planning_step(dataset):
    halved = dataset.transform("halve").transform("shift", by=5)
    assert [(i.subset, i.annotations[0].x) for i in halved] == [
        ("one", 5),
        ("one", 6),
        ("two", 7),
        ("two", 8),
        ("two", 9),
    ]
    assert ids(halved.get_subset("two")) == ["i2", "i3", "i4"]


def test_removed_items_are_counted_with_their_annotations(dataset):
    ledger = Ledger()
    list(dataset.select(lambda item: item.id == "i0").read(ledger))
    assert (ledger.items_in, ledger.annotations_in) == (5, 5)
    assert {e.code: e.count for e in ledger.events.values()} == {"DSK-L020": 4, "DSK-L019": 4}
    assert ledger.losses() == []
    assert ledger.report().annotations["out"] == 1


def test_annotations_that_a_function_removes_are_counted(dataset):
    ledger = Ledger()
    left = list(dataset.transform(lambda item: item.replace(annotations=())).read(ledger))
    assert ledger.report().annotations["out"] == sum(len(i.annotations) for i in left)


def test_a_transform_without_plan_is_never_shown_the_dataset(dataset):
    class Simple(Transform):
        def plan(self, items):
            raise AssertionError

        def apply(self, item, ledger):
            return item

    assert len(list(dataset.transform(Simple))) == 5


def test_length_with_steps_counts_what_comes_out(dataset):
    assert len(dataset.select(lambda item: item.id > "i2")) == 2


# --- subsets -------------------------------------------------------------------------------------


def test_subsets_are_views_in_the_order_of_the_items(boxed):
    subsets = Dataset.from_iterable(boxed, ["cat", "dog"]).subsets()
    assert list(subsets) == ["train", "val"]
    assert ids(subsets["train"]) + ids(subsets["val"]) == ids(boxed)
    assert subsets["val"].categories().names == ["cat", "dog"]


def test_subsets_after_steps(dataset):
    assert list(dataset.subsets()) == ["default"]
    assert list(dataset.transform("halve").subsets()) == ["one", "two"]


def test_a_subset_that_is_not_there_is_empty(boxed):
    assert list(Dataset.from_iterable(boxed).get_subset("nothing")) == []


# --- editing -------------------------------------------------------------------------------------


def test_put_get_and_remove(dataset):
    assert dataset.get("i3").annotations[0].x == 3
    assert dataset.get("i3", "other") is None
    dataset.put(DatasetItem("new", "val"))
    dataset.put(dataset.get("i0").replace(annotations=[]))
    dataset.remove("i1")
    dataset.remove("not there")
    assert ids(dataset) == ["i0", "i2", "i3", "i4", "new"]
    assert dataset.get("i0").annotations == []
    assert len(dataset) == 5
    assert list(dataset.subsets()) == ["default", "val"]
    assert dataset.categories().names == ["cat", "dog"]


def test_editing_keeps_what_steps_made(dataset):
    moved = dataset.transform("shift", by=10)
    moved.remove("i0")
    assert xs(moved) == [11, 12, 13, 14]
    assert ids(dataset) == ["i0", "i1", "i2", "i3", "i4"]


def test_reading_into_memory_reads_once(dataset):
    moved = dataset.transform("shift")
    moved.materialize()
    assert dataset.source.reads == 5
    assert xs(moved) == xs(moved) == [1, 2, 3, 4, 5]
    assert dataset.source.reads == 5


def test_warnings_of_a_source_are_python_warnings():
    class Odd(ListSource):
        def read(self, partition, ledger):
            ledger.warn("it is odd")
            return super().read(partition, ledger)

    with pytest.warns(DskWarning, match="it is odd"):
        list(Dataset(Odd([DatasetItem("a")], Header())))


def test_warnings_of_opening_are_python_warnings_of_their_own(dataset):
    dataset.opening_ledger.warn("it is odd")
    with pytest.warns(OpeningWarning, match="it is odd"):
        list(dataset.transform("shift"))


def test_items_in_memory_get_proper_names():
    items = [DatasetItem("a\\b"), DatasetItem(7), DatasetItem("c", ""), DatasetItem("d", None)]
    found = [(item.id, item.subset) for item in Dataset.from_iterable(items)]
    assert found == [(name, "default") for name in ("a/b", "7", "c", "d")]
    with pytest.raises(UsageError, match="a/b"):
        Dataset.from_iterable([DatasetItem("a\\b"), DatasetItem("a/b")])
