"""Several datasets as one: labels, items, annotations, media."""

from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec.structs import replace

from dsk import Dataset
from dsk.annotations import Bbox, Mask, Polygon
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.cli.app import run
from dsk.errors import MediaError, OutputError, RecordError
from dsk.flow import Header, ListSource, Rearrangement
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.rle import from_dense
from dsk_project.contents import content_of
from dsk_project.joining import Chain, JoinItems, join

BOX = [0, 1, 2, 3, 4, 0]
OTHER = [1, 5, 6, 7, 8, 0]


@pytest.fixture
def project(toy):
    """Return a function that makes a project of datasets and opens it."""

    def make(*datasets, **settings):
        run(["create"])
        for number, (items, *labels) in enumerate(datasets):
            toy(f"d{number}", items, *labels)
            run(["add", f"d{number}"])
        return Dataset.import_from(".", "project", outside=True, **settings)

    return make


def boxes(dataset, name="a"):
    item = next(item for item in dataset if item.id == name)
    return [(a.label, a.x, a.group) for a in item.annotations]


def test_one_source_is_passed_through(project):
    dataset = project(([{"id": "b", "boxes": [BOX]}, {"id": "a", "boxes": []}],))
    assert [item.id for item in dataset] == ["b", "a"]
    assert type(dataset.source).__name__ == "ToySource"


def test_sources_without_common_items_follow_one_another(project):
    dataset = project(
        ([{"id": "b", "boxes": [BOX]}],),
        ([{"id": "a", "boxes": [OTHER]}, {"id": "b", "subset": "val", "boxes": []}],),
    )
    assert [(i.id, i.subset) for i in dataset] == [("b", "train"), ("a", "train"), ("b", "val")]
    assert len(dataset) == 3


@pytest.mark.parametrize(
    ("first", "second", "both"), [("ab", "bc", ("a", "b", "c")), ("a", "", ()), ("", "a", ())]
)
def test_subsets_are_known_if_all_sources_know_theirs(toy, first, second, both):
    run(["create"])
    for name, subsets in (("one", first), ("two", second)):
        toy(name, [], subsets=list(subsets))
        run(["add", name])
    assert Dataset.import_from(".", "project", outside=True).header.subsets == both


def test_labels_of_one_name_are_one(project):
    first = ([{"id": "a", "boxes": [BOX, OTHER]}], ["cat", "dog"])
    second = ([{"id": "b", "boxes": [[1, 1, 1, 1, 1, 0], [0, 2, 2, 2, 2, 0]]}], ["bird", "dog"])
    dataset = project(first, second)
    assert dataset.categories().names == ["cat", "dog", "bird"]
    assert boxes(dataset, "b") == [(1, 1.0, 0), (2, 2.0, 0)]


def test_items_of_one_name_join(project):
    dataset = project(
        ([{"id": "b", "boxes": []}, {"id": "a", "boxes": [BOX], "attributes": {"x": 1, "y": 1}}],),
        ([{"id": "a", "boxes": [BOX, OTHER], "attributes": {"x": 1, "y": 2, "z": 3}}],),
    )
    assert [item.id for item in dataset] == ["a", "b"]
    assert boxes(dataset) == [(0, 1.0, 0), (1, 5.0, 0)]
    assert next(iter(dataset)).attributes == {"x": 1, "y": 1, "z": 3}
    ledger = Ledger()
    list(dataset.read(ledger))
    assert {(e.code, e.what, e.count) for e in ledger.events.values()} == {
        ("DSK-L020", "item of a further source joins its namesake", 1),
        ("DSK-L014", "annotation that several sources have", 1),
        ("DSK-L009", "item attribute y of a further source, which differs", 1),
    }


def test_the_report_adds_up(project, tmp_path):
    dataset = project(
        ([{"id": "a", "boxes": [BOX]}],),
        ([{"id": "a", "boxes": [BOX, OTHER]}, {"id": "c", "boxes": []}],),
    )
    report = dataset.export(tmp_path / "out", "toy")
    assert report.items == {"in": 3, "out": 2}
    counts = report.annotations
    assert (counts["in"], counts["out"], counts["merged"], counts["dropped"]) == (3, 2, 1, 0)


def test_groups_of_two_sources_stay_apart(project):
    dataset = project(
        ([{"id": "a", "boxes": [[0, 1, 1, 1, 1, 1], [1, 2, 2, 2, 2, 1]]}],),
        ([{"id": "a", "boxes": [[0, 3, 3, 3, 3, 1], [1, 4, 4, 4, 4, 0]]}],),
    )
    assert [group for _, _, group in boxes(dataset)] == [1, 1, 2, 0]


def test_the_medium_that_is_there_is_taken(project, tmp_path):
    items = [{"id": "a", "boxes": []}]
    dataset = project((items,), (items,), (items,))
    (tmp_path / "d1/a.png").write_bytes(b"second")
    (tmp_path / "d2/a.png").write_bytes(b"third")
    dataset = Dataset.import_from(".", "project", outside=True)
    assert next(iter(dataset)).media.read_bytes() == b"second"
    (tmp_path / "d1/a.png").unlink()
    (tmp_path / "d2/a.png").unlink()
    dataset = Dataset.import_from(".", "project", outside=True)
    assert next(iter(dataset)).media.source == str(tmp_path / "d0/a.png")


