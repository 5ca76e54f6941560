"""Other kinds for the same objects: masks, polygons, boxes, rotated boxes, labels, captions."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dsk import masks
from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid3d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    PolyLine,
    Rle,
    RotatedBbox,
    Skeleton,
)
from dsk.categories import Categories
from dsk.dataset import Dataset
from dsk.errors import OptionError, RecordError
from dsk.geometry import rotated_box_corners
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.rle import counts_of, from_dense

SIZE = (20, 30)


def run(name, *annotations, size=SIZE, on_error="raise", **options):
    """Annotations after a transform, and the ledger; ``attributes`` are those of the item."""
    attributes = options.pop("item_attributes", {})
    media = Image(path="x.png", size=size) if size else None
    item = DatasetItem("x", media=media, annotations=annotations, attributes=attributes)
    ledger = Ledger(on_error)
    dataset = Dataset.from_iterable([item], "abc")
    (done,) = dataset.transform(name, **options).read(ledger)
    return list(done.annotations), ledger


def counted(ledger):
    found = Counter()
    for event in ledger.events.values():
        found[event.code, event.kind] += event.count
    return found


def pixels(text):
    """A mask of rows, # for its pixels."""
    return np.array([[c == "#" for c in row] for row in text.split()])


FULL = {
    "label": 1,
    "id": 7,
    "group": 3,
    "object_id": 5,
    "z_order": 2,
    "attributes": {"k": 1},
    "extra": {"f": {"g": 1}},
}


def common(a):
    return {name: getattr(a, name) for name in FULL}


class TestToMasks:
    def test_the_pixels_of_a_rectangle(self):
        (mask,), ledger = run("polygons_to_masks", Polygon([2, 1, 5, 1, 5, 3, 2, 3], **FULL))
        expected = np.zeros(SIZE, bool)
        expected[1:3, 2:5] = True
        assert (mask.image == expected).all()
        assert common(mask) == FULL
        assert counted(ledger) == {("DSK-L022", "polygon"): 1}

    def test_holes_and_parts(self):
        rings = [
            [0, 0, 8, 0, 8, 8, 0, 8],
            [2, 2, 6, 2, 6, 6, 2, 6],
            [10, 0, 12, 0, 12, 2, 10, 2],
        ]
        (mask,), _ = run("polygons_to_masks", Polygon(rings, (1,)))
        assert masks.area(counts_of(mask.rle)) == 64 - 16 + 4
        assert not mask.image[3, 3]

    def test_ellipses(self):
        (mask,), _ = run("polygons_to_masks", Ellipse(2, 2, 10, 8))
        assert masks.area(counts_of(mask.rle)) == pytest.approx(np.pi * 20, rel=0.1)

    def test_stated_values_stay_with_the_object(self):
        (mask,), _ = run(
            "polygons_to_masks", Polygon([2, 1, 5, 1, 5, 3], bbox=(2.0, 1.0, 3.0, 2.0), area=3.0)
        )
        assert (mask.bbox, mask.area) == ((2.0, 1.0, 3.0, 2.0), 3.0)

    def test_what_covers_no_pixel_goes_and_is_reported(self):
        kept = Polygon([2, 1, 5, 1, 5, 3, 2, 3])
        annotations, ledger = run("polygons_to_masks", Polygon([1, 1, 1.2, 1, 1.2, 1.2]), kept)
        assert len(annotations) == 1
        assert counted(ledger)["DSK-L018", "polygon"] == 1

    def test_malformed_outlines_do_not_spoil_the_others(self):
        bad = [Polygon(Raw(b'[["x"]]')), Polygon([1, 2, 3]), Polygon([1, 2, float("nan"), 4, 5, 6])]
        annotations, ledger = run(
            "polygons_to_masks", bad[0], Polygon([2, 1, 5, 1, 5, 3, 2, 3]), *bad[1:]
        )
        assert [type(a) for a in annotations] == [Mask]
        assert counted(ledger)["DSK-L018", "polygon"] == 3

    def test_undecoded_outlines(self):
        (mask,), _ = run("polygons_to_masks", Polygon(Raw(b"[[2,1,5,1,5,3,2,3]]")))
        assert masks.area(counts_of(mask.rle)) == 6

    def test_without_image_size(self):
        box = Bbox(1, 2, 3, 4)
        with pytest.raises(RecordError, match="size of the image of item 'x'"):
            run("boxes_to_masks", box, size=None)
        annotations, ledger = run("boxes_to_masks", box, Label(label=0), size=None, on_error="skip")
        assert annotations == [Label(label=0)]
        assert counted(ledger) == {("DSK-L021", ""): 1, ("DSK-L018", "bbox"): 1}
        assert ledger.bad_count == 1

    def test_the_size_of_a_mask_will_do(self):
        known = Mask(from_dense(np.ones((4, 6), bool)))
        annotations, _ = run("boxes_to_masks", Bbox(1, 1, 2, 2), known, size=None)
        assert annotations[0].rle.size == (4, 6)
        assert annotations[1] is known

    def test_boxes_only(self):
        polygon = Polygon([2, 1, 5, 1, 5, 3])
        annotations, _ = run("boxes_to_masks", polygon, Bbox(1, 2, 3, 4, **FULL))
        assert annotations[0] is polygon
        assert masks.bbox(counts_of(annotations[1].rle), SIZE[0]) == (1, 2, 3, 4)
        assert common(annotations[1]) == FULL

    def test_an_area_stated_beside_a_box_is_that_of_its_mask(self):
        (mask,), _ = run("boxes_to_masks", Bbox(1, 2, 3, 4, extra={"coco": {"area": 9, "x": 1}}))
        assert (mask.area, mask.extra) == (9.0, {"coco": {"x": 1}})


