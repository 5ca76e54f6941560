"""Subsets: their names, and folders that are none; images of one name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Dataset, DatasetItem, Mask
from dsk.media import Image
from dsk.rle import from_dense

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Png = Callable[..., Path]
    Text = Callable[[str, str], Path]

WRITTEN = ["camvid", "cityscapes", "common_semantic_segmentation", "kitti"]
CONFIG = {"labels": [{"name": f"animal--{n}", "color": [n, 0, 0]} for n in range(3)]}


def item(subset: str, *, masks: bool = True) -> DatasetItem:
    pixels = np.zeros((2, 4), bool)
    pixels[0, :2] = True
    image = Image.from_array(np.zeros((2, 4, 3), np.uint8), "a.png")
    found = [Mask(from_dense(pixels), label=0)] if masks else []
    return DatasetItem("i/a", subset, image, found)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("subset", ["a/b", "a\\b", ".", ".."])
def test_subsets_that_are_no_name_of_a_folder(tmp_path: Path, name: str, subset: str) -> None:
    """They came back as others, or with ids of others."""
    dataset = Dataset.from_iterable([item(subset)], ["x"])
    report = dataset.export(tmp_path / "out", name, save_media=True)
    (found,) = Dataset.import_from(tmp_path / "out", name)
    assert found.id == "i/a"
    told = f"subset {subset!r} is called {found.subset!r}"
    assert told in [event.what for event in report.events]


@pytest.mark.parametrize("table", ["meta", "csv", "txt"])
@pytest.mark.parametrize("masks", [True, False])
def test_the_default_subset_beside_others(tmp_path: Path, table: str, masks: bool) -> None:
    items = [item("default", masks=masks), item("train"), item("val")]
    dataset = Dataset.from_iterable(items, ["background", "x"])
    name = "common_semantic_segmentation"
    dataset.export(tmp_path / "out", name, save_media=True, table=table)
    found = [(i.subset, i.id) for i in Dataset.import_from(tmp_path / "out")]
    assert sorted(found) == [("default", "i/a"), ("train", "i/a"), ("val", "i/a")]


@pytest.mark.parametrize(("folder", "subset"), [("my copy", "default"), ("training", "training")])
def test_mapillary_without_subsets_in_a_folder(
    png: Png, text: Text, tmp_path: Path, folder: str, subset: str
) -> None:
    png(f"{folder}/images/a.jpg", np.zeros((2, 2, 3)))
    png(f"{folder}/v1.2/instances/a.png", [[0, 256], [513, 0]], np.uint16)
    text(f"{folder}/config_v1.2.json", json.dumps(CONFIG))
    (found,) = Dataset.import_from(tmp_path, "mapillary_vistas")
    assert (found.subset, found.id, len(found.annotations)) == (subset, "a", 3)


def test_a_list_of_camvid_given_by_itself(png: Png, text: Text, tmp_path: Path) -> None:
    png("train/1.png", np.zeros((1, 1, 3)))
    png("trainannot/1.png", [[[64, 0, 128]]])
    text("train.txt", "/train/1.png trainannot/1.png\n")
    text("label_colors.txt", "64 0 128 Car\n")
    assert Dataset.import_from(tmp_path / "train.txt").format == "camvid"


@pytest.mark.parametrize(
    "case",
    [
        ("kitti", "training/image_2", "training/instance"),
        ("mapillary_vistas", "training/images", "training/v1.2/instances"),
        ("common_semantic_segmentation", "images", "masks"),
        ("synthia_rand", "RGB", "GT"),
    ],
)
def test_images_whose_names_differ_in_the_ending(
    png: Png, text: Text, tmp_path: Path, case: tuple[str, str, str]
) -> None:
    name, images, maps = case
    for ending in ("jpg", "png"):
        png(f"{images}/1.{ending}", np.zeros((1, 1, 3)))
    png(f"{maps}/1.png", [[256]], np.uint16)
    text("config_v1.2.json", json.dumps(CONFIG))
    text("dataset_meta.json", json.dumps({"labels": ["a", "b"]}))
    dataset = Dataset.import_from(tmp_path, name)
    assert any("differ in the ending" in w for w in dataset.opening_ledger.warnings)
    assert dataset.header.items in (1, None)
