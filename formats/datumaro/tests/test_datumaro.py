"""What Datumaro's files may hold, and what dsk adds to them."""

from __future__ import annotations

import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

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
    Rle,
    RotatedBbox,
    Skeleton,
)
from dsk.categories import Categories, LabelCategory, LabelGroup, PointsCategory
from dsk.dataset import Dataset
from dsk.detect import choose
from dsk.errors import InputError, OutputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import (
    Image,
    MediaElement,
    MultiframeImage,
    PointCloud,
    VideoFrame,
    Volume,
)
from dsk_datumaro.masks import totals

if TYPE_CHECKING:
    from pathlib import Path

CATEGORIES = {"label": {"labels": [{"name": "cat"}, {"name": "dog", "parent": "pet"}]}}


def put(folder: Path, items: list[Any], subset: str = "default", **top: Any) -> Path:
    path = folder / "annotations" / f"{subset}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"categories": CATEGORIES, "items": items, **top}))
    return folder


def one(folder: Path, annotation: dict[str, Any], **item: Any) -> Any:
    """Return the only annotation of a file with a single one."""
    put(folder, [{"id": "a", "annotations": [annotation], **item}])
    (found,) = next(iter(Dataset.import_from(folder, "datumaro"))).annotations
    return found


def bad(folder: Path, annotation: dict[str, Any]) -> str:
    """Return the message of an error, and check that ``skip`` keeps the other annotations."""
    put(folder, [{"id": "a", "annotations": [annotation, {"type": "label", "label_id": 1}]}])
    with pytest.raises(RecordError) as caught:
        list(Dataset.import_from(folder, "datumaro"))
    assert caught.value.where.endswith("default.json#/items/0/annotations/0")
    (item,) = Dataset.import_from(folder, "datumaro", on_error="skip")
    assert item.annotations == [Label(label=1)]
    return str(caught.value)


def written(folder: Path, items: list[DatasetItem], labels: Any = ("cat",), **options: Any) -> Any:
    """Return the JSON of the only subset of some items."""
    out = folder / "written"
    Dataset.from_iterable(items, labels).export(out, "datumaro", overwrite=True, **options)
    (name,) = os.listdir(out / "annotations")
    return json.loads((out / "annotations" / name).read_text())


def back(
    folder: Path, items: list[DatasetItem], labels: Any = ("cat",), **settings: Any
) -> Dataset:
    """Return items after a round trip, whose report must name no loss."""
    out = folder / "back"
    report = Dataset.from_iterable(items, labels).export(
        out, "datumaro", overwrite=True, **settings
    )
    assert report.losses == []
    return Dataset.import_from(out, "datumaro")


COMMON = {"label": 0, "id": 7, "group": 3, "object_id": 9, "z_order": 2, "attributes": {"a": [1]}}
EXACT = [
    Label(**COMMON),
    Caption("“hello”", **COMMON),
    Bbox(0.1, 0.2, 1 / 3, 1e-7, **COMMON),
    RotatedBbox(1, 2, 3, 4, -30.5, **COMMON),
    PolyLine([1, 2, 3, 4.5], **COMMON),
    Points([1, 2, 3, 4], [0, 2], (1, 2, 3, 4), **COMMON),
    Points([1, 2, 3, 4], **COMMON),
    Skeleton([1, 2, 0, 0], [1, 0], [{}, {"x": True}], (1, 2, 0, 0), 5.5, **COMMON),
    Ellipse(0.1, 0.7, 0.2, 0.1, **COMMON),
    Mask(Rle((2, 3), "06"), (0, 0, 3, 2), 6.0, **COMMON),
    Cuboid2d([float(n) for n in range(16)], **COMMON),
    Cuboid3d((1, 2, 3), (0.1, 0.2, 0.3), (4, 5, 6), "+y", "camera", **COMMON),
    Bbox(1, 2, 3, 4, label=0, extra={"coco": {"iscrowd": 1}}),
]


@pytest.mark.parametrize("annotation", EXACT, ids=lambda a: a.kind)
def test_every_field_of_every_kind_comes_back(tmp_path: Path, annotation: Any):
    (item,) = back(tmp_path, [DatasetItem("a", annotations=[annotation])])
    (found,) = item.annotations
    if isinstance(annotation, Points | Skeleton):  # lists and tuples are alike
        assert list(found.visibility) == list(annotation.visibility)
    assert found == annotation


