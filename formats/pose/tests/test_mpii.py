"""The MATLAB file and the JSON file, as training code and the official release have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as PilImage
from scipy import io

from dsk import Dataset
from dsk.detect import detect
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.files import open_root

if TYPE_CHECKING:
    from pathlib import Path

MAT = "mpii_human_pose_v1_u12_1.mat"


def point(number: int, seen: Any = 1) -> dict[str, Any]:
    return {"id": number, "x": 10.0 + number, "y": 20.0, "is_visible": seen}


def person(points: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    own = np.array([(p["x"], p["y"], p["id"], p["is_visible"]) for p in points], dtype="O,O,O,O")
    own.dtype.names = ("x", "y", "id", "is_visible")
    return {
        "scale": 3.0,
        "objpos": {"x": 5.0, "y": 6.0},
        "annopoints": {"point": own} if points else [],
        **more,
    }


def release(folder: Path, people: dict[str, list[dict[str, Any]]]) -> Path:
    records = np.empty(len(people), dtype=[("image", "O"), ("annorect", "O")])
    for number, (name, own) in enumerate(people.items()):
        records[number]["image"] = {"name": name}
        rects = np.empty(len(own), dtype=object)
        rects[:] = own
        records[number]["annorect"] = own[0] if len(own) == 1 else rects
    folder.mkdir(exist_ok=True)
    io.savemat(folder / MAT, {"RELEASE": {"annolist": records, "version": 12}})
    return folder


def test_missing_joints_keep_their_places(tmp_path: Path) -> None:
    head = {"x1": 1.0, "y1": 2.0, "x2": 4.0, "y2": 6.5}
    folder = release(tmp_path, {"a.jpg": [person([point(2), point(9, 0), point(15)], **head)]})
    dataset = Dataset.import_from(folder, "mpii")
    (item,) = dataset
    assert any("visibility=coco" in warning for warning in dataset.opening_ledger.warnings)
    joints, box = item.annotations
    assert joints.points[4:6] == [12.0, 20.0]
    assert joints.points[30:32] == [25.0, 20.0]
    assert [n for n, seen in enumerate(joints.visibility) if seen] == [2, 15]
    assert joints.attributes == {"center": [5.0, 6.0], "scale": 3.0}
    assert (box.x, box.y, box.w, box.h) == (1, 2, 3, 4.5)
    assert joints.group == box.group == 1
    (item,) = Dataset.import_from(folder, "mpii", visibility="coco")
    visible = item.annotations[0].visibility
    assert (visible[2], visible[9], visible[0]) == (2, 1, 0)


def test_images_may_lie_in_a_folder(tmp_path: Path) -> None:
    folder = release(tmp_path, {"a.jpg": [person([point(0)])], "b.jpg": [person([point(1)])]})
    (folder / "images").mkdir()
    PilImage.new("RGB", (4, 3)).save(folder / "images" / "a.jpg")
    first, second = Dataset.import_from(folder, "mpii")
    assert first.media.get_size() == (3, 4)
    assert not second.media.exists


def test_damaged_files(tmp_path: Path) -> None:
    folder = release(tmp_path, {"a.jpg": [person([point(0)])]})
    whole = (folder / MAT).read_bytes()
    for data in (b"", whole[:200], whole[: len(whole) // 2], b"MATLAB 5.0" + b"\0" * 500):
        (folder / MAT).write_bytes(data)
        with pytest.raises(InputError):
            list(Dataset.import_from(folder, "mpii"))


def test_bad_records(tmp_path: Path) -> None:
    folder = release(tmp_path, {"a.jpg": [person([point(16), point(1)])]})
    with pytest.raises(RecordError, match="joint 16"):
        list(Dataset.import_from(folder, "mpii"))
    folder = release(tmp_path, {"../a.jpg": [person([point(1), point(2)])]})
    with pytest.raises((RecordError, UnsafePathError), match=r"\.\./a"):
        list(Dataset.import_from(folder, "mpii"))


def joints(start: float) -> list[list[float]]:
    return [[start + n, start, 1.0] for n in range(16)]


def save(folder: Path, *records: dict[str, Any]) -> Path:
    (folder / "mpii_annotations.json").write_text(json.dumps(records))
    return folder


def record(start: float, **more: Any) -> dict[str, Any]:
    return {"img_paths": "a.jpg", "joint_self": joints(start), "objpos": [1.0, 2.0], **more}


def test_records_of_one_image_are_one_item(tmp_path: Path) -> None:
    first = record(1, joint_others=joints(50), objpos_other=[3.0, 4.0], scale_provided_other=2.0)
    second = record(50, joint_others=[joints(1), joints(99)], objpos_other=[[5, 6], [7, 8]])
    (item,) = Dataset.import_from(save(tmp_path, first, second), "mpii_json")
    assert [a.points[0] for a in item.annotations] == [1, 50, 99]
    assert [a.group for a in item.annotations] == [1, 2, 3]


def test_numpy_files(tmp_path: Path) -> None:
    save(tmp_path, record(1))
    heads = np.array([[1.0, 2.0], [4.0, 6.0]])[:, :, None]
    np.save(tmp_path / "mpii_headboxes.npy", heads)
    np.save(tmp_path / "jnt_visible.npy", np.ones((16, 1)))
    (item,) = Dataset.import_from(tmp_path, "mpii_json")
    box = item.annotations[1]
    assert (box.x, box.y, box.w, box.h) == (1, 2, 3, 4)
    np.save(tmp_path / "mpii_headboxes.npy", np.array([{}], dtype=object))
    with pytest.raises(InputError, match="numpy"):
        list(Dataset.import_from(tmp_path, "mpii_json"))
    np.save(tmp_path / "mpii_headboxes.npy", np.ones(3))
    with pytest.raises(InputError, match="shape"):
        list(Dataset.import_from(tmp_path, "mpii_json"))


@pytest.mark.parametrize(
    "bad",
    [
        {"img_paths": 3},
        {"joint_self": [[1, 2]]},
        {"joint_self": "x"},
        {"joint_self": [[10**400, 1, 1]]},
        {"joint_self": [[1.0, 1.0, True]]},
        {"objpos": [1]},
        {"scale_provided": "x"},
        {"img_paths": "../a.jpg"},
        {"joint_others": [[["x", 1, 1]]]},
    ],
)
def test_bad_json_records(tmp_path: Path, bad: dict[str, Any]) -> None:
    save(tmp_path, {**record(1), **bad}, {**record(2), "img_paths": "b.jpg"})
    with pytest.raises(RecordError, match="/0"):
        list(Dataset.import_from(tmp_path, "mpii_json"))
    (item,) = Dataset.import_from(tmp_path, "mpii_json", on_error="skip")
    assert item.id == "b"


@pytest.mark.parametrize("text", ["", "{}", "[", "[" * 100_000, "[NaN]"])
def test_damaged_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "mpii_annotations.json").write_text(text)
    with pytest.raises(InputError):
        list(Dataset.import_from(tmp_path, "mpii_json"))


def test_detection(tmp_path: Path) -> None:
    release(tmp_path / "mat", {"a.jpg": [person([point(0), point(1)])]})
    (tmp_path / "json").mkdir()
    save(tmp_path / "json", record(1))
    assert detect(open_root(tmp_path / "mat"))[0].format == "mpii"
    assert detect(open_root(tmp_path / "json"))[0].format == "mpii_json"
