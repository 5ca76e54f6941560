"""The short way through tracklet files says what the parser says, or nothing."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.annotations import Cuboid3d
from dsk.dataset import Dataset
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk_pointcloud.kitti_raw.grammar import read_tracklets
from dsk_pointcloud.kitti_raw.regular import read_regular
from dsk_pointcloud.kitti_raw.xmltext import document_text, parse_root


def parsed(text):
    ledger = Ledger()
    return read_tracklets(parse_root(text, "x"), "x", ledger), ledger.warnings


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A file as dsk writes it: two tracks, one with a gap, custom attributes, odd numbers."""
    folder = tmp_path_factory.mktemp("drive") / "out"
    items = [
        DatasetItem(
            str(frame),
            annotations=[
                Cuboid3d(
                    (1e-7, -0.0, 12345678.901234567),
                    (0.1, 0.0, 3.141592653589793 - frame),
                    (4.0, 1.8, 1.5),
                    label=number,
                    attributes={"track_id": number, "occluded": frame > 2, "n": frame, "w": "a b"},
                    extra={"kitti_raw": {"amt_occlusion": 0.25, "state": 1}}
                    if frame == 3
                    else None,
                )
                for number in (0, 1)
                if number or frame != 2
            ],
            attributes={"frame": frame},
        )
        for frame in range(5)
    ]
    data = Dataset.from_iterable(items, categories=["Car", "Person (sitting)"])
    data.export(folder, "kitti_raw", allow_attrs=True)
    return document_text((folder / "tracklet_labels.xml").read_bytes(), "x")


def test_it_says_what_the_parser_says(text):
    tracks = read_regular(text.encode())
    assert tracks is not None
    assert (tracks, {}) == parsed(text)
    assert [len(t.states) for t in tracks] == [5, 5]
    assert tracks[0].states[3].amt[0] == 0.25


@pytest.mark.parametrize(
    "change",
    [
        lambda t: re.sub(r"\s*\n\s*", "", t),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: re.sub(r"<amt_\w+>[^<]*</amt_\w+>", "", t),
        lambda t: re.sub(
            r"(<amt_occlusion_kf>.*</amt_occlusion_kf>)\s*(<amt_border_l>.*\s*.*)", r"\2\1", t
        ),
        lambda t: re.sub(r"<attributes>.*?</attributes>", "", t, flags=re.DOTALL),
        lambda t: re.sub(r"<finished>1</finished>", "<finished>0</finished>", t),
    ],
)
def test_layouts_that_are_usual(text, change):
    changed = change(text)
    assert changed != text
    tracks = read_regular(changed.encode())
    assert tracks is not None
    assert tracks == parsed(changed)[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("<count>2", "<count>3", 1),
        lambda t: t.replace("<count>2", "<count>" + "2" * 5000, 1),
        lambda t: t.replace("<count>5", "<count>7", 1),
        lambda t: re.sub("<tx>[^<]*", "<tx>nan", t, count=1),
        lambda t: re.sub("<tx>[^<]*", "<tx>1,2", t, count=1),
        lambda t: re.sub("<tx>[^<]*", "<tx>1e999", t, count=1),
        lambda t: re.sub("<tx>[^<]*", "<tx>", t, count=1),
        lambda t: t.replace("<state>2", "<state>LABELED", 1),
        lambda t: t.replace("<truncation>0", "<truncation>7", 1),
        lambda t: t.replace("Car", "C&amp;r", 1),
        lambda t: t.replace("<poses", "<!-- hm --><poses", 1),
        lambda t: t.replace("<h>1.5", "<h>0", 1),
        lambda t: t.replace("<rx>", "<extra>1</extra><rx>", 1),
        lambda t: t.replace("</tracklets>", ""),
        lambda t: t[:-200],
        lambda t: t + "<more/>",
        lambda t: "",
    ],
)
def test_what_is_not_usual_is_left_to_the_parser(text, change):
    changed = change(text)
    assert changed != text
    assert read_regular(changed.encode()) is None


@pytest.mark.parametrize(
    "head",
    [
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n<!DOCTYPE boost_serialization>',
        b'\xef\xbb\xbf<?xml version="1.0"?>',
        b"<!DOCTYPE boost_serialization>\r\n",
    ],
)
def test_declarations_are_passed_over(text, head):
    assert read_regular(head + text.encode()) == parsed(text)[0]


@pytest.mark.parametrize(
    "data",
    [
        lambda t: b'<?xml version="1.0" encoding="ISO-8859-1"?>' + t.encode(),
        lambda t: b'<!DOCTYPE a [<!ENTITY b "c">]>' + t.encode(),
        lambda t: t.encode("utf-16"),
        lambda t: t.replace("Car", "C\xe4r").encode("latin-1"),
        lambda t: t.replace("<state>2", "<state>", 1).encode(),
        lambda t: t.replace("<poses", '<poses a="\xe4"').encode("latin-1"),
    ],
)
def test_other_bytes_are_left_to_the_parser(text, data):
    assert read_regular(data(text)) is None


def pose(place, state, space="\n\t"):
    tags = zip(("tx", "ty", "tz", "rx", "ry", "rz"), place, strict=True)
    text = "".join(f"<{tag}>{number}</{tag}>{space}" for tag, number in tags)
    return f"{text}<state>2</state>{state}"


