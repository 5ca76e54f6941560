"""Market-1501 and MARS: names, folders, lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dsk import Dataset
from dsk.errors import InputError, UnsafePathError
from dsk.item import DatasetItem

if TYPE_CHECKING:
    from pathlib import Path

FACTS: dict[str, Any] = {
    "person_id": "0002",
    "camera_id": 0,
    "track_id": 3,
    "frame_id": 151,
    "bbox_id": 1,
    "query": False,
}


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def facts(dataset: Dataset) -> dict[tuple[str, str], dict[str, Any]]:
    return {(i.subset, i.id): dict(i.attributes) for i in dataset}


def test_official_folders(tmp_path: Path) -> None:
    touch(
        tmp_path / "Market-1501-v15.09.15",
        "bounding_box_train/0002_c1s3_000151_01.jpg",
        "bounding_box_train/Thumbs.db",
        "bounding_box_test/-1_c6s4_002202_01.jpg.jpg",
        "bounding_box_test/odd.jpg",
        "query/0001_c2s3_000111_00_own.JPG",
        "gt_bbox/0001_c1s1_001051_00.jpg",
        "gt_query/0001_c1s1_001051_00_good.mat",
        "readme.txt",
    )
    found = facts(Dataset.import_from(tmp_path))
    assert found["train", "0002_c1s3_000151_01"] == FACTS
    assert found["test", "-1_c6s4_002202_01"]["person_id"] == "-1"
    assert found["test", "odd"] == {}
    assert found["query", "_own"]["query"] is True
    assert len(found) == 4


def test_lists_replace_folders(tmp_path: Path) -> None:
    name = "0002_c1s3_000151_01.jpg"
    touch(tmp_path, f"bounding_box_train/{name}", "bounding_box_train/x.jpg", f"query/{name}")
    (tmp_path / "images_train.txt").write_bytes(
        f"bounding_box_train/{name}\r\nquery/{name}x.jpg\r\nquery/gone.jpg\r\n".encode()
    )
    found = facts(Dataset.import_from(tmp_path))
    assert [key for key in found if key[0] == "train"] == [
        ("train", "0002_c1s3_000151_01"),
        ("train", ".jpgx"),
        ("train", "gone"),
    ]
    assert found["train", ".jpgx"]["query"] is True
    assert found["query", "0002_c1s3_000151_01"]["query"] is True


def test_lists_that_climb(tmp_path: Path) -> None:
    (tmp_path / "images_train.txt").write_text("../../x.jpg\n")
    with pytest.raises(UnsafePathError):
        Dataset.import_from(tmp_path, "market1501")
    with pytest.raises(InputError, match="no Market-1501 folders"):
        Dataset.import_from(touch(tmp_path / "empty", "a.txt"), "market1501")


def test_names_are_made_of_attributes(tmp_path: Path) -> None:
    items = [
        DatasetItem("a/one", "train", attributes=FACTS),
        DatasetItem("two", "train", attributes={**FACTS, "query": True}),
        DatasetItem("0002_c1s3_000151_01", "test", attributes=FACTS),
        DatasetItem("plain", "test"),
    ]
    report = Dataset.from_iterable(items, []).export(tmp_path / "o", "market1501")
    assert not report.losses
    assert (tmp_path / "o" / "images_train.txt").read_text().split() == [
        "bounding_box_train/a/0002_c1s3_000151_01one.jpg",
        "query/0002_c1s3_000151_01two.jpg",
    ]
    back = facts(Dataset.import_from(tmp_path / "o"))
    assert back == {(i.subset, i.id): dict(i.attributes) for i in items}


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (DatasetItem("7", attributes=FACTS), "DSK-L008"),
        (DatasetItem("a", attributes={"person_id": "Karl"}), "DSK-L009"),
        (DatasetItem("a", attributes={"camera_id": 3}), "DSK-L009"),
        (DatasetItem("a", attributes={**FACTS, "frame_id": "x"}), "DSK-L009"),
        (DatasetItem("0009_c1s3_000151_01", attributes=FACTS), "DSK-L009"),
        (DatasetItem("0002_c1s3_000151_01_own", attributes=FACTS), "DSK-L008"),
        (DatasetItem("a", attributes={"person_id": "1" * 19}), "DSK-L009"),
        (DatasetItem("a", attributes={"person_id": "٣"}), "DSK-L009"),
    ],
)
def test_what_names_cannot_say_is_reported(tmp_path: Path, item: DatasetItem, code: str) -> None:
    report = Dataset.from_iterable([item], []).export(tmp_path / "o", "market1501")
    assert {e.code for e in report.losses} == {code}


def test_what_is_no_name_of_market(tmp_path: Path) -> None:
    long = f"0002_c1s3_{'1' * 5000}_01"
    touch(tmp_path, "bounding_box_/0002_c1s3_000151_01.jpg", "bounding_box_/0005_cam2.jpg")
    (tmp_path / "images_train.txt").write_text(f"bounding_box_train/{long}.jpg\n")
    dataset = Dataset.import_from(tmp_path, "market1501")
    assert facts(dataset) == {
        ("default", "0002_c1s3_000151_01"): FACTS,
        ("default", "0005_cam2"): {},
        ("train", long): {},
    }
    (warning,) = dataset.opening_ledger.warnings
    assert warning == "2 images are not named as in Market-1501: no person is known"


def test_nothing_comes_back(tmp_path: Path) -> None:
    Dataset.from_iterable([], []).export(tmp_path / "o", "market1501")
    assert not list(Dataset.import_from(tmp_path / "o", "market1501"))


def test_flags_may_be_text(tmp_path: Path) -> None:
    items = [DatasetItem(v, "train", attributes={**FACTS, "query": v}) for v in ("Yes", "No")]
    Dataset.from_iterable(items, []).export(tmp_path / "o", "market1501")
    assert facts(Dataset.import_from(tmp_path / "o")) == {
        ("train", i.id): {**FACTS, "query": i.id == "Yes"} for i in items
    }


def test_images_of_mars_with_one_name(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "bbox_train/0001/0001C1T0002F003.jpg",
        "bbox_train/0001/0001C1T0002F003.png",
        "bbox_train/0001/odd.jpg",
        "bbox_train/0002/odd.jpg",
        "bbox_test/0002/odd.jpg",
    )
    dataset = Dataset.import_from(tmp_path, "mars")
    assert [(i.subset, i.id) for i in dataset] == [
        ("test", "odd"),
        ("train", "0001C1T0002F003"),
        ("train", "odd"),
    ]
    told = dataset.opening_ledger.warnings
    assert told == {"images of a subset that are named as another one are left out": 2}


def test_mars(tmp_path: Path) -> None:
    touch(
        tmp_path / "MARS",
        "bbox_train/0001/0001C1T0002F003.jpg",
        "bbox_train/0001/0002C1T0001F001.jpg",
        "bbox_train/0001/odd.jpg",
        "bbox_test/00-1/00-1C2T0081F1201.jpg",
        "bbox_test/info.txt",
    )
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "mars"
    assert dataset.categories().names == ["00-1", "0001"]
    assert facts(dataset) == {
        ("train", "0001C1T0002F003"): {
            "person_id": "0001",
            "camera_id": 1,
            "track_id": 2,
            "frame_id": 3,
        },
        ("train", "odd"): {},
        ("test", "00-1C2T0081F1201"): {
            "person_id": "00-1",
            "camera_id": 2,
            "track_id": 81,
            "frame_id": 1201,
        },
    }
    assert any("another person" in text for text in dataset.opening_ledger.warnings)
    with pytest.raises(InputError, match="no MARS folders"):
        Dataset.import_from(touch(tmp_path / "no", "bbox_train/a.jpg"), "mars")


def test_names_of_relatives(tmp_path: Path) -> None:
    """DukeMTMC-reID and CUHK03-NP have Market-1501's folders, and shorter names."""
    touch(
        tmp_path / "in",
        "bounding_box_train/0001_c2_f0046182.jpg",
        "bounding_box_test/-1_c1_1.png",
        "query/0005_c3_f0000007.jpg",
    )
    dataset = Dataset.import_from(tmp_path / "in")
    assert not dataset.opening_ledger.warnings
    found = facts(dataset)
    assert found == {
        ("train", "0001_c2_f0046182"): {
            "person_id": "0001",
            "camera_id": 1,
            "frame_id": 46182,
            "query": False,
        },
        ("test", "-1_c1_1"): {"person_id": "-1", "camera_id": 0, "query": False},
        ("query", "0005_c3_f0000007"): {
            "person_id": "0005",
            "camera_id": 2,
            "frame_id": 7,
            "query": True,
        },
    }
    report = dataset.export(tmp_path / "out", "market1501", save_media=True)
    assert not report.losses
    assert facts(Dataset.import_from(tmp_path / "out")) == found


