"""Telling formats apart: what a detector may bring with it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Dataset
from dsk.errors import InputError
from dsk.files import open_root
from dsk_scenes.camvid.detect import detect as camvid
from dsk_scenes.cityscapes.detect import detect as cityscapes
from dsk_scenes.kitti.detect import detect as kitti
from dsk_scenes.mapillary.detect import detect as mapillary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CODE = """
import sys
from dsk.files import open_root
from dsk.registry import resolve
from dsk_scenes.plugin import dsk_importers

root = open_root(sys.argv[1])
names = [i.name for i in dsk_importers() if i.detector and resolve(i.detector)(root) is not None]
print(",".join(names), *sorted({"numpy", "PIL"} & set(sys.modules)))
"""


def test_detectors_are_light(
    png: Callable[..., Path], text: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """Neither numpy nor Pillow is loaded, which takes longer than all the looking."""
    png("CamVid/train/x.png", [[0]])
    png("CamVid/trainannot/x.png", [[0]])
    text("CamVid/train.txt", "train/x.png trainannot/x.png\n")
    text("CamVid/label_colors.txt", "0 0 0 sky\n")
    png("pairs/images/x.png", [[0]])
    png("pairs/masks/x.png", [[0]])
    text("pairs/class_dict.csv", "name,r,g,b\nsky,0,0,0\n")
    for folder, expected in (("CamVid", "camvid"), ("pairs", "common_semantic_segmentation")):
        done = subprocess.run(
            [sys.executable, "-c", _CODE, str(tmp_path / folder)],
            capture_output=True,
            check=True,
            text=True,
        )
        found, *heavy = done.stdout.split()
        assert expected in found.split(",")
        assert not heavy


def test_the_first_edition_of_mapillary(png: Callable[..., Path], tmp_path: Path) -> None:
    """Its folder ``instances`` is that of MOTS, too; its configuration is its own."""
    png("training/images/a.png", [[0]])
    png("training/instances/a.png", [[256]], np.uint16)
    label = {"name": "object--car", "readable": "Car", "instances": True, "evaluate": True}
    config = {"version": "1.1", "labels": [{**label, "color": [0, 0, 142]}]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = mapillary(open_root(tmp_path))
    assert found is not None
    assert found.score == 90
    (tmp_path / "config.json").write_text('{"labels": []}')
    found = mapillary(open_root(tmp_path))
    assert found is not None
    assert found.score == 70


@pytest.mark.parametrize("content", ['{"model": "x"}', '{"labels": ["a"]}'])
def test_config_of_something_else(
    png: Callable[..., Path], text: Callable[[str, str], Path], tmp_path: Path, content: str
) -> None:
    """Folders of images and label files, such as YOLO's, beside the settings of a program."""
    png("train/images/a.png", [[0]])
    text("train/labels/a.txt", "0 0.5 0.5 0.2 0.2\n")
    text("config.json", content)
    assert mapillary(open_root(tmp_path)) is None
    assert mapillary(open_root(tmp_path / "train")) is None


def test_config_above_the_folder_given(
    png: Callable[..., Path], text: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """It is read if it is Mapillary's; nobody gave that folder."""
    png("training/images/a.png", [[0]])
    png("training/labels/a.png", [[0]])
    text("config.json", '{"model": "x"}')
    with pytest.raises(InputError, match="no configuration of labels"):
        Dataset.import_from(tmp_path / "training", "mapillary_vistas")
    text("config.json", '{"labels": [{"name": "a--b", "color": [1, 2, 3]}]}')
    dataset = Dataset.import_from(tmp_path / "training", "mapillary_vistas")
    assert dataset.categories().names == ["a--b"]


def test_classes_of_kitti_without_instances(png: Callable[..., Path], tmp_path: Path) -> None:
    png("training/semantic/000000_10.png", [[7]])
    assert kitti(open_root(tmp_path)) is None
    png("training/image_2/000000_10.png", [[0]])
    found = kitti(open_root(tmp_path))
    assert found is not None
    assert found.score == 70
    (item,) = Dataset.import_from(tmp_path, "kitti")
    assert [a.kind for a in item.annotations] == ["mask"]


def test_panoptic_files_within_cityscapes(png: Callable[..., Path], tmp_path: Path) -> None:
    """Cityscapes' own scripts put COCO's panoptic files beside its maps, whose detector says 90."""
    png("gtFine/train/a/a_000000_000019_gtFine_instanceIds.png", [[7]], np.uint16)
    (tmp_path / "gtFine/cityscapes_panoptic_train.json").write_text('{"images": []}')
    found = cityscapes(open_root(tmp_path))
    assert found is not None
    assert found.score > 90


def test_lists_of_images_and_xml_files_are_not_camvids(
    png: Callable[..., Path], text: Callable[[str, str], Path], tmp_path: Path
) -> None:
    png("images/a.png", [[0]])
    text("annotations/a.xml", "<annotation/>")
    text("train_list.txt", "images/a.png annotations/a.xml\n")
    assert camvid(open_root(tmp_path)) is None
