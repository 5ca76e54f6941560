from __future__ import annotations

import numpy as np
import pytest
from msgspec import Raw
from msgspec.structs import replace

from dsk.adapt import Adapter, adapt_header
from dsk.annotations import (
    KINDS,
    Annotation,
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
    Rle,
    RotatedBbox,
    Skeleton,
)
from dsk.categories import Categories, LabelCategory, LabelGroup, PointsCategory
from dsk.descriptors import SUBSET_FOLDER, Capabilities
from dsk.flow import Header
from dsk.item import DatasetItem
from dsk.loss import MAX_SORTS, Ledger
from dsk.media import Image, MultiframeImage, PointCloud, VideoFrame, Volume
from dsk.names import SubsetNames
from dsk.rle import from_dense
from dsk.testing.columns import as_columns

SQUARE = [0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 4.0]
INNER = [1.0, 1.0, 2.0, 1.0, 2.0, 2.0, 1.0, 2.0]
APART = [5.0, 5.0, 8.0, 5.0, 8.0, 7.0, 5.0, 7.0]
PICTURE = Image("a.jpg", None, None, (10, 12))


def mask(**fields):
    dense = np.zeros((10, 12), bool)
    dense[2:5, 3:7] = True
    return Mask(from_dense(dense), **fields)


def caps(*kinds, **rest):
    return Capabilities(annotations=frozenset(kinds), **rest)


def adapt(capabilities, *annotations, media=PICTURE, **item):
    """Adapt one item; check that the ledger adds up; return its annotations and events."""
    ledger = Ledger()
    given = DatasetItem("a", "train", media, tuple(annotations), **item)
    ledger.annotations_in = len(annotations)
    (out,) = Adapter(capabilities, ledger)([given])
    assert ledger.report().annotations["out"] == len(out.annotations)
    events = {(e.code, e.what): e.count for e in ledger.events.values() if e.count}
    assert all(count > 0 for count in events.values())
    return list(out.annotations), events


EXAMPLES = [
    Label(label=0),
    Caption("text"),
    Bbox(1, 2, 3, 4, label=0),
    RotatedBbox(5, 5, 4, 2, 30, label=0),
    Polygon(SQUARE, label=0),
    PolyLine(SQUARE, label=0),
    Points([1.0, 2.0, 3.0, 4.0], label=0),
    Skeleton([1.0, 2.0, 3.0, 4.0], [2, 2], label=0),
    Ellipse(1, 2, 3, 4, label=0),
    mask(label=0),
    Mask3d(np.zeros((2, 2, 2)), 1, label=0),
    Cuboid2d(SQUARE + SQUARE, label=0),
    Cuboid3d((0.0, 0.0, 0.0), label=0),
]


def test_there_is_an_example_of_every_kind():
    assert {type(a) for a in EXAMPLES} == set(KINDS.values())


@pytest.mark.parametrize("a", EXAMPLES, ids=lambda a: a.kind)
def test_what_is_held_passes_untouched(a):
    (out,), events = adapt(caps(*KINDS, holes=True), a)
    assert out is a
    assert events == {}


def test_an_item_that_fits_is_the_same_object():
    item = DatasetItem("a", media=PICTURE, annotations=[Bbox(1, 2, 3, 4, label=0)])
    (out,) = Adapter(caps("bbox"), Ledger())([item])
    assert out is item


@pytest.mark.parametrize("a", EXAMPLES, ids=lambda a: a.kind)
def test_what_cannot_be_held_at_all_is_dropped_and_counted(a):
    out, events = adapt(caps(), a)
    assert out == []
    assert events == {("DSK-L001", f"{a.kind} not held"): 1}


BECOMES = {
    "polygon": {"mask": "mask", "bbox": "bbox", "polyline": None},
    "mask": {"polygon": "polygon", "bbox": "bbox"},
    "rotated_bbox": {"polygon": "polygon", "mask": "mask", "bbox": "bbox"},
    "ellipse": {"polygon": "polygon", "mask": "mask", "bbox": "bbox"},
    "skeleton": {"points": "points", "bbox": "bbox"},
    "cuboid_2d": {"bbox": "bbox", "polygon": None},
    "bbox": {"polygon": None, "mask": None},
    "label": {"bbox": None},
    "points": {"bbox": None},
    "polyline": {"polygon": None, "bbox": None},
    "caption": {"label": None},
    "mask_3d": {"mask": None},
    "cuboid_3d": {"bbox": None},
}


