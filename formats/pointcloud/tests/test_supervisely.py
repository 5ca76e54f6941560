"""Supervisely: layouts, tags, keys, cameras, episodes, traps."""

from __future__ import annotations

import json
import re

import pytest

from dsk.annotations import Cuboid3d
from dsk.categories import Categories, LabelCategory
from dsk.dataset import Dataset
from dsk.detect import detect
from dsk.errors import DskWarning, InputError, OutputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, PointCloud
from dsk_pointcloud.supervisely.keys import KeyNumbers, numbered

TAGS = [
    {"name": "note", "value_type": "any_string", "applicable_type": "all", "classes": []},
    {"name": "n", "value_type": "any_number", "applicable_type": "objectsOnly", "classes": ["Bus"]},
    {
        "name": "w",
        "value_type": "oneof_string",
        "values": ["sun", "rain"],
        "applicable_type": "imagesOnly",
    },
    {"name": "flag", "value_type": "none", "applicable_type": "objectsOnly"},
]
CLASSES = [
    {"title": "Car", "shape": "cuboid_3d", "color": "#FF0080", "id": 35},
    {"title": "Bus", "shape": "cuboid_3d", "color": ""},
]
MATRIX = [0, -1, 0, 0.1, 0, 0, -1, 0, 1, 0, 0, 0]


def figure(key="f1", owner="o1", **changes):
    geometry = {
        "position": {"x": 10, "y": 2, "z": -1},
        "rotation": {"x": 0, "y": 0, "z": -1.070796},
        "dimensions": {"x": 1.8, "y": 4, "z": 1.5},
    }
    made = {"key": key, "objectKey": owner, "geometryType": "cuboid_3d", "geometry": geometry}
    return made | changes


def owner(key="o1", title="Car", tags=()):
    return {"key": key, "classTitle": title, "tags": list(tags)}


def ann(figures=None, objects=None, **more):
    given = {"figures": [figure()] if figures is None else figures, "objects": objects or [owner()]}
    return {"description": "", "key": "k", "tags": []} | given | more


def project(folder, anns, meta=None, **files):
    """Make a project: anns by "<dataset>/<name>.pcd"; further files by path with __ and _DOT_."""
    texts = {"meta.json": {"classes": CLASSES, "tags": TAGS, "projectType": "point_clouds"}}
    if meta is not None:
        texts["meta.json"] = meta
    for name, one in anns.items():
        dataset, _, rest = name.partition("/")
        texts[f"{dataset}/ann/{rest}.json"] = one
        texts[f"{dataset}/pointcloud/{rest}"] = "pcd"
    for name, content in files.items():
        texts[name.replace("__", "/").replace("_DOT_", ".")] = content
    for name, content in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def read(folder, **options):
    return Dataset.import_from(folder, "sly_pointcloud", **options)


def test_a_box_has_y_ahead(tmp_path):
    (item,) = read(project(tmp_path, {"ds0/a.pcd": ann()}))
    (box,) = item.annotations
    assert (box.position, box.scale, box.forward) == ((10, 2, -1), (1.8, 4, 1.5), "+y")
    assert (item.id, item.subset, item.attributes) == (
        "a",
        "default",
        {"frame": 0, "description": ""},
    )
    assert item.media.path == "ds0/pointcloud/a.pcd"


def test_tags_and_their_defaults(tmp_path):
    tags = [{"name": "note", "value": "true"}, {"name": "flag", "value": None}]
    objects = [owner(tags=tags), owner("o2", "Bus")]
    one = ann([figure(), figure("f2", "o2")], objects, tags=[{"name": "w", "value": "rain"}])
    folder = project(tmp_path, {"ds0/a.pcd": one})
    (item,) = read(folder)
    assert item.attributes["w"] == "rain"
    first, second = (a.attributes for a in item.annotations)
    assert first == {"track_id": 1, "note": True, "flag": True}
    assert second == {"track_id": 2, "note": "", "n": 0, "flag": None}
    (bare,) = read(folder, default_tags="never")
    assert bare.annotations[1].attributes == {"track_id": 2}


def test_categories(tmp_path):
    cats = read(project(tmp_path, {"ds0/a.pcd": ann()})).header.categories
    assert cats.names == ["Car", "Bus"]
    assert cats.attributes == ("note", "flag")
    assert cats.labels[1].attributes == ("n",)
    assert (cats.colors, cats.labels[0].source_id) == ({0: (255, 0, 128)}, 35)


def test_numbers_of_keys(tmp_path):
    table = {"objects": {"o1": 7}, "figures": {"f1": 70}, "videos": {"k": 5}}
    one = ann([figure(), figure("f2", "o2")], [owner(), owner("o2")])
    folder = project(tmp_path, {"ds0/a.pcd": one}, key_id_map_DOT_json=table)
    (item,) = read(folder)
    assert item.attributes["frame"] == 5
    assert [(a.id, a.attributes["track_id"]) for a in item.annotations] == [(70, 7), (71, 8)]


