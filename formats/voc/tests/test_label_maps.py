"""Label maps: grammar, palette, and what an export makes of a source's labels."""

from __future__ import annotations

import json

import pytest

from dsk import Dataset
from dsk.annotations import Bbox
from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, OptionError
from dsk.files import DirectoryRoot
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk_voc.labelmap import (
    VOID_COLOR,
    Entry,
    default_map,
    label_map_text,
    meta_bytes,
    palette,
    parse_label_map,
    read_label_map,
    to_categories,
)
from dsk_voc.target import make_target


def test_palette_is_the_development_kits():
    colors = palette(256)
    assert colors[:5] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
    assert colors[20] == (0, 64, 128)
    assert colors[255] == VOID_COLOR
    assert len(set(colors)) == 256


def test_default_map():
    categories = to_categories(default_map())
    assert categories.names[:2] == ["background", "aeroplane"]
    assert categories.names[21:] == ["ignored", "foot", "hand", "head"]
    assert categories.colors[21] == VOID_COLOR
    assert len(categories.labels[15].attributes) == 11


def test_round_trip_of_both_files(tmp_path):
    entries = default_map()
    assert parse_label_map(label_map_text(entries).decode(), "x") == entries
    (tmp_path / "dataset_meta.json").write_bytes(meta_bytes(entries))
    assert read_label_map(DirectoryRoot(str(tmp_path)), "") == entries


def test_grammar():
    text = "# comment\r\n\r\na:1,2,3:p, q:r\r\nb:::\n"
    assert parse_label_map(text, "x") == [Entry("a", (1, 2, 3), ("p", "q"), ("r",)), Entry("b")]


@pytest.mark.parametrize("line", ["a", "a::", "a::::", "a:1,2::", "a:1,2,x::", "a:1,2,256::"])
def test_bad_lines(line):
    with pytest.raises(InputError, match="x:2"):
        parse_label_map(f"ok:::\n{line}\n", "x")


def test_names_twice():
    with pytest.raises(InputError, match="defined twice"):
        parse_label_map("a:::\na:::\n", "x")


def test_maps_without_colours_get_the_palette():
    categories = to_categories([Entry("a"), Entry("b")])
    assert categories.colors == {0: (0, 0, 0), 1: (128, 0, 0)}
    assert to_categories([Entry("a"), Entry("b", (1, 2, 3))]).colors == {1: (1, 2, 3)}


def target(categories, label_map="source", meta=False):
    ledger = Ledger()
    return make_target(categories, label_map, meta=meta, ledger=ledger), ledger


def test_background_comes_first():
    found, _ = target(Categories.from_names(["a", "b"]))
    assert [e.name for e in found.entries] == ["background", "a", "b"]
    assert [e.color for e in found.entries] == palette(3)
    found, _ = target(
        Categories(labels=(LabelCategory("a"), LabelCategory("x")), colors={1: (0,) * 3})
    )
    assert [e.name for e in found.entries] == ["x", "a"]


def test_colours_are_told_apart():
    labels = tuple(LabelCategory(n) for n in "abc")
    found, ledger = target(Categories(labels=labels, colors={0: (9, 9, 9), 1: (9, 9, 9)}))
    colors = [e.color for e in found.entries]
    assert colors[1] == (9, 9, 9)
    assert len(set(colors)) == 4
    assert [e.code for e in ledger.losses()] == ["DSK-L010"]


def test_names_that_cannot_be_written_change_and_are_reported():
    found, ledger = target(Categories.from_names(["a:b", "a_b", "#x"]))
    assert [e.name for e in found.entries] == ["background", "a_b", "a_b_2", "_x"]
    assert found.names == ["a_b", "a_b_2", "_x"]
    assert ledger.total("field") == 3
    assert target(Categories.from_names(["a:b"]), meta=True)[0].names == ["a:b"]


def test_parts_and_actions_survive():
    found, _ = target(to_categories(default_map()))
    assert next(e for e in found.entries if e.name == "person").parts == ("head", "hand", "foot")
    assert found.index[22:] == [None, None, None]
    assert found.owns(15, 24)
    assert not found.owns(8, 24)


def test_other_maps(tmp_path):
    file = tmp_path / "map.txt"
    file.write_text("a:1,2,3::\n")
    found, _ = target(Categories.from_names(["a", "b"]), str(file))
    assert [e.name for e in found.entries] == ["background", "a"]
    assert found.index == [1, None]
    found, _ = target(Categories.from_names(["cat", "zebra"]), "voc")
    assert found.index == [8, None]
    for bad in ("nowhere.txt", str(tmp_path)):
        with pytest.raises(OptionError):
            target(Categories.from_names(["a"]), bad)
    file.write_text("a:1\n")
    with pytest.raises(OptionError, match="4 fields"):
        target(Categories.from_names(["a"]), str(file))


def test_labels_without_place_are_reported(tmp_path):
    boxes = [Bbox(1, 1, 2, 2, label=0), Bbox(1, 1, 2, 2, label=1)]
    dataset = Dataset.from_iterable([DatasetItem("a", annotations=boxes)], ["cat", "zebra"])
    report = dataset.export(tmp_path / "out", "voc_detection", label_map="voc")
    assert report.annotations["dropped"] == 1
    assert [len(i.annotations) for i in Dataset.import_from(tmp_path / "out", "voc")] == [1]


def test_dataset_meta(tmp_path):
    dataset = Dataset.from_iterable([DatasetItem("a")], ["a:b"])
    dataset.export(tmp_path / "out", "voc", save_dataset_meta=True)
    assert not (tmp_path / "out/labelmap.txt").exists()
    meta = json.loads((tmp_path / "out/dataset_meta.json").read_text())
    assert meta["labels"] == ["background", "a:b"]
    assert meta["background_label"] == "0"
    assert Dataset.import_from(tmp_path / "out", "voc").categories().names == ["background", "a:b"]


def test_the_label_map_may_have_an_underscore_in_its_name(tmp_path):
    (tmp_path / "label_map.txt").write_text("a:1,2,3::\r\n")
    assert read_label_map(DirectoryRoot(str(tmp_path)), "") == [Entry("a", (1, 2, 3))]
    (tmp_path / "labelmap.txt").write_text("b:1,2,3::\n")
    assert read_label_map(DirectoryRoot(str(tmp_path)), "") == [Entry("b", (1, 2, 3))]