@st.composite
def small_masks(draw):
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    return np.array(bits, bool).reshape(height, width)


class TestMasksToPolygons:
    @settings(max_examples=150, deadline=None)
    @given(small_masks())
    def test_the_same_pixels_come_back(self, dense):
        there, _ = run("masks_to_polygons", Mask(from_dense(dense)), size=dense.shape)
        if not dense.any():
            assert there == []
            return
        (back,), _ = run("polygons_to_masks", *there, size=dense.shape)
        assert (back.image == dense).all()

    def test_one_object_stays_one(self):
        dense = pixels("##.## #...# ##... .....")
        (polygon,), ledger = run("masks_to_polygons", Mask(from_dense(dense), **FULL), size=(4, 5))
        assert len(polygon.rings) == 2
        assert common(polygon) == FULL
        assert counted(ledger) == {("DSK-L022", "mask"): 1}

    def test_empty_masks_go_and_are_reported(self):
        annotations, ledger = run("masks_to_polygons", Mask(from_dense(np.zeros(SIZE, bool))))
        assert annotations == []
        assert counted(ledger)["DSK-L018", "mask"] == 1

    def test_malformed_masks_go_and_are_reported(self):
        _, ledger = run("masks_to_polygons", Mask(Rle(SIZE, [1, 2])), Mask(Rle(SIZE, b"\xff")))
        assert counted(ledger)["DSK-L018", "mask"] == 2

    def test_small_parts_are_left_out_on_request_and_reported(self):
        dense = pixels(
            """
            ######.#
            #.##.#..
            ####..#.
            #..#....
            #..#..##
            ######..
            """
        )
        mask = Mask(from_dense(dense), area=29.0)
        (polygon,), ledger = run("masks_to_polygons", mask, size=(6, 8), min_area=3)
        (back,), _ = run("polygons_to_masks", polygon, size=(6, 8))
        assert (
            back.image
            == pixels(
                """
                ######..
                ####.#..
                ####....
                #..#....
                #..#....
                ######..
                """
            )
        ).all()
        assert polygon.area is None
        assert counted(ledger)["DSK-L007", "mask"] == 1

    def test_the_hole_goes_with_its_part(self):
        ring = pixels("###. #.#. ###. ....")  # 9 px of outline, a hole of 1
        annotations, ledger = run(
            "masks_to_polygons", Mask(from_dense(ring)), size=(4, 4), min_area=10
        )
        assert annotations == []
        assert counted(ledger)["DSK-L018", "mask"] == 1

    @settings(max_examples=100, deadline=None)
    @given(small_masks(), st.integers(1, 6))
    def test_leaving_out_parts_removes_or_fills_no_more_than_them(self, dense, least):
        there, _ = run(
            "masks_to_polygons", Mask(from_dense(dense)), size=dense.shape, min_area=least
        )
        back = np.zeros_like(dense)
        for polygon in there:
            (mask,), _ = run("polygons_to_masks", polygon, size=dense.shape)
            back |= mask.image
        wrong = back != dense
        assert (_components(dense)[wrong & dense] < least).all()
        assert (_components(~dense, diagonal=True)[wrong & ~dense] < least).all()

    def test_refuses_negative_areas(self):
        with pytest.raises(OptionError, match="min_area"):
            run("masks_to_polygons", min_area=-1)


