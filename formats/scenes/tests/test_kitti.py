"""KITTI: lines of objects, instance maps, traps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from msgspec.structs import replace

from dsk import Bbox, Categories, Dataset, DatasetItem, Mask
from dsk.errors import OutputError, RecordError
from dsk.files import open_root
from dsk.media import Image
from dsk.rle import from_dense
from dsk_scenes.kitti.detect import detect as kitti

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CAR = "Car 0.50 2 -1.57 10.5 20 30.5 60 1.5 1.6 4.0 1.0 2.0 30.0 0.1"
FILE = "training/label_2/000000.txt"


def objects(folder: Path, name: str = "kitti_detection", **options: Any) -> list[Any]:
    return [a for item in Dataset.import_from(folder, name, **options) for a in item.annotations]


def test_fields(text: Callable[[str, str], Path], tmp_path: Path) -> None:
    text(FILE, f"\r\n{CAR}\r\nVan 0 0 -10 0 0 1 1 -1 -1 -1 -1000 -1000 -1000 -10 0.9\r\n\r\n")
    car, van = objects(tmp_path)
    assert (car.x, car.y, car.w, car.h, car.id) == (10.5, 20, 20, 40, 0)
    assert car.attributes == {"truncated": True, "occluded": True}
    assert van.attributes == {"truncated": False, "occluded": False, "score": 0.9}
    assert van.label == 1


def test_details(text: Callable[[str, str], Path], tmp_path: Path) -> None:
    text(FILE, CAR)
    (car,) = objects(tmp_path, details=True)
    assert car.attributes["dimensions"] == [1.5, 1.6, 4.0]
    assert (car.attributes["occlusion"], car.attributes["truncation"]) == (2, 0.5)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("Car 0 0", "15 or 16 fields"),
        (f"0 1 {CAR}", "15 or 16 fields"),
        (CAR.replace("10.5", "nan"), "finite"),
        (CAR.replace("10.5", "left"), "no number"),
        (f"{CAR} 1".replace("0.50", "nan"), "finite"),
        (f"{CAR} left", "no number"),
    ],
)
def test_bad_lines(text: Callable[[str, str], Path], tmp_path: Path, line: str, what: str) -> None:
    text(FILE, f"{CAR}\n{line}\n")
    with pytest.raises(RecordError, match=what) as caught:
        objects(tmp_path)
    assert caught.value.where.endswith("000000.txt:2")


@pytest.mark.parametrize("word", ["1.0", "True", "1"])
def test_flags_in_words(text: Callable[[str, str], Path], tmp_path: Path, word: str) -> None:
    text(FILE, CAR.replace(" 2 ", f" {word} "))
    assert objects(tmp_path)[0].attributes["occluded"] is True


def test_maps(png: Callable[..., Path], tmp_path: Path) -> None:
    png("training/instance/1.png", [[26 * 256 + 3, 7 * 256, 0]], np.uint16)
    found = [(a.label, a.id, a.attributes["is_crowd"]) for a in objects(tmp_path, "kitti")]
    assert found == [(0, 0, True), (7, 0, True), (26, 3, False)]


def test_semantic_alone(png: Callable[..., Path], tmp_path: Path) -> None:
    png("training/semantic/1.png", [[26, 7]])
    assert [a.label for a in objects(tmp_path, "kitti")] == [7, 26]


def test_boxes_and_maps_together(
    png: Callable[..., Path], text: Callable[[str, str], Path], tmp_path: Path
) -> None:
    png("training/instance/000000.png", [[26 * 256 + 3]], np.uint16)
    text(FILE, CAR)
    assert [a.kind for a in objects(tmp_path, "kitti")] == ["bbox", "mask"]


def test_images_alone(png: Callable[..., Path], tmp_path: Path) -> None:
    png("testing/image_2/000000.png", [[0]])
    (item,) = Dataset.import_from(tmp_path, "kitti")
    assert (item.id, item.subset) == ("000000", "testing")


@pytest.mark.parametrize(
    "folders",
    [
        ("data_object_image_2/", "data_object_label_2/", "data_object_image_2/"),
        ("z/", "a/", "z/"),
        ("images/", "", "test_images/"),
    ],
)
def test_archives_in_folders_of_their_own(
    png: Callable[..., Path],
    text: Callable[[str, str], Path],
    tmp_path: Path,
    folders: tuple[str, str, str],
) -> None:
    png(f"{folders[0]}training/image_2/000000.png", [[0]])
    text(f"{folders[1]}{FILE}", CAR)
    png(f"{folders[2]}testing/image_2/000000.png", [[0]])
    found = {
        i.subset: (i.id, i.media.exists, len(i.annotations))
        for i in Dataset.import_from(tmp_path, "kitti")
    }
    assert found == {"training": ("000000", True, 1), "testing": ("000000", True, 0)}


def test_same_subset_twice(
    png: Callable[..., Path], text: Callable[[str, str], Path], tmp_path: Path
) -> None:
    for folder in ("a/", "b/"):
        png(f"{folder}training/image_2/000000.png", [[0]])
        text(f"{folder}{FILE}", CAR)
    dataset = Dataset.import_from(tmp_path, "kitti")
    assert [len(item.annotations) for item in dataset] == [1]
    (warning,) = dataset.opening_ledger.warnings
    assert warning.startswith("only the folder a/training is read, b/training holds the same")


LABELFORMAT = "bicycle with space -1 -1 -10 75.0 198.0 81.0 213.0 -1 -1 -1 -1000 -1000 -1000 -10"


@pytest.mark.parametrize("ending", ["", " 0.5"])
@pytest.mark.parametrize("first", [LABELFORMAT, CAR, f"\ufeff{CAR}", f"\r\n{LABELFORMAT}"])
def test_folders_of_other_tools(
    png: Callable[..., Path],
    text: Callable[[str, str], Path],
    tmp_path: Path,
    first: str,
    ending: str,
) -> None:
    """Labelformat and others write such lines to ``labels``, and types with blanks as they are."""
    png("train/images/a b.png", [[0]])
    text("train/labels/a b.txt", f"{first}{ending}\r\ntraffic light{LABELFORMAT[18:]}\r\n")
    found = kitti(open_root(tmp_path))
    assert found is not None
    assert found.score == 80
    dataset = Dataset.import_from(tmp_path, "kitti")
    (item,) = dataset
    assert (item.id, item.subset, item.media.exists) == ("a b", "train", True)
    name = "Car" if "Car" in first else "bicycle with space"
    assert dataset.categories().names == [name, "traffic light"]
    assert [a.attributes.get("score") for a in item.annotations] == [
        0.5 if ending else None,
        None,
    ]


@pytest.mark.parametrize(
    "line", ["0 0.5 0.5 0.2 0.2", "0" + " 0.25" * 14, f"0 1 {CAR}", "Car 1 2 3 4", "a b c d", ""]
)
def test_labels_of_others(text: Callable[[str, str], Path], tmp_path: Path, line: str) -> None:
    """YOLO's boxes and outlines, KITTI's tracks, boxes in space."""
    text("train/labels/a.txt", f"{line}\n")
    assert kitti(open_root(tmp_path)) is None


def rewritten(folder: Path, out: Path, **options: Any) -> tuple[list[list[str]], dict[str, int]]:
    """Write a dataset as KITTI's boxes; return the fields of its lines, and what was told."""
    dataset = Dataset.import_from(folder, "kitti_detection")
    report = dataset.export(out, "kitti_detection", score_column=False, **options)
    lines = (out / FILE).read_text().splitlines()
    return [line.split() for line in lines], {e.what: e.count for e in report.events}