def chain(*categories):
    ledger = Ledger()
    headers = [Header(categories=one) for one in categories]
    made = Chain([ListSource((), header) for header in headers], ledger)
    return made.header.categories, {e.what: e.count for e in ledger.events.values()}


def test_facts_about_labels_that_differ_are_told():
    def person(points, color, extra=None):
        return Categories(
            labels=(LabelCategory("person", extra=extra),),
            colors={0: color},
            points={0: PointsCategory(points)},
        )

    first = person(("head", "foot"), (1, 2, 3), {"a": 1})
    joined, told = chain(first, first, person(("head",), (3, 2, 1), {"a": 2}))
    assert joined == first
    assert told == {
        f"{what} of labels of a further source, which differ": 1
        for what in ("keypoints", "colour", "fields")
    }


def joined(*items):
    (found,) = JoinItems().join(list(items), ledger := Ledger())
    return found, {e.what for e in ledger.events.values()}


def test_another_medium_is_told_and_sizes_are_taken_over():
    first = DatasetItem("a", media=Image("x/a.jpg"))
    same, other = Image("a.jpg", None, None, (3, 4)), Image("a.png")
    found, told = joined(first, DatasetItem("a", media=same), DatasetItem("a", media=other))
    assert found.media == Image("x/a.jpg", None, None, (3, 4))
    assert "medium of a further source, which is another one" in told
    _, told = joined(first, DatasetItem("a", media=same), DatasetItem("a"))
    assert "medium of a further source, which is another one" not in told


class Damaged:
    """A mask whose file cannot be read."""

    def __init__(self):
        self.reads = 0

    def rle(self):
        self.reads += 1
        raise MediaError("damaged")


def test_masks_are_read_only_beside_masks_and_may_be_damaged():
    source = Damaged()
    masks = DatasetItem("a", annotations=[Mask(source)])
    boxes = DatasetItem("a", annotations=[Bbox(1, 2, 3, 4)])
    assert len(joined(masks, boxes)[0].annotations) == 2
    assert source.reads == 0
    assert len(joined(masks, masks.replace(annotations=[Mask(Damaged())]))[0].annotations) == 2


def test_facts_that_differ_are_told(toy):
    run(["create"])
    for number, year in enumerate((1, 2, 1)):
        toy(f"d{number}", [], info={"toy": {"year": year}, f"f{number}": 1})
        run(["add", f"d{number}"])
    dataset = Dataset.import_from(".", "project", outside=True)
    assert dataset.header.info == {"toy": {"year": 1}, "f0": 1, "f1": 1, "f2": 1}
    assert [(e.what, e.count) for e in dataset.opening_ledger.events.values()] == [
        ("toy facts of a further source", 1)
    ]


@pytest.mark.parametrize("common", ["a", "c"])
def test_bad_records_are_counted_once(project, tmp_path, common):
    first = ([{"id": "a", "boxes": [BOX]}, {"id": "bad", "boxes": []}],)
    second = ([{"id": common, "boxes": [OTHER]}],)
    with pytest.raises(RecordError):
        list(project(first, second))
    dataset = Dataset.import_from(".", "project", outside=True, on_error="skip")
    report = dataset.export(tmp_path / "out", "toy")
    assert (report.errors, report.items["out"]) == (1, 1 if common == "a" else 2)


def test_several_processes_write_the_same(project, tmp_path):
    sources = [([{"id": f"{n}", "boxes": [BOX]} for n in range(k, k + 9)],) for k in (0, 5)]
    dataset = project(*sources)
    dataset.export(tmp_path / "one", "toy")
    dataset.export(tmp_path / "two", "toy", jobs=2)
    one, two = ((tmp_path / name / "toy.json").read_bytes() for name in ("one", "two"))
    assert one == two
    assert [item["id"] for item in json.loads(one)["items"]] == sorted(f"{n}" for n in range(14))


def test_content_is_what_is_seen():
    ring = [0, 0, 4, 0, 4, 4]
    pixels = np.zeros((5, 6), bool)
    pixels[1:3, 2:4] = True
    rle = from_dense(pixels)
    same = [
        (Bbox(1, 2, 3, 4, label=0, id=1), Bbox(1.0, 2.0, 3.0, 4.0, label=0, id=7, group=2)),
        (Polygon(ring, area=8.0), Polygon([[float(v) for v in ring]], id=3)),
        (Mask(rle), Mask(rle, bbox=(2.0, 1.0, 2.0, 2.0))),
        (Bbox(1, 2, 3, 4, attributes={"a": [1]}), Bbox(1, 2, 3, 4, attributes={"a": [1.0]})),
    ]
    for a, b in same:
        assert content_of(a) == content_of(b)
        assert hash(content_of(a)) == hash(content_of(b))
    other = [
        (Bbox(1, 2, 3, 4, label=0), Bbox(1, 2, 3, 4, label=1)),
        (Bbox(1, 2, 3, 4), Bbox(1, 2, 3, 5)),
        (Polygon(ring), Polygon(ring[::-1])),
        (Mask(from_dense(pixels)), Mask(from_dense(~pixels))),
        (Bbox(1, 2, 3, 4, attributes={"a": "1"}), Bbox(1, 2, 3, 4, attributes={"a": 1})),
    ]
    for a, b in other:
        assert content_of(a) != content_of(b)


