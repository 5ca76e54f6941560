"""Tables of boxes: cells, layouts, oddities, what is written."""

from __future__ import annotations

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Bbox
from dsk.categories import Categories
from dsk.detect import detect
from dsk.errors import DskWarning, InputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image

NAME = "_annotations.csv"
HEAD = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def read(root, **options):
    return Dataset.import_from(root, "tensorflow_csv", **options)


def listing(dataset):
    return [(i.subset, i.id, [(a.label, a.bbox) for a in i.annotations]) for i in dataset]


def test_roboflow(tmp_path):
    """Rows of an image need not follow each other; images without boxes have no row."""
    rows = "a.jpg,640,480,dog,1,2,11,22\nb.c.jpg,64,48,cat,0,0,1.5,2\na.jpg,640,480,cat,5,5,5,9\n"
    put(tmp_path / "train" / NAME, HEAD + rows)
    put(tmp_path / "valid" / NAME, HEAD.replace("\n", "\r\n") + "a.jpg,64,48,dog,1,1,2,2\r\n\r\n")
    put(tmp_path / "train" / "rest.png", "")
    put(tmp_path / "train" / "a.jpg", "")
    put(tmp_path / "README.roboflow.txt", "")
    dataset = read(tmp_path)
    assert dataset.categories().names == ["dog", "cat"]
    assert listing(dataset) == [
        ("train", "a", [(0, (1, 2, 10, 20)), (1, (5, 5, 0, 4))]),
        ("train", "b.c", [(1, (0, 0, 1.5, 2))]),
        ("train", "rest", []),
        ("valid", "a", [(0, (1, 1, 1, 1))]),
    ]
    assert [i.media.size for i in dataset] == [(480, 640), (48, 64), None, (48, 64)]
    assert [i.media.exists for i in dataset] == [True, False, True, False]
    assert detect(open_root(tmp_path))[0].format == "tensorflow_csv"
    assert listing(read(tmp_path / "valid")) == [("valid", "a", [(0, (1, 1, 1, 1))])]


def test_tables_of_splits_in_one_folder(tmp_path):
    """The layout of the tutorials: tables in ``data``, images beside that folder."""
    for split in ("train", "test"):
        put(tmp_path / f"data/{split}_labels.csv", f"{HEAD}{split}.jpg,9,9,dog,1,2,3,4\n")
        put(tmp_path / f"images/{split}/{split}.jpg", "")
    put(tmp_path / "data/other.jpg", "")  # nobody knows of which split
    dataset = read(tmp_path)
    box = [(0, (1, 2, 2, 2))]
    assert listing(dataset) == [("test", "test", box), ("train", "train", box)]
    assert all(item.media.exists for item in dataset)


def test_other_columns_and_quotes(tmp_path):
    put(
        tmp_path / "boxes.csv",
        '\ufeffid, "class", XMin, ymin, xmax, ymax, filename\n1, "a, ""b""", 1, 2, 3, 4, x/é.jpg\n',
    )
    with pytest.warns(DskWarning, match="the column id of .*boxes.csv is not read"):
        items = list(read(tmp_path))
    assert listing(items) == [("default", "x/é", [(0, (1, 2, 2, 2))])]
    assert items[0].media.size is None
    assert read(tmp_path).categories().names == ['a, "b"']


def test_names_of_images(tmp_path):
    rows = ["a.jpg", "a.png", "./a.jpg", r"C:\photos\b.jpg", "/home/me/b.jpg"]
    put(tmp_path / NAME, HEAD + "".join(f"{name},9,9,dog,0,0,1,1\n" for name in rows))
    with pytest.warns(DskWarning, match="absolute paths"):
        found = listing(read(tmp_path))
    assert [(name, len(boxes)) for _, name, boxes in found] == [("a", 2), ("a.png", 1), ("b", 2)]


def test_rows_without_box_and_sizes(tmp_path):
    rows = "a.jpg,,,,,,,\nb.jpg,0,0,dog,0,0,1,1\nb.jpg,8,6,dog,0,0,1,1\nb.jpg,8,7,dog,0,0,1,1\n"
    put(tmp_path / NAME, HEAD + rows)
    with pytest.warns(DskWarning, match="different sizes"):
        items = list(read(tmp_path))
    assert [(i.id, len(i.annotations), i.media.size) for i in items] == [
        ("a", 0, None),
        ("b", 3, (6, 8)),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.jpg,9,9,dog,1,2,3", "7 cells, not 8"),
        ("a.jpg,9,9,dog,1,2,3,4,", "9 cells, not 8"),
        ("a.jpg,9,9,dog,1,2,x,4", "no number: 1, 2, x, 4"),
        ("a.jpg,9,9,dog,1,2,,4", "no number: 1, 2, , 4"),
        ("a.jpg,x,9,dog,1,2,3,4", "'x' is no number of pixels"),
        ("a.jpg,9,9,dog,1,2,nan,4", "not finite"),
        ("a.jpg,9,9,dog,-1e308,2,1e308,4", "not finite"),
        ("a.jpg,9,9,,1,2,3,4", "no class"),
        ("a.jpg,9.5,9,dog,1,2,3,4", "'9.5' is no number of pixels"),
        ("a.jpg,-9,9,dog,1,2,3,4", "'-9' is no number of pixels"),
        ("a.jpg,inf,9,dog,1,2,3,4", "'inf' is no number of pixels"),
        ("../a.jpg,9,9,dog,1,2,3,4", "leads out of its folder"),
        (",9,9,dog,1,2,3,4", "empty"),
    ],
)
def test_bad_rows(tmp_path, row, message):
    put(tmp_path / NAME, f"{HEAD}ok.jpg,9,9,dog,1,2,3,4\n{row}\n")
    with pytest.raises(RecordError, match=message) as caught:
        read(tmp_path)
    assert caught.value.where.endswith(f"{NAME}:3")
    assert [item.id for item in read(tmp_path, on_error="skip")] == ["ok"]


