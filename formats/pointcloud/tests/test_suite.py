"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from dsk.categories import Categories
from dsk.dataset import Dataset
from dsk.errors import InputError
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from pathlib import Path


class TestKittiRaw(FormatSuite):
    format = "kitti_raw"
    export_options: ClassVar = {"reindex": True, "allow_attrs": True, "save_dataset_meta": True}
    added_attributes: ClassVar = {"occluded": False}
    added_item_attributes = ("frame",)
    item_attributes: ClassVar = {}
    ignore = frozenset({"label_attributes"})

    def found(self, dataset: Dataset) -> Dataset:
        """Boxes are numbered as tracks, whatever they were before."""
        return dataset.transform(_without_tracks)


def _without_tracks(item):
    from msgspec.structs import replace

    return item.replace(
        annotations=[
            replace(a, attributes={k: v for k, v in a.attributes.items() if k != "track_id"})
            for a in item.annotations
        ]
    )


class TestSlyPointcloud(FormatSuite):
    format = "sly_pointcloud"
    export_options: ClassVar = {"allow_undeclared_attrs": True}
    added_item_attributes = ("frame", "description")
    item_attributes: ClassVar = {"weather": "rain"}
    ignore = frozenset({"label_colors", "label_attributes", "id"})

    def prepare(self, dataset: Dataset) -> Dataset:
        """Every cloud has a frame; the samples give all of them the same."""
        return dataset.transform(_without_frame)

    def found(self, dataset: Dataset) -> Dataset:
        """Boxes have +y ahead in such files, and each has an object with a number."""
        return dataset.transform(lambda item: _without_tracks(_turned(item)))


class TestEpisodes(TestSlyPointcloud):
    export_options: ClassVar = {"allow_undeclared_attrs": True, "format_variant": "episodes"}


def _turned(item):
    from dsk_pointcloud.frames import turned

    return item.replace(annotations=[turned(a, "+x") for a in item.annotations])


class TestKitti3d(FormatSuite):
    format = "kitti3d"
    export_options: ClassVar = {
        "calib": "identity",
        "precision": 9,
        "cloud_ext": "keep",
        "save_scores": True,
        "save_dataset_meta": True,
    }
    kinds = ("cuboid_3d",)
    attributes: ClassVar = {}
    tolerance = 1e-6
    ignore = frozenset({"group"})
    unheld_labels = frozenset({"spaces", "words", "punctuation"})

    def prepare(self, dataset: Dataset) -> Dataset:
        """A label needs a box before the camera."""
        return dataset.transform(_ahead)

    def found(self, dataset: Dataset) -> Dataset:
        """Every label has a box in the image, and states truncation, occlusion and alpha."""
        return dataset.transform(_solid_only)

    def count_annotations(self, dataset: Dataset, report) -> int:
        return sum(a.kind == "bbox" for item in dataset for a in item.annotations)


def _ahead(item):
    from msgspec.structs import replace

    media = item.media
    if media is not None and media.kind == "point_cloud":
        media = replace(media, extra_images=())  # boxes are clipped to the image
    return item.replace(
        media=media,
        annotations=[
            replace(a, position=(abs(a.position[0]) + 20, *a.position[1:]))
            if a.kind == "cuboid_3d"
            else a
            for a in item.annotations
        ],
    )


def _solid_only(item):
    from msgspec.structs import replace

    solid = any(a.kind == "cuboid_3d" for a in item.annotations)
    return item.replace(
        annotations=[
            replace(a, attributes={}, group=0)
            for a in item.annotations
            if a.kind == "cuboid_3d" or not solid
        ]
    )


class TestNuscenes(FormatSuite):
    format = "nuscenes"
    export_options: ClassVar = {"cloud_ext": "keep"}
    attributes: ClassVar = {"colour": "red", "parked": True}
    added_item_attributes = ("frame",)
    item_attributes: ClassVar = {}
    tolerance = 1e-6

    def prepare(self, dataset: Dataset) -> Dataset:
        """Images need the matrices of their camera, which the samples lack."""
        return dataset.transform(_without_images)

    def found(self, dataset: Dataset) -> Dataset:
        """Every box states the number of its points."""
        return dataset.transform(_uncounted)


def _without_images(item):
    from msgspec.structs import replace

    media = item.media
    if media is not None and media.kind == "point_cloud":
        media = replace(media, extra_images=())
    return item.replace(media=media)


def _uncounted(item):
    from msgspec.structs import replace

    return item.replace(
        annotations=[
            replace(a, attributes={k: v for k, v in a.attributes.items() if k != "num_lidar_pts"})
            for a in item.annotations
        ]
    )


class TestOpenPcDet(FormatSuite):
    format = "openpcdet"
    unheld_labels = frozenset({"spaces", "words", "punctuation"})


class TestMmdet3d(TestOpenPcDet):
    format = "mmdet3d"


def _without_frame(item):
    return item.replace(attributes={k: v for k, v in item.attributes.items() if k != "frame"})


class TestCloudDir(FormatSuite):
    format = "cloud_dir"
    subsets = ("default",)
    expected_losses = frozenset({"DSK-L001", "DSK-L010", "DSK-L016"})

    def expected(self, dataset: Dataset) -> Dataset:
        """Nothing but clouds survives."""
        items = [_without_images(item).replace(annotations=()) for item in dataset]
        return Dataset.from_iterable(items, Categories())

    def rich_sample(self, **changes: Any) -> Dataset:
        """Boxes in space, because the items of others are images."""
        return super().rich_sample(**{"kinds": ("cuboid_3d",), **changes})

    def _all_gone(self, dataset: Dataset, code: str, folder: Path) -> None:
        report = self.write(dataset, folder)
        assert sum(e.count for e in report.losses if e.code == code) == report.items["in"]
        with pytest.raises(InputError, match="no point clouds"):
            self.read(folder)

    def test_items_without_media(self, tmp_path: Path) -> None:
        """Items without media are lost, and every one is reported."""
        self._all_gone(self.sample(media="none"), "DSK-L008", tmp_path / "out")

    def test_media_that_are_only_named(self, tmp_path: Path) -> None:
        """Missing clouds are lost, and every one is reported."""
        self._all_gone(self.sample(media="named"), "DSK-L016", tmp_path / "out")
