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


def test_what_a_release_says_of_images(tmp_path: Path) -> None:
    people = [person([point(0), point(1)], other=1)]
    folder = release(tmp_path, dict.fromkeys(("a.jpg", "b.jpg", "c.jpg"), people))
    found = io.loadmat(folder / MAT, struct_as_record=True)["RELEASE"][0, 0]
    acts = np.empty(3, dtype=[("cat_name", "O"), ("act_name", "O"), ("act_id", "O")])
    acts[0] = ("sports", "curling", 5)
    acts[1] = ([], [], -1)
    acts[2] = ("", [], [])
    rows = found["annolist"][0]
    names = [*rows.dtype.names, "vidx", "frame_sec"]
    videos = np.empty(3, dtype=[(name, "O") for name in names])
    for n in range(3):
        videos[n] = (*rows[n], n + 1, [] if n else 2.5)
    parts = {"annolist": videos, "img_train": [[1, 0, 1]], "act": acts, "single_person": [1]}
    io.savemat(folder / MAT, {"RELEASE": parts})
    dataset = Dataset.import_from(folder, "mpii")
    warnings = " ".join(dataset.opening_ledger.warnings)
    assert "-I split=true" in warnings
    assert "fields that are left out: other, single_person" in warnings
    assert [(i.subset, i.extra) for i in dataset] == [
        (
            "default",
            {
                "mpii": {
                    "vidx": 1,
                    "frame_sec": 2.5,
                    "act_id": 5,
                    "cat_name": "sports",
                    "act_name": "curling",
                }
            },
        ),
        ("default", {"mpii": {"vidx": 2, "act_id": -1}}),
        ("default", {"mpii": {"vidx": 3}}),
    ]
    dataset = Dataset.import_from(folder, "mpii", split=True)
    assert [i.subset for i in dataset] == ["train", "test", "train"]
    assert "split" not in " ".join(dataset.opening_ledger.warnings)


def test_one_bad_person_is_left_out(tmp_path: Path) -> None:
    people = [person([point(16), point(1)]), person([point(2), point(3)])]
    folder = release(tmp_path, {"a.jpg": people})
    with pytest.raises(RecordError, match="joint 16"):
        Dataset.import_from(folder, "mpii")
    dataset = Dataset.import_from(folder, "mpii", on_error="skip")
    (item,) = dataset
    assert [a.points[4] for a in item.annotations] == [12.0]
    assert dataset.opening_ledger.bad_count == 1


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


def test_byte_order_mark(tmp_path: Path) -> None:
    file = save(tmp_path, record(1)) / "mpii_annotations.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(list(Dataset.import_from(tmp_path, "mpii_json"))) == 1


def test_records_of_later_training_code(tmp_path: Path) -> None:
    spots = [[10.0 + n, 20.0] for n in range(15)] + [[-1.0, -1.0]]
    seen = [1] * 14 + [0, 0]
    entry = {"image": "a.jpg", "joints": spots, "joints_vis": seen, "center": [1, 2], "scale": 3}
    test = {"image": "b.jpg", "center": [1, 2], "scale": 3}
    file = tmp_path / "train.json"
    file.write_text(json.dumps([entry, entry | {"joints": spots[::-1]}, test]))
    assert detect(open_root(file))[0].format == "mpii_json"
    first, second = Dataset.import_from(file, "mpii_json", visibility="coco")
    (joints, other) = first.annotations
    assert joints.points == [v for spot in spots[:15] for v in spot] + [0, 0]
    assert joints.visibility == [2] * 14 + [1, 0]
    assert joints.attributes == {"center": [1, 2], "scale": 3}
    assert other.points[:4] == [0, 0, 24, 20]
    assert (second.id, second.annotations) == ("b", [])


