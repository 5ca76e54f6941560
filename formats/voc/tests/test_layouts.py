"""Where files lie: lists, homes, loose layouts, images, detection."""

from __future__ import annotations

import zipfile

import pytest

from dsk import Dataset
from dsk.errors import InputError, OptionError, RecordError
from dsk.files import open_root
from dsk_voc.detect import detect

# Most tests here list items without files.
pytestmark = pytest.mark.filterwarnings("ignore:there are listed items with neither")

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


@pytest.mark.parametrize(
    ("folder", "subset"), [("train", "train"), ("Valid", "Valid"), ("cats", "default")]
)
@pytest.mark.parametrize("inner", ["", "Annotations/"])
def test_one_subsets_folder_alone(inner, folder, subset, tmp_path):
    put(tmp_path / folder, {f"{inner}x.xml": XML.format("x.jpg", "cat"), f"{inner}x.jpg": b""})
    assert keys(Dataset.import_from(tmp_path / folder, "voc")) == [(subset, "x")]
    if not inner:
        assert keys(Dataset.import_from(tmp_path / folder / "x.xml", "voc")) == [(subset, "x")]


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        ({"Annotations/x 1.xml": XML.format("x 1.jpg", "cat")}, ["x 1", "x"]),
        ({"JPEGImages/x 1.jpg": b"", "JPEGImages/x.jpg": b""}, ["x 1", "x"]),
        ({"JPEGImages/x.jpg": b""}, ["x"]),
        ({"Annotations/x.xml": XML.format("x.jpg", "cat")}, ["x"]),
        ({"ImageSets/Main/train.txt": "x 1\nx 2\n"}, ["x 1", "x 2"]),
        ({"ImageSets/Main/train.txt": "x\n"}, ["x"]),
        ({}, ["x"]),
    ],
)
def test_a_number_at_the_end_of_an_action_list_line(files, ids, tmp_path):
    put(tmp_path, files | {"ImageSets/Action/train.txt": "x 1\nx 2\n"})
    assert keys(Dataset.import_from(tmp_path, "voc_action")) == [("train", i) for i in ids]


def test_an_action_list_of_ids_with_spaces(tmp_path):
    put(tmp_path, {"ImageSets/Action/train.txt": "with a space 1\nwith a space 2\n"})
    dataset = Dataset.import_from(tmp_path, "voc_action")
    assert keys(dataset) == [("train", "with a space 1"), ("train", "with a space 2")]


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


def test_labels_of_images_that_are_not_listed_are_told(tmp_path):
    lists = {"train.txt": "a\nb\n", "cat_train.txt": "a  1\nb 1b 1 1\nz -1\n"}
    put(tmp_path, {f"ImageSets/Main/{name}": text for name, text in lists.items()})
    dataset = Dataset.import_from(tmp_path, "voc_classification")
    (told,) = dataset.opening_ledger.warnings
    assert told.endswith("class lists name images that are not listed, e.g. 'b 1b 1'")
    assert [len(item.annotations) for item in dataset] == [1, 0]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems(tmp_path, end):
    lists = {"train.txt": f"a{end}b{end}", "cat_train.txt": f"a  1{end}b -1{end}"}
    for name, text in lists.items():
        put(tmp_path, {f"ImageSets/Main/{name}": ""})
        (tmp_path / "ImageSets" / "Main" / name).write_bytes(text.encode())
    items = list(Dataset.import_from(tmp_path, "voc_classification"))
    assert [(item.id, len(item.annotations)) for item in items] == [("a", 1), ("b", 0)]


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
        (["Annotations/x.XML", "JPEGImages/x.JPG"], [("default", "x", "x.JPG")]),
        (["xml/x.xml", "pictures/x.jpg"], [("default", "x", "x.jpg")]),
        (["x.xml", "images/x.jpg"], [("default", "x", "x.jpg")]),
        (["labels/x.xml", "x.jpg"], [("default", "x", "x.jpg")]),
        (["top/x.xml", "top/x.jpg"], [("default", "x", "x.jpg")]),
        (["top/train/x.xml", "top/train/x.jpg"], [("train", "x", "x.jpg")]),
        (
            ["p/d/train/x.xml", "p/d/train/x.jpg", "p/d/test/y.xml", "p/d/test/y.jpg"],
            [("test", "y", "y.jpg"), ("train", "x", "x.jpg")],
        ),
        (
            ["labels/val/x.xml", "images/val/x.jpg", "labels/train/x.xml", "images/train/x.jpg"],
            [("train", "x", "x.jpg"), ("val", "x", "x.jpg")],
        ),
        (
            ["train/labels/x.xml", "train/images/x.jpg", "val/labels/x.xml", "val/images/x.jpg"],
            [("train", "x", "x.jpg"), ("val", "x", "x.jpg")],
        ),
        (
            ["Annotations/val/x.xml", "JPEGImages/x.jpg", "Annotations/train/y.xml", "y.jpg"],
            [("train", "y", "y.jpg"), ("val", "x", "x.jpg")],
        ),
    ],
)
def test_loose_layouts(files, expected, tmp_path):
    put(tmp_path, {n: XML.format("", "helmet") if n[-3:].lower() == "xml" else b"" for n in files})
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


