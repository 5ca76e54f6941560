"""The quick ways give exactly what the thorough ones give, whatever the files look like."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsk.errors import DskError
from dsk.files import open_root
from dsk.loss import Ledger
from dsk.xmltext import parse_root
from dsk_labelme import jsonimporter, xmlimporter
from dsk_labelme.jsonimporter import LabelMeJsonImporter
from dsk_labelme.xmlimporter import LabelMeImporter
from dsk_labelme.xmltext import FALLBACK, parse_file


def refused(*_: Any) -> Any:
    raise msgspec.ValidationError


def outcome(name: str, data: bytes, *, slow: bool) -> tuple[Any, ...]:
    """Return what reading a file gives and what the ledger says."""
    ledger = Ledger("skip")
    importer = LabelMeJsonImporter() if name.endswith(".json") else LabelMeImporter()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        Path(folder, name).write_bytes(data)
        if slow:
            stack.enter_context(patch.object(jsonimporter, "_decode_file", refused))
            stack.enter_context(patch.object(jsonimporter, "_decode_checked", refused))
            plain = patch.object(
                xmlimporter, "parse_file", lambda d, w: (parse_root(d, w, fallback=FALLBACK), [])
            )
            stack.enter_context(plain)
        try:
            source = importer.open(open_root(folder), ledger)
            items = [i for p in source.partitions() for i in source.read(p, ledger)]
        except DskError as error:
            return type(error), str(error).replace(folder, "")
        bad = [repr(record).replace(folder, "") for record in ledger.bad]
    plain_items = [
        (i.id, i.subset, i.media.size, i.attributes, i.extra, repr(i.annotations)) for i in items
    ]
    return plain_items, source.header.categories.names, bad, ledger.warnings


NUMBERS = st.one_of(
    st.integers(-3, 90),
    st.floats(0, 90),
    st.sampled_from([None, True, "5", [], 10**30, 1e308, -0.0]),
)
PAIRS = st.one_of(
    st.tuples(st.integers(0, 90), st.floats(0, 90)).map(list), st.lists(NUMBERS, max_size=3)
)
ODD = st.sampled_from([None, "", "x", 0, 1, -1, 1.0, 1.5, True, [], {}, {"a": True}, [1], 2**40])
VALUES = {
    "label": st.one_of(st.sampled_from(["a", "b", "", "ä"]), ODD),
    "shape_type": st.one_of(
        st.sampled_from(["polygon", "rectangle", "circle", "line", "point", "mask", "other"]), ODD
    ),
    "group_id": ODD,
    "description": ODD,
    "flags": ODD,
    "attributes": ODD,
    "mask": ODD,
    "line_color": ODD,
    "difficult": ODD,
    "score": ODD,
}
PLAIN: dict[str, Any] = {
    "label": "a",
    "points": [[1, 2], [3, 4.5]],
    "shape_type": "rectangle",
    "group_id": None,
    "description": "",
    "flags": {},
    "mask": None,
}


@st.composite
def shapes(draw: st.DrawFn) -> Any:
    """Return a shape with some odd values."""
    if draw(st.integers(0, 19)) == 0:
        return draw(ODD)
    made = dict(PLAIN, shape_type=draw(st.sampled_from(["polygon", "rectangle", "points"])))
    made["points"] = draw(st.lists(PAIRS, max_size=4))
    for name in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True)):
        made[name] = draw(VALUES[name])
    for name in draw(st.lists(st.sampled_from(sorted(PLAIN)), max_size=1)):
        made.pop(name, None)
    return made


@st.composite
def json_files(draw: st.DrawFn) -> bytes:
    """Return a file of labelme, now and then with odd fields or damaged text."""
    file: dict[str, Any] = {"version": "5.4.1", "flags": {}, "imagePath": "a.jpg"}
    file |= {"imageData": None, "imageHeight": 90, "imageWidth": 80}
    file["shapes"] = draw(st.lists(shapes(), max_size=4))
    fields = st.sampled_from([*file, "lineColor", "text"])
    for name in draw(st.lists(fields, max_size=2)):
        file[name] = draw(st.one_of(ODD, st.just({"on": True, "off": False, "n": 1})))
    if draw(st.integers(0, 9)) == 0:
        file.pop(draw(st.sampled_from(sorted(file))))
    text = json.dumps(file, ensure_ascii=draw(st.booleans()))
    text = text.replace("90.0", draw(st.sampled_from(["90.0", "NaN", "1e999", "9E1"])))
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "gb18030"])))
    return data[: draw(st.sampled_from([len(data)] * 9 + [len(data) // 2]))]


@settings(max_examples=80, deadline=None)
@given(json_files())
def test_json(data):
    assert outcome("a.json", data, slow=False) == outcome("a.json", data, slow=True)


TEXTS = st.one_of(
    st.floats(0, 90).map(repr),
    st.integers(-9, 90).map(str),
    st.sampled_from(
        ["", " 5 ", "\n6\r\n", "nan", "inf", "1-2", "1e3", "1e999", "&#49;", "x", "5<b/>"]
    ),
)
PT = st.one_of(
    st.tuples(TEXTS, TEXTS).map(lambda v: f"<pt><x>{v[0]}</x><y>{v[1]}</y></pt>"),
    st.tuples(TEXTS, TEXTS).map(lambda v: f"<pt>\n<y>{v[0]}</y><x>{v[1]}</x> </pt>\r\n"),
    st.sampled_from(
        [
            "<pt><x>1</x></pt>",
            "<pt><x>1</x><y>2</y><time>3</time></pt>",
            "<pt><x>1</x><y>2</y><x>5</x></pt>",
            "<pt><x>1</x><y>2</y><pt><x>3</x><y>4</y></pt></pt>",
            "<in><pt><x>1</x><y>2</y></pt></in>",
            "<!-- <pt><x>1</x><y>2</y></pt> -->",
            "<![CDATA[<pt><x>1</x><y>2</y></pt>]]>",
            "<?pi <pt><x>1</x><y>2</y></pt>?>",
            "<dsk.points>0</dsk.points>",
            "<pt><x>1</x><y>2</y></pt >",
            "<pt a='1'><x>1</x><y>2</y></pt>",
            "<pt/>",
            "</pt>",
            "text",
        ]
    ),
)
FIELDS = st.sampled_from(
    [
        "<id>0</id>",
        "<id>1</id><deleted>1</deleted>",
        "<name>other</name>",
        "<occluded>yes</occluded>",
        "<type>bounding_box</type>",
        "<attributes>a=1, b</attributes>",
        "<parts><hasparts>1</hasparts><ispartof></ispartof></parts>",
        "<pt><x>1</x><y>2</y></pt>",
        "<date> d </date><verified>1</verified>",
    ]
)


@st.composite
def xml_files(draw: st.DrawFn) -> bytes:
    """Return a file of LabelMe's with plain, odd and damaged points."""
    objects = ""
    for _ in range(draw(st.integers(1, 3))):
        points = "".join(draw(st.lists(PT, max_size=5)))
        fields = "".join(draw(st.lists(FIELDS, max_size=3)))
        user = draw(st.sampled_from(["", "<username>u</username>"]))
        objects += f"<object><name>a</name>{fields}<polygon>{user}{points}</polygon></object>\n"
    text = f"<annotation><filename>a.jpg</filename>{objects}</annotation>"
    return (draw(st.sampled_from(["", '<?xml version="1.0"?>\n'])) + text).encode()


@settings(max_examples=120, deadline=None)
@given(xml_files())
def test_xml(data):
    assert outcome("a.xml", data, slow=False) == outcome("a.xml", data, slow=True)


@pytest.mark.parametrize("space", ["", "\n  "])
def test_plain_points_take_the_quick_way(space):
    """Otherwise the tests above would compare the parser with itself."""
    point = f"<pt>{space}<x>1</x>{space}<y>2.5</y>{space}</pt>{space}"
    _, runs = parse_file(f"<a><polygon>{point * 3}</polygon></a>".encode(), "")
    assert runs == [point * 3]


def test_plain_files_take_the_quick_way():
    text = json.dumps({"version": "5", "shapes": [PLAIN], "imagePath": "a.jpg"})
    assert len(jsonimporter._decode_file(text).shapes) == 1
