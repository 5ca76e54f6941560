"""XML of the web tool and of CVAT: layouts, attributes, groups, oddities."""

from __future__ import annotations

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Bbox, Mask, Polygon
from dsk.errors import DskWarning, InputError, MediaError, RecordError
from dsk.item import DatasetItem
from dsk.pixels import encode
from dsk_labelme.xmltext import attribute_list, parse_attributes

SQUARE = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((1, 2), (5, 2), (5, 6), (1, 6)))


def obj(ident=0, name="car", more="", shape=f"<polygon>{SQUARE}</polygon>"):
    return f"<object><name>{name}</name><id>{ident}</id>{more}{shape}</object>"


def xml(*objects, filename="a.jpg", folder="", head=""):
    return (
        f"<annotation><filename>{filename}</filename><folder>{folder}</folder>{head}"
        f"{''.join(objects)}</annotation>"
    )


def put(root, name, text):
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


def read(root, **options):
    return Dataset.import_from(root, "label_me", **options)


def only(root):
    (item,) = read(root)
    return item


def parts(has="", of=""):
    return f"<parts><hasparts>{has}</hasparts><ispartof>{of}</ispartof></parts>"


def test_the_web_tools_folders(tmp_path):
    put(tmp_path, "set/Annotations/f1/a.xml", xml(obj(), folder="f1"))
    put(tmp_path, "set/Images/f1/a.jpg", b"x")
    item = only(tmp_path)
    assert (item.id, item.subset, item.media.exists) == ("a", "f1", True)


def test_images_without_an_xml_file_are_told(tmp_path):
    put(tmp_path, "Annotations/f1/a.xml", xml(obj(), folder="f1"))
    for name in ("Images/f1/a.jpg", "Images/f1/b.jpg", "Masks/f1/c.png"):
        put(tmp_path, name, b"x")
    assert list(read(tmp_path).opening_ledger.warnings) == [
        "1 images have no annotation file and are no items, e.g. Images/f1/b.jpg"
    ]


def test_files_of_programs_in_hidden_folders(tmp_path):
    put(tmp_path, "a.xml", xml(obj()))
    for n in range(9):
        put(tmp_path, f".idea/{n}.xml", "<project/>")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "label_me"
    assert [item.id for item in dataset] == ["a"]
    assert "XML files in hidden folders are passed over: 9" in dataset.opening_ledger.warnings


def test_line_breaks_around_texts(tmp_path):
    """Old files of the web tool have them everywhere."""
    text = xml(obj(name="\ncar\n"), filename="\na.jpg\n", folder="\nf1\n")
    put(tmp_path, "Annotations/f1/a.xml", text)
    put(tmp_path, "Images/f1/a.jpg", b"x")
    item = only(tmp_path)
    assert (item.id, item.subset, item.media.exists) == ("a", "f1", True)
    assert item.annotations[0].label == 0


def test_files_beside_images(tmp_path):
    put(tmp_path, "train/d/a.xml", xml(obj(), folder="d"))
    put(tmp_path, "train/d/a.JPG", b"x")
    item = only(tmp_path)
    assert (item.id, item.subset, item.media.exists) == ("d/a", "train", True)


@pytest.mark.parametrize(
    "place", ["Masks", "default/Masks", "default/d/Masks", "default/d/e/Masks"]
)
def test_masks_lie_in_any_folder_above(place, tmp_path):
    """Datumaro's exports have one ``Masks`` for each subset, and folders in names of masks."""
    segm = "<segm><mask>d/e/m.png</mask></segm>"
    size = "<imagesize><nrows>2</nrows><ncols>3</ncols></imagesize>"
    put(tmp_path, "default/d/e/a.xml", xml(obj(0, shape=segm), folder="d/e", head=size))
    put(tmp_path, f"{place}/d/e/m.png", encode(np.full((2, 3), 9, np.uint8), ".png"))
    item = only(tmp_path)
    assert (item.id, item.subset) == ("d/e/a", "default")
    assert item.annotations[0].image.all()


def test_shapes(tmp_path):
    segm = "<segm><username>u</username><mask>m.png</mask></segm>"
    more = "<occluded>yes</occluded><attributes>n=3, flag</attributes>"
    box = obj(1, more=f"<type>bounding_box</type>{more}")
    size = "<imagesize><nrows>8</nrows><ncols>9</ncols></imagesize>"
    put(tmp_path, "a.xml", xml(obj(0, "  old\n name "), box, obj(2, "", shape=segm), head=size))
    pixels = np.zeros((8, 9, 4), np.uint8)
    pixels[2, 3] = (0, 0, 9, 0)
    put(tmp_path, "Masks/m.png", encode(pixels, ".png"))
    dataset = read(tmp_path)
    (item,) = dataset
    polygon, bbox, mask = item.annotations
    assert dataset.categories().names == ["old name", "car"]
    assert item.media.size == (8, 9)
    assert polygon == Polygon(
        [1, 2, 5, 2, 5, 6, 1, 6], label=0, attributes={"occluded": False, "username": ""}
    )
    assert bbox == Bbox(
        1,
        2,
        4,
        4,
        label=1,
        id=1,
        attributes={"n": 3, "flag": True, "occluded": True, "username": ""},
    )
    assert isinstance(mask, Mask)
    assert mask.label is None
    assert np.argwhere(mask.image).tolist() == [[2, 3]]