def numbers(fields: list[str]) -> list[float]:
    return [float(field) for field in fields[1:]]


def test_what_lines_say_is_written_again(text: Callable[[str, str], Path], tmp_path: Path) -> None:
    """Flags are all that the model has; what they do not say is KITTI's own."""
    ignored = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"
    plain = "Van 0 0 -1 1.25 2 3 4.5 -1 -1 -1 -1 -1 -1 -1"
    text(f"in/{FILE}", f"{CAR}\n{ignored}\n{plain}\n")
    _, dont_care, van = objects(tmp_path / "in")
    assert van.extra is None
    assert dont_care.extra == {"kitti": {"truncated": -1, "occluded": -1}}
    lines, told = rewritten(tmp_path / "in", tmp_path / "out")
    assert numbers(lines[0]) == numbers(CAR.split())
    assert lines[0][3] == "-1.57"
    assert numbers(lines[1])[:2] == [-1, -1]
    assert numbers(lines[2]) == numbers(plain.split())
    assert not any("kitti" in what for what in told)
    lines, told = rewritten(tmp_path / "in", tmp_path / "flags", allow_attributes=False)
    assert numbers(lines[0])[:3] == [0, 0, -1]
    assert told["kitti field space"] == 1


@pytest.mark.parametrize(
    ("changes", "expected", "lost"),
    [
        ({}, [0.5, 2, -1.57], 0),
        ({"attributes": {"truncated": False, "occluded": 1}}, [0, 2, -1.57], 0),
        ({"attributes": {"truncated": 0.7, "occluded": 3}}, [0.7, 3, -1.57], 0),
        ({"x": 11.0}, [0.5, 2, -1], 1),
        ({"extra": {"kitti": {"space": ["a"] * 12, "truncated": "x"}}}, [1, 1, -1], 1),
        ({"extra": {"kitti": 5}}, [1, 1, -1], 0),
    ],
)
def test_what_changed_is_not_of_the_line(
    text: Callable[[str, str], Path],
    tmp_path: Path,
    changes: dict[str, Any],
    expected: list[float],
    lost: int,
) -> None:
    text(FILE, CAR)
    changed = replace(objects(tmp_path)[0], **changes)
    items = [DatasetItem("000000", "training", annotations=[changed])]
    report = Dataset.from_iterable(items, ["Car"]).export(tmp_path / "out", "kitti_detection")
    line = (tmp_path / "out" / FILE).read_text().split()
    assert numbers(line)[:3] == expected
    told = [e.count for e in report.events if e.what == "kitti field space of boxes that changed"]
    assert sum(told) == lost