@pytest.mark.parametrize("text", ["", "filename,class\n", "a,b\0c\n", "filename,filename,class\n"])
def test_no_table(tmp_path, text):
    put(tmp_path / NAME, text)
    with pytest.raises(InputError, match="no table of boxes"):
        read(tmp_path / NAME)
    put(tmp_path / "train" / NAME, HEAD)
    assert listing(read(tmp_path)) == []


def test_damaged_tables_beside_good_ones_are_told(tmp_path):
    put(tmp_path / "a" / NAME, HEAD)
    put(tmp_path / "b" / NAME, HEAD.replace("xmin", "x"))
    with pytest.warns(DskWarning, match="b/_annotations.csv is not read"):
        list(read(tmp_path))


def test_what_is_written(tmp_path):
    boxes = [Bbox(0.5, 1, 2, 3, label=1), Bbox(5, 5, -2, -3, label=0)]
    items = [
        DatasetItem("x/a,b", "train", Image("x/a,b.png", size=(48, 64)), boxes),
        DatasetItem("c", "val", Image("c.jpg"), [Bbox(1, 2, 3, 4, label=0)]),
        DatasetItem("d", "val", Image("d.jpg")),
    ]
    data = Dataset.from_iterable(items, categories=["dog", "c,t", "none"])
    report = data.export(tmp_path / "out", "tensorflow_csv")
    train, val = ((tmp_path / "out" / s / NAME).read_text() for s in ("train", "val"))
    assert train == HEAD + '"x/a,b.png",64,48,"c,t",0.5,1,2.5,4\n"x/a,b.png",64,48,dog,3,2,5,5\n'
    assert val == HEAD + "c.jpg,0,0,dog,1,2,4,6\n"
    told = {(event.code, event.what) for event in report.events}
    assert told == {
        ("DSK-L008", "item without boxes"),
        ("DSK-L010", "labels that no box has"),
        ("DSK-L015", "labels in the order of their boxes"),
    }


def test_images_without_boxes(tmp_path):
    pixels = np.zeros((2, 3, 3), np.uint8)
    items = [DatasetItem(name, media=Image(f"{name}.png", pixels)) for name in ("a", "b/c")]
    data = Dataset.from_iterable(items, categories=["dog"])
    report = data.export(tmp_path / "out", "tensorflow_csv", save_media=True)
    assert [(e.code, e.what) for e in report.events if e.effect == "item"] == [
        ("DSK-L008", "item without boxes in a folder")
    ]
    assert listing(read(tmp_path / "out")) == [("default", "a", [])]


def test_labels_keep_their_order_with_dataset_meta(tmp_path):
    items = [DatasetItem("a", annotations=[Bbox(0, 0, 1, 1, label=2)])]
    data = Dataset.from_iterable(items, categories=Categories.from_names(["x", "y", "z"]))
    report = data.export(tmp_path / "out", "tensorflow_csv", save_dataset_meta=True)
    assert not report.events
    back = read(tmp_path / "out")
    assert back.categories().names == ["x", "y", "z"]
    assert listing(back) == [("default", "a", [(2, (0, 0, 1, 1))])]


def test_tables_of_tfrecords_are_not_in_their_way(tmp_path):
    """Tutorials make records of tables and leave both: the records hold the images, too."""
    put(tmp_path / "data/train_labels.csv", HEAD)
    (found,) = (d for d in detect(open_root(tmp_path)) if d.format == "tensorflow_csv")
    assert found.score < 90


XML = "<annotation><object><name>a</name><bndbox><xmin>1</xmin></bndbox></object></annotation>"


@pytest.mark.parametrize(
    ("name", "xml", "listed", "score"),
    [
        ("train_labels.csv", {"xml/a.xml": XML}, "a.jpg", 65),
        ("train_labels.csv", {"xml/a.xml": XML}, "C:\\set\\a.jpg", 65),
        ("train_labels.csv", {"xml/b.xml": XML}, "a.jpg", 70),
        ("train_labels.csv", {"xml/a.xml": "<project/>"}, "a.jpg", 70),
        ("train_labels.csv", {}, "a.jpg", 70),
        (NAME, {"xml/a.xml": XML}, "a.jpg", 90),
    ],
)
def test_tables_beside_vocs_files_are_less_sure(name, xml, listed, score, tmp_path):
    put(tmp_path / name, f"{HEAD}{listed},9,9,dog,1,2,3,4\n")
    for file, text in xml.items():
        put(tmp_path / file, text)
    found = next(d for d in detect(open_root(tmp_path)) if d.format == "tensorflow_csv")
    assert found.score == score
    (alone,) = (d for d in detect(open_root(tmp_path / name)) if d.format == "tensorflow_csv")
    assert alone.score >= 70


def test_boxes_whose_edges_are_swapped_are_kept(tmp_path):
    """As in VOC, of whose files many such tables are made."""
    put(tmp_path / NAME, HEAD + "a.jpg,9,9,dog,3,2,1,4\na.jpg,9,9,dog,1,2,3,2\n")
    with pytest.warns(DskWarning, match="boxes without area .* they are kept"):
        found = listing(read(tmp_path))
    assert found == [("default", "a", [(0, (3, 2, -2, 2)), (0, (1, 2, 2, 0))])]