def test_groups(tmp_path):
    objects = (
        obj(0, more=parts("1")),
        obj(1, more=parts("", "0") + "<deleted>1</deleted>"),
        obj(2, more=parts("", "1")),
        obj(3, more=parts("99")),
        obj(4, more=parts("5", "5")),
        obj(5, more=parts("4", "4")),
        obj(6),
    )
    put(tmp_path, "a.xml", xml(*objects))
    assert [a.group for a in only(tmp_path).annotations] == [1, 1, 2, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("sitting, red", {"sitting": True, "red": True}),
        ("a=1,b=1.50,c=1.5,d=TRUE", {"a": 1, "b": "1.50", "c": 1.5, "d": True}),
        ('a="12", b=x\\,y, c\\=d=e\\\\', {"a": "12", "b": "x,y", "c=d": "e\\"}),
        ("a= 1", {"a": " 1"}),
    ],
)
def test_attributes(text, found):
    assert parse_attributes(text) == found


@pytest.mark.parametrize(
    "value", ["7", "true", "", " x ", 'say "x"', "a,b=c\\", "\\", 3, -2.5, True, '"', "1e3"]
)
def test_attributes_survive(value):
    found = parse_attributes(attribute_list({"k": value, "l": 1}))
    assert found == {"k": value, "l": 1}
    assert type(found["k"]) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", "well-formed"),
        ("<annotations/>", "not <annotation>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "refused"),
        (xml(obj(shape="<polygon/>")), "no points"),
        (xml(obj(shape="<polygon><pt><x>nan</x><y>1</y></pt></polygon>")), "not finite"),
        (xml(obj(shape="<bndbox/>")), "neither"),
        (xml(obj(shape="<segm><mask>no.png</mask></segm>")), "no mask file"),
        (xml(obj(), filename="../../a.jpg"), "leads out"),
    ],
)
def test_damaged_files(tmp_path, text, message):
    put(tmp_path, "a.xml", text)
    with pytest.raises(RecordError, match=message):
        list(read(tmp_path))
    assert sum(len(i.annotations) for i in read(tmp_path, on_error="skip")) == 0


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no XML"):
        read(tmp_path)


def test_latin_1(tmp_path):
    put(tmp_path, "a.xml", xml(obj(name="caf\xe9")).encode("latin-1"))
    assert read(tmp_path).categories().names == ["café"]


@pytest.mark.parametrize(
    ("encoding", "name"), [("gb2312", "汽车"), ("windows-1252", "“car”"), ("ISO-8859-1", "café")]
)
def test_stated_encodings(tmp_path, encoding, name):
    head = f'<?xml version="1.0" encoding="{encoding}"?>\n'
    text = head + xml(obj(name=name), filename="é.jpg" if name == "café" else "a.jpg")
    put(tmp_path, "x.xml", text.encode(encoding))
    dataset = read(tmp_path)
    assert dataset.categories().names == [name]
    (item,) = dataset
    assert [a.label for a in item.annotations] == [0]


def test_unused_labels_are_reported(tmp_path):
    items = [DatasetItem("a", annotations=[Bbox(1, 1, 2, 2, label=1)])]
    dataset = Dataset.from_iterable(items, categories=["x", "y"])
    report = dataset.export(tmp_path / "o", "label_me")
    assert [(e.code, e.count) for e in report.events] == [("DSK-L010", 1)]
    assert read(tmp_path / "o").categories().names == ["y"]
    report = dataset.export(tmp_path / "o", "label_me", save_dataset_meta=True, overwrite=True)
    assert not report.events
    assert read(tmp_path / "o").categories().names == ["x", "y"]


def test_groups_are_written(tmp_path):
    items = [
        DatasetItem("a", annotations=[Bbox(n, 1, 2, 2, group=g) for n, g in enumerate((7, 0, 7))])
    ]
    Dataset.from_iterable(items, categories=[]).export(tmp_path / "o", "label_me")
    assert [a.group for a in only(tmp_path / "o").annotations] == [1, 0, 1]


