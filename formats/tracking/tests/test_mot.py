"""MOT Challenge: tables, sequences, labels, what is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox
from dsk.categories import Categories
from dsk.detect import detect
from dsk.errors import InputError, OpeningWarning, RecordError
from dsk.files import open_root
from dsk.flow import ListSource
from dsk.item import DatasetItem
from dsk.media import Image
from dsk_tracking.numbering import number_frames
from dsk_tracking.sequences import LABELS

if TYPE_CHECKING:
    from pathlib import Path

INFO = """[Sequence]
name=MOT17-02
imDir=Frames
frameRate=30
seqLength=3
imWidth=1920
imHeight=1080
imExt=.jpg
extra=1
"""


def sequence(folder: Path, rows: str, *, table: str = "gt", info: str = "") -> Path:
    (folder / table).mkdir(parents=True, exist_ok=True)
    (folder / table / f"{table}.txt").write_text(rows)
    if info:
        (folder / "seqinfo.ini").write_text(info)
    return folder


def read(folder: Path, **options: object) -> dict[str, DatasetItem]:
    return {item.id: item for item in Dataset.import_from(folder, "mot_seq", **options)}


def test_rows_of_mot15_end_in_world_coordinates(tmp_path: Path) -> None:
    items = read(sequence(tmp_path, "1,3,10.5,20,30,40,1,-2.25,7.5,0\n1,4,0,0,1,1,0,-1,-1,-1\n"))
    first, second = items["1"].annotations
    assert first.label is None
    assert first.attributes == {
        "track_id": 3,
        "visibility": 1.0,
        "occluded": False,
        "ignored": False,
    }
    assert (first.x, first.object_id) == (10.5, 3)
    assert second.attributes["ignored"] is True


def test_unknown_visibility_is_not_occluded(tmp_path: Path) -> None:
    boxes = read(sequence(tmp_path, "1,1,0,0,1,1,1,1,-1\n1,2,0,0,1,1,1,1,0\n"))["1"].annotations
    assert [a.attributes["occluded"] for a in boxes] == [False, True]


@pytest.mark.parametrize(
    "rows",
    [
        "2,1,0,0,1,1,1,1,1\n1,1,5,5,1,1,1,1,1\n",
        "2,1,0,0,1,1,1,1,1\r\n1,1,5,5,1,1,1,1,1\r\n\r\n",
        "2,1,0,0,1,1,1,1,1\r1,1,5,5,1,1,1,1,1\r",
        "2 1 0 0 1 1 0 0 -1\r1 1 5 5 1 1 1 1 1",
        "\ufeff2.0,1.0,0,0,1,1,1,1,1\n1, 1, 5, 5, 1, 1, 1, 1, 1",
        "2,1,0,0,1,1,1\n1,1,5,5,1,1,1,1,1\n",
        "2,1,0,0,1,1,1,1,1,\n1,1,5,5,1,1,1,,\n",
        " 2 1 0 0 1 1 0 0 -1 \r\n1\t1  5 5 1 1 1 1 1\r\n",
        "2 1 0 0 1 1 -1 -1 -1 0\n1 1 5 5 1 1\n",
    ],
)
def test_tables_may_be_written_otherwise(tmp_path: Path, rows: str) -> None:
    items = read(sequence(tmp_path, rows))
    assert list(items) == ["1", "2"]
    assert items["1"].annotations[0].x == 5


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ("1,1,10.,.5,1e+02,1,1,1,1", True),
        ("1, 1, 5, 5, 1, 1, 1, 1, 1,", True),
        ("1,-1,5,5,1,1,0.5,-1,-1,-1", True),
        ("1,1,5,5,1,1,1,1,1,1,1", False),
        ("1,1,a,5,1,1,1,1,1", False),
        ("1 1 5.5 5\t1 1 1 1 1 ", True),
        ("1 1, 5 5 1 1 1 1 1", False),
        ("1 2001 2 480 640 3", False),
    ],
)
def test_detection_by_rows(tmp_path: Path, row: str, *, known: bool) -> None:
    found = detect(open_root(sequence(tmp_path, f"{row}\n")))
    assert [c.score for c in found if c.format == "mot_seq"] == [85] * known


@pytest.mark.parametrize(
    "row",
    [
        "1,1,nan,0,1,1,1,1,1",
        "1,1,0,0",
        "1,1,a,0,1,1,1,1,1",
        "1.5,1,0,0,1,1,1,1,1",
        "-1,1,0,0,1,1",
        "1,1,,0,1,1,1,1,1",
    ],
)
def test_bad_rows_name_their_line(tmp_path: Path, row: str) -> None:
    folder = sequence(tmp_path, f"1,1,0,0,1,1,1,1,1\n{row}\n2,1,0,0,1,1,1,1,1\n")
    with pytest.raises(RecordError, match=r"gt\.txt:2"):
        read(folder)
    dataset = Dataset.import_from(folder, "mot_seq", on_error="skip")
    assert sum(len(item.annotations) for item in dataset) == 2


@pytest.mark.parametrize(
    ("row", "warning"),
    [
        ("1,1,0,0,1,1,1,-2.25,7.5,0", "places in the world"),
        ("1,1,0,0,1,1,1,1,1,5,6", "columns behind the ninth"),
        ("1,1,0,0,1,1,1,0,1", "class 0"),
        ("1,1,0,0,1,1,1,-1,-1,-1", ""),
    ],
)
@pytest.mark.parametrize("other", ["", "2,1,0,0,1,1\n"])
def test_columns_that_are_left_out(tmp_path: Path, row: str, warning: str, other: str) -> None:
    dataset = Dataset.import_from(sequence(tmp_path, f"{row}\n{other}"), "mot_seq")
    warnings = list(dataset.opening_ledger.warnings)
    assert [warning in text for text in warnings] == [True] * bool(warning)
    assert dataset.get("1").annotations[0].label == (0 if warning.startswith("columns") else None)


def test_rows_without_a_class_may_get_a_label(tmp_path: Path) -> None:
    rows = "1,1,0,0,1,1,1,-1,-1,-1\n1,2,0,0,1,1,1\n1,3,0,0,1,1,1,0,1\n1,4,0,0,1,1,1,3,1\n"
    folder = sequence(tmp_path, rows)
    assert [a.label for a in read(folder)["1"].annotations] == [None, None, None, 2]
    dataset = Dataset.import_from(folder, "mot_seq", default_label="pedestrian")
    assert [a.label for a in dataset.get("1").annotations] == [0, 0, None, 2]
    dataset = Dataset.import_from(folder, "mot_seq", default_label="sheep", labels=["a", "b", "c"])
    assert dataset.header.categories.names == ["a", "b", "c", "sheep"]
    assert [a.label for a in dataset.get("1").annotations] == [3, 3, None, 2]


def test_class_13_is_the_crowd_of_mot20(tmp_path: Path) -> None:
    dataset = Dataset.import_from(sequence(tmp_path, "1,1,0,0,1,1,1,13,1\n"), "mot_seq")
    assert dataset.categories().names == list(LABELS)
    for bad in (14, -2):
        folder = sequence(tmp_path, f"1,1,0,0,1,1,1,{bad},1\n1,2,0,0,1,1,1,1,1\n")
        with pytest.raises(RecordError, match=f"class {bad} of 1 rows"):
            read(folder)
        (kept,) = read(folder, on_error="skip")["1"].annotations
        assert kept.object_id == 2


def test_seqinfo_keeps_its_capitals(tmp_path: Path) -> None:
    folder = sequence(tmp_path, "2,1,0,0,1,1,1,1,1\n", info=INFO)
    items = read(folder)
    assert list(items) == ["1", "2", "3"]
    media = items["1"].media
    assert (media.path, media.size) == ("Frames/000001.jpg", (1080, 1920))
    assert len(items["2"].annotations) == 1


def test_damaged_seqinfo(tmp_path: Path) -> None:
    folder = sequence(tmp_path, "", info=INFO.replace("1920", "wide"))
    with pytest.raises(InputError, match="imwidth"):
        read(folder)
    (folder / "seqinfo.ini").write_text(INFO.replace("seqLength=3", "seqLength=99999999999"))
    with pytest.raises(InputError, match="seqlength"):
        read(folder)


@pytest.mark.parametrize("info", ["", "no keys\n", INFO.replace("seqLength=3\n", "")])
def test_seqinfo_without_a_length_is_told(tmp_path: Path, info: str) -> None:
    folder = sequence(tmp_path, "2,1,0,0,1,1,1,1,1\n")
    (folder / "seqinfo.ini").write_text(info)
    with pytest.warns(OpeningWarning, match=r"seqinfo\.ini states no length"):
        assert list(read(folder)) == ["2"]


def test_several_sequences(tmp_path: Path) -> None:
    for name in ("train/MOT17-02", "train/MOT17-04"):
        sequence(tmp_path / "MOT17" / name, "1,1,0,0,1,1,1,1,1\n", info=INFO)
    sequence(tmp_path / "MOT17/test/MOT17-01", "1,-1,0,0,1,1,0.5\n", table="det", info=INFO)
    dataset = Dataset.import_from(tmp_path, "mot_seq")
    ids = [(item.subset, item.id) for item in dataset if item.annotations]
    assert ids == [("train", "MOT17-02/1"), ("train", "MOT17-04/1")]
    assert {item.subset for item in dataset} == {"train", "test"}
    detected = read(tmp_path, rows="det")["MOT17-01/1"].annotations[0]
    assert (detected.attributes, detected.object_id) == ({"score": 0.5}, -1)


def test_subsets_by_folders(tmp_path: Path) -> None:
    rows = "1,1,0,0,1,1,1,1,1\n"
    for place in ("MOT17/train/02", "MOT20/train/02", "MOT20/train/03", "MOT20/Test/04"):
        sequence(tmp_path / place, rows)
    wanted = {
        ("train", "MOT17/02/1"),
        ("train", "MOT20/02/1"),
        ("train", "03/1"),
        ("Test", "04/1"),
    }
    assert {(i.subset, i.id) for i in Dataset.import_from(tmp_path, "mot_seq")} == wanted
    for place, ids in {
        "MOT17": {("train", "1")},
        "MOT17/train": {("train", "1")},
        "MOT20/train": {("train", "02/1"), ("train", "03/1")},
        "MOT20/train/02": {("default", "1")},
    }.items():
        found = Dataset.import_from(tmp_path / place, "mot_seq")
        assert {(i.subset, i.id) for i in found} == ids


@pytest.mark.parametrize(
    ("place", "subset", "name"),
    [
        ("train1/dancetrack0001", "train1", "dancetrack0001"),  # as DanceTrack's archives unpack
        ("gt/mot_challenge/MOT17-train/MOT17-02-DPM", "train", "MOT17-02-DPM"),  # TrackEval's data
        ("det/MOT17-02", "default", "det/MOT17-02"),
        ("videos/test-1", "default", "videos/test-1"),
        ("val2/train/MOT17-02", "train", "MOT17-02"),
    ],
)
def test_folders_above_sequences(tmp_path: Path, place: str, subset: str, name: str) -> None:
    sequence(tmp_path / place, "1,1,0,0,1,1,1,1,1\n")
    sequence(tmp_path / "val/x", "1,1,0,0,1,1,1,1,1\n")
    found = {(i.subset, i.id) for i in Dataset.import_from(tmp_path, "mot_seq")}
    assert found == {(subset, f"{name}/1"), ("val", "x/1")}


def test_equal_names_below_folders_of_one_split(tmp_path: Path) -> None:
    for benchmark in ("MOT16", "MOT17"):
        sequence(tmp_path / f"{benchmark}-train/02", "1,1,0,0,1,1,1,1,1\n")
    found = [(i.subset, i.id) for i in Dataset.import_from(tmp_path, "mot_seq")]
    assert found == [("train", "MOT16-train/02/1"), ("train", "MOT17-train/02/1")]


def test_one_table_alone(tmp_path: Path) -> None:
    sequence(tmp_path, "1,1,0,0,1,1,1,1,1\n")
    sequence(tmp_path, "1,-1,0,0,1,1,0.25\n", table="det")
    assert read(tmp_path / "gt" / "gt.txt")["1"].annotations[0].object_id == 1
    assert read(tmp_path / "det" / "det.txt")["1"].annotations[0].attributes == {"score": 0.25}
    assert read(tmp_path, is_gt=False)["1"].annotations[0].attributes == {"score": 0.25}


def test_a_table_in_the_folder_of_its_sequence(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("0,1,0,0,1,1,1,1,1\n")
    (tmp_path / "det.txt").write_text("0,-1,0,0,1,1,0.25,-1,-1,-1\n")
    for given in (tmp_path, tmp_path / "gt.txt", tmp_path / "det.txt"):
        assert detect(open_root(given))[0].format == "mot_seq"
    assert read(tmp_path)["0"].annotations[0].object_id == 1
    scores = [{"score": 0.25}]
    assert [a.attributes for a in read(tmp_path / "det.txt")["0"].annotations] == scores
    assert [a.attributes for a in read(tmp_path, rows="det")["0"].annotations] == scores
    beside = sequence(tmp_path, "5,1,0,0,1,1,1,1,1\n")
    assert list(read(beside)) == ["5"]


@pytest.mark.parametrize("text", ["", 'a.png, "hello"\n', "1,2,3,4,word\n"])
def test_other_files_called_gt_are_no_tables(tmp_path: Path, text: str) -> None:
    (tmp_path / "gt.txt").write_text(text)
    assert "mot_seq" not in [c.format for c in detect(open_root(tmp_path))]
    assert "mot_seq" not in [c.format for c in detect(open_root(tmp_path / "gt.txt"))]
    with pytest.raises(InputError, match="no sequence"):
        read(tmp_path)


def test_results_of_trackers(tmp_path: Path) -> None:
    (tmp_path / "A-1.txt").write_text("1,7,0,0,1,1,0.5,-1,-1,-1\n")
    (tmp_path / "B.txt").write_text("1,7,0,0,1,1,1,-1,-1,-1\n2,7,1,0,1,1,1,-1,-1,-1\n")
    (tmp_path / "summary.txt").write_text("MOTA 0.5\n")
    assert detect(open_root(tmp_path))[0].format == "mot_seq"
    assert detect(open_root(tmp_path / "B.txt"))[0].format == "mot_seq"
    items = read(tmp_path)
    assert list(items) == ["A-1/1", "B/1", "B/2"]
    assert items["A-1/1"].annotations[0].attributes == {"track_id": 7, "score": 0.5}
    assert read(tmp_path, rows="gt")["B/1"].annotations[0].attributes["visibility"] == 1
    assert not detect(open_root(tmp_path / "summary.txt"))
    (tmp_path / "C.txt").write_text("3 1 0 0 1 1 0.5 0 -1\n")
    assert list(read(tmp_path))[-1] == "C/3"
    assert not detect(open_root(tmp_path / "C.txt"))


def test_scores_in_ground_truth_are_kept(tmp_path: Path) -> None:
    rows = "1,1,0,0,1,1,0.75,1,1\n1,2,0,0,1,1,1,1,1\n"
    dataset = Dataset.import_from(sequence(tmp_path / "scored", rows), "mot_seq")
    assert "score" in dataset.header.categories.attributes
    boxes = dataset.get("1").annotations
    assert [a.attributes["score"] for a in boxes] == [0.75, 1]
    plain = Dataset.import_from(
        sequence(tmp_path / "plain", "1,1,0,0,1,1,0,1,1\n1,2,0,0,1,1,-1,1,1\n"), "mot_seq"
    )
    assert "score" not in plain.header.categories.attributes
    assert all("score" not in a.attributes for a in plain.get("1").annotations)


def test_images_name_items(tmp_path: Path) -> None:
    folder = sequence(tmp_path, "1,1,0,0,1,1,1,1,1\n")
    (folder / "img1").mkdir()
    for name in ("000001.JPG", "000002.png", "readme.txt"):
        PilImage.new("RGB", (4, 3)).save(folder / "img1" / name, "PNG")
    items = read(folder)
    assert list(items) == ["000001", "000002"]
    assert items["000002"].media.get_size() == (3, 4)


def test_sequences_of_images_only(tmp_path: Path) -> None:
    """Some test sets have no detections."""
    (tmp_path / "test/a/img1").mkdir(parents=True)
    PilImage.new("RGB", (4, 3)).save(tmp_path / "test/a/img1/000002.png")
    (tmp_path / "test/a/seqinfo.ini").write_text(INFO.replace("Frames", "img1"))
    items = list(Dataset.import_from(tmp_path, "mot_seq"))
    assert [(i.subset, i.id, i.media.exists) for i in items] == [
        ("test", "1", False),
        ("test", "2", True),
        ("test", "3", False),
    ]
    for rows in ("gt", "det"):
        with pytest.raises(InputError, match=f"no sequence has a {rows}"):
            Dataset.import_from(tmp_path, "mot_seq", rows=rows)


def test_labels_file(tmp_path: Path) -> None:
    folder = sequence(tmp_path, "1,1,0,0,1,1,1,2,1\n")
    (folder / "gt" / "labels.txt").write_text("a\r\nb\r\n")
    dataset = Dataset.import_from(folder, "mot_seq")
    assert dataset.categories().names == ["a", "b"]
    assert [a.label for item in dataset for a in item.annotations] == [1]


def item(name: str, boxes: list[Bbox], subset: str = "default") -> DatasetItem:
    pixels = Image.from_array(np.zeros((6, 8, 3), np.uint8), f"{name}.png")
    return DatasetItem(name, subset, pixels, boxes)


def box(track: object = None, **attributes: object) -> Bbox:
    own = attributes if track is None else {"track_id": track, **attributes}
    return Bbox(1, 2, 3, 4.5, label=0, attributes=own)


def export(tmp_path: Path, items: list[DatasetItem], **options: object) -> tuple[object, Path]:
    dataset = Dataset.from_iterable(items, Categories.from_names(["a"]))
    out = tmp_path / "out"
    return dataset.export(out, "mot_seq_gt", save_media=True, **options), out


def test_what_is_written(tmp_path: Path) -> None:
    first = [box(7, ignored=True), box(8, visibility=0.5)]
    _, out = export(tmp_path, [item("1", first), item("2", [box(7, occluded=True)])])
    assert (out / "gt/gt.txt").read_text().splitlines() == [
        "1,7,1,2,3,4.5,0,1,1",
        "1,8,1,2,3,4.5,1,1,0.5",
        "2,7,1,2,3,4.5,1,1,0",
    ]
    assert sorted(p.name for p in (out / "img1").iterdir()) == ["000001.png", "000002.png"]
    assert "imWidth=8\nimHeight=6\nimExt=.png\n" in (out / "seqinfo.ini").read_text()
    assert not (out / "gt/frames.json").exists()


def test_boxes_outside_the_view_are_left_out(tmp_path: Path) -> None:
    boxes = [box(1, outside=True), box(2, outside=False), box(3, outside="1")]
    report, out = export(tmp_path, [item("1", boxes), item("2", [box(1, outside=True)])])
    assert [row[:4] for row in (out / "gt/gt.txt").read_text().splitlines()] == ["1,2,"]
    assert (report.annotations["in"], report.annotations["out"]) == (4, 1)
    left = {e.what: e.count for e in report.events if e.code == "DSK-L017"}
    assert left == {"outside the view": 3}


def test_ids_that_are_no_frames(tmp_path: Path) -> None:
    report, out = export(tmp_path, [item("b", [], "train"), item("1", []), item("a", [])])
    frames = json.loads((out / "gt/frames.json").read_text())
    assert frames == {"2": ["train", "b"], "1": ["default", "1"], "3": ["default", "a"]}
    assert {event.code for event in report.events} == {"DSK-L015"}
    assert {(i.subset, i.id) for i in Dataset.import_from(out, "mot_seq")} == {
        ("train", "b"),
        ("default", "1"),
        ("default", "a"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"x": ["default", "a"]}',
        '{"1": ["default"]}',
        '{"-1": ["default", "a"]}',
        '{"99999999999999999999": ["default", "a"]}',
        '{"1": ["default", "a"], "2": ["default", "a"]}',
        '{"1": ["default", "../a"]}',
        '{"1": ["a/b", "a"]}',
    ],
)
def test_damaged_names_of_frames(tmp_path: Path, text: str) -> None:
    (sequence(tmp_path, "1,1,0,0,1,1,1,1,1\n") / "gt/frames.json").write_text(text)
    with pytest.raises(InputError):
        read(tmp_path)


def test_sparse_frames_have_no_seqinfo(tmp_path: Path) -> None:
    _, out = export(tmp_path, [item("5", []), item("9", [])])
    assert not (out / "seqinfo.ini").exists()
    assert set(read(out)) == {"5", "9"}


def test_boxes_without_tracks(tmp_path: Path) -> None:
    items = [item("1", [box(), box(3)])]
    assert export(tmp_path / "a", items)[0].events[0].what == "boxes without a track"
    assert "1,4," in (tmp_path / "a/out/gt/gt.txt").read_text()
    export(tmp_path / "b", items, track_ids="keep")
    assert "1,-1," in (tmp_path / "b/out/gt/gt.txt").read_text()
    report, out = export(tmp_path / "c", [item("1", [box()])])
    assert "1,-1," in (out / "gt/gt.txt").read_text()
    assert any("track_ids=assign" in warning for warning in report.warnings)


def test_tracks_with_names(tmp_path: Path) -> None:
    report, out = export(tmp_path, [item("1", [box("car"), box(5), box("car")])])
    tracks = [row.split(",")[1] for row in (out / "gt/gt.txt").read_text().splitlines()]
    assert tracks == ["6", "5", "6"]
    assert any(event.code == "DSK-L004" for event in report.events)


def test_sequences_by_id(tmp_path: Path) -> None:
    _, out = export(tmp_path, [item("x/1", [box(1)], "train"), item("y/1", [box(1)], "train")])
    assert (out / "train/x/gt/gt.txt").is_file()
    assert (out / "train/y/img1/000001.png").is_file()
    assert set(read(out)) == {"x/1", "y/1"}


def test_frames_of_many_items_are_found_quickly() -> None:
    """The highest number is not looked for anew for each item."""

    class Counted(int):
        compared = 0

        def __gt__(self, other: int) -> bool:
            Counted.compared += 1
            return int(self) > other

        __hash__ = int.__hash__

    count = 300
    frames = number_frames([-1] * count + [Counted(n) for n in range(1, count + 1)])
    assert sorted(frames) == list(range(1, 2 * count + 1))
    assert Counted.compared < 10 * count


def test_a_damaged_fact_about_sequences(tmp_path: Path) -> None:
    for stated in ("x", {"default/": "x"}, {"default/": {"name": "MOT-1", "frameRate": "25"}}):
        dataset = Dataset.from_iterable([item("1", [])], [])
        header = replace(dataset.header, info={"mot": {"sequences": stated}})
        out = tmp_path / "out"
        Dataset(ListSource([item("1", [])], header)).export(
            out, "mot_seq", save_media=True, overwrite=True
        )
        text = (out / "seqinfo.ini").read_text()
    assert "name=MOT-1\n" in text
    assert "frameRate=25\n" in text


def test_dataset_meta(tmp_path: Path) -> None:
    _, out = export(tmp_path, [item("1", [box(1)])], save_dataset_meta=True)
    assert not (out / "gt/labels.txt").exists()
    assert Dataset.import_from(out, "mot_seq").categories().names == ["a"]


def test_tables_that_are_links_to_nothing_are_told(tmp_path: Path) -> None:
    sequence(tmp_path / "train/a", "1,3,10.5,20,30,40,1,1,1\n", info=INFO)
    sequence(tmp_path / "train/b", "", info=INFO)
    table = tmp_path / "train/b/gt/gt.txt"
    table.unlink()
    table.symlink_to("gone")
    told = Dataset.import_from(tmp_path, "mot_seq").opening_ledger.warnings
    assert "train/b/gt/gt.txt is a link to nothing, or no file" in told


def test_lines_that_end_as_on_old_macs_are_detected_and_numbered(tmp_path: Path) -> None:
    folder = sequence(tmp_path, "1,1,0,0,1,1,1,1,1\r1,1,5,5,1,1,1,1,1\rx,1,5,5,1,1\r")
    with pytest.raises(RecordError, match="a row is") as caught:
        read(folder)
    assert caught.value.where.endswith(":3")
    sequence(tmp_path, "1,1,0,0,1,1,1,1,1\r1,1,5,5,1,1,1,1,1\r")
    assert "mot_seq" in [found.format for found in detect(open_root(folder))]
