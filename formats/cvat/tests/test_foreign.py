"""Files that say less than CVAT's, or more than the model has fields for."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from dsk import Dataset
from dsk.errors import InputError

BOX = '<box label="{label}" xtl="1" ytl="2" xbr="4" ybr="6" {more}>{inner}</box>'
OWN = '<attribute name="{}">{}</attribute>'
RADIO = (
    "<attribute><name>occluded</name><mutable>False</mutable><input_type>radio</input_type>"
    "<default_value>no</default_value><values>yes\nno</values></attribute>"
)
POINTS = '<points label="{}" outside="0" occluded="0" points="{},1">{}</points>'

MASK = '<mask label="car" occluded="0" rle="0,4" left="1" top="1" width="2" height="2">{}</mask>'


def label(name, attributes="", more=""):
    return f"<label><name>{name}</name><attributes>{attributes}</attributes>{more}</label>"


def image(inner, name="a.jpg", number=0):
    return f'<image id="{number}" name="{name}" width="20" height="10">{inner}</image>'


def box(inner="", more="", label="car"):
    return BOX.format(label=label, more=more, inner=inner)


def load(place, *, warned="there is no <meta>"):
    """Import a dataset, check a warning, and return it with its items."""
    dataset = Dataset.import_from(place, "cvat")
    with pytest.warns(UserWarning, match=re.escape(warned)) as found:
        items = list(dataset)
    assert sum(warned in str(warning.message) for warning in found) == 1
    return dataset, items


def bare(folder, body, name="annotations.xml"):
    """Write a file without a head."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"<annotations>{body}</annotations>", encoding="utf-8")
    return folder


def written(dataset, out, **options):
    dataset.export(out, "cvat", **options)
    (file,) = out.glob("*.xml")
    return ET.parse(file).getroot()


def attributes_in(root):
    return [(e.get("name"), e.text) for e in root.iter("attribute") if e.get("name")]


@pytest.mark.parametrize(
    "shape",
    [
        # plain ones, and those that only the parser reads
        box(OWN.format("occluded", "yes"), 'occluded="0"'),
        f'<tag label="car">{OWN.format("occluded", "yes")}</tag>',
        MASK.format(OWN.format("occluded", "yes")),
    ],
)
def test_attributes_called_like_fields(tmp_path, read, shape):
    dataset = read(image(shape), labels=label("car", RADIO))
    with pytest.warns(UserWarning, match=r"occluded of labels .* becomes occluded_; values: 1"):
        (item,) = dataset
    found = item.annotations[0].attributes
    assert found["occluded_"] == "yes"
    assert not found.get("occluded")
    assert dataset.categories().labels[0].attributes == ("occluded_",)
    root = written(dataset, tmp_path / "out")
    assert attributes_in(root) == [("occluded", "yes")]
    (declared,) = root.iter("attributes")
    fields = {e.tag: e.text for e in declared[0]}
    assert fields == {
        "name": "occluded",
        "mutable": "False",
        "input_type": "radio",
        "default_value": "no",
        "values": "yes\nno",
    }
    again = Dataset.import_from(tmp_path / "out", "cvat")
    with pytest.warns(UserWarning, match="occluded"):
        (item,) = again
    assert item.annotations[0].attributes == found


@pytest.mark.parametrize("name", ["outside", "keyframe", "track_id"])
def test_attributes_called_like_fields_of_tracks(tmp_path, read, name):
    own = f"<attribute><name>{name}</name><input_type>text</input_type></attribute>"
    inner = OWN.format(name, "so")
    shape = f'<box frame="0" xtl="1" ytl="2" xbr="4" ybr="6" outside="0" keyframe="1">{inner}</box>'
    dataset = read(
        f'<track id="5" label="car">{shape}</track>',
        mode="interpolation",
        labels=label("car", own),
    )
    with pytest.warns(UserWarning, match=f"{name} of labels .* becomes {name}_"):
        (item,) = dataset
    found = item.annotations[0].attributes
    fields = {"occluded": False, "outside": False, "keyframe": True, "track_id": 5}
    assert found == {**fields, f"{name}_": "so"}
    root = written(dataset, tmp_path / "out", use_track=True)
    assert attributes_in(root) == [(name, "so")]
    assert [e.findtext("name") for e in root.iter("attribute") if e.get("name") is None] == [name]


