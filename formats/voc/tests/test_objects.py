"""XML files: values, oddities, the quick way and the parser's way."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsk.annotations import Bbox, RotatedBbox
from dsk.errors import RecordError
from dsk.loss import Ledger
from dsk_voc.labelmap import default_map, to_categories
from dsk_voc.objects import ObjectReader
from dsk_voc.tasks import FORMATS

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test depends on how busy the machine is."""

ENTRIES = default_map()
CATEGORIES = to_categories(ENTRIES)
ACTIONS = {n: e.actions for n, e in enumerate(ENTRIES) if e.actions}
BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
PLAIN = BOX.format(1, 2, 4, 6)


def reader(name="voc", **options):
    return ObjectReader(CATEGORIES, FORMATS[name], ACTIONS, **{"one_based": False, **options})


def read(body, name="voc", on_error="raise", **options):
    ledger = Ledger(on_error)
    data = f"<annotation>{body}</annotation>".encode()
    return reader(name, **options).read(data, "a.xml", "a", ledger), ledger


def obj(inner, name="cat"):
    return f"<object><name>{name}</name>{inner}</object>"


def test_flags_are_always_there():
    (box,) = read(obj(PLAIN))[0].annotations
    assert box == Bbox(
        1,
        2,
        3,
        4,
        label=8,
        id=1,
        attributes={"difficult": False, "truncated": False, "occluded": False},
    )


def test_everything_an_object_can_say():
    inner = (
        "<pose>Left</pose><truncated>1</truncated><difficult>1</difficult>"
        + PLAIN
        + "<point><x>2.5</x><y>3</y></point>"
        + "<part><name>head</name>"
        + BOX.format(1, 1, 2, 2)
        + "</part><actions><phoning>1</phoning></actions>"
        + "<attributes><attribute><name>age</name><value>7</value></attribute></attributes>"
        + "<confidence>0.5</confidence>"
    )
    part, box = read(obj(inner, "person"))[0].annotations
    assert (part.label, part.group, part.id, part.bbox) == (24, 1, 0, (1, 1, 1, 1))
    assert (box.label, box.group, box.id) == (15, 1, 1)
    assert box.attributes["pose"] == "Left"
    assert box.attributes["truncated"] is True
    assert box.attributes["point"] == (2.5, 3.0)
    assert box.attributes["phoning"] is True
    assert box.attributes["running"] is False
    assert box.attributes["age"] == "7"
    assert box.extra == {"voc": {"confidence": "0.5"}}


def test_turned_boxes():
    turned = "<robndbox><cx>50.5</cx><cy>40</cy><w>20</w><h>10</h><angle>0.5</angle></robndbox>"
    body = obj("<type>robndbox</type>" + turned) + obj("<type>bndbox</type>" + PLAIN)
    first, second = read(body)[0].annotations
    assert isinstance(first, RotatedBbox)
    assert (first.cx, first.cy, first.w, first.h) == (50.5, 40, 20, 10)
    assert first.r == pytest.approx(28.6479, abs=1e-4)
    assert (first.label, first.id, first.extra) == (8, 1, None)
    assert (second.bbox, second.id, second.extra) == ((1, 2, 3, 4), 2, None)
    with pytest.raises(RecordError, match="no <angle>"):
        read(obj(turned.replace("angle", "turn")))


def test_one_based():
    (box,) = read(obj(PLAIN), one_based=True)[0].annotations
    assert box.bbox == (0, 1, 4, 5)


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("", "no <bndbox>"),
        ("<bndbox><xmin>1</xmin></bndbox>", "no <ymin>"),
        (BOX.format("x", 2, 3, 4), "not a number"),
        (BOX.format("nan", 2, 3, 4), "not a number"),
        (BOX.format("1_0", 2, 3, 4), "not a number"),
        ("<difficult>true</difficult>" + PLAIN, "not 0 or 1"),
        ("<difficult>2</difficult>" + PLAIN, "not 0 or 1"),
    ],
)
def test_bad_objects_are_skipped_one_by_one(inner, message):
    parsed, ledger = read(obj(inner) + obj(PLAIN), on_error="skip")
    assert [a.id for a in parsed.annotations] == [2]
    assert message in ledger.bad[0].message
    assert ledger.bad[0].where == "a.xml#/annotation/object[1]"
    with pytest.raises(RecordError, match=message):
        read(obj(inner))


@pytest.mark.parametrize("flag", ["<difficult/>", "<difficult>Unspecified</difficult>"])
def test_flags_without_a_value_count_as_0(flag):
    parsed, ledger = read(obj("<truncated> </truncated>" + flag + PLAIN))
    assert parsed.annotations[0].attributes["difficult"] is False
    assert any("without a value" in note for note in ledger.warnings)


@pytest.mark.parametrize("name", ["", "<name/>", "<name> </name>"])
def test_objects_without_a_name_are_skipped_one_by_one(name):
    nameless = f"<object>{name}{PLAIN}</object>"
    parsed, ledger = read(nameless + obj(PLAIN), on_error="skip")
    assert [a.id for a in parsed.annotations] == [2]
    assert "no <name>" in ledger.bad[0].message
    assert ledger.bad[0].where == "a.xml#/annotation/object[1]"
    with pytest.raises(RecordError, match="no <name>"):
        read(nameless)