coordinates = st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=12).map(
    lambda v: v[: len(v) // 2 * 2]
)


@settings(max_examples=60, deadline=None)
@given(
    rings=st.lists(coordinates, min_size=1, max_size=4),
    holes=st.sets(st.integers(0, 3)),
    group=st.integers(0, 2),
    undecoded=st.booleans(),
)
def test_outlines_are_written_ring_by_ring_and_joined_again(
    tmp_path_factory: pytest.TempPathFactory,
    rings: list[list[float]],
    holes: set[int],
    group: int,
    undecoded: bool,
):
    tmp_path = tmp_path_factory.mktemp("rings")
    points = Raw(json.dumps(rings).encode()) if undecoded else rings
    cut = tuple(sorted(h for h in holes if h < len(rings)))
    outline = Polygon(points, cut, (0, 0, 1, 1), 2.5, label=0, group=group)
    box = Bbox(0, 0, 1, 1, label=0, group=2)
    (item,) = back(tmp_path, [DatasetItem("a", annotations=[box, outline, box])])
    before, found, after = item.annotations
    assert (before, after) == (box, box)
    assert [list(r) for r in found.rings] == rings
    assert (found.holes, found.bbox, found.area) == (cut, (0, 0, 1, 1), 2.5)
    assert (found.group, found.label) == (group, 0)


def test_rings_of_one_object_share_a_group_that_nothing_else_has(tmp_path: Path):
    outline = Polygon([[0, 0, 1, 0, 1, 1], [5, 5, 6, 5, 6, 6]], label=0)
    other = Bbox(0, 0, 1, 1, group=1)
    annotations = written(tmp_path, [DatasetItem("a", annotations=[other, outline])])["items"][0][
        "annotations"
    ]
    assert [a["type"] for a in annotations] == ["bbox", "polygon", "polygon"]
    assert [a["group"] for a in annotations] == [1, 2, 2]
    assert [a["points"] for a in annotations[1:]] == [[0, 0, 1, 0, 1, 1], [5, 5, 6, 5, 6, 6]]


@pytest.mark.parametrize("change", ["one is gone", "another label", "another order"])
def test_rings_that_somebody_changed_are_not_joined(tmp_path: Path, change: str):
    outline = Polygon([[0, 0, 1, 0, 1, 1], [5, 5, 6, 5, 6, 6]], label=0)
    data = written(tmp_path, [DatasetItem("a", annotations=[outline])], ["cat", "dog"])
    rings = data["items"][0]["annotations"]
    if change == "one is gone":
        del rings[1]
    elif change == "another label":
        rings[1]["label_id"] = 1
    else:
        rings.reverse()
    put(tmp_path, data["items"])
    (item,) = Dataset.import_from(tmp_path / "annotations", "datumaro")
    assert len(item.annotations) == len(rings)
    assert {len(a.rings) for a in item.annotations} == {1}


def test_report_counts_rings_as_splits(tmp_path: Path):
    outline = Polygon([[0, 0, 1, 0, 1, 1]] * 3, label=0)
    dataset = Dataset.from_iterable([DatasetItem("a", annotations=[outline])], ["cat"])
    report = dataset.export(tmp_path / "out", "datumaro")
    assert (report.annotations["in"], report.annotations["split"], report.annotations["out"]) == (
        1,
        2,
        3,
    )
    assert [(e.code, e.count) for e in report.events] == [("DSK-L013", 2)]


def test_nothing_of_dsk_is_written_when_there_is_nothing_to_say(tmp_path: Path):
    plain = [Bbox(1, 2, 3, 4, label=0), Polygon([0, 0, 1, 0, 1, 1], label=0), Label(label=0)]
    item = DatasetItem("a", media=Image("a.jpg", size=(4, 5)), annotations=plain)
    assert '"dsk"' not in json.dumps(written(tmp_path, [item]))


def test_compressed_run_lengths_pass_undecoded_and_lists_are_encoded(tmp_path: Path):
    masks = [
        Mask(Rle((2, 3), b"06")),
        Mask(Rle((2, 3), [0, 6])),
        Mask(Raw(b'{"size":[2,3],"counts":[0,6]}')),
    ]
    data = written(tmp_path, [DatasetItem("a", annotations=masks)])
    rles = [a["rle"] for a in data["items"][0]["annotations"]]
    assert rles == [{"size": [2, 3], "counts": "06"}] * 3


def test_extra_fields_that_are_no_table_are_refused(tmp_path: Path):
    box = {"id": 1, "type": "bbox", "label_id": 0, "bbox": [1, 2, 3, 4]}
    assert "extra" in bad(tmp_path, box | {"dsk": {"extra": {"voc": 5}}})


def test_masks_in_volumes_share_a_file(tmp_path: Path):
    labels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = tuple(float(n) for n in range(16))
    masks = [
        Mask3d(labels, 3, label=0, id=4),
        Label(label=0),
        Mask3d(labels, 5, affine, attributes={"q": 1}),
    ]
    (item,) = back(tmp_path, [DatasetItem("v", annotations=masks)])
    first, label, second = item.annotations
    assert os.listdir(tmp_path / "back" / "masks_3d" / "default" / "v") == ["0.npz"]
    assert (first.label, first.id, first.value, second.affine) == (0, 4, 3, affine)
    assert label == Label(label=0)
    assert second.attributes == {"q": 1}
    assert first.source.shape == (2, 3, 4)
    np.testing.assert_array_equal(np.asarray(second.source), labels)
    assert first.source[0, 0, 3] == 3


def test_hostile_array_files_are_refused(tmp_path: Path):
    (item,) = back(tmp_path, [DatasetItem("v", annotations=[Mask3d(np.zeros((1, 1, 1)), 1)])])
    path = tmp_path / "back" / "masks_3d" / "default" / "v" / "0.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("array.npy", b"\x93NUMPY\x01\x00 not an array")
    with pytest.raises(InputError, match="array"):
        _ = item.annotations[0].source.shape


def test_what_is_known_of_labels_comes_back(tmp_path: Path):
    categories = Categories(
        labels=(
            LabelCategory("person", "being", ("b", "a"), 17, {"coco": {"x": 1}}),
            LabelCategory("nose", "person"),
        ),
        attributes=("z", "y"),
        colors={1: (1, 2, 3), 0: (0, 0, 0)},
        points={0: PointsCategory(("nose", "ear"), ((0, 1),), (1.0, 2.0))},
        groups=(LabelGroup("g", "restricted", ("person",)),),
    )
    items = [DatasetItem("a", annotations=[Skeleton([1, 2, 3, 4], [2, 2], label=0)])]
    assert back(tmp_path, items, categories).categories() == categories


def test_labels_of_joints_are_added_for_skeletons_only(tmp_path: Path):
    categories = Categories(
        labels=(LabelCategory("person"),), points={0: PointsCategory(("nose", "ear"))}
    )
    for annotation, names in (
        (Points([1, 2], label=0), ["person"]),
        (Skeleton([1, 2, 3, 4], [2, 2], label=0), ["person", "nose", "ear"]),
    ):
        data = written(tmp_path, [DatasetItem("a", annotations=[annotation])], categories)
        labels = data["categories"]["label"]["labels"]
        assert [label["name"] for label in labels] == names
        assert all(label["parent"] == "person" for label in labels[1:])


def test_facts_about_the_dataset_come_back(tmp_path: Path):
    info = {
        "coco": {"info": {"year": 2017}},
        "datumaro": {
            "info": {"author": "x"},
            "infos": {"n": [1]},
            "fields": {"unheard": {"of": 1}},
        },
    }
    dataset = Dataset.from_iterable([DatasetItem("a")], ["cat"], info=info)
    dataset.export(tmp_path / "out", "datumaro")
    assert Dataset.import_from(tmp_path / "out", "datumaro").header.info == info


@pytest.mark.parametrize(
    ("dialect", "keys"),
    [
        ("auto", {"dm_format_version", "media_type", "info", "infos"}),
        ("d0", {"info"}),
        ("d1", {"dm_format_version", "media_type", "infos"}),
    ],
)
def test_heads_of_the_dialects(tmp_path: Path, dialect: str, keys: set[str]):
    data = written(tmp_path, [DatasetItem("a")], dialect=dialect)
    assert data.keys() == keys | {"categories", "items"}


@pytest.mark.parametrize(
    ("dialect", "kinds"),
    [
        ("auto", ["skeleton", "rotated_bbox", "ellipse", "cuboid_2d"]),
        ("d0", ["skeleton", "polygon", "polygon", "bbox"]),
        ("d1", ["points", "polygon", "ellipse", "cuboid_2d"]),
    ],
)
def test_dialects_write_what_their_reader_knows(tmp_path: Path, dialect: str, kinds: list[str]):
    annotations = [
        Skeleton([1, 2], [2], label=0),
        RotatedBbox(5, 5, 2, 2, 45, label=0),
        Ellipse(1, 1, 2, 2, label=0),
        Cuboid2d([float(n) for n in range(16)], label=0),
    ]
    data = written(tmp_path, [DatasetItem("a", annotations=annotations)], dialect=dialect)
    assert [a["type"] for a in data["items"][0]["annotations"]] == kinds


@pytest.mark.parametrize(
    ("media", "number"),
    [
        ([None], 2),
        ([Image("a.png")], 2),
        ([PointCloud("a.pcd")], 6),
        ([VideoFrame("v.mp4", index=3)], 4),
        ([Image("a.png"), PointCloud("a.pcd")], 1),
    ],
)
def test_media_type_is_that_of_the_media(tmp_path: Path, media: list[Any], number: int):
    items = [DatasetItem(str(n), media=m) for n, m in enumerate(media)]
    assert written(tmp_path, items)["media_type"] == number


def test_empty_dataset_has_no_files(tmp_path: Path):
    Dataset.from_iterable([], ["cat"]).export(tmp_path / "out", "datumaro")
    assert list((tmp_path / "out").rglob("*.json")) == []


def test_each_subset_has_all_categories_and_its_name_may_hold_a_slash(tmp_path: Path):
    items = [DatasetItem("a", "x/y", annotations=[Label(label=1)]), DatasetItem("b", "val")]
    dataset = back(tmp_path, items, ["cat", "dog"])
    assert sorted(os.listdir(tmp_path / "back" / "annotations")) == ["val.json", "x_y.json"]
    assert [(i.id, i.subset) for i in dataset] == [("b", "val"), ("a", "x/y")]
    for name in ("val", "x_y"):
        data = json.loads((tmp_path / "back" / "annotations" / f"{name}.json").read_text())
        assert [label["name"] for label in data["categories"]["label"]["labels"]] == ["cat", "dog"]


def test_subsets_that_want_one_file_are_refused(tmp_path: Path):
    items = [DatasetItem("a", "x/y"), DatasetItem("b", "x_y")]
    with pytest.raises(OutputError, match="want the same file"):
        Dataset.from_iterable(items).export(tmp_path / "out", "datumaro")
    assert os.listdir(tmp_path) == []


def test_numbers_that_json_cannot_say(tmp_path: Path):
    nan = float("nan")
    annotations = [
        Bbox(1, 2, nan, 4, label=0, id=1),
        Bbox(1, 2, 3, 4, id=2, attributes={"score": float("inf"), "ok": 1}),
        Polygon([0, 0, 1, nan, 1, 1]),
    ]
    item = DatasetItem("a", annotations=annotations, attributes={"w": nan})
    report = Dataset.from_iterable([item], ["cat"]).export(tmp_path / "out", "datumaro")
    assert {(e.code, e.kind, e.count) for e in report.events} == {
        ("DSK-L018", "bbox", 1),
        ("DSK-L018", "polygon", 1),
        ("DSK-L007", "bbox", 1),
        ("DSK-L007", "", 1),
    }
    (found,) = Dataset.import_from(tmp_path / "out", "datumaro")
    assert [a.id for a in found.annotations] == [2]
    assert report.annotations["out"] == 1


# reading


def test_missing_and_null_fields_are_what_they_stand_for(tmp_path: Path):
    found = one(
        tmp_path,
        {"type": "bbox", "bbox": [1, 2, 3, 4], "attributes": None, "id": None, "label_id": None},
        image={"path": "", "size": [None, None]},
        attr=None,
    )
    assert found == Bbox(1, 2, 3, 4)
    (item,) = Dataset.import_from(tmp_path, "datumaro")
    assert item.media == Image("a.jpg")


def test_unknown_fields_are_kept_and_written_back(tmp_path: Path):
    box = {"type": "bbox", "id": 1, "bbox": [1.0, 2.0, 3.0, 4.0], "label_id": 0, "mood": "good"}
    item = {"id": "a", "annotations": [box], "note": [1], "image": {"path": "a.png", "dpi": 72}}
    put(tmp_path, [item])
    (found,) = Dataset.import_from(tmp_path, "datumaro")
    assert found.extra == {"datumaro": {"note": [1]}}
    assert found.annotations[0].extra == {"datumaro": {"mood": "good"}}
    assert found.media.extra == {"datumaro": {"dpi": 72}}
    Dataset.import_from(tmp_path, "datumaro").export(tmp_path / "out", "datumaro")
    data = json.loads((tmp_path / "out" / "annotations" / "default.json").read_text())
    again = data["items"][0]
    assert again["note"] == [1]
    assert again["annotations"][0].items() >= box.items()


def test_visibility_is_read(tmp_path: Path):
    found = one(tmp_path, {"type": "points", "points": [1, 2, 3, 4], "visibility": [0, 1]})
    assert list(found.visibility) == [0, 1]


def test_skeletons_are_triplets(tmp_path: Path):
    found = one(
        tmp_path,
        {"type": "skeleton", "points": [1, 2, 2, 0, 0, 0.0], "points_attributes": [{"a": 1}, {}]},
    )
    assert found == Skeleton([1, 2, 0, 0], [2, 0], [{"a": 1}, {}])


def test_corners_of_a_flat_cuboid_may_be_pairs_or_flat(tmp_path: Path):
    flat = [float(n) for n in range(16)]
    pairs = [flat[n : n + 2] for n in range(0, 16, 2)]
    for points in (flat, pairs):
        assert one(tmp_path, {"type": "cuboid_2d", "points": points}) == Cuboid2d(flat)


def test_rotated_boxes_may_be_points_or_bbox(tmp_path: Path):
    for key in ("points", "bbox"):
        found = one(tmp_path, {"type": "rotated_bbox", key: [1, 2, 3, 4, 90]})
        assert found == RotatedBbox(1, 2, 3, 4, 90)


@pytest.mark.parametrize(
    ("annotation", "says"),
    [
        ({"type": "hologram"}, "hologram"),
        ({"type": "bbox", "bbox": [1, 2, 3]}, "four numbers"),
        ({"type": "bbox"}, "four numbers"),
        ({"type": "bbox", "bbox": [1, 2, 3, "x"]}, "bbox"),
        ({"type": "polygon", "points": [1, 2, 3]}, "x, y pairs"),
        ({"type": "polygon", "points": [[1, 2, 3, 4]]}, "x, y pairs"),
        ({"type": "polygon", "points": ["1", "2"]}, "x, y pairs"),
        ({"type": "polygon", "points": [1, None]}, "x, y pairs"),
        ({"type": "points", "points": [1, 2], "visibility": [1, 1]}, "2 visibility values"),
        ({"type": "points", "points": [1, 2], "visibility": [3]}, "visibility is 0"),
        ({"type": "skeleton", "points": [1, 2]}, "triplets"),
        ({"type": "ellipse", "points": [1, 2]}, "corners"),
        ({"type": "caption"}, "no caption"),
        ({"type": "cuboid_3d"}, "position"),
        ({"type": "mask"}, "rle"),
        ({"type": "mask", "rle": {"size": [10, 10], "counts": "d0d0:F\\0"}}, "do not fill"),
        ({"type": "mask", "rle": {"size": [2, 3], "counts": [5]}}, "do not fill"),
        ({"type": "label", "label_id": "x"}, "label_id"),
        ({"bbox": [1, 2, 3, 4]}, "type"),
        ({"type": "label", "attributes": [1]}, "attributes"),
    ],
)
def test_bad_annotations_are_named_and_the_others_kept(
    tmp_path: Path, annotation: dict[str, Any], says: str
):
    assert says in bad(tmp_path, annotation)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5000), min_size=1, max_size=30), max_size=5))