def cats(*names, labels=("cat",), subset="default"):
    """Return a dataset of items with a box of the first label."""
    boxes = [Bbox(1, 2, 3, 4, label=0)]
    items = [DatasetItem(name, subset, annotations=boxes) for name in names]
    return Dataset.from_iterable(items, categories=labels)


def test_datasets_are_joined_in_python():
    both = join(cats("a", "b"), cats("b", "c", labels=("dog", "cat")))
    assert both.categories().names == ["cat", "dog"]
    found = {item.id: [a.label for a in item.annotations] for item in both}
    assert found == {"a": [0], "b": [0, 1], "c": [1]}
    assert len(join()) == 0
    assert [item.id for item in join(cats("a"))] == ["a"]


def test_datasets_are_joined_after_their_transforms(toy):
    renamed = cats("a").transform(lambda item: replace(item, id="c"))
    chosen = cats("b", "c", "d", subset="val").select(lambda item: item.id != "d")
    both = join(renamed, chosen)
    assert both.header.items is None
    assert list(both.subsets()) == ["default", "val"]
    report = both.export("out", "toy")
    assert report.items == {"in": 4, "out": 3}
    assert report.annotations["in"] == 4
    assert report.annotations["out"] == 3


def test_items_meet_by_the_ids_that_transforms_give():
    renamed = cats("a").transform(lambda item: replace(item, id="b"))
    assert [(item.id, len(item.annotations)) for item in join(renamed, cats("b"))] == [("b", 1)]


class Turned(Rearrangement):
    """Puts items in the opposite order."""

    def key(self, item):
        return -ord(item.id)


def test_what_was_put_in_order_is_counted_once(toy):
    report = join(cats("a", "b").transform(Turned()), cats("c")).export("out", "toy")
    assert report.items == {"in": 3, "out": 3}
    both = join(cats("a", "b").transform(Turned()), cats("b"))
    assert [item.id for item in both] == ["a", "b"]
    assert both.export("out2", "toy").items == {"in": 3, "out": 2}


def test_joined_datasets_are_not_overwritten(toy):
    toy("data", [{"id": "a", "boxes": [BOX]}])
    both = join(Dataset.import_from("data"), cats("b"))
    with pytest.raises(OutputError):
        both.export("data", "toy", overwrite=True)


def test_a_source_may_update_those_before_it(toy, tmp_path, capsys):
    """As a dataset that was annotated again."""
    more = {"attributes": {"old": 1}}
    toy("old", [{"id": "a", "boxes": [BOX, OTHER], **more}, {"id": "b", "boxes": [BOX]}])
    toy("new", [{"id": "a", "boxes": [[0, 9, 9, 9, 9, 0]]}], ["dog", "cat"])
    (tmp_path / "old/a.png").write_bytes(b"an image")
    run(["create"])
    run(["add", "old"])
    run(["add", "new", "--update"])
    joined = Dataset.import_from(".", "project", outside=True)
    first, second = joined
    assert [(a.label, a.x) for a in first.annotations] == [(1, 9)]
    assert (first.attributes, first.extra) == ({}, None)
    assert first.media.read_bytes() == b"an image"
    assert [a.x for a in second.annotations] == [1]
    report = joined.export("out", "toy")
    assert report.items == {"in": 3, "out": 2}
    assert report.annotations["in"] == 4
    assert report.annotations["out"] == 2
    run(["project"])
    assert "new  --update" in capsys.readouterr().out


def test_later_sources_join_what_was_updated(toy):
    toy("one", [{"id": "a", "boxes": [BOX]}])
    toy("two", [{"id": "a", "boxes": [OTHER]}, {"id": "z", "boxes": []}])
    toy("three", [{"id": "a", "boxes": [[0, 9, 9, 9, 9, 0]]}])
    run(["create"])
    run(["add", "one"])
    run(["add", "two", "--update"])
    run(["add", "three"])
    items = list(Dataset.import_from(".", "project", outside=True))
    assert [(i.id, [a.x for a in i.annotations], i.extra) for i in items] == [
        ("a", [5, 9], None),
        ("z", [], None),
    ]


def test_updates_without_common_items_change_nothing(toy):
    toy("one", [{"id": "a", "boxes": [BOX]}])
    toy("two", [{"id": "b", "boxes": [OTHER]}])
    run(["create"])
    run(["add", "one"])
    run(["add", "two", "--update"])
    items = list(Dataset.import_from(".", "project", outside=True))
    assert [(i.id, i.extra) for i in items] == [("a", None), ("b", None)]