@pytest.mark.parametrize(
    ("kind", "target", "result"),
    [(k, t, r) for k, rows in BECOMES.items() for t, r in rows.items()],
)
def test_each_kind_becomes_what_the_target_holds(kind, target, result):
    a = next(e for e in EXAMPLES if e.kind == kind)
    out, events = adapt(caps(target), a)
    if result is None:
        assert (out, list(events)) == ([], [("DSK-L001", f"{kind} not held")])
    else:
        assert [b.kind for b in out] == [result]
        assert events == {("DSK-L003", f"{kind}→{result}"): 1}


def test_a_conversion_keeps_what_all_kinds_have():
    fields = {
        "label": 3,
        "id": 7,
        "group": 2,
        "object_id": 9,
        "z_order": 4,
        "attributes": {"x": 1},
        "extra": {"coco": {"y": 2}},
    }
    everything = {
        "fields": frozenset({"group", "object_id", "z_order", "attributes"}),
        "family": "coco",
    }
    for a in (Polygon(SQUARE, **fields), mask(**fields), Ellipse(1, 2, 3, 4, **fields)):
        (out,), events = adapt(caps("bbox", **everything), a)
        assert {name: getattr(out, name) for name in fields} == fields
        assert [code for code, _ in events] == ["DSK-L003"]


def test_a_stated_box_is_taken_instead_of_a_computed_one():
    (out,), _ = adapt(caps("bbox"), Polygon(SQUARE, (), (1.5, 2, 3, 4)))
    assert out.bbox == (1.5, 2, 3, 4)
    (out,), _ = adapt(caps("bbox"), Polygon(Raw(b"never decoded"), (), (1.5, 2, 3, 4)))
    assert out.bbox == (1.5, 2, 3, 4)


def test_preferences_of_the_target_come_first():
    a = Polygon(SQUARE)
    assert adapt(caps("bbox", "mask"), a)[0][0].kind == "mask"
    chosen = caps("bbox", "mask", convert=(("polygon", ("bbox",)),))
    assert adapt(chosen, a)[0][0].kind == "bbox"
    none = caps("bbox", "mask", convert=(("polygon", ()),))
    assert adapt(none, a) == ([], {("DSK-L001", "polygon not held"): 1})
    outlines = caps("polygon", convert=(("bbox", ("polygon",)),))
    assert adapt(outlines, Bbox(0, 0, 2, 2))[0][0].kind == "polygon"


def test_a_mask_needs_the_size_of_the_image():
    out, events = adapt(caps("mask"), Polygon(SQUARE), media=None)
    assert (out, events) == ([], {("DSK-L018", "polygon→mask: image size not known"): 1})
    out, events = adapt(caps("mask"), Polygon(SQUARE), media=Image("gone.jpg", "/no/such/file.jpg"))
    assert (out, list(events)) == ([], [("DSK-L018", "polygon→mask: image size not known")])
    (out,), _ = adapt(caps("mask"), Polygon(SQUARE))
    assert out.image.sum() == 16


@pytest.mark.parametrize(
    "a",
    [
        Polygon(Raw(b'["x", 1]')),
        Polygon(Raw(b'[[1, 2], "x"]')),
        Polygon(Raw(b"nonsense")),
        Polygon(Raw(b'{"a": 1}')),
        Polygon([1.0]),
        Mask(Raw(b'{"size": "x"}')),
        Mask(Raw(b'{"size": [2, 2], "counts": [1, 1]}')),
        Mask(Rle((2, 2), b"\x00\xff")),
        Mask(Rle((2, 2), [-4, 8])),
    ],
)
def test_malformed_geometry_is_dropped_with_its_reason(a):
    out, events = adapt(caps("bbox"), a)
    assert out == []
    ((code, what),) = events
    assert code == "DSK-L018"
    assert what.startswith(f"{a.kind}→bbox: ")


@pytest.mark.parametrize(
    "a",
    [Polygon([]), Polygon([[]]), Polygon(Raw(b"[]")), Mask(Rle((2, 2), [4])), PolyLine([])],
)
def test_empty_geometry_is_dropped(a):
    target = caps("bbox", convert=(("polyline", ("bbox",)),))
    assert adapt(target, a) == ([], {("DSK-L018", f"{a.kind}→bbox: empty geometry"): 1})


# --- rings and holes -----------------------------------------------------------------------------