def test_all_datasets_are_read(tmp_path):
    anns = {
        "ds0/x/a.pcd": ann(key="1"),
        "b/a.pcd": ann(key="2"),
        "c.d/e.f.pcd": {"annotation": ann(key="3")},
    }
    folder = project(tmp_path, anns, c_DOT_d__datasets__in__pointcloud__z_DOT_ply="ply")
    found = [(i.subset, i.id, i.attributes["frame"]) for i in read(folder)]
    assert found == [("b", "a", 0), ("c.d", "e.f", 1), ("c.d/in", "z", 2), ("default", "x/a", 3)]


@pytest.mark.parametrize("place", ["a_b_pcd", "a.b_pcd", "a.b", "a.b.pcd"])
def test_related_images(tmp_path, place):
    folder = project(tmp_path, {"ds0/a.b.pcd": ann()})
    images = folder / "ds0/related_images" / place
    images.mkdir(parents=True)
    (images / "i.png").write_bytes(b"png")
    sensors = {"extrinsicMatrix": MATRIX, "intrinsicMatrix": [700, 0, 6, 0, 700, 2, 0, 0, 1]}
    facts = {"name": "../../i.png", "meta": {"deviceId": "front", "sensorsData": sensors}}
    (images / "i.png.json").write_text(json.dumps(facts))
    (item,) = read(folder)
    (image,) = item.media.extra_images
    assert image.path == f"ds0/related_images/{place}/i.png"
    assert image.extra["camera"]["name"] == "front"
    assert image.extra["camera"]["extrinsics"] == MATRIX
    Dataset.import_from(folder, "sly_pointcloud").export(
        tmp_path / "out", "sly_pointcloud", save_media=True
    )
    (back,) = read(tmp_path / "out")
    assert back.media.extra_images[0].extra == image.extra
    assert (tmp_path / "out/ds0/related_images/a_b_pcd/i.png").read_bytes() == b"png"


def test_cameras_of_images_that_are_not_there(tmp_path):
    """Supervisely gives annotations without media, too."""
    folder = project(tmp_path, {"ds0/a.pcd": ann()})
    images = folder / "ds0/related_images/a_pcd"
    images.mkdir(parents=True)
    facts = {"name": "i.png", "meta": {"deviceId": "front"}}
    (images / "i.png.json").write_text(json.dumps(facts))
    dataset = Dataset.import_from(folder, "sly_pointcloud")
    (item,) = dataset
    (image,) = item.media.extra_images
    assert image.extra["camera"]["name"] == "front"
    report = dataset.export(tmp_path / "out", "sly_pointcloud", save_media=True)
    assert [e.code for e in report.losses] == ["DSK-L016"]


def test_images_of_no_cloud_are_told(tmp_path):
    folder = project(tmp_path, {"ds0/a.pcd": ann()})
    for place in ("a_pcd", "b_pcd"):
        (folder / "ds0/related_images" / place).mkdir(parents=True)
        (folder / "ds0/related_images" / place / "i.png").write_bytes(b"png")
    (told,) = read(folder).opening_ledger.warnings
    assert "1 folders of images, as 'b_pcd', are of no cloud" in told


