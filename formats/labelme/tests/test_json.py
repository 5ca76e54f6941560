"""JSON of the desktop tool: shapes, groups, images, oddities."""

from __future__ import annotations

import base64
import codecs
import json

import numpy as np
import pytest
from PIL import Image as Pillow

from dsk import Dataset
from dsk.annotations import Bbox, Ellipse, Mask, Points, Polygon, PolyLine
from dsk.errors import InputError, MediaError, RecordError
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.pixels import encode
from dsk.rle import from_dense


def shape(kind, *points, **more):
    return {"label": "car", "points": points, "shape_type": kind, **more}


def put(root, *shapes, name="a.json", **top):
    content = {
        "version": "5.2.1",
        "flags": {},
        "shapes": shapes,
        "imagePath": "a.jpg",
        "imageData": None,
        "imageHeight": 20,
        "imageWidth": 30,
        **top,
    }
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def read(root, **options):
    return Dataset.import_from(root, "labelme_json", **options)


def annotations(root):
    (item,) = read(root)
    return item.annotations


def test_shapes(tmp_path):
    put(
        tmp_path,
        shape("polygon", [1, 2], [3, 4], [5, 1]),
        shape("rectangle", [5, 6], [1, 2]),
        shape("circle", [5, 5], [8, 9]),
        shape("line", [1, 1], [2, 2]),
        shape("linestrip", [1, 1], [2, 2], [3, 1]),
        shape("point", [1, 1]),
        shape("points", [1, 1], [2, 2]),
        shape("oriented_rectangle", [1, 1], [5, 1], [5, 3], [1, 3]),
        {"label": "cat", "points": [[1, 1], [2, 2], [3, 1]]},
    )
    found = annotations(tmp_path)
    assert [type(a) for a in found[:7]] == [
        Polygon,
        Bbox,
        Ellipse,
        PolyLine,
        PolyLine,
        Points,
        Points,
    ]
    assert found[1].bbox == (1, 2, 4, 4)
    assert found[2].bbox == (0, 0, 10, 10)
    assert (found[7].cx, found[7].cy, {found[7].w, found[7].h}) == (3, 2, {2, 4})
    assert found[8].kind == "polygon"


def test_masks_lie_where_their_first_point_is(tmp_path):
    patch = base64.b64encode(encode(np.ones((2, 3), bool), ".png")).decode()
    put(
        tmp_path,
        shape("mask", [4.6, 5.2], [6, 6], mask=patch),
        shape("mask", [29, 0], [31, 1], mask=patch),
    )
    first, second = annotations(tmp_path)
    wanted = np.zeros((20, 30), bool)
    wanted[5:7, 4:7] = True
    assert (first.image == wanted).all()
    assert np.argwhere(second.image).tolist() == [[0, 29], [1, 29]]


def test_groups_flags_and_descriptions(tmp_path):
    put(
        tmp_path,
        shape("point", [1, 1], group_id=0, flags={"crowd": True}, description="far"),
        shape("point", [1, 1], group_id="x", score=0.5, attributes={"colour": "red"}),
        shape("point", [1, 1], group_id=None, description=""),
        flags={"night": True, "rain": False},
    )
    dataset = read(tmp_path)
    (item,) = dataset
    first, second, third, label = item.annotations
    assert (first.group, first.attributes) == (1, {"crowd": True, "description": "far"})
    assert second.group > 1
    assert second.attributes == {"colour": "red"}
    assert second.extra == {"labelme_json": {"score": 0.5}}
    assert (third.group, third.attributes) == (0, {})
    assert dataset.categories().labels[label.label].name == "night"
    assert item.extra == {"labelme_json": {"flags": {"rain": False}}}
    (item,) = read(tmp_path, image_flags="attributes")
    assert item.attributes == {"night": True, "rain": False}


def test_subsets_and_ids(tmp_path):
    for name in ("train/a.json", "val/x/b.json", "other/c.json"):
        put(tmp_path, shape("point", [1, 1]), name=name)
    (tmp_path / "coco.json").write_text('{"images": []}')
    assert [(i.subset, i.id) for i in read(tmp_path)] == [
        ("default", "other/c"),
        ("train", "a"),
        ("val", "x/b"),
    ]


