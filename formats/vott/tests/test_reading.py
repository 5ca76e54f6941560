"""VoTT's exports: regions, names, subsets, oddities."""

from __future__ import annotations

import json

import pytest

from dsk import Dataset
from dsk.annotations import Bbox, Points, Polygon, PolyLine
from dsk.errors import InputError, RecordError

BOX = {"left": 1, "top": 2, "width": 3, "height": 4}
POINTS = [{"x": 1, "y": 2}, {"x": 4, "y": 2}, {"x": 4, "y": 6}]
HEADER = '"image","xmin","ymin","xmax","ymax","label"\n'


def region(kind="RECTANGLE", tags=("car",), **more):
    return {
        "id": "r",
        "type": kind,
        "tags": list(tags),
        "boundingBox": BOX,
        "points": POINTS,
    } | more


def asset(name, *regions, **more):
    stated = {
        "id": "k",
        "name": name,
        "path": f"file:C:/x/{name}",
        "size": {"width": 9, "height": 8},
    }
    return {"asset": stated | more, "regions": list(regions), "version": "2.2.0"}


def export(root, assets, name="my-train-export.json", **more):
    content = {"name": "p", "tags": [{"name": "dog", "color": "#010203"}], "assets": assets} | more
    (root / name).write_text(json.dumps(content), encoding="utf-8")


def read(root, name="vott_json", **options):
    return Dataset.import_from(root, name, **options)


def test_regions(tmp_path):
    kinds = ("RECTANGLE", "POLYGON", "POLYLINE", "POINT")
    both, none = region(tags=("car", "dog")), region(tags=(), boundingBox=None)
    export(tmp_path, {"k": asset("a.jpg", *map(region, kinds), both, none)})
    dataset = read(tmp_path)
    (item,) = dataset
    assert (item.id, item.subset, item.attributes) == ("a", "my-train", {"id": "k"})
    assert item.media.size == (8, 9)
    assert [type(a) for a in item.annotations[:4]] == [Bbox, Polygon, PolyLine, Points]
    assert item.annotations[1].bbox == (1, 2, 3, 4)
    assert [a.label for a in item.annotations[4:]] == [1, 0, None]
    assert item.annotations[6].bbox == (1, 2, 3, 4)
    assert dataset.categories().names == ["dog", "car"]
    assert dataset.categories().colors == {0: (1, 2, 3)}


def test_names(tmp_path):
    names = ("a.jpg", "a.jpg", "clip.mp4#t=1.5", "clip.mp4#t=1.25", "b%20c.png")
    export(tmp_path, {f"k{n}": asset(name) for n, name in enumerate(names)})
    for name in ("a.jpg", "clip.mp4#t=1.5.jpg", "b c.png"):
        (tmp_path / name).write_bytes(b"x")
    dataset = read(tmp_path)
    assert any("two assets" in w for w in dataset.opening_ledger.warnings)
    items = list(dataset)
    assert [i.id for i in items] == ["a", "a-k1", "clip.mp4#t=1.5", "clip.mp4#t=1.25", "b%20c"]
    assert [i.media.exists for i in items] == [True, True, True, False, True]


@pytest.mark.parametrize("path", ["file:/C:/x/pro%20ject/source/a.jpg", "C:\\y\\source\\a.jpg"])
def test_images_of_a_project(tmp_path, path):
    """They are in another folder, which the path names."""
    for folder in ("source", "target"):
        (tmp_path / folder).mkdir()
    content = asset("a.jpg", region(), path=path)
    (tmp_path / "target/k-asset.json").write_text(json.dumps(content))
    (item,) = read(tmp_path)
    assert not item.media.exists
    (tmp_path / "source/a.jpg").write_bytes(b"x")
    (item,) = read(tmp_path)
    assert item.media.exists
    assert item.media.path == "a.jpg"


@pytest.mark.parametrize("path", ["../../a.jpg", "%2e%2e/a.jpg", "b/%00/a.jpg", "C:/a.jpg", "/"])
def test_paths_that_lead_out(tmp_path, path):
    """The image is looked for in the dataset only."""
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "in").mkdir()
    export(tmp_path / "in", {"k": asset("b.jpg", path=path)})
    (item,) = read(tmp_path / "in")
    assert not item.media.exists