@pytest.mark.parametrize(
    "bad",
    [
        figure(owner="nobody"),
        figure(geometry={"position": {"x": 1, "y": 2}}),
        figure(geometry=None),
        {"geometryType": "cuboid_3d"},
        5,
    ],
)
def test_a_bad_figure_does_not_spoil_the_others(tmp_path, bad):
    folder = project(tmp_path, {"ds0/a.pcd": ann([bad, figure()])})
    with pytest.raises(RecordError, match=r"a\.pcd\.json#/figures/0"):
        list(read(folder))
    (item,) = Dataset.import_from(folder, "sly_pointcloud", on_error="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize("text", ["", "{", '{"figures": NaN}', "[1]", '{"objects": 5}'])
def test_damaged_annotations(tmp_path, text):
    folder = project(tmp_path, {"ds0/a.pcd": text})
    with pytest.raises(RecordError, match=r"a\.pcd\.json"):
        list(read(folder))


@pytest.mark.parametrize(
    "meta",
    [
        "{",
        [],
        {"classes": 5},
        {"classes": [{"color": "#000000"}]},
        {"classes": CLASSES, "tags": [{"name": "a", "applicable_type": "some"}]},
        {"classes": CLASSES, "tags": [{"name": "a", "value_type": "none", "classes": ["Tram"]}]},
    ],
)
def test_damaged_meta(tmp_path, meta):
    with pytest.raises(InputError, match=r"meta\.json"):
        read(project(tmp_path, {"ds0/a.pcd": ann()}, meta))


def test_detection_leaves_image_projects_alone(tmp_path):
    project(tmp_path / "a", {"ds0/a.pcd": ann()})
    assert detect(open_root(tmp_path / "a"))[0].format == "sly_pointcloud"
    meta = {"classes": CLASSES, "tags": [], "projectType": "images"}
    project(tmp_path / "b", {}, meta, ds0__ann__a_DOT_png_DOT_json={}, ds0__img__a_DOT_png="")
    assert all(c.format != "sly_pointcloud" for c in detect(open_root(tmp_path / "b")))


def episode(folder):
    tags = [{"name": "w", "value": "sun", "frameRange": [0, 1]}]
    on_object = [{"name": "note", "value": "hi"}, {"name": "flag", "frameRange": [2, 2]}]
    frames = [{"index": 0, "figures": [figure()]}, {"index": 2, "figures": [figure("f2")]}]
    whole = {"description": "d", "key": "e", "tags": tags, "objects": [owner(tags=on_object)]}
    whole |= {"framesCount": 3, "frames": frames}
    meta = {"classes": CLASSES, "tags": TAGS, "projectType": "point_cloud_episodes"}
    return project(
        folder,
        {},
        meta,
        ep__annotation_DOT_json=[whole],
        ep__frame_pointcloud_map_DOT_json={"0": "z.pcd", "1": "y.pcd", "2": "x.pcd"},
        ep__pointcloud__z_DOT_pcd="0",
        ep__pointcloud__y_DOT_pcd="1",
        ep__pointcloud__x_DOT_pcd="2",
    )


def facts(data):
    return [
        (i.id, i.subset, i.attributes, [(a.attributes, a.position) for a in i.annotations])
        for i in data
    ]


def test_episodes(tmp_path):
    data = read(episode(tmp_path / "in"), default_tags="never")
    found = list(data)
    assert [(i.id, i.attributes["frame"], i.attributes.get("w")) for i in found] == [
        ("z", 0, "sun"),
        ("y", 1, "sun"),
        ("x", 2, None),
    ]
    assert found[0].annotations[0].attributes == {"track_id": 1, "note": "hi"}
    assert found[2].annotations[0].attributes == {"track_id": 1, "note": "hi", "flag": True}
    data.export(tmp_path / "out", "sly_pointcloud", save_media=True)
    assert not (tmp_path / "out/ep/ann").exists()
    assert facts(read(tmp_path / "out")) == facts(data)


def test_episodes_without_tags_stay_episodes(tmp_path):
    for name, meta in {
        "a": {"classes": CLASSES, "tags": [], "projectType": "point_cloud_episodes"},
        "b": {"classes": CLASSES},
    }.items():
        folder = episode(tmp_path / name)
        (folder / "meta.json").write_text(json.dumps(meta))
        read(folder).export(tmp_path / f"{name}_out", "sly_pointcloud", save_media=True)
        made = json.loads((tmp_path / f"{name}_out/meta.json").read_text())
        assert made["projectType"] == "point_cloud_episodes"
        assert (tmp_path / f"{name}_out/ep/annotation.json").is_file()


def test_figures_in_images_are_told(tmp_path):
    files = {f"ds0__related_images__a_pcd__i_DOT_png{e}": "" for e in ("", "_DOT_figures_DOT_json")}
    data = read(project(tmp_path, {"ds0/a.pcd": ann()}, **files))
    assert any("1 files of figures in images" in text for text in data.opening_ledger.warnings)


def dataset(*items, categories=None):
    labels = (LabelCategory("car", attributes=("colour",)), LabelCategory("bus"))
    return Dataset.from_iterable(items, categories=categories or Categories(labels=labels))


def box(label=0, **attributes):
    return Cuboid3d(
        (10.0, 2.0, -1.0), (0.0, 0.0, 0.5), (4.0, 1.8, 1.5), label=label, attributes=attributes
    )


def test_boxes_are_turned(tmp_path):
    data = dataset(DatasetItem("a", annotations=[box(track_id=1)]))
    data.export(tmp_path / "a", "sly_pointcloud")
    (item,) = read(tmp_path / "a")
    (found,) = item.annotations
    assert found.scale == (1.8, 4.0, 1.5)
    assert found.rotation[2] == pytest.approx(-1.070796, abs=1e-6)
    data.export(tmp_path / "b", "sly_pointcloud", cuboid_convention="datumaro")
    (item,) = read(tmp_path / "b")
    assert item.annotations[0].scale == (4.0, 1.8, 1.5)


def test_undeclared_attributes_need_the_option(tmp_path):
    items = [
        DatasetItem("a", annotations=[box(track_id=1, colour="red", speed=3)]),
        DatasetItem("b", annotations=[box(1, track_id=2, colour="blue")]),
    ]
    report = dataset(*items).export(tmp_path / "a", "sly_pointcloud")
    lost = {e.what: e.count for e in report.events if e.code == "DSK-L004"}
    assert lost == {"speed": 1, "colour": 1}
    first, second = read(tmp_path / "a")
    assert first.annotations[0].attributes == {"track_id": 1, "colour": "red"}
    dataset(*items).export(tmp_path / "b", "sly_pointcloud", allow_undeclared_attrs=True)
    first, second = read(tmp_path / "b")
    assert first.annotations[0].attributes["speed"] == 3
    assert second.annotations[0].attributes == {"track_id": 2, "colour": "blue"}


def test_ids_and_reindex(tmp_path):
    one = DatasetItem(
        "a", annotations=[Cuboid3d((0.0, 0, 0), label=0, id=206)], attributes={"frame": 9}
    )
    for reindex, frame, number in ((False, 9, 206), (True, 1, 1)):
        dataset(one).export(tmp_path / str(reindex), "sly_pointcloud", reindex=reindex)
        (item,) = read(tmp_path / str(reindex))
        assert (item.attributes["frame"], item.annotations[0].id) == (frame, number)
        assert item.annotations[0].attributes["track_id"] == 206


def test_mixed_types_are_refused(tmp_path):
    data = dataset(DatasetItem("a", attributes={"x": 1}), DatasetItem("b", attributes={"x": "one"}))
    with pytest.raises(OutputError, match="'x'"):
        data.export(tmp_path / "out", "sly_pointcloud")


def test_images_of_one_name_stay_apart(tmp_path):
    images = tuple(
        Image(f"{c}/data/0.png", c.encode(), {"camera": {"name": c}})
        for c in ("image_02", "image_03")
    )
    data = dataset(DatasetItem("0", media=PointCloud("0.pcd", b"pcd", None, images)))
    data.export(tmp_path / "out", "sly_pointcloud", save_media=True)
    (item,) = read(tmp_path / "out")
    assert [i.read_bytes() for i in item.media.extra_images] == [b"image_02", b"image_03"]


def test_output_does_not_depend_on_chance(tmp_path):
    data = dataset(DatasetItem("a", annotations=[box(track_id=1, colour="red")]))
    for name in "xy":
        data.export(tmp_path / name, "sly_pointcloud")
    for file in ("meta.json", "key_id_map.json", "ds0/ann/a.pcd.json"):
        assert (tmp_path / "x" / file).read_bytes() == (tmp_path / "y" / file).read_bytes()


def test_a_folder_in_the_place_of_a_file(tmp_path):
    project(tmp_path, {"ds0/a.pcd": ann()})
    (tmp_path / "key_id_map.json").mkdir()
    (tmp_path / "ds0/ann/b.pcd.json").mkdir()
    assert [i.id for i in read(tmp_path)] == ["a"]


def test_matrices_of_zeros_are_unknown(tmp_path):
    folder = project(tmp_path, {"ds0/a.pcd": ann()})
    images = folder / "ds0/related_images/a_pcd"
    images.mkdir(parents=True)
    (images / "i.png").write_bytes(b"png")
    sensors = {"extrinsicMatrix": [0] * 12, "intrinsicMatrix": [0] * 9}
    (images / "i.png.json").write_text(json.dumps({"meta": {"sensorsData": sensors}}))
    (item,) = read(folder)
    assert item.media.extra_images[0].extra is None


def test_figures_of_other_types_are_told(tmp_path):
    segment = figure("f0", geometryType="point_cloud", geometry={"indices": [1, 2]})
    data = read(project(tmp_path, {"ds0/a.pcd": ann([segment, figure()])}))
    ledger = Ledger()
    (item,) = data.read(ledger)
    assert len(item.annotations) == 1
    assert list(ledger.warnings) == ["figures of type point_cloud are not read, only cuboid_3d"]


def test_sizes_of_zero_are_kept_and_told(tmp_path):
    geometry = figure()["geometry"] | {"dimensions": {"x": 0, "y": -4, "z": 1.5}}
    data = read(project(tmp_path, {"ds0/a.pcd": ann([figure(geometry=geometry)])}))
    ledger = Ledger()
    (item,) = data.read(ledger)
    assert item.annotations[0].scale == (0, -4, 1.5)
    assert any("0 or less" in text for text in ledger.warnings)


def test_clouds_with_the_same_number_stay_apart(tmp_path):
    anns = {"ds0/a.pcd": ann(key="k1"), "ds0/b.pcd": ann([figure("f2")], key="k2")}
    table = {"objects": {}, "figures": {}, "videos": {"k1": 5, "k2": 5}}
    found = read(project(tmp_path, anns, key_id_map_DOT_json=table))
    assert [(i.id, i.attributes["frame"], len(i.annotations)) for i in found] == [
        ("a", 5, 1),
        ("b", 5, 1),
    ]


def test_upper_case_endings_and_missing_clouds(tmp_path):
    folder = project(tmp_path, {"ds0/a.PCD": ann(), "ds0/b.pcd": ann(key="2")})
    (folder / "ds0/pointcloud/b.pcd").unlink()
    first, second = read(folder)
    assert (first.id, first.media.exists, len(first.annotations)) == ("a", True, 1)
    assert (second.id, second.media.source, len(second.annotations)) == ("b", None, 1)


def test_colours_that_are_none(tmp_path):
    classes = [{"title": "Car", "shape": "cuboid_3d", "color": ""}, {"title": "Bus", "color": 5}]
    meta = {"classes": classes, "tags": [], "projectType": "point_clouds"}
    data = read(project(tmp_path, {"ds0/a.pcd": ann()}, meta))
    assert data.header.categories.colors == {}


def test_a_frame_map_that_leads_out(tmp_path):
    folder = episode(tmp_path)
    (folder / "ep/frame_pointcloud_map.json").write_text('{"0": "../../x.pcd", "1": "y.pcd"}')
    with pytest.raises(RecordError, match=r"frame_pointcloud_map\.json"):
        read(folder)
    items = list(Dataset.import_from(folder, "sly_pointcloud", on_error="skip"))
    assert all(".." not in item.media.path for item in items)


def test_the_report_says_which_axis_is_ahead(tmp_path):
    boxes = [box(track_id=1), box(track_id=2)]
    report = dataset(DatasetItem("a", annotations=boxes)).export(tmp_path / "a", "sly_pointcloud")
    notes = {e.what: e.count for e in report.events if e.effect == "note"}
    assert notes == {"boxes turned: +y ahead instead of +x": 2}
    report = read(tmp_path / "a").export(tmp_path / "b", "sly_pointcloud")
    notes = [e.what for e in report.events if e.effect == "note"]
    assert notes == ["boxes read as Supervisely's: centre, lidar frame, +y ahead"]


def test_keys_are_unique(tmp_path):
    items = [
        DatasetItem(name, annotations=[box(track_id=n, colour="red") for n in range(3)])
        for name in "ab"
    ]
    dataset(*items).export(tmp_path / "out", "sly_pointcloud")
    texts = [p.read_text() for p in (tmp_path / "out/ds0/ann").iterdir()]
    plain = [json.loads(text) for text in texts]
    keys = [f["key"] for a in plain for f in a["figures"]]
    keys += [t["key"] for a in plain for o in a["objects"] for t in o["tags"]]
    assert len(set(keys)) == len(keys) == 12
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)
    assert (
        set(keys[:6])
        == json.loads((tmp_path / "out/key_id_map.json").read_text())["figures"].keys()
    )


def skipping(folder):
    """Return what is read although something is wrong, and what was said."""
    data, ledger = read(folder, on_error="skip"), Ledger("skip")
    items = list(data.read(ledger))
    return items, [bad.message for bad in ledger.bad], ledger.warnings


def test_an_object_of_an_unknown_class(tmp_path):
    objects = [owner(), owner("o2", "Tram")]
    one = ann([figure(), figure("f2", "o2")], objects)
    (item,), bad, _ = skipping(project(tmp_path, {"ds0/a.pcd": one}))
    assert len(item.annotations) == 1
    assert bad == ["damaged figure: meta.json has no class 'Tram'"]


@pytest.mark.parametrize(
    "one",
    [
        ann(unknown={"a": [1]}),
        ann(tags=None),
        ann(objects=[{"key": "o1", "classTitle": "Car", "tags": None}]),
        ann(objects=[owner(), owner("o9")]),
        ann(objects=[owner(tags=[{"name": "unknown", "value": 1}])]),
        ann([figure(more=1)]),
    ],
)
def test_unknown_and_empty_keys_do_no_harm(tmp_path, one):
    (item,), bad, _ = skipping(project(tmp_path, {"ds0/a.pcd": one}))
    assert [a.position for a in item.annotations] == [(10, 2, -1)]
    assert bad == []


def test_keys_of_both_forms(tmp_path):
    key = "12345678-1234-1234-1234-123456789abc"
    one = ann([figure(key, key)], [owner(key)], key=key)
    table = {"objects": {key: 5}, "figures": {key: 6}, "videos": {key: 7}}
    (item,) = read(project(tmp_path, {"ds0/a.pcd": one}, key_id_map_DOT_json=table))
    (box,) = item.annotations
    assert (item.attributes["frame"], box.id, box.attributes["track_id"]) == (7, 6, 5)


def test_keys_without_a_number_are_counted_on():
    class Known(dict):
        looks = 0

        def values(self):
            self.looks += 1
            return super().values()

    known = Known(a=5, b=2)
    numbers = KeyNumbers(known, lambda: ["x", "a", "y", "x"])
    assert [numbers(key) for key in ("a", "y", "x", "z", "x", "z")] == [5, 7, 6, 8, 6, 8]
    assert known.looks == 1


@pytest.mark.parametrize("table", [[1], '{"a"', {"figures": 5}, {"objects": [1]}])
def test_a_damaged_map_of_keys(tmp_path, table):
    with pytest.raises(InputError, match=r"key_id_map\.json"):
        read(project(tmp_path, {"ds0/a.pcd": ann()}, key_id_map_DOT_json=table))


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
def test_numbers_that_are_none(tmp_path, number):
    text = json.dumps(ann()).replace('"x": 10', f'"x": {number}')
    assert number in text
    items, bad, _ = skipping(project(tmp_path, {"ds0/a.pcd": text, "ds0/b.pcd": ann(key="b")}))
    assert [len(i.annotations) for i in items] == [0, 1]
    assert bad == ["damaged figure: a number is not finite"]


def test_a_number_that_is_none_costs_one_figure(tmp_path):
    broken = json.loads(json.dumps(figure("f2")))
    broken["geometry"]["position"]["x"] = float("nan")
    one = ann([figure(), broken])
    (item,), bad, _ = skipping(project(tmp_path, {"ds0/a.pcd": one}))
    assert [a.position for a in item.annotations] == [(10, 2, -1)]
    assert len(bad) == 1


@pytest.mark.parametrize("value", ["NaN", "1e999"])
def test_a_matrix_with_a_number_that_is_none(tmp_path, value):
    facts = json.dumps({"meta": {"sensorsData": {"extrinsicMatrix": MATRIX}}})
    files = {
        "ds0__related_images__a_pcd__x_DOT_png": "png",
        "ds0__related_images__a_pcd__x_DOT_png_DOT_json": facts.replace("0.1", value),
    }
    (item,), bad, _ = skipping(project(tmp_path, {"ds0/a.pcd": ann()}, **files))
    assert [image.extra for image in item.media.extra_images] == [None]
    assert bad == ["damaged image facts: a matrix has a number that is not finite"]


@pytest.mark.parametrize("swap", [False, True])
def test_keys_with_and_without_dashes_are_the_same(tmp_path, swap):
    keys = [f"12345678-1234-1234-1234-123456789AB{n}" for n in "CDE"]
    short = [key.replace("-", "").lower() for key in keys]
    mine, others = (short, keys) if swap else (keys, short)
    one = ann([figure(mine[0], others[1])], [owner(mine[1])], key=mine[2])
    parts = ("figures", "objects", "videos")
    table = {p: {k: n} for p, k, n in zip(parts, others, (6, 5, 7), strict=True)}
    folder = project(tmp_path / "in", {"ds0/a.pcd": one}, key_id_map_DOT_json=table)
    data = read(folder)
    (item,) = data
    (box,) = item.annotations
    assert (item.attributes["frame"], box.id, box.attributes["track_id"]) == (7, 6, 5)
    data.export(tmp_path / "out", "sly_pointcloud")
    made = json.loads((tmp_path / "out/ds0/ann/a.pcd.json").read_text())
    assert made["objects"][0]["key"] == made["figures"][0]["objectKey"] == mine[1]


def test_clouds_without_a_number_get_one_of_their_own(tmp_path):
    anns = {f"ds0/{name}.pcd": ann(key=name) for name in "abc"}
    table = {"videos": {"a": 1, "c": 2}}
    data = read(project(tmp_path / "in", anns, key_id_map_DOT_json=table))
    frames = [item.attributes["frame"] for item in data]
    assert frames[::2] == [1, 2]
    assert len(set(frames)) == 3
    data.export(tmp_path / "out", "kitti_raw")


def test_clouds_that_are_missing_are_told(tmp_path):
    folder = project(tmp_path, {f"ds0/{name}.pcd": ann(key=name) for name in "abc"})
    (folder / "ds0/pointcloud/b.pcd").unlink()
    assert "1 point clouds are missing" in " ".join(read(folder).opening_ledger.warnings)
    for name in "ac":
        (folder / f"ds0/pointcloud/{name}.pcd").unlink()
    assert not read(folder).opening_ledger.warnings  # nobody wanted any


def test_a_box_without_angles_is_not_turned(tmp_path):
    geometry = {k: v for k, v in figure()["geometry"].items() if k != "rotation"}
    (item,) = read(project(tmp_path, {"ds0/a.pcd": ann([figure(geometry=geometry)])}))
    assert item.annotations[0].rotation == (0, 0, 0)


def test_clouds_of_other_kinds(tmp_path):
    names = ["a.las", "b.laz", "c.ply", "d.PCD"]
    folder = project(tmp_path, {f"ds0/{name}": ann(key=name) for name in names})
    assert [(i.id, i.media.path) for i in read(folder)] == [
        (name[0], f"ds0/pointcloud/{name}") for name in names
    ]


def test_a_deleted_frame_of_an_episode(tmp_path):
    """framesCount may be smaller than the highest index."""
    folder = episode(tmp_path)
    path = folder / "ep/annotation.json"
    (whole,) = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"framesCount": 2}))
    (folder / "ep/frame_pointcloud_map.json").write_text('{"0": "z.pcd", "2": "x.pcd"}')
    (folder / "ep/pointcloud/y.pcd").unlink()
    found = [(i.id, i.attributes["frame"], len(i.annotations)) for i in read(folder)]
    assert found == [("z", 0, 1), ("x", 2, 1)]


