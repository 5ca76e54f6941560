"""Where files lie: lists, homes, loose layouts, images, detection."""

from __future__ import annotations

import zipfile

import pytest

from dsk import Dataset
from dsk.errors import InputError, OptionError, RecordError
from dsk.files import open_root
from dsk_voc.detect import detect

XML = (
    "<annotation><filename>{}</filename><object><name>{}</name><bndbox><xmin>1</xmin><ymin>2</ymin>"
    "<xmax>3</xmax><ymax>5</ymax></bndbox></object></annotation>"
)


def put(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def keys(dataset):
    return [(i.subset, i.id) for i in dataset]


def kit(root, home=""):
    prefix = f"{home}/" if home else ""
    return put(
        root,
        {
            f"{prefix}ImageSets/Main/train.txt": "a\nb c\n",
            f"{prefix}ImageSets/Main/cat_train.txt": "a  1\nb c -1\n",
            f"{prefix}ImageSets/Main/dog_train.txt": "a 0\nb c 1\n",
            f"{prefix}Annotations/a.xml": XML.format("a.jpg", "cat"),
            f"{prefix}JPEGImages/a.jpg": b"",
            f"{prefix}JPEGImages/b c.png": b"",
        },
    )


@pytest.mark.parametrize("home", ["", "VOC2012", "x/VOCdevkit/VOC2007"])
def test_homes_below_the_root(home, tmp_path):
    dataset = Dataset.import_from(kit(tmp_path, home), "voc")
    items = list(dataset)
    assert keys(items) == [("train", "a"), ("train", "b c")]
    names = dataset.categories().names
    assert [[names[a.label] for a in i.annotations] for i in items] == [["cat", "cat"], ["dog"]]
    assert [i.media.path for i in items] == ["a.jpg", "b c.png"]
    assert items[1].media.exists


def test_two_homes_are_joined(tmp_path):
    kit(tmp_path, "VOC2007")
    put(tmp_path, {"VOC2012/ImageSets/Main/train.txt": "a\nz\n"})
    assert keys(Dataset.import_from(tmp_path, "voc")) == [
        ("train", "a"),
        ("train", "b c"),
        ("train", "z"),
    ]


def test_lists(tmp_path):
    put(
        tmp_path,
        {
            "ImageSets/Main/train.txt": "\ufeff# comment\r\n\r\nsub\\a\r\na 1\r\n",
            "ImageSets/Layout/train.txt": '"b c" 1\n"b c" 2\nd  1\na 1\n',
            "ImageSets/Action/train.txt": "e 1\ne 2\nf\n",
            "ImageSets/Segmentation/val.txt": "s\n",
        },
    )
    ids = ["sub/a", "a 1", "b c", "d", "e", "f"]
    found = keys(Dataset.import_from(tmp_path, "voc"))
    assert found == [*(("train", i) for i in ids), ("val", "s")]
    assert keys(Dataset.import_from(tmp_path, "voc_segmentation")) == [("val", "s")]
    assert keys(Dataset.import_from(tmp_path, "voc_detection"))[0] == ("train", "sub/a")


def test_bad_lines(tmp_path):
    put(tmp_path, {"ImageSets/Main/train.txt": "../x\na\n"})
    with pytest.raises(RecordError, match=r"train.txt:1"):
        Dataset.import_from(tmp_path, "voc")
    skipping = Dataset.import_from(tmp_path, "voc", on_error="skip")
    assert keys(skipping) == [("train", "a")]
    assert skipping.opening_ledger.bad_count == 1
    put(tmp_path, {"ImageSets/Main/train.txt": "a\n", "ImageSets/Main/cat_train.txt": "a 2\n"})
    with pytest.raises(RecordError, match="-1, 0 or 1"):
        Dataset.import_from(tmp_path, "voc")


def test_bad_quotes(tmp_path):
    put(tmp_path, {"ImageSets/Layout/train.txt": 'a "b\n'})
    with pytest.raises(RecordError, match="quotes"):
        Dataset.import_from(tmp_path, "voc_layout")


def test_one_list(tmp_path):
    kit(tmp_path)
    put(tmp_path, {"ImageSets/Main/val.txt": "v\n"})
    assert keys(Dataset.import_from(tmp_path / "ImageSets/Main/val.txt", "voc")) == [("val", "v")]
    with pytest.raises(InputError, match="neither"):
        Dataset.import_from(tmp_path / "ImageSets/Main/cat_train.txt", "voc")


def test_chosen_subsets(tmp_path):
    kit(tmp_path)
    put(tmp_path, {"ImageSets/Main/val.txt": "v\n", "ImageSets/Main/trainval.txt": "a\nb c\nv\n"})
    everything = Dataset.import_from(tmp_path, "voc")
    assert len(everything) == 6
    assert any("trainval repeats" in message for message in everything.opening_ledger.warnings)
    assert len(Dataset.import_from(tmp_path, "voc", subsets=["train", "val"])) == 3
    with pytest.raises(OptionError, match="no subset 'x'"):
        Dataset.import_from(tmp_path, "voc", subsets=["x"])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["x.xml", "x.jpg"], [("default", "x", "x.jpg")]),
        (
            ["train/x.xml", "train/x.jpg", "valid/y.xml", "valid/y.png"],
            [("train", "x", "x.jpg"), ("valid", "y", "y.png")],
        ),
        (["Annotations/x.xml", "JPEGImages/x.jpg"], [("default", "x", "x.jpg")]),
        (["annotations/s/x.xml", "images/s/x.jpg"], [("default", "s/x", "s/x.jpg")]),
        (["train/Annotations/x.xml", "train/JPEGImages/x.jpg"], [("train", "x", "x.jpg")]),
        (["Annotations/x.xml", "Annotations/x.jpg"], [("default", "x", "x.jpg")]),
    ],
)
def test_loose_layouts(files, expected, tmp_path):
    put(tmp_path, {n: XML.format("", "helmet") if n.endswith("xml") else b"" for n in files})
    dataset = Dataset.import_from(tmp_path, "roboflow_voc")
    assert [(i.subset, i.id, i.media.path) for i in dataset] == expected
    assert all(i.media.exists and len(i.annotations) == 1 for i in dataset)
    assert dataset.categories().names == ["helmet"]
    assert detect(open_root(tmp_path)).score == 70