def test_images_without_annotations_are_told(tmp_path):
    files = {"a.xml": XML.format("a.jpg", "cat"), "a.jpg": b"", "b.jpg": b"", "c.jpg": b""}
    dataset = Dataset.import_from(put(tmp_path, files), "voc")
    assert keys(dataset) == [("default", "a")]
    (note,) = dataset.opening_ledger.warnings
    assert note.startswith("2 images have no annotation file")
    assert note.endswith("e.g. b.jpg")


def test_items_of_one_name_in_two_homes_are_told(tmp_path):
    kit(tmp_path, "VOC2007")
    kit(tmp_path, "VOC2012")
    dataset = Dataset.import_from(tmp_path, "voc")
    assert keys(dataset) == [("train", "a"), ("train", "b c")]
    (note,) = dataset.opening_ledger.warnings
    assert note.startswith("2 items of subset 'train' in VOC2012 are left out")


@pytest.mark.parametrize(
    "line", ["im 0.jpg", "JPEGImages/im 0.jpg", "Annotations/im 0.xml", "im 0.XML", "im 0"]
)
def test_lists_of_file_names(line, tmp_path):
    files = {
        "ImageSets/Main/train.txt": f"{line}\n",
        "Annotations/im 0.xml": XML.format("im 0.jpg", "cat"),
        "JPEGImages/im 0.jpg": b"",
    }
    (item,) = Dataset.import_from(put(tmp_path, files), "voc")
    assert (item.id, len(item.annotations), item.media.exists) == ("im 0", 1, True)


@pytest.mark.parametrize(
    "line", ["a JPEGImages/a.jpg", "JPEGImages/a.jpg Annotations/a.xml", "a 1"]
)
def test_lists_with_more_than_ids(line, tmp_path):
    files = {
        "ImageSets/Main/train.txt": f"{line}\n",
        "Annotations/a.xml": XML.format("a.jpg", "cat"),
        "JPEGImages/a.jpg": b"",
    }
    assert keys(Dataset.import_from(put(tmp_path, files), "voc")) == [("train", "a")]


def test_subsets_with_underscores(tmp_path):
    files = {
        "ImageSets/Main/train_1.txt": "a\nb\n",
        "ImageSets/Main/cat_train_1.txt": "a  1\nb -1\n",
        "ImageSets/Main/val.txt": "c\n",
        "ImageSets/Main/cat_val.txt": "c\n",
        "ImageSets/Main/empty_list.txt": "",
    }
    dataset = Dataset.import_from(put(tmp_path, files), "voc_classification", on_error="skip")
    found = {(i.subset, i.id): len(i.annotations) for i in dataset}
    assert found == {("train_1", "a"): 1, ("train_1", "b"): 0, ("val", "c"): 0}