def valued(*values):
    """Return clouds with a box each, of one track, whose attribute has these values."""
    boxes = [Cuboid3d((1.0, 2.0, 3.0), label=0, attributes={"track_id": 7, "v": v}) for v in values]
    items = [DatasetItem(str(n), annotations=[box]) for n, box in enumerate(boxes)]
    labels = (LabelCategory("Car", attributes=("v",)),)
    return Dataset.from_iterable(items, categories=Categories(labels=labels))


def test_equal_values_of_different_types_stay_apart(tmp_path):
    """Texts are kept by what boxes say, and True, 1 and 1.0 are equal for Python."""
    valued(1, 1.0, -0.0, 2**70).export(tmp_path / "out", "sly_pointcloud")
    texts = [(tmp_path / f"out/ds0/ann/{n}.pcd.json").read_text() for n in range(4)]
    values = [json.loads(text)["objects"][0]["tags"][0]["value"] for text in texts]
    assert list(map(repr, values)) == ["1", "1.0", "-0.0", str(2**70)]
    with pytest.raises(OutputError, match="mismatching value types"):
        valued(1, True).export(tmp_path / "mixed", "sly_pointcloud")


@pytest.mark.parametrize("value", [float("nan"), [1, 2], b"x", object])
def test_values_that_no_tag_holds_are_told(tmp_path, value):
    report = valued("a", value, None).export(tmp_path / "out", "sly_pointcloud")
    assert {e.what: e.count for e in report.losses} == {"v": 1}


