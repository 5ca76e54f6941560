"""What is in files of CVAT and of other tools that write its format."""

from __future__ import annotations

import re
import zipfile

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Cuboid2d, Ellipse, Mask, Polygon, RotatedBbox, Skeleton
from dsk.errors import InputError, RecordError
from dsk.loss import Ledger
from dsk_cvat.shapes import CORNERS
from dsk_cvat.xmltext import Lines

IMAGE = '<image id="3" name="{name}" width="20" height="10">{inner}</image>'


def image(inner, name="a.jpg"):
    return IMAGE.format(name=name, inner=inner)


def only(dataset):
    (item,) = dataset
    return item


def first(dataset):
    return only(dataset).annotations[0]


BOX = '<box label="{label}" xtl="1" ytl="2" xbr="4" ybr="6" {more}>{inner}</box>'


def box(inner="", more="", label="car"):
    return BOX.format(inner=inner, more=more, label=label)


def test_boxes(read):
    item = only(read(image(box(more='occluded="1" z_order="2" group_id="5" source="auto"'))))
    assert (item.id, item.subset, item.attributes) == ("a", "annotations", {"frame": 3})
    assert item.media.size == (10, 20)
    (a,) = item.annotations
    assert a == Bbox(
        1,
        2,
        3,
        4,
        label=0,
        group=5,
        z_order=2,
        attributes={"occluded": True},
        extra={"cvat": {"source": "auto"}},
    )


def test_rotation(read):
    assert first(read(image(box(more='rotation="30"')))) == RotatedBbox(
        2.5, 4, 3, 4, 30, label=0, attributes={"occluded": False}
    )
    assert type(first(read(image(box(more='rotation="0.00"'))))) is Bbox


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("age", "3", 3.0),
        ("age", "old", "old"),
        ("age", "nan", "nan"),
        ("text", "3", "3"),
        ("text", "true", True),
        ("ok", "False", False),
        ("text", "False", "False"),
        ("text", "", ""),
        ("other", "7", "7"),
    ],
)
def test_attributes(read, name, text, value):
    a = first(read(image(box(f'<attribute name="{name}">{text}</attribute>'))))
    assert a.attributes[name] == value
    assert type(a.attributes[name]) is type(value)


def test_types_of_attributes_belong_to_labels(read):
    a = first(read(image(box('<attribute name="age">3</attribute>', label="cat"))))
    assert a.attributes["age"] == "3"


def test_other_shapes(read):
    corners = " ".join(f'{name}="{k}"' for k, name in enumerate(CORNERS))
    shapes = (
        '<ellipse label="cat" cx="5" cy="4" rx="3" ry="2"/>'
        '<ellipse label="cat" cx="5" cy="4" rx="3" ry="2" rotation="90"/>'
        '<ellipse label="cat" cx="5" cy="4" rx="3" ry="2" rotation="45"/>'
        f'<cuboid label="cat" {corners}/>'
        '<tag label="cat" source="manual"/>'
        '<polyline label="cat" points="1,2;3,4"/>'
    )
    with pytest.warns(UserWarning, match="turned ellipses"):
        flat, up, turned, cuboid, tag, line = only(read(image(shapes))).annotations
    assert flat == Ellipse(2, 2, 6, 4, label=1, attributes={"occluded": False})
    assert (up.w, up.h) == (4, 6)
    assert isinstance(turned, Polygon)
    assert len(turned.rings[0]) == 128
    assert cuboid == Cuboid2d(list(map(float, range(16))), label=1, attributes={"occluded": False})
    assert (tag.kind, tag.attributes) == ("label", {})
    assert line.points == [1, 2, 3, 4]


def test_masks_run_row_by_row_within_their_box(read):
    mask = '<mask label="car" rle="1, 2, 1, 4, 4" left="5" top="3" width="4" height="3"/>'
    a = first(read(image(mask)))
    assert isinstance(a, Mask)
    wanted = np.zeros((10, 20), bool)
    wanted[3, 6:8] = True
    wanted[4, 5:9] = True
    assert (a.image == wanted).all()


