"""What ``dsk info`` says about boxes in space."""

from __future__ import annotations

import json

import pytest

from dsk.annotations import Bbox, Cuboid3d
from dsk.cli.facts import show_info
from dsk.dataset import Dataset
from dsk.item import DatasetItem


@pytest.fixture
def info(monkeypatch, capsys):
    """Return a function that shows a dataset of some annotations and returns what was printed."""

    def run(*annotations, note="", as_json=False):
        items = [DatasetItem("a", annotations=list(annotations)), DatasetItem("b")]
        data = Dataset.from_iterable(items, categories=["car"])
        if note:
            data.opening_ledger.add("DSK-L022", note, kind="cuboid_3d", count=2)
        monkeypatch.setattr(Dataset, "import_from", lambda *_, **__: data)
        assert show_info("in", None, (), "raise", as_json=as_json) == 0
        return capsys.readouterr().out

    return run


BOX = Cuboid3d((1.0, 2.0, 3.0), label=0)
TURNED = Cuboid3d((1.0, 2.0, 3.0), label=0, forward="+y")
ELSEWHERE = Cuboid3d((1.0, 2.0, 3.0), label=0, forward="", frame="camera")


def test_frames_and_axes_of_boxes_are_counted(info):
    lines = info(TURNED, BOX, BOX, ELSEWHERE).splitlines()
    at = lines.index("boxes 3d    2, lidar frame, +x ahead")
    assert lines[at + 1 : at + 3] == [
        "            1, lidar frame, +y ahead",
        "            1, camera frame, not stated what is ahead",
    ]


def test_json_has_them_too(info):
    facts = json.loads(info(TURNED, BOX, BOX, note="boxes read as X's", as_json=True))
    assert facts["boxes_3d"] == [
        {"frame": "lidar", "forward": "+x", "boxes": 2},
        {"frame": "lidar", "forward": "+y", "boxes": 1},
    ]
    assert facts["notes"] == {"boxes read as X's": 2}


def test_notes_of_the_importer_are_shown(info):
    assert "notes       boxes read as X's: 2\n" in info(BOX, BOX, note="boxes read as X's")


def test_without_boxes_in_space_nothing_is_said(info):
    text = info(Bbox(1, 2, 3, 4, label=0))
    assert "boxes 3d" not in text
    assert "notes" not in text
    assert json.loads(info(Bbox(1, 2, 3, 4, label=0), as_json=True))["boxes_3d"] == []
