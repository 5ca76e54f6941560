"""The generated datasets: deterministic, small, and true to their recipe."""

from __future__ import annotations

import numpy as np
import pytest

from dsk.annotations import KINDS
from dsk.names import clean_name
from dsk.testing import assert_same_dataset, samples
from dsk.testing.base import touch


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_samples_of_each_kind(kind):
    dataset = samples.make(kinds=(kind,), subsets=("train", "val"), fields=samples.ALL_FIELDS)
    labels = len(dataset.categories().labels)
    items = list(dataset)
    assert len(items) == 6
    assert {a.kind for item in items for a in item.annotations} == {kind}
    for item in items:
        touch(item)
        assert all(a.label is None or 0 <= a.label < labels for a in item.annotations)
    ids = [a.id for item in items for a in item.annotations]
    assert len(set(ids)) == len(ids)
    assert_same_dataset(
        dataset, samples.make(kinds=(kind,), subsets=("train", "val"), fields=samples.ALL_FIELDS)
    )


def test_objects_lie_inside_the_image_and_apart():
    for item in samples.make(kinds=("mask",), ids=tuple(map(str, range(8)))):
        stack = np.sum([a.image for a in item.annotations], axis=0)
        assert stack.shape == (samples.HEIGHT, samples.WIDTH)
        assert stack.max() == 1
    for item in samples.make(kinds=("bbox",), ids=tuple(map(str, range(8)))):
        for a in item.annotations:
            assert a.x >= 0
            assert a.y >= 0
            assert a.x + a.w <= samples.WIDTH
            assert a.y + a.h <= samples.HEIGHT


def test_whole_numbers_on_request():
    for item in samples.make(
        kinds=("bbox", "polygon", "polyline"), grid=1.0, holes=True, multi_ring=True
    ):
        for a in item.annotations:
            values = (
                a.bbox
                if a.kind == "bbox"
                else np.concatenate(a.rings)
                if a.kind == "polygon"
                else a.points
            )
            assert all(float(v).is_integer() for v in values)


@pytest.mark.parametrize("media", ["bytes", "file", "array", "named", "none"])
def test_media_as_asked_for(media, tmp_path):
    items = list(samples.make(media=media, folder=tmp_path))
    assert [item.media is None for item in items] == [media == "none"] * 3
    if media in ("bytes", "file", "array"):
        assert items[0].media.data.shape == (samples.HEIGHT, samples.WIDTH, 3)
    if media == "file":
        assert str(tmp_path) in items[0].media.source


def test_volumes_are_lazy_and_clouds_have_a_related_image():
    (scan, *_) = samples.make(kinds=("mask_3d",))
    assert scan.media.kind == "volume"
    assert scan.media.source[1, 2, 3] == scan.media.source[...][1, 2, 3]
    (cloud, *_) = samples.make(kinds=("cuboid_3d",))
    assert cloud.media.kind == "point_cloud"
    assert cloud.media.read_bytes().startswith(b"# .PCD")
    assert cloud.media.extra_images[0].get_size() == (samples.HEIGHT, samples.WIDTH)


def test_ids_are_clean_names():
    for name in (name for names in samples.IDS.values() for name in names):
        assert clean_name(name) == name


def test_subsets_share_ids_only_on_request():
    apart = [item.id for item in samples.make(subsets=("a", "b"))]
    assert len(set(apart)) == len(apart)
    alike = [item.id for item in samples.make(subsets=("a", "b"), same_ids=True)]
    assert len(set(alike)) == len(alike) // 2


def test_files_need_a_folder():
    with pytest.raises(ValueError, match="folder"):
        samples.make(media="file")
