"""What is written trains as it is: the checks that Ultralytics makes find nothing."""

import warnings

import pytest
import trainer
import yaml

from dsk.annotations import Bbox, Label, Polygon, RotatedBbox, Skeleton
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.dataset import Dataset
from dsk.errors import OptionError, OutputError
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.testing.samples import encoded_image

SIZE = (48, 64)


def image(name="a"):
    return Image(f"{name}.png", encoded_image(1), None, SIZE)


def dataset(*annotations, subsets=("train", "val"), categories=("cat", "dog"), ids=("a", "b")):
    items = [
        DatasetItem(name, subset, image(name), annotations) for subset in subsets for name in ids
    ]
    return Dataset.from_iterable(items, categories)


def export(source, path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return source.export(path, "yolo", **{"save_media": True, **options})


def rows(folder, name="a", subset="train"):
    return (folder / "labels" / subset / f"{name}.txt").read_text("utf-8").splitlines()


OUTSIDE = {
    "detect": Bbox(50, 40, 30, 30, label=1),
    "segment": Polygon([-5, -5, 70, 10, 30, 60], label=1),
    "obb": RotatedBbox(60, 40, 30, 20, 30, label=1),
    "pose": Skeleton([10, 10, 70, 20, 0, 0], [2, 2, 0], bbox=(5, 5, 70, 30), label=1),
}
INSIDE = {
    "detect": Bbox(10, 10, 20, 10, label=0),
    "segment": Polygon([10, 10, 20, 10, 15, 30], label=0),
    "obb": RotatedBbox(30, 20, 10, 6, 30, label=0),
    "pose": Skeleton([10, 10, 20, 20, 30, 12], [2, 1, 2], label=0),
}
POSE = Categories(
    labels=(LabelCategory("cat"), LabelCategory("dog")),
    points={n: PointsCategory(("nose", "eye", "tail"), ((0, 1),)) for n in (0, 1)},
)


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("task", sorted(INSIDE))
def test_every_task_trains(task, lists, tmp_path):
    source = dataset(INSIDE[task], OUTSIDE[task], categories=POSE, ids=("a", "x/images/b", "é 2"))
    report = export(source, tmp_path / "out", task=task, lists=lists)
    assert report.annotations["out"] == 12
    assert trainer.problems(tmp_path / "out") == []
    seen = trainer.images_of(tmp_path / "out" / ("train.txt" if lists else "images/train"))
    assert [len(trainer.rows_of(f)) for f in seen] == [2, 2, 2]


def test_the_darknet_layout_trains_in_ultralytics_too(tmp_path):
    source = dataset(INSIDE["detect"], ids=("a", "x/images/b"))
    export(source, tmp_path / "out")
    assert (tmp_path / "out" / "obj.data").read_text() == (
        "classes = 2\ntrain = data/train.txt\nval = data/val.txt\n"
        "names = data/obj.names\nbackup = backup/\n"
    )
    assert trainer.problems(tmp_path / "out") == []
    seen = trainer.images_of(tmp_path / "out" / "obj_val_data")
    assert [len(trainer.rows_of(f)) for f in seen] == [1, 1]


@pytest.mark.parametrize(
    ("subsets", "keys"),
    [
        (("train",), {"train": "images/train", "val": "images/train"}),
        (("val",), {"train": "images/val", "val": "images/val"}),
        (("test",), {"train": "images/test", "val": "images/test", "test": "images/test"}),
        (("train", "valid", "test"), {"train": 1, "val": "images/valid", "test": 1}),
        (("train2017", "val2017"), {"train": "images/train2017", "val": "images/val2017"}),
        (("train", "val", "valid"), {"train": 1, "val": "images/val", "valid": "images/valid"}),
        (("default",), {"train": "images/train", "val": "images/train"}),
        (("cam1", "cam2"), {"train": "images/cam1", "val": 1, "cam1": 1, "cam2": "images/cam2"}),
    ],
)
def test_train_and_val_are_always_there(subsets, keys, tmp_path):
    export(dataset(INSIDE["detect"], subsets=subsets), tmp_path / "out", task="detect")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())
    for key, value in keys.items():
        assert key in data
        assert value in (1, data[key])
    assert trainer.problems(tmp_path / "out") == []


@pytest.mark.parametrize("options", [{}, {"task": "detect"}, {"task": "classify"}])
def test_a_subset_named_like_a_folder_in_another_one(tmp_path, options):
    marks = [Bbox(1, 2, 3, 4, label=0), Label(label=0)]
    source = dataset(*marks, subsets=("train", "train/night"), ids=("a",))
    report = export(source, tmp_path / "out", **options)
    assert any(
        "subset 'train/night' is called 'train_night'" in event.what for event in report.events
    )
    found = list(Dataset.import_from(tmp_path / "out", "yolo"))
    assert sorted(i.subset for i in found) == ["train", "train_night"]
    assert all(len(i.annotations) == 1 for i in found)