def test_names_of_attributes_are_free(tmp_path, read):
    """Another attribute has the new name: one is declared, one occurs only."""
    attributes = RADIO + "<attribute><name>occluded_</name></attribute>"
    inner = OWN.format("occluded", "yes") + OWN.format("occluded_", "a")
    inner += OWN.format("occluded__", "b")
    dataset = read(image(box(inner)), labels=label("car", attributes))
    with pytest.warns(UserWarning, match="becomes occluded___"):
        (item,) = dataset
    wanted = {"occluded": False, "occluded_": "a", "occluded__": "b", "occluded___": "yes"}
    assert item.annotations[0].attributes == wanted
    root = written(dataset, tmp_path / "out", allow_undeclared_attrs=True)
    assert set(attributes_in(root)) == {
        ("occluded", "yes"),
        ("occluded_", "a"),
        ("occluded__", "b"),
    }


def test_attributes_of_points_called_like_fields(tmp_path, read):
    labels = label("body", more="<type>skeleton</type>")
    labels += label("nose", RADIO, "<parent>body</parent>")
    points = POINTS.format("nose", 1, OWN.format("occluded", "yes"))
    dataset = read(image(f'<skeleton label="body">{points}</skeleton>'), labels=labels)
    with pytest.warns(UserWarning, match="becomes occluded_"):
        (item,) = dataset
    assert item.annotations[0].point_attributes[0]["occluded_"] == "yes"
    assert attributes_in(written(dataset, tmp_path / "out")) == [("occluded", "yes")]


@pytest.mark.parametrize("name", ["rotation", "z_order", "source", "group_id", "frame", "label"])
def test_attributes_called_like_other_fields_keep_their_names(tmp_path, read, name):
    own = f"<attribute><name>{name}</name></attribute>"
    more = 'rotation="30" z_order="2" source="auto" group_id="4"'
    dataset = read(image(box(OWN.format(name, "so"), more)), labels=label("car", own))
    (item,) = dataset
    (a,) = item.annotations
    assert a.attributes == {"occluded": False, name: "so"}
    assert (a.r, a.z_order, a.group) == (30, 2, 4)
    assert attributes_in(written(dataset, tmp_path / "out")) == [(name, "so")]


