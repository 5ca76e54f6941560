"""The quick way gives exactly what the XML parser gives, whatever the file looks like."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dsk.annotations import Annotation, Mask
from dsk.errors import DskError
from dsk.files import open_root
from dsk.loss import Ledger
from dsk_cvat.importer import CvatImporter
from dsk_cvat.quick import QuickReader
from dsk_cvat.scan import _Scanner

META = (
    "<meta><task><mode>annotation</mode><labels>"
    "<label><name>car</name><attributes>"
    "<attribute><name>age</name><input_type>number</input_type></attribute>"
    "<attribute><name>text</name><input_type>text</input_type></attribute>"
    "<attribute><name>ok</name><input_type>checkbox</input_type></attribute>"
    "</attributes></label><label><name>cat</name></label></labels>"
    "<original_size><width>90</width><height>80</height></original_size>"
    "<stop_frame>9</stop_frame><frame_filter>step=1</frame_filter>"
    "</task></meta>"
)


def outcome(body: str, *, slow: bool, **options: Any) -> tuple[Any, ...]:
    """Return what reading gives and what the ledger says; by the parser alone if ``slow``."""
    text = f"<annotations><version>1.1</version>{META}{body}</annotations>"
    ledger = Ledger("skip")
    with TemporaryDirectory() as folder:
        Path(folder, "a.xml").write_bytes(text.encode("utf-8", "surrogateescape"))
        root = open_root(folder)
        with ExitStack() as stack:
            if slow:
                stack.enter_context(patch.object(QuickReader, "image", lambda *_: None))
                stack.enter_context(patch.object(QuickReader, "tracked", lambda *_: None))
                stack.enter_context(patch.object(_Scanner, "_plain", lambda _, at, __: at))
            try:
                source = CvatImporter(**options).open(root, ledger)
                items = [i for p in source.partitions() for i in source.read(p, ledger)]
            except DskError as error:
                return type(error), str(error).replace(folder, "")
        bad = [repr(record).replace(folder, "") for record in ledger.bad]
    plain = [(i.id, i.subset, i.media.size, i.attributes, listed(i.annotations)) for i in items]
    return plain, bad, ledger.warnings


def listed(annotations: list[Annotation]) -> list[str]:
    """Return annotations as texts; masks, which are read late, by their runs."""
    return [repr(replace(a, source=a.rle) if isinstance(a, Mask) else a) for a in annotations]


NUMBERS = st.one_of(
    st.integers(-3, 90).map(str),
    st.floats(0, 90).map(lambda v: f"{v:.2f}"),
    st.sampled_from(
        ["", " 5", "nan", "inf", "-inf", "1e999", "1e308", "-1e308", "1_0", "x", "1,", "+7", ".5"]
    ),
)
COUNTS = st.sampled_from(["0", "1", "2", "-1", "", " 3", "1.5", "2.0", "x", "true"])
WORDS = st.one_of(
    st.sampled_from(
        ["car", "cat", "dog", "", "a b", "true", "TRUE", "3", "3.0", "nan", "1e999", "ä", "犬"]
    ),
    st.sampled_from(["&amp;", "&#65;", "&lt;x", "&#10;", "&bad;", "&", "<", ">", "]]>", "a>b"]),
    st.sampled_from(["'", "\r\n", "\n", "\t", "\x0c", "\x1c", "\xa0", "\u2028", "\ufffe", "\x01"]),
    st.sampled_from(["<![CDATA[x]]>", "<!-- c -->", "<b/>", "<?pi?>", "\udcff", "\U0001f600"]),
)
LABEL = st.one_of(st.sampled_from(["car", "cat"]), WORDS)
POINTS = st.one_of(
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4).map(
        lambda pairs: ";".join(map(",".join, pairs))
    ),
    st.lists(st.integers(0, 80), min_size=6, max_size=6).map(
        lambda v: f"{v[0]},{v[1]};{v[2]},{v[3]};{v[4]},{v[5]}"
    ),
    st.sampled_from(["1,2;3", "1,2;3,4;", "1 , 2; 3,4", "1,2,3;4", ";", "1;2,3,4"]),
)
INNER = st.one_of(
    st.just(""),
    st.tuples(st.sampled_from(["age", "text", "ok", "new", "occluded"]), WORDS).map(
        lambda p: f'<attribute name="{p[0]}">{p[1]}</attribute>'
    ),
    st.sampled_from(
        [
            '<attribute name="age"/>',
            "<attribute>5</attribute>",
            "<attribute name='age'>5</attribute>",
            '<attribute  name="age">5</attribute >',
            "<!-- <box/> -->",
            "\n  ",
            "text",
            "\x0c",
            "\xa0",
            "<other/>",
            "<points/>",
            '<attribute name="age"><b/></attribute>',
            '<attribute name="a&amp;b">x</attribute>',
        ]
    ),
)


@st.composite
def shapes(draw: st.DrawFn, *, tracked: bool) -> str:
    """Return an element that may be plain, odd or damaged."""
    tag = draw(st.sampled_from(["box", "box", "polygon", "polyline", "points", "ellipse", "mask"]))
    first = ("frame", str(draw(st.integers(0, 6)))) if tracked else ("label", draw(LABEL))
    before = [(name, draw(COUNTS)) for name in draw(names(("occluded", "outside", "keyframe")))]
    if draw(st.integers(0, 3)) == 0:
        before.append(("source", draw(st.sampled_from(["manual", "auto", "", "a&amp;b"]))))
    if tag == "box" or draw(st.integers(0, 9)) == 0:
        middle = [(name, draw(NUMBERS)) for name in ("xtl", "ytl", "xbr", "ybr")]
        if draw(st.integers(0, 2)) == 0:
            middle.append(("rotation", draw(NUMBERS)))
    elif tag == "ellipse":
        middle = [(name, draw(NUMBERS)) for name in ("cx", "cy", "rx", "ry")]
    elif tag == "mask":
        middle = [("rle", "1, 3"), ("left", "2"), ("top", draw(COUNTS))]
        middle += [("width", "2"), ("height", "2")]
    else:
        middle = [("points", draw(POINTS))]
    behind = [(name, draw(COUNTS)) for name in draw(names(("z_order", "group_id", "occluded")))]
    given = [first, *before, *middle, *behind]
    if draw(st.integers(0, 5)) == 0:
        given = draw(st.permutations(given))
    if draw(st.integers(0, 9)) == 0:
        given.pop(draw(st.integers(0, len(given) - 1)))
    space = draw(st.sampled_from([" "] * 8 + ["  ", "\n", "\t"]))
    quote = draw(st.sampled_from(['"'] * 9 + ["'"]))
    head = f"<{tag}" + "".join(f"{space}{name}={quote}{v}{quote}" for name, v in given)
    inner = "".join(draw(st.lists(INNER, max_size=3)))
    end = draw(st.sampled_from([f"</{tag}>"] * 9 + [f"</{tag} >", "</box>", ""]))
    return head + (f">{inner}{end}" if inner else draw(st.sampled_from(["/>", " />", f">{end}"])))


def names(choice: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """Return a strategy for some names in their order, seldom one of them twice."""
    some = st.lists(st.sampled_from(choice), unique=True)
    return st.one_of(some, some, st.lists(st.sampled_from(choice), max_size=3))


BETWEEN = st.sampled_from(
    [
        *("", "\n", "  ", "text", "<!-- x -->", "<!--", "-->", "\x0c", "\xa0", "<other>"),
        *("</other>", '<tag label="cat"/>', "<![CDATA[<box/>]]>", "<other/>", "]]>", "&"),
        "<?pi x?>",
    ]
)
HEADS = st.sampled_from(
    ['id="0" name="a.jpg" width="90" height="80"'] * 6
    + ['id="0" name="a&amp;b.jpg" width="90" height="80"', "id='0' name='a.jpg'", 'name="a.jpg" ']
    + ['id="0" id="1" name="a.jpg"', 'id="0" name="\ufffe"', ' id="0"  name="a.jpg"', 'id="0"']
)


@st.composite
def bodies(draw: st.DrawFn, *, tracked: bool) -> str:
    """Return an image or two tracks of shapes, with odd things in between now and then."""
    texts = []
    for number in range(2):
        inside = ""
        for shape in draw(st.lists(shapes(tracked=tracked), max_size=4)):
            inside += shape + (draw(BETWEEN) if draw(st.integers(0, 4)) == 0 else "\n")
        if not tracked:
            texts.append(f"<image {draw(HEADS)}>{inside}</image>")
            continue
        more = draw(st.sampled_from(["", ' source="auto"', ' group_id="4"', ' group_id="x"']))
        texts.append(f'<track id="{number}" label="{draw(LABEL)}"{more}>{inside}</track>')
    return "".join(texts)


@settings(max_examples=80, deadline=None)
@given(bodies(tracked=False))
def test_images(body):
    assert outcome(body, slow=False) == outcome(body, slow=True)


@settings(max_examples=80, deadline=None)
@given(bodies(tracked=True), st.booleans())
def test_tracks(body, interpolate):
    quick = outcome(body, slow=False, interpolate=interpolate)
    assert quick == outcome(body, slow=True, interpolate=interpolate)


PLAIN = (
    '<box label="car" source="manual" occluded="1" xtl="1.00" ytl="2.00" xbr="3.00" ybr="4.50" '
    'z_order="1"><attribute name="age">4</attribute></box>'
)
PLAIN_TRACKED = (
    '<box frame="0" outside="0" keyframe="1" occluded="0" xtl="1" ytl="2" xbr="3" ybr="4" '
    'z_order="0"/>'
)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (f'<image id="0" name="a.jpg">{PLAIN}</image>', "image"),
        (f'<track id="0" label="car">{PLAIN_TRACKED}</track>', "tracked"),
    ],
)
def test_plain_shapes_take_the_quick_way(body, name):
    """Otherwise the tests above would compare the parser with itself."""
    found = []
    original = getattr(QuickReader, name)

    def noted(*args: Any) -> Any:
        found.append(original(*args))
        return found[-1]

    with patch.object(QuickReader, name, noted):
        outcome(body, slow=False)
    assert found
    assert None not in found