def test_labels_are_those_of_the_list(tmp_path):
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\ncar\n")
    put(tmp_path, shape("point", [1, 1]), {**shape("point", [1, 1]), "label": "ant"})
    assert read(tmp_path).categories().names == ["_background_", "car", "ant"]


@pytest.mark.parametrize(
    "stated", ["..\\images\\p.png", "C:\\me\\p.png", "/home/me/p.png", "p.png"]
)
def test_images_are_found(tmp_path, stated):
    put(tmp_path, name="labels/a.json", imagePath=stated)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/p.png").write_bytes(b"x")
    (item,) = read(tmp_path)
    assert item.media.read_bytes() == b"x"


@pytest.mark.parametrize("stated", ["a.json", "b.JSON"])
def test_a_json_file_is_no_image(tmp_path, stated):
    put(tmp_path, name="b.JSON")
    put(tmp_path, imagePath=stated, imageData=base64.b64encode(b"inside").decode())
    assert {i.id: i.media for i in read(tmp_path)}["a"].read_bytes() == b"inside"
    (tmp_path / "a.jpg").write_bytes(b"beside")
    media = {i.id: i.media for i in read(tmp_path)}["a"]
    assert (media.path, media.read_bytes()) == ("a.jpg", b"beside")


def test_image_data_is_the_last_resort(tmp_path):
    put(tmp_path, imageData=base64.b64encode(b"inside").decode())
    (item,) = read(tmp_path)
    assert item.media.read_bytes() == b"inside"
    (tmp_path / "a.JPG").write_bytes(b"beside")
    (item,) = read(tmp_path)
    assert item.media.read_bytes() == b"beside"


@pytest.mark.parametrize("flags", [[], ["day"], "day", {"day": True}])
def test_labels_of_files_with_odd_fields(tmp_path, flags):
    put(tmp_path, shape("point", [1, 1]), flags=flags)
    dataset = read(tmp_path)
    (item,) = dataset
    names = [dataset.categories().labels[a.label].name for a in item.annotations]
    assert names == (["car", "day"] if isinstance(flags, dict) else ["car"])


@pytest.mark.parametrize("odd", [None, "text", {"label": ["x"], "points": [[1, 1]]}])
def test_labels_and_flags_beside_an_odd_shape(tmp_path, odd):
    put(tmp_path, shape("point", [1, 1]), odd, flags={"day": True, "night": False})
    dataset = read(tmp_path, on_error="skip")
    (item,) = dataset
    assert dataset.categories().names == ["car", "day", "night"]
    assert [(a.kind, a.label) for a in item.annotations] == [("points", 0), ("label", 1)]