def test_totals_of_run_lengths(masks: list[list[int]]):
    from dsk.masks import encode_counts

    assert totals([encode_counts(m) for m in masks]).tolist() == [sum(m) for m in masks]


def test_totals_of_damaged_run_lengths():
    assert totals([b"06", b"", b"\x00", b"0\x7f", b"d"]).tolist() == [6, 0, -1, -1, -1]


@pytest.mark.filterwarnings("ignore::dsk.errors.DskWarning")
def test_label_that_is_not_declared_is_read_as_none_and_written_back(tmp_path: Path):
    put(tmp_path, [{"id": "a", "annotations": [{"type": "label", "label_id": 9}]}])
    dataset = Dataset.import_from(tmp_path, "datumaro")
    (found,) = next(iter(dataset)).annotations
    assert found.label is None
    report = dataset.export(tmp_path / "out", "datumaro")
    assert len(report.warnings) == 1
    data = json.loads((tmp_path / "out" / "annotations" / "default.json").read_text())
    assert data["items"][0]["annotations"][0]["label_id"] == 9


def test_of_one_id_the_last_item_is_read(tmp_path: Path):
    put(tmp_path, [{"id": "a", "attr": {"n": 1}}, {"id": "b"}, {"id": "a", "attr": {"n": 2}}])
    dataset = Dataset.import_from(tmp_path, "datumaro")
    assert [(i.id, i.attributes) for i in dataset] == [("b", {}), ("a", {"n": 2})]
    assert any("same id" in message for message in dataset.opening_ledger.warnings)


