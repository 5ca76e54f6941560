"""CamVid, SYNTHIA, Mapillary Vistas, and folders of images and masks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from scene_files import rgb16

from dsk import Dataset
from dsk.annotations import Mask
from dsk.detect import detect
from dsk.errors import DskWarning, InputError, MediaError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image as DskImage
from dsk.rle import from_dense
from dsk_scenes.synthia import channels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Png = Callable[..., Path]
    Text = Callable[[str, str], Path]

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)
LABELS = ["background", "cat"]
TABLE = "255 0 0 a lamp\n\n# a comment\r\n0 255 0\ttree\n"


def labels(folder: Path, name: str, **options: Any) -> list[tuple[str, str, list[str]]]:
    dataset = Dataset.import_from(folder, name, **options)
    names = dataset.categories().names
    return [(i.subset, i.id, [names[a.label] for a in i.annotations]) for i in dataset]


@pytest.mark.parametrize(
    "line",
    [
        "/train/x.png trainannot/x.png",
        "train/x.png trainannot/x.png\r",
        '"/train/x.png" "trainannot/x.png"',
        "/home/someone/train/x.png /home/someone/trainannot/x.png",
        "/home/a/b/c/CamVid/train/x.png /home/a/b/c/CamVid/trainannot/x.png",
    ],
)
def test_camvid_lists(png: Png, text: Text, tmp_path: Path, line: str) -> None:
    text("label_colors.txt", TABLE)
    text("train.txt", line + "\n")
    png("train/x.png", [[BLACK] * 3])
    png("trainannot/x.png", [[RED, GREEN, BLACK]])
    assert labels(tmp_path, "camvid") == [("train", "x", ["a lamp", "tree"])]


def test_camvid_segnet(png: Png, text: Text, tmp_path: Path) -> None:
    text("val.txt", "/SegNet/CamVid/val/x.png /SegNet/CamVid/valannot/x.png\n")
    png("val/x.png", [[0, 0, 0]])
    png("valannot/x.png", [[0, 8, 11]])
    assert labels(tmp_path, "camvid") == [("val", "x", ["Sky", "Car", "Unlabelled"])]


def test_camvid_segnet_by_values(png: Png, text: Text, tmp_path: Path) -> None:
    text("train.txt", "train/x.png trainannot/x.png\ntrain/y.png trainannot/y.png\n")
    png("train/x.png", [[0, 0]])
    png("train/y.png", [[0, 0]])
    png("trainannot/x.png", [[0, 0]])
    png("trainannot/y.png", [[1, 11]])
    dataset = Dataset.import_from(tmp_path, "camvid")
    names = dataset.categories().names
    found = [[names[a.label] for a in item.annotations] for item in dataset]
    assert found == [["Sky"], ["Building", "Unlabelled"]]
    assert any("SegNet's" in warning for warning in dataset.opening_ledger.warnings)


@pytest.mark.parametrize("mask", [[[0, 12]], [[0, 0]], [[RED, (128, 0, 0)]]])
def test_camvid_own_values(png: Png, text: Text, tmp_path: Path, mask: Any) -> None:
    text("train.txt", "train/x.png trainannot/x.png\n")
    png("trainannot/x.png", mask)
    dataset = Dataset.import_from(tmp_path, "camvid")
    assert dataset.categories().names[0] == "Void"
    assert not dataset.opening_ledger.warnings


def test_camvid_images_of_one_id(png: Png, text: Text, tmp_path: Path) -> None:
    line = "/train/1.png trainannot/1.png\n"
    text("all.txt", f"{line}{line}/val/1.png valannot/1.png\n")
    for name in ("train/1.png", "val/1.png", "trainannot/1.png", "valannot/1.png"):
        png(name, [[BLACK]])
    with pytest.raises(RecordError, match=r"listed before, as train/1\.png") as caught:
        labels(tmp_path, "camvid")
    assert caught.value.where.endswith("all.txt:3")


def test_camvid_unknown_colour(png: Png, text: Text, tmp_path: Path) -> None:
    text("train.txt", "/train/x.png trainannot/x.png\n")
    png("trainannot/x.png", [[(128, 0, 0), (1, 2, 3)]])
    with pytest.warns(DskWarning, match=r"value \(for instance 1 2 3\) is not in the label map"):
        assert labels(tmp_path, "camvid") == [("train", "x", ["Building"])]


@pytest.mark.parametrize(
    ("strange", "told"),
    [
        ([9, 8, 7, 5, 5, 6, 7, 7], " (for instance 0 0 7, 0 0 5, 0 0 6)"),
        (list(range(1, 40)), ""),
    ],
)
def test_camvid_unknown_colours_are_named(
    png: Png, text: Text, tmp_path: Path, strange: list[int], told: str
) -> None:
    """The three that most pixels of the first such map have; of compressed images none."""
    text("train.txt", "/train/x.png trainannot/x.png\n/train/y.png trainannot/y.png\n")
    png("trainannot/x.png", [[(128, 0, 0), *((0, 0, n) for n in strange)]])
    png("trainannot/y.png", [[(0, 0, 99)]])
    ledger = Ledger()
    list(Dataset.import_from(tmp_path, "camvid").read(ledger))
    assert ledger.warnings == {
        f"masks have pixels whose colour or value{told} is not in the label map; these belong to "
        "nothing": 2
    }


def test_camvid_unknown_values_are_named(png: Png, text: Text, tmp_path: Path) -> None:
    text("train.txt", "/train/x.png trainannot/x.png\n")
    png("trainannot/x.png", np.array([[18, 99, 99]], np.uint8))
    with pytest.warns(DskWarning, match=r"value \(for instance 99\) is not in the label map"):
        labels(tmp_path, "camvid")


def test_camvid_bad_lines(png: Png, text: Text, tmp_path: Path) -> None:
    png("trainannot/x.png", [[BLACK]])
    good = "/train/x.png trainannot/x.png\n"
    for bad, what in (
        ("/train/y.png trainannot/y.png", "not there"),
        ("/train/y.png ../../etc/passwd", "leads out"),
        ('"/train/y.png trainannot/y.png', "double quotes"),
    ):
        text("train.txt", good + bad + "\n")
        with pytest.raises(RecordError, match=what) as caught:
            labels(tmp_path, "camvid")
        assert caught.value.where.endswith("train.txt:2")


def test_table_with_a_label_twice(png: Png, text: Text, tmp_path: Path) -> None:
    text("label_colors.txt", "1 2 3 a\n4 5 6 a\n")
    text("train.txt", "/train/x.png trainannot/x.png\n")
    png("trainannot/x.png", [[BLACK]])
    with pytest.raises(InputError, match="twice"):
        labels(tmp_path, "camvid")


def test_class_table_that_is_no_csv(png: Png, text: Text, tmp_path: Path) -> None:
    png("images/1.png", [[BLACK]])
    png("masks/1.png", [[RED]])
    text("class_dict.csv", f'name,r,g,b\n"{"x" * 200_000}",255,0,0\n')
    with pytest.raises(InputError, match="no CSV"):
        labels(tmp_path, "common_semantic_segmentation")


def test_pairs_of_one_subset_in_several_folders(png: Png, text: Text, tmp_path: Path) -> None:
    """Their images may have the same names."""
    text("label_colors.txt", TABLE)
    for folder in ("x", "y"):
        png(f"{folder}/train/images/1.png", [[BLACK]])
        png(f"{folder}/train/masks/1.png", [[RED]])
    found = [("train", f"{folder}/1", ["a lamp"]) for folder in ("x", "y")]
    assert labels(tmp_path, "common_semantic_segmentation") == found
    png("y/train/images/2.png", [[BLACK]])
    (tmp_path / "y/train/images/1.png").unlink()
    (tmp_path / "y/train/masks/1.png").rename(tmp_path / "y/train/masks/2.png")
    assert [row[1] for row in labels(tmp_path, "common_semantic_segmentation")] == ["1", "2"]


def test_synthia_labels(tmp_path: Path) -> None:
    file = tmp_path / "GT/LABELS/Stereo_Left/Omni_F/0.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(rgb16([[(8, 700, 0), (8, 701, 0), (3, 0, 0)]]))
    (item,) = Dataset.import_from(tmp_path, "synthia")
    assert item.id == "Stereo_Left/Omni_F/0"
    found = [(a.label, a.attributes) for a in item.annotations]
    assert found == [(3, {"dynamic_object": False}), (8, {"dynamic_object": True})]
    (item,) = Dataset.import_from(tmp_path, "synthia", instances=True)
    assert [(a.label, a.id) for a in item.annotations] == [(3, 0), (8, 700), (8, 701)]


@pytest.mark.parametrize(
    ("folder", "values", "names"),
    [
        ("GT/LABELS", (12, 21), ["Motorcycle", "Wall"]),
        ("GT/LABELS", (12, 15), ["Lanemarking", "TrafficLight"]),
        ("RAND_CITYSCAPES/GT/LABELS", (12, 15), ["Motorcycle", "TrafficLight"]),
    ],
)
def test_synthia_of_single_images(
    tmp_path: Path, folder: str, values: tuple[int, int], names: list[str]
) -> None:
    """It has the folders of the sequences, but other labels."""
    file = tmp_path / folder / "0000000.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(rgb16([[(value, 0, 0) for value in values]]))
    dataset = Dataset.import_from(tmp_path, "synthia")
    found = dataset.categories().names
    (item,) = dataset
    assert [found[a.label] for a in item.annotations] == names
    told = any("RAND-CITYSCAPES" in warning for warning in dataset.opening_ledger.warnings)
    assert told is ("Motorcycle" in names)


@pytest.mark.parametrize(
    ("folders", "color", "name"),
    [
        (("RGB", "GT"), (0, 175, 0), "Lanemarking"),
        (("RGBLeft", "GTLeft"), (107, 142, 35), "Vegetation"),
        (("RGB", "SemSeg"), (0, 172, 0), "Lanemarking"),
        (("RGB", "GT/COLOR"), (0, 172, 0), "Lanemarking"),
    ],
)
def test_synthia_editions(
    png: Png, tmp_path: Path, folders: tuple[str, str], color: Any, name: str
) -> None:
    png(f"{folders[0]}/1.png", [[BLACK]])
    png(f"{folders[1]}/1.png", [[color]])
    assert labels(tmp_path, "synthia") == [("default", "1", [name])]


def test_synthia_texts(png: Png, text: Text, tmp_path: Path) -> None:
    png("RGB/1.png", [[BLACK] * 3] * 2)
    text("GTTXT/1.txt", "1 1 8\n3 3 3\n")
    assert labels(tmp_path, "synthia") == [("default", "1", ["Sky", "Road", "Car"])]


@pytest.mark.parametrize("numbers", ["1.0 1 8\n3 3e0 3", "1\t1  8\r\n3 3 3\r\n\r\n"])
def test_synthia_texts_of_other_writers(png: Png, text: Text, tmp_path: Path, numbers: str) -> None:
    png("RGB/1.png", [[BLACK] * 3] * 2)
    text("GTTXT/1.txt", numbers)
    assert labels(tmp_path, "synthia") == [("default", "1", ["Sky", "Road", "Car"])]


@pytest.mark.parametrize(
    "numbers", ["1 1 x\n3 3 3", "1 1 1.5\n3 3 3", "1 1 1\n3 3", "1 1 -1\n3 3 3", f"1 1 {'9' * 30}"]
)
def test_synthia_texts_that_are_no_maps(png: Png, text: Text, tmp_path: Path, numbers: str) -> None:
    png("RGB/1.png", [[BLACK] * 3] * 2)
    text("GTTXT/1.txt", numbers)
    with pytest.raises(RecordError):
        list(Dataset.import_from(tmp_path, "synthia"))


CONFIG = {
    "labels": [
        {"name": "animal--bird", "color": [1, 2, 3], "instances": True},
        {"name": "void--other", "color": [1, 2, 3], "instances": False},
    ]
}


def test_mapillary_instances_and_outlines(png: Png, text: Text, tmp_path: Path) -> None:
    text("config_v2.0.json", json.dumps(CONFIG))
    png("training/images/1.png", [[0, 0, 0]])
    png("training/v2.0/instances/1.png", [[256, 258, 0]], np.uint16)
    ring = [[0, 0], [1, 0], [1, 1]]
    outline = {"objects": [{"id": 0, "label": "new--thing", "polygon": ring}]}
    text("training/v2.0/polygons/2.json", json.dumps(outline))
    dataset = Dataset.import_from(tmp_path, "mapillary_vistas")
    assert [lab.parent for lab in dataset.categories().labels] == ["animal", "void", "new"]
    first, second = dataset
    assert [(a.label, a.id) for a in first.annotations] == [(0, 0), (1, 0), (1, 2)]
    assert (second.id, second.annotations[0].label) == ("2", 2)


def test_mapillary_with_byte_order_marks(png: Png, text: Text, tmp_path: Path) -> None:
    text("config_v2.0.json", "\ufeff" + json.dumps(CONFIG))
    png("training/images/1.png", [[0, 0, 0]])
    ring = [[0, 0], [1, 0], [1, 1]]
    outline = {"objects": [{"id": 0, "label": "void--other", "polygon": ring}]}
    text("training/v2.0/polygons/1.json", "\ufeff" + json.dumps(outline))
    (item,) = Dataset.import_from(tmp_path, "mapillary_vistas")
    assert [(a.kind, a.label) for a in item.annotations] == [("polygon", 1)]


def test_mapillary_without_configuration(png: Png, tmp_path: Path) -> None:
    png("training/images/1.png", [[0]])
    png("training/v1.2/labels/1.png", [[13]])
    with pytest.raises(InputError, match="no configuration"):
        labels(tmp_path, "mapillary_vistas")
    found = labels(tmp_path, "mapillary_vistas", use_original_config=True)
    assert found == [("training", "1", ["construction--flat--road"])]


@pytest.mark.parametrize(
    ("folder", "subset"),
    [("val", "val"), ("Training", "Training"), ("vistas", "default"), ("vistas/train", "train")],
)
@pytest.mark.parametrize("given", ["", "v1.2"])
def test_mapillary_subset_given_by_itself(
    png: Png, tmp_path: Path, folder: str, subset: str, given: str
) -> None:
    png(f"{folder}/images/1.png", [[0]])
    png(f"{folder}/{given or 'v2.0'}/instances/1.png", [[0]], np.uint16)
    found = labels(tmp_path / folder, "mapillary_vistas", use_original_config=True)
    assert [place for place, *_ in found] == [subset]


def test_mapillary_configuration_above_the_subset(png: Png, text: Text, tmp_path: Path) -> None:
    """The folder given is the subset; a folder of another name has nothing above it."""
    text("config_v1.2.json", json.dumps(CONFIG))
    for folder in ("val", "town"):
        png(f"{folder}/images/1.png", [[0]])
        png(f"{folder}/v1.2/labels/1.png", [[0]])
    found = labels(tmp_path / "val", "mapillary_vistas")
    assert found == [("val", "1", ["animal--bird"])]
    scores = [
        {f.format: f.score for f in detect(open_root(tmp_path / name))}["mapillary_vistas"]
        for name in ("val", "town")
    ]
    assert scores == [95, 75]
    with pytest.raises(InputError, match="no configuration"):
        labels(tmp_path / "town", "mapillary_vistas")


def test_pairs_of_a_subset_given_by_itself(png: Png, text: Text, tmp_path: Path) -> None:
    for folder in ("train", "town"):
        png(f"{folder}/imgs/1.png", [[0]])
        png(f"{folder}/labels/1.png", [[1]])
        text(f"{folder}/label_colors.txt", "0 0 0 sky\n1 1 1 road\n")
    name = "common_semantic_segmentation"
    assert {i.subset for i in Dataset.import_from(tmp_path / "train", name)} == {"train"}
    assert {i.subset for i in Dataset.import_from(tmp_path / "town", name)} == {"default"}


@pytest.mark.parametrize("original", [False, True])
def test_mapillary_versions(png: Png, text: Text, tmp_path: Path, original: bool) -> None:
    if not original:
        for version, name in (("v1.2", "old"), ("v2.0", "new")):
            config = {"labels": [{"name": f"{name}--{n}", "color": [n, 0, 0]} for n in range(4)]}
            text(f"config_{version}.json", json.dumps(config))
    png("testing/images/0.png", [[0]])
    png("training/images/1.png", [[0]])
    for version, label in (("v1.2", 3), ("v2.0", 2)):
        png(f"training/{version}/instances/1.png", [[label * 256]], np.uint16)
    found = {}
    for version in ("auto", "v1.2", "v2.0"):
        dataset = Dataset.import_from(
            tmp_path, "mapillary_vistas", version=version, use_original_config=original
        )
        names = dataset.categories().names
        found[version] = [(i.id, [names[a.label] for a in i.annotations]) for i in dataset]
        warned = [w for w in dataset.opening_ledger.warnings if "use version=v2.0" in w]
        assert len(warned) == (version == "auto")
    first, second = "old--3", "new--2"
    if original:
        first, second = "construction--barrier--fence", "construction--barrier--ambiguous"
    assert found["auto"] == found["v1.2"] == [("0", []), ("1", [first])]
    assert found["v2.0"] == [("0", []), ("1", [second])]


def test_mapillary_version_that_is_not_there(png: Png, tmp_path: Path) -> None:
    png("training/images/1.png", [[0]])
    png("training/v1.2/instances/1.png", [[0]], np.uint16)
    with pytest.raises(InputError, match=r"no annotations of v2\.0"):
        labels(tmp_path, "mapillary_vistas", version="v2.0", use_original_config=True)


def test_mapillary_version_of_folders_that_do_not_say(png: Png, tmp_path: Path) -> None:
    png("training/images/1.png", [[0]])
    png("training/instances/1.png", [[512]], np.uint16)
    found = labels(tmp_path, "mapillary_vistas", version="v2.0", use_original_config=True)
    assert found == [("training", "1", ["construction--barrier--ambiguous"])]


def test_mapillary_panoptic(png: Png, text: Text, tmp_path: Path) -> None:
    png("training/images/1.png", [[0, 0]])
    png("training/v2.0/panoptic/1.png", [[(1, 1, 0), (2, 0, 0)]])
    segments = [{"id": 257, "category_id": 3, "iscrowd": 1}, {"id": 2, "category_id": 1}]
    found = {
        "categories": [{"id": 1, "name": "a"}, {"id": 3, "name": "c"}],
        "annotations": [{"image_id": "1", "file_name": "1.png", "segments_info": segments}],
    }
    text("training/v2.0/panoptic/panoptic_2020.json", json.dumps(found))
    (item,) = Dataset.import_from(tmp_path, "mapillary_vistas_panoptic")
    assert [(a.label, a.id, a.group) for a in item.annotations] == [(1, 257, 257), (0, 2, 2)]
    assert item.annotations[0].attributes == {"is_crowd": True}
    kept = Dataset.import_from(
        tmp_path, "mapillary_vistas_panoptic", keep_original_category_ids=True
    )
    assert kept.categories().names == ["class-0", "a", "class-2", "c"]
    found["annotations"][0]["segments_info"].pop()
    text("training/v2.0/panoptic/panoptic_2020.json", json.dumps(found))
    with pytest.warns(DskWarning, match="segments that no list names"):
        (item,) = Dataset.import_from(tmp_path, "mapillary_vistas_panoptic")
    assert len(item.annotations) == 1
    del found["annotations"]
    text("training/v2.0/panoptic/panoptic_2020.json", json.dumps(found))
    with pytest.raises(InputError, match=r"panoptic_2020\.json: .*`annotations`"):
        Dataset.import_from(tmp_path, "mapillary_vistas_panoptic")


@pytest.mark.parametrize(
    "table",
    [
        ("label_colors.txt", TABLE),
        ("class_dict.csv", "name, r, g, b\na lamp, 255, 0, 0\ntree, 0, 255, 0\n"),
        ("classes.csv", "class;red;green;blue\r\na lamp;255;0;0\r\ntree;0;255;0\r\n"),
    ],
)
@pytest.mark.parametrize(
    "files",
    [
        ("images/1.png", "masks/1.png"),
        ("imgs/1.jpg", "labels/1_L.png"),
        ("images/1.png", "annotations/1_mask.png"),
    ],
)
def test_pairs(
    png: Png, text: Text, tmp_path: Path, table: tuple[str, str], files: tuple[str, str]
) -> None:
    text(*table)
    png(files[0], [[BLACK] * 2])
    png(files[1], [[RED, GREEN]])
    found = labels(tmp_path, "common_semantic_segmentation")
    assert found == [("default", "1", ["a lamp", "tree"])]


def test_pairs_values_in_table(png: Png, text: Text, tmp_path: Path) -> None:
    text("classes.csv", "id,name\n7,road\n26,car\n")
    png("images/1.png", [[0, 0]])
    png("masks/1.png", [[26, 7]])
    assert labels(tmp_path, "image_masks") == [("default", "1", ["road", "car"])]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("train/images/1.png", "train/masks/1.png"),
        ("images/train/1.png", "masks/train/1.png"),
        ("train/1.png", "train_labels/1_L.png"),
    ],
)
def test_pairs_subsets(png: Png, text: Text, tmp_path: Path, image: str, mask: str) -> None:
    text("class_dict.csv", "name,r,g,b\na,255,0,0\n")
    png(image, [[BLACK]])
    png(mask, [[RED]])
    assert labels(tmp_path, "image_masks") == [("train", "1", ["a"])]


def test_pairs_palette(png: Png, tmp_path: Path) -> None:
    png("images/1.png", [[0, 0]])
    picture = Image.fromarray(np.array([[0, 2]], np.uint8), "L").convert("P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.putdata([0, 2])
    (tmp_path / "masks").mkdir()
    picture.save(tmp_path / "masks/1.png")
    assert labels(tmp_path, "image_masks") == [("default", "1", ["class-0", "class-2"])]


def test_pairs_without_table(png: Png, tmp_path: Path) -> None:
    png("images/1.png", [[0]])
    png("masks/1.png", [[1]])
    with pytest.raises(InputError, match="nothing says"):
        labels(tmp_path, "image_masks")


def test_pairs_table_given(png: Png, text: Text, tmp_path: Path) -> None:
    png("images/1.png", [[0, 0]])
    png("masks/1.png", [[255, 0]])
    table = text("elsewhere/t.txt", "0 0 0 background\n255 255 255 cell\n")
    found = labels(tmp_path, "image_masks", classes=str(table))
    assert found == [("default", "1", ["background", "cell"])]


@pytest.mark.parametrize("table", ["meta", "csv", "txt"])
@pytest.mark.parametrize("colors", [True, False])
def test_pairs_written(png: Png, text: Text, tmp_path: Path, table: str, colors: bool) -> None:
    text("in/class_dict.csv", "name,r,g,b\na,255,0,0\nb,0,255,0\n")
    png("in/images/1.png", [[BLACK] * 3])
    png("in/masks/1.png", [[RED, GREEN, BLACK]])
    given = Dataset.import_from(tmp_path / "in", "image_masks")
    given.export(tmp_path / "out", "image_masks", table=table, apply_colormap=colors)
    found = labels(tmp_path / "out", "image_masks")
    assert found[0][2] == (["a", "b"] if colors else ["background", "a", "b"])


def test_scene_parsing_of_ade20k(png: Png, text: Text, tmp_path: Path) -> None:
    """Values begin with 1; 0 is what has no label. Names have commas, tabs part the columns."""
    home = "ADEChallengeData2016"
    rows = ("Idx\tRatio\tTrain\tVal\tStuff\tName", "1\t0.2\t9\t1\t1\twall")
    rows += ("2\t0.1\t6\t6\t1\tbuilding, edifice", "3\t0.1\t8\t7\t1\tsky")
    text(f"{home}/objectInfo150.txt", "\r\n".join(rows) + "\r\n")
    for subset, short in (("training", "train"), ("validation", "val")):
        png(f"{home}/images/{subset}/ADE_{short}_00000001.png", [[BLACK] * 3])
        png(f"{home}/annotations/{subset}/ADE_{short}_00000001.png", [[0, 1, 3]])
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "common_semantic_segmentation"
    assert dataset.categories().names == ["wall", "building, edifice", "sky"]
    assert labels(tmp_path, "common_semantic_segmentation") == [
        ("training", "ADE_train_00000001", ["wall", "sky"]),
        ("validation", "ADE_val_00000001", ["wall", "sky"]),
    ]


def test_maps_of_another_size_than_their_images(png: Png, text: Text, tmp_path: Path) -> None:
    """What is made of such masks, boxes above all, is elsewhere in the image."""
    text("label_colors.txt", TABLE)
    png("images/1.png", [[BLACK] * 4] * 2)
    png("masks/1.png", [[RED, GREEN]])
    with pytest.warns(DskWarning, match="another size"):
        (item,) = Dataset.import_from(tmp_path, "image_masks")
    assert item.media is not None
    assert item.media.size == (2, 4)
    png("masks/1.png", [[RED, GREEN, RED, RED]] * 2)
    assert labels(tmp_path, "image_masks") == [("default", "1", ["a lamp", "tree"])]
    (tmp_path / "images/1.png").write_bytes(b"x")  # is said when the image is used
    assert labels(tmp_path, "image_masks") == [("default", "1", ["a lamp", "tree"])]


def test_mapillary_outlines_without_objects(png: Png, text: Text, tmp_path: Path) -> None:
    png("training/images/1.png", [[0, 0]])
    png("training/v2.0/instances/1.png", [[0, 0]])
    text("training/v2.0/polygons/1.json", "{}")
    with pytest.raises(RecordError, match=r"no outlines: .*`objects`"):
        list(Dataset.import_from(tmp_path, "mapillary_vistas_instances", use_original_config=True))


def test_colours_without_labels_are_told(png: Png, text: Text, tmp_path: Path) -> None:
    png("images/1.png", [[0, 1]])
    png("masks/1.png", [[0, 1]])
    text("label_colors.txt", "0 0 0 \n1 1 1 one\n")
    with pytest.raises(InputError, match=r"label_colors\.txt:1: the colour '0 0 0' has no label"):
        Dataset.import_from(tmp_path, "common_semantic_segmentation")


def test_a_synthia_map_that_claims_more_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def claims(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr(channels.PilImage, "open", claims)
    with pytest.raises(MediaError, match=r"a\.png: there is not enough memory"):
        channels._load(DskImage.from_bytes(b"x", "a.png"), "I;16B")


@pytest.mark.parametrize("name", ["camvid", "image_masks", "cityscapes", "kitti_segmentation"])
def test_a_background_that_grows_is_told(name: str, tmp_path: Path) -> None:
    one, other = np.eye(4, dtype=bool), np.fliplr(np.eye(4, dtype=bool))
    left, cat = Mask(from_dense(one), label=0), Mask(from_dense(other), label=1)
    rest = Mask(from_dense(~(one | other)), label=0)
    told = []
    for masks in ([left, cat], [left, cat, rest]):
        dataset = Dataset.from_iterable([DatasetItem("x", "train", annotations=masks)], LABELS)
        report = dataset.export(tmp_path / f"{len(masks)}", name)
        told.append([event.count for event in report.events if event.code == "DSK-L007"])
    assert told == [[1], []]


@pytest.mark.parametrize("name", ["image_masks", "cityscapes", "kitti_segmentation"])
def test_items_of_which_no_file_is_written_are_told(name: str, tmp_path: Path) -> None:
    dataset = Dataset.from_iterable([DatasetItem("x", "train")], LABELS)
    report = dataset.export(tmp_path / "out", name)
    assert [(e.code, e.samples[0].item) for e in report.losses] == [("DSK-L008", "x")]
