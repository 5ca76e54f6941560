"""Tables that are given themselves, copies with blanks, and what is told of odd ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsk import Dataset
from dsk.detect import detect
from dsk.errors import DskWarning, OpeningWarning
from dsk.files import open_root

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, **files: str) -> Path:
    """Write files; ``__`` in a name is a slash."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + (".csv" if "loose" in name else ".txt"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


BOXES = "1\nimage_id x_1 y_1 width height\n1.jpg 1 2 3 4\n"
WILD, CROPPED = "list_landmarks_celeba", "list_landmarks_align_celeba"
POINTS = "1\na b c d e f g h i j\n1.jpg 1 2 3 4 5 6 7 8 9 10\n"


@pytest.mark.parametrize("folder", ["Anno/", "", "x/Anno/"])
@pytest.mark.parametrize(
    ("landmarks", "name", "images"),
    [(WILD, "celeba", "img_celeba"), (CROPPED, "align_celeba", "img_align_celeba")],
)
def test_a_table_of_celeba_that_is_given(
    tmp_path: Path, folder: str, landmarks: str, name: str, images: str
) -> None:
    """Other datasets beside it do not matter."""
    write(tmp_path / "a/Anno", identity_CelebA="9.jpg 4\n")
    home = write(tmp_path / f"b/{folder}", identity_CelebA="1.jpg 2\n", **{landmarks: POINTS})
    outer = home.parent if folder.endswith("Anno/") else home
    (outer / "Img" / images).mkdir(parents=True)
    dataset = Dataset.import_from(home / "identity_CelebA.txt")
    (item,) = dataset
    assert (dataset.format, item.id) == (name, "1")
    assert [a.kind for a in item.annotations] == ["label", "points"]


def test_other_files_are_no_tables_of_celeba(tmp_path: Path) -> None:
    write(tmp_path / "Anno", identity_CelebA="1.jpg 2\n", labels="1.jpg 2\n", **{WILD: POINTS})
    (tmp_path / "Img/img_celeba").mkdir(parents=True)
    found = detect(open_root(tmp_path / "Anno/labels.txt"))
    assert "celeba" not in [candidate.format for candidate in found]


def test_lfw_with_blanks(tmp_path: Path) -> None:
    """Copies of the official lists have blanks in place of tabs; ids may have some, too."""
    pairs = "10 300\r\nAl_X  1 2\r\nAl_X 1 Bo-Y 2\r\nAl X/no 1 2 three\r\n"
    write(tmp_path, pairs=pairs)
    (tmp_path / "lfw/Al_X").mkdir(parents=True)
    (tmp_path / "lfw/Al_X/Al_X_0001.jpg").write_bytes(b"x")
    dataset = Dataset.import_from(tmp_path)
    items = {item.id: item for item in dataset}
    assert (dataset.format, list(items)) == (
        "lfw",
        ["Al_X_0001", "Al_X_0002", "Bo-Y_0002", "no 1 2 three"],
    )
    assert items["Al_X_0001"].annotations[0].attributes == {
        "positive_pairs": ["Al_X/Al_X_0002"],
        "negative_pairs": ["Bo-Y/Bo-Y_0002"],
    }


def test_lfw_items_with_blanks_are_no_pairs(tmp_path: Path) -> None:
    write(tmp_path, annotations__pairs="a 1 2\nb 3 4\n")
    assert [item.id for item in Dataset.import_from(tmp_path, "lfw")] == ["a 1 2", "b 3 4"]


def test_lfw_landmarks_with_blanks(tmp_path: Path) -> None:
    numbers = "1 2 3 4 5\t6 7 8 9 10"
    write(
        tmp_path,
        annotations__pairs="1 \nAl X\t1\t2 \n",
        annotations__landmarks=f"Al X/Al X_0001.jpg\t{numbers}\n",
    )
    first, _ = Dataset.import_from(tmp_path, "lfw")
    assert [a.points for a in first.annotations if a.kind == "points"] == [list(range(1, 11))]


def test_vgg_tells_what_it_leaves_out(tmp_path: Path) -> None:
    head = "NAME_ID," + ",".join(f"P{n}{a}" for n in range(1, 6) for a in "XY")
    write(
        tmp_path,
        bb_landmark__loose_landmark_train=f"{head}\nn1/a,1,2,3,4,5,6,7,8,9,\nn2/b{',' * 10}\n",
        labels="n1\n",
    )
    for name in ("n1", "n2", "n3"):
        (tmp_path / "train" / name).mkdir(parents=True)
    with pytest.warns(DskWarning) as caught:
        items = list(Dataset.import_from(tmp_path))
    told = " | ".join(str(warning.message) for warning in caught)
    assert "1 labels of the tables are not listed, e.g. 'n2'" in told
    assert "1 folders of images are in no table" in told
    assert "n3" in told
    assert "rows with some empty cells have no numbers" in told
    assert [[a.kind for a in item.annotations] for item in items] == [["label"], []]


def test_wider_images_of_one_name_in_two_events(tmp_path: Path) -> None:
    rows = "0--A/x.jpg\n1\n1 2 3 4\n1--B/x.jpg\n1\n5 6 7 8\n1--B/y.jpg\n0\n"
    write(tmp_path, wider_face_split__wider_face_train_bbx_gt=rows)
    dataset = Dataset.import_from(tmp_path)
    with pytest.warns(OpeningWarning, match="1 names of images are in several events, e.g. 'x'"):
        items = list(dataset)
    assert [(item.id, item.annotations[0].x) for item in items[:2]] == [
        ("0--A/x", 1),
        ("1--B/x", 5),
    ]
    assert items[2].id == "y"
    dataset.export(tmp_path / "out", "wider_face")
    assert [i.id for i in Dataset.import_from(tmp_path / "out")] == ["0--A/x", "1--B/x", "y"]


def test_wider_labels_without_a_list(tmp_path: Path) -> None:
    boxes = "1 2 3 4 red helmet\n1 2 3 4 0 0 0 0 0 0 face mask\n1 2 3 4\n"
    rows = f"# made by hand from 4 albums\n0--A/x.jpg\n3\n{boxes}"
    write(tmp_path, wider_face_split__wider_face_train_bbx_gt=rows)
    dataset = Dataset.import_from(tmp_path, "wider_face", on_error="skip")
    names = dataset.categories().names
    assert names == ["face", "red helmet", "face mask"]
    (item,) = dataset
    assert [names[a.label] for a in item.annotations] == ["red helmet", "face mask", "face"]