def test_ids_may_be_numbers_and_may_not_lead_out(tmp_path: Path):
    put(tmp_path, [{"id": 5}, {"id": "../x"}, {"id": "c"}])
    with pytest.raises(RecordError, match="leads out"):
        list(Dataset.import_from(tmp_path, "datumaro"))
    found = Dataset.import_from(tmp_path, "datumaro", on_error="skip")
    assert [i.id for i in found] == ["5", "c"]


def test_two_media_in_one_item_are_an_error(tmp_path: Path):
    put(tmp_path, [{"id": "a", "image": {"path": "a"}, "point_cloud": {"path": "a"}}, {"id": "b"}])
    with pytest.raises(RecordError, match="one medium"):
        list(Dataset.import_from(tmp_path, "datumaro"))
    assert [i.id for i in Dataset.import_from(tmp_path, "datumaro", on_error="skip")] == ["b"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../secret.png", "C:\\x.png"])
def test_paths_that_lead_out_stay_names(tmp_path: Path, path: str):
    (tmp_path / "secret.png").write_bytes(b"secret")
    root = tmp_path / "a" / "b"
    (root / "images" / "default").mkdir(parents=True)
    put(root, [{"id": "a", "image": {"path": path}}])
    (item,) = Dataset.import_from(root, "datumaro")
    assert item.media == Image(path)
    dataset = Dataset.import_from(root, "datumaro")
    report = dataset.export(tmp_path / "out", "datumaro", save_media=True)
    assert report.media_saved == 0
    assert not (tmp_path / "out" / "images").exists()


def test_images_are_found_in_old_and_new_places(tmp_path: Path):
    for name in ("images/train/sub/a.png", "images/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    put(
        tmp_path,
        [{"id": n, "image": {"path": f"{n}.png"}} for n in ("sub/a", "b", "c")],
        "train",
    )
    found = {i.id: i.media.source for i in Dataset.import_from(tmp_path, "datumaro")}
    assert found["sub/a"] == str(tmp_path / "images/train/sub/a.png")
    assert found["b"] == str(tmp_path / "images/b.png")
    assert found["c"] is None


def test_subsets_with_other_labels_are_merged(tmp_path: Path):
    put(tmp_path, [{"id": "a", "annotations": [{"type": "label", "label_id": 1}]}], "one")
    categories = {"label": {"labels": [{"name": "dog", "parent": "pet"}, {"name": "cow"}]}}
    items = [{"id": "b", "annotations": [{"type": "label", "label_id": n} for n in (0, 1)]}]
    put(tmp_path, items, "two", categories=categories)
    dataset = Dataset.import_from(tmp_path, "datumaro")
    assert dataset.categories().names == ["cat", "dog", "cow"]
    assert [[a.label for a in i.annotations] for i in dataset] == [[1], [1, 2]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ('{"categories": {}, "items": [{"id": "a"}', "truncated"),
        ('{"categories": [], "items": []}', "categories"),
        ('{"categories": {"label": {"labels": [{}]}}, "items": []}', "name"),
        ('{"images": []}', "no Datumaro JSON"),
        ("[]", "JSON"),
        ("", "JSON"),
    ],
)
def test_files_that_are_no_datumaro_json(tmp_path: Path, data: str, says: str):
    put(tmp_path, [])
    (tmp_path / "annotations" / "default.json").write_text(data)
    with pytest.raises(InputError, match=says):
        Dataset.import_from(tmp_path, "datumaro")


