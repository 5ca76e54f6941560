"""KITTI: lines of objects, instance maps, traps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dsk import Bbox, Categories, Dataset, DatasetItem, Mask
from dsk.errors import OutputError, RecordError
from dsk.rle import from_dense

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