def test_a_missing_tail_of_zeros_is_tolerated(read):
    mask = '<mask label="car" rle="0,20" left="0" top="0" width="20" height="10"/>'
    assert first(read(image(mask))).image.sum() == 20


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ('rle="1,99" left="0" top="0" width="4" height="3"', "cover 100 pixels"),
        ('rle="1,-1" left="0" top="0" width="4" height="3"', "negative"),
        ('rle="0,12" left="18" top="0" width="4" height="3"', "leaves the image"),
        ('rle="x" left="0" top="0" width="4" height="3"', "invalid literal"),
        ('rle="0" left="0" top="0" width="400000" height="400000"', "400000 × 400000"),
        ('left="0" top="0" width="4" height="3"', "rle is missing"),
    ],
)
def test_bad_masks(read, mask, message):
    with pytest.raises(RecordError, match=message):
        list(read(image(f'<mask label="car" {mask}/>')))


SKELETON = (
    '<label><name>man</name><type>skeleton</type><svg>&lt;line data-type="edge" '
    'data-node-from="1" data-node-to="2"&gt;&lt;/line&gt;&lt;circle data-node-id="1" '
    'data-label-name="left eye"&gt;&lt;/circle&gt;&lt;circle data-node-id="2" '
    'data-label-name="nose"&gt;&lt;/circle&gt;</svg></label>'
    "<label><name>nose</name><parent>man</parent></label>"
    "<label><name>left eye</name><parent>man</parent></label>"
)


def skeleton(eye='outside="0" occluded="0" points="1,1"'):
    return (
        '<skeleton label="man" points=""><points label="nose" outside="0" occluded="1" '
        f'points="2,2"/><points label="left eye" {eye}/></skeleton>'
    )


def test_skeletons_follow_the_picture(read):
    dataset = read(image(skeleton()), labels=SKELETON)
    a = first(dataset)
    assert isinstance(a, Skeleton)
    assert (a.points, a.visibility) == ([1, 1, 2, 2], [2, 1])
    points = dataset.categories().points[0]
    assert (points.labels, points.joints) == (("left eye", "nose"), ((1, 2),))


def test_points_outside(read):
    outside = 'outside="1" occluded="0" points="5,5"'
    with pytest.warns(UserWarning, match="point_visibility"):
        a = first(read(image(skeleton(outside)), labels=SKELETON))
    assert (a.visibility, a.point_attributes[0]["outside"]) == ([2, 1], True)
    a = first(read(image(skeleton(outside)), labels=SKELETON, point_visibility=True))
    assert a.visibility == [0, 1]
    a = first(read(image(skeleton('outside="1" points="0.00,0.00"')), labels=SKELETON))
    assert a.visibility == [0, 1]


def test_points_that_are_nowhere(read):
    """Their text is empty; in tracks they have an element of their own."""
    a = first(read(image(skeleton('outside="1" points=""')), labels=SKELETON))
    assert (a.points, a.visibility) == ([0, 0, 2, 2], [0, 1])
    at = 'frame="0" outside="0" occluded="0" keyframe="1"'
    body = (
        f'<track id="0" label="man"><skeleton {at}></skeleton>'
        f'<track id="1" label="nose"><points {at} points="2,2"/></track>'
        f'<track id="2" label="left eye"><points {at} points=""/></track></track>'
    )
    a = first(read(body, mode="interpolation", labels=SKELETON))
    assert (a.points, a.visibility) == ([0, 0, 2, 2], [0, 2])
    with pytest.raises(RecordError, match="could not convert"):
        list(read(image(skeleton('outside="1"')), labels=SKELETON))


@pytest.mark.parametrize("inner", ["", '<attribute name="age">4</attribute>'])
def test_whole_numbers_with_a_point(read, inner):
    """The parser and the quick way agree, see test_quick.py."""
    for start in ("<box", "<box "):  # CVAT's own writing, and another one
        text = box(inner, 'z_order="2.0" group_id="1.0"').replace("<box", start)
        a = first(read(image(text)))
        assert (a.z_order, a.group) == (2, 1)
    for odd in ("2.5", "nan", "inf", "1e999", "x"):
        with pytest.raises(RecordError):
            list(read(image(box(inner, f'z_order="{odd}"'))))


