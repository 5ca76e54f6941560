"""VGGFace2, LFW and CelebA: official layouts, traps, what is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dsk import Dataset
from dsk.annotations import Bbox, Label, Points
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk_faces.detect import detect_lfw

if TYPE_CHECKING:
    from pathlib import Path

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.5]
NUMBERS = ",".join(map(str, FIVE))
POINTS_HEAD = "NAME_ID," + ",".join(f"P{n}{a}" for n in range(1, 6) for a in "XY")


def write(root: Path, **files: str) -> Path:
    """Write files; ``__`` in a name is a slash."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + (".csv" if "loose" in name else ".txt"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


def kinds(dataset: Dataset) -> dict[str, list[tuple[str, int | None]]]:
    return {i.id: [(a.kind, a.label) for a in i.annotations] for i in dataset}


def test_vgg_quotes_empty_cells_and_rows_of_one_table(tmp_path: Path) -> None:
    empty = "," * 10
    write(
        tmp_path,
        bb_landmark__loose_bb_train='NAME_ID,X,Y,W,H\r\n"n1/0001_01",-1,2.5,3,4\r\n"n2/3",1,1,1,1',
        bb_landmark__loose_landmark_train=f'{POINTS_HEAD}\n"n1/0001_01",{NUMBERS}\nn1/x{empty}\n',
        labels="n1 Karl\nn2\n",
    )
    dataset = Dataset.import_from(tmp_path)
    assert kinds(dataset) == {
        "n1/0001_01": [("points", 0), ("bbox", 0)],
        "n1/x": [("label", 0)],
        "n2/3": [("bbox", 1)],
    }
    assert dataset.categories().labels[0].parent == "Karl"
    assert next(iter(dataset)).annotations[1].bbox == (-1, 2.5, 3, 4)


def test_vgg_names_with_a_blank(tmp_path: Path) -> None:
    (tmp_path / "bb_landmark").mkdir()
    (tmp_path / "labels.txt").write_text("cat\nOther object\nn1 Jane Doe\n")
    rows = '"Other object/1",1,2,3,4\n"n1/1",1,2,3,4\n'
    (tmp_path / "bb_landmark/loose_bb_train.csv").write_text(f"NAME_ID,X,Y,W,H\n{rows}")
    dataset = Dataset.import_from(tmp_path, "vgg_face2")
    names = [(label.name, label.parent) for label in dataset.categories().labels]
    assert names == [("cat", ""), ("Other object", ""), ("n1", "Jane Doe")]
    assert [item.annotations[0].label for item in dataset] == [1, 2]


def test_vgg_identities_that_have_no_folder(tmp_path: Path) -> None:
    """Tables name them as well; folders come first."""
    (tmp_path / "train" / "n9").mkdir(parents=True)
    write(
        tmp_path,
        bb_landmark__loose_bb_train="NAME_ID,X,Y,W,H\nn1/1,1,2,3,4\nno_label/1,1,2,3,4\nn3/1,1,2,3,4\n",
        bb_landmark__loose_landmark_train=f"{POINTS_HEAD}\nn2/1,{NUMBERS}\nn1/1,{NUMBERS}\n",
        bb_landmark__loose_bb_test="NAME_ID,X,Y,W,H\nn1/2,1,2,3,4\nalone,1,2,3,4\n",
    )
    dataset = Dataset.import_from(tmp_path)
    assert dataset.categories().names == ["n9", "n1", "n2", "n3"]
    assert kinds(dataset) == {
        "n1/2": [("bbox", 1)],
        "alone": [("bbox", None)],
        "n2/1": [("points", 2)],
        "n1/1": [("points", 1), ("bbox", 1)],
        "no_label/1": [("bbox", None)],
        "n3/1": [("bbox", 3)],
    }


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("NAME_ID,X,Y,W\nn1/1,1,1,1\n", InputError),
        ("NAME_ID,X,Y,W,H\nn1/1,1,1,1,x\n", RecordError),
        ("NAME_ID,X,Y,W,H\nn1/1,1,1,1,nan\n", RecordError),
        ("NAME_ID,X,Y,W,H\nn1/1,1,1,1,1\nn1/1,2,2,2,2\n", RecordError),
        ("NAME_ID,X,Y,W,H\n../../1,1,1,1,1\n", InputError),
        ("", InputError),
    ],
)
def test_vgg_damaged(tmp_path: Path, text: str, error: type[Exception]) -> None:
    write(tmp_path, bb_landmark__loose_bb_train=text)
    with pytest.raises(error):
        list(Dataset.import_from(tmp_path, "vgg_face2"))