def test_byte_order_mark_and_order_of_keys_do_not_matter(tmp_path: Path):
    put(tmp_path, [])
    text = '{"items": [{"annotations": [], "id": "ü"}], "categories": {}}'
    (tmp_path / "annotations" / "default.json").write_text(text, encoding="utf-8-sig")
    assert [i.id for i in Dataset.import_from(tmp_path, "datumaro")] == ["ü"]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"items": [{"id": "a", "annotations": []}', 50),
        ('{"items": [{"name": "a"}]}', None),
        ('{"@context": "http://x", "items": [{"id": "a", "annotations": []}]}', None),
    ],
)
def test_lists_of_items_of_others(tmp_path: Path, text: str, score: int | None):
    from dsk_datumaro.detect import detect

    (tmp_path / "a.json").write_text(text)
    found = detect(open_root(tmp_path))
    assert (found.score if found is not None else None) == score


def test_detection(tmp_path: Path):
    put(tmp_path / "a", [])
    assert (choose(open_root(tmp_path / "a")).format) == "datumaro"
    assert choose(open_root(tmp_path / "a" / "annotations" / "default.json")).format == "datumaro"
    coco = tmp_path / "coco" / "annotations"
    coco.mkdir(parents=True)
    (coco / "instances.json").write_text('{"images": [{"id": 1}], "categories": [{"id": 1}]}')
    from dsk_datumaro.detect import detect

    assert detect(open_root(tmp_path / "coco")) is None


