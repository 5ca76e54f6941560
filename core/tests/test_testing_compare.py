"""Comparing datasets: what counts as the same, and how differences are told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid3d,
    Label,
    Mask,
    Mask3d,
    Points,
    Polygon,
    RotatedBbox,
    Skeleton,
)
from dsk.categories import Categories, LabelCategory
from dsk.dataset import Dataset
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import ArrayMask, from_dense
from dsk.testing import assert_same_dataset, differences, same_annotation, samples

RING = [1.0, 1.0, 9.0, 1.0, 9.0, 5.0, 1.0, 5.0]


@pytest.mark.parametrize("kind", sorted(samples.MAKERS))
def test_equal_samples_have_no_differences(kind):
    assert_same_dataset(samples.make(kinds=(kind,)), samples.make(kinds=(kind,)))


@pytest.mark.parametrize("kind", sorted(set(samples.MAKERS) - {"label"}))
def test_every_kind_has_a_geometry_that_is_compared(kind):
    one, other = (samples.annotations_for(samples.Recipe(kinds=(kind,)), n)[-1] for n in (0, 1))
    assert not same_annotation(one, other, ignore={"label"})


@given(st.floats(-180, 180), st.sampled_from([0, 90, 180, 270]))
def test_rotated_boxes_are_the_same_for_all_their_angles(angle, turn):
    w, h = (10.0, 4.0) if turn % 180 == 0 else (4.0, 10.0)
    turned = RotatedBbox(20.0, 15.0, w, h, angle + turn)
    assert same_annotation(RotatedBbox(20.0, 15.0, 10.0, 4.0, angle), turned)
    if abs(math.sin(math.radians(2 * angle))) > 1e-3:
        assert not same_annotation(turned, replace(turned, r=-turned.r))


@given(st.integers(0, 3), st.booleans())
def test_rings_may_begin_anywhere_and_be_closed(shift, closed):
    ring = RING[2 * shift :] + RING[: 2 * shift]
    ring = ring + ring[:2] if closed else ring
    assert same_annotation(Polygon(RING), Polygon([ring]))


def test_rings_in_any_order_but_holes_are_holes():
    hole = [3.0, 2.0, 5.0, 2.0, 5.0, 4.0]
    assert same_annotation(Polygon([RING, hole], (1,)), Polygon([hole, RING], (0,)))
    assert not same_annotation(Polygon([RING, hole], (1,)), Polygon([RING, hole]))
    assert not same_annotation(Polygon([RING, hole]), Polygon([RING]))


def test_undecoded_geometry_equals_decoded():
    assert same_annotation(Polygon(RING), Polygon(Raw(b"[[1,1,9,1,9,5,1,5]]")))
    pixels = np.zeros((4, 5), dtype=bool)
    pixels[1:3, 2:] = True
    assert same_annotation(Mask(from_dense(pixels)), Mask(ArrayMask(pixels.astype(int) * 7, 7)))


def test_masks_by_iou():
    one, other = np.zeros((2, 10, 10), dtype=bool)
    one[:, :5] = other[:, :6] = True
    items = [[DatasetItem("a", annotations=[Mask(from_dense(m))])] for m in (one, other)]
    assert [d.part for d in differences(*items)] == ["geometry"]
    assert not differences(*items, mask_iou=0.8)


def test_turns_that_mean_the_same_rotation():
    one = Cuboid3d((1.0, 2.0, 3.0), (0.0, 0.0, 0.5))
    assert same_annotation(one, replace(one, rotation=(0.0, 0.0, 0.5 - 2 * math.pi)))
    assert same_annotation(one, replace(one, rotation=(math.pi, math.pi, 0.5 + math.pi)))
    assert not same_annotation(one, replace(one, rotation=(0.0, 0.0, -0.5)))
    assert not same_annotation(one, replace(one, frame="camera"))


def test_absent_points_have_no_place():
    one = Skeleton([1, 2, 0, 0], [2, 0])
    assert same_annotation(one, Skeleton([1, 2, 7, 7], [2, 0]))
    assert not same_annotation(one, Skeleton([1, 2, 0, 0], [2, 1]))
    assert same_annotation(Points([1, 2]), Points([1, 2], [2]))


def test_voxels_by_value():
    voxels = np.array([[[0, 1], [2, 2]]])
    assert same_annotation(Mask3d(voxels, 2), Mask3d(voxels == 2))
    assert not same_annotation(Mask3d(voxels, 2), Mask3d(voxels, 1))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"label": 1}, "label"),
        ({"label": None}, "label"),
        ({"x": 1.1}, "geometry"),
        ({"id": 8}, "id"),
        ({"object_id": 3}, "object_id"),
        ({"attributes": {"a": 2}}, "attributes"),
        ({"attributes": {}}, "attributes"),
        ({"attributes": {"a": True}}, "attributes"),
        ({"extra": {"x": {}}}, "extra"),
    ],
)
def test_each_part_is_found_and_can_be_ignored(change, part):
    box = Bbox(1.0, 2.0, 3.0, 4.0, label=0, id=7, attributes={"a": 1})
    a, b = [[DatasetItem("i", annotations=[x])] for x in (box, replace(box, **change))]
    assert [d.part for d in differences(a, b)] == [part]
    assert not differences(a, b, ignore={part})


def test_an_id_that_nobody_gave_may_be_any():
    assert same_annotation(Label(label=0), Label(label=0, id=5))
    assert not same_annotation(Label(label=0, id=5), Label(label=0))


def test_tolerance_is_a_bound():
    assert same_annotation(Bbox(1, 1, 2, 2), Bbox(1.25, 1, 2, 2), tolerance=0.25)
    assert not same_annotation(Bbox(1, 1, 2, 2), Bbox(1.26, 1, 2, 2), tolerance=0.25)
    assert not same_annotation(Bbox(1, 1, 2, 2), Bbox(math.nan, 1, 2, 2), tolerance=9)


def test_groups_are_partitions():
    def item(*groups):
        boxes = [Bbox(n, 0, 1, 1, group=g) for n, g in enumerate(groups)]
        return [DatasetItem("i", annotations=boxes)]

    assert not differences(item(1, 1, 0, 2), item(5, 5, 9, 0))
    assert [d.part for d in differences(item(1, 1, 2), item(1, 2, 2))] == ["group"]


def test_drawing_order_not_its_numbers():
    def item(*orders):
        return [
            DatasetItem(
                "i", annotations=[Bbox(n, 0, 1, 1, z_order=z) for n, z in enumerate(orders)]
            )
        ]

    assert not differences(item(0, 3, 3), item(1, 2, 2))
    assert [d.part for d in differences(item(0, 3), item(3, 0))] == ["z_order"]


def test_annotations_in_another_order():
    boxes = [Bbox(n, n, 5, 5, label=n % 2) for n in range(4)]
    a, b = [DatasetItem("i", annotations=boxes)], [DatasetItem("i", annotations=boxes[::-1])]
    assert not differences(a, b)


def test_labels_are_compared_by_name():
    a = Dataset.from_iterable([DatasetItem("i", annotations=[Label(label=0)])], ["cat", "dog"])
    b = Dataset.from_iterable([DatasetItem("i", annotations=[Label(label=1)])], ["dog", "cat"])
    assert [d.part for d in differences(a, b)] == ["label_order"]


def test_facts_about_labels():
    def empty(label, **more):
        return Dataset.from_iterable([], Categories(labels=(label,), **more))

    plain = empty(LabelCategory("cat"))
    for other, part in (
        (empty(LabelCategory("cat", parent="animal")), "label_parent"),
        (empty(LabelCategory("cat", attributes=("a",))), "label_attributes"),
        (empty(LabelCategory("cat"), colors={0: (1, 2, 3)}), "label_colors"),
        (empty(LabelCategory("cat"), points={0: samples.POINTS}), "label_points"),
    ):
        assert [d.part for d in differences(plain, other)] == [part]


def test_items_missing_added_moved_and_doubled():
    a = [DatasetItem("x", "train", annotations=[Caption(caption="c")]), DatasetItem("y", "train")]
    moved = [item.replace(subset="val") for item in a]
    assert {d.part for d in differences(a, moved)} == {"subset"}
    assert not differences(a, moved, ignore={"subset"})
    gone = differences(a, a[1:])
    assert [(d.part, d.kind) for d in gone] == [("item", ""), ("annotation", "caption")]
    assert "was added" in str(differences(a[1:], a)[0])
    assert "more than once" in str(differences(a, [*a, a[0]])[0])


def test_media_by_content():
    png, jpg = samples.encoded_image(0), samples.encoded_image(1, ".jpg")

    def item(media):
        return [DatasetItem("i", media=media)]

    full = item(Image.from_bytes(png, "i.png"))
    assert not differences(full, item(Image.from_bytes(png, "other.png")))
    assert not differences(item(Image(path="i.png")), item(None))
    assert not differences(item(Image.from_array(samples.pixels(0))), full)
    for other in (
        item(None),
        item(Image.from_bytes(jpg)),
        item(Image(path="i.png", size=(48, 64))),
    ):
        assert [d.part for d in differences(full, other)] == ["media"]
    named = [item(Image(path="i.png", size=size)) for size in ((1, 2), (2, 1))]
    assert "size" in str(differences(*named)[0])


def test_message_lists_differences():
    a = [DatasetItem("i", annotations=[Bbox(1, 2, 3, 4, id=6)])]
    with pytest.raises(AssertionError, match=r"item 'i' of 'default' bbox #6: geometry: expected"):
        assert_same_dataset(a, [DatasetItem("i", annotations=[Bbox(1, 2, 3, 5, id=6)])])


def test_ignoring_what_there_is_not():
    with pytest.raises(ValueError, match="colour"):
        differences([], [], ignore={"colour"})