def test_vgg_reports_what_it_leaves_out(tmp_path: Path) -> None:
    boxes = [Bbox(1, 2, 3, 4, label=0), Bbox(2, 2, 3, 4, label=0)]
    points = [Points(points=[1, 2], label=0), Points(points=FIVE, label=1)]
    items = [DatasetItem("a", "train", None, [Label(label=0), *boxes, *points])]
    report = Dataset.from_iterable(items, ["x", "y"]).export(tmp_path / "o", "vgg_face2")
    assert kinds(Dataset.import_from(tmp_path / "o")) == {"x/a": [("points", 0), ("bbox", 0)]}
    assert report.annotations == {
        **dict.fromkeys(("changed", "split", "removed"), 0),
        "in": 5,
        "out": 2,
        "dropped": 2,
        "merged": 1,
    }


PAIRS = "2\t2\nA-B\t1\t2\nA-B\t1\tO'C\t3\n1\t1\nD\t1\t2\n"


def test_lfw_official(tmp_path: Path) -> None:
    """Headers of folds are no images; the images lie beside the lists."""
    write(tmp_path, pairs=PAIRS, people="1\nA-B\t2\nO'C\t3\n")
    (tmp_path / "lfw" / "A-B").mkdir(parents=True)
    (tmp_path / "lfw" / "A-B" / "A-B_0001.JPG").write_bytes(b"x")
    found = {item.id: item for item in Dataset.import_from(tmp_path)}
    assert list(found) == ["A-B_0001", "A-B_0002", "O'C_0003", "D_0001", "D_0002"]
    assert found["A-B_0001"].media.exists
    assert found["A-B_0001"].annotations[0].attributes == {
        "positive_pairs": ["A-B/A-B_0002"],
        "negative_pairs": ["O'C/O'C_0003"],
    }
    assert Dataset.import_from(tmp_path).categories().names == ["A-B", "O'C", "D"]


@pytest.mark.parametrize(
    ("pairs", "images"),
    [
        ("pairs", "lfw_funneled"),
        ("lfw__pairs", "lfw"),
        ("pairs", "."),
        ("pairs", "lfw-deepfunneled/lfw-deepfunneled"),
    ],
)
def test_lfw_image_folders(tmp_path: Path, pairs: str, images: str) -> None:
    """Lists beside the images or among them, an archive in a folder of its name."""
    write(tmp_path, **{pairs: "10\t300\nA\t1\t2\n"})
    for number in (1, 2):
        path = tmp_path / images / "A" / f"A_000{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert [item.media.exists for item in Dataset.import_from(tmp_path)] == [True, True]


def test_names_in_pairs_that_no_file_can_have_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "test" / "annotations").mkdir(parents=True)
    (tmp_path / "test" / "annotations" / "pairs.txt").write_text("1\t0\na\0b\t1\t2\n")
    with pytest.raises(UnsafePathError, match=r"pairs\.txt:2: .* holds a NUL"):
        Dataset.import_from(tmp_path, "lfw")


def test_lfw_header_of_one_number_and_images_alone(tmp_path: Path) -> None:
    text = "1100\nA\t1 \tx\nB/b\nc\nA\t1\t-\tc\n"
    write(tmp_path, dev__annotations__pairs=text)
    dataset = Dataset.import_from(tmp_path, "lfw")
    assert [(i.id, i.subset, len(i.annotations)) for i in dataset] == [
        ("A_0001", "dev", 1),
        ("x", "dev", 1),
        ("b", "dev", 1),
        ("c", "dev", 0),
    ]
    first = next(iter(dataset)).annotations[0].attributes
    assert first == {"positive_pairs": ["A/x"], "negative_pairs": ["c"]}


