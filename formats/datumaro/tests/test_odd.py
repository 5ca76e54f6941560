"""Files that are damaged or unlike those of any Datumaro: one clear error, never a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dsk.annotations import Bbox, Label, Mask3d
from dsk.dataset import Dataset
from dsk.errors import DskWarning, InputError, MediaError, OutputError, RecordError
from dsk.item import DatasetItem
from dsk.media import Image, Volume
from dsk.pixels import encode

if TYPE_CHECKING:
    from pathlib import Path

CATEGORIES = {"label": {"labels": [{"name": "cat"}]}}
BOX = {"type": "bbox", "bbox": [1, 2, 3, 4], "label_id": 0}


def put(folder: Path, items: list[Any] | str, **top: Any) -> Path:
    path = folder / "annotations" / "default.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = items if isinstance(items, str) else json.dumps(items)
    head = json.dumps({"categories": CATEGORIES, **top})
    path.write_text(f'{head[:-1]}, "items": {shown}}}')
    return folder


@pytest.mark.parametrize("size", [[{}, 3], [[1], 2], ["1", 2], [1, 2, 3], {"h": 1}, [True, 2]])
def test_sizes_that_are_none(size: Any, tmp_path: Path):
    put(tmp_path, [{"id": "a", "image": {"path": "a.jpg", "size": size}}])
    with pytest.raises(RecordError, match="size must be"):
        list(Dataset.import_from(tmp_path, "datumaro"))


def test_items_that_name_no_image_have_the_one_called_like_them(tmp_path: Path):
    put(tmp_path, [{"id": n, "annotations": [BOX]} for n in ("a", "b/c d", "e")])
    pixels = np.zeros((4, 5, 3), dtype=np.uint8)
    for name in ("a.JPG", "b/c d.png", "e.txt"):
        file = tmp_path / "images" / "default" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(pixels, ".png"))
    first, second, third = Dataset.import_from(tmp_path, "datumaro")
    assert (first.media.path, second.media.path, third.media) == ("a.JPG", "b/c d.png", None)
    assert second.media.data.shape == (4, 5, 3)


@pytest.mark.parametrize("size", [[0, 0], [-3, 4], [4, 2**40], [1e300, 2]])
def test_sizes_that_no_image_has_are_not_known(size: Any, tmp_path: Path):
    put(tmp_path, [{"id": "a", "image": {"path": "a.jpg", "size": size}, "annotations": [BOX]}])
    with pytest.warns(DskWarning, match="size that no image has"):
        (item,) = Dataset.import_from(tmp_path, "datumaro")
    assert (item.media.size, len(item.annotations)) == (None, 1)


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "volume", "shape": 3},
        {"kind": "volume", "rescale": [1]},
        {"kind": "multiframe_image", "frames": ["a.png"]},
        {"image": 5},
        {"extra": 5},
    ],
)
def test_what_dsk_adds_is_checked_too(more: Any, tmp_path: Path):
    put(tmp_path, [{"id": "a", "media": {"path": "a"}, "dsk": {"media": more}}])
    with pytest.raises(RecordError) as caught:
        list(Dataset.import_from(tmp_path, "datumaro"))
    assert caught.value.where.endswith("#/items/0")


def test_a_plain_medium_beside_the_image_says_nothing_more(tmp_path: Path):
    """Older versions of Datumaro wrote both."""
    image = {"path": "a.jpg", "size": [2, 3]}
    put(tmp_path, [{"id": "a", "image": image, "media": {"path": "a.jpg"}}])
    (item,) = Dataset.import_from(tmp_path, "datumaro")
    assert (item.media.kind, item.media.size) == ("image", (2, 3))


@pytest.mark.parametrize("field", ["id", "group", "object_id", "z_order"])
def test_numbers_beyond_64_bits(field: str, tmp_path: Path):
    put(tmp_path, [{"id": "a", "annotations": [{**BOX, field: 10**20}, BOX]}])
    with pytest.raises(RecordError, match=field):
        list(Dataset.import_from(tmp_path, "datumaro"))
    (item,) = Dataset.import_from(tmp_path, "datumaro", on_error="skip")
    assert item.annotations == [Bbox(1, 2, 3, 4, label=0)]


@pytest.mark.parametrize("version", [1.0, "1.0", None, "legacy"])
def test_versions(version: Any, tmp_path: Path):
    dataset = Dataset.import_from(
        put(tmp_path, [{"id": "a"}], dm_format_version=version), "datumaro"
    )
    assert dataset.opening_ledger.warnings == {}


@pytest.mark.parametrize("info", [[1, 2], "by me", {"author": "me"}])
def test_info_may_be_anything(info: Any, tmp_path: Path):
    dataset = Dataset.import_from(put(tmp_path / "in", [{"id": "a"}], info=info), "datumaro")
    dataset.export(tmp_path / "out", "datumaro")
    assert json.loads((tmp_path / "out/annotations/default.json").read_text())["info"] == info


def test_a_damaged_item_is_one_bad_record(tmp_path: Path):
    boxed = json.dumps({"id": "c", "annotations": [BOX]})
    items = f'[{{"id": "a"}}, {{"id": "b", "attr": {{"x": NaN}}}}, {boxed}]'
    put(tmp_path, items)
    with pytest.raises(RecordError) as caught:
        list(Dataset.import_from(tmp_path, "datumaro"))
    assert caught.value.where.endswith("#/items/1")
    found = list(Dataset.import_from(tmp_path, "datumaro", on_error="skip"))
    assert [(i.id, len(i.annotations)) for i in found] == [("a", 0), ("c", 1)]


def test_a_damaged_array_is_a_media_error(tmp_path: Path):
    mask = Mask3d(np.arange(4000).reshape(20, 20, 10) % 7, 1, label=0)
    item = DatasetItem("a", media=Volume("a.nii", shape=(20, 20, 10)), annotations=[mask])
    Dataset.from_iterable([item], ["cat"]).export(tmp_path / "o", "datumaro")
    (array,) = (tmp_path / "o").rglob("*.npz")
    good = array.read_bytes()
    listed = good.rindex(b"PK\1\2")
    for at in (len(good) // 2, listed + 6, listed + 10):
        array.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) * 8 + good[at + 8 :])
        (found,) = next(iter(Dataset.import_from(tmp_path / "o", "datumaro"))).annotations
        with pytest.raises(MediaError, match="no readable array"):
            found.source[0, 0, 0]


@pytest.mark.parametrize("value", [object(), {1: {2: 1j}}])
def test_an_attribute_that_json_cannot_say_names_its_item(value: Any, tmp_path: Path):
    item = DatasetItem("a/b", annotations=[Label(label=0, attributes={"x": value})])
    with pytest.raises(OutputError, match="a/b"):
        Dataset.from_iterable([item], ["cat"]).export(tmp_path / "o", "datumaro")


def test_a_subset_without_items_keeps_its_keypoints(tmp_path: Path):
    points = {"items": [{"label_id": 0, "labels": ["nose"], "joints": []}]}
    path = put(tmp_path, [], categories={**CATEGORIES, "points": points})
    dataset = Dataset.import_from(path)
    assert list(dataset) == []
    assert list(dataset.categories().points[0].labels) == ["nose"]


def test_the_folder_of_annotations_given_by_itself_has_its_images(tmp_path: Path):
    put(tmp_path, [{"id": "a", "annotations": [BOX], "image": {"path": "a.png"}}])
    image = tmp_path / "images" / "default" / "a.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(encode(np.zeros((4, 5, 3), np.uint8), ".png"))
    for given in ("annotations", "annotations/default.json"):
        (item,) = Dataset.import_from(tmp_path / given)
        assert isinstance(item.media, Image)
        assert item.media.get_size() == (4, 5)
        assert item.subset == "default"


def test_what_belongs_to_labels_that_are_not_there_is_told(tmp_path: Path):
    more: dict[str, Any] = {
        "points": {"items": [{"label_id": 1, "labels": ["nose"], "joints": []}]},
        "mask": {"colormap": [{"label_id": 7, "r": 1, "g": 2, "b": 3}]},
    }
    path = put(tmp_path, [], categories={**CATEGORIES, **more})
    dataset = Dataset.import_from(path)
    labels = dataset.categories()
    assert len(labels.labels) == 1
    assert not labels.points
    assert not labels.colors
    assert sorted(text.split()[0] for text in dataset.opening_ledger.warnings) == [
        "colours",
        "keypoints",
    ]


@pytest.mark.parametrize("red", [-1, 256, 1 << 40])
def test_a_colour_is_of_0_to_255(red: int, tmp_path: Path):
    mask = {"colormap": [{"label_id": 0, "r": red, "g": 2, "b": 3}]}
    path = put(tmp_path, [], categories={**CATEGORIES, "mask": mask})
    with pytest.raises(InputError, match="no colour of 0 to 255"):
        Dataset.import_from(path)


@pytest.mark.parametrize("points", [[1, 1, 2, 2, 3], [[1, 1], [2, 2], [3, 1]], ["a", "b"], None])
def test_outlines_beside_numbers_that_are_written_otherwise(points: Any, tmp_path: Path):
    """A label_id 0.0 makes the item be read with care; the rest is checked as always."""
    outline = {"type": "polygon", "label_id": 0, "points": points}
    put(tmp_path, [{"id": "a", "annotations": [{**BOX, "label_id": 0.0}, outline]}])
    with pytest.raises(RecordError, match="flat list of x, y") as caught:
        list(Dataset.import_from(tmp_path, "datumaro"))
    assert str(caught.value.where).endswith("#/items/0/annotations/1")


def test_bad_annotations_are_told_with_their_numbers_in_the_file(tmp_path: Path):
    turned = {"type": "rotated_bbox", "label_id": 0, "cx": 5}
    put(tmp_path, [{"id": "a", "annotations": [5, BOX, {"type": "sphere"}, turned]}])
    report = Dataset.import_from(tmp_path, "datumaro", on_error="skip").export(
        tmp_path / "out", "datumaro"
    )
    found = {bad.where.rpartition("/")[2]: bad.message for bad in report.bad}
    assert found == {
        "0": "an annotation must be an object",
        "2": "dsk has no annotation type 'sphere'",
        "3": "it has no points",
    }