def test_one_xml_file(tmp_path):
    put(tmp_path, {"x.xml": XML.format("x.jpg", "a"), "y.xml": XML.format("y.jpg", "b")})
    assert keys(Dataset.import_from(tmp_path / "x.xml", "voc")) == [("default", "x")]
    assert detect(open_root(tmp_path / "x.xml")).score == 70


def test_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.xml", XML.format("x.jpg", "a"))
        archive.writestr("x.jpg", b"")
    (item,) = Dataset.import_from(tmp_path / "a.zip")
    assert (item.id, len(item.annotations), item.media.read_bytes()) == ("x", 1, b"")


@pytest.mark.parametrize(
    ("stated", "path", "exists"),
    [
        ("b.jpg", "b.jpg", True),
        ("C:\\data\\b.jpg", "b.jpg", True),
        ("/abs/b.jpg", "b.jpg", True),
        ("../../../b.jpg", "b.jpg", True),
        ("a.png", "a.jpg", True),
        ("", "a.jpg", True),
    ],
)
def test_stated_names_of_images(stated, path, exists, tmp_path):
    put(
        tmp_path,
        {
            "ImageSets/Main/t.txt": "a\n",
            "Annotations/a.xml": XML.format(stated, "cat"),
            "JPEGImages/a.jpg": b"",
            "JPEGImages/b.jpg": b"",
        },
    )
    (item,) = Dataset.import_from(tmp_path, "voc")
    assert (item.media.path, item.media.exists) == (path, exists)


def test_images_that_are_not_there(tmp_path):
    put(
        tmp_path,
        {"ImageSets/Main/t.txt": "a\nb\n", "Annotations/a.xml": XML.format("a.bmp", "cat")},
    )
    first, second = Dataset.import_from(tmp_path, "voc")
    assert (first.media.path, first.media.exists) == ("a.bmp", False)
    assert second.media is None


def test_labels_are_discovered(tmp_path):
    part = (
        "<annotation><object><part><name>wheel</name></part><name>b&amp;c</name>"
        "<actions><roll>1</roll></actions></object></annotation>"
    )
    put(
        tmp_path,
        {
            "ImageSets/Main/t.txt": "a\nb\n",
            "ImageSets/Main/listed_t.txt": "a 1\n",
            "Annotations/a.xml": XML.format("a.jpg", "zebra"),
            "Annotations/b.xml": part,
        },
    )
    categories = Dataset.import_from(tmp_path, "voc", on_error="skip").categories()
    assert categories.names == ["b&c", "zebra", "listed", "wheel"]
    assert categories.labels[0].attributes == ("roll",)


def test_detection(tmp_path):
    assert detect(open_root(tmp_path)) is None
    put(tmp_path, {"a.xml": "<annotations><image/></annotations>"})
    assert detect(open_root(tmp_path)) is None
    put(tmp_path, {"a.xml": "<annotation><imagesize/><object><polygon/></object></annotation>"})
    assert detect(open_root(tmp_path)) is None
    put(tmp_path, {"a.xml": "<annotation><size></size></annotation>"})
    assert detect(open_root(tmp_path)).score == 40
    kit(tmp_path)
    assert detect(open_root(tmp_path)).score > 80


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="neither ImageSets"):
        Dataset.import_from(tmp_path, "voc")