def test_videos_are_no_images(tmp_path):
    """Their frames are assets of their own."""
    names = {"clip.mp4": 2, "clip.mp4#t=1.5": 3, "a.tfrecord": 4, "a.jpg": 1, "b.jpg": [2]}
    regions = {"a.tfrecord": [region(tags=("only there",))]}
    assets = [asset(name, *regions.get(name, ()), type=kind) for name, kind in names.items()]
    export(tmp_path, {f"k{n}": content for n, content in enumerate(assets)})
    single = tmp_path / "single"
    single.mkdir()
    for n, content in enumerate(assets):
        (single / f"k{n}-asset.json").write_text(json.dumps(content))
    for root in (tmp_path, single):
        dataset = read(root)
        assert [item.id for item in dataset] == ["clip.mp4#t=1.5", "a", "b"]
        assert "only there" not in dataset.categories().names
        assert dict(dataset.opening_ledger.warnings) == {
            "videos are no images; they are left out": 1,
            "TFRecord files are no images; they and their regions are left out": 1,
        }


def test_files_of_single_assets(tmp_path):
    for key in ("k1", "k2"):
        text = json.dumps(asset(f"{key}.jpg", region()))
        (tmp_path / f"{key}-asset.json").write_text(text)
    (tmp_path / "p.vott").write_text(json.dumps({"tags": [{"name": "dog"}]}))
    dataset = read(tmp_path)
    assert [(i.id, i.subset) for i in dataset] == [("k1", "default"), ("k2", "default")]
    assert dataset.categories().names == ["dog", "car"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (region(boundingBox={"left": "x"}), "could not convert"),
        (region(boundingBox={"left": 1}), "is no number"),
        (region(boundingBox={}, points=[]), "neither"),
        (region(boundingBox=BOX | {"width": -3}), "negative size"),
        (region(boundingBox=[1], points=[3]), "no point"),
        (region(tags=[3]), "no list of texts"),
        (region() | {"tags": "car"}, "no list of texts"),
        (3, "no object"),
    ],
)
def test_bad_regions(tmp_path, bad, message):
    export(tmp_path, {"k": asset("a.jpg", region(), bad)})
    with pytest.raises(RecordError, match=message):
        list(read(tmp_path))
    (item,) = read(tmp_path, on_error="skip")
    assert len(item.annotations) == 1


def test_tags_of_the_first_versions(tmp_path):
    """They are objects in regions, too."""
    tags = [{"name": "car", "color": "#010203"}, {"name": "new"}]
    export(tmp_path, {"k": asset("a.jpg", region(tags=tags))}, tags=["dog"])
    dataset = read(tmp_path)
    (item,) = dataset
    assert [a.label for a in item.annotations] == [1, 2]
    assert dataset.categories().names == ["dog", "car", "new"]


def test_ids_that_are_taken_already(tmp_path):
    names = {"k1": "a-k3.jpg", "k2": "a.jpg", "k3": "a.png"}
    export(tmp_path, {key: asset(name) for key, name in names.items()})
    assert [item.id for item in read(tmp_path)] == ["a-k3", "a", "a-k3-k3"]


@pytest.mark.parametrize("name", ["..%2f..%2fa.jpg", "%2fa.jpg", "..%5ca.jpg"])
def test_names_that_hide_slashes(tmp_path, name):
    """They are decoded to find the image, but lead nowhere."""
    export(tmp_path, {"k": asset(name, region())})
    table(tmp_path, HEADER + name + ",1,2,3,4,car\n")
    for kind in ("vott_json", "vott_csv"):
        (item,) = read(tmp_path, kind)
        assert item.id == name.removesuffix(".jpg")
        assert not item.media.exists
    (tmp_path / "a.jpg").write_bytes(b"x")
    (item,) = read(tmp_path, "vott_csv")
    assert item.media.exists


@pytest.mark.parametrize("name", ["../../a.jpg", "/a.jpg", ""])
def test_names_that_lead_out(tmp_path, name):
    export(tmp_path, {"k": asset(name)})
    with pytest.raises(RecordError):
        list(read(tmp_path))


def test_no_export(tmp_path):
    for name in ("vott_json", "vott_csv"):
        with pytest.raises(InputError, match="no VoTT export"):
            read(tmp_path, name)