def test_keys_of_the_source_are_written_as_they_are(tmp_path):
    key = 'a"b\\c'
    one = ann([figure(key, key)], [owner(key)])
    read(project(tmp_path / "in", {"ds0/a.pcd": one})).export(tmp_path / "out", "sly_pointcloud")
    made = json.loads((tmp_path / "out/ds0/ann/a.pcd.json").read_text())
    assert [f["key"] for f in made["figures"]] == [f["objectKey"] for f in made["figures"]] == [key]
    assert [o["key"] for o in made["objects"]] == [key]
    assert list(json.loads((tmp_path / "out/key_id_map.json").read_text())["figures"]) == [key]


@pytest.mark.parametrize("variant", ["pointclouds", "episodes"])
def test_no_number_is_of_two_keys(tmp_path, variant):
    """Supervisely's own reader does not open a project whose table has a number twice."""
    more = {"label": 0, "id": 1, "attributes": {"track_id": 7}}
    box = Cuboid3d((1, 2, 3), (0, 0, 0), (2, 4, 1), "+y", **more)
    items = [
        DatasetItem(f"{n}", subset, None, [box], {"frame": n})
        for subset in ("a", "b")
        for n in range(2)
    ]
    data = Dataset.from_iterable(items, categories=["Car"])
    report = data.export(tmp_path / "out", "sly_pointcloud", format_variant=variant)
    assert not report.losses
    table = json.loads((tmp_path / "out/key_id_map.json").read_text())
    sizes = {part: len(numbers) for part, numbers in table.items()}
    assert sizes == {
        "tags": 0,
        "objects": 2,
        "figures": 4,
        "videos": 4 if variant == "pointclouds" else 2,
    }
    for numbers in table.values():
        assert len(set(numbers.values())) == len(numbers)
    if variant == "pointclouds":
        found = list(read(tmp_path / "out"))
        assert [item.attributes["frame"] for item in found] == [0, 1] * 2
        assert [a.id for item in found for a in item.annotations] == [1] * 4
    found = list(read(tmp_path / "out"))
    assert {a.attributes["track_id"] for item in found for a in item.annotations} == {7}