def document(tracks, space="\n\t"):
    """Return a file of tracks, each a list of poses."""
    text = "".join(
        f"<item><objectType>Car</objectType><h>1.5</h><w>2</w><l>4</l><first_frame>3</first_frame>"
        f"<poses><count>{len(poses)}</count>{space}{''.join(f'<item>{p}</item>' for p in poses)}"
        "</poses><finished>1</finished></item>"
        for poses in tracks
    )
    return (
        f'<boost_serialization version="9"><tracklets version="0"><count>{len(tracks)}</count>'
        f"{text}</tracklets></boost_serialization>"
    )


def state(occlusion="0", kf="0", truncation="0", more=""):
    return (
        f"<occlusion>{occlusion}</occlusion><occlusion_kf>{kf}</occlusion_kf>\n"
        f"<truncation>{truncation}</truncation>{more}"
    )


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**25), 10**25).map(str),
    st.sampled_from(["-0.0", "0", "1e-320", "1.5e+10", "-0.25"]),
)
STATES = st.builds(
    state,
    st.sampled_from(["-1", "0", "1", "2"]),
    st.sampled_from(["0", "1"]),
    st.sampled_from(["-1", "0", "1", "2", "99"]),
    st.sampled_from(
        [
            "",
            "<attributes><attribute><name>a</name><value>b c</value></attribute></attributes>",
            "<attributes><attribute><name>n</name><value>1,5</value></attribute></attributes>",
        ]
    ),
)
TRACKS = st.lists(
    st.lists(st.builds(pose, st.lists(NUMBERS, min_size=6, max_size=6), STATES), max_size=4),
    max_size=3,
)


@given(TRACKS, st.sampled_from(["", " ", "\r\n\t\t"]))
def test_any_usual_file_is_read_alike(tracks, space):
    text = document(tracks, space)
    expected, warnings = parsed(text)
    found = read_regular(text.encode())
    numbers = [n for track in expected for n in track.places]
    if found is None:  # so large that their sum is none
        assert not math.isfinite(sum(map(abs, numbers)))
        return
    assert (found, {}) == (expected, warnings)
    assert list(map(repr, (n for t in found for n in t.places))) == list(map(repr, numbers))


GOOD = pose("123456", state())
HOSTILE = [
    GOOD.replace("</tx>", "</tx2>"),
    GOOD.replace("</tx>", "</tx >"),
    GOOD.replace("<ty>", "<t y>"),
    GOOD.replace("<ty>", "<2ty>"),
    GOOD.replace("<ty>2</ty>", "<2ty></ty>"),
    GOOD.replace("<ty>", "<ty e='1'>"),
    GOOD.replace("1</tx>", "1<2/tx>"),
    GOOD.replace("1</tx>", "1<e3/tx>"),
    GOOD.replace("1</tx>", "<1/tx>"),
    GOOD.replace("1</tx>\n\t<ty>", "1</tx>\n\t<ty2>").replace("2</ty>", "</ty>"),
    GOOD.replace("1</tx>\n\t<ty>", "1</tx>\n\t2<ty>").replace("2</ty>", "</ty>"),
    GOOD.replace("1</tx>", "1</tx>7"),
    GOOD.replace("1</tx>", "1 1</tx>"),
    GOOD.replace("1</tx>", "1tx</tx>"),
    GOOD.replace("1</tx>", "1,2</tx>"),
    GOOD.replace("1</tx>", "[1]</tx>"),
    GOOD.replace("1</tx>", "<b>1</b></tx>"),
    GOOD.replace("1</tx>", '"1"</tx>'),
    GOOD.replace("1</tx>", "1_0</tx>"),
    GOOD.replace("1</tx>", "-0</tx>"),
    GOOD.replace("1</tx>", "-0 </tx>"),
    GOOD.replace("6</rz>", "-0</rz>"),
    GOOD.replace("1</tx>", "+1</tx>"),
    GOOD.replace("1</tx>", "٣</tx>"),
    GOOD.replace("1</tx>", "</tx>"),
    GOOD.replace("<ty>2</ty>", ""),
    GOOD.replace("<ty>2</ty>\n\t<tz>3</tz>", "<tz>3</tz>\n\t<ty>2</ty>"),
    GOOD.replace("<rz>6</rz>", "<rz>6</rz><rz>7</rz>"),
    GOOD.replace("</ty>\n\t<tz>", "</ty><tz>"),
    GOOD.replace("<state>2</state>", ""),
    GOOD.replace("</rz>", "</rz>8"),
    GOOD + "<tx>3</tx>",
    GOOD + "</item><item>",
    GOOD + "</poses><poses>",
]


@pytest.mark.parametrize("row", HOSTILE)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_unusual_poses_are_left_to_the_parser(row, place):
    poses = [GOOD] * 3
    poses[place] = row
    assert read_regular(document([poses, [GOOD]]).encode()) is None


@pytest.mark.parametrize("text", ["<tx>", "</rz>", "<item>", "<item><tx>", "<item><tx>1</tx>"])
def test_torn_poses_are_left_to_the_parser(text):
    whole = document([[GOOD]])
    assert read_regular(whole.encode()) is not None
    assert read_regular(whole.replace("</poses>", f"{text}</poses>").encode()) is None
