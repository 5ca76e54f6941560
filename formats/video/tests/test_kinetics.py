"""Kinetics tables and folders as they are met."""

from __future__ import annotations

import csv
import json
import zipfile

import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.detect import choose, detect
from dsk.errors import DskWarning, InputError, OutputError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import MediaElement

NAME = "kinetics"
HEAD = "label,youtube_id,time_start,time_end,split\n"


def facts(item):
    return [(a.label, a.attributes) for a in item.annotations]


def test_csv(tmp_path):
    (tmp_path / "train.csv").write_text(
        HEAD + "abseiling,-3B32lodo2M,59,69,train\r\n"
        '"hugging, long",-4-7_wxSWSc,63,73.5,train\n\nabseiling,x,0,10,train\n'
    )
    dataset = Dataset.import_from(tmp_path)
    assert dataset.categories().names == ["abseiling", "hugging, long"]
    items = {item.id: item for item in dataset}
    assert list(items) == ["-3B32lodo2M", "-4-7_wxSWSc", "x"]
    assert {item.subset for item in items.values()} == {"train"}
    assert facts(items["-4-7_wxSWSc"]) == [(1, {"time_start": 63, "time_end": 73.5})]


def test_json(tmp_path):
    record = {
        "annotations": {"label": "juggling balls", "segment": [4.0, 14.0]},
        "duration": 10.0,
        "subset": "validate",
        "url": "https://www.youtube.com/watch?v=abc",
    }
    (tmp_path / "validate.json").write_text(json.dumps({"abc": record}))
    assert choose(open_root(tmp_path)).format == NAME
    (item,) = Dataset.import_from(tmp_path / "validate.json")
    assert (item.id, item.subset) == ("abc", "validate")
    assert facts(item) == [(0, {"time_start": 4, "time_end": 14})]
    assert item.extra == {NAME: {"duration": 10.0, "url": record["url"]}}


def test_test_lists_have_no_labels(tmp_path):
    (tmp_path / "test.csv").write_text("youtube_id,time_start,time_end,split\nabc,1,11,test\n")
    (item,) = Dataset.import_from(tmp_path)
    assert (item.annotations, item.attributes) == ([], {"time_start": 1, "time_end": 11})


def test_the_csv_of_two_of_one_name(tmp_path):
    (tmp_path / "train.csv").write_text(HEAD + "a,one,0,1,train\n")
    (tmp_path / "train.json").write_text('{"two": {"annotations": {"segment": [0, 1]}}}')
    (tmp_path / "val.json").write_text('{"three": {"annotations": {"segment": [0, 1]}}}')
    found = {(item.id, item.subset) for item in Dataset.import_from(tmp_path, NAME)}
    assert found == {("one", "train"), ("three", "val")}