def test_numbering_of_keys():
    rows = [("a", 3, 0), ("b", None, 3), ("c", 3, 9), ("d", None, 5), ("e", None, 0), ("a", 8, 0)]
    found, moved = numbered(rows)
    assert found == {"a": 3, "b": 4, "c": 5, "d": 6, "e": 7}
    assert moved == {"c": 3}
    assert numbered([("a", -2, 0), ("b", None, 0)]) == ({"a": -2, "b": 1}, {})


@pytest.mark.parametrize("numbers", [[1], {"objects": [1]}, "x"])
def test_damaged_numbers_of_the_project(tmp_path, numbers):
    meta = {"classes": CLASSES, "tags": TAGS, "dsk": {"numbers": numbers}}
    with pytest.raises(InputError, match=r"meta\.json"):
        read(project(tmp_path, {"ds0/a.pcd": ann()}, meta))


def test_all_facts_about_tags_are_kept(tmp_path):
    tag = {
        "name": "note",
        "value_type": "any_string",
        "applicable_type": "all",
        "classes": [],
        "target_type": "framesOnly",
        "frame_range_max_length": 5,
        "default_value": "x",
    }
    meta = {"classes": CLASSES, "tags": [tag], "projectType": "point_clouds"}
    read(project(tmp_path / "in", {"ds0/a.pcd": ann()}, meta)).export(
        tmp_path / "out", "sly_pointcloud"
    )
    (found,) = json.loads((tmp_path / "out/meta.json").read_text())["tags"]
    assert tag.items() <= found.items()


