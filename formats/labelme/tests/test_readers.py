"""What we write, read by the rules of labelme's ``read_label_file``, which needs Qt to be run."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Mask, Points, Polygon, PolyLine
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import from_dense

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = {"point": 1, "rectangle": 2, "line": 2, "circle": 2, "mask": 2, "oriented_rectangle": 4}
TYPES = {*COUNTS, "polygon", "linestrip", "points"}
SIZE = (80, 90)
AREA = np.zeros(SIZE, np.uint8)
AREA[20:30, 5:17] = 1
AREA[22, 6] = 0


def checked(shape: dict[str, Any]) -> str:
    """Return a shape's type after the checks of ``_load_shape_json_obj``."""
    kind, points, mask = shape["shape_type"], shape["points"], shape.get("mask")
    assert kind in TYPES
    assert isinstance(shape["label"], str)
    assert points
    assert all(len(p) == 2 and all(type(v) in (int, float) for v in p) for p in points)
    assert len(points) == COUNTS.get(kind, len(points))
    assert shape.get("group_id") is None or type(shape["group_id"]) is int
    assert isinstance(shape.get("description") or "", str)
    flags = shape.get("flags") or {}
    assert all(type(name) is str and type(value) is bool for name, value in flags.items())
    assert (mask is not None) == (kind == "mask")
    return kind


def test_labelme(tmp_path: Path) -> None:
    picture = Image.from_array(np.zeros((*SIZE, 3), np.uint8), "a.png")
    shapes = [
        Bbox(1, 2, 30, 40, label=0, attributes={"seen": True, "note": "x"}),
        Polygon([10, 10, 30, 12, 28, 30, 9, 25], label=1, group=3),
        Points([4, 5], label=1),
        PolyLine([1, 1, 5, 5, 9, 1], label=0),
        Mask(from_dense(AREA), label=1),
    ]
    dataset = Dataset.from_iterable([DatasetItem("a", "train", picture, shapes)], ["cat", "dög"])
    dataset.export(tmp_path / "o", "labelme_json", save_media=True)
    (file,) = (tmp_path / "o").rglob("a.json")
    raw = json.loads(file.read_text(encoding="utf-8"))
    assert raw["imageData"] is None
    with PilImage.open(file.parent / raw["imagePath"]) as shown:
        assert shown.size == (SIZE[1], SIZE[0])
    assert (raw["imageHeight"], raw["imageWidth"]) == SIZE
    assert all(type(value) is bool for value in (raw.get("flags") or {}).values())
    kinds = [checked(shape) for shape in raw["shapes"]]
    assert kinds == ["rectangle", "polygon", "point", "linestrip", "mask"]
    box, outline, *_, mask = raw["shapes"]
    assert (box["label"], box["points"]) == ("cat", [[1, 2], [31, 42]])
    assert outline["points"] == [[10, 10], [30, 12], [28, 30], [9, 25]]
    drawn = np.array(PilImage.open(io.BytesIO(base64.b64decode(mask["mask"])))).astype(bool)
    # labelme puts the picture at its first point; both points are pixels of it
    (left, top), (right, bottom) = np.array(mask["points"]).astype(int)
    assert drawn.shape == (bottom - top + 1, right - left + 1)
    whole = np.zeros(SIZE, bool)
    whole[top : bottom + 1, left : right + 1] = drawn
    assert np.array_equal(whole, AREA)