def test_lfw_pairs_survive(tmp_path: Path) -> None:
    pairs: dict[str, Any] = {
        "positive_pairs": ["A/A_0002", "A/other"],
        "negative_pairs": ["B/B_0001", "loose"],
    }
    items = [
        DatasetItem("A_0001", "s", None, [Label(label=0, attributes=pairs)]),
        DatasetItem("A_0002", "s", None, [Label(label=0), Points(points=FIVE, label=0)]),
        DatasetItem("other", "s", None, [Label(label=0)]),
        DatasetItem("B_0001", "s", None, [Label(label=1)]),
        DatasetItem("loose", "s"),
        DatasetItem("12345", "s", None, [Label(label=1)]),
    ]
    report = Dataset.from_iterable(items, ["A", "B"]).export(tmp_path / "o", "lfw")
    assert not report.losses
    back = {i.id: i for i in Dataset.import_from(tmp_path / "o")}
    assert back["A_0001"].annotations[0].attributes == pairs
    assert {i: [(a.kind, a.label) for a in x.annotations] for i, x in back.items()} == {
        i.id: [(a.kind, a.label) for a in i.annotations] for i in items
    }


def test_lfw_pairs_that_cannot_be_written_are_reported(tmp_path: Path) -> None:
    label = Label(label=0, attributes={"positive_pairs": ["A/7"]})
    dataset = Dataset.from_iterable([DatasetItem("A_0001", "s", None, [label])], ["A"])
    report = dataset.export(tmp_path / "o", "lfw")
    assert [(e.code, e.count) for e in report.losses] == [("DSK-L004", 1)]


@pytest.mark.parametrize(
    ("format_name", "given", "names"),
    [
        ("lfw", ["  padded", "a\tb", "-", "", "c  d"], ["padded", "a_b", "_", "__2", "c  d"]),
        ("vgg_face2", [" a/b", "no_label", "..", "a_b"], ["a_b_2", "no_label_", "_", "a_b"]),
        (
            "wider_face",
            ["  padded", "a  b", "c\td", "padded"],
            ["padded_2", "a_ b", "c_d", "padded"],
        ),
    ],
)
def test_labels_that_no_file_can_hold_change(
    tmp_path: Path, format_name: str, given: list[str], names: list[str]
) -> None:
    """Folders, tables and dataset_meta.json say the same, and the report says what changed."""
    items = [
        DatasetItem(str(n), "s", None, [Bbox(1, 2, 3, 4, label=n), Label(label=n)])
        for n in range(len(given))
    ]
    report = Dataset.from_iterable(items, given).export(
        tmp_path / "o", format_name, save_dataset_meta=True
    )
    assert {e.what for e in report.events if e.code == "DSK-L010"} == {
        f"label name {old!r} becomes {new!r}"
        for old, new in zip(given, names, strict=True)
        if old != new
    }
    for _ in range(2):
        back = Dataset.import_from(tmp_path / "o", format_name)
        known = back.categories().names
        assert known == names
        assert [known[i.annotations[0].label] for i in back] == names
        (tmp_path / "o/dataset_meta.json").unlink(missing_ok=True)


def test_lfw_pairs_follow_labels_that_change(tmp_path: Path) -> None:
    pairs = {"positive_pairs": [" p/p_0002"], "negative_pairs": ["a\tb/x"]}
    items = [DatasetItem("p_0001", "s", None, [Label(label=0, attributes=pairs)])]
    Dataset.from_iterable(items, [" p", "a\tb"]).export(tmp_path / "o", "lfw")
    text = (tmp_path / "o/s/annotations/pairs.txt").read_text()
    assert text == "p\t1\t2\np\t1\ta_b\tx\n"


@pytest.mark.parametrize("line", ["A\tx y\t", "A\t1\t2\t3\t4", "\t1\t2"])
def test_lfw_bad_lines(tmp_path: Path, line: str) -> None:
    write(tmp_path, s__annotations__pairs=f"A\t1\t2\n{line}\n")
    with pytest.raises(RecordError, match=r"pairs.txt:2"):
        Dataset.import_from(tmp_path, "lfw")