@pytest.mark.parametrize("kind", ["all", "framesOnly"])
def test_tags_of_a_whole_episode_have_no_range(tmp_path, kind):
    folder = episode(tmp_path / "in")
    tags = [
        {"name": "note", "value_type": "any_string", "target_type": kind, "classes": []},
        *TAGS[1:],
    ]
    meta = {"classes": CLASSES, "tags": tags, "projectType": "point_cloud_episodes"}
    (folder / "meta.json").write_text(json.dumps(meta))
    (path,) = folder.glob("*/annotation.json")
    plain = json.loads(path.read_text())
    (plain[0] if isinstance(plain, list) else plain)["tags"] = [{"name": "note", "value": "dry"}]
    path.write_text(json.dumps(plain))
    read(folder, default_tags="never").export(tmp_path / "out", "sly_pointcloud")
    (path,) = (tmp_path / "out").glob("*/annotation.json")
    (tag,) = json.loads(path.read_text())["tags"]
    assert ("frameRange" in tag) == (kind == "framesOnly")
    assert all(item.attributes["note"] == "dry" for item in read(tmp_path / "out"))


def test_objects_without_figures_are_told(tmp_path):
    one = ann([figure(), "x", figure(owner=[])], [owner(), owner("o2")])
    data = read(project(tmp_path, {"ds0/a.pcd": one}), on_error="skip")
    with pytest.warns(DskWarning, match="objects without figures"):
        (item,) = data
    assert len(item.annotations) == 1


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ([{"name": "flag", "frameRange": [0, 2]}], "in frames without their figures"),
        ([{"name": "flag", "frameRange": [1, 1]}], ""),
        ([{"name": "flag", "frameRange": [1, 9]}], ""),
        ([{"name": "note", "value": "a"}, {"name": "note", "value": "b"}], "of one name"),
        ([{"name": "note", "value": "a"}, {"name": "note", "value": "a"}], ""),
    ],
)
def test_tags_of_objects_that_no_box_holds_are_told(tmp_path, tags, told):
    """The only object is in the last two of three frames."""
    folder = episode(tmp_path)
    (path,) = folder.glob("*/annotation.json")
    (plain,) = json.loads(path.read_text())
    plain["objects"] = [owner(tags=tags)]
    plain["frames"] = [{"index": n, "figures": [figure(key=f"f{n}")]} for n in (1, 2)]
    path.write_text(json.dumps(plain))
    found = [text for text in read(folder).opening_ledger.warnings if "tags" in text]
    assert [told in text for text in found] == [True] * bool(told)


