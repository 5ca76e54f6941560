"""Class and object masks: what pixels mean, pairing with boxes, painting."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Mask
from dsk.categories import Categories, LabelCategory
from dsk.detect import choose
from dsk.errors import OutputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.labelmaps import encode_map, palette
from dsk.media import Image
from dsk.rle import from_dense
from dsk_voc.labelmap import VOID_COLOR, default_map
from dsk_voc.masks import values_of

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test depends on how busy the machine is."""

COLORS = palette(256)
CLASSES = np.array([[0, 1, 1, 255], [0, 2, 2, 255]], np.uint8)
OBJECTS = np.array([[0, 1, 1, 255], [0, 2, 2, 255]], np.uint8)
BOX = "<bndbox><xmin>0</xmin><ymin>0</ymin><xmax>1</xmax><ymax>1</ymax></bndbox>"


def dataset_of(tmp_path, classes=None, objects=None, xml="", label_map=""):
    files = {"ImageSets/Segmentation/train.txt": b"a\n", "Annotations/a.xml": xml.encode()}
    files |= {"SegmentationClass/a.png": classes, "SegmentationObject/a.png": objects}
    files |= {"labelmap.txt": label_map.encode()}
    for name, data in files.items():
        if data:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
    return tmp_path


def read(path, name="voc_segmentation", **options):
    dataset = Dataset.import_from(path, name, **options)
    names = [*dataset.categories().names, None]
    (item,) = dataset
    return item, [names[-1 if a.label is None else a.label] for a in item.annotations]


def check(item, labels, found=(CLASSES, OBJECTS)):
    assert labels == ["aeroplane", "bicycle", "ignored"]
    for a, value in zip(item.annotations, (1, 2, 255), strict=True):
        assert (a.image == (found[1] == value)).all()
    assert [a.group for a in item.annotations[:2]] == [1, 2]


def test_palette_files(tmp_path):
    check(*read(dataset_of(tmp_path, encode_map(CLASSES, COLORS), encode_map(OBJECTS, COLORS))))


def test_grey_files(tmp_path):
    check(*read(dataset_of(tmp_path, encode_map(CLASSES), encode_map(OBJECTS))))


def test_rgb_files(tmp_path):
    rgb = np.array(COLORS, np.uint8)
    check(*read(dataset_of(tmp_path, encode_map(rgb[CLASSES]), encode_map(rgb[OBJECTS]))))


def test_palette_in_another_order(tmp_path):
    colors = [COLORS[n] for n in (0, 2, 1)]
    classes = np.where(CLASSES == 255, 0, CLASSES).astype(np.uint8)
    item, labels = read(dataset_of(tmp_path, encode_map(classes, colors)))
    assert labels == ["background", "aeroplane", "bicycle"]
    assert (item.annotations[1].image == (classes == 2)).all()


def test_palette_that_says_nothing(tmp_path):
    grey = [(n, n, n) for n in range(256)]
    _, labels = read(dataset_of(tmp_path, encode_map(CLASSES, grey)))
    assert labels == ["background", "aeroplane", "bicycle", "ignored"]


def test_class_mask_alone(tmp_path):
    item, labels = read(dataset_of(tmp_path, encode_map(CLASSES, COLORS)))
    assert labels == ["background", "aeroplane", "bicycle", "ignored"]
    assert sum(int(a.image.sum()) for a in item.annotations) == CLASSES.size
    assert not any(a.group for a in item.annotations)


def test_void_without_a_label(tmp_path):
    path = dataset_of(
        tmp_path, encode_map(CLASSES), encode_map(OBJECTS), label_map="b:::\nx:::\ny:::\n"
    )
    assert read(path)[1] == ["x", "y"]


def test_class_pixels_without_an_object_are_kept(tmp_path):
    objects = np.where(OBJECTS == 2, 0, OBJECTS).astype(np.uint8)
    item, labels = read(dataset_of(tmp_path, encode_map(CLASSES), encode_map(objects)))
    assert sorted(labels) == ["aeroplane", "bicycle", "ignored"]
    assert (item.annotations[labels.index("bicycle")].image == (CLASSES == 2)).all()


def test_masks_pair_with_boxes(tmp_path):
    xml = f"<annotation><object><name>cat</name>{BOX}</object></annotation>"
    path = dataset_of(tmp_path, encode_map(CLASSES), encode_map(OBJECTS), xml)
    item, _ = read(path, "voc")
    assert [(a.kind, a.group) for a in item.annotations[:3]] == [
        ("bbox", 1),
        ("mask", 1),
        ("mask", 2),
    ]


def test_object_mask_alone_takes_labels_of_boxes(tmp_path):
    xml = f"<annotation><object><name>cat</name>{BOX}</object></annotation>"
    path = dataset_of(tmp_path, None, encode_map(OBJECTS), xml)
    assert read(path, "voc")[1] == ["cat", "cat", None, "ignored"]
    assert read(path)[1] == [None, None, "ignored"]