def test_an_object_becomes_one_box():
    outline = Polygon(SQUARE, bbox=(0, 0, 4, 4), label=0, group=7, id=7)
    points = Skeleton([1.0, 2.0, 3.0, 3.0], [2, 2], label=0, group=7, id=7)
    stated, apart = Bbox(0, 0, 4, 4, label=0, group=7), Bbox(5, 5, 1, 1, label=0, group=7)
    alone = Skeleton([5.0, 5.0, 6.0, 7.0], [2, 2], label=0, group=9, id=9)
    merged = ("DSK-L014", "box of an object that has one")
    for given, boxes in (
        ([points, outline], [(0, 0, 4, 4)]),
        ([stated, outline, points], [(0, 0, 4, 4)]),
        ([apart, outline], [(5, 5, 1, 1), (0, 0, 4, 4)]),
        ([outline, alone], [(0, 0, 4, 4), (5, 5, 1, 2)]),
        ([replace(outline, group=0), replace(points, group=0)], [(0, 0, 4, 4), (1, 2, 2, 1)]),
        ([replace(outline, label=1), points], [(0, 0, 4, 4), (1, 2, 2, 1)]),
    ):
        out, events = adapt(caps("bbox", fields=frozenset({"group"})), *given)
        assert [a.bbox for a in out] == boxes
        assert (merged in events) == (len(boxes) < len(given))


SINGLE = caps("polygon", multi_ring=False, fields=frozenset({"group"}))


def test_parts_become_a_group_where_a_polygon_is_one_ring():
    out, events = adapt(SINGLE, Polygon([SQUARE, APART], (), (0, 0, 8, 7), 22.0, label=1, id=5))
    assert [list(a.rings) for a in out] == [[SQUARE], [APART]]
    assert [(a.group, a.label, a.bbox, a.area) for a in out] == [(5, 1, None, None)] * 2
    assert events == {("DSK-L013", "polygon parts"): 1}


def test_a_group_that_is_there_stays():
    out, _ = adapt(SINGLE, Polygon([SQUARE, APART], group=3, id=5))
    assert [a.group for a in out] == [3, 3]


@pytest.mark.parametrize("ids", [(0, 0), (5, 5), (1, 0), (0, 1), (2, 1)])
def test_parts_of_different_objects_are_never_joined(ids):
    others = [Bbox(0, 0, 1, 1, group=1), Bbox(0, 0, 1, 1, group=1), Bbox(0, 0, 1, 1, group=5)]
    target = caps("polygon", "bbox", multi_ring=False, fields=frozenset({"group"}))
    out, events = adapt(target, *(Polygon([SQUARE, APART], id=n) for n in ids), *others)
    first, second = {out[0].group, out[1].group}, {out[2].group, out[3].group}
    assert len(first) == len(second) == 1
    assert len(first | second | {0, 1, 5}) == 5
    assert events == {("DSK-L013", "polygon parts"): 2}


def test_one_ring_stays_as_it_is():
    for points in (SQUARE, [SQUARE], Raw(b"[0, 0, 4, 0, 4, 4]"), Raw(b"[[0, 0, 4, 0, 4, 4]]")):
        a = Polygon(points, (), (0, 0, 4, 4), 16.0)
        (out,), events = adapt(SINGLE, a)
        assert out is a
        assert events == {}


@pytest.mark.parametrize("multi", [False, True])
def test_holes_are_lost_where_polygons_have_none(multi):
    target = caps("polygon", multi_ring=multi)
    (out,), events = adapt(target, Polygon([SQUARE, INNER], (1,), (0, 0, 4, 4), 15.0))
    assert list(out.rings) == [SQUARE]
    assert (out.holes, out.bbox, out.area) == ((), (0, 0, 4, 4), None)
    assert events == {("DSK-L005", "polygon holes"): 1}


def test_parts_and_holes_together():
    out, events = adapt(SINGLE, Polygon([SQUARE, INNER, APART], (1,)))
    assert [list(a.rings) for a in out] == [[SQUARE], [APART]]
    assert events == {("DSK-L005", "polygon holes"): 1, ("DSK-L013", "polygon parts"): 1}


def test_parts_are_kept_where_only_holes_are_lost():
    (out,), _ = adapt(caps("polygon"), Polygon([SQUARE, INNER, APART], (1,)))
    assert list(out.rings) == [SQUARE, APART]