def _components(dense, diagonal=False):
    """The number of pixels of the connected component of each pixel; 0 outside."""
    sizes = np.zeros(dense.shape, int)
    seen = np.zeros(dense.shape, bool)
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    steps += [(1, 1), (1, -1), (-1, 1), (-1, -1)] if diagonal else []
    for start in zip(*np.nonzero(dense), strict=True):
        if seen[start]:
            continue
        found, waiting = [], [start]
        seen[start] = True
        while waiting:
            y, x = waiting.pop()
            found.append((y, x))
            for dy, dx in steps:
                at = (y + dy, x + dx)
                inside = 0 <= at[0] < dense.shape[0] and 0 <= at[1] < dense.shape[1]
                if inside and dense[at] and not seen[at]:
                    seen[at] = True
                    waiting.append(at)
        for at in found:
            sizes[at] = len(found)
    return sizes


class TestBoxes:
    def test_boxes_of_shapes(self):
        shapes = [
            Polygon([2, 1, 5, 1, 5, 3], **FULL),
            PolyLine([0, 0, 4, 2], **FULL),
            Points([1, 1, 3, 4, 9, 9], [2, 1, 0], **FULL),
            Ellipse(1, 2, 3, 4, **FULL),
            RotatedBbox(10, 10, 4, 2, 90, **FULL),
            Skeleton([1, 1, 0, 0, 3, 5], [2, 0, 1], **FULL),
            Mask(from_dense(pixels("..... .##.. ..#..")), **FULL),
        ]
        annotations, ledger = run("shapes_to_boxes", *shapes, size=None)
        assert [a.bbox for a in annotations] == [
            (2, 1, 3, 2),
            (0, 0, 4, 2),
            (1, 1, 2, 3),
            (1, 2, 3, 4),
            (9, 8, 2, 4),
            (1, 1, 2, 4),
            (1, 1, 2, 2),
        ]
        assert all(common(a) == FULL for a in annotations)
        assert sum(counted(ledger).values()) == len(shapes)

    def test_the_stated_box_comes_first(self):
        stated = Polygon([2, 1, 5, 1, 5, 3], bbox=(2.0, 1.0, 3.5, 2.0))
        (box,), _ = run("shapes_to_boxes", stated)
        assert box.bbox == (2.0, 1.0, 3.5, 2.0)

    def test_what_has_no_extent_in_an_image_passes(self):
        others = [Label(label=0), Caption(caption="c"), Bbox(1, 2, 3, 4)]
        others.append(Cuboid3d((1.0, 2.0, 3.0)))
        annotations, ledger = run("shapes_to_boxes", *others)
        assert annotations == others
        assert not ledger.events

    def test_only_some_kinds(self):
        annotations, _ = run(
            "shapes_to_boxes", Ellipse(1, 2, 3, 4), PolyLine([0, 0, 4, 2]), kinds="ellipse"
        )
        assert [a.kind for a in annotations] == ["bbox", "polyline"]
        with pytest.raises(OptionError, match="'bbox' is none of its kinds"):
            run("shapes_to_boxes", kinds="bbox")

    def test_masks_only(self):
        polygon = Polygon([2, 1, 5, 1, 5, 3])
        mask = Mask(from_dense(pixels("..... .##.. ..#..")))
        annotations, _ = run("masks_to_boxes", polygon, mask)
        assert annotations == [polygon, Bbox(1, 1, 2, 2)]

    def test_empty_shapes_go_and_are_reported(self):
        empty = [Polygon([]), Points([1, 1], [0]), Mask(from_dense(np.zeros(SIZE, bool)))]
        annotations, ledger = run("shapes_to_boxes", *empty, Polygon([1, 2, 3]))
        assert annotations == []
        assert ledger.total("dropped") == 4

    def test_corners(self):
        (polygon,), _ = run("boxes_to_polygons", Bbox(1, 2, 3, 4, **FULL))
        assert polygon.points == [1, 2, 4, 2, 4, 6, 1, 6]
        assert common(polygon) == FULL