@pytest.mark.parametrize(
    ("classes", "objects", "message"),
    [
        (encode_map(np.full((2, 2), 77, np.uint8)), None, "77 is no label"),
        (encode_map(np.full((2, 2, 3), 77, np.uint8)), None, "77,77,77 is not in the label map"),
        (encode_map(CLASSES), encode_map(OBJECTS[:1]), "differ"),
        (b"no image", None, "no readable image"),
    ],
)
def test_bad_masks(classes, objects, message, tmp_path):
    path = dataset_of(tmp_path, classes, objects)
    with pytest.raises(RecordError, match=message):
        list(Dataset.import_from(path, "voc_segmentation"))
    item, labels = read(path, on_error="skip")
    assert (item.id, labels) == ("a", [])


def test_masks_of_kept_items_are_read_again(tmp_path):
    path = dataset_of(tmp_path, encode_map(CLASSES), encode_map(OBJECTS))
    items = list(Dataset.import_from(path, "voc_segmentation"))
    source = items[0].annotations[0].source
    assert source._masks._map is None
    check(items[0], ["aeroplane", "bicycle", "ignored"])


@PATIENT
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_png_writer(pixels):
    for colors in (None, COLORS):
        image = PilImage.open(io.BytesIO(encode_map(pixels, colors)))
        assert image.mode == ("L" if colors is None else "P")
        assert (np.asarray(image) == pixels).all()
    assert image.getpalette()[3:6] == [128, 0, 0]


def square(y, x, size=4, **fields):
    mask = np.zeros((16, 16), bool)
    mask[y : y + size, x : x + size] = True
    return Mask(from_dense(mask), **fields)


def export(tmp_path, annotations, name="voc", labels="ab", **options):
    labels = tuple(map(LabelCategory, labels))
    media = Image("i.jpg", None, None, (16, 16))
    dataset = Dataset.from_iterable(
        [DatasetItem("i", "train", media, annotations)], Categories(labels=labels)
    )
    report = dataset.export(tmp_path / "out", name, **options)
    return report, tmp_path / "out"


def picture(path):
    with PilImage.open(path) as image:
        image.load()
    return image


def pixels(path):
    return np.asarray(picture(path))


def test_painting(tmp_path):
    masks = [square(0, 0, label=0, z_order=1), square(2, 2, label=1)]
    report, out = export(tmp_path, masks)
    classes, objects = (
        pixels(out / "SegmentationClass/i.png"),
        pixels(out / "SegmentationObject/i.png"),
    )
    assert (classes[3, 3], objects[3, 3]) == (1, 1)
    assert (classes[5, 5], objects[5, 5]) == (2, 2)
    hidden = [e for e in report.events if e.code == "DSK-L006"]
    assert [(e.count, e.samples[0].item) for e in hidden] == [(1, "i")]


def test_covered_masks_are_dropped(tmp_path):
    report, out = export(tmp_path, [square(0, 0, label=0), square(0, 0, label=1)])
    assert report.annotations["dropped"] == 1
    assert set(np.unique(pixels(out / "SegmentationObject/i.png"))) == {0, 2}


def test_masks_have_the_numbers_of_their_boxes(tmp_path):
    annotations = [
        square(8, 8, label=1, group=7),
        square(0, 8, label=0),
        Bbox(0, 0, 2, 2, label=0),
        Bbox(8, 8, 4, 4, label=1, group=7),
    ]
    _, out = export(tmp_path, annotations)
    objects = pixels(out / "SegmentationObject/i.png")
    assert objects[9, 9] == 2
    assert objects[1, 9] == 3
    (item,) = Dataset.import_from(out, "voc")
    groups = {(a.kind, a.group) for a in item.annotations}
    assert groups == {("bbox", 0), ("bbox", 2), ("mask", 2), ("mask", 3)}


def test_void(tmp_path):
    _, out = export(
        tmp_path, [square(0, 0, label=0), square(8, 8, label=1)], labels=["a", "ignored"]
    )
    assert pixels(out / "SegmentationClass/i.png")[9, 9] == 255
    assert pixels(out / "SegmentationObject/i.png")[9, 9] == 255
    assert tuple(picture(out / "SegmentationClass/i.png").convert("RGB").getpixel((9, 9))) != (
        0,
        0,
        0,
    )


def test_void_keeps_its_colour(tmp_path):
    labels = [e.name for e in default_map()]
    _, out = export(tmp_path, [square(8, 8, label=21)], labels=labels, label_map="voc")
    image = picture(out / "SegmentationClass/i.png")
    assert image.convert("RGB").getpixel((9, 9)) == VOID_COLOR


def test_grey_masks(tmp_path):
    _, out = export(tmp_path, [square(0, 0, label=1)], apply_colormap=False)
    image = picture(out / "SegmentationClass/i.png")
    assert (image.mode, image.getpixel((0, 0))) == ("L", 2)