def test_lfw_landmarks_of_any_number(tmp_path: Path) -> None:
    found = [Label(label=0), Points(points=[1, 2, 3.5, 4], label=0), Points(points=[], label=0)]
    items = [DatasetItem("A_0001", "s", None, found)]
    report = Dataset.from_iterable(items, ["A"]).export(tmp_path / "o", "lfw")
    text = (tmp_path / "o/s/annotations/landmarks.txt").read_text()
    assert text == "A/A_0001.jpg\t1\t2\t3.5\t4\n"
    assert [(loss.code, loss.what, loss.count) for loss in report.losses] == [
        ("DSK-L017", "landmarks without a point", 1)
    ]
    (item,) = Dataset.import_from(tmp_path / "o", "lfw")
    assert [a.points for a in item.annotations if isinstance(a, Points)] == [[1, 2, 3.5, 4]]


def test_lfw_image_called_like_a_header(tmp_path: Path) -> None:
    write(tmp_path, s__annotations__pairs="000100\n000200\n")
    assert [i.id for i in Dataset.import_from(tmp_path, "lfw")] == ["000200"]
    (tmp_path / "s/images").mkdir()
    (tmp_path / "s/images/000100.jpg").touch()
    assert [i.id for i in Dataset.import_from(tmp_path, "lfw")] == ["000100", "000200"]


CELEBA = {
    "Anno__identity_CelebA": "1.jpg 2\n2.jpg 0\n",
    "Anno__list_attr_celeba": "1\nBald Young\n1.jpg -1  1\n",
    "Anno__list_landmarks_celeba": f"1\n{'p ' * 10}\n2.jpg {' '.join(map(str, FIVE))}\n",
    "Anno__list_bbox_celeba": "1\nimage_id x_1 y_1 width height\n1.jpg 1 2 0 0\n",
    "Eval__list_eval_partition": "1.jpg 2\n2.jpg 0\n",
}


def test_celeba(tmp_path: Path) -> None:
    (tmp_path / "Img" / "img_celeba").mkdir(parents=True)
    dataset = Dataset.import_from(write(tmp_path, **CELEBA))
    assert kinds(dataset) == {"1": [("label", 2), ("bbox", 2)], "2": [("label", 0), ("points", 0)]}
    assert [i.attributes for i in dataset] == [{"Bald": False, "Young": True}, {}]
    assert [i.subset for i in dataset] == ["test", "train"]
    assert dataset.categories().names == ["class-0", "class-1", "class-2"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Anno__list_bbox_celeba", "1\nx_1 y_1 width height\n9.jpg 1 2 0 0\n", "not in"),
        ("Anno__list_bbox_celeba", "1\nimage y x w h\n1.jpg 1 2 0 0\n", "header of boxes"),
        ("Anno__list_bbox_celeba", "2\nimage_id x_1 y_1 width height\n1.jpg 1 2 0 0\n", "cut off"),
        ("Anno__list_bbox_celeba", "1\nimage_id x_1 y_1 width height\n1.jpg 1 2 0\n", "4 numbers"),
        ("Anno__list_attr_celeba", "1\nBald Young\n1.jpg -1  5\n", "1 or -1"),
        ("Anno__identity_CelebA", "1.jpg 2\n2.jpg x\n", "identity is a number below"),
        ("Anno__identity_CelebA", "1.jpg 2\n2.jpg 9999999\n", "far too high"),
        ("Eval__list_eval_partition", "1.jpg 2\n2.jpg 3\n", "0, 1 or 2"),
    ],
)
def test_celeba_damaged(tmp_path: Path, name: str, text: str, message: str) -> None:
    write(tmp_path, **{**CELEBA, name: text})
    with pytest.raises(InputError, match=message):
        list(Dataset.import_from(tmp_path, "celeba"))


