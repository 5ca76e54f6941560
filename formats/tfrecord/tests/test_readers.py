"""What we write, read by the ``tfrecord`` library, which shares no code with ours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as PilImage
from tfrecord import example_pb2
from tfrecord.reader import tfrecord_loader

from dsk import Dataset
from dsk.annotations import Bbox, Mask
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import from_dense
from dsk_tfrecord.example import encode

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, WIDTH = 20, 30
PIXELS = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
OBJECTS = {
    "image/object/bbox/xmin": "float",
    "image/object/bbox/ymin": "float",
    "image/object/bbox/xmax": "float",
    "image/object/bbox/ymax": "float",
    "image/object/class/text": "byte",
    "image/object/class/label": "int",
}
MASK, WEIGHT = "image/object/mask", "image/object/mask/weight"
SHAPE = np.zeros((HEIGHT, WIDTH), np.uint8)
SHAPE[2:9, 3:11] = 1


def read(file: Path, **options: Any) -> list[dict[str, Any]]:
    return list(tfrecord_loader(str(file), None, **options))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    items = [
        DatasetItem(
            name,
            subset,
            Image.from_array(PIXELS, f"{name}.png"),
            [
                Bbox(3, 4, 10.5, 6.25, label=1, attributes={"difficult": True}),
                Mask(from_dense(SHAPE), label=0),
            ],
        )
        for name, subset in (("a", "train"), ("b", "train"), ("c", "val"))
    ]
    items.append(DatasetItem("none", "train", Image.from_array(PIXELS, "none.png"), []))
    dataset = Dataset.from_iterable(items, ["cat", "dög"])
    dataset.export(tmp_path / "o", "tf_detection_api", save_media=True, save_masks=True)
    return tmp_path / "o"


def test_records(written: Path) -> None:
    records = read(written / "train.tfrecord")
    assert [r["image/filename"] for r in records] == [b"a.png", b"b.png", b"none.png"]
    assert [r["image/filename"] for r in read(written / "val.tfrecord")] == [b"c.png"]
    first = records[0]
    corners = [first[f"image/object/bbox/{side}"] for side in ("xmin", "ymin", "xmax", "ymax")]
    expected = np.array([[3, 4, 13.5, 10.25], [3, 2, 11, 9]]).T
    sizes = np.array([[WIDTH], [HEIGHT], [WIDTH], [HEIGHT]])
    assert np.allclose(np.array(corners) * sizes, expected, atol=1e-4)
    assert first["image/object/class/label"].tolist() == [2, 1]
    assert [t.decode() for t in first["image/object/class/text"]] == ["dög", "cat"]
    assert first["image/object/difficult"].tolist() == [1, 0]
    assert (first["image/height"][0], first["image/width"][0]) == (HEIGHT, WIDTH)
    assert np.array_equal(PilImage.open(io.BytesIO(first["image/encoded"])), PIXELS)
    filled, shown = (np.array(PilImage.open(io.BytesIO(m))) for m in first["image/object/mask"])
    assert np.array_equal(shown, SHAPE)
    expected = np.zeros_like(SHAPE)
    expected[4:10, 3:14] = 1
    assert np.array_equal(filled, expected)
    assert first["image/object/mask/weight"].tolist() == [0, 1]


def test_every_record_has_the_features_of_objects(written: Path) -> None:
    records = read(written / "train.tfrecord", description=OBJECTS)
    assert [len(r["image/object/bbox/xmin"]) for r in records] == [2, 2, 0]
    assert [len(r["image/object/class/text"]) for r in records] == [2, 2, 0]


@pytest.mark.parametrize(
    ("boxes", "weights", "told"),
    [
        ([Bbox(3, 4, 10, 6, label=0), Bbox(29.9, 0, 0.1, 0.1)], [0, 0, 1], 2),
        ([Bbox(-5, -5, 2, 2, label=1)], [0, 1], 1),
        ([], None, 0),
    ],
)
def test_every_object_has_a_mask_or_none_has(
    tmp_path: Path, boxes: list[Bbox], weights: list[int] | None, told: int
) -> None:
    """TensorFlow decodes each as an image and leaves out those of weight 0."""
    media = Image.from_array(PIXELS, "a.png")
    mixed = DatasetItem("a", "train", media, [*boxes, Mask(from_dense(SHAPE), label=0)])
    dataset = Dataset.from_iterable([mixed, DatasetItem("b", "train", media, boxes)], ["c", "d"])
    report = dataset.export(tmp_path / "o", "tf_detection_api", save_masks=True)
    events = {e.code: (e.kind, e.count) for e in report.losses if e.code != "DSK-L007"}
    assert events == ({"DSK-L003": ("bbox", told)} if told else {})
    first, second = read(tmp_path / "o" / "train.tfrecord")
    # the library gives a list of one value as the value
    found = [np.array(PilImage.open(io.BytesIO(m))) for m in np.atleast_1d(first[MASK]).tolist()]
    assert [m.shape for m in found] == [SHAPE.shape] * (len(boxes) + 1)
    assert all(m.any() for m in found)
    assert (first[WEIGHT].tolist() if WEIGHT in first else None) == weights
    assert MASK not in second
    assert WEIGHT not in second
    back = Dataset.import_from(tmp_path / "o", "tf_detection_api").get("a", "train")
    assert [type(a) for a in back.annotations] == [*[Bbox] * len(boxes), Mask]


@pytest.mark.parametrize(
    ("kind", "name"), [(bytes, "bytes_list"), (float, "float_list"), (int, "int64_list")]
)
def test_empty_features_have_the_type_that_is_asked_for(kind: type, name: str) -> None:
    read_back = example_pb2.Example.FromString(encode({"a": [], "b": []}, {"a": kind}))
    found = read_back.features.feature
    assert found["a"].WhichOneof("kind") == name
    assert list(getattr(found["a"], name).value) == []
    assert found["b"].WhichOneof("kind") is None