def test_lists_directly_in_image_sets(tmp_path):
    files = {
        "set/ImageSets/train.txt": "a\n",
        "set/ImageSets/val.txt": "b\n",
        "set/Annotations/a.xml": XML.format("a.jpg", "cat"),
        "set/JPEGImages/a.jpg": b"",
    }
    put(tmp_path, files)
    assert detect(open_root(tmp_path)).score == 85
    dataset = Dataset.import_from(tmp_path, "voc_detection")
    assert keys(dataset) == [("train", "a"), ("val", "b")]
    assert sum(len(item.annotations) for item in dataset) == 1
    one = Dataset.import_from(tmp_path / "set/ImageSets/val.txt", "voc")
    assert keys(one) == [("val", "b")]


def test_listed_items_that_are_not_there_are_told(tmp_path):
    kit(tmp_path)
    put(tmp_path, {"ImageSets/Main/train.txt": "a\nnope\n"})
    dataset = Dataset.import_from(tmp_path, "voc_detection")
    assert keys(dataset) == [("train", "a"), ("train", "nope")]
    report = dataset.export(tmp_path / "out", "voc_detection")
    assert "there are listed items with neither an image nor an annotation file" in report.warnings


def test_images_in_folders_by_their_own_names(tmp_path):
    files = {
        "ImageSets/Main/train.txt": "a\nb\n",
        "Annotations/a.xml": XML.format("a.jpg", "cat"),
        "Annotations/b.xml": XML.format("b.jpg", "cat"),
        "JPEGImages/x/a.jpg": b"",
        "JPEGImages/x/b.jpg": b"",
        "JPEGImages/y/b.jpg": b"",
    }
    first, second = Dataset.import_from(put(tmp_path, files), "voc")
    assert (first.media.path, first.media.exists) == ("x/a.jpg", True)
    assert (second.media.path, second.media.exists) == ("b.jpg", False)


def test_other_names_of_the_folder_of_images(tmp_path):
    kit(tmp_path)
    (tmp_path / "JPEGImages").rename(tmp_path / "PNGImages")
    assert all(item.media.exists for item in Dataset.import_from(tmp_path, "voc"))


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16", "UTF-8"])
def test_labels_of_files_in_other_encodings_are_discovered(encoding, tmp_path):
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + XML.format("a.jpg", "café")
    put(tmp_path, {"a.xml": text.encode(encoding)})
    dataset = Dataset.import_from(tmp_path, "voc")
    assert dataset.categories().names == ["café"]
    assert [len(item.annotations) for item in dataset] == [1]


def test_folders_in_lower_case(tmp_path):
    put(
        tmp_path,
        {
            "imagesets/main/train.txt": "a\n",
            "imagesets/main/cat_train.txt": "a  1\n",
            "imagesets/main/val.txt": "b\n",
            "annotations/a.xml": XML.format("a.jpg", "cat"),
            "annotations/b.xml": XML.format("b.jpg", "dog"),
            "jpegimages/a.jpg": b"",
            "jpegimages/b.jpg": b"",
        },
    )
    assert detect(open_root(tmp_path)).score == 85
    found = list(Dataset.import_from(tmp_path, "voc"))
    assert keys(found) == [("train", "a"), ("val", "b")]
    assert [len(i.annotations) for i in found] == [2, 1]
    assert all(i.media.exists for i in found)
    one = Dataset.import_from(tmp_path / "imagesets/main/val.txt", "voc")
    assert keys(one) == [("val", "b")]