def table(root, text, name="my-val-export.csv"):
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def test_rows(tmp_path):
    rows = '"b,1.jpg",1,2,4,6,"dog"\r\n"a.jpg",0,0,1.5,2,"car"\r\n"b,1.jpg",1,1,2,2,"car"\r\n'
    table(tmp_path, b"\xef\xbb\xbf" + (HEADER + rows).encode())
    dataset = read(tmp_path, "vott_csv")
    first, second = dataset
    assert (first.id, first.subset) == ("b,1", "my-val")
    assert first.annotations == [Bbox(1, 2, 3, 4, label=0), Bbox(1, 1, 1, 1, label=1)]
    assert second.annotations == [Bbox(0, 0, 1.5, 2, label=1)]
    assert dataset.categories().names == ["dog", "car"]


def test_empty_cells(tmp_path):
    table(tmp_path, HEADER + "a.jpg,,,,,\nb.jpg,NaN,1,2,3,car\nc.jpg,0,0,0,0,car\n")
    dataset = read(tmp_path, "vott_csv")
    assert any("empty cell" in w for w in dataset.opening_ledger.warnings)
    items = list(dataset)
    assert [len(i.annotations) for i in items] == [0, 0, 1]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.jpg,1,2,3,x,car", "no number"),
        ("a.jpg,1,2,3,inf,car", "not finite"),
        ("a.jpg,1,2,3", "4 cells"),
        ("a.jpg,3,2,1,4,car", "edges swapped"),
        ("b.jpg,1,4,3,2,car", "edges swapped"),
        ("a.jpg,1,2,3,nan(,car", "no number"),
        ("../a.jpg,1,2,3,4,car", "leads out"),
    ],
)
def test_bad_rows(tmp_path, row, message):
    table(tmp_path, HEADER + "a.jpg,1,2,3,4,car\n" + row + "\n")
    with pytest.raises(RecordError, match=message) as caught:
        list(read(tmp_path, "vott_csv"))
    assert caught.value.where.endswith("my-val-export.csv:3")
    (item,) = read(tmp_path, "vott_csv", on_error="skip")
    assert len(item.annotations) == 1


def test_images_that_differ_in_the_ending_only(tmp_path):
    table(tmp_path, HEADER + "a.jpg,1,2,3,4,car\na.png,5,6,7,8,dog\na.jpg,0,0,1,1,dog\n")
    dataset = read(tmp_path, "vott_csv")
    assert [(item.id, item.media.path, len(item.annotations)) for item in dataset] == [
        ("a", "a.jpg", 2),
        ("a_2", "a.png", 1),
    ]
    assert any("same id" in w for w in dataset.opening_ledger.warnings)