@pytest.mark.parametrize("text", ['{"shapes": 3}', '{"shapes": null, "flags": 1}', '["shapes"]'])
def test_shapes_that_are_no_list(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    put(tmp_path, shape("point", [1, 1]), name="b.json")
    dataset = read(tmp_path, on_error="skip")
    assert [item.id for item in dataset] == ["b"]
    assert dataset.categories().names == ["car"]


def test_text_of_chinese_windows(tmp_path):
    file = put(tmp_path, shape("point", [1, 1]))
    text = file.read_text().replace("car", "汽车")
    file.write_bytes(text.encode("gb18030"))
    assert read(tmp_path).categories().names == ["汽车"]


def test_text_of_western_windows(tmp_path):
    file = put(tmp_path, shape("point", [1, 2], label="caf-"))
    file.write_bytes(file.read_bytes().replace(b"caf-", b"caf\xe9"))
    dataset = read(tmp_path)
    assert dataset.categories().names == ["café"]
    assert any("a.json is not in UTF-8" in w for w in dataset.opening_ledger.warnings)
    assert [a.label for item in dataset for a in item.annotations] == [0]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (shape("polygon"), "no points"),
        (shape("polygon", [1]), "no point"),
        (shape("polygon", [1, "2"]), "no point"),
        (shape("circle", [1, 1]), "a circle of 1"),
        (shape("blob", [1, 1]), "'blob' is not known"),
        (shape("mask", [1, 1], [2, 2]), "without pixels"),
        (shape("mask", [1, 1], [2, 2], mask="AAAA"), "no PNG"),
        ({**shape("point", [1, 1]), "label": 3}, "no text"),
        ("text", "no object"),
    ],
)
def test_bad_shapes(tmp_path, bad, message):
    put(tmp_path, shape("point", [1, 1]), bad)
    with pytest.raises(RecordError, match=message):
        list(read(tmp_path))
    (item,) = read(tmp_path, on_error="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize("kept", [8, 40])
def test_damaged_masks_are_named_and_can_be_skipped(tmp_path, kept):
    png = encode(np.ones((2, 3), bool), ".png")[:kept]
    patch = base64.b64encode(png).decode()
    good = base64.b64encode(encode(np.ones((2, 3), bool), ".png")).decode()
    masks = [shape("mask", [1, 1], [3, 2], mask=data) for data in (good, patch)]
    put(tmp_path, *masks)
    (item,) = read(tmp_path)
    with pytest.raises(MediaError, match="its mask is no readable image") as told:
        _ = item.annotations[1].image
    assert str(told.value.where).endswith("a.json#/shapes/1")
    assert "BytesIO" not in str(told.value)
    (item,) = read(tmp_path, on_error="skip")
    assert [a.image.sum() for a in item.annotations] == [6]


@pytest.mark.parametrize("text", ["", '{"shapes": [', '{"shapes": [{"points": [[NaN, 1]]}]}'])
def test_damaged_files(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(RecordError, match="no valid JSON"):
        list(read(tmp_path))


def test_ellipses_that_are_no_circles(tmp_path):
    items = [
        DatasetItem("a", annotations=[Ellipse(1, 1, 4, 2, label=0), Ellipse(1, 1, 2, 2, label=0)])
    ]
    report = Dataset.from_iterable(items, categories=["x"]).export(tmp_path / "o", "labelme_json")
    assert [(e.code, e.what, e.count) for e in report.events] == [
        ("DSK-L003", "ellipse→polygon", 1)
    ]
    assert [a.kind for a in annotations(tmp_path / "o")] == ["polygon", "ellipse"]


def test_the_two_formats_are_told_apart(tmp_path):
    items = [DatasetItem("a", annotations=[Bbox(1, 1, 4, 2, label=0)])]
    for name in ("label_me", "labelme_json"):
        Dataset.from_iterable(items, categories=["x"]).export(tmp_path / name, name)
        assert Dataset.import_from(tmp_path / name).format == name


@pytest.mark.parametrize(
    ("name", "image", "place"),
    [
        ("labels/train/a.json", "images/train/p.png", ("train", "a")),
        ("annotations/a.json", "imgs/p.png", ("default", "annotations/a")),
        ("train/labels/a.json", "train/images/p.png", ("train", "labels/a")),
        ("json/val/x/a.json", "images/val/x/a.png", ("val", "x/a")),
        ("labels/train/a.json", "images/p.png", ("train", "a")),
    ],
)
def test_folders_of_images_beside_those_of_files(tmp_path, name, image, place):
    put(tmp_path, name=name, imagePath="p.png")
    (tmp_path / image).parent.mkdir(parents=True)
    (tmp_path / image).write_bytes(b"x")
    (item,) = read(tmp_path)
    assert (item.subset, item.id) == place
    assert item.media.exists
    assert item.media.source.endswith(image)


@pytest.mark.parametrize(
    ("height", "size"), [(20.0, (20, 30)), (20.5, None), (True, None), (-1.0, None), (1e300, None)]
)
def test_sizes_that_are_no_whole_numbers(tmp_path, height, size):
    put(tmp_path, imageHeight=height, imageWidth=30.0)
    (item,) = read(tmp_path)
    assert item.media.size == size


def test_a_list_of_labels_of_chinese_windows(tmp_path):
    put(tmp_path, shape("point", [1, 1]))
    (tmp_path / "labels.txt").write_bytes("汽车\r\ncar\r\n".encode("gb18030"))
    assert read(tmp_path).categories().names == ["汽车", "car"]
    (tmp_path / "labels.txt").write_bytes(b"\xff\x81")
    with pytest.raises(InputError, match="no text"):
        read(tmp_path)


def test_byte_order_marks(tmp_path):
    file = put(tmp_path, shape("point", [1, 1]))
    file.write_bytes(codecs.BOM_UTF8 + file.read_bytes())
    (tmp_path / "labels.txt").write_bytes(codecs.BOM_UTF8 + b"car\nbus\n")
    (tmp_path / "other.json").write_bytes(codecs.BOM_UTF8 + b'{"x": []}')
    dataset = Dataset.import_from(tmp_path)
    assert [i.id for i in dataset] == ["a"]
    assert dataset.categories().names == ["car", "bus"]


def test_text_that_is_called_json_is_passed_over(tmp_path):
    put(tmp_path, shape("point", [1, 1]))
    (tmp_path / "list.json").write_text('img/a.jpg\t[{"transcription": "x"}]\n')
    dataset = read(tmp_path)
    assert [item.id for item in dataset] == ["a"]
    assert list(dataset.opening_ledger.warnings) == ["list.json is no JSON file; passed over"]
    (tmp_path / "broken.json").write_bytes(b"\x00\xff")
    with pytest.raises(RecordError, match="no valid JSON"):
        list(read(tmp_path))


def test_images_without_a_file_of_their_own_are_told(tmp_path):
    put(tmp_path, shape("point", [1, 1]), name="json/a.json", imagePath="..\\images\\x.jpg")
    put(tmp_path, shape("point", [1, 1]), name="json/b.json", imagePath="b.jpg")
    for name in ("images/x.jpg", "images/b.jpg", "images/c.jpg", "images/d.png", "other/e.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    told = list(read(tmp_path).opening_ledger.warnings)
    assert told == [
        "2 images have no annotation file and are no items, e.g. images/c.jpg",
    ]
    assert not read(tmp_path / "json/a.json").opening_ledger.warnings


def test_files_of_programs_in_hidden_folders(tmp_path):
    put(tmp_path, shape("point", [1, 1]))
    put(tmp_path, shape("point", [1, 1]), name=".ipynb_checkpoints/a-checkpoint.json")
    for n in range(9):
        (tmp_path / f".ipynb_checkpoints/{n}.json").write_text("{}")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "labelme_json"
    assert [item.id for item in dataset] == ["a"]
    assert "JSON files in hidden folders are passed over: 10" in dataset.opening_ledger.warnings


@pytest.mark.parametrize("value", [float("nan"), [1, float("inf")]])
def test_attributes_that_json_cannot_say_are_told(tmp_path, value):
    box = Bbox(0, 0, 1, 1, label=0, attributes={"seen": True, "score": value})
    data = Dataset.from_iterable([DatasetItem("a", annotations=[box])], categories=["dog"])
    report = data.export(tmp_path / "out", "labelme_json")
    assert [(e.code, e.what) for e in report.events] == [
        ("DSK-L007", "NaN or infinity written as null")
    ]
    (item,) = read(tmp_path / "out")
    assert item.annotations[0].attributes["seen"] is True


@pytest.mark.parametrize("name", ["labelme_json", "label_me"])
def test_masks_of_another_size_than_the_image_are_told(tmp_path, name):
    masks = [Mask(from_dense(np.ones(size, bool)), label=0) for size in ((3, 2), (2, 3))]
    items = [DatasetItem("a", media=Image("a.png", size=(2, 3)), annotations=masks)]
    report = Dataset.from_iterable(items, ["car"]).export(tmp_path / "out", name)
    assert [(e.code, e.what, e.count) for e in report.events] == [
        ("DSK-L018", "mask: a mask of (3, 2) in an image of (2, 3)", 1)
    ]
    (item,) = Dataset.import_from(tmp_path / "out", name)
    assert [a.image.shape for a in item.annotations] == [(2, 3)]


@pytest.mark.parametrize(("orientation", "size"), [(1, (20, 30)), (3, (20, 30)), (6, (30, 20))])
def test_masks_of_images_that_exif_turns(tmp_path, orientation, size):
    """Coordinates are those of the turned image, whose size the file need not state."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.new("L", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    patch = base64.b64encode(encode(np.ones((2, 3), bool), ".png")).decode()
    put(
        tmp_path,
        shape("mask", [12, 17], [14, 18], mask=patch),
        imagePath="a.jpg",
        imageHeight=None,
        imageWidth=None,
    )
    (item,) = read(tmp_path)
    (mask,) = item.annotations
    wanted = np.zeros(size, bool)
    wanted[17:19, 12:15] = True
    assert np.array_equal(mask.image, wanted)
    assert item.media.get_size() == size