def test_files_further_in_are_told(tmp_path):
    text = "<annotations><meta/></annotations>"
    for name in ("a.xml", "old/b.xml", "old/c.xml", "old/more/d.xml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    (tmp_path / "old/e.xml").write_text("<other/>")
    (tmp_path / "a.xml").write_text(f"<annotations><meta/>{image('')}</annotations>")
    told = r"files of CVAT that are not read.*: 3, in \S*old, \S*old/more; give the folder"
    with pytest.warns(UserWarning, match=told):
        assert len(list(Dataset.import_from(tmp_path, "cvat"))) == 1


@pytest.mark.filterwarnings("error")
def test_files_of_one_depth_are_read(tmp_path, recwarn):
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        text = f"<annotations><meta/>{image('', f'{number}.jpg')}</annotations>"
        (tmp_path / folder / "annotations.xml").write_text(text)
    assert len(list(Dataset.import_from(tmp_path, "cvat"))) == 2
    assert not recwarn


def test_files_without_meta(tmp_path):
    shapes = box(OWN.format("age", "7"), label="d&amp;g") + "<!-- <box label='no'/> -->"
    shapes += '<tag label="night"/>' + box(OWN.format("occluded", "yes"), label="d&amp;g")
    bare(tmp_path / "in", image(shapes) + image(box(), "b.jpg", 4))
    dataset, items = load(tmp_path / "in", warned="there is no <meta>: labels are those that occur")
    labels = dataset.categories().labels
    assert [(one.name, one.attributes) for one in labels] == [
        ("d&g", ("age", "occluded_")),
        ("night", ()),
        ("car", ()),
    ]
    assert [(item.id, item.attributes["frame"]) for item in items] == [("a", 0), ("b", 4)]
    assert [a.label for item in items for a in item.annotations] == [0, 1, 0, 2]
    assert items[0].annotations[0].attributes == {"age": "7", "occluded": False}
    root = written(dataset, tmp_path / "out")
    assert attributes_in(root) == [("age", "7"), ("occluded", "yes")]


def test_tracks_without_meta(tmp_path):
    shapes = "".join(
        f'<box frame="{n}" xtl="1" ytl="2" xbr="4" ybr="6" outside="0" keyframe="1">'
        f"{OWN.format('age', n)}</box>"
        for n in (3, 4)
    )
    dataset, items = load(
        bare(tmp_path / "in", f'<track id="2" label="car">{shapes}</track>'),
    )
    assert [item.id for item in items] == ["frame_000003", "frame_000004"]
    assert dataset.categories().attributes == ("occluded", "outside", "keyframe", "track_id")
    assert [(one.name, one.attributes) for one in dataset.categories().labels] == [
        ("car", ("age",))
    ]
    assert items[1].annotations[0].attributes["age"] == "4"


SKELETON = f'<skeleton label="body">{POINTS.format("nose", 1, "")}{POINTS.format("hand", 5, "")}'
TRACKS = (
    '<track id="0" label="body"><skeleton frame="0" keyframe="1"/>{}</track>'
    '<track id="1" label="car"><box frame="0" xtl="1" ytl="2" xbr="4" ybr="6"/></track>'
)
PART = '<track label="{}"><points frame="0" points="{},1" outside="0" keyframe="1"/></track>'


@pytest.mark.parametrize(
    "body",
    [
        image(f"{SKELETON}</skeleton>" + box()),
        TRACKS.format(PART.format("nose", 1) + PART.format("hand", 5)),
    ],
)
def test_skeletons_without_meta(tmp_path, body):
    dataset, (item,) = load(bare(tmp_path / "in", body))
    assert [(one.name, one.parent) for one in dataset.categories().labels] == [
        ("body", ""),
        ("nose", "body"),
        ("hand", "body"),
        ("car", ""),
    ]
    assert dataset.categories().points[0].labels == ("nose", "hand")
    skeleton = next(a for a in item.annotations if a.kind == "skeleton")
    assert skeleton.points == [1, 1, 5, 1]


def test_files_without_meta_among_others(tmp_path):
    """What is declared elsewhere counts, with types; the rest is added."""
    age = "<attribute><name>age</name><input_type>number</input_type></attribute>"
    (tmp_path / "a.xml").write_text(
        f"<annotations><meta><task><labels>{label('cat')}{label('car', age)}</labels></task></meta>"
        f"{image(box())}</annotations>"
    )
    inner = OWN.format("age", "7") + OWN.format("hue", "red")
    bare(tmp_path, image(box(inner) + box(label="dog")), "b.xml")
    bare(tmp_path, image(box(label="cow")), "c.xml")
    dataset, items = load(tmp_path, warned="b.xml (and 1 more files): there is no <meta>")
    assert [(one.name, one.attributes) for one in dataset.categories().labels] == [
        ("cat", ()),
        ("car", ("age", "hue")),
        ("dog", ()),
        ("cow", ()),
    ]
    assert [len(item.annotations) for item in items] == [1, 2, 1]
    assert items[1].annotations[0].attributes == {"age": 7.0, "hue": "red", "occluded": False}


@pytest.mark.parametrize("body", ["", "<other/>", '<tag label="car" frame="0"/>'])
def test_files_with_neither_meta_nor_shapes(tmp_path, body):
    with pytest.raises(InputError, match="no <meta>, and neither <image> nor <track>"):
        Dataset.import_from(bare(tmp_path, body), "cvat")
