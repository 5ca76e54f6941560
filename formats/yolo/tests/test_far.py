"""Label files further down and listed images further up than usual, and rows that are none."""

import pytest
from wild import BOX, NAMES, PNG, make, read

from dsk.detect import detect
from dsk.files import open_root


def counts(items):
    return {key: len(item.annotations) for key, item in items.items()}


@pytest.mark.parametrize("images", ["images/", "images/train/"])
def test_labels_in_a_folder_of_their_own(images, tmp_path):
    inner = images.removeprefix("images/")
    files = {
        f"{images}a.png": PNG,
        f"{images}b.png": PNG,
        f"labels/rows/{inner}a.txt": BOX,
        f"labels/rows/{inner}b.txt": BOX * 2,
        "labels/other/a.json": "{}",
    }
    _, items, told = read(make(tmp_path, files))
    subset = "train" if inner else "default"
    assert counts(items) == {(subset, "a"): 1, (subset, "b"): 2}
    assert not [t for t in told if "label files" in t]


def test_labels_in_two_folders_are_told(tmp_path):
    files = {f"labels/{f}/{n}.txt": BOX for f in ("one", "two") for n in "ab"}
    del files["labels/two/b.txt"]
    files |= {"images/a.png": PNG, "images/b.png": PNG}
    _, items, told = read(make(tmp_path, files))
    assert counts(items) == {("default", "a"): 0, ("default", "b"): 1}
    assert [t for t in told if t.startswith("1 images have label files in several folders")]


def test_labels_in_their_place_count_more(tmp_path):
    files = {"images/a.png": PNG, "labels/a.txt": BOX, "labels/more/a.txt": BOX * 2}
    _, items, _ = read(make(tmp_path, files))
    assert counts(items) == {("default", "a"): 1}


def test_labels_of_another_folder_of_images_are_not_taken(tmp_path):
    files = {"images/a.png": PNG, "images/train/b.png": PNG, "labels/train/a.txt": BOX * 2}
    files["labels/train/b.txt"] = BOX
    _, items, _ = read(make(tmp_path, files))
    assert counts(items) == {("default", "a"): 0, ("train", "b"): 1}


FAR = {
    "set/made/data.yaml": f"path: /home/me/set/made\ntrain: /home/me/set/made/train.txt\n{NAMES}",
    "set/made/train.txt": "/home/me/set/images/a.png\n/home/me/set/images/b.png\n",
    "set/images/a.png": PNG,
    "set/images/b.png": PNG,
    "set/labels/a.txt": BOX,
    "set/labels/b.txt": BOX,
}
DARKNET = {
    "data/obj.data": "train = data/train.txt\nnames = data/obj.names\n",
    "data/obj.names": "cat\n",
    "data/train.txt": "pics/a.png\npics/b.png\n",
    "pics/a.png": PNG,
    "pics/a.txt": BOX,
    "pics/b.png": PNG,
    "pics/b.txt": BOX,
}


@pytest.mark.parametrize(
    ("files", "given"),
    [
        (FAR, ""),
        (FAR, "set/made/data.yaml"),
        (DARKNET, ""),
        (DARKNET, "data/obj.data"),
    ],
)
def test_listed_images_further_up(files, given, tmp_path):
    _, items, told = read(make(tmp_path, files) / given)
    assert counts(items) == {("train", "a"): 1, ("train", "b"): 1}
    assert all(item.media.path and item.media.size for item in items.values())
    assert told == []


@pytest.mark.parametrize(("files", "given"), [(FAR, "set/made"), (DARKNET, "data")])
def test_listed_images_above_what_was_given_are_told(files, given, tmp_path):
    _, items, told = read(make(tmp_path, files) / given)
    assert list(counts(items).values()) == [0, 0]
    (message,) = told
    assert message.startswith("train: no label file was found for 2 of 2 images")
    assert message.endswith(f"give a folder above {tmp_path / given}")


def test_some_listed_images_that_are_there_are_enough(tmp_path):
    gone = "".join(f"/my/images/gone{n}.png\n" for n in range(40))
    files = {**FAR, "set/made/train.txt": f"{gone}/my/images/a.png\n{gone.replace('gone', 'x')}"}
    _, items, told = read(make(tmp_path, files))
    assert len(items) == 81
    assert len(items["train", "a"].annotations) == 1
    assert not [t for t in told if "no label file was found" in t]


def test_one_listed_image_that_is_there_is_enough(tmp_path):
    gone = [f"pics/gone{n}.png\n" for n in range(100)]
    files = {"data.yaml": f"train: train.txt\n{NAMES}", "pics/a.png": PNG}
    files["train.txt"] = "".join([*gone[:63], "pics/a.png\n", *gone[63:]])
    _, items, told = read(make(tmp_path, files))
    assert len(items) == 101
    assert not [t for t in told if "no label file was found" in t]


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ("0 0.5 0.5 0.2 0.2", True),
        ("0.0 0.5 0.5 0.2 0.2", True),
        ("721.5 0.0 0.5 0.2 0.0 0.1", False),
        ("0.5 0.5 0.5 0.2 0.2", False),
    ],
)
@pytest.mark.parametrize("folders", [("", ""), ("images/", "labels/")])
def test_a_row_begins_with_a_whole_number(row, fits, folders, tmp_path):
    files = {f"{folders[0]}a.png": PNG, f"{folders[1]}a.txt": f"{row}\n0 1 2 3\n"}
    found = [one.format for one in detect(open_root(make(tmp_path, files)))]
    assert ("yolo" in found) == fits


@pytest.mark.parametrize(
    "lines",
    [
        ["C:\\x\\data\\obj_train_data\\a.png", "data/obj_train_data/b.png"],
        ["data/obj_train_data/a.png", "C:\\x\\data\\obj_train_data\\b.png"],
        ["obj_train_data/a.png", "/mnt/set/obj_train_data/b.png"],
        ["/home/x/obj_train_data/a.png", "/mnt/set/obj_train_data/b.png"],
    ],
)
def test_lists_of_several_machines(lines, tmp_path):
    files = {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n",
        "obj.names": "cat\ndog\n",
        "train.txt": "\n".join([*lines, "/gone/c.png"]),
        **{f"obj_train_data/{n}.png": PNG for n in "ab"},
        **{f"obj_train_data/{n}.txt": BOX for n in "ab"},
    }
    _, items, _ = read(make(tmp_path, files))
    assert [len(item.annotations) for item in items.values()] == [1, 1, 0]
    assert list(items)[:2] == [("train", "a"), ("train", "b")]


def test_an_image_that_is_listed_again_is_one_item(tmp_path):
    files = {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n",
        "obj.names": "cat\ndog\n",
        "train.txt": "data/obj_train_data/a.png\ndata/obj_train_data/b.png\n" * 2,
        **{f"obj_train_data/{n}.png": PNG for n in "ab"},
        **{f"obj_train_data/{n}.txt": BOX for n in "ab"},
    }
    _, items, told = read(make(tmp_path, files))
    assert counts(items) == {("train", "a"): 1, ("train", "b"): 1}
    assert [t for t in told if t.startswith("2 images are listed twice")]