def boxes(*found: dict[str, Any]) -> Dataset:
    annotations = [Bbox(1, 2, 3, 4, label=0, attributes=a) for a in found]
    items = [DatasetItem("a", "training", annotations=annotations)]
    return Dataset.from_iterable(items, categories=Categories.from_names(["a car"]))


def test_written_lines(tmp_path: Path) -> None:
    given = boxes({"truncated": True, "occluded": 2, "score": 0.5}, {})
    given.export(tmp_path / "out", "kitti_detection")
    assert (tmp_path / "out/training/label_2/a.txt").read_text().splitlines() == [
        "a_car 1.0 2 -1 1.0 2.0 4.0 6.0 -1 -1 -1 -1 -1 -1 -1 0.5",
        "a_car 0.0 0 -1 1.0 2.0 4.0 6.0 -1 -1 -1 -1 -1 -1 -1 1.0",
    ]


def test_images_without_boxes_have_an_empty_label_file(tmp_path: Path) -> None:
    picture = Image.from_array(np.zeros((2, 3, 3), np.uint8), "b.png")
    data = Dataset.from_iterable([DatasetItem("b", "training", picture)], categories=["car"])
    data.export(tmp_path / "out", "kitti_detection", save_media=True)
    assert (tmp_path / "out/training/image_2/b.png").exists()
    assert (tmp_path / "out/training/label_2/b.txt").read_bytes() == b""


def test_no_score_column(tmp_path: Path) -> None:
    boxes({}).export(tmp_path / "out", "kitti_detection", score_column=False)
    line = (tmp_path / "out/training/label_2/a.txt").read_text()
    assert len(line.split()) == 15


def test_flag_that_is_no_number(tmp_path: Path) -> None:
    report = boxes({"truncated": "perhaps"}).export(tmp_path / "out", "kitti_detection")
    assert any(e.code == "DSK-L004" for e in report.events)


def test_too_many_objects(tmp_path: Path) -> None:
    found = []
    for number in range(256):
        rows = np.zeros((1, 256), bool)
        rows[0, number] = True
        found.append(Mask(from_dense(rows), label=0))
    items = [DatasetItem("a", "training", annotations=found)]
    given = Dataset.from_iterable(items, categories=Categories.from_names(["a"]))
    with pytest.raises(OutputError, match="255 objects"):
        given.export(tmp_path / "out", "kitti_segmentation")


@pytest.mark.parametrize(
    ("name", "options"), [("kitti_detection", {}), ("kitti", {"tasks": ["detection"]})]
)
def test_labels_that_no_box_has(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    items = [DatasetItem(str(n), annotations=[Bbox(1, 2, 3, 4, label=n)]) for n in (0, 2)]
    dataset = Dataset.from_iterable(items, ["Car", "Van", "Tram", "a b"])
    report = dataset.export(tmp_path / "out", name, **options)
    told = {(e.code, e.what): e.count for e in report.events}
    assert told["DSK-L010", "labels that no box has"] == 2
    report = dataset.export(tmp_path / "meta", name, save_dataset_meta=True, **options)
    assert "labels that no box has" not in {e.what for e in report.events}
    read = Dataset.import_from(tmp_path / "meta", name)
    assert read.categories().names == ["Car", "Van", "Tram", "a_b"]
    assert [item.annotations[0].label for item in read] == [0, 2]


def test_lines_that_are_no_objects_make_no_labels(
    text: Callable[[str, str], Path], tmp_path: Path
) -> None:
    text(FILE, f"0 7 {CAR}\n{CAR}\n")
    dataset = Dataset.import_from(tmp_path, "kitti", on_error="skip")
    assert dataset.categories().names == ["Car"]


@pytest.mark.parametrize("meta", [True, False])
def test_boxes_alone_need_no_background(tmp_path: Path, meta: bool) -> None:
    """It came back as one more label."""
    item = DatasetItem("a", "training", annotations=[Bbox(0, 0, 1, 1, label=1)])
    dataset = Dataset.from_iterable([item], ["Van", "Car"])
    dataset.export(tmp_path / "out", "kitti", save_dataset_meta=meta)
    assert Dataset.import_from(tmp_path / "out").categories().names == ["Van", "Car"]