def test_masks_become_outlines_and_these_are_split():
    dense = np.zeros((10, 12), bool)
    dense[0:2, 0:2] = dense[5:8, 5:8] = True
    out, events = adapt(SINGLE, Mask(from_dense(dense)))
    assert len(out) == 2
    assert events == {("DSK-L003", "mask→polygon"): 1, ("DSK-L013", "polygon parts"): 1}


@pytest.mark.parametrize("points", [[], [[]], Raw(b"[]"), Raw(b'["x"]'), Raw(b"[1,")])
def test_an_outline_that_cannot_be_split_is_dropped_not_lost(points):
    out, events = adapt(SINGLE, Polygon(points), Polygon(SQUARE))
    if points == [[]]:
        assert len(out) == 2
        return
    assert len(out) == 1
    ((code, _),) = events
    assert code == "DSK-L018"


# --- labels, fields, attributes ------------------------------------------------------------------


def test_kinds_that_need_a_label_are_dropped_without_one():
    target = caps("bbox", "caption", needs_label=frozenset({"bbox"}))
    out, events = adapt(target, Bbox(1, 2, 3, 4), Bbox(1, 2, 3, 4, label=0), Caption("x"))
    assert [a.kind for a in out] == ["bbox", "caption"]
    assert events == {("DSK-L002", "bbox without label"): 1}


def test_the_need_of_a_label_counts_after_conversion():
    target = caps("bbox", needs_label=frozenset({"bbox"}))
    out, events = adapt(target, Polygon(SQUARE))
    assert out == []
    assert events[("DSK-L002", "bbox without label")] == 1


def test_fields_that_the_target_drops_are_counted():
    boxes = [
        Bbox(0, 0, 1, 1, group=1, z_order=2, object_id=0),
        Bbox(0, 0, 1, 1, group=1, z_order=0, object_id=-1),
        Bbox(0, 0, 1, 1, group=2),
    ]
    _, events = adapt(caps("bbox"), *boxes)
    assert events == {
        ("DSK-L005", "group"): 2,
        ("DSK-L005", "z_order"): 1,
        ("DSK-L005", "object_id"): 1,
    }
    kept = caps("bbox", fields=frozenset({"group", "z_order", "object_id"}))
    assert adapt(kept, *boxes)[1] == {}


def test_attributes_that_the_target_drops_are_counted_by_name():
    boxes = [Bbox(0, 0, 1, 1, attributes={"a": 1, "b": 2}), Bbox(0, 0, 1, 1, attributes={"a": 3})]
    assert adapt(caps("bbox"), *boxes)[1] == {
        ("DSK-L004", "a"): 2,
        ("DSK-L004", "b"): 1,
    }
    some = caps("bbox", attributes=frozenset({"a"}))
    assert adapt(some, *boxes)[1] == {("DSK-L004", "b"): 1}
    assert adapt(caps("bbox", fields=frozenset({"attributes"})), *boxes)[1] == {}


def test_fields_of_another_family_are_counted():
    box = Bbox(0, 0, 1, 1, extra={"coco": {"score": 1, "x": 2}, "voc": {"y": 1}})
    assert adapt(caps("bbox", family="voc"), box)[1] == {
        ("DSK-L011", "coco field score"): 1,
        ("DSK-L011", "coco field x"): 1,
    }
    _, events = adapt(caps(family="coco"), extra={"voc": {"y": 1}})
    assert events == {("DSK-L011", "voc field y"): 1}


def test_attributes_of_items():
    attributes = {"id": 5, "weather": "rain", "time": 3}
    assert adapt(caps(), attributes=attributes)[1] == {
        ("DSK-L009", "item attribute weather"): 1,
        ("DSK-L009", "item attribute time"): 1,
    }
    some = caps(item_attributes=frozenset({"time"}))
    assert adapt(some, attributes=attributes)[1] == {("DSK-L009", "item attribute weather"): 1}
    assert adapt(caps(item_attributes=True), attributes=attributes)[1] == {}


@pytest.mark.parametrize(
    ("media", "kept"),
    [
        (PICTURE, True),
        (VideoFrame("a.png"), True),
        (PointCloud("a.pcd"), False),
        (Volume("a.nii"), False),
        (MultiframeImage("a.tif"), False),
        (None, True),
    ],
)
def test_media_of_another_kind_are_left_out_and_counted(media, kept):
    ledger = Ledger()
    (out,) = Adapter(caps(), ledger)([DatasetItem("a", media=media)])
    assert (out.media is media) == kept
    assert bool(ledger.events) != kept


