"""The short way through tracklet files says what the parser says, or nothing."""

from __future__ import annotations

import re

import pytest

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
    assert [len(t.poses) for t in tracks] == [5, 5]
    assert tracks[0].poses[3][2].amt[0] == 0.25


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