class TestRotatedBoxes:
    def test_corners_begin_at_the_top_left_of_the_box(self):
        (polygon,), _ = run("rotated_boxes_to_polygons", RotatedBbox(10, 10, 4, 2, 90, **FULL))
        assert polygon.points == [11, 8, 11, 12, 9, 12, 9, 8]
        assert common(polygon) == FULL

    numbers = st.floats(-100, 100)
    sides = st.floats(0.5, 100)

    @given(numbers, numbers, sides, sides, st.floats(0, 359.9))
    def test_there_and_back(self, cx, cy, w, h, r):
        (polygon,), _ = run("rotated_boxes_to_polygons", RotatedBbox(cx, cy, w, h, r))
        (box,), ledger = run("polygons_to_rotated_boxes", polygon)
        assert (box.cx, box.cy, box.w, box.h) == pytest.approx((cx, cy, w, h), abs=1e-6)
        assert abs((box.r - r + 180) % 360 - 180) < 1e-5
        assert ("DSK-L007", "polygon") not in counted(ledger)

    def test_the_smallest_rectangle_around_an_outline(self):
        (box,), ledger = run("polygons_to_rotated_boxes", Polygon([0, 0, 4, 0, 4, 2], **FULL))
        assert box.w * box.h == pytest.approx(8)
        assert common(box) == FULL
        assert counted(ledger)["DSK-L007", "polygon"] == 1

    def test_parts_and_holes_are_told(self):
        rings = [[0, 0, 4, 0, 4, 4, 0, 4], [1, 1, 2, 1, 2, 2, 1, 2], [6, 0, 8, 0, 8, 4, 6, 4]]
        (box,), ledger = run("polygons_to_rotated_boxes", Polygon(rings, (1,)))
        assert sorted(rotated_box_corners(box.cx, box.cy, box.w, box.h, box.r)) == pytest.approx(
            sorted([0, 0, 8, 0, 8, 4, 0, 4])
        )
        assert counted(ledger)["DSK-L007", "polygon"] == 1

    def test_four_corners_that_are_no_rectangle(self):
        (box,), ledger = run("polygons_to_rotated_boxes", Polygon([0, 0, 4, 0, 5, 2, 1, 2]))
        assert (box.w * box.h) >= 8
        assert counted(ledger)["DSK-L007", "polygon"] == 1

    def test_empty_outlines_go(self):
        annotations, ledger = run("polygons_to_rotated_boxes", Polygon([]), Polygon([1, 2, 3]))
        assert annotations == []
        assert ledger.total("dropped") == 2


class TestLabels:
    def test_one_label_for_each_class(self):
        annotations, ledger = run(
            "anns_to_labels",
            Bbox(1, 2, 3, 4, label=2),
            Label(label=0, attributes={"k": 1}),
            Bbox(1, 2, 3, 4, label=2),
            Polygon([0, 0, 4, 0, 4, 2], label=0),
            Bbox(0, 0, 1, 1),
            Caption(caption="c"),
        )
        assert annotations == [
            Label(label=0, attributes={"k": 1}),
            Label(label=2),
            Caption(caption="c"),
        ]
        assert ledger.total("merged") == 2
        assert ledger.total("removed") == 1

    def test_labels_stay_the_same_objects(self):
        label = Label(label=1)
        annotations, ledger = run("anns_to_labels", label)
        assert annotations[0] is label
        assert not ledger.events


class TestTables:
    table: ClassVar = {"title": "A tale", "stars": 4, "genre": "crime", "none": None, "list": [1]}

    def test_columns_become_labels_and_captions(self):
        items = [
            DatasetItem("1", attributes=self.table),
            DatasetItem("2", attributes={"genre": "art", "stars": 2}),
        ]
        dataset = Dataset.from_iterable(items, ["old"])
        done = dataset.transform(
            "astype_annotations", mapping={"title": "text", "genre": "category"}
        )
        labels = done.categories().labels
        assert [(lab.name, lab.parent) for lab in labels] == [
            ("old", ""),
            ("genre:art", "genre"),
            ("genre:crime", "genre"),
        ]
        assert done.categories().groups[0].labels == ("genre:art", "genre:crime")
        first, second = done
        assert first.annotations == [Caption(caption="title:A tale"), Label(label=2)]
        assert first.attributes == {"stars": 4, "none": None, "list": [1]}
        assert second.annotations == [Label(label=1)]

    def test_without_a_mapping_texts_and_numbers_are_captions(self):
        annotations, ledger = run("astype_annotations", item_attributes=self.table | {"new": True})
        assert [a.caption for a in annotations if a.kind == "caption"] == [
            "title:A tale",
            "stars:4",
            "genre:crime",
        ]
        assert [a.label for a in annotations if a.kind == "label"] == [3]
        assert ledger.report().annotations["out"] == 4

    def test_refuses_other_kinds(self):
        with pytest.raises(OptionError, match="cannot be a 'bbox'"):
            run("astype_annotations", mapping={"title": "bbox"})


def test_categories_stay():
    dataset = Dataset.from_iterable([], Categories.from_names("ab"))
    assert dataset.transform("polygons_to_masks").categories() == dataset.categories()