@pytest.mark.parametrize("folder", ["", "deep", "deep/deeper"])
def test_roots_files_and_archives(tmp_path: Path, folder: str):
    root = tmp_path / "data" / folder
    put(root, [{"id": "a", "image": {"path": "a.png"}}], "one")
    put(root, [{"id": "b"}], "two")
    (root / "images" / "one").mkdir(parents=True)
    (root / "images" / "one" / "a.png").write_bytes(b"x")
    packed = tmp_path / "x.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in (tmp_path / "data").rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path / "data").as_posix())
    for given_path, ids in (
        (tmp_path / "data", ["a", "b"]),
        (packed, ["a", "b"]),
        (root / "annotations" / "one.json", ["a"]),
    ):
        items = list(Dataset.import_from(given_path, "datumaro"))
        assert [i.id for i in items] == ids
        assert items[0].media.read_bytes() == b"x"


MEDIA = [
    Image("n.png", size=(3, 4), extra={"coco": {"license": 1}}),
    PointCloud("n.pcd", extra_images=(Image("x.png", size=(1, 2)),), extra={"kitti": {"a": 1}}),
    VideoFrame("v.mp4", index=12),
    VideoFrame("frame_12.png", None, {"q": {"a": 1}}, (5, 6), None, 12),
    MultiframeImage("m.tif", frames=(Image("1.png", size=(1, 1)), Image("2.png"))),
    MediaElement("x.bin", extra={"w": {"a": 1}}),
    MediaElement("v.mp4", extra={"datumaro": {"video": {"step": 2, "start_frame": 1}}}),
    Volume("v.nii.gz", shape=(2, 3, 4), affine=tuple(map(float, range(16))), dtype="<i2"),
]


