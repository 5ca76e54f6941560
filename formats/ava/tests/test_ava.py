"""AVA: tables, lists of actions, places of frames, oddities, what is written."""

from __future__ import annotations

import io

import pytest
from PIL import Image as Pillow

from dsk import Dataset
from dsk.annotations import Bbox
from dsk.categories import Categories, LabelCategory
from dsk.detect import detect
from dsk.errors import DskWarning, InputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image

ACTIONS = """\
label {
  name: "bend/bow (at the waist)"
  label_id: 1
  label_type: PERSON_MOVEMENT
}
# a remark
label {
  name: "talk to (e.g., self, a \\"person\\", {a} group)"
  label_id: 79
  label_type: PERSON_INTERACTION
}
"""
ROWS = """\
-5KQ66BBWC4,0902,0.25,0.5,0.75,1,1,3
-5KQ66BBWC4,0902,0.25,0.5,0.75,1,79,3
-5KQ66BBWC4,0902,0,0,0.5,0.5,1,4
-5KQ66BBWC4,0903,0,0,0.5,0.5,1,4
"""
EXCLUDED = "ava_train_excluded_timestamps_v2.2.csv"
VIDEO = "-5KQ66BBWC4"


def put(path, content=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def picture():
    out = io.BytesIO()
    Pillow.new("L", (40, 20)).save(out, "PNG")
    return out.getvalue()


def make(root, rows=ROWS, name="ava_train_v2.2.csv", actions=ACTIONS):
    put(root / "annotations" / name, rows)
    if actions:
        put(root / "annotations" / "ava_action_list_v2.2.pbtxt", actions)
    for time in ("0902", "0903"):
        put(root / "frames" / VIDEO / f"{VIDEO}_{time}.png", picture())


def read(root, **options):
    return Dataset.import_from(root, "ava", **options)


def best(root):
    return detect(open_root(root))[0].format


def test_boxes(tmp_path):
    make(tmp_path)
    dataset = read(tmp_path)
    labels = dataset.categories().labels
    names = ["bend/bow (at the waist)", 'talk to (e.g., self, a "person", {a} group)']
    assert [label.name for label in labels] == names
    assert [label.source_id for label in labels] == [1, 79]
    first, second = dataset
    assert (first.id, first.subset) == (f"{VIDEO}/0902", "train")
    assert first.media.exists
    assert first.annotations == [
        Bbox(10, 10, 20, 10, label=0, group=1, object_id=3, attributes={"track_id": 3}),
        Bbox(10, 10, 20, 10, label=1, group=1, object_id=3, attributes={"track_id": 3}),
        Bbox(0, 0, 20, 10, label=0, object_id=4, attributes={"track_id": 4}),
    ]
    assert second.annotations == [
        Bbox(0, 0, 20, 10, label=0, object_id=4, attributes={"track_id": 4})
    ]
    assert best(tmp_path) == "ava"


def test_there_and_back_nothing_is_lost(tmp_path):
    """Groups, numbers and types of actions, persons, and what is to be left out."""
    make(tmp_path)
    put(
        tmp_path / "annotations" / "ava_train_excluded_timestamps_v2.2.csv", f"{VIDEO},0903\nz,0905"
    )
    put(tmp_path / "frames" / "z" / "z_0905.JPG")
    report = read(tmp_path).export(tmp_path / "out", "ava", save_media=True)
    assert report.losses == []
    folder = tmp_path / "out" / "annotations"
    assert (folder / "ava_train_v2.2.csv").read_text() == ROWS
    assert (folder / EXCLUDED).read_text() == f"{VIDEO},0903\nz,0905\n"
    assert (folder / "ava_action_list_v2.2.pbtxt").read_text() == ACTIONS.replace(
        "# a remark\n", ""
    )
    assert (tmp_path / "out" / "frames" / VIDEO / f"{VIDEO}_0902.png").is_file()
    assert list(read(tmp_path / "out"))[1].attributes == {"excluded": True}


def test_excluded_frames_are_marked(tmp_path):
    make(tmp_path)
    put(
        tmp_path / "annotations" / "ava_train_excluded_timestamps_v2.2.csv", f"{VIDEO},0903\nz,0905"
    )
    found = [(i.id, len(i.annotations), i.attributes) for i in read(tmp_path)]
    assert found == [
        (f"{VIDEO}/0902", 3, {}),
        (f"{VIDEO}/0903", 1, {"excluded": True}),
        ("z/0905", 0, {"excluded": True}),
    ]


def test_versions_and_other_tables(tmp_path):
    """Of v2.1 and v2.2 the newer is read; lists of FAIR's detections are no tables."""
    make(tmp_path, f"{VIDEO},0902,0,0,1,1,1,1\n", "ava_val_v2.1.csv")
    make(tmp_path)
    make(tmp_path, "v,1,0,0,1,1,1,1\n", "ava_train_v2.1.csv")
    make(tmp_path, "v,1,0,0,1,1,,0.9\n", "ava_val_predicted_boxes.csv")
    make(tmp_path, f"{VIDEO},0902,,,,,,\n", "kinetics_val_v1.0.csv")
    found = [(i.subset, i.id) for i in read(tmp_path)]
    assert found == [
        ("train", f"{VIDEO}/0902"),
        ("train", f"{VIDEO}/0903"),
        ("val", f"{VIDEO}/0902"),
        ("kinetics_val", f"{VIDEO}/0902"),
    ]


def test_one_given_file(tmp_path):
    make(tmp_path)
    make(tmp_path, name="ava_val_v2.2.csv")
    dataset = read(tmp_path / "annotations" / "ava_val_v2.2.csv")
    assert {i.subset for i in dataset} == {"val"}
    assert all(i.media.exists for i in dataset)


def test_frames_at_thirty_a_second(tmp_path):
    put(tmp_path / "annotations" / "ava_train_v2.2.csv", "v,0902,0,0,1,1,1,1\nw,902,0,0,1,1,1,1\n")
    put(tmp_path / "rawframes" / "v" / "img_00061.jpg", picture())
    put(tmp_path / "frames" / "w" / "w_000061.jpg", picture())
    assert [i.annotations[0].bbox for i in read(tmp_path)] == [(0, 0, 40, 20)] * 2


def test_sizes_without_frames(tmp_path):
    put(tmp_path / "ava_train_v2.2.csv", ROWS)
    with pytest.raises(RecordError, match="size of its frame") as caught:
        list(read(tmp_path))
    assert caught.value.where.endswith("ava_train_v2.2.csv:1")
    put(tmp_path / "images.meta", f"{VIDEO}/0902 20 40\n{VIDEO}/0903 20 40\n")
    assert [len(i.annotations) for i in read(tmp_path)] == [3, 1]


def test_frames_with_numbers_of_their_own_tell_the_size(tmp_path):
    """As made at other rates, or from other seconds; which is which is not guessed."""
    put(tmp_path / "annotations" / "ava_train_v2.2.csv", "v,1,0,0,1,1,1,1\nv,2,0,0,1,1,1,1\n")
    put(tmp_path / "frames" / "v" / "v_000001.png", picture())
    with pytest.warns(DskWarning, match="frames are not there"):
        items = list(read(tmp_path))
    assert [i.annotations[0].bbox for i in items] == [(0, 0, 40, 20)] * 2
    assert [(i.media.size, i.media.exists) for i in items] == [((20, 40), False)] * 2
    put(tmp_path / "annotations" / "ava_val_v2.2.csv", "w,1,0,0,1,1,1,1\n")
    with pytest.raises(RecordError, match="size of its frame"):
        list(read(tmp_path))


def test_a_list_with_a_second_ending(tmp_path):
    make(tmp_path, actions="")
    put(tmp_path / "annotations" / "ava_action_list_v2.1_for_activitynet_2018.pbtxt.txt", ACTIONS)
    put(tmp_path / "annotations" / "notes.pbtxt.md.txt", "nothing")
    assert [label.source_id for label in read(tmp_path).categories().labels] == [1, 79]


def test_actions_that_no_list_names(tmp_path):
    """ActivityNet's list has 60 of the 80 actions that the tables have."""
    make(tmp_path, actions='item {\n  name: "bend"\n  id: 1\n}\n')
    dataset = read(tmp_path)
    assert dataset.categories().names == ["bend", "action-79"]
    make(tmp_path / "none", actions="")
    assert read(tmp_path / "none").categories().names == ["action-1", "action-79"]


def test_the_full_list_goes_before_activitynets(tmp_path):
    make(tmp_path)
    short = tmp_path / "annotations" / "ava_action_list_v2.2_for_activitynet_2019.pbtxt"
    put(short, 'item {\n  name: "bend"\n  id: 1\n}\n')
    assert read(tmp_path).categories().names[0] == "bend/bow (at the waist)"


def test_a_listed_action_without_a_number_is_number_zero(tmp_path):
    """Protobuf leaves out a 0; so does the list of Datumaro's own sample."""
    listed = 'label {\n  name: "sit"\n}\nlabel {\n  name: "stand"\n  label_id: 1\n}\n'
    make(tmp_path, f"{VIDEO},0902,0,0,1,1,0,5\n{VIDEO},0902,0,0,.5,1,1,6\n", actions=listed)
    dataset = read(tmp_path)
    assert [(x.name, x.source_id) for x in dataset.categories().labels] == [
        ("sit", 0),
        ("stand", 1),
    ]
    (item,) = dataset
    assert [a.label for a in item.annotations] == [0, 1]


def test_persons_as_attributes(tmp_path):
    """Datumaro has persons in ``track_id``; what is no number of a person is reported."""
    boxes = [
        Bbox(1, 2, 3, 4, label=0, attributes={"track_id": 7}),
        Bbox(2, 2, 3, 4, label=0, object_id=8, attributes={"track_id": 9}),
        Bbox(3, 2, 3, 4, label=0, attributes={"track_id": "x"}),
    ]
    items = [DatasetItem("v/1", "s", Image(path="a.jpg", size=(20, 40)), boxes)]
    report = Dataset.from_iterable(items, ["a"]).export(tmp_path / "o", "ava")
    assert [(e.code, e.count) for e in report.events] == [("DSK-L004", 2)]
    (item,) = read(tmp_path / "o")
    assert [(a.object_id, a.attributes) for a in item.annotations] == [
        (7, {"track_id": 7}),
        (8, {"track_id": 8}),
        (-1, {}),
    ]


def test_no_action_and_no_person(tmp_path):
    make(tmp_path, f"video_id,time,\n{VIDEO},0902,0,0,1,1,0,-1\n{VIDEO},0902,0,0,.5,1,,\n")
    (item,) = read(tmp_path)
    assert [(a.label, a.object_id) for a in item.annotations] == [(None, -1), (None, -1)]


def test_pixels_as_datumaro_writes_them(tmp_path):
    make(tmp_path, f"{VIDEO},0902,10.0,5.0,40.0,20.0,1,0\n")
    (item,) = read(tmp_path)
    assert item.annotations[0].bbox == (10, 5, 30, 15)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"{VIDEO},0902,0.1,0.1,x,0.2,1,1", "could not convert"),
        (f"{VIDEO},0902,0.1,0.1,nan,0.2,1,1", "corners"),
        (f"{VIDEO},0902,0.5,0.1,0.4,0.2,1,1", "corners"),
        (f"{VIDEO},0902,0.1,0.1,0.2,,1,1", "lacks a corner"),
        (f"{VIDEO},0902,0.1,0.1,0.2,0.2,1.5,1", "invalid literal"),
        (f"{VIDEO},0902,0.1,0.1,0.2,0.2,1,-7", "out of range"),
        (f"{VIDEO},0902,0.1,0.1,0.2,0.2,1,1,0.9", "9 cells"),
        (VIDEO, "bad row"),
        ("../../x,0902,0.1,0.1,0.2,0.2,1,1", "leads out"),
        ("v,../x,0.1,0.1,0.2,0.2,1,1", "leads out"),
    ],
)
def test_bad_rows(tmp_path, row, message):
    make(tmp_path, ROWS + row + "\n")
    with pytest.raises(RecordError, match=message) as caught:
        list(read(tmp_path))
    assert caught.value.where.endswith("ava_train_v2.2.csv:5")
    assert [len(i.annotations) for i in read(tmp_path, on_error="skip")] == [3, 1]