def test_areas_of_classes_need_no_objects(tmp_path):
    labels = ["background", "a"]
    background = Mask(from_dense(~square(0, 0).image), label=0)
    report, out = export(tmp_path, [background, square(0, 0, label=1)], "voc_segmentation", labels)
    assert not report.losses
    assert not (out / "SegmentationObject").exists()
    (item,) = Dataset.import_from(out, "voc_segmentation")
    assert [a.label for a in item.annotations] == [0, 1]


def test_a_background_that_grows_is_told(tmp_path):
    masks = [square(0, 0, label=1), square(8, 8, label=0)]
    report, _ = export(tmp_path, masks, "voc_segmentation", ["background", "a"])
    assert [(e.code, e.count) for e in report.losses] == [("DSK-L007", 1)]


def test_too_many(tmp_path):
    many = [Mask(from_dense(np.eye(300, dtype=bool)[n : n + 1]), label=0) for n in range(255)]
    with pytest.raises(OutputError, match="254 objects"):
        export(tmp_path, many)
    labels = [f"l{n}" for n in range(300)]
    with pytest.raises(OutputError, match="255 labels"):
        export(tmp_path, [square(0, 0, label=0)], labels=labels, apply_colormap=False)
    _, out = export(tmp_path, [square(0, 0, label=290)], labels=labels)
    (item,) = Dataset.import_from(out, "voc")
    assert [a.label for a in item.annotations] == [291]


def test_masks_that_cannot_be_painted(tmp_path):
    other = Mask(from_dense(np.ones((3, 3), bool)), label=0)
    report, _ = export(tmp_path, [square(0, 0, label=0), square(0, 0, 0, label=0), other])
    whats = {e.what for e in report.events if e.effect == "dropped"}
    assert len(whats) == 2
    assert report.annotations["dropped"] == 2


def test_crowds_beside_boxes_become_boxes(tmp_path):
    crowd = square(4, 4, label=0, attributes={"is_crowd": True})
    report, out = export(tmp_path, [Bbox(0, 0, 2, 2, label=0), crowd])
    assert not (out / "SegmentationClass").exists()
    (item,) = Dataset.import_from(out, "voc")
    box = item.annotations[1]
    assert (box.bbox, box.attributes["difficult"]) == ((4, 4, 4, 4), True)
    assert report.annotations["changed"] == 1
    report, out = export(tmp_path / "alone", [crowd])
    assert (out / "SegmentationClass/i.png").exists()


@pytest.mark.parametrize("home", ["", "top/"])
def test_masks_without_lists_and_annotations_are_items(tmp_path, home):
    for name, data in (
        ("SegmentationClass/a.png", encode_map(CLASSES, COLORS)),
        ("SegmentationObject/b.png", encode_map(OBJECTS, COLORS)),
        ("JPEGImages/a.jpg", b""),
    ):
        (tmp_path / home / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / home / name).write_bytes(data)
    assert choose(open_root(tmp_path)).format == "voc"
    items = list(Dataset.import_from(tmp_path))
    assert [(i.subset, i.id, len(i.annotations)) for i in items] == [
        ("default", "a", 4),
        ("default", "b", 3),
    ]
    assert items[0].media.exists


def test_masks_without_an_xml_file_are_items_beside_those_that_have_one(tmp_path):
    xml = f"<annotation><object><name>cat</name>{BOX}</object></annotation>"
    path = dataset_of(tmp_path, encode_map(CLASSES, COLORS), None, xml)
    (path / "ImageSets/Segmentation/train.txt").unlink()
    (path / "Annotations/a.xml").rename(path / "Annotations/b.xml")
    found = {i.id: {a.kind for a in i.annotations} for i in Dataset.import_from(path, "voc")}
    assert found == {"a": {"mask"}, "b": {"bbox"}}


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        ("SegmentationClass/a.PNG", ""),
        ("SegmentationClassPNG/a.png", "_background_\naeroplane\nbicycle\n"),
        ("SegmentationClassRaw/a.png", ""),
    ],
)
def test_masks_of_other_tools(tmp_path, classes, names):
    (tmp_path / classes).parent.mkdir()
    (tmp_path / classes).write_bytes(encode_map(np.array([[0, 1, 2, 2]], np.uint8), COLORS))
    if names:
        (tmp_path / "class_names.txt").write_text(names)
    assert choose(open_root(tmp_path)).format == "voc"
    dataset = Dataset.import_from(tmp_path)
    found = dataset.categories().names
    assert found[:3] == [names.split("\n")[0] or "background", "aeroplane", "bicycle"]
    assert (len(found) == 3) == bool(names)
    (item,) = dataset
    assert [(a.label, int(a.image.sum())) for a in item.annotations] == [(0, 1), (1, 1), (2, 2)]


@PATIENT
@given(
    arrays(np.int32, array_shapes(min_dims=2, max_dims=2, min_side=0), elements=st.integers(0, 4))
)
def test_values_of_a_map(label_map):
    assert values_of(label_map).tolist() == sorted(set(label_map.ravel().tolist()))
