"""Folders of XML files in one another, images by stated names, and tables beside XML files."""

from __future__ import annotations

import pytest

from dsk import Dataset
from dsk.detect import choose
from dsk.files import open_root
from dsk_voc.detect import detect

XML = (
    "<annotation><filename>{}</filename><object><name>cat</name><bndbox><xmin>1</xmin>"
    "<ymin>2</ymin><xmax>3</xmax><ymax>5</ymax></bndbox></object></annotation>"
)
HEAD = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


def put(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return root


def places(dataset):
    return [(i.subset, i.id, i.media.path, i.media.exists) for i in dataset]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["train/a", "val/b"],
            [("train", "a", "a.jpg", True), ("val", "b", "b.jpg", True)],
        ),
        (["a", "b"], [("default", "a", "a.jpg", True), ("default", "b", "b.jpg", True)]),
    ],
)
def test_folders_of_xml_files_in_one_another(names, expected, tmp_path):
    put(tmp_path, {f"annotations/xmls/{n}.xml": XML.format("") for n in names})
    put(tmp_path, {f"images/{n}.jpg": "" for n in names})
    dataset = Dataset.import_from(tmp_path, "voc")
    assert places(dataset) == expected
    assert not dataset.opening_ledger.warnings
    (one,) = Dataset.import_from(tmp_path / f"annotations/xmls/{names[0]}.xml", "voc")
    assert one.media.exists


def test_xml_files_beside_a_folder_of_such_keep_their_ids(tmp_path):
    put(tmp_path, {f"annotations/{n}.xml": XML.format("") for n in ("a", "xmls/a")})
    dataset = Dataset.import_from(put(tmp_path, {"images/a.jpg": ""}), "voc")
    assert sorted(i.id for i in dataset) == ["a", "xmls/a"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_images_by_their_stated_names_are_used(encoding, tmp_path):
    put(tmp_path, {f"images/{n}.jpg": "" for n in ("a&b", "b", "c", "d")})
    for item, stated in (("x/a", "a&amp;b.jpg"), ("x/b", "/my/b.jpg")):
        path = tmp_path / f"labels/{item}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = f"<?xml version='1.0' encoding='{encoding}'?>"
        path.write_bytes((head + XML.format(stated)).encode(encoding))
    dataset = Dataset.import_from(tmp_path, "voc")
    assert [i.media.exists for i in dataset] == [True, True]
    (told,) = dataset.opening_ledger.warnings
    assert told == "2 images have no annotation file and are no items, e.g. images/c.jpg"


def test_all_images_used_by_stated_names_are_no_warning(tmp_path):
    put(tmp_path, {"labels/x/a.xml": XML.format("a.jpg"), "images/a.jpg": ""})
    dataset = Dataset.import_from(tmp_path, "voc")
    assert len(dataset) == 1
    assert not dataset.opening_ledger.warnings


def test_tables_made_from_xml_files(tmp_path):
    files = {f"xml/{n}.xml": XML.format(f"{n}.jpg") for n in "ab"}
    files |= {f"data/{n}_labels.csv": f"{HEAD}a.jpg,9,9,cat,1,2,3,5\n" for n in ("train", "test")}
    put(tmp_path, files)
    found = detect(open_root(tmp_path))
    assert found.score == 72
    assert choose(open_root(tmp_path)).format == "voc"
    dataset = Dataset.import_from(tmp_path)
    assert len(dataset) == 2
    (told,) = dataset.opening_ledger.warnings
    assert told.endswith("data/test_labels.csv, data/train_labels.csv")
    assert "not read" in told


@pytest.mark.parametrize("table", ["a,b\n1,2\n", "", "filename,cat,dog\na.jpg,1,0\n"])
def test_other_tables_change_nothing(table, tmp_path):
    put(tmp_path, {"xml/a.xml": XML.format("a.jpg"), "data/other.csv": table})
    assert detect(open_root(tmp_path)).score == 70
    assert not Dataset.import_from(tmp_path, "voc").opening_ledger.warnings


def test_tables_by_themselves_are_no_xml_files(tmp_path):
    put(tmp_path, {"data/train_labels.csv": f"{HEAD}a.jpg,9,9,cat,1,2,3,5\n"})
    assert detect(open_root(tmp_path)) is None