@pytest.mark.parametrize(
    "text", ["{}", "label {", "label { label_id: 1 }", "label { name: 'a' } " * 2, "\x00"]
)
def test_bad_lists_of_actions(tmp_path, text):
    make(tmp_path, actions=text)
    with pytest.raises(InputError, match="action"):
        read(tmp_path)


def test_text_of_the_list_with_codes(tmp_path):
    make(tmp_path, actions='label { name: "na\\303\\257ve\\n\\x41" label_id: 1 label_type: X }')
    assert read(tmp_path).categories().names == ["naïve\nA", "action-79"]


def test_groups(tmp_path):
    """A group comes back if it is one box of one person; others are reported."""
    one = [Bbox(1, 2, 3, 4, label=n, group=5, object_id=9) for n in (0, 1)]
    other = [Bbox(1, 2, 3, 4, label=0, group=1), Bbox(2, 2, 3, 4, label=0, group=1)]
    image = Image(path="a.jpg", size=(20, 40))
    items = [DatasetItem("v/1", "s", image, one), DatasetItem("v/2", "s", image, other)]
    report = Dataset.from_iterable(items, ["a", "b"]).export(tmp_path / "o", "ava")
    assert [(e.code, e.what, e.count) for e in report.events] == [("DSK-L005", "group", 1)]
    back = [[a.group for a in i.annotations] for i in read(tmp_path / "o")]
    assert back == [[1, 1], [0, 0]]