def test_unknown_labels(read):
    with pytest.warns(UserWarning, match="not declared"):
        assert first(read(image(box(label="dog")))).label is None
    assert first(read(image(box(label="")))).label is None
    dataset = read(image(box(label="d&amp;g")), labels="")
    assert dataset.categories().names == ["d&g"]
    assert first(dataset).label == 0


def test_projects(tmp_path):
    (tmp_path / "annotations.xml").write_text(
        "<annotations><meta><project><subsets>train\nval</subsets><labels><label><name>x</name>"
        '</label></labels></project></meta><image id="0" name="d/a.png" subset="train"/>'
        '<image id="1" name="d/a.png" subset="val"><tag label="x"/></image></annotations>'
    )
    items = [(i.subset, i.id, len(i.annotations)) for i in Dataset.import_from(tmp_path, "cvat")]
    assert items == [("train", "d/a", 0), ("val", "d/a", 1)]


def test_files_called_like_subsets_that_are_not_cvats_are_told(tmp_path):
    (tmp_path / "val.xml").write_text(
        '<annotations><meta><job><labels/></job></meta><image id="0" name="a.png"/></annotations>'
    )
    (tmp_path / "train.xml").write_text("")
    (tmp_path / "notes.xml").write_text("<notes/>")
    dataset = Dataset.import_from(tmp_path, "cvat")
    (told,) = dataset.opening_ledger.warnings
    assert told.startswith(f"{tmp_path / 'train.xml'} is not read")
    assert [item.subset for item in dataset] == ["val"]


def test_jobs(tmp_path):
    (tmp_path / "annotations.xml").write_text(
        "<annotations><meta><job><labels><label><name>x</name></label></labels></job></meta>"
        '<image id="0" name="a.png"><tag label="x"/></image></annotations>'
    )
    assert first(Dataset.import_from(tmp_path, "cvat")).label == 0


def test_one_image_listed_twice_is_one_item(read):
    dataset = read(image(box()) + image(box(label="cat")) + image("", name="a.png"))
    assert [(i.id, len(i.annotations)) for i in dataset] == [("a", 2), ("a.png", 0)]


def test_images_are_found(tmp_path, read):
    for name in ("images/annotations/a.JPG", "images/b.png", "c.png", "data/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    names = ("a.jpg", "b.png", "c.png", "d.png", "missing.png")
    items = list(read("".join(image("", name=name) for name in names)))
    assert [item.media.exists for item in items] == [True, True, True, True, False]


def test_the_subset_may_be_named(read):
    assert only(read(image(""), subset="train")).subset == "train"


def test_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr(
            "top/annotations.xml",
            "<annotations><meta><task/></meta>" + image("") + "</annotations>",
        )
        archive.writestr("top/images/a.jpg", b"x")
    item = only(Dataset.import_from(tmp_path / "t.zip", "cvat"))
    assert item.media.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no XML"),
        ("<annotation/>", "root element is <annotation>"),
        ("<annotations></annotations>", "no <meta>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations><meta/></annotations>', "are refused"),
        ("<annotations><meta/>", "ends before"),
        ('<annotations><meta/><image id="0" name="a">', "<image> has no end"),
        ('<annotations><meta/><image id="0 name="a"/></annotations>', "damaged attributes"),
        ("<annotations><meta/><track id='0'><box/></track></annotations>", "has no frame"),
        ("<annotations><meta/><oops</annotations>", "well-formed"),
        ("<annotations><meta><task\x01></meta></annotations>", "<meta>: no well-formed XML"),
        ("<annotations><meta/></annotations>junk", "behind"),
    ],
)
def test_damaged_files(tmp_path, text, message):
    file = tmp_path / "annotations.xml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        list(Dataset.import_from(file, "cvat"))


