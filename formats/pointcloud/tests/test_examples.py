"""The examples of the formats' documentation, as a user makes datasets of his own."""

from __future__ import annotations

import numpy as np

from dsk.annotations import Cuboid3d
from dsk.dataset import Dataset
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud

POINTS = np.arange(8, dtype="<f4").tobytes()


def images():
    return (
        Image.from_array(np.ones((10, 10), dtype=np.uint8), "image1.png"),
        Image("path/to/image2.png", "path/to/image2.png"),
        Image("image3.jpg"),
    )


def test_a_custom_kitti_raw_dataset(tmp_path):
    boxes = [
        Cuboid3d(
            position=(13.54, -9.41, 0.24), label=0, attributes={"occluded": False, "track_id": 1}
        ),
        Cuboid3d(position=(3.4, -2.11, 4.4), label=1, attributes={"occluded": True, "track_id": 2}),
    ]
    cloud = PointCloud("path/to/pcd1.bin", POINTS, None, images())
    item = DatasetItem("some/name", "train", cloud, boxes, {"frame": 0})
    data = Dataset.from_iterable([item], categories=["cat", "dog"])
    report = data.export(tmp_path / "my_dataset", "kitti_raw", save_media=True)
    # of the three images, one has content
    assert {e.what: e.count for e in report.events if e.code == "DSK-L016"} == {
        "image not found": 2
    }
    (back,) = Dataset.import_from(tmp_path / "my_dataset", "kitti_raw")
    assert (back.id, back.attributes) == ("some/name", {"frame": 0})
    assert [(a.position, a.scale, a.attributes) for a in back.annotations] == [
        (a.position, a.scale, a.attributes) for a in boxes
    ]
    assert back.media.read_bytes() == POINTS
    assert len(back.media.extra_images) == 1


def test_a_custom_supervisely_dataset(tmp_path):
    first = [
        Cuboid3d(
            id=206,
            label=0,
            position=(320.86, 979.18, 1.04),
            attributes={"occluded": False, "track_id": 1, "x": 1},
        ),
        Cuboid3d(
            id=207,
            label=1,
            position=(318.19, 974.65, 1.29),
            attributes={"occluded": True, "track_id": 2},
        ),
    ]
    second = [
        Cuboid3d(
            id=208,
            label=1,
            position=(23.04, 8.75, -0.78),
            attributes={"occluded": False, "track_id": 2},
        )
    ]
    items = [
        DatasetItem("frame1", annotations=first, attributes={"frame": 0, "description": "zzz"}),
        DatasetItem(
            "frame2",
            media=PointCloud("path/to/pcd2.bin", POINTS, None, images()),
            annotations=second,
            attributes={"frame": 1},
        ),
    ]
    data = Dataset.from_iterable(items, categories=["cat", "dog"])
    data.export(
        tmp_path / "my_dataset", "sly_pointcloud", save_media=True, allow_undeclared_attrs=True
    )
    one, two = Dataset.import_from(tmp_path / "my_dataset", "sly_pointcloud")
    assert one.attributes == {"frame": 0, "description": "zzz"}
    assert [(a.id, a.label, a.position, a.attributes) for a in one.annotations] == [
        (a.id, a.label, a.position, a.attributes) for a in first
    ]
    assert [(a.id, a.attributes) for a in two.annotations] == [(208, second[0].attributes)]
    assert two.media.read_bytes().endswith(POINTS)
