"""What every format of dsk must be able to do, checked for FORMAT."""

from __future__ import annotations

from dsk.dataset import Dataset
from dsk.testing import FormatSuite


class TestFormat(FormatSuite):
    """The inherited checks; attributes and hooks are described in ``dsk.testing.base``."""

    format = "FORMAT"


def test_box_is_written_as_it_is(make_sample, tmp_path):
    """Your own tests go here; ``make_sample`` comes with dsk."""
    dataset = make_sample(kinds=("bbox",), ids=("a",), labels=("cat",))
    dataset.export(tmp_path / "out", "FORMAT")
    line = (tmp_path / "out" / "train.jsonl").read_text()
    assert '"label":0' in line
    (item,) = Dataset.import_from(tmp_path / "out", "FORMAT")
    assert item.annotations[0].bbox == next(iter(dataset)).annotations[0].bbox