def test_other_tables_are_left_alone(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/train.csv").write_text("\ufeff" + HEAD + "a,one,0,1,train\n")
    (tmp_path / "kinetics_400_labels.csv").write_text("id,name\n0,abseiling\n")
    (tmp_path / "classes.json").write_text('["abseiling"]')
    (tmp_path / "dataset_meta.json").write_text('{"labels": ["b", "a"]}')
    dataset = Dataset.import_from(tmp_path)
    assert dataset.categories().names == ["b", "a"]
    assert [facts(item)[0][0] for item in dataset] == [1]


def test_clips_of_one_video_are_one_item(tmp_path):
    (tmp_path / "all.csv").write_text(
        HEAD + "a,one,0,1,train\nb,two,0,1,train\nb,one,5,6,train\na,one,0,1,val\n"
    )
    items = {(item.id, item.subset): item for item in Dataset.import_from(tmp_path)}
    assert [label for label, _ in facts(items["one", "train"])] == [0, 1]
    assert len(items) == 3


def test_further_clips_without_a_label_are_told(tmp_path):
    rows = "one,0,1,test\none,5,6,test\ntwo,0,1,test\n"
    (tmp_path / "test.csv").write_text("youtube_id,time_start,time_end,split\n" + rows)
    dataset = Dataset.import_from(tmp_path)
    with pytest.warns(DskWarning, match="further clips"):
        assert [item.id for item in dataset] == ["one", "two"]


def test_a_table_that_is_a_part_of_another(tmp_path):
    rows = "a,one,0,1,val\nb,one,0,1,val\na,two,0,1,val\n"
    (tmp_path / "val.csv").write_text(HEAD + rows)
    (tmp_path / "val_part.csv").write_text(HEAD + rows.replace("a,two,0", "a,two,0.5"))
    dataset = Dataset.import_from(tmp_path)
    with pytest.warns(DskWarning, match="listed twice"):
        items = {item.id: [label for label, _ in facts(item)] for item in dataset}
    assert items == {"one": [0, 1], "two": [0, 0]}
    dataset.export(tmp_path / "out", NAME)
    assert len((tmp_path / "out/val.csv").read_text().splitlines()) == 5


@pytest.mark.parametrize(
    "text",
    [
        '{"v": {"duration": 3, "annotations": [{"segment": [0, 1], "label": "a"}]}}',
        '{"v": {"subset": "training", "url": "https://www.youtube.com/v", "annotations": []}}',
        '{"database": {"v": {"subset": "training", "url": "https://www.youtube.com/watch?v=v"}}}',
    ],
)
def test_activitynets_lists_are_not_kinetics(tmp_path, text):
    (tmp_path / "train.json").write_text(text)
    assert NAME not in [found.format for found in detect(open_root(tmp_path))]


def test_videos_are_found_by_name(tmp_path):
    (tmp_path / "val.csv").write_text(
        HEAD + "a,ab-cd_ef_12,5,15,val\na,two,0,10,val\na,3,0,10,val\na,wo,0,10,val\n"
    )
    for name in (
        "train/a/two.mp4",
        "val/a/two.mkv",
        "val/a/ab-cd_ef_12_000005_000015.mp4",
        "clips/video_3.avi",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = {item.id: item.media for item in Dataset.import_from(tmp_path)}
    assert found["ab-cd_ef_12"].path == "val/a/ab-cd_ef_12_000005_000015.mp4"
    assert found["two"].read_bytes() == b"val/a/two.mkv"
    assert found["3"].path == "clips/video_3.avi"
    assert found["wo"] is None


def test_written_as_the_official_files(tmp_path):
    items = [
        DatasetItem(
            "v1",
            "train",
            MediaElement("clip.webm", b"film"),
            [
                Label(label=1, attributes={"time_start": 2.0, "time_end": 4.5}),
                Label(label=0, attributes={"time_start": "7", "time_end": "9"}),
            ],
            extra={NAME: {"is_cc": "1"}},
        ),
        DatasetItem("v2", "test", attributes={"time_start": 1}),
        DatasetItem("v3", "train", annotations=[Label(label=0)]),
    ]
    report = Dataset.from_iterable(items, ["a", "b"]).export(
        tmp_path / "out", NAME, save_media=True
    )
    assert [(e.code, e.what) for e in report.events] == [
        ("DSK-L015", "labels in the order of the clips")
    ]
    with (tmp_path / "out/train.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["label", "youtube_id", "time_start", "time_end", "split", "is_cc"],
            ["b", "v1", "2", "4.5", "train", "1"],
            ["a", "v1", "7", "9", "train", "1"],
            ["a", "v3", "", "", "train", ""],
        ]
    assert (tmp_path / "out/train/v1.webm").read_bytes() == b"film"
    back = {item.id: item for item in Dataset.import_from(tmp_path / "out")}
    assert back["v2"].attributes == {"time_start": 1}
    assert back["v1"].media.read_bytes() == b"film"
    assert back["v1"].extra == {NAME: {"is_cc": "1"}}


def test_times_that_are_no_numbers_are_reported(tmp_path):
    item = DatasetItem("v", annotations=[Label(label=0, attributes={"time_start": "soon"})])
    report = Dataset.from_iterable([item], ["a"]).export(tmp_path / "out", NAME)
    assert [(e.code, e.kind) for e in report.events] == [("DSK-L004", "label")]


def test_labels_without_a_name_are_refused(tmp_path):
    with pytest.raises(OutputError, match="label without a name"):
        Dataset.from_iterable([DatasetItem("v")], [""]).export(tmp_path / "out", NAME)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.csv", HEAD + "a,v,soon,1,train\n", r"a\.csv: row 1: time_start 'soon' is no number"),
        ("a.csv", HEAD + "a,v,nan,1,train\n", "'nan' is no number"),
        ("a.csv", HEAD + "a,,0,1,train\n", "row 1: the row has no youtube_id"),
        ("a.csv", HEAD + "a,../../v,0,1,train\n", "leads out of its folder"),
        ("a.csv", "", "there is no column youtube_id"),
        ("a.json", '{"v": {"annotations": {"segment": [0, 1]', "truncated"),
        ("a.json", "[]", "no Kinetics|not valid JSON"),
        ("a.json", '{"v": {"annotations": {"segment": ["a"]}}}', "lists no clips"),
        (
            "a.json",
            '{"u": {"annotations": {"segment": [0, 1]}}, "v": {"annotations": {"segment": [0]}}}',
            "a.json#/v: segment is no start and end",
        ),
    ],
)
def test_bad_tables(tmp_path, name, text, what):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=what):
        list(Dataset.import_from(tmp_path, NAME))


