"""Steps that change the order of items, or make one item of several."""

from __future__ import annotations

from dsk.annotations import Bbox
from dsk.dataset import Dataset
from dsk.flow import PARTITION_ITEMS, Rearrangement, Transform
from dsk.item import DatasetItem
from dsk.loss import Ledger


class ByNumber(Rearrangement):
    """Sorts by the number in the id."""

    def key(self, item):
        return int(item.id[1:])


class OneOfEachTen(Rearrangement):
    """Joins the items whose number has the same tens."""

    def key(self, item):
        return int(item.id[1:]) // 10

    def join(self, items, ledger):
        boxes = [a for item in items for a in item.annotations]
        gone = len(items) - 1
        ledger.add("DSK-L020", "item joined", count=gone)
        return [items[0].replace(annotations=boxes)]


class Odd(Transform):
    """Removes items with even numbers."""

    def apply(self, item, ledger):
        return item if int(item.id[1:]) % 2 else None


def shuffled(count: int) -> Dataset:
    order = [(n * 7919) % count for n in range(count)]
    return Dataset.from_iterable(
        [DatasetItem(f"i{n}", annotations=[Bbox(n, 0, 1, 1, label=0)]) for n in order], ["a"]
    )


def test_items_come_in_order_of_the_key():
    dataset = shuffled(3001).transform(ByNumber)
    assert [item.id for item in dataset] == [f"i{n}" for n in range(3001)]
    assert [item.id for item in dataset] == [f"i{n}" for n in range(3001)], "a second time"


def test_groups_are_joined_and_never_cut():
    count = 3 * PARTITION_ITEMS
    dataset = shuffled(count).transform(OneOfEachTen)
    source, _ = dataset.planned()
    assert len(source.partitions()) > 2
    items = list(dataset)
    assert len(items) == -(-count // 10)
    assert [len(item.annotations) for item in items[:-1]] == [10] * (len(items) - 1)


def test_what_goes_in_is_counted_once():
    ledger = Ledger()
    dataset = shuffled(100).transform(Odd).transform(ByNumber).transform(Odd)
    items = list(dataset.read(ledger))
    assert [item.id for item in items] == [f"i{n}" for n in range(1, 100, 2)]
    assert ledger.items_in == 100
    assert ledger.annotations_in == 100
    assert [(e.code, e.count) for e in ledger.events.values()] == [
        ("DSK-L020", 50),
        ("DSK-L019", 50),
    ]


def test_a_later_plan_sees_the_new_order():
    seen = []

    class Look(Transform):
        needs_plan = True
        plan_on = "ids"

        def plan(self, items):
            seen.extend(item.id for item in items)

        def apply(self, item, ledger):
            return item

    assert len(shuffled(30).transform(ByNumber).transform(Look)) == 30
    assert seen == [f"i{n}" for n in range(30)]


def test_export_is_the_same_for_any_number_of_jobs(toy, tmp_path, tree):
    dataset = shuffled(3 * PARTITION_ITEMS).transform(OneOfEachTen).transform(ByNumber)
    one = dataset.export(tmp_path / "one", "toy")
    two = dataset.export(tmp_path / "two", "toy", jobs=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert one.items == two.items
    assert one.items["in"] == 3 * PARTITION_ITEMS
    assert one.annotations == two.annotations


def test_no_items():
    assert list(Dataset.from_iterable([], ["a"]).transform(ByNumber)) == []
