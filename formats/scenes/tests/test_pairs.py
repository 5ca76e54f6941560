"""Folders of images and masks, as people name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dsk import Dataset
from dsk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Png = Callable[..., Path]
    Text = Callable[[str, str], Path]

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)
NAME = "common_semantic_segmentation"


def labels(folder: Path, **options: Any) -> list[tuple[str, str, list[str]]]:
    dataset = Dataset.import_from(folder, **options)
    assert dataset.format == NAME
    names = dataset.categories().names
    return [(i.subset, i.id, [names[a.label] for a in i.annotations]) for i in dataset]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("img_dir/train/1.jpg", "ann_dir/train/1.png"),
        ("Train/Rural/images_png/1.png", "Train/Rural/masks_png/1.png"),
        ("images_prepped_train/1.png", "annotations_prepped_train/1.png"),
        ("train_images/1.jpg", "train_segmentations/1.png"),
        ("train-img/1.jpg", "train-gt/1.png"),
        ("train/images/1_sat.jpg", "train/masks/1_mask.png"),
        ("train/images/1.jpg", "train/masks/1_15label.png"),
        ("train/Original/1.tif", "train/Ground Truth/1.tif"),
        ("train/stills/1.png", "train/labelsRGB/1_L.png"),
    ],
)
def test_names_of_folders_and_files(
    png: Png, text: Text, tmp_path: Path, image: str, mask: str
) -> None:
    text("train/classes.txt" if "stills" in image else "classes.txt", "road\ncar\n")
    png(image, [[0, 0]])
    png(mask, [[0, 1]])
    ((subset, found, names),) = labels(tmp_path)
    assert (subset.lower(), found, names) == ("train", "1", ["road", "car"])
    assert Dataset.import_from(tmp_path).opening_ledger.warnings == {}


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("train/_classes.csv", "Pixel Value, Class\n0, road\n1, car\n"),
        ("class_dict.csv", "name,r,g,b\nroad,0,0,0\ncar,255,0,0\n"),
    ],
)
def test_masks_among_their_images(
    png: Png, text: Text, tmp_path: Path, table: str, rows: str
) -> None:
    """As Roboflow exports them, and DeepGlobe, whose images have an ending of their own."""
    own = "" if "Pixel" in rows else "_sat"
    png(f"train/a.1{own}.jpg", [[BLACK, BLACK]])
    png(f"train/b_mask{own}.jpg", [[BLACK, BLACK]])  # an image that has no mask
    png("train/a.1_mask.png", [[0, 1]] if not own else [[BLACK, RED]])
    text(table, rows)
    png("valid/c.jpg", [[BLACK]])
    found = labels(tmp_path)
    assert found == [("train", "a.1", ["road", "car"]), ("train", "b_mask", [])]
    dataset = Dataset.import_from(tmp_path)
    assert [item.media.path.rpartition("/")[2] for item in dataset] == [
        f"a.1{own}.jpg",
        f"b_mask{own}.jpg",
    ]
    assert [w for w in dataset.opening_ledger.warnings if "valid/c.jpg" in w]


def test_a_pair_beside_folders_of_pairs_is_left_out(png: Png, text: Text, tmp_path: Path) -> None:
    """An image and its mask are shown beside the folders that hold the dataset."""
    text("label_colors.txt", "255 0 0 road\n0 255 0 car\n")
    png("shown.png", [[BLACK, BLACK]])
    png("shown_L.png", [[RED, GREEN]])
    png("data/img/1.png", [[BLACK, BLACK]])
    png("data/label/1.png", [[RED, GREEN]])
    assert labels(tmp_path) == [("data", "1", ["road", "car"])]
    (note,) = Dataset.import_from(tmp_path).opening_ledger.warnings
    assert note.startswith("2 images are in no folder")


def test_the_layout_that_pairs_most_counts(png: Png, text: Text, tmp_path: Path) -> None:
    text("label_colors.txt", "255 0 0 road\n0 255 0 car\n")
    for name in ("a", "b"):
        png(f"{name}.png", [[BLACK, BLACK]])
        png(f"{name}_L.png", [[RED, GREEN]])
    png("shown/images/1.png", [[BLACK, BLACK]])
    png("shown/masks/1.png", [[RED, GREEN]])
    found = {name: names for _, name, names in labels(tmp_path)}
    assert found["a"] == found["b"] == ["road", "car"]


@pytest.mark.parametrize("ending", ["-mask", "-masks", "-label", "-labels"])
def test_folders_that_are_named_alike_but_for_an_ending(
    png: Png, text: Text, tmp_path: Path, ending: str
) -> None:
    for subset in ("train", "val"):
        png(f"hr/{subset}/{subset}1.png", [[BLACK, BLACK]])
        png(f"hr{ending}/{subset}/{subset}1.png", [[RED, GREEN]])
    with pytest.raises(InputError, match="no folder of images"):
        Dataset.import_from(tmp_path, NAME)
    text("class_dict.csv", "name,r,g,b\nroad,255,0,0\ncar,0,255,0\n")
    assert labels(tmp_path) == [
        ("train", "train1", ["road", "car"]),
        ("val", "val1", ["road", "car"]),
    ]


def test_white_is_the_second_label_of_two(png: Png, text: Text, tmp_path: Path) -> None:
    text("classes.txt", "background\nbuilding\n")
    png("images/1.png", [[0, 0]])
    png("masks/1.png", [[0, 255]])
    png("masks/2.png", [[0, 0]])
    assert [row[2] for row in labels(tmp_path)] == [["background", "building"], ["background"]]
    assert any("255" in w for w in Dataset.import_from(tmp_path).opening_ledger.warnings)
    png("masks/2.png", [[0, 1]])  # 255 is what no label has then
    assert [row[2] for row in labels(tmp_path)] == [["background"], ["background", "building"]]


@pytest.mark.parametrize(
    ("pixels", "names"),
    [
        ([[0, 7], [255, 3]], ["class-0", "class-3", "class-7"]),
        ([[0, 255]], ["class-0", "class-255"]),
        ([[GREEN, RED, BLACK]], ["class-0", "class-1", "class-2"]),
    ],
)
def test_labels_of_values(png: Png, tmp_path: Path, pixels: Any, names: list[str]) -> None:
    png("images/1.png", np.zeros(np.shape(pixels)[:2]))
    png("masks/1.png", pixels)
    with pytest.raises(InputError, match="nothing says") as caught:
        Dataset.import_from(tmp_path)
    assert "classes=generate" in caught.value.hint
    assert labels(tmp_path, classes="generate") == [("default", "1", names)]


def test_values_that_are_no_classes(png: Png, tmp_path: Path) -> None:
    png("images/1.png", [[0]])
    png("masks/1.png", [[(n, 1, 2) for n in range(256)], [(n, 0, 2) for n in range(256)]])
    with pytest.raises(InputError, match="more than 256"):
        Dataset.import_from(tmp_path, classes="generate")
    png("masks/1.png", [[RED]])
    png("masks/2.png", [[1]])
    with pytest.raises(InputError, match="grey"):
        Dataset.import_from(tmp_path, classes="generate")


def test_a_table_that_is_a_link_to_nowhere(png: Png, tmp_path: Path) -> None:
    png("images/1.png", [[0, 1]])
    png("masks/1.png", [[0, 1]])
    (tmp_path / "dataset_meta.json").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"dataset_meta\.json: there is no such file"):
        Dataset.import_from(tmp_path, NAME)