def test_damaged_tables_beside_good_ones_are_told(tmp_path):
    (tmp_path / "train.json").write_text('{"v": {"annotations": {"segment": [0, 1')
    (tmp_path / "val.csv").write_text(HEAD + "a,w,0,1,val\n")
    with pytest.raises(InputError, match=r"train\.json.*truncated"):
        Dataset.import_from(tmp_path, NAME)
    dataset = Dataset.import_from(tmp_path, NAME, on_error="skip")
    assert [item.id for item in dataset] == ["w"]
    assert dataset.opening_ledger.bad_count == 1


def test_one_table_finds_the_videos_beside_it(tmp_path):
    (tmp_path / "val.csv").write_text(HEAD + "a,one,0,1,val\n")
    (tmp_path / "train.csv").write_text(HEAD + "a,two,0,1,train\n")
    (tmp_path / "val").mkdir()
    (tmp_path / "val/one.mp4").write_bytes(b"film")
    (item,) = Dataset.import_from(tmp_path / "val.csv", NAME)
    assert item.media.path == "val/one.mp4"
    assert item.media.read_bytes() == b"film"


def test_odd_names_and_folders(tmp_path):
    (tmp_path / "train.csv").write_text(HEAD + "день 🎬,🎬 é,0,1,train\n", encoding="utf-8")
    (tmp_path / "val.csv").mkdir()  # a folder where a file should be
    (tmp_path / "train").mkdir()
    (tmp_path / "train/🎬 é.mp4").write_bytes(b"film")
    (tmp_path / "val.csv/🎬 é.mp4").write_bytes(b"another")
    dataset = Dataset.import_from(tmp_path)
    (item,) = dataset
    assert (item.id, item.media.path) == ("🎬 é", "train/🎬 é.mp4")
    dataset.export(tmp_path / "out", NAME, save_media=True, strict=True)
    (back,) = Dataset.import_from(tmp_path / "out")
    assert (back.id, back.media.read_bytes()) == ("🎬 é", b"film")
    with pytest.raises(InputError, match="no CSV or JSON file with clips"):
        Dataset.import_from(tmp_path / "val.csv", NAME)


def test_an_archive_is_read_like_a_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "k.zip", "w") as archive:
        archive.writestr("k/val.csv", HEAD + "a,one,0,1,val\na,gone,0,1,val\n")
        archive.writestr("k/val/one.mp4", b"film")
    items = {item.id: item for item in Dataset.import_from(tmp_path / "k.zip")}
    assert items["one"].media.read_bytes() == b"film"
    assert items["gone"].media is None


@pytest.mark.parametrize("media", [True, False])
def test_own_output_is_detected(tmp_path, media):
    items = [
        DatasetItem(name, subset, MediaElement(f"{name}.mp4", b"\0\0\0\x18ftypmp42film"))
        for name, subset in (("a", "train"), ("b", "val"))
    ]
    items = [item.replace(annotations=[Label(label=0)]) for item in items]
    Dataset.from_iterable(items, ["x"]).export(tmp_path / "out", NAME, save_media=media)
    found = detect(open_root(tmp_path / "out"))
    assert found[0].format == NAME
    assert [f.score for f in found[1:] if f.score > 5] == []


def test_bad_rows_are_skipped_on_request(tmp_path):
    (tmp_path / "a.csv").write_text(HEAD + "a,v,x,1,train\na,w,0,1,train\n")
    dataset = Dataset.import_from(tmp_path, NAME, on_error="skip")
    assert [item.id for item in dataset] == ["w"]
    assert dataset.opening_ledger.bad_count == 1