def listed(root, train, test, ending=""):
    """Write four images and three annotation files, and lists beside their folders."""
    put(root, {f"annotations/{n}.xml": XML.format(f"{n}.jpg", "cat") for n in "abd"})
    put(root, {f"images/{n}.jpg": b"" for n in "abcd"})
    lines = {f"train{ending}.txt": train, f"test{ending}.txt": test, "labels.txt": "cat\n"}
    return put(root, lines)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("a\n\nb\n", "c\nd\n"),
        ("images/a.jpg\r\nimages/b.jpg\r\n", "./images/c.jpg\n./images/d.jpg\n"),
        ("/data/set/images/a.jpg\n/data/set/images/b.jpg\n", "../set/images/c.jpg\n../x/d.jpg\n"),
        (
            "images/a.jpg annotations/a.xml\nb.jpg b.xml\n",
            "images/c.jpg\nd.jpg annotations/d.xml\n",
        ),
    ],
    ids=["ids", "images", "elsewhere", "pairs"],
)
@pytest.mark.parametrize("ending", ["", "_list"])
def test_lists_beside_the_folders(train, test, ending, tmp_path):
    dataset = Dataset.import_from(listed(tmp_path, train, test, ending), "voc")
    found = {(i.subset, i.id): len(i.annotations) for i in dataset}
    assert found == {("train", "a"): 1, ("train", "b"): 1, ("test", "c"): 0, ("test", "d"): 1}
    assert not dataset.opening_ledger.warnings


@pytest.mark.parametrize(
    ("train", "score"),
    [
        ("images/a.jpg ./annotations/a.xml\n", 80),
        ("a\n", 70),
        ("images/a.jpg z.xml\n", 70),
        ("images/a.jpg ../annotations/a.xml\n", 70),
        ("images/a.jpg /annotations/a.xml\n", 70),
        ("", 70),
    ],
)
def test_lists_of_images_and_xml_files_make_detection_surer(train, score, tmp_path):
    found = detect(open_root(listed(tmp_path, train, "")))
    assert found is not None
    assert found.score == score


def test_images_in_another_case(tmp_path):
    names = {"0af": "0AF.JPG", "b": "B.jpg", "c": "c.jpg"}
    put(tmp_path, {f"{n}.xml": XML.format(f"{n}.jpg", "cat") for n in names})
    put(tmp_path, dict.fromkeys((*names.values(), "C.png", "d.jpg"), b""))
    dataset = Dataset.import_from(tmp_path, "voc")
    assert {i.id: i.media.path for i in dataset} == names
    assert all(i.media.exists for i in dataset)
    (told,) = dataset.opening_ledger.warnings
    assert told.startswith("2 images have no annotation file and")


def test_files_of_programs_in_hidden_folders(tmp_path):
    put(tmp_path, {f".idea/{n}.xml": "<project/>" for n in range(20)})
    put(tmp_path, {"xml/a.xml": XML.format("a.jpg", "cat"), "img/a.jpg": b""})
    found = detect(open_root(tmp_path))
    assert found is not None
    assert found.score == 70
    dataset = Dataset.import_from(tmp_path, "voc")
    assert keys(dataset) == [("default", "a")]
    told = list(dataset.opening_ledger.warnings)
    assert told == ["XML files in hidden folders are passed over: 20"]


def test_turned_boxes_are_detected(tmp_path):
    text = XML.replace("bndbox", "robndbox").format("a.jpg", "ship")
    found = detect(open_root(put(tmp_path, {"a.xml": text})))
    assert found is not None
    assert (found.score, "<robndbox>" in found.reason) == (70, True)


def test_what_lists_beside_the_folders_leave_out_is_read(tmp_path):
    dataset = Dataset.import_from(listed(tmp_path, "a\nz\n", "none of these\n"), "voc")
    notes = list(dataset.opening_ledger.warnings)
    assert set(keys(dataset)) == {("train", "a"), ("default", "b"), ("default", "d")}
    assert any("train.txt has lines that name no image" in n and "e.g. z" in n for n in notes)


def test_folders_tell_subsets_before_lists_do(tmp_path):
    put(tmp_path, {f"{n}/Annotations/{n}.xml": XML.format("", "cat") for n in ("train", "val")})
    put(tmp_path, {"train.txt": "train\nval\n"})
    assert keys(Dataset.import_from(tmp_path, "voc")) == [("train", "train"), ("val", "val")]