def test_bad_shapes_are_skipped_alone(read):
    shapes = box() + '<box label="car" xtl="1"/><polygon label="car" points="1;2"/>' + box()
    dataset = read(image(shapes), on_error="skip")
    assert len(only(dataset).annotations) == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path, encoding):
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    text = f'<?xml version="1.0" encoding="{declared}"?><annotations><meta/>{image("", "ä.png")}'
    (tmp_path / "annotations.xml").write_bytes(f"{text}</annotations>".encode(encoding))
    assert only(Dataset.import_from(tmp_path, "cvat")).id == "ä"


@pytest.mark.parametrize("name", ["frame_000000", "frame_000000.jpg", "frame_000000.png"])
def test_images_are_named_after_their_files(tmp_path, read, name):
    """Frames of videos are listed without an ending; a PNG file must not become a .jpg."""
    (tmp_path / "images").mkdir()
    PilImage.fromarray(np.zeros((10, 20), np.uint8)).save(tmp_path / "images" / "frame_000000.PNG")
    dataset = read(image(box(), name))
    item = only(dataset)
    assert (item.id, item.media.path) == ("frame_000000", "frame_000000.PNG")
    dataset.export(tmp_path / "out", "cvat", save_media=True)
    assert (tmp_path / "out/images/frame_000000.PNG").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize("width", [1, 5000, 1 << 14])
