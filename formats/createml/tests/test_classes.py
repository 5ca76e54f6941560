"""Tables of classes: cells, layouts, oddities, what is written."""

from __future__ import annotations

import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.detect import detect
from dsk.errors import InputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image

NAME = "_classes.csv"


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def read(root, **options):
    return Dataset.import_from(root, "multiclass_csv", **options)


def listing(dataset):
    return [(i.subset, i.id, [a.label for a in i.annotations]) for i in dataset]


def test_roboflow(tmp_path):
    """The order of columns may differ between splits, and not every image need have a row."""
    put(tmp_path / "train" / NAME, "filename, zebra, ant bee\na.jpg, 1, 1\nb.c.jpg, 0, 0\n")
    put(tmp_path / "valid" / NAME, "filename, ant bee, zebra, new\r\na.jpg, 1, 0, 1\r\n\r\n")
    put(tmp_path / "train" / "rest.png", "")
    put(tmp_path / "train" / "a.jpg", "")
    put(tmp_path / "README.roboflow.txt", "")
    dataset = read(tmp_path)
    assert dataset.categories().names == ["zebra", "ant bee", "new"]
    assert listing(dataset) == [
        ("train", "a", [0, 1]),
        ("train", "b.c", []),
        ("train", "rest", []),
        ("valid", "a", [1, 2]),
    ]
    assert [i.media.exists for i in dataset] == [True, False, True, False]
    assert detect(open_root(tmp_path))[0].format == "multiclass_csv"
    assert listing(read(tmp_path / "valid")) == [("valid", "a", [0, 2])]


def test_quotes_marks_and_words(tmp_path):
    put(
        tmp_path / NAME,
        '\ufefffilename,"red, or so","say ""x""",\n"a,b.jpg",true,FALSE,\nc.jpg, 1.0, ,\n',
    )
    dataset = read(tmp_path)
    assert dataset.categories().names == ["red, or so", 'say "x"']
    assert listing(dataset) == [("default", "a,b", [0]), ("default", "c", [0])]


def test_stated_labels_go_first(tmp_path):
    put(tmp_path / "dataset_meta.json", '{"labels": ["b", "a"]}')
    put(tmp_path / "train" / NAME, "filename,a,c\nx.jpg,1,1\n")
    dataset = read(tmp_path)
    assert dataset.categories().names == ["b", "a", "c"]
    assert listing(dataset) == [("train", "x", [1, 2])]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b.jpg, 2, 0", "neither 0 nor 1"),
        ("b.jpg, 1", "2 cells, not 3"),
        ("b.jpg, 1, 0, 1", "4 cells, not 3"),
        ("a.jpg, 1, 0", "has a row already"),
        ("../b.jpg, 1, 0", "leads out"),
        (", 1, 0", "empty"),
    ],
)
def test_bad_rows(tmp_path, row, message):
    put(tmp_path / NAME, f"filename, x, y\na.jpg, 0, 1\n{row}\n")
    with pytest.raises(RecordError, match=message) as caught:
        list(read(tmp_path))
    assert caught.value.where.endswith(f"{NAME}:3")
    assert listing(read(tmp_path, on_error="skip")) == [("default", "a", [1])]


@pytest.mark.parametrize(
    "text", ["", "Pixel Value, Class\n0, cat\n", "filename, a, a\nx.jpg, 1, 1\n", "filename, , a\n"]
)
def test_no_table(tmp_path, text):
    put(tmp_path / NAME, text)
    with pytest.raises(InputError, match=r"no table|one name"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"no table|one name"):
        read(tmp_path / NAME)


def test_legend_of_masks_is_not_claimed(tmp_path):
    put(tmp_path / "train" / NAME, "Pixel Value, Class\n0, background\n1, cat\n")
    assert "multiclass_csv" not in [match.format for match in detect(open_root(tmp_path))]


def test_what_is_written(tmp_path):
    twice = [Label(label=1), Label(label=1), Label(label=0)]
    items = [DatasetItem("a", "train", annotations=twice), DatasetItem("b,c", "train")]
    dataset = Dataset.from_iterable(items, ["x", "y, z", "unused"])
    report = dataset.export(tmp_path / "o", "multiclass_csv")
    written = (tmp_path / "o" / "train" / NAME).read_text()
    assert written == 'filename, x, "y, z", unused\na.jpg, 1, 1, 0\n"b,c.jpg", 0, 0, 0\n'
    assert report.annotations == {
        "in": 3,
        "out": 2,
        "changed": 0,
        "dropped": 0,
        "merged": 1,
        "split": 0,
        "removed": 0,
    }


def test_images_that_differ_in_their_ending_stay_apart(tmp_path):
    (tmp_path / "_classes.csv").write_text("filename, x, y\na.jpg, 1, 0\na.png, 0, 1\n")
    for name in ("a.jpg", "b.jpg", "b.png"):
        (tmp_path / name).write_bytes(b"")
    found = {i.id: (i.media.path, [a.label for a in i.annotations]) for i in read(tmp_path)}
    assert found == {
        "a": ("a.jpg", [0]),
        "a.png": ("a.png", [1]),
        "b": ("b.jpg", []),
        "b.png": ("b.png", []),
    }


def test_a_table_without_labels_comes_back(tmp_path):
    dataset = Dataset.from_iterable([DatasetItem("a", media=Image("a.jpg"))], [])
    dataset.export(tmp_path / "out", "multiclass_csv")
    assert [i.id for i in read(tmp_path / "out")] == ["a"]


def test_labels_of_items_that_cannot_be_written_are_counted(tmp_path):
    item = DatasetItem("a\nb", media=Image("a.jpg"), annotations=[Label(label=0)])
    report = Dataset.from_iterable([item], ["x"]).export(tmp_path / "out", "multiclass_csv")
    assert (report.annotations["out"], report.annotations["dropped"]) == (0, 1)


@pytest.mark.parametrize("text", ["", "a.jpg, 1\nfilename, x\n", "filenam, x\na.jpg, 1\n"])
def test_damaged_tables_beside_good_ones_are_told(text, tmp_path):
    put(tmp_path / "train" / NAME, "filename, x\na.jpg, 1\n")
    put(tmp_path / "val" / NAME, text)
    put(tmp_path / "masks" / NAME, "Pixel Value, Class\n0, cat\n")
    put(tmp_path / "val" / "other.csv", "a, b\n")
    dataset = read(tmp_path)
    assert listing(dataset) == [("train", "a", [0])]
    (told,) = dataset.opening_ledger.warnings
    assert f"val/{NAME} is not read: its first line is not" in told


def test_stated_labels_of_one_name_do_not_shift_the_others(tmp_path):
    put(tmp_path / "dataset_meta.json", '{"labels": ["a", "b", "a"]}')
    put(tmp_path / "train" / NAME, "filename, c, b, a\nx.jpg, 1, 1, 1\n")
    dataset = read(tmp_path)
    assert dataset.categories().names == ["a", "b", "a", "c"]
    assert listing(dataset) == [("train", "x", [3, 1, 0])]