def test_places_of_losses_are_named():
    ledger = Ledger()
    item = DatasetItem("x/y", "val", annotations=[Polygon(SQUARE, id=17)])
    list(Adapter(caps("bbox"), ledger)([item]))
    (sample,) = ledger.losses()[0].samples
    assert (sample.item, sample.subset, sample.annotation) == ("x/y", "val", 17)


def test_only_a_few_places_are_named_however_many_there_are():
    ledger = Ledger()
    items = [DatasetItem(f"i{n}", annotations=[Polygon(SQUARE)] * 3) for n in range(9)]
    list(Adapter(caps("bbox"), ledger)(items))
    (event,) = ledger.losses()
    assert (event.count, len(event.samples)) == (27, 5)


def test_subsets_that_were_not_known_are_renamed():
    ledger = Ledger()
    names = SubsetNames(SUBSET_FOLDER, [])
    items = [DatasetItem("1", "a/b"), DatasetItem("2", "a"), DatasetItem("3", "a/b")]
    found = list(Adapter(caps(), ledger, subsets=names)(items))
    assert [item.subset for item in found] == ["a_b", "a", "a_b"]
    assert {e.what: e.count for e in ledger.losses()} == {"subset 'a/b' is called 'a_b'": 2}


def test_a_kind_that_nobody_knows_is_dropped():
    class Strange(Annotation, frozen=True):
        kind = "strange"

    out, events = adapt(caps("bbox"), Strange())
    assert (out, events) == ([], {("DSK-L001", "strange not held"): 1})


# --- labels --------------------------------------------------------------------------------------


def test_facts_about_labels_that_are_lost():
    categories = Categories(
        labels=(LabelCategory("a", "b", ("x",)), LabelCategory("b")),
        colors={0: (1, 2, 3), 1: (4, 5, 6)},
        points={0: PointsCategory(("p",))},
        groups=(LabelGroup("g", "exclusive", ("a", "b")),),
    )
    ledger = Ledger()
    adapt_header(Header(categories=categories), caps(), ledger)
    assert {e.what: e.count for e in ledger.events.values()} == {
        "label parent": 1,
        "label attributes": 1,
        "label colors": 2,
        "label points": 1,
        "label groups": 1,
    }
    ledger = Ledger()
    held = caps(label_fields=frozenset({"parent", "attributes", "colors", "points", "groups"}))
    adapt_header(Header(categories=categories), held, ledger)
    assert ledger.events == {}


def test_fields_of_other_families_beside_annotations_are_counted():
    ledger = Ledger()
    labels = (LabelCategory("a", extra={"coco": {"x": 1}}),)
    header = Header(categories=Categories(labels=labels), info={"coco": {"licenses": []}})
    adapt_header(header, caps(), ledger)
    item = DatasetItem("a", media=Image("a.jpg", extra={"coco": {"license": 3}}))
    list(Adapter(caps(), ledger)([item]))
    assert sum(e.count for e in ledger.events.values()) == 3


@pytest.mark.parametrize(("media", "hinted"), [({"image"}, True), ({"point_cloud"}, False)])
def test_volumes_that_a_target_of_images_leaves_out_come_with_a_hint(media, hinted):
    volume = Volume("a.nii.gz", np.zeros((2, 2, 2), np.uint8))
    item = DatasetItem("a", media=volume, annotations=[Mask3d(source=volume.source, label=0)])
    ledger = Ledger()
    caps = Capabilities(annotations=frozenset({"bbox"}), media=frozenset(media))
    list(Adapter(caps, ledger)([item]))
    events = {e.code: e for e in ledger.events.values()}
    assert set(events) == {"DSK-L001", "DSK-L016"}
    assert all(("volumes_to_slices" in e.hint) == hinted for e in events.values())


NAN, INF = float("nan"), float("inf")
BROKEN = [
    Bbox(0, NAN, 1, 1, label=0),
    Bbox(0, 0, -INF, INF, label=0),
    Ellipse(0, 0, INF, 1, label=0),
    RotatedBbox(0, 0, 1, 1, NAN, label=0),
    Polygon([0, 0, 4, NAN, 4, 4], label=0),
    Polygon([[0, 0, 4, 0, 4, 4], [0, 0, 1, 0, 1, INF]], label=0),
    Polygon(Raw(b"[[0,0,4,0,4,4]]"), bbox=(0, 0, NAN, 4), label=0),
    PolyLine([0, 0, 4, INF], label=0),
    Points([0, NAN], label=0),
    Skeleton([0, NAN], [2], label=0),
    Mask(Raw(b'{"size":[1,1],"counts":[1]}'), bbox=(NAN, 0, 1, 1), label=0),
    Cuboid2d([0.0] * 15 + [NAN], label=0),
    Cuboid3d((0, 0, NAN), label=0),
    Cuboid3d((0, 0, 0), scale=(1, INF, 1), label=0),
]