def test_blank_lines_before_the_columns(tmp_path):
    (tmp_path / "train.csv").write_text(f"\r\n\n{HEAD}dance,abc,1,2,train\n")
    assert [i.id for i in Dataset.import_from(tmp_path)] == ["abc"]


def test_times_of_a_video_with_labels_are_reported(tmp_path):
    label = Label(label=0, attributes={"time_start": 3})
    item = DatasetItem("abc", "train", None, [label], {"time_start": 1, "time_end": 9})
    report = Dataset.from_iterable([item], ["dance"]).export(tmp_path, "kinetics")
    found = {event.what: event.code for event in report.events}
    assert found == {
        "time_start of a whole video that has labels": "DSK-L009",
        "time_end of a whole video that has labels": "DSK-L009",
    }


def test_a_table_given_by_itself_finds_its_videos(tmp_path):
    for name in ("annotations/train.csv", "annotations/val.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{HEAD}dance,abc,1,2,\n")
    (tmp_path / "train").mkdir()
    (tmp_path / "train/abc.mp4").write_bytes(b"film")
    (item,) = Dataset.import_from(tmp_path / "annotations/train.csv")
    assert (item.id, item.subset, item.media.read_bytes()) == ("abc", "train", b"film")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("val.csv", b"a,w,0,1,val\n", "no column youtube_id"),
        ("validate.csv", HEAD[:9].encode() + b"\xff\n", "not UTF-8"),
        ("kinetics_val/kinetics-400_val.csv", b"", "no column youtube_id"),
        ("test.json", b'{"v": {"anno', "JSON"),
    ],
)
def test_damaged_first_lines_are_told(name, text, why, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(text)
    (tmp_path / "train.csv").write_text(HEAD + "a,v,0,1,train\n")
    (tmp_path / "labels.csv").write_text("id,name\n0,a\n")
    (tmp_path / "features").mkdir()
    (tmp_path / "features/test.csv").write_text("0.5,0.5\n")
    dataset = Dataset.import_from(tmp_path, NAME)
    assert [item.id for item in dataset] == ["v"]
    (told,) = dataset.opening_ledger.warnings
    assert f"{name} is not read: " in told
    assert why in told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lable,youtube_id,split,url\na,v,train,u\n", "no column label, and its column lable"),
        (HEAD.strip() + " ,v,0,1,train ,w,0,1,train", "has no rows"),
        (HEAD, ""),
        ("youtube_id,split,url\nv,test,u\n", ""),
        (",youtube_id,split\n0,v,test\n", ""),
    ],
)
def test_odd_first_lines_are_told(text, why, tmp_path):
    (tmp_path / "train.csv").write_text(text)
    told = list(Dataset.import_from(tmp_path, NAME).opening_ledger.warnings)
    assert (len(told), all(why in line for line in told)) == (bool(why), True)


def test_rows_with_more_cells_than_columns_are_bad(tmp_path):
    (tmp_path / "train.csv").write_text(HEAD + "a,v,0,1,train,\na,w,0,1,train a,x,0,1,train\n")
    with pytest.raises(InputError, match="row 2: a row of 9 cells, not 5"):
        list(Dataset.import_from(tmp_path, NAME))
    assert [item.id for item in Dataset.import_from(tmp_path, NAME, on_error="skip")] == ["v"]


def test_stated_labels_of_one_name_do_not_shift_the_others(tmp_path):
    (tmp_path / "dataset_meta.json").write_text('{"labels": ["a", "b", "a"]}')
    (tmp_path / "train.csv").write_text(HEAD + "c,u,0,1,train\nb,v,0,1,train\na,w,0,1,train\n")
    dataset = Dataset.import_from(tmp_path, NAME)
    assert [facts(item)[0][0] for item in dataset] == [3, 1, 0]
    assert dataset.categories().names == ["a", "b", "a", "c"]


@pytest.mark.parametrize("save_dataset_meta", [False, True])
def test_labels_given_twice_are_told(tmp_path, save_dataset_meta):
    """The table knows labels by their names."""
    items = [DatasetItem(name, annotations=[Label(label=n)]) for n, name in enumerate("ab")]
    dataset = Dataset.from_iterable(items, ["jump", "jump"])
    report = dataset.export(tmp_path / "out", NAME, save_dataset_meta=save_dataset_meta)
    assert [(e.code, e.what) for e in report.events] == [
        ("DSK-L010", "labels of equal names and other parents")
    ]