@pytest.mark.parametrize("media", MEDIA, ids=lambda m: m.kind)
def test_media_are_described_without_loss(tmp_path: Path, media: Any):
    if isinstance(media, VideoFrame) and media.path != "v.mp4":
        media = VideoFrame(media.path, None, media.extra, media.size, "/no/v.mp4", 12)
    (item,) = back(tmp_path, [DatasetItem("s/n", media=media)])
    assert type(item.media) is type(media)
    for field in ("path", "extra", "size", "index", "frames", "extra_images", "shape", "affine"):
        assert getattr(item.media, field, None) == getattr(media, field, None), field


def test_saved_media_of_all_kinds_are_found_again(tmp_path: Path):
    video = tmp_path / "film.mp4"
    video.write_bytes(b"film")
    items = [
        DatasetItem("i", media=Image("i.png", b"image")),
        DatasetItem("c/1", media=PointCloud("c.pcd", b"cloud", None, (Image("r.jpg", b"photo"),))),
        DatasetItem("f1", media=VideoFrame("film.mp4", video=str(video), index=1)),
        DatasetItem("f2", media=VideoFrame("f.png", b"frame", video=str(video), index=2)),
        DatasetItem("m", media=MediaElement("m.bin", b"other")),
        DatasetItem("v", media=Volume("v.nii.gz", b"volume")),
        DatasetItem("w", media=Volume("w", np.ones((1, 2, 3), np.uint8), shape=(1, 2, 3))),
    ]
    for dialect in ("auto", "d0"):
        found = {
            i.id: i.media for i in back(tmp_path, items, save_media=True, dialect=dialect, jobs=2)
        }
        assert found["i"].read_bytes() == b"image"
        assert found["c/1"].read_bytes() == b"cloud"
        assert [image.read_bytes() for image in found["c/1"].extra_images] == [b"photo"]
        assert MediaElement("film.mp4", found["f1"].video).read_bytes() == b"film"
        assert found["f1"].source is None
        assert (found["f2"].read_bytes(), found["f2"].index) == (b"frame", 2)
        assert found["m"].read_bytes() == b"other"
        assert found["v"].read_bytes() == b"volume"
        assert np.asarray(found["w"].source).sum() == 6


@pytest.mark.parametrize("number", [2, -1, 10**20])
def test_keypoints_of_no_label_are_left_out_with_a_warning(tmp_path: Path, number: int):
    points = {"items": [{"label_id": n, "labels": ["nose"]} for n in (number, 0)]}
    put(tmp_path, [{"id": "a"}], categories={**CATEGORIES, "points": points})
    dataset = Dataset.import_from(tmp_path, "datumaro")
    assert dataset.categories().points == {0: PointsCategory(("nose",))}
    assert any("keypoints" in message for message in dataset.opening_ledger.warnings)


@pytest.mark.parametrize(
    ("text", "rings"),
    [
        ("[0,0,1,0,1,1]", 1),
        (" [ 0, 0,\n1,0,1,1 ] ", 1),
        ("[[0,0,1,0,1,1]]", 1),
        ("[\n [0,0,1,0,1,1]\n]", 1),
        ("[ [0,0,1,0,1,1], [-2e1,0.5,1,0,1,1] ]", 2),
        ("[[0,0,1,0,1,1],[2,2,3,2,3,3],[]]", 3),
        ("[]", 0),
    ],
)
def test_undecoded_points_may_be_written_in_any_way(tmp_path: Path, text: str, rings: int):
    (item,) = back(tmp_path, [DatasetItem("a", annotations=[Polygon(Raw(text.encode()))])])
    (found,) = item.annotations
    assert len([ring for ring in found.rings if ring or rings]) == rings
    data = json.loads((tmp_path / "back" / "annotations" / "default.json").read_text())
    written_points = [a["points"] for a in data["items"][0]["annotations"]]
    nested = json.loads(text)
    flat = [nested] if rings == 1 and not isinstance(nested[0], list) else nested
    assert written_points == (flat or [[]])


@pytest.mark.parametrize("text", ['["a"]', '[["a",1]]', "[null,1]", "{}", "[[[1,2]]]"])
def test_undecoded_points_that_are_no_numbers_are_dropped(tmp_path: Path, text: str):
    annotations = [Polygon(Raw(text.encode()), id=1), Polygon([0, 0, 1, 0, 1, 1], id=2)]
    dataset = Dataset.from_iterable([DatasetItem("a", annotations=annotations)])
    report = dataset.export(tmp_path / "out", "datumaro")
    assert [(e.code, e.count) for e in report.events] == [("DSK-L018", 1)]
    (item,) = Dataset.import_from(tmp_path / "out", "datumaro")
    assert [a.id for a in item.annotations] == [2]