@pytest.mark.parametrize("span", ["all", [0], [0, 1, 2], ["0", "1"], [0.0, 1.5], {}, [True, 1]])
@pytest.mark.parametrize("of_object", [False, True])
def test_tags_with_odd_frames_are_told_and_kept(tmp_path, span, of_object):
    folder = episode(tmp_path)
    (path,) = folder.glob("*/annotation.json")
    (plain,) = json.loads(path.read_text())
    tags = [{"name": "note", "value": "a", "frameRange": span}]
    plain["tags"] = [] if of_object else tags
    plain["objects"] = [owner(tags=tags if of_object else [])]
    plain["frames"] = [{"index": n, "figures": [figure(key=f"f{n}")]} for n in range(3)]
    path.write_text(json.dumps(plain))
    data = read(folder)
    assert any("no pair of frames" in text for text in data.opening_ledger.warnings)
    for item in data:
        holders = item.annotations if of_object else [item]
        assert [holder.attributes["note"] for holder in holders] == ["a"]


def test_several_tags_of_one_name_on_an_object_of_a_cloud_are_told(tmp_path):
    tags = [{"name": "note", "value": "a"}, {"name": "note", "value": "b"}]
    data = read(project(tmp_path, {"ds0/a.pcd": ann(objects=[owner(tags=tags)])}))
    with pytest.warns(DskWarning, match="only the last is read"):
        (item,) = data
    assert item.annotations[0].attributes["note"] == "b"


def test_episodes_keep_their_keys(tmp_path):
    folder = episode(tmp_path / "in")
    (path,) = folder.glob("*/annotation.json")
    plain = json.loads(path.read_text())
    (plain[0] if isinstance(plain, list) else plain)["key"] = "e" * 32
    path.write_text(json.dumps(plain))
    (folder / "key_id_map.json").write_text(json.dumps({"videos": {"e" * 32: 60}}))
    data = read(folder, default_tags="never")
    data.export(tmp_path / "out", "sly_pointcloud")
    table = json.loads((tmp_path / "out/key_id_map.json").read_text())
    assert table["videos"] == {"e" * 32: 60}
    (path,) = (tmp_path / "out").glob("*/annotation.json")
    assert json.loads(path.read_text())["key"] == "e" * 32
    parts = [item.replace(subset=item.id) for item in data]
    again = Dataset.from_iterable(parts, categories=data.header.categories)
    again.export(tmp_path / "parts", "sly_pointcloud", format_variant="episodes")
    table = json.loads((tmp_path / "parts/key_id_map.json").read_text())
    assert len(table["videos"]) == len(set(table["videos"].values())) == len(parts)
    report = data.export(tmp_path / "clouds", "sly_pointcloud", format_variant="pointclouds")
    assert "sly field episode" in {event.what for event in report.losses}


@pytest.mark.parametrize("variant", ["pointclouds", "episodes"])
def test_a_dataset_called_default_beside_ds0(tmp_path, variant):
    names = ("ds0", "default", "val")
    anns = {f"{name}/a.pcd": ann([figure(name)], key=name) for name in names}
    data = read(project(tmp_path / "in", anns))
    assert sorted(item.subset for item in data) == ["default", "ds0", "val"]
    report = data.export(tmp_path / "out", "sly_pointcloud", format_variant=variant)
    assert "subset ds0 is read back as default" not in {e.what for e in report.losses}
    assert {p.name for p in (tmp_path / "out").iterdir() if p.is_dir()} == set(names)
    assert sorted(item.subset for item in read(tmp_path / "out")) == ["default", "ds0", "val"]


def test_numbers_of_classes_come_once(tmp_path):
    labels = (LabelCategory("a"), LabelCategory("b", source_id=0), LabelCategory("c"))
    data = Dataset.from_iterable([DatasetItem("x")], Categories(labels=labels))
    data.export(tmp_path, "sly_pointcloud")
    classes = json.loads((tmp_path / "meta.json").read_text())["classes"]
    assert [(c["title"], c["id"]) for c in classes] == [("a", 1), ("b", 0), ("c", 2)]


def test_tags_whose_names_stand_for_something_else(tmp_path):
    names = ("frame", "description", "track_id")
    tags = [{"name": n, "value_type": "any_number", "applicable_type": "all"} for n in names]
    mine = [{"name": n, "value": 55} for n in names]
    one = ann(objects=[owner(tags=mine)], tags=mine, description="said")
    meta = {"classes": CLASSES, "tags": tags, "projectType": "point_clouds"}
    data = read(project(tmp_path, {"ds0/a.pcd": one}, meta))
    (item,) = data
    assert (item.attributes["frame"], item.attributes["description"]) == (0, "said")
    assert item.annotations[0].attributes["track_id"] == 1
    told = " ".join(data.opening_ledger.warnings)
    assert all(f"tags called {name} are not read" in told for name in names)