@pytest.mark.parametrize("a", BROKEN, ids=lambda a: a.kind)
def test_no_target_gets_coordinates_that_are_no_numbers(a):
    caps = Capabilities(annotations=frozenset(KINDS), media=frozenset({"image"}))
    good = Bbox(1, 2, 3, 4, label=0)
    ledger = Ledger()
    (item,) = Adapter(caps, ledger)([DatasetItem("a", annotations=[good, a, good])])
    assert list(item.annotations) == [good, good]
    (event,) = ledger.events.values()
    what = (event.code, event.what, event.kind, event.count)
    assert what == ("DSK-L018", f"{a.kind}: NaN or infinite coordinates", a.kind, 1)


def test_columns_with_coordinates_that_are_no_numbers_are_told_apart():
    caps = Capabilities(annotations=frozenset({"bbox"}), media=frozenset({"image"}))
    good = DatasetItem("a", annotations=[Bbox(1.0, 2.0, 3.0, 4.0, label=0)])
    odd = DatasetItem("b", annotations=[*good.annotations, Bbox(1.0, NAN, 3.0, 4.0, label=0)])
    ledger = Ledger()
    assert list(Adapter(caps, ledger).columns(as_columns([good, odd]))) == [
        good,
        odd.replace(annotations=good.annotations),
    ]
    assert [(e.code, e.count) for e in ledger.events.values()] == [("DSK-L018", 1)]


@pytest.mark.parametrize("value", [True, 1, "true", " True "])
def test_objects_that_have_left_the_view_are_left_out(value):
    gone = Bbox(1, 2, 3, 4, label=0, attributes={"outside": value, "colour": "red"})
    here = Bbox(1, 2, 3, 4, label=0, attributes={"outside": False})
    everything = caps("bbox", fields=frozenset({"attributes"}))
    kept, events = adapt(everything, gone, here)
    assert kept == [here]
    assert events == {("DSK-L017", "outside the view"): 1}
    knowing = caps("bbox", fields=frozenset({"attributes"}), attributes=frozenset({"outside"}))
    assert adapt(knowing, gone, here) == ([gone, here], {})


def test_names_without_end_are_counted_only():
    ledger, count = Ledger(), MAX_SORTS + 7
    names = [f"name {n}" for n in range(count)]
    boxes = [Bbox(1, 2, 3, 4, label=0, attributes={n: 1}, extra={"toy": {n: 1}}) for n in names]
    list(Adapter(caps("bbox"), ledger)([DatasetItem("a", "train", PICTURE, boxes)]))
    assert len(ledger.events) == MAX_SORTS + 2
    assert sum(e.count for e in ledger.events.values()) == 2 * count


def test_that_an_object_is_in_view_is_no_loss():
    here = Bbox(1, 2, 3, 4, label=0, attributes={"outside": False})
    assert adapt(caps("bbox"), here) == ([here], {})
    columns = as_columns([DatasetItem("a", "train", PICTURE, [here])], outlines=False)
    ledger = Ledger()
    Adapter(caps("bbox"), ledger).columns(columns)
    assert not ledger.events


def test_columns_of_objects_that_have_left_the_view():
    box = Bbox(1.0, 2.0, 3.0, 4.0, label=0, attributes={"outside": True})
    columns = as_columns([DatasetItem("a", "train", PICTURE, [box])], outlines=False)
    ledger = Ledger()
    kept = Adapter(caps("bbox"), ledger).columns(columns)
    assert [list(item.annotations) for item in kept] == [[]]
    assert ledger.total("dropped") == 1


def test_attributes_of_keypoints_are_told():
    plain = Skeleton([1.0, 2.0], [2], [{}], label=0)
    told = Skeleton([1.0, 2.0], [2], [{"occluded": True}], label=0)
    held = caps("skeleton", fields=frozenset({"point_attributes"}))
    assert adapt(held, told)[1] == {}
    assert adapt(caps("skeleton"), plain)[1] == {}
    assert adapt(caps("skeleton"), told)[1] == {("DSK-L005", "attributes of keypoints"): 1}