def test_numbers_of_lines(width):
    text = (b"x" * (width - 1) + b"\n") * 7
    lines = Lines(memoryview(text))
    offsets = [*range(0, len(text), max(width // 3, 1)), len(text)]
    for offset in (*reversed(offsets), *offsets):
        assert lines.at(offset) == 1 + text[:offset].count(b"\n")


def test_mistakes_all_over_a_large_file_are_found_in_one_pass(tmp_path, read, monkeypatch):
    """Counting lines from the beginning for each mistake took minutes for 20 MB of text."""
    image = '<image id="{0}" name="{0}.jpg"><box label="car" xtl="x"/></image>\n'
    counted = []

    class Noted(Lines):
        def at(self, offset):
            before = len(self._before)
            line = super().at(offset)
            counted.append(len(self._before) - before)
            return line

    monkeypatch.setattr("dsk_cvat.scan.Lines", Noted)
    dataset = read("".join(map(image.format, range(2000))), on_error="skip")
    assert len(list(dataset)) == 2000
    assert len(counted) == 2000
    assert sum(counted) <= (tmp_path / "annotations.xml").stat().st_size >> 14


def test_radii_have_no_sign(read):
    (ellipse,) = only(
        read(image('<ellipse label="car" cx="5" cy="6" rx="-3" ry="2"/>'))
    ).annotations
    assert (ellipse.x, ellipse.y, ellipse.w, ellipse.h) == (2, 4, 6, 4)


TRACKED = '<box frame="{}" xtl="1" ytl="1" xbr="2" ybr="2"/>'
TOLD = "<{}> in {} is not known and left out"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (image(box("<note>x</note><note/>")), {TOLD.format("note", "a <box>"): 2}),
        (image(box('<points points="1,2"/>')), {TOLD.format("points", "a <box>"): 1}),
        (image('<tag label="car"><note/></tag>'), {TOLD.format("note", "a <tag>"): 1}),
        (
            image(box('<attribute name="age"><b>3</b></attribute>')),
            {TOLD.format("b", "an <attribute>"): 1},
        ),
        (
            (
                f'<track id="0" label="car">{TRACKED.format(0)[:-2]}><note/></box>'
                f'<event frame="1"/>{TRACKED.format(1)}<end/></track>'
            ),
            {
                TOLD.format("note", "a <box>"): 1,
                TOLD.format("event", "a <track>"): 1,
                TOLD.format("end", "a <track>"): 1,
            },
        ),
    ],
)
def test_elements_that_are_not_known_are_told(read, body, told):
    ledger = Ledger()
    dataset = read(body)
    items = list(dataset.read(ledger))
    assert sum(len(item.annotations) for item in items) == len(items)
    assert dataset.opening_ledger.warnings | ledger.warnings == told


def test_elements_in_points_of_skeletons_are_told(read):
    known = '<attribute name="age">4</attribute>'
    text = skeleton().replace('points="2,2"/>', f'points="2,2">{known}{{}}</points>')
    for inner, told in (("", {}), ("<note/>", {TOLD.format("note", "a <points>"): 1})):
        ledger = Ledger()
        list(read(image(text.format(inner)), labels=SKELETON).read(ledger))
        assert ledger.warnings == told


@pytest.mark.parametrize("inner", ["", '<attribute name="age">4</attribute>'])
@pytest.mark.parametrize("start", ["<box", "<box "])  # CVAT's own writing, and another one
@pytest.mark.parametrize("corners", [(4, 2, 1, 6), (1, 6, 4, 2), (4, 6, 1, 2)])
def test_swapped_corners_are_put_right(read, corners, start, inner):
    names = ("xtl", "ytl", "xbr", "ybr")
    given = " ".join(f'{name}="{v}"' for name, v in zip(names, corners, strict=True))
    text = f'{start} label="car" {given}>{inner}</box>'
    turned = f'{start} label="car" {given} rotation="30">{inner}</box>'
    with pytest.warns(UserWarning, match="swapped corners"):
        plain, rotated = only(read(image(text + turned))).annotations
    assert (plain.x, plain.y, plain.w, plain.h) == (1, 2, 3, 4)
    assert (rotated.cx, rotated.cy, rotated.w, rotated.h, rotated.r) == (2.5, 4, 3, 4, 30)


@pytest.mark.parametrize("comment", ["<!-- <label> & co -->", "<!--\n<annotations>\n-->"])
def test_comments_before_the_root_element(tmp_path, comment):
    text = f"{comment}<annotations><meta/>{image('')}</annotations>"
    (tmp_path / "a.xml").write_text(text)
    assert only(Dataset.import_from(tmp_path)).id == "a"


def test_images_beside_the_folder_of_the_files(tmp_path):
    text = f"<annotations><meta/>{image('')}</annotations>"
    for name in ("annotations/train.xml", "annotations/val.xml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "images" / "val").mkdir(parents=True)
    (tmp_path / "images/val/a.jpg").write_bytes(b"x")
    found = {i.subset: i.media.exists for i in Dataset.import_from(tmp_path, "cvat")}
    assert found == {"train": False, "val": True}


@pytest.mark.parametrize(
    ("width", "known"), [("20.0", True), (" 20 ", True), ("20.5", False), ("-20", False)]
)
def test_sizes_of_images(read, width, known):
    text = image("").replace('width="20"', f'width="{width}"')
    assert only(read(text)).media.size == ((10, 20) if known else None)


def test_labels_of_several_files_are_joined(tmp_path):
    spec = "<attribute><name>{}</name><input_type>{}</input_type></attribute>"
    for name, attributes in (
        ("train", [("a", "number")]),
        ("val", [("b", "number"), ("a", "text"), ("c", "text")]),
    ):
        inner = "".join(spec.format(*pair) for pair in attributes)
        label = f"<label><name>car</name><attributes>{inner}</attributes></label>"
        shape = box('<attribute name="a">1</attribute><attribute name="b">2</attribute>')
        (tmp_path / f"{name}.xml").write_text(
            f"<annotations><meta><task><labels>{label}</labels></task></meta>{image(shape)}"
            "</annotations>"
        )
    dataset = Dataset.import_from(tmp_path, "cvat")
    (label,) = dataset.categories().labels
    assert label.attributes == ("a", "b", "c")
    assert [spec["input_type"] for spec in label.extra["cvat"]["attributes"]] == [
        "number",
        "number",
        "text",
    ]
    for item in dataset:
        assert item.annotations[0].attributes == {"a": 1.0, "b": 2.0, "occluded": False}


@pytest.mark.parametrize(
    ("svg", "names"),
    [
        ('&lt;circle data-node-id="1" data-label-id="45"&gt;', ("nose", "left eye")),
        ('<circle data-node-id="1" data-label-name="left eye"/>', ("left eye", "nose")),
    ],
)
def test_pictures_of_other_writers(read, svg, names):
    labels = re.sub("<svg>.*</svg>", f"<svg>{svg}</svg>", SKELETON)
    assert read(image(""), labels=labels).categories().points[0].labels == names


def test_right_angles_leave_ellipses_as_they_are(read):
    turned = "".join(
        f'<ellipse label="cat" cx="5" cy="4" rx="3" ry="2" rotation="{r}"/>' for r in (90, -90, 360)
    )
    ledger = Ledger()
    (item,) = read(image(turned)).read(ledger)
    assert [a.w for a in item.annotations] == [4, 4, 6]
    assert not ledger.warnings


def test_images_that_are_listed_again_are_told(read):
    dataset = read(image(box()) + image(box()) + image("", name="b.jpg"))
    told = "images listed again, whose shapes go to the first of their name: 1"
    assert list(dataset.opening_ledger.warnings) == [told]


def test_fields_inside_of_shapes_are_told(read):
    shape = box('<attribute name="age" sure="0.5">4</attribute>')
    point = skeleton('outside="0" occluded="0" points="1,1" score="0.3"')
    said = "the attribute {} inside of shapes is not known and left out"
    for inner, what in ((shape, "sure of <attribute>"), (point, "score of <points>")):
        ledger = Ledger()
        list(read(image(inner), labels=SKELETON + "<label><name>car</name></label>").read(ledger))
        assert said.format(what) in ledger.warnings


@pytest.mark.parametrize(
    ("runs", "written"), [("1,2", "1, 2, 9"), ("1,2,3", "1, 2, 9"), ("0,12", "0, 12")]
)
def test_zeros_that_are_left_out_at_the_end_of_masks(tmp_path, read, runs, written):
    mask = f'<mask label="car" rle="{runs}" left="5" top="3" width="4" height="3"/>'
    read(image(mask)).export(tmp_path / "out", "cvat")
    assert f'rle="{written}"' in (tmp_path / "out/annotations.xml").read_text()


def test_points_of_skeletons_that_are_not_declared_are_told(read):
    ledger = Ledger()
    list(read(image(skeleton()), labels="<label><name>man</name></label>").read(ledger))
    assert ledger.warnings == {
        "<meta> does not declare the points of 'man'; they lose their names": 1
    }


@pytest.mark.parametrize("inner", ["", '<attribute name="age">4</attribute>'])
@pytest.mark.parametrize("start", ["<box", "<box "])  # CVAT's own writing, and another one
def test_shapes_of_images_that_are_outside(tmp_path, read, start, inner):
    """Datumaro writes so what was tracked; CVAT's images have no such shapes."""
    text = f'{start} label="car" occluded="0" outside="{{}}" keyframe="1" xtl="1" ytl="1" xbr="2" '
    text += f'ybr="2">{inner}</box>'
    dataset = read(image(text.format(0) + text.format(1)))
    assert [a.attributes.get("outside") for a in only(dataset).annotations] == [None, True]
    report = dataset.export(tmp_path / "out", "cvat")
    assert report.annotations["dropped"] == 1


@pytest.mark.parametrize("stated", [False, True])
def test_images_whose_folder_is_called_like_a_subset(tmp_path, read, stated):
    for name in ("images/val/a.png", "images/annotations/val/a.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(name.encode())
    text = image("", name="val/a.png")
    if stated:
        text = text.replace("<image ", '<image subset="annotations" ')
    found = only(read(text)).media.read_bytes().decode()
    assert found == ("images/annotations/val/a.png" if stated else "images/val/a.png")


def test_images_in_the_folder_of_a_tasks_subset(tmp_path, read):
    (tmp_path / "images/Train").mkdir(parents=True)
    (tmp_path / "images/Train/a.jpg").write_bytes(b"x")
    item = only(read(image(""), more="<subset>Train</subset>"))
    assert (item.subset, item.media.exists) == ("annotations", True)


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (("a.jpg", "a.png", "b.jpg"), ["a", "a.png", "b"]),
        (("a.jpg", "a", "a.png"), ["a.jpg", "a", "a.png"]),
        (("a", "a.jpg"), ["a", "a.jpg"]),
    ],
)
def test_ids_of_images_of_one_stem(read, names, ids):
    assert [i.id for i in read("".join(image("", name=name) for name in names))] == ids