def test_celeba_of_kaggle(tmp_path: Path) -> None:
    """No identities, CSV with headers, a folder in a folder of its name."""
    (tmp_path / "img_align_celeba" / "img_align_celeba").mkdir(parents=True)
    for name, text in {
        "list_attr_celeba": "image_id,Bald,Young\n1.jpg,-1,1\n",
        "list_eval_partition": "image_id,partition\n1.jpg,1\n",
        "list_landmarks_align_celeba": f"image_id,{'p,' * 9}p\n1.jpg,{NUMBERS}\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text)
    dataset = Dataset.import_from(tmp_path)
    (item,) = dataset
    assert dataset.format == "align_celeba"
    assert (item.subset, item.attributes) == ("val", {"Bald": False, "Young": True})
    assert list(item.annotations[0].points) == FIVE


def test_lfw_labels_that_climb(tmp_path: Path) -> None:
    write(tmp_path, annotations__pairs="1\n../../x\ta\tb\n")
    with pytest.raises(UnsafePathError):
        list(Dataset.import_from(tmp_path, "lfw"))


def test_a_few_images_of_celeba(tmp_path: Path) -> None:
    """A part of the dataset keeps the identities of the whole, which go up to 10177."""
    (tmp_path / "Img" / "img_celeba").mkdir(parents=True)
    write(tmp_path, **{**CELEBA, "Anno__identity_CelebA": "1.jpg 10177\n2.jpg 2\n"})
    dataset = Dataset.import_from(tmp_path, "celeba")
    assert len(dataset.categories().names) == 10178
    assert kinds(dataset)["1"][0] == ("label", 10177)


def test_lfw_images_in_no_list(tmp_path: Path) -> None:
    write(tmp_path, pairs="1\t1\nJohn\t1\t2\n", pairsDevTrain="1\nJohn\t1\tZoe\t1\n")
    for name in ("John_0001", "John_0002", "Mary_0001", "Zoe_0001"):
        path = tmp_path / "lfw" / name.partition("_")[0] / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    dataset = Dataset.import_from(tmp_path, "lfw")
    place = tmp_path / "lfw/Mary/Mary_0001.jpg"
    warning = f"1 images are in no list and left out, such as {place}"
    assert list(dataset.opening_ledger.warnings) == [warning]


def test_vgg_field_that_is_too_long(tmp_path: Path) -> None:
    row = f'n1/a,"1{"x" * 200_000}",2,3,4'
    write(tmp_path, bb_landmark__loose_bb_train=f"NAME_ID,X,Y,W,H\n{row}\nn1/b,1,2,3,4\n")
    with pytest.raises(RecordError, match="convert") as caught:
        list(Dataset.import_from(tmp_path, "vgg_face2"))
    assert caught.value.where.endswith("loose_bb_train.csv:2")
    dataset = Dataset.import_from(tmp_path, "vgg_face2", on_error="skip")
    assert kinds(dataset) == {"n1/a": [], "n1/b": [("bbox", 0)]}


def test_celeba_identity_of_very_many_digits(tmp_path: Path) -> None:
    write(tmp_path, Anno__identity_CelebA=f"000001.jpg {'9' * 5000}\n000002.jpg 1\n")
    with pytest.raises(RecordError, match="identity"):
        list(Dataset.import_from(tmp_path, "celeba"))


@pytest.mark.parametrize("line", ['"000002.jpg 2', '"" 2'])
def test_celeba_quotes_that_do_not_match(tmp_path: Path, line: str) -> None:
    write(
        tmp_path,
        Anno__identity_CelebA=f"000001.jpg 1\n{line}\n{line}\n000003.jpg 0\n",
        Anno__list_bbox_celeba=f"1\nimage_id x_1 y_1 width height\n{line}\n",
    )
    with pytest.raises(RecordError, match="quotes") as caught:
        list(Dataset.import_from(tmp_path, "celeba"))
    assert caught.value.where.endswith("identity_CelebA.txt:2")
    dataset = Dataset.import_from(tmp_path, "celeba", on_error="skip")
    assert [item.id for item in dataset] == ["000001", "000003"]


@pytest.mark.parametrize(
    ("format_name", "files", "given", "subsets"),
    [
        (
            "lfw",
            {"pairsDevTrain": "1\nAl_X\t1\t2\n", "pairsDevTest": "1\nBo_X\t1\t2\n"},
            "pairsDevTrain.txt",
            ["train"],
        ),
        (
            "lfw",
            {"test__annotations__pairs": "1\nAl_X\t1\t2\n", "test__annotations__people": "1\n"},
            "test/annotations/pairs.txt",
            ["test"],
        ),
        (
            "vgg_face2",
            {
                "bb_landmark__loose_bb_train": "NAME_ID,X,Y,W,H\nn1/a,1,2,3,4\n",
                "bb_landmark__loose_bb_test": "NAME_ID,X,Y,W,H\nn2/a,1,2,3,4\n",
            },
            "bb_landmark/loose_bb_train.csv",
            ["train"],
        ),
    ],
)
def test_a_file_that_is_given_is_read_alone(
    tmp_path: Path, format_name: str, files: dict[str, str], given: str, subsets: list[str]
) -> None:
    write(tmp_path, **files)
    dataset = Dataset.import_from(tmp_path / given)
    assert dataset.format == format_name
    assert sorted({item.subset for item in dataset}) == subsets


def test_a_subset_of_lfw_that_is_given_alone(tmp_path: Path) -> None:
    write(tmp_path, train__annotations__pairs="1\nAl_X\t1\t2\n")
    assert {item.subset for item in Dataset.import_from(tmp_path / "train")} == {"train"}
    assert {item.subset for item in Dataset.import_from(tmp_path)} == {"train"}


def test_lfw_of_kaggle(tmp_path: Path) -> None:
    """The official files as CSV, with names of columns, and a comma behind pairs of one person."""
    (tmp_path / "pairs.csv").write_text("name,imagenum1,imagenum2,\nB_C,1,4,\nB_C,4,A_D,1\n")
    (tmp_path / "people.csv").write_text("name,images\nA_D,1\nB_C,4\n,\n")
    folder = tmp_path / "lfw-deepfunneled" / "lfw-deepfunneled" / "B_C"
    folder.mkdir(parents=True)
    (folder / "B_C_0001.jpg").write_bytes(b"x")
    dataset = Dataset.import_from(tmp_path)
    assert (dataset.format, dataset.categories().names) == ("lfw", ["A_D", "B_C"])
    found = {item.id: item.annotations[0].attributes for item in dataset}
    assert found == {
        "B_C_0001": {"positive_pairs": ["B_C/B_C_0004"]},
        "B_C_0004": {"negative_pairs": ["A_D/A_D_0001"]},
        "A_D_0001": {},
    }
    assert next(iter(dataset)).media.exists
    write(tmp_path, pairs="1\nA_D\t1\t2\n")  # the official file goes first
    assert {item.id for item in Dataset.import_from(tmp_path)} == {"A_D_0001", "A_D_0002"}


@pytest.mark.parametrize("head", ["name,score,x", "", "a,b\n"])
def test_pairs_of_something_else(tmp_path: Path, head: str) -> None:
    (tmp_path / "pairs.csv").write_text(f"{head}\nx,1,2\n")
    assert detect_lfw(open_root(tmp_path)) is None


def test_a_part_of_a_table_of_celeba(tmp_path: Path) -> None:
    """Its first line is that of the whole."""
    write(tmp_path, **{**CELEBA, "Anno__list_attr_celeba": "202599\nBald Young\n1.jpg -1  1\n"})
    with pytest.raises(RecordError, match="202599") as caught:
        Dataset.import_from(tmp_path, "celeba")
    assert "skip" in caught.value.hint
    dataset = Dataset.import_from(tmp_path, "celeba", on_error="skip")
    assert [i.attributes for i in dataset] == [{"Bald": False, "Young": True}, {}]


@pytest.mark.parametrize(
    ("table", "row", "expected"),
    [
        ("list_attr_celeba", "1\nBald Young\n000001.jpg -1  1\n", "align_celeba"),
        ("list_landmarks_celeba", f"1\n{'p ' * 10}\n000001.jpg {'1 ' * 10}\n", "celeba"),
    ],
)
def test_images_of_celeba_in_a_folder_of_another_name(
    tmp_path: Path, table: str, row: str, expected: str
) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/000001.jpg").write_bytes(b"x")
    dataset = Dataset.import_from(write(tmp_path, **{table: row}))
    (item,) = dataset
    assert dataset.format == expected
    assert item.media.exists