def test_what_relatives_names_cannot_say(tmp_path: Path) -> None:
    known = {"person_id": "0001", "camera_id": 1}
    items = [
        DatasetItem("0001_c2_1", "train", attributes={**known, "track_id": 5}),
        DatasetItem("0001_c2_2", "train", attributes={**known, "camera_id": 3}),
    ]
    report = Dataset.from_iterable(items, []).export(tmp_path / "o", "market1501")
    assert sorted(event.what for event in report.losses) == [
        "ids that begin with a digit get an underscore",
        "item attribute track_id",
    ]


def test_images_that_are_not_read_are_told(tmp_path: Path) -> None:
    name = "0002_c1s3_000151_01.jpg"
    for home in ("a", "b"):
        touch(tmp_path / home, f"bounding_box_train/{name}", f"gt_bbox/{name}", "other/x.txt")
    warned = list(Dataset.import_from(tmp_path).opening_ledger.warnings)
    assert warned == [
        "the images in gt_bbox are not read",
        "of several datasets a is read; not read: b",
    ]


def test_a_list_that_is_given(tmp_path: Path) -> None:
    """Neither other lists and folders nor datasets beside it are read."""
    touch(tmp_path, "a/bounding_box_train/0001_c1s1_000001_00.jpg")
    root = touch(tmp_path / "b", "bounding_box_train/0002_c1s3_000151_01.jpg", "query/x.jpg")
    (root / "images_va l.txt").write_bytes(b"bounding_box_train/0002_c1s3_000151_01.jpg\r\n\r\n")
    (root / "images_test.txt").write_text("query/x.jpg\n")
    dataset = Dataset.import_from(root / "images_va l.txt")
    assert dataset.format == "market1501"
    assert facts(dataset) == {("va l", "0002_c1s3_000151_01"): FACTS}
    assert all(item.media.exists for item in dataset)