def test_unknown_label():
    with pytest.raises(RecordError, match="'zebra' is not in the label map"):
        read(obj(PLAIN, "zebra"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<annotation>",
        b"<annotations/>",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="no-such"?><annotation/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>',
        '<!DOCTYPE a [<!ENTITY x "y">]><annotation>&x;</annotation>'.encode("utf-16"),
        b"<annotation>&undefined;</annotation>",
    ],
)
def test_files_that_are_refused(data):
    with pytest.raises(RecordError):
        reader().read(data, "a.xml", "a", Ledger())


def test_other_encodings():
    text = f'<?xml version="1.0" encoding="{{}}"?><annotation>{obj(PLAIN)}</annotation>'
    for encoding in ("utf-16", "latin-1", "gbk", "utf-8"):
        data = text.format(encoding).encode(encoding)
        assert len(reader().read(data, "a.xml", "a", Ledger()).annotations) == 1
    assert reader().read(b"\xef\xbb\xbf<annotation/>", "a.xml", "a", Ledger()).annotations == []


def test_sizes():
    size = "<size><width>{}</width><height>{}</height><depth>3</depth></size>"
    assert read(size.format(20, 10))[0].size == (10, 20)
    assert read(size.format(0, 0))[0].size is None
    assert read(size.format("20.0", "10.0"))[0].size == (10, 20)
    assert read(size.format("a", "b"))[0].size is None


def test_flat_boxes_are_kept_with_a_warning():
    parsed, ledger = read(obj(BOX.format(5, 5, 3, 9)))
    assert parsed.annotations[0].bbox == (5, 5, -2, 4)
    assert len(ledger.warnings) == 1


def test_origin_is_kept():
    source = (
        "<source><database>The VOC2007 Database</database><image>flickr</image></source>"
        "<owner><name>?</name></owner>"
    )
    kept = {
        "voc": {
            "source": {"database": "The VOC2007 Database", "image": "flickr"},
            "owner": {"name": "?"},
        }
    }
    assert read(source)[0].extra == kept
    assert read("<x/>" + source)[0].extra == {"voc": {"x": "", **kept["voc"]}}
    assert read("<source><database>Unknown</database></source>")[0].extra is None


def test_tasks_read_what_belongs_to_them():
    part = "<part><name>head</name>" + PLAIN + "</part>"
    body = (
        obj(PLAIN)
        + obj(PLAIN + part, "person")
        + obj(PLAIN + "<actions><reading>1</reading></actions>", "person")
    )
    assert [a.id for a in read(body, "voc_layout")[0].annotations] == [0, 2]
    assert [a.id for a in read(body, "voc_action")[0].annotations] == [3]
    assert [a.id for a in read(body, "voc_detection")[0].annotations] == [1, 2, 3]


NUMBERS = st.floats(-1e4, 1e4).map(lambda v: round(v, 3)).map(repr)
FLAG = st.sampled_from(["0", "1", None])


@st.composite
def documents(draw):
    def leaf(name, value):
        return f"\n\t<{name}>{value}</{name}>" if value is not None else ""

    text = leaf("folder", draw(st.sampled_from(["VOC", "", None])))
    text += leaf("filename", draw(st.sampled_from(["a.jpg", None])))
    if draw(st.booleans()):
        text += "<source><database>x</database></source>"
    for _ in range(draw(st.integers(0, 3))):
        fields = leaf("pose", draw(st.sampled_from(["Left", "", None])))
        fields += leaf("truncated", draw(FLAG)) + leaf("difficult", draw(FLAG))
        fields += BOX.format(*(draw(NUMBERS) for _ in range(4)))
        text += obj(fields, draw(st.sampled_from(["cat", "person"])))
    return f"<annotation>{text}\n</annotation>\n".encode()


@PATIENT
@given(documents())
def test_both_ways_read_the_same(data):
    """The regular expression takes what the parser would give, to the letter."""
    quick = reader()._scan(data.decode(), Ledger())
    assert quick is not None
    assert quick == reader()._parse(data, "a.xml", "a", Ledger())


@pytest.mark.parametrize(
    "text",
    [
        "<annotation>" + obj(PLAIN) + "junk</annotation>",
        "<annotation>" + obj(PLAIN) + "</annotation></annotation>",
        obj(PLAIN) + "<annotation></annotation>",
        "<annotation>" + obj(PLAIN) + "<!-- x -->" + obj(PLAIN) + "</annotation>",
        "<annotation>" + obj(PLAIN) + "<object/></annotation>",
        "<annotation>" + obj("<!-- -->" + PLAIN) + "</annotation>",
        "<annotation><folder>&amp;</folder>" + obj(PLAIN) + "</annotation>",
    ],
)
def test_whatever_is_odd_goes_to_the_parser(text):
    assert reader()._scan(text, Ledger()) is None


def test_what_is_there_twice_is_kept_as_a_field_of_the_format():
    (box,) = read(obj(PLAIN + BOX.format(5, 6, 7, 8) + "<pose>Left</pose><pose>Right</pose>"))[
        0
    ].annotations
    assert (box.bbox, box.attributes["pose"]) == ((1, 2, 3, 4), "Left")
    assert box.extra == {
        "voc": {
            "bndbox": {"xmin": "5", "ymin": "6", "xmax": "7", "ymax": "8"},
            "pose": "Right",
        }
    }
