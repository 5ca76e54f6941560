"""Routes from and to label maps of scenes, with all packages installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from dsk import Dataset

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    """Return a dataset of one image with two cars and the road."""
    folder = tmp_path / "cityscapes"
    pixels = np.full((8, 12), 7, np.uint16)
    pixels[2:5, 1:4], pixels[4:7, 6:11] = 26000, 26001
    for name, array in (
        ("gtFine/train/ulm/ulm_000000_000019_gtFine_instanceIds.png", pixels),
        ("leftImg8bit/train/ulm/ulm_000000_000019_leftImg8bit.png", pixels.astype(np.uint8)),
    ):
        path = folder / name
        path.parent.mkdir(parents=True)
        Image.fromarray(array).save(path)
    return folder


def areas(dataset: Dataset) -> dict[str, list[int]]:
    """Return the sizes of masks by label, without those of pixels that no mask covers."""
    names = dataset.categories().names
    found: dict[str, list[int]] = {}
    for item in dataset:
        for a in item.annotations:
            if a.kind == "mask" and a.label is not None and names[a.label] != "unlabeled":
                found.setdefault(names[a.label], []).append(int(a.image.sum()))
    return {name: sorted(sizes) for name, sizes in found.items()}


@pytest.mark.parametrize("target", ["coco", "datumaro", "kitti_segmentation", "cityscapes"])
def test_objects_survive(cityscapes: Path, tmp_path: Path, target: str) -> None:
    given = Dataset.import_from(cityscapes)
    given.export(tmp_path / "out", target, save_media=True)
    back = Dataset.import_from(tmp_path / "out", target)
    assert areas(back) == {"road": [72], "car": [9, 15]}


@pytest.mark.parametrize("target", ["camvid", "common_semantic_segmentation"])
def test_classes_survive_and_joins_are_reported(
    cityscapes: Path, tmp_path: Path, target: str
) -> None:
    given = Dataset.import_from(cityscapes)
    report = given.export(tmp_path / "out", target, save_media=True)
    back = Dataset.import_from(tmp_path / "out", target)
    assert areas(back) == {"road": [72], "car": [24]}
    assert [(e.code, e.count) for e in report.events if e.code == "DSK-L014"] == [("DSK-L014", 1)]


def test_masks_become_boxes(tmp_path: Path, cityscapes: Path) -> None:
    Dataset.import_from(cityscapes).export(tmp_path / "coco", "coco", save_media=True)
    boxes = Dataset.import_from(tmp_path / "coco", "coco")
    report = boxes.export(tmp_path / "kitti", "kitti_detection")
    assert report.annotations["out"] == 3
    assert any(event.code == "DSK-L003" for event in report.events)