def test_no_action_where_an_action_has_number_zero(tmp_path):
    labels = [LabelCategory(n, source_id=i, extra={"ava": {}}) for i, n in enumerate("ab")]
    boxes = [Bbox(0, 0, 1, 1), Bbox(0, 0, 2, 2, label=0), Bbox(0, 0, 3, 3, label=1)]
    item = DatasetItem("v/0902", "train", Image("x.jpg", None, None, (10, 20)), boxes)
    dataset = Dataset.from_iterable([item], categories=Categories(labels=tuple(labels)))
    dataset.export(tmp_path, "ava")
    (found,) = read(tmp_path)
    assert [a.label for a in found.annotations] == [None, 0, 1]


def test_image_of_unknown_size(tmp_path):
    items = [DatasetItem("v/1", "s", Image(path="a.jpg"), [Bbox(1, 2, 3, 4, label=0)])]
    report = Dataset.from_iterable(items, ["a"]).export(tmp_path / "o", "ava")
    assert [(e.code, e.count) for e in report.events] == [("DSK-L018", 1)]
    assert report.annotations["out"] == 0
    assert [i.id for i in read(tmp_path / "o")] == ["v/1"]


def test_many_rows_with_one_that_is_bad(tmp_path):
    """Rows are read by columns where they are whole, one by one where they are not."""
    rows = [f"v{n // 5},{n % 5:04d},0.25,0.5,0.75,1.0,1,{n}\n" for n in range(9000)]
    sizes = "".join(f"v{n // 5}/{n % 5:04d} 20 40\n" for n in range(9000))
    put(tmp_path / "annotations" / "images.meta", sizes)
    make(tmp_path, "".join(rows))
    plain = list(read(tmp_path))
    rows.insert(5000, "v9,0001,0.25,0.5,0.1,1.0,1,1\n")
    make(tmp_path, "".join(rows))
    assert list(read(tmp_path, on_error="skip")) == plain
    assert [a.object_id for item in plain for a in item.annotations] == list(range(9000))
    with pytest.raises(RecordError) as caught:
        read(tmp_path)
    assert caught.value.where.endswith(":5001")


