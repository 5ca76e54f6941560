"""``merge`` and ``dsk merge``: votes, conflicts, updates."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Bbox, Caption, Label, Mask3d, Polygon, Skeleton
from dsk.cli.app import run
from dsk.errors import InputError, OptionError, OutputError, OutputExistsError, UsageError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk_project.merging import Conflicts, merge

LABELS = ("cat", "dog", "bird")


def data(labels=LABELS, **items):
    made = [DatasetItem(name, annotations=found) for name, found in items.items()]
    return Dataset.from_iterable(made, labels)


def box(x, label=0, **more):
    return Bbox(x, 0, 10, 10, label=label, **more)


def merged(*datasets, **options):
    """Return the annotations by item, and the conflicts."""
    conflicts = Conflicts()
    made = merge(*datasets, conflicts=conflicts, **options)
    return {item.id: list(item.annotations) for item in made}, conflicts.result()["conflicts"]


def told(conflicts, what):
    return [entry for entry in conflicts if entry["what"] == what]


def test_agreement():
    one = data(a=[box(0), box(50, 1)], b=[])
    found, conflicts = merged(one, one, one)
    assert found == {"a": [box(0), box(50, 1)], "b": []}
    assert conflicts == []


def test_labels_are_voted_for():
    one, two, three = data(a=[box(0, 0)]), data(a=[box(1, 1)]), data(a=[box(1, 1)])
    found, conflicts = merged(one, two, three)
    assert found == {"a": [box(1, 1)]}
    (vote,) = conflicts
    assert vote == {
        "item_id": "a",
        "subset": "default",
        "what": "label",
        "id": 0,
        "kind": "bbox",
        "bbox": [1.0, 0.0, 10.0, 10.0],
        "votes": {"cat": 1, "dog": 2},
        "taken": "dog",
    }
    assert merged(one, two)[0] == {"a": [box(0, 0)]}  # of as many votes the first one's
    found, (vote,) = merged(one, two, three, quorum=3)
    assert found == {"a": [box(1, None)]}
    assert vote["taken"] is None
    assert merged(data(a=[box(0, None)]), data(a=[box(0, 2)]))[0] == {"a": [box(0, 2)]}


def test_labels_are_the_same_by_name():
    other = data(("dog", "cat"), a=[box(0, 1)])
    assert merged(data(a=[box(0, 0)]), other)[0] == {"a": [box(0, 0)]}


def test_a_score_is_the_weight_of_a_vote():
    sure = data(a=[box(0, 0, attributes={"score": 0.9})])
    unsure = [data(a=[box(0, 1, attributes={"score": 0.4})])] * 2
    (a,) = merged(sure, *unsure)[0]["a"]
    assert (a.label, a.attributes) == (0, {"score": 0.9})
    (a,) = merged(sure, *unsure, scores=True)[0]["a"]
    assert a.attributes == {"score": pytest.approx(0.3)}
    odd = data(a=[box(0, 1, attributes={"score": "high"})])
    assert merged(sure, odd)[0]["a"][0].label == 1


def test_attributes_are_voted_for():
    sides = [
        data(a=[box(0, attributes={"occluded": True, "by": "anna", "color": "red"})]),
        data(a=[box(0, attributes={"occluded": False, "by": "ben"})]),
        data(a=[box(0, attributes={"occluded": "True", "by": "carla"})]),
    ]
    found, conflicts = merged(*sides, ignore_attrs=["by"])
    assert found["a"][0].attributes == {"occluded": True, "by": "anna", "color": "red"}
    (vote,) = conflicts
    assert (vote["what"], vote["name"], vote["taken"]) == ("attribute", "occluded", "True")
    assert vote["votes"] == {"True": 2, "False": 1}
    found, conflicts = merged(*sides, quorum=2)
    assert found["a"][0].attributes == {"occluded": True}
    assert [(c["name"], c["taken"]) for c in conflicts] == [
        ("occluded", "True"),
        ("by", None),
        ("color", None),
    ]


def test_the_shape_most_like_the_others_stays():
    found, _ = merged(data(a=[box(0)]), data(a=[box(2)]), data(a=[box(3)]))
    assert found == {"a": [box(2)]}


def test_overlaps_that_are_too_small_are_two_things():
    one, two = data(a=[box(0)]), data(a=[box(5)])  # a third
    found, conflicts = merged(one, two)
    assert (len(found["a"]), conflicts) == (1, [])
    found, conflicts = merged(one, two, iou_thresh=0.5)
    assert found["a"] == [box(0), box(5)]
    assert [(c["what"], c["in"], c["not in"]) for c in conflicts] == [
        ("annotation", ["1"], ["2"]),
        ("annotation", ["2"], ["1"]),
    ]


def test_of_each_dataset_one_annotation_at_most_is_part():
    found, conflicts = merged(data(a=[box(0), box(1)]), data(a=[box(0)]), data(a=[box(1)]))
    assert found["a"] == [box(0), box(1)]
    # Both are in two datasets, and so close that it is told.
    assert [c["what"] for c in conflicts] == ["annotation", "annotation", "too close"]
    assert told(conflicts, "too close")[0]["labels"] == ["cat", "cat"]


def test_kinds_are_merged_by_what_they_are():
    joints = Skeleton([0, 0, 10, 0, 0, 10], [2, 2, 2], label=1)
    near = Skeleton([0, 1, 10, 0, 0, 10], [2, 2, 2], label=1)
    outline = Polygon([0, 0, 10, 0, 10, 10, 0, 10], label=0)
    sides = (
        data(a=[box(0), outline, joints, Label(label=2), Caption("x")]),
        data(a=[outline, box(1), near, Label(label=1), Label(label=2), Caption("y")]),
    )
    found, _ = merged(*sides)
    texts = [Caption("x"), Label(label=1), Caption("y")]
    assert found["a"] == [box(0), outline, joints, Label(label=2), *texts]
    found, conflicts = merged(*sides, quorum=2)
    assert [a for a in found["a"] if isinstance(a, Label)] == [Label(label=2)]
    assert [c["votes"] for c in told(conflicts, "label")] == [{"dog": 1}]


def test_different_kinds_of_one_thing_are_told():
    outline = Polygon([0, 0, 10, 0, 10, 10, 0, 10], label=0, id=7)
    found, conflicts = merged(data(a=[outline]), data(a=[box(0)]), data(a=[box(1)]))
    assert found["a"] == [outline]
    (entry,) = conflicts
    assert (entry["what"], entry["id"]) == ("kind", 7)
    assert (entry["votes"], entry["taken"]) == ({"polygon": 1, "bbox": 2}, "polygon")


def test_masks_of_volumes_are_joined_by_their_voxels():
    first = np.zeros((4, 5, 6), np.uint8)
    first[:2], first[2:, :2] = 1, 2
    second = np.where(first == 2, 0, first)
    second[2:, 3:] = 2
    sides = [data(a=[Mask3d(v, n, label=n - 1) for n in (1, 2)]) for v in (first, second)]
    found, conflicts = merged(*sides)
    kept = [((a.source == first).all(), a.value) for a in found["a"]]
    assert kept == [(True, 1), (True, 2), (False, 2)]
    assert [c["what"] for c in conflicts] == ["annotation", "annotation"]


def test_items_that_some_lack():
    found, conflicts = merged(data(a=[box(0)], b=[box(1)]), data(a=[box(0)]), data(c=[]))
    assert found == {"a": [box(0)], "b": [box(1)], "c": []}
    assert [(c["item_id"], c["in"], c["not in"]) for c in conflicts] == [
        ("a", ["1", "2"], ["3"]),
        ("b", ["1"], ["2", "3"]),
        ("c", ["3"], ["1", "2"]),
    ]


def test_what_has_a_low_score_is_left_out():
    one, two = data(a=[box(0), box(50)]), data(a=[box(1)])
    ledger = Ledger()
    made = merge(one, two, output_conf_thresh=0.6)
    assert [a for item in made.read(ledger) for a in item.annotations] == [box(0)]
    events = {event.code: event.count for event in ledger.report().events}
    assert (events["DSK-L014"], events["DSK-L019"]) == (1, 1)
    assert len(merged(one, two, output_conf_thresh=0.5)[0]["a"]) == 2


def test_groups_of_several_datasets_are_one():
    one = data(a=[box(0, 0, group=7), box(50, 1, group=7), box(90, 2)])
    two = data(a=[box(90, 2, group=3), box(50, 1, group=3), box(130, 0, group=9)])
    found, _ = merged(one, two)
    assert [a.group for a in found["a"]] == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("wanted", "wrong"),
    [
        ("cat,dog", []),
        ("cat,dog,bird?", []),
        ("cat", [(["dog"], [])]),
        ("cat,dog,bird", [([], ["bird"])]),
        ("bird,cat?", [(["dog"], ["bird"])]),
    ],
)
def test_groups_are_checked(wanted, wrong):
    one = data(a=[box(0, 0, group=1), box(50, 1, group=1)])
    _, conflicts = merged(one, one, groups=[wanted])
    assert [(c["others"], c["missing"]) for c in conflicts] == wrong


def test_what_is_in_no_group_is_one_of_its_own():
    one = data(a=[box(0, 0), box(50, 1)])
    _, conflicts = merged(one, one, groups=["cat,dog"])
    assert [(c["group"], c["missing"]) for c in conflicts] == [(0, ["dog"]), (0, ["cat"])]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"iou_thresh": 0}, "share"),
        ({"iou_thresh": float("nan")}, "share"),
        ({"quorum": -1}, "quorum"),
        ({"output_conf_thresh": 2}, "score"),
        ({"groups": ["a,,b"]}, "--groups"),
        ({"groups": ["a,a?"]}, "--groups"),
    ],
)
def test_bad_options(options, reason):
    with pytest.raises(OptionError, match=reason):
        merge(data(), data(), **options)


def test_one_dataset_is_no_merge():
    with pytest.raises(UsageError, match="two datasets"):
        merge(data())
    with pytest.raises(UsageError, match="2 datasets, but 3 names"):
        merge(data(), data(), conflicts=Conflicts(["a", "b", "c"]))


def test_conflicts_of_what_is_not_finite_can_be_written():
    _, (entry,) = merged(data(a=[box(float("nan"))]), data(a=[]))
    assert json.dumps(entry, allow_nan=False)


def test_reading_twice_tells_conflicts_once():
    conflicts = Conflicts(["x", "y"])
    made = merge(data(a=[box(0)]), data(b=[]), conflicts=conflicts)
    assert [len(list(made)) for _ in range(2)] == [2, 2]
    assert conflicts.counts() == {"item": 2}
    assert conflicts.result()["datasets"] == ["x", "y"]


BOX = [0, 1, 2, 3, 4, 0]
MOVED = [1, 1, 2, 3, 5, 0]


@pytest.fixture
def three(toy, tmp_path):
    """Return the folder of three datasets: two say cat, one dog, of a; one has b besides."""
    toy("anna", [{"id": "a", "boxes": [BOX]}])
    toy("ben", [{"id": "a", "boxes": [BOX]}])
    toy("carla", [{"id": "a", "boxes": [MOVED]}, {"id": "b", "boxes": [MOVED]}])
    return tmp_path


def written(folder):
    found = json.loads((folder / "toy.json").read_text())
    return {item["id"]: item["boxes"] for item in found["items"]}


def test_datasets_are_voted_on(three, capsys):
    assert run(["merge", "anna", "ben", "carla", "--conflicts", "c.json", "-o", "out"]) == 0
    assert written(three / "out") == {"a": [BOX], "b": [MOVED]}
    said = capsys.readouterr().err
    assert "3 datasets → toy: 2 items, 2 annotations" in said
    assert "conflicts         1  items that not all datasets have" in said
    assert "2 conflicts written to c.json" in said
    found = json.loads((three / "c.json").read_text())
    assert found["datasets"] == ["anna", "ben", "carla"]
    assert found["counts"] == {"item": 1, "label": 1}


def test_as_the_manual_has_it(three, capsys):
    words = ["--quorum", "2", "-iou", "0.6", "--groups", "cat,dog?"]
    assert run(["merge", "anna/", "ben/", "carla/", *words]) == 0
    unlabelled = [None, *MOVED[1:]]  # one vote is too few
    assert written(three / "anna-merged") == {"a": [BOX], "b": [unlabelled]}
    assert "--conflicts FILE lists them" in capsys.readouterr().err


def test_json_has_the_conflicts(three, capsys):
    assert run(["merge", "anna", "carla", "-o", "out", "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["items"] == {"in": 3, "out": 2}
    assert found["conflicts"]["counts"] == {"item": 1, "label": 1}
    assert "conflicts" not in said.err


def test_a_forecast_has_the_conflicts(three, capsys):
    assert run(["merge", "anna", "carla", "-o", "out", "--dry-run"]) == 0
    assert "conflicts" in capsys.readouterr().err
    assert not (three / "out").exists()


def test_union_keeps_everything(three):
    assert run(["merge", "anna", "ben", "carla", "-m", "union", "-o", "out"]) == 0
    assert written(three / "out") == {"a": [BOX, MOVED], "b": [MOVED]}


def test_update_takes_the_newer(three):
    assert run(["merge", "carla", "anna", "--policy", "update", "-o", "out"]) == 0
    assert written(three / "out") == {"a": [BOX], "b": [MOVED]}


def test_a_project_is_updated_to_another_folder(three):
    run(["import", "-i", "anna", "-o", "first"])
    assert run(["merge", "-p", "first", "-o", "merged", "carla"]) == 0
    assert written(three / "merged") == {"a": [MOVED], "b": [MOVED]}
    config = json.loads((three / "first" / "dsk-project.json").read_text())
    assert len(config["sources"]) == 1
    assert run(["merge", "-p", "first", "-o", "voted", "ben", "carla", "--quorum", "2"]) == 0
    assert written(three / "voted")["a"] == [BOX]


def test_a_project_is_updated_in_its_place(three, monkeypatch):
    run(["import", "-i", "anna", "-o", "first"])
    monkeypatch.chdir(three / "first")
    assert run(["merge", "../carla"]) == 0
    assert run(["export", "-f", "toy", "-o", "../out"]) == 0
    assert written(three / "out") == {"a": [MOVED], "b": [MOVED]}
    before = (three / "first/dsk-project.json").read_bytes()
    for words, said in (
        (["--save-media"], "--save-media, but nothing"),
        (["-f", "toy"], "--format, but nothing"),
        (["--json"], "--json, but nothing"),
        (["-O", "x=1"], "-O, but nothing"),
        (["-m", "update", "--quorum", "2"], "nobody votes"),
        (["-m", "update", "--conflicts", "c.json"], "nobody votes"),
    ):
        with pytest.raises(UsageError, match=said):
            run(["merge", "../ben", *words])
    assert (three / "first/dsk-project.json").read_bytes() == before
    assert run(["merge", "../ben", "--conflicts", "c.json"]) == 0  # somebody wants a vote
    assert written(three / "first/first-merged")["a"] == [MOVED]  # carla's is the project's by now


def test_projects_are_merged(three):
    run(["import", "-i", "anna", "-o", "first"])
    run(["import", "-i", "carla", "-o", "second"])
    assert run(["merge", "first/", "second/", "-o", "out"]) == 0
    assert written(three / "out") == {"a": [BOX], "b": [MOVED]}
    assert run(["project", "-p", "first", "merge", "carla", "-o", "again"]) == 0
    assert written(three / "again") == {"a": [MOVED], "b": [MOVED]}


@pytest.mark.parametrize(
    ("words", "error", "reason"),
    [
        (["anna"], UsageError, "one dataset"),
        (["anna", "nowhere"], InputError, "nowhere"),
        (["anna", "ben", "-m", "both"], OptionError, "intersect, union, update"),
        (["anna", "ben", "-m", "union", "--quorum", "2"], UsageError, "nobody votes"),
        (["anna", "ben", "-m", "update", "--conflicts", "x"], UsageError, "nobody votes"),
        (["anna", "ben", "--conflicts", "anna/toy.json"], OutputExistsError, "of this name"),
        (["anna", "ben", "--conflicts", "anna"], OutputError, "a folder"),
        (["anna", "ben", "-iou", "7"], OptionError, "0 to 1"),
        (["anna", "ben", "-iou", "0"], OptionError, "0 to 1"),
        (["anna", "ben", "-f", "tay"], UsageError, "toy"),
        (["anna", "ben", "-o", "anna", "--overwrite"], OutputError, "anna"),
    ],
)
def test_what_makes_no_sense(three, words, error, reason):
    before = (three / "anna/toy.json").read_bytes()
    with pytest.raises(error, match=reason):
        run(["merge", *words])
    assert (three / "anna/toy.json").read_bytes() == before
    assert not (three / "anna-merged").exists()


def test_several_formats_need_one_to_write(three):
    words = ["merge", "-p", "first", "other", "-o", "out"]
    run(["import", "-i", "anna", "-o", "first"])
    run(["import", "-f", "other_toy", "-i", "ben", "-o", "other"])
    with pytest.raises(UsageError, match="several formats"):
        run(words)
    assert run([*words, "-f", "toy"]) == 0
    assert run(["merge", "anna:other_toy", "carla/:other_toy", "-f", "toy", "-o", "stated"]) == 0
    assert written(three / "stated") == {"a": [BOX], "b": [MOVED]}
