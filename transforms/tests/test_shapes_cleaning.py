"""Segments among each other, edges of images, small and repeated annotations, rounding."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsk import masks
from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid2d,
    Cuboid3d,
    Ellipse,
    Label,
    Mask,
    Mask3d,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.convert import area_of
from dsk.dataset import Dataset
from dsk.errors import OptionError, RecordError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.rle import counts_of, from_dense
from dsk_transforms.pixels.following import PLANAR

SIZE = (20, 30)
NAMED = Categories(
    labels=(LabelCategory("a"), LabelCategory("b"), LabelCategory("c")),
    points={2: PointsCategory(labels=("l", "r"))},
)


def run(name, *annotations, size=SIZE, on_error="raise", **options):
    """Annotations after a transform, and the ledger."""
    media = Image(path="x.png", size=size) if size else None
    item = DatasetItem("x", media=media, annotations=annotations)
    ledger = Ledger(on_error)
    (done,) = Dataset.from_iterable([item], NAMED).transform(name, **options).read(ledger)
    return list(done.annotations), ledger


def counted(ledger):
    found = Counter()
    for event in ledger.events.values():
        found[event.code, event.kind] += event.count
    return found


def block(x, y, w, h, size=SIZE):
    dense = np.zeros(size, bool)
    dense[y : y + h, x : x + w] = True
    return dense


def mask(*place, **fields):
    return Mask(from_dense(block(*place)), **fields)


def square(x, y, side, **fields):
    ring = [x, y, x + side, y, x + side, y + side, x, y + side]
    return Polygon(ring, **fields)


def image_of(a, size=SIZE):
    if isinstance(a, Mask):
        return a.image
    rings, holes = [list(r) for r in a.rings], set(a.holes)
    return masks.to_dense(masks.from_polygons_with_holes(rings, holes, *size), *size)


class TestCropCoveredSegments:
    def test_the_higher_one_covers(self):
        low, high = square(2, 2, 8, z_order=1, id=1, area=64.0), square(6, 6, 8, z_order=2, id=2)
        for order in ([low, high], [high, low]):
            annotations, ledger = run("crop_covered_segments", *order)
            found = {a.id: a for a in annotations}
            assert found[2] is high
            assert (image_of(found[1]) == (block(2, 2, 8, 8) & ~block(6, 6, 8, 8))).all()
            assert found[1].area is None
            assert counted(ledger) == {("DSK-L022", "polygon"): 1}

    def test_of_equals_the_later_covers(self):
        annotations, _ = run("crop_covered_segments", mask(0, 0, 4, 4), mask(2, 0, 4, 4))
        assert (annotations[0].image == block(0, 0, 2, 4)).all()
        assert (annotations[1].image == block(2, 0, 4, 4)).all()

    def test_what_is_split_stays_one_object(self):
        bar, gap = square(0, 0, 9, z_order=0), mask(3, 0, 3, 9, z_order=1)
        annotations, _ = run("crop_covered_segments", bar, gap)
        assert len(annotations) == 2
        assert len(annotations[0].rings) == 2

    def test_a_hole_is_cut_where_something_lies_inside(self):
        annotations, _ = run("crop_covered_segments", square(0, 0, 9), square(3, 3, 3))
        assert len(annotations[0].holes) == 1
        assert area_of(annotations[0]) == 81 - 9

    def test_wholly_covered_ones_go_and_are_reported(self):
        annotations, ledger = run("crop_covered_segments", square(3, 3, 3), square(0, 0, 9))
        assert len(annotations) == 1
        assert counted(ledger) == {("DSK-L019", "polygon"): 1}

    def test_others_pass_and_lonely_segments_need_no_image(self):
        annotations = [Bbox(0, 0, 4, 4), square(0, 0, 9), Label(label=1)]
        assert run("crop_covered_segments", *annotations, size=None)[0] == annotations
        with pytest.raises(RecordError, match="size of the image"):
            run("crop_covered_segments", *annotations, square(1, 1, 2), size=None)
        two = [*annotations, square(1, 1, 2)]
        left, ledger = run("crop_covered_segments", *two, size=None, on_error="skip")
        assert left == two
        assert ledger.bad_count == 1

    def test_malformed_ones_go_and_cover_nothing(self):
        bad = Mask(from_dense(np.ones((2, 2), bool)))
        annotations, ledger = run("crop_covered_segments", square(0, 0, 9), bad, Polygon([1, 2, 3]))
        assert len(annotations) == 1
        assert ledger.total("dropped") == 2

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_nothing_overlaps_and_nothing_is_uncovered(self, data):
        numbers = st.integers(0, 11)
        segments = []
        for _ in range(data.draw(st.integers(2, 6))):
            x, y, side, z = (data.draw(numbers) for _ in range(4))
            make = data.draw(st.sampled_from([square, lambda x, y, s, **f: mask(x, y, s, s, **f)]))
            segments.append(make(x, y, side + 1, z_order=z % 3))
        before = np.any([image_of(a) for a in segments], axis=0)
        annotations, _ = run("crop_covered_segments", *segments)
        images = [image_of(a) for a in annotations]
        assert not any((a & b).any() for a, b in combinations(images, 2))
        assert (np.any(images, axis=0) == before).all()


class TestMergeInstanceSegments:
    def test_masks_of_a_group(self):
        parts = [
            mask(0, 0, 2, 2, group=4, id=1, label=1),
            mask(8, 0, 4, 4, group=4, id=2, label=2, attributes={"k": 1}),
            mask(0, 8, 3, 3, group=5, id=3),
            mask(20, 8, 3, 3, id=4),
            Bbox(0, 0, 1, 1, group=4),
        ]
        annotations, ledger = run("merge_instance_segments", *parts)
        assert annotations[1:] == parts[2:]
        assert (annotations[0].image == (block(0, 0, 2, 2) | block(8, 0, 4, 4))).all()
        first = annotations[0]
        assert (first.id, first.label, first.attributes) == (2, 2, {"k": 1})
        assert counted(ledger) == {
            ("DSK-L014", "mask"): 1,
            ("DSK-L005", "mask"): 1,
            ("DSK-L004", "mask"): 1,
        }

    def test_polygons_stay_unless_asked_for(self):
        parts = [square(0, 0, 4, group=4, id=1), mask(8, 0, 2, 2, group=4, id=2), square(0, 8, 3)]
        annotations, ledger = run("merge_instance_segments", *parts)
        assert annotations == parts
        assert not ledger.events
        annotations, ledger = run("merge_instance_segments", *parts, include_polygons=True)
        assert [a.kind for a in annotations] == ["mask", "mask"]
        assert (annotations[0].image == (block(0, 0, 4, 4) | block(8, 0, 2, 2))).all()
        assert annotations[0].id == 1
        assert counted(ledger)["DSK-L014", "mask"] == 1

    def test_the_report_adds_up(self):
        parts = [square(0, 0, 4, group=4), Polygon([1, 1, 1.1, 1, 1.1, 1.1])]
        annotations, ledger = run("merge_instance_segments", *parts, include_polygons=True)
        assert len(annotations) == ledger.report().annotations["out"] == 1
        assert ledger.total("dropped") == 1


class TestMergeMasks:
    parts: ClassVar = [
        mask(0, 0, 6, 6, label=0),
        mask(10, 0, 4, 4, label=1),
        mask(3, 0, 6, 6, label=1),
        mask(0, 0, 12, 12, label=2),
    ]

    def test_the_first_label_wins(self):
        annotations, ledger = run("merge_masks", *self.parts, labels=["b", "a"])
        by_label = {a.label: a for a in annotations}
        both = block(10, 0, 4, 4) | block(3, 0, 6, 6)
        assert (by_label[1].image == both).all()
        assert (by_label[0].image == (block(0, 0, 6, 6) & ~both)).all()
        assert by_label[2] is self.parts[3]
        assert counted(ledger)["DSK-L014", "mask"] == 1

    def test_all_labels_by_number(self):
        annotations, _ = run("merge_masks", *self.parts)
        images = [a.image for a in annotations]
        assert len(images) == 3
        assert not any((a & b).any() for a, b in combinations(images, 2))
        assert (images[0] == block(0, 0, 6, 6)).all()

    def test_covered_labels_go(self):
        annotations, ledger = run("merge_masks", *self.parts, labels=["c", "a"])
        assert {a.label for a in annotations} == {1, 2}
        assert counted(ledger) == {("DSK-L019", "mask"): 1}

    def test_polygons_on_request(self):
        outline = square(0, 0, 4, label=0)
        assert run("merge_masks", outline, self.parts[1])[0][0] is outline
        annotations, _ = run("merge_masks", outline, self.parts[1], include_polygons=True)
        assert [a.kind for a in annotations] == ["mask", "mask"]

    def test_unknown_labels(self):
        with pytest.raises(OptionError, match="no label 'd'"):
            run("merge_masks", labels=["d"])


class TestClipToImage:
    def test_boxes(self):
        annotations, ledger = run(
            "clip_to_image",
            Bbox(-2, 3, 5, 4, extra={"coco": {"area": 17.0, "k": 1}}),
            Bbox(28, 18, 5, 5),
            Bbox(30, 3, 5, 4, id=3),
            Bbox(0, 0, 30, 20),
        )
        assert [a.bbox for a in annotations] == [(0, 3, 3, 4), (28, 18, 2, 2), (0, 0, 30, 20)]
        assert annotations[0].extra == {"coco": {"k": 1}}
        assert counted(ledger) == {("DSK-L022", "bbox"): 2, ("DSK-L019", "bbox"): 1}

    def test_polygons(self):
        (inner, cut), ledger = run(
            "clip_to_image",
            whole := square(1, 1, 4),
            Polygon(
                [[25, 5, 35, 5, 35, 15, 25, 15], [27, 7, 33, 7, 33, 13, 27, 13]],
                (1,),
                bbox=(25.0, 5.0, 10.0, 10.0),
                area=64.0,
            ),
        )
        assert inner is whole
        assert area_of(cut) == 5 * 10 - 3 * 6
        assert len(cut.holes) == 1
        assert (cut.bbox, cut.area) == (None, None)
        assert counted(ledger) == {("DSK-L022", "polygon"): 1}

    def test_points_and_skeletons(self):
        (loose, skeleton, gone), ledger = run(
            "clip_to_image",
            Points([1, 1, 40, 1, 3, 3]),
            Skeleton([1, 1, 40, 1], [2, 1], label=2, area=9.0),
            Label(label=0),
            Points([-1, 1]),
        )
        assert loose.points == [1, 1, 3, 3]
        assert (skeleton.points, skeleton.visibility) == ([1, 1, 0, 0], [2, 0])
        assert gone == Label(label=0)
        assert counted(ledger)["DSK-L019", "points"] == 1

    def test_absent_points_are_nowhere(self):
        skeleton = Skeleton([1, 1, -5, -5], [2, 0], label=2)
        assert run("clip_to_image", skeleton)[0][0] is skeleton

    def test_a_line_in_two_parts_is_one_group(self):
        line = PolyLine([1, 5, 1, -5, 9, -5, 9, 5], id=4)
        (first, second), ledger = run("clip_to_image", line)
        assert (first.points, second.points) == ([1, 5, 1, 0], [9, 0, 9, 5])
        assert first.group == second.group != 0
        assert (first.id, second.id) == (4, 0)
        assert ledger.report().annotations["out"] == 2

    def test_what_exists_as_a_whole_only(self):
        ellipse, box = Ellipse(26, 5, 8, 8), RotatedBbox(28, 10, 8, 4, 30)
        annotations, ledger = run("clip_to_image", ellipse, box)
        assert annotations == [ellipse, box]
        assert {e.what for e in ledger.events.values()} == {"reaches over the edge, kept whole"}
        annotations, _ = run("clip_to_image", ellipse, box, outlines=True)
        assert [a.kind for a in annotations] == ["polygon", "polygon"]
        assert all(max(a.points[0::2]) <= 30 for a in annotations)
        assert run("clip_to_image", Ellipse(40, 5, 8, 8))[0] == []

    def test_nothing_to_do(self):
        annotations = [square(1, 1, 4), mask(1, 1, 3, 3), Caption(caption="c")]
        done, ledger = run("clip_to_image", *annotations)
        assert all(a is b for a, b in zip(done, annotations, strict=True))
        assert not ledger.events

    def test_malformed_ones_go(self):
        annotations, ledger = run("clip_to_image", Polygon([1, 2, 3]), Bbox(float("nan"), 1, 2, 3))
        assert annotations == []
        assert ledger.total("dropped") + ledger.total("removed") == 2

    points = st.integers(-15, 45)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(points, points), min_size=3, max_size=8))
    def test_polygons_keep_their_pixels(self, corners):
        ring = [float(value) for corner in corners for value in corner]
        assume(_is_simple(corners))
        annotations, _ = run("clip_to_image", Polygon(ring))
        found = np.zeros(SIZE, bool)
        for a in annotations:
            flat = [value for r in a.rings for value in r]
            assert min(flat) >= 0
            assert max(flat[0::2]) <= 30
            assert max(flat[1::2]) <= 20
            found |= image_of(a)
        expected = image_of(Polygon(ring))
        wrong = found != expected
        # COCO's rule rounds vertices to a fifth of a pixel, so only pixels at an edge may differ.
        ys, xs = np.nonzero(wrong)
        assert (_distance(xs + 0.5, ys + 0.5, ring) < 0.75).all()


def _is_simple(corners):
    def turn(a, b, c):
        return np.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))

    edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
    for n, (a, b) in enumerate(edges):
        for m, (c, d) in enumerate(edges):
            if m <= n:
                continue
            if (m - n) in {1, len(edges) - 1}:
                other = d if m - n == 1 else c
                shared = b if m - n == 1 else a
                start = a if m - n == 1 else b
                if turn(start, shared, other) == 0:
                    return False
            elif turn(a, b, c) * turn(a, b, d) <= 0 and turn(c, d, a) * turn(c, d, b) <= 0:
                return False
    return True


def _distance(xs, ys, ring):
    """The distance of places from the nearest edge of a ring."""
    nearest = np.full(len(xs), np.inf)
    corners = np.array(ring).reshape(-1, 2)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        dx, dy = x2 - x1, y2 - y1
        along = np.clip(((xs - x1) * dx + (ys - y1) * dy) / (dx * dx + dy * dy), 0, 1)
        nearest = np.minimum(nearest, np.hypot(xs - x1 - along * dx, ys - y1 - along * dy))
    return nearest


class TestDropSmall:
    def test_area(self):
        small = [Bbox(0, 0, 3, 3), square(0, 0, 3), mask(0, 0, 3, 3), Ellipse(0, 0, 3, 3)]
        large = [Bbox(0, 0, 3, 4), square(0, 0, 4), mask(0, 0, 3, 4), RotatedBbox(5, 5, 2, 5, 1)]
        others = [Label(label=0), PolyLine([0, 0, 1, 1]), Points([1, 1]), Cuboid3d((0.0, 0.0, 0.0))]
        annotations, ledger = run("drop_small", *small, *large, *others, min_area=10)
        assert annotations == [*large, *others]
        assert ledger.total("removed") == 4

    def test_the_stated_area_counts(self):
        stated = square(0, 0, 3, area=10.0)
        assert run("drop_small", stated, min_area=10)[0] == [stated]

    def test_sides(self):
        thin, flat = RotatedBbox(5, 5, 2, 8, 45), Bbox(0, 0, 9, 2)
        cuboid = Cuboid2d([0, 0, 9, 0, 9, 2, 0, 2] * 2)
        assert run("drop_small", thin, flat, cuboid, min_width=3)[0] == [flat, cuboid]
        assert run("drop_small", thin, flat, cuboid, min_height=3)[0] == [thin]

    @pytest.mark.parametrize("options", [{}, {"min_area": -1}, {"min_width": float("nan")}])
    def test_refuses_senseless_thresholds(self, options):
        with pytest.raises(OptionError, match="threshold above 0"):
            run("drop_small", **options)

    def test_malformed_ones_are_left_to_others(self):
        bad = Polygon([1, 2, 3])
        assert run("drop_small", bad, min_area=3, min_width=3)[0] == [bad]


class TestDeduplicate:
    def test_every_kind(self):
        one = [
            Label(label=0),
            Caption(caption="c"),
            Bbox(1, 2, 3, 4),
            RotatedBbox(5, 5, 2, 5, 1),
            square(0, 0, 3),
            PolyLine([0, 0, 1, 1]),
            Points([1, 1]),
            Skeleton([1, 1], [2]),
            Ellipse(0, 0, 3, 3),
            mask(0, 0, 3, 3),
            Mask3d(np.zeros((2, 2, 2)), 1),
            Cuboid2d([0, 0, 9, 0, 9, 2, 0, 2] * 2),
            Cuboid3d((0.0, 0.0, 0.0)),
        ]
        annotations, ledger = run("deduplicate", *one, *one, *one)
        assert annotations == one
        assert ledger.total("removed") == 2 * len(one)

    def test_what_differs_stays(self):
        different = [
            Bbox(1, 2, 3, 4),
            Bbox(1, 2, 3, 4, label=0),
            Bbox(1, 2, 3, 4.1),
            Ellipse(1, 2, 3, 4),
            Caption(caption="c"),
            Caption(caption="d"),
            Points([1, 1, 2, 2], [2, 2]),
            Points([1, 1, 2, 2], [2, 1]),
            Polygon([[0, 0, 9, 0, 9, 9], [1, 1, 2, 1, 2, 2]]),
            Polygon([[0, 0, 9, 0, 9, 9], [1, 1, 2, 1, 2, 2]], (1,)),
        ]
        annotations, ledger = run("deduplicate", *different)
        assert annotations == different
        assert not ledger.events

    def test_tolerance(self):
        boxes = [Bbox(1, 2, 3, 4, id=1), Bbox(1.2, 2, 3, 4, id=2), Bbox(1.4, 2, 3, 4, id=3)]
        assert [a.id for a in run("deduplicate", *boxes, tolerance=0.25)[0]] == [1, 3]

    def test_a_turned_box_is_the_same_after_a_full_turn(self):
        boxes = [RotatedBbox(5, 5, 2, 5, 30), RotatedBbox(5, 5, 2, 5, 390)]
        assert len(run("deduplicate", *boxes, tolerance=1e-6)[0]) == 1

    def test_overlap(self):
        shapes = [Bbox(0, 0, 10, 10), Bbox(0, 0, 10, 9), Bbox(0, 0, 5, 10)]
        assert run("deduplicate", *shapes, iou=0.9)[0] == [shapes[0], shapes[2]]
        outlines = [square(0, 0, 10), Polygon([0, 0, 10, 0, 10, 9, 0, 9]), square(0, 0, 5)]
        assert run("deduplicate", *outlines, iou=0.9)[0] == [outlines[0], outlines[2]]
        assert run("deduplicate", *outlines, iou=0.9, size=None)[0] == [outlines[0], outlines[2]]

    def test_shapes_outside_the_image_do_not_overlap(self):
        outlines = [square(50, 50, 10), Polygon([50, 50, 60, 50, 60, 55, 50, 55])]
        assert run("deduplicate", *outlines, iou=0.9)[0] == outlines

    def test_other_attributes_are_told(self):
        boxes = [Bbox(1, 2, 3, 4, attributes={"k": 1}), Bbox(1, 2, 3, 4)]
        annotations, ledger = run("deduplicate", *boxes)
        assert annotations == boxes[:1]
        assert [e.what for e in ledger.events.values()] == ["repeats another with other attributes"]

    @pytest.mark.parametrize("options", [{"tolerance": -1}, {"iou": 0}, {"iou": 1.5}])
    def test_refuses_senseless_limits(self, options):
        with pytest.raises(OptionError):
            run("deduplicate", **options)

    def test_malformed_ones_are_left_to_others(self):
        bad = [Polygon([1, 2, 3]), Polygon([1, 2, 3])]
        assert run("deduplicate", *bad, iou=0.5)[0] == bad


class TestRound:
    def test_every_kind(self):
        annotations, ledger = run(
            "round",
            Bbox(1.26, 2, 3.07, 4, extra={"coco": {"area": 3.0}}),
            RotatedBbox(5.55, 5, 2, 5, 1.26),
            Polygon([[0, 0, 1.26, 0, 1.26, 1.24]], bbox=(0.0, 0.0, 1.26, 1.24), area=0.78),
            PolyLine([0, 0, 1.26, 1]),
            Points([1.26, 1], bbox=(1.26, 1.0, 0.0, 0.0)),
            Skeleton([1.26, 1], [2], area=7.77),
            Ellipse(0.04, 0, 3, 3),
            Cuboid2d([0.06, 0, 9, 0, 9, 2, 0, 2] * 2),
            digits=1,
        )
        assert annotations == [
            Bbox(1.3, 2, 3.0, 4),
            RotatedBbox(5.5, 5, 2, 5, 1.3),
            Polygon([0, 0, 1.3, 0, 1.3, 1.2], bbox=(0.0, 0.0, 1.3, 1.2)),
            PolyLine([0, 0, 1.3, 1]),
            Points([1.3, 1], bbox=(1.3, 1.0, 0.0, 0.0)),
            Skeleton([1.3, 1], [2], area=7.77),
            Ellipse(0, 0, 3, 3),
            Cuboid2d([0.1, 0, 9, 0, 9, 2, 0, 2] * 2),
        ]
        assert sum(counted(ledger).values()) == 8

    def test_what_is_round_stays_the_same_object(self):
        annotations = [Bbox(1.5, 2, 3, 4), square(0, 0, 3, area=8.0), mask(1, 1, 3, 3)]
        done, ledger = run("round", *annotations, digits=2)
        assert all(a is b for a, b in zip(done, annotations, strict=True))
        assert not ledger.events

    def test_touching_boxes_go_on_touching(self):
        (one, two), _ = run("round", Bbox(0.4, 0, 10.3, 1), Bbox(10.7, 0, 2.2, 1), digits=0)
        assert one.x + one.w == two.x == 11

    def test_what_vanishes_is_reported(self):
        (box,), ledger = run("round", Bbox(1.1, 2, 0.2, 4), digits=0)
        assert box.w == 0
        assert counted(ledger)["DSK-L007", "bbox"] == 1

    def test_malformed_ones_go(self):
        annotations, ledger = run(
            "round", Polygon([1, 2, 3]), Polygon(["x", None]), square(0, 0, 1.26), digits=1
        )
        assert [a.points[2] for a in annotations] == [1.3]
        assert ledger.total("dropped") == 2

    @pytest.mark.parametrize("options", [{}, {"digits": -1}, {"digits": 13}])
    def test_digits_must_be_given(self, options):
        with pytest.raises(OptionError, match="digits is a number from 0 to 12"):
            run("round", **options)

    @given(st.floats(-1e5, 1e5), st.floats(0, 1e5), st.integers(0, 6))
    def test_twice_is_once(self, x, w, digits):
        (once,), _ = run("round", Bbox(x, 0, w, 1), digits=digits)
        (twice,), _ = run("round", once, digits=digits)
        assert once == twice
        assert abs(once.x - x) <= 0.5000001 * 10**-digits


def test_bbox_values_decrement():
    full = {"label": 1, "id": 7, "group": 3, "z_order": 2, "attributes": {"k": 1}}
    polygon = square(1, 1, 2)
    annotations, ledger = run("bbox_values_decrement", polygon, Bbox(1, 2, 3, 4, **full))
    assert annotations == [polygon, Bbox(0, 1, 3, 4, **full)]
    assert counted(ledger) == {("DSK-L022", "bbox"): 1}


def test_all_kinds_in_an_image_are_known_here():
    """A new kind must be thought of in clip_to_image and round."""
    assert {cls.kind for cls in PLANAR} == {
        "bbox",
        "rotated_bbox",
        "polygon",
        "polyline",
        "points",
        "skeleton",
        "ellipse",
        "mask",
        "cuboid_2d",
    }


def test_counts_are_of_the_size_of_the_image():
    (done,), _ = run("merge_instance_segments", square(0, 0, 4), include_polygons=True)
    assert int(counts_of(done.rle).sum()) == SIZE[0] * SIZE[1]