@pytest.mark.parametrize("home", ["AVA/ava_v2.2", "ava_v2.2", "Annotations", "a/annotations"])
@pytest.mark.parametrize("frames", ["Frames", "rawframes", ""])
def test_frames_beside_and_above_the_tables(home, frames, tmp_path):
    make(tmp_path / "made")
    (tmp_path / home).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "made" / "annotations").rename(tmp_path / home)
    target = tmp_path / home.rpartition("/")[0] / frames / VIDEO
    target.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "made" / "frames" / VIDEO).rename(target)
    (tmp_path / "made" / "frames").rmdir()
    first, _ = read(tmp_path)
    assert first.annotations[0].bbox == (10.0, 10.0, 20.0, 10.0)
    assert first.media.source == str(target / f"{VIDEO}_0902.png")


@pytest.mark.parametrize("name", [f"{VIDEO}_902.png", "902.png", "902.PNG"])
def test_frames_named_without_the_tables_zero(name, tmp_path):
    make(tmp_path)
    folder = tmp_path / "frames" / VIDEO
    (folder / f"{VIDEO}_0902.png").rename(folder / name)
    first, _ = read(tmp_path)
    assert first.media.source == str(folder / name)


def test_a_table_whose_first_row_is_bad_is_not_passed_over(tmp_path):
    make(tmp_path, "v,0902,0,0,nan,1,1,1\n" + ROWS)
    put(tmp_path / "annotations" / "ava_val_v2.2.csv", ROWS)
    with pytest.raises(RecordError, match="corners"):
        list(read(tmp_path))
    found = [i.subset for i in read(tmp_path, on_error="skip")]
    assert found == ["train", "train", "val", "val"]