def test_a_subset_that_is_no_key_of_a_line(tmp_path):
    source = dataset(Bbox(1, 2, 3, 4, label=0), subsets=("a=b", " x\ny"), ids=("a",))
    report = export(source, tmp_path / "out")
    told = [event.what for event in report.events]
    assert "subset 'a=b' is called 'a_b'" in told
    assert "subset ' x\\ny' is called 'x_y'" in told
    found = list(Dataset.import_from(tmp_path / "out", "yolo"))
    assert sorted((i.subset, len(i.annotations)) for i in found) == [("a_b", 1), ("x_y", 1)]


@pytest.mark.parametrize("subset", ["names", "nc", "backup", "kpt_shape", "images", "Label"])
def test_subsets_called_like_keys_and_folders_are_renamed(subset, tmp_path):
    report = export(dataset(Bbox(1, 2, 3, 4, label=0), subsets=(subset,)), tmp_path / "out")
    assert f"subset '{subset}' is called '{subset}_'" in [event.what for event in report.events]
    items = list(Dataset.import_from(tmp_path / "out", "yolo"))
    assert {(i.subset, len(i.annotations)) for i in items} == {(f"{subset}_", 1)}


def test_class_ids_are_contiguous_without_joints(tmp_path):
    categories = Categories(
        labels=(
            LabelCategory("person"),
            LabelCategory("nose", parent="person"),
            LabelCategory("car", parent="vehicle"),
        ),
        points={0: PointsCategory(("nose",))},
    )
    source = dataset(Bbox(1, 2, 3, 4, label=2), Bbox(1, 2, 3, 4, label=1), categories=categories)
    report = export(source, tmp_path / "out", task="detect")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())
    assert data["names"] == {0: "person", 1: "car"}
    assert [r.split()[0] for r in rows(tmp_path / "out")] == ["1"]
    assert report.annotations["dropped"] == 4


@pytest.mark.parametrize("name", ["yes", "007", "a: b", "#x", "null", "日本 🙂", "two\nlines", ""])
def test_names_survive_yaml(name, tmp_path):
    export(dataset(INSIDE["detect"], categories=("x", name)), tmp_path / "out", task="detect")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    assert data["names"] == {0: "x", 1: name}


def test_clipping_is_counted_and_can_be_turned_off(tmp_path):
    source = dataset(OUTSIDE["detect"], subsets=("train",), ids=("a",))
    report = export(source, tmp_path / "out", task="detect")
    assert rows(tmp_path / "out") == ["1 0.890625 0.916667 0.218750 0.166667"]
    assert [(e.code, e.count) for e in report.losses] == [("DSK-L007", 1)]
    report = export(source, tmp_path / "raw", task="detect", clip=False)
    assert rows(tmp_path / "raw") == ["1 1.015625 1.145833 0.468750 0.625000"]
    assert report.losses == []
    assert any("-O clip=true" in w for w in report.warnings)
    assert trainer.problems(tmp_path / "raw") != []


def test_a_box_that_only_sticks_out_stays_as_it_is(tmp_path):
    source = dataset(Bbox(-5, -5, 20, 20, label=0), subsets=("train",), ids=("a",))
    report = export(source, tmp_path / "out", task="detect")
    assert rows(tmp_path / "out") == ["0 0.078125 0.104167 0.312500 0.416667"]
    assert report.losses == []


@pytest.mark.parametrize(
    ("task", "a"),
    [
        ("detect", Bbox(100, 10, 20, 20, label=0)),
        ("segment", Polygon([100, 10, 120, 10, 110, 20], label=0)),
        ("obb", RotatedBbox(-40, 20, 10, 10, 20, label=0)),
    ],
)
def test_what_lies_outside_is_dropped(task, a, tmp_path):
    report = export(dataset(a, subsets=("train",), ids=("a",)), tmp_path / "out", task=task)
    assert rows(tmp_path / "out") == []
    assert report.annotations == {
        "in": 1, "out": 0, "changed": report.annotations["changed"], "dropped": 1,
        "merged": 0, "split": 0, "removed": 0,
    }  # fmt: skip
    assert "DSK-L017" in [e.code for e in report.events]


def test_crowds_are_left_out_or_kept(tmp_path):
    source = dataset(
        Bbox(1, 2, 3, 4, label=0, attributes={"is_crowd": True}),
        Bbox(1, 2, 3, 4, label=1, attributes={"is_crowd": False}),
        subsets=("train",), ids=("a",),
    )  # fmt: skip
    report = export(source, tmp_path / "out", task="detect")
    assert [r[0] for r in rows(tmp_path / "out")] == ["1"]
    assert [(e.code, e.count) for e in report.losses] == [("DSK-L017", 1)]
    report = export(source, tmp_path / "kept", task="detect", crowd="keep")
    assert [r[0] for r in rows(tmp_path / "kept")] == ["0", "1"]
    assert [(e.code, e.what) for e in report.losses] == [("DSK-L004", "attribute is_crowd")]