@pytest.mark.parametrize("path", ["/home/me/x.png", "C:\\data\\x.png", "images/default/d/x.png"])
def test_images_of_paths_from_elsewhere_are_found_by_id(path: str, tmp_path: Path):
    put(tmp_path, [{"id": "d/x", "image": {"path": path}}])
    image = tmp_path / "images/default/d/x.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"pixels")
    (item,) = Dataset.import_from(tmp_path, "datumaro")
    assert item.media.read_bytes() == b"pixels"
    assert item.media.path == path


@pytest.mark.parametrize("top", ["/home/me/", "C:\\data\\", ""])
def test_clouds_of_paths_from_elsewhere_are_found_too(top: str, tmp_path: Path):
    related = {"path": f"{top}related_images/default/d/x/image_0.png"}
    cloud = {"path": f"{top}point_clouds/default/d/x.pcd"}
    put(tmp_path, [{"id": "d/x", "point_cloud": cloud, "related_images": [related]}])
    for name in ("point_clouds/default/d/x.pcd", "related_images/default/d/x/image_0.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    (item,) = Dataset.import_from(tmp_path, "datumaro")
    assert item.media.read_bytes() == b"point_clouds/default/d/x.pcd"
    (image,) = item.media.extra_images
    assert image.read_bytes() == b"related_images/default/d/x/image_0.png"


def test_an_image_named_from_the_root_is_found(tmp_path: Path):
    put(tmp_path, [{"id": "x", "image": {"path": "pics/other.png"}}])
    (tmp_path / "images").mkdir()
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics/other.png").write_bytes(b"pixels")
    (item,) = Dataset.import_from(tmp_path, "datumaro")
    assert item.media.read_bytes() == b"pixels"


def test_ids_are_doubles_as_numbers_too(tmp_path: Path):
    put(tmp_path, [{"id": "1", "attr": {"n": 1}}, {"id": 1, "attr": {"n": 2}}])
    (item,) = Dataset.import_from(tmp_path, "datumaro")
    assert item.attributes == {"n": 2}


def test_related_images_without_a_cloud_are_kept(tmp_path: Path):
    plain = {"id": "a", "image": {"path": "a.png"}, "related_images": [{"path": "k.png"}], "x": 1}
    put(tmp_path / "in", [plain])
    Dataset.import_from(tmp_path / "in", "datumaro").export(tmp_path / "out", "datumaro")
    written = json.loads((tmp_path / "out/annotations/default.json").read_text())
    assert written["items"] == [{**plain, "annotations": []}]


def test_the_folder_may_be_named_in_capitals(tmp_path: Path):
    put(tmp_path, [{"id": "x", "image": {"path": "x.png"}}])
    (tmp_path / "annotations").rename(tmp_path / "Annotations")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/x.png").write_bytes(b"pixels")
    (item,) = Dataset.import_from(tmp_path)
    assert item.media.read_bytes() == b"pixels"


def test_two_files_of_one_subset_are_named(tmp_path: Path):
    for task in "ab":
        put(tmp_path / task, [{"id": "x"}])
    dataset = Dataset.import_from(tmp_path, "datumaro")
    (warning,) = dataset.opening_ledger.warnings
    assert "2 files hold subset 'default'" in warning


def frames_of(folder: Path, names: dict[str, str]) -> list[DatasetItem]:
    items = []
    for item, name in names.items():
        video = folder / name
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_text(name)
        items.append(
            DatasetItem(item, media=VideoFrame(f"{item}.png", b"x", None, None, str(video)))
        )
    return items


def test_videos_of_one_name_in_two_folders_stay_two(tmp_path: Path):
    names = {"a/clip/000000": "a/clip.mp4", "b/clip/000000": "b/clip.mp4", "0": "clip.mp4"}
    dataset = Dataset.from_iterable(frames_of(tmp_path, names), [])
    for turn in ("one", "two"):
        dataset.export(tmp_path / turn, "datumaro", save_media=True)
        dataset = Dataset.import_from(tmp_path / turn, "datumaro")
        found = {i.id: os.path.relpath(i.media.video, tmp_path / turn) for i in dataset}
        assert found == {item: f"videos/default/{name}" for item, name in names.items()}
        texts = [(tmp_path / turn / place).read_text() for place in found.values()]
        assert texts == list(names.values())


@pytest.mark.parametrize("count", [1, 2000])
def test_videos_that_want_one_file_are_refused(count: int, tmp_path: Path):
    first, last = frames_of(tmp_path, {"x": "a/clip.mp4", "y": "b/clip.mp4"})
    items = [first.replace(id=f"{n}") for n in range(count)]
    dataset = Dataset.from_iterable([*items, last], [])
    with pytest.raises(OutputError, match=r"a/clip\.mp4 and .*b/clip\.mp4 want the same file"):
        dataset.export(tmp_path / "out", "datumaro", save_media=True)