def test_projects_of_one_name(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        table(tmp_path / folder, HEADER + "a.jpg,1,2,3,4,car\n")
    items = list(read(tmp_path, "vott_csv"))
    assert [(item.id, item.subset) for item in items] == [("a", "my-val"), ("a_2", "my-val")]


def test_a_first_line_without_end(tmp_path):
    """It is not read whole."""
    table(tmp_path, HEADER.strip() + ",x" * (1 << 16))
    with pytest.raises(InputError, match="first line"):
        read(tmp_path / "my-val-export.csv", "vott_csv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, end):
    """Spreadsheets leave rows of empty cells behind."""
    rows = [HEADER.strip(), "a.jpg,1,2,3,4,car", "", ",,,,,", "b.jpg,1,2,x,4,car"]
    table(tmp_path, end.join(rows))
    dataset = read(tmp_path, "vott_csv", on_error="skip")
    assert [len(item.annotations) for item in dataset] == [1]
    with pytest.raises(RecordError, match="no number") as caught:
        read(tmp_path, "vott_csv")
    assert caught.value.where.endswith(":5")


def test_columns_in_another_order_and_more_of_them(tmp_path):
    head = 'xmin,ymin,xmax,ymax,width,image,Label,"score, rounded"\n'
    table(tmp_path, head + "1,2,4,6,640,a.jpg,dog,0.5\n1,2,3,4,640,a.jpg\n", "table.csv")
    dataset = Dataset.import_from(tmp_path, on_error="skip")
    assert dataset.format == "vott_csv"
    assert [item.annotations for item in dataset] == [[Bbox(1, 2, 3, 4, label=0)]]
    warnings = dataset.opening_ledger.warnings
    names = [w.partition(" of ")[0] for w in warnings if "is not read" in w]
    assert names == ["the column score, rounded", "the column width"]
    assert dataset.opening_ledger.bad[0].message == "a row of 6 cells, not 8"


def test_semicolons_and_decimal_commas(tmp_path):
    table(tmp_path, HEADER.replace(",", ";") + "a.jpg;1,5;2;3;4,25;car\nb,c.jpg;1;2;3;4;car\n")
    first, second = read(tmp_path, "vott_csv")
    assert first.annotations == [Bbox(1.5, 2, 1.5, 2.25, label=0)]
    assert second.id == "b,c"


def test_detection(tmp_path):
    for name, make in (("j", lambda r: export(r, {})), ("c", lambda r: table(r, HEADER))):
        folder = tmp_path / name
        folder.mkdir()
        make(folder)
        wanted = "vott_json" if name == "j" else "vott_csv"
        assert Dataset.import_from(folder).format == wanted


@pytest.mark.parametrize("names", [("train-export", "my-val-export"), ("train", "val")])
@pytest.mark.parametrize(
    "text", [b"", b"\xe9" + HEADER.encode(), HEADER.replace("\n", " ").encode() + b"a.jpg,1\n"]
)
def test_damaged_tables_beside_good_ones_are_told(text, names, tmp_path):
    good, bad = names
    table(tmp_path, HEADER + "a.jpg,1,2,3,4,car\n", f"{good}.csv")
    table(tmp_path, text, f"{bad}.csv")
    table(tmp_path, "id,name\n0,car\n", "classes.csv")
    dataset = read(tmp_path, "vott_csv")
    assert [item.id for item in dataset] == ["a"]
    (told,) = dataset.opening_ledger.warnings
    assert f"{bad}.csv is not read: its first line does not name VoTT's columns" in told


def test_damaged_exports_beside_good_ones_are_told(tmp_path):
    export(tmp_path, {"k": asset("a.jpg", region())})
    for name in ("my-val-export.json", "val.json"):
        (tmp_path / name).write_text('{"images": []}')
    dataset = read(tmp_path)
    assert [item.id for item in dataset] == ["a"]
    (told,) = dataset.opening_ledger.warnings
    assert "my-val-export.json is not read" in told


META = {
    "label_map": {"0": "car", "1": "dog", "2": "car", "3": "cat"},
    "segmentation_colors": [[0, 0, 0], [1, 1, 1], [2, 2, 2], [3, 3, 3]],
}


@pytest.mark.parametrize("kind", ["vott_json", "vott_csv"])
def test_stated_labels_of_one_name_do_not_shift_the_others(kind, tmp_path):
    (tmp_path / "dataset_meta.json").write_text(json.dumps(META))
    tags = ("car", "dog", "cat", "new")
    export(tmp_path, {"k": asset("a.jpg", *(region(tags=(tag,)) for tag in tags))}, tags=[])
    table(tmp_path, HEADER + "".join(f"a.jpg,1,2,3,4,{tag}\n" for tag in tags))
    dataset = read(tmp_path, kind)
    (item,) = dataset
    assert dataset.categories().names == ["car", "dog", "car", "cat", "new"]
    assert dataset.categories().colors == {n: (n, n, n) for n in range(4)}
    assert [a.label for a in item.annotations] == [0, 1, 3, 4]


@pytest.mark.parametrize("wrong", [3, "car", {}, True])
def test_regions_of_another_type_are_a_bad_record(wrong, tmp_path):
    bad, none = asset("a.jpg"), asset("b.jpg")
    export(tmp_path, {"k": bad | {"regions": wrong}, "l": none | {"regions": None}})
    with pytest.raises(RecordError, match="no valid asset"):
        read(tmp_path)
    assert [(i.id, i.annotations) for i in read(tmp_path, on_error="skip")] == [("b", [])]


def test_a_project_file_alone_is_refused(tmp_path):
    export(tmp_path, {"k": {"id": "k", "name": "a.jpg"}}, name="p.vott")
    with pytest.raises(InputError, match="without their regions"):
        read(tmp_path / "p.vott")