def test_upright_boxes_of_dior(tmp_path):
    put(
        tmp_path,
        {
            "Annotations/Horizontal Bounding Boxes/1.xml": XML.format("1.jpg", "ship"),
            "Annotations/Oriented Bounding Boxes/1.xml": XML.format("1.jpg", "boat"),
            "Annotations/Horizontal Bounding Boxes/2.xml": XML.format("2.jpg", "ship"),
            "ImageSets/Main/train.txt": "1\n",
            "ImageSets/Main/test.txt": "2\n",
            "JPEGImages-trainval/1.jpg": b"",
            "JPEGImages-test/2.jpg": b"",
        },
    )
    dataset = Dataset.import_from(tmp_path, "voc")
    assert dataset.categories().names == ["ship"]
    assert [(i.subset, i.id, len(i.annotations), i.media.exists) for i in dataset] == [
        ("test", "2", 1, True),
        ("train", "1", 1, True),
    ]


def test_xml_of_fair1m_is_not_taken_for_voc(tmp_path):
    text = "<annotation><size><width>9</width></size><objects><object/></objects></annotation>"
    put(tmp_path, {"labelXml/0.xml": text, "images/0.tif": b""})
    assert detect(open_root(tmp_path)) is None


def test_objects_may_have_a_polygon_behind_the_box(tmp_path):
    polygon = "<polygon><x1>1</x1><y1>2</y1><x2>3</x2><y2>2</y2><x3>3</x3><y3>5</y3></polygon>"
    text = XML.format("a.jpg", "cat").replace("</bndbox>", f"</bndbox>{polygon}")
    dataset = Dataset.import_from(put(tmp_path, {"train/a.xml": text, "train/a.jpg": b""}))
    assert dataset.format == "voc"
    (item,) = dataset
    assert item.annotations[0].extra["voc"]["polygon"]["y3"] == "5"


def test_polygons_without_boxes_are_no_voc(tmp_path):
    shape = "<polygon><pt><x>1</x><y>2</y></pt></polygon>"
    objects = f"<object><name>a</name>{shape}</object><object><name>b</name>{shape}</object>"
    for size in ("", "<size><width>9</width><height>9</height></size>"):
        put(tmp_path, {"a.xml": f"<annotation>{size}{objects}</annotation>"})
        assert detect(open_root(tmp_path)) is None


def test_annotation_files_that_are_links_to_nothing_are_told(tmp_path):
    put(
        tmp_path,
        {"ImageSets/Main/train.txt": "a\nn/b\n", "Annotations/a.xml": XML.format("a", "cat")},
    )
    (tmp_path / "Annotations/n").mkdir()
    (tmp_path / "Annotations/n/b.xml").symlink_to("gone.xml")
    dataset = Dataset.import_from(tmp_path, "voc")
    with pytest.warns(UserWarning, match="links to nothing"):
        assert [len(item.annotations) for item in dataset] == [1, 0]


def test_lists_in_capitals(tmp_path):
    lists = {"TRAIN.TXT": "x\ny\n", "cat_TRAIN.TXT": "x -1\ny 1\n"}
    put(tmp_path, {f"ImageSets/Main/{name}": text for name, text in lists.items()})
    put(tmp_path, {"Annotations/x.XML": XML.format("", "cat"), "JPEGImages/x.JPG": b""})
    assert Dataset.import_from(tmp_path).format == "voc"
    x, y = Dataset.import_from(tmp_path, "voc")
    assert [(i.subset, i.id, [a.kind for a in i.annotations]) for i in (x, y)] == [
        ("TRAIN", "x", ["bbox"]),
        ("TRAIN", "y", ["label"]),
    ]
    assert x.media is not None
    alone = Dataset.import_from(tmp_path / "ImageSets/Main/TRAIN.TXT")
    assert [i.id for i in alone] == ["x", "y"]