def test_a_rotated_box_of_datumaro_is_no_upright_box(tmp_path):
    box = Bbox(22, 14, 20, 20, label=0, attributes={"rotation": 45.0})
    source = dataset(box, subsets=("train",), ids=("a",))
    export(source, tmp_path / "out", task="detect")
    assert rows(tmp_path / "out") == ["0 0.500000 0.500000 0.441942 0.589256"]
    export(source, tmp_path / "obb", task="obb")
    xs = [float(v) * 64 for v in rows(tmp_path / "obb")[0].split()[1::2]]
    assert xs == pytest.approx([32, 32 + 14.142, 32, 32 - 14.142], abs=1e-3)


def test_items_without_size_are_reported(tmp_path):
    items = [DatasetItem("a", "train", Image("a.jpg"), [Bbox(1, 2, 3, 4, label=0)])]
    report = export(Dataset.from_iterable(items, ["x"]), tmp_path / "out", task="detect")
    assert {e.code for e in report.events} >= {"DSK-L008", "DSK-L018"}
    assert report.annotations["out"] == 0


def test_skeletons_without_named_keypoints(tmp_path):
    source = dataset(INSIDE["pose"], categories=("cat",), subsets=("train",), ids=("a",))
    export(source, tmp_path / "out", task="pose")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())
    assert data["kpt_shape"] == [3, 3]
    two = Skeleton([1, 2, 3, 4], [2, 2], label=0)
    source = dataset(INSIDE["pose"], two, categories=("cat",), subsets=("train",), ids=("a",))
    with pytest.raises(OutputError, match="2, 3 points"):
        export(source, tmp_path / "mixed", task="pose")


def test_darknet_has_no_outlines(tmp_path):
    with pytest.raises(OptionError, match="segment"):
        export(dataset(), tmp_path / "out", task="segment", layout="darknet")


def test_classify_has_folders_of_classes(tmp_path):
    items = [
        DatasetItem("a", "train", image("a"), [Label(label=0), Label(label=1)]),
        DatasetItem("cat/b", "train", image("b"), [Label(label=0)]),
        DatasetItem("c", "val", image("c")),
    ]
    report = export(Dataset.from_iterable(items, ["cat", "a/b"]), tmp_path / "out", task="classify")
    files = sorted(p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("*.png"))
    assert files == ["train/a_b/a.png", "train/cat/a.png", "train/cat/b.png", "val/no_label/c.png"]
    assert any("same classes" in w for w in report.warnings)
    back = {i.id: [a.label for a in i.annotations] for i in Dataset.import_from(tmp_path / "out")}
    assert back == {"a": [0, 1], "cat/b": [0], "c": []}


@pytest.mark.parametrize("task", ["auto", "detect", "classify"])
def test_any_number_of_jobs_writes_the_same(task, tmp_path):
    a = Label(label=0) if task == "classify" else INSIDE["detect"]
    source = dataset(a, ids=[f"i{n}" for n in range(1500)])
    for jobs in (1, 2):
        export(source, tmp_path / str(jobs), task=task, jobs=jobs, save_media=False)
    trees = [
        {p.relative_to(r).as_posix(): p.read_bytes() for p in r.rglob("*") if p.is_file()}
        for r in (tmp_path / "1", tmp_path / "2")
    ]
    assert trees[0] == trees[1]
    assert len(trees[0]) > 2


BROKEN = {
    "detect": Bbox(float("nan"), 1, 2, 3, label=0),
    "segment": Polygon([float("nan"), 1, 2, 2, 3, 3], label=0),
    "obb": Polygon([float("inf"), 1, 2, 2, 3, 3, 4, 1], label=0),
    "pose": Skeleton([1, 1, float("nan"), 2, 3, 3], [2, 2, 2], bbox=(1, 1, 3, 3), label=0),
}


@pytest.mark.parametrize("task", sorted(BROKEN))
@pytest.mark.parametrize("clip", [True, False])
def test_no_row_says_nan(task, clip, tmp_path):
    categories = POSE if task == "pose" else ("cat", "dog")
    source = dataset(INSIDE[task], BROKEN[task], ids=("a",), categories=categories)
    report = export(source, tmp_path / "o", task=task, clip=clip)
    assert not any("nan" in row or "inf" in row for row in rows(tmp_path / "o"))
    assert len(rows(tmp_path / "o")) == 1
    assert report.annotations["dropped"] == 2
    assert report.annotations["changed"] == 0


@pytest.mark.parametrize("task", ["segment", "obb"])
def test_an_odd_list_of_numbers_is_no_outline(task, tmp_path):
    source = dataset(Polygon([1, 1, 5, 1, 5, 5, 9], label=0), ids=("a",), subsets=("train",))
    report = export(source, tmp_path / "o", task=task)
    assert rows(tmp_path / "o") == []
    assert report.annotations["dropped"] == 1


def test_an_image_of_no_extent_has_no_rows(tmp_path):
    picture = Image("a.png", None, None, (0, 0))
    item = DatasetItem("a", "train", picture, [Bbox(1, 1, 2, 2, label=0)])
    report = export(Dataset.from_iterable([item], ["cat"]), tmp_path / "o", save_media=False)
    assert [e.code for e in report.losses] == ["DSK-L008", "DSK-L018"]