def test_a_group_of_one_is_told(tmp_path):
    items = [DatasetItem("a", annotations=[Bbox(n, 1, 2, 2, group=n) for n in range(3)])]
    report = Dataset.from_iterable(items).export(tmp_path / "o", "label_me")
    (event,) = [e for e in report.losses if e.what == "group of a single annotation"]
    assert (event.code, event.count) == ("DSK-L005", 2)
    assert [a.group for a in only(tmp_path / "o").annotations] == [0, 0, 0]


def test_further_elements_are_kept_and_written_back(tmp_path):
    """The web tool has a dozen of them by now, most of them empty."""
    more = "<viewpoint/><moved> 1 </moved><closed_date>x &lt; y</closed_date>"
    head = "<scenedescription>a street</scenedescription><private><video>0</video></private>"
    put(tmp_path, "a.xml", xml(obj(more=more), head=head))
    item = only(tmp_path)
    own = {"moved": "1", "closed_date": "x < y"}
    assert item.annotations[0].extra == {"label_me": own}
    assert item.extra == {"label_me": {"scenedescription": "a street"}}
    read(tmp_path).export(tmp_path / "o", "label_me")
    back = only(tmp_path / "o")
    assert (back.extra, back.annotations[0].extra) == (item.extra, item.annotations[0].extra)


def test_elements_that_are_not_kept_are_told(tmp_path):
    put(tmp_path, "a.xml", xml(obj(more="<viewpoint><azimuth>3</azimuth></viewpoint>")))
    with pytest.warns(DskWarning, match="<viewpoint> is not known"):
        list(read(tmp_path))


@pytest.mark.parametrize("folder", ["f1/", "./f1", "f1"])
def test_names_of_folders_are_cleaned_once(tmp_path, folder):
    put(tmp_path, "Annotations/f1/a.xml", xml(obj(), folder=folder))
    put(tmp_path, "Images/f1/a.jpg", b"x")
    dataset = read(tmp_path)
    (item,) = dataset
    assert (list(dataset.subsets()), item.subset, item.media.exists) == (["f1"], "f1", True)


@pytest.mark.parametrize(
    ("annotation", "folder", "image", "subset"),
    [
        ("Annotations/f1/a.xml", "elsewhere", "Images/f1/a.jpg", "elsewhere"),
        ("Annotations/a.xml", "elsewhere", "Images/a.jpg", "elsewhere"),
        ("Annotations/a.xml", "", "Images/a.jpg", "default"),
        ("Annotations/f1/g/a.xml", "f1", "Images/f1/g/a.jpg", "f1"),
        ("annotations/a.xml", "", "images/a.jpg", "default"),
        ("annotations/f1/a.xml", "f1", "images/f1/a.jpg", "f1"),
        ("annotations/f1/a.xml", "f1", "Images/f1/a.png", "f1"),
        ("set/Annotations/f1/b.xml", "f1", "set/Images/f1/b.jpg", "f1"),
        ("train/b.xml", "", "train/b.PNG", "train"),
        ("annotations/a.xml", "", "annotations/a.jpg", "annotations"),
    ],
)
def test_where_images_are(tmp_path, annotation, folder, image, subset):
    """Folders that were renamed after the annotation, and images that were."""
    put(tmp_path, annotation, xml(obj(), folder=folder))
    put(tmp_path, image, b"x")
    item = only(tmp_path)
    assert (item.id, item.subset, item.media.exists) == ("a", subset, True)
    assert item.media.source.endswith(image)


def test_masks_of_folders_in_lower_case(tmp_path):
    segm = "<segm><mask>m.png</mask></segm>"
    put(tmp_path, "annotations/f1/a.xml", xml(obj(shape=segm), folder="f1"))
    put(tmp_path, "images/f1/a.jpg", b"x")
    put(tmp_path, "masks/f1/m.png", encode(np.full((2, 3), 9, np.uint8), ".png"))
    assert only(tmp_path).annotations[0].image.all()


def test_damaged_masks_are_named_and_can_be_skipped(tmp_path):
    png = encode(np.ones((3, 4), bool), ".png")
    put(tmp_path, "Masks/m.png", png[:40])
    put(tmp_path, "Masks/good.png", png)
    masks = [f"<segm><mask>{name}.png</mask></segm>" for name in ("good", "m")]
    put(tmp_path, "a.xml", xml(*(obj(n, shape=mask) for n, mask in enumerate(masks))))
    mask = only(tmp_path).annotations[1]
    with pytest.raises(MediaError, match="no readable image") as told:
        _ = mask.image
    assert told.value.where == "Masks/m.png"
    (item,) = read(tmp_path, on_error="skip")
    assert [a.image.sum() for a in item.annotations] == [12]
