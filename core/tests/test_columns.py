"""Boxes as columns, and when an export takes that short way."""

import pytest

from dsk.adapt import Adapter
from dsk.annotations import Bbox, Polygon
from dsk.categories import Categories
from dsk.dataset import Dataset
from dsk.descriptors import Capabilities
from dsk.flow import Header, ListSource
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.registry import registry, resolve
from dsk.testing.columns import ColumnSource, as_columns


def items(attributes=None):
    common = {"attributes": attributes or {}}
    media = Image("a.jpg", size=(8, 8))
    box = Bbox(1.0, 2.0, 2.0, 3.0, label=0, id=1, **common)
    outline = Polygon(
        [0, 0, 4, 0, 4, 4], bbox=(0.0, 0.0, 4.0, 4.0), area=8, label=1, id=5, **common
    )
    return [
        DatasetItem(
            "two", "train", media, [box, Bbox(2.0, 3.0, 2.0, 3.0, label=1, id=2, **common)]
        ),
        DatasetItem("none", "train", media),
        DatasetItem("grouped", "train", media, [Bbox(3, 4, 2, 3, label=0, group=7, **common)]),
        DatasetItem("mixed", "val", media, [box, outline]),
        DatasetItem("bare", "val", media, [Bbox(1, 1, 2, 2, id=6)]),
    ]


def header():
    return Header(categories=Categories.from_names(["cat", "dog"]))


def test_items_come_out_whole():
    columns = as_columns(items())
    assert columns.bounds == [0, 2, 2, 2, 2, 2]
    assert list(columns) == items()
    assert columns.counts() == [2, 0, 0, 0, 0]


def test_items_that_are_done_stay_without_annotations():
    columns = as_columns(items())
    found = list(columns.unless(["done", None, None, None, None]))
    assert not found[0].annotations
    assert found[1:] == items()[1:]
    assert list(columns.unless([None] * 5)) == items()


@pytest.mark.parametrize("attributes", [None, {"is_crowd": False, "pose": "left"}])
@pytest.mark.parametrize("held", [frozenset(), frozenset({"pose"})])
@pytest.mark.parametrize("subsets", [True, False])
def test_the_adapter_reports_rows_like_items(attributes, held, subsets):
    caps = Capabilities(
        annotations=frozenset({"bbox"}),
        needs_label=frozenset({"bbox"}),
        attributes=held,
        subsets=subsets,
        fields=frozenset(),
        media=frozenset({"image"}),
    )
    many = [i.replace(id=f"{i.id}{n}") for n in range(4) for i in items(attributes)]
    ledgers = Ledger(), Ledger()
    long = list(Adapter(caps, ledgers[0])(many))
    columns = as_columns(many, outlines=True)
    assert len(columns.labels) == 16, "outlines are not among the rows"
    fitted = Adapter(caps, ledgers[1]).columns(columns)
    assert fitted.outlined is None
    assert list(fitted) == long
    assert ledgers[0].events == ledgers[1].events
    assert ("DSK-L003", "polygon→bbox", "polygon") in ledgers[0].events


@pytest.mark.parametrize("value", [1.0, float("nan")], ids=["rows", "no-rows"])
def test_fields_that_were_not_read_are_reported_like_others(value):
    caps = Capabilities(annotations=frozenset({"bbox"}), media=frozenset({"image"}))
    boxes = [Bbox(value, 2.0, 2.0, 3.0, label=0, id=1)]
    bare = [DatasetItem(f"{n}", "train", None, boxes) for n in range(20)]
    full = [item.replace(extra={"toy": {"note": 1, "who": "me"}}) for item in bare]
    ledgers = Ledger(), Ledger()
    list(Adapter(caps, ledgers[0])(full))
    adapter = Adapter(caps, ledgers[1])
    for part in (bare[:2], bare[2:]):  # the first one leaves room for samples
        columns = as_columns(part)
        columns.unread = (("toy", "note"), ("toy", "who"))
        assert adapter.columns(columns).unread == ()
    assert ledgers[0].events == ledgers[1].events
    assert ledgers[0].events["DSK-L011", "toy field who", ""].count == 20


class Spied(ColumnSource):
    asked = ()

    def columns(self, partition, ledger, *, outlines, family):
        self.asked = (*self.asked, outlines)
        return super().columns(partition, ledger, outlines=outlines, family=family)


@pytest.fixture
def taker(toy, monkeypatch):
    """The toy exporter, as one that takes columns."""
    found = resolve(registry().exporter("toy").target)
    monkeypatch.setattr(found, "takes_columns", True)
    return found


def facts(report):
    return {k: v for k, v in report.to_dict().items() if k not in ("seconds", "output")}


@pytest.mark.usefixtures("taker")
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_short_way_writes_and_reports_the_same(tmp_path, tree, jobs):
    many = [i.replace(id=f"{i.id}{n}") for n in range(500) for i in items({"is_crowd": True})]
    source = Spied(many, header())
    reports = [
        Dataset(ListSource(many, header())).export(tmp_path / "long", "toy"),
        Dataset(source).export(tmp_path / "short", "toy", jobs=jobs),
    ]
    assert source.asked == ((True,) * len(source.partitions()) if jobs == 1 else ())
    assert facts(reports[0]) == facts(reports[1])
    assert tree(tmp_path / "long") == tree(tmp_path / "short")


@pytest.mark.usefixtures("taker")
def test_steps_want_items(tmp_path):
    source = Spied(items()[:3], header())
    Dataset(source).transform("shift").export(tmp_path / "out", "toy")
    assert source.asked == ()


@pytest.mark.usefixtures("toy")
def test_exporters_that_know_no_columns_get_none(tmp_path):
    source = Spied(items(), header())
    Dataset(source).export(tmp_path / "out", "toy")
    assert source.asked == ()


@pytest.mark.parametrize(
    ("kinds", "asked"), [({"bbox", "polygon"}, (False,)), ({"polygon"}, ())], ids=["both", "none"]
)
def test_outlines_are_rows_only_where_they_become_boxes(tmp_path, monkeypatch, taker, kinds, asked):
    held = Capabilities(annotations=frozenset(kinds), media=frozenset({"image"}))
    monkeypatch.setattr(taker, "capabilities", lambda *_: held)
    source = Spied(items()[:1], header())
    Dataset(source).export(tmp_path / "out", "toy")
    assert source.asked == asked
