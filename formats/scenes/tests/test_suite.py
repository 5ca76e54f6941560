"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from msgspec.structs import replace
from scene_files import encoded, put, rgb16

from dsk.annotations import Bbox
from dsk.testing import FormatSuite, samples

if TYPE_CHECKING:
    from pathlib import Path

    from dsk import Dataset
    from dsk.loss import Report


def without_background(dataset: Dataset) -> Dataset:
    """Leave out the masks of pixels that no mask covers."""
    names = dataset.categories().names
    return dataset.transform(
        lambda item: item.replace(
            annotations=[
                a
                for a in item.annotations
                if a.kind != "mask" or a.label is None or names[a.label] != "background"
            ]
        )
    )


class _MapSuite(FormatSuite):
    """Formats of label maps."""

    kinds = ("mask",)
    attributes: ClassVar = {}
    added_labels = ("background",)
    ignore = frozenset({"label_colors"})  # labels without a colour get one


class TestCityscapes(_MapSuite):
    format = "cityscapes"
    added_attributes: ClassVar = {"is_crowd": False}


class _BoxSuite(FormatSuite):
    attributes: ClassVar = {"truncated": True, "occluded": True, "score": 0.5}
    added_attributes: ClassVar = {"truncated": False, "occluded": False, "score": 1.0}
    unheld_labels = frozenset({"spaces", "punctuation"})  # types have no blanks
    _rich = False

    def prepare(self, dataset: Dataset) -> Dataset:
        """Only boxes have these attributes."""
        if self._rich:
            return dataset
        return dataset.transform(
            lambda item: item.replace(
                annotations=[
                    replace(a, attributes=a.attributes if type(a) is Bbox else {})
                    for a in item.annotations
                ]
            )
        )

    def rich_sample(self, **changes: Any) -> Dataset:
        """Return a sample as it is: what cannot be held must be reported."""
        self._rich = True
        return super().rich_sample(**changes)


class TestKitti(_BoxSuite):
    format = "kitti"
    added_labels = ("background",)
    ignore = frozenset({"label_colors", "attributes"})

    def found(self, dataset: Dataset) -> Dataset:
        """Pixels without a mask come back as the background."""
        return without_background(dataset)

    def count_annotations(self, dataset: Dataset, report: Report) -> int:
        """Count without the background."""
        return super().count_annotations(without_background(dataset), report)


class _Part:
    """A part of KITTI: the same readers as the whole's, with which damage is tried."""

    test_truncated_files = None
    test_empty_files = None
    test_garbage_files = None
    test_files_of_wrong_encoding = None
    test_folders_in_place_of_files = None
    test_missing_files = None
    test_wrong_values = None
    test_hostile = None


class TestKittiDetection(_Part, _BoxSuite):
    format = "kitti_detection"
    detected = False
    ignore = frozenset({"labels", "label_order"})  # labels are those that occur
    expected_losses = frozenset({"DSK-L010"})


class TestKittiSegmentation(_Part, _MapSuite):
    format = "kitti_segmentation"
    added_attributes: ClassVar = {"is_crowd": False}
    detected = False

    def found(self, dataset: Dataset) -> Dataset:
        """Pixels without a mask come back as the background."""
        return without_background(dataset)

    def count_annotations(self, dataset: Dataset, report: Report) -> int:
        """Count without the background."""
        return super().count_annotations(without_background(dataset), report)


class TestCamvid(_MapSuite):
    format = "camvid"
    unheld_ids = frozenset({"punctuation"})


class TestCommonSemanticSegmentation(_MapSuite):
    format = "common_semantic_segmentation"


class TestMapillaryVistas(FormatSuite):
    format = "mapillary_vistas"
    maps = "instances"

    def make(self, folder: Path) -> None:
        labels = [{"name": f"object--{n}", "color": [n, 2, 3], "instances": True} for n in (0, 1)]
        put(folder / "config_v2.0.json", json.dumps({"labels": labels}).encode())
        for number in (1, 2):
            annotations = folder / f"training/v2.0/{self.maps}"
            put(folder / f"training/images/{number}.jpg", samples.encoded_image(number, ".jpg"))
            self.make_maps(annotations, number)
        self.make_texts(folder / "training/v2.0")

    def make_maps(self, annotations: Path, number: int) -> None:
        put(annotations / f"{number}.png", encoded([[256, 258, 0, number]], np.uint16))

    def make_texts(self, annotations: Path) -> None:
        ring = [[0, 0], [1, 0], [1, 1]]
        outline = {"objects": [{"id": 0, "label": "object--1", "polygon": ring}]}
        put(annotations / "polygons/2.json", json.dumps(outline).encode())


class TestMapillaryVistasInstances(TestMapillaryVistas):
    format = "mapillary_vistas_instances"


class TestMapillaryVistasPanoptic(TestMapillaryVistas):
    format = "mapillary_vistas_panoptic"
    maps = "panoptic"

    def make_maps(self, annotations: Path, number: int) -> None:
        put(annotations / f"{number}.png", encoded([[(1, 1, 0), (2, 0, 0)]]))

    def make_texts(self, annotations: Path) -> None:
        segments = [{"id": 257, "category_id": 3, "iscrowd": 1}, {"id": 2, "category_id": 1}]
        found = {
            "categories": [{"id": 1, "name": "a"}, {"id": 3, "name": "c"}],
            "annotations": [
                {"image_id": str(n), "file_name": f"{n}.png", "segments_info": segments}
                for n in (1, 2)
            ],
        }
        put(annotations / "panoptic/panoptic_2020.json", json.dumps(found).encode())


class _SynthiaSuite(FormatSuite):
    """Editions of SYNTHIA: folders of images and of what their pixels belong to."""

    images: ClassVar[str]
    maps: ClassVar[str]
    content: ClassVar[bytes]
    ending = ".png"

    def make(self, folder: Path) -> None:
        for name in ("1", "2"):
            put(folder / self.images / f"{name}.png", encoded([[(0, 0, 0)] * 2]))
            put(folder / self.maps / f"{name}{self.ending}", self.content)


class TestSynthia(_SynthiaSuite):
    format = "synthia"
    images, maps = "RGB/Stereo_Left/Omni_F", "GT/LABELS/Stereo_Left/Omni_F"
    content = rgb16([[(8, 700, 0), (3, 0, 0)]])


class TestSynthiaRand(_SynthiaSuite):
    format = "synthia_rand"
    images, maps, ending, content = "RGB", "GTTXT", ".txt", b"1 8\n"


class TestSynthiaSf(_SynthiaSuite):
    format = "synthia_sf"
    images, maps = "RGBLeft", "GTLeft"
    content = encoded([[(107, 142, 35), (128, 64, 128)]])


class TestSynthiaAl(_SynthiaSuite):
    format = "synthia_al"
    images, maps = "RGB", "SemSeg"
    content = encoded([[(0, 172, 0), (0, 0, 0)]])