def test_folders_of_later_training_code(tmp_path: Path) -> None:
    def write(name: str, *images: str, **more: Any) -> None:
        entry = {"joints": [[1.0, 2.0]] * 16, "joints_vis": [1] * 16, "center": [1, 2], "scale": 3}
        records = [{"image": image, **entry, **more} for image in images]
        (tmp_path / "annot" / name).write_text(json.dumps(records))

    for folder in ("annot", "images"):
        (tmp_path / folder).mkdir()
    (tmp_path / "images/a.jpg").write_bytes(b"x")
    write("train.json", "a.jpg", "a.jpg", "b.jpg")
    write("valid.json", "c.jpg")
    write("trainval.json", "a.jpg", "a.jpg", "b.jpg", "c.jpg")
    write("other.json", "d.jpg")
    assert detect(open_root(tmp_path))[0].format == "mpii_json"
    dataset = Dataset.import_from(tmp_path, "mpii_json")
    counts = {item.id: (item.subset, len(item.annotations)) for item in dataset}
    assert counts == {"a": ("default", 2), "b": ("default", 1), "c": ("default", 1)}
    whole, split = dataset.opening_ledger.warnings
    assert whole == "annot/trainval.json repeats other files"
    assert "-I split=true" in split
    dataset = Dataset.import_from(tmp_path, "mpii_json", split=True)
    assert {i.id: i.subset for i in dataset} == {"a": "train", "b": "train", "c": "val"}
    for given in (tmp_path, tmp_path / "annot/train.json"):
        first = next(iter(Dataset.import_from(given, "mpii_json")))
        assert (first.id, first.media.path) == ("a", "images/a.jpg")
    (tmp_path / "annot/valid.json").unlink()
    dataset = Dataset.import_from(tmp_path, "mpii_json", split=True)
    assert {i.id: i.subset for i in dataset} == dict.fromkeys("abc", "trainval")
    assert [len(i.annotations) for i in dataset] == [2, 1, 1]


def test_images_for_validation(tmp_path: Path) -> None:
    flags = (0.0, 1.0, False, True)
    records = [record(n, img_paths=f"{n}.jpg", isValidation=f) for n, f in enumerate(flags)]
    dataset = Dataset.import_from(save(tmp_path, *records), "mpii_json")
    assert "-I split=true" in " ".join(dataset.opening_ledger.warnings)
    assert {i.subset for i in dataset} == {"default"}
    dataset = Dataset.import_from(tmp_path, "mpii_json", split=True)
    assert "split" not in " ".join(dataset.opening_ledger.warnings)
    wanted = {"0": "train", "1": "val", "2": "train", "3": "val"}
    assert {i.id: i.subset for i in dataset} == wanted


def test_numpy_files(tmp_path: Path) -> None:
    save(tmp_path, record(1))
    heads = np.array([[1.0, 2.0], [4.0, 6.0]])[:, :, None]
    np.save(tmp_path / "mpii_headboxes.npy", heads)
    np.save(tmp_path / "jnt_visible.npy", np.ones((16, 1)))
    (item,) = Dataset.import_from(tmp_path, "mpii_json")
    box = item.annotations[1]
    assert (box.x, box.y, box.w, box.h) == (1, 2, 3, 4)
    np.save(tmp_path / "jnt_visible.npy", np.full((16, 1), 9))
    with pytest.raises(RecordError, match=r"mpii_annotations\.json#/0: .* 0 or 1, not 9"):
        list(Dataset.import_from(tmp_path, "mpii_json"))
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
        {"joint_self": [[1.0, 1.0, -1]]},
        {"objpos": [1]},
        {"scale_provided": "x"},
        {"img_paths": "../a.jpg"},
        {"joint_others": [[["x", 1, 1]]]},
        {"img_paths": None},
    ],
)
def test_bad_json_records(tmp_path: Path, bad: dict[str, Any]) -> None:
    save(tmp_path, {**record(1), **bad}, {**record(2), "img_paths": "b.jpg"})
    with pytest.raises(RecordError, match="/0"):
        list(Dataset.import_from(tmp_path, "mpii_json"))
    (item,) = Dataset.import_from(tmp_path, "mpii_json", on_error="skip")
    assert item.id == "b"


@pytest.mark.parametrize(
    "bad",
    [
        {"joints": [[1, 2, 3]], "joints_vis": [1]},
        {"joints": [[1, 2]], "joints_vis": [1, 1]},
        {"joints": 3, "joints_vis": [1]},
        {"joints": [[1, 2]], "joints_vis": ["x"]},
        {"center": 3},
        {"image": 3},
    ],
)
def test_bad_records_of_later_training_code(tmp_path: Path, bad: dict[str, Any]) -> None:
    save(tmp_path, {"image": "a.jpg", **bad}, {"image": "b.jpg"})
    with pytest.raises(RecordError, match="/0"):
        Dataset.import_from(tmp_path, "mpii_json")
    assert [i.id for i in Dataset.import_from(tmp_path, "mpii_json", on_error="skip")] == ["b"]


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
