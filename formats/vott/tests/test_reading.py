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
        (region(tags=[3]), "no list of texts"),
        (3, "no object"),
    ],
)
def test_bad_regions(tmp_path, bad, message):
    export(tmp_path, {"k": asset("a.jpg", region(), bad if isinstance(bad, dict) else region())})
    file = tmp_path / "my-train-export.json"
    if not isinstance(bad, dict):
        content = json.loads(file.read_text())
        content["assets"]["k"]["regions"][1] = {"tags": ["x"], "boundingBox": [1], "points": [3]}
        file.write_text(json.dumps(content))
        message = "no point"
    with pytest.raises(RecordError, match=message):
        list(read(tmp_path))
    (item,) = read(tmp_path, on_error="skip")
    assert len(item.annotations) == 1


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


def test_detection(tmp_path):
    for name, make in (("j", lambda r: export(r, {})), ("c", lambda r: table(r, HEADER))):
        folder = tmp_path / name
        folder.mkdir()
        make(folder)
        wanted = "vott_json" if name == "j" else "vott_csv"
        assert Dataset.import_from(folder).format == wanted
