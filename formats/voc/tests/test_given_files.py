"""A single file of a dataset given in place of its folder."""

from __future__ import annotations

import pytest
from PIL import Image as Picture

from dsk import Dataset, DatasetItem
from dsk.annotations import Label
from dsk.media import Image

XML = """<annotation><filename>{name}.jpg</filename><size><width>20</width><height>10</height>
</size><object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>8</ymax>
</bndbox></object></annotation>"""


def kit(folder, item="a"):
    """Write an XML file, its image beside the folder of annotations, and its list."""
    paths = {
        "xml": folder / f"Annotations/{item}.xml",
        "image": folder / f"JPEGImages/{item}.jpg",
        "list": folder / "ImageSets/Main/val.txt",
    }
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    paths["xml"].write_text(XML.format(name=item.rpartition("/")[2]), encoding="utf-8")
    Picture.new("RGB", (20, 10)).save(paths["image"])
    paths["list"].write_text(f"{item}\n", encoding="utf-8")
    return paths


@pytest.mark.parametrize("base", [".", "VOCdevkit/VOC2012"])
@pytest.mark.parametrize("item", ["a", "folder/b c"])
def test_an_annotation_file_has_its_image_in_the_folder_beside(tmp_path, base, item):
    (found,) = Dataset.import_from(kit(tmp_path / base, item)["xml"])
    assert found.id == item
    assert found.media.exists
    assert [a.bbox for a in found.annotations] == [(1, 2, 4, 6)]


def test_an_annotation_file_beside_its_image(tmp_path):
    paths = kit(tmp_path)
    paths["image"].rename(paths["xml"].with_name("a.jpg"))
    (found,) = Dataset.import_from(paths["xml"])
    assert found.media.exists


def test_the_label_map_of_an_annotation_file(tmp_path):
    (tmp_path / "labelmap.txt").write_text("dog:1,1,1::\ncat:2,2,2::\n")
    dataset = Dataset.import_from(kit(tmp_path)["xml"])
    assert dataset.categories().names == ["dog", "cat"]


@pytest.mark.parametrize("base", [".", "VOCdevkit/VOC2012"])
def test_a_list_is_detected(tmp_path, base):
    paths = kit(tmp_path / base)
    (paths["list"].parent / "train.txt").write_text("other\n")
    dataset = Dataset.import_from(paths["list"])
    assert dataset.format == "voc"
    assert [(item.id, item.subset) for item in dataset] == [("a", "val")]


def test_lists_of_actions_without_objects_are_not_written(tmp_path):
    image = Image(path="a.jpg", size=(10, 20))
    items = [DatasetItem("a", media=image), DatasetItem("b", annotations=[Label(label=0)])]
    given = Dataset.from_iterable(items, ["cat"])
    given.export(tmp_path / "out", "voc", label_map="voc")
    assert not list((tmp_path / "out").rglob("jumping_*"))
    given.export(tmp_path / "all", "voc", label_map="voc", keep_empty=True)
    (path,) = (tmp_path / "all").rglob("jumping_*")
    assert path.read_text() == ""