def test_a_film_named_like_a_column(tmp_path):
    box = Bbox(1, 2, 3, 4, label=0)
    item = DatasetItem("video_id/1", "train", Image("a.jpg", size=(20, 40)), [box])
    Dataset.from_iterable([item], ["run"]).export(tmp_path, "ava")
    assert [(i.id, len(i.annotations)) for i in read(tmp_path)] == [("video_id/1", 1)]


@pytest.mark.parametrize("subset", ["a/b", "my_results", "train_excluded_timestamps", "Proposals"])
def test_subsets_that_no_table_can_be_named_after(subset, tmp_path):
    item = DatasetItem("v/1", subset, Image("a.jpg", size=(20, 40)), [Bbox(1, 2, 3, 4, label=0)])
    report = Dataset.from_iterable([item], ["run"]).export(tmp_path, "ava")
    assert "DSK-L012" in [event.code for event in report.events]
    assert [len(i.annotations) for i in read(tmp_path)] == [1]


def test_boxes_that_no_row_can_hold_are_reported(tmp_path):
    boxes = [Bbox(1, 2, w, 4, label=0) for w in (3, float("nan"), -2)]
    item = DatasetItem("v/1", "train", Image("a.jpg", size=(20, 40)), boxes)
    report = Dataset.from_iterable([item], ["run"]).export(tmp_path, "ava")
    assert (report.annotations["out"], report.annotations["dropped"]) == (1, 2)
    assert [len(i.annotations) for i in read(tmp_path)] == [1]


JOINED = ROWS.replace("\n", " ").encode()


@pytest.mark.parametrize("text", [ROWS.encode("utf-16"), JOINED], ids=["utf-16", "joined"])
@pytest.mark.parametrize(
    "name", ["ava_val_v2.2.csv", "kinetics_val_v1.0.csv", "ava_train_v2.3.csv"]
)
def test_damaged_tables_beside_good_ones_are_told(name, text, tmp_path):
    make(tmp_path)
    make(tmp_path, "film,1.0,2.0,NO_SPEECH\n", "ava_speech_labels_v1.csv")
    make(tmp_path, text, "ava_train_v2.1.csv")  # of two versions the newer is read
    assert not read(tmp_path).opening_ledger.warnings
    make(tmp_path, text, name)
    dataset = read(tmp_path)
    assert {item.subset for item in dataset} == {"train"}
    (told,) = dataset.opening_ledger.warnings
    assert f"annotations/{name} is not read" in told
