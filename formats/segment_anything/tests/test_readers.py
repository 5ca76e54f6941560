"""What we write, read by pycocotools, as SA-1B's own instructions do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from pycocotools import mask as coco_mask

from dsk import Dataset
from dsk.annotations import Mask
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import from_dense

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (20, 30)


def test_pycocotools_decodes_the_masks(tmp_path: Path) -> None:
    drawn = [np.zeros(SIZE, np.uint8) for _ in range(3)]
    drawn[0][2:9, 3:11], drawn[1][:, 29], drawn[2][::2, ::3] = 1, 1, 1
    picture = Image.from_array(np.zeros((*SIZE, 3), np.uint8), "sa_1.jpg")
    item = DatasetItem("sa_1", "default", picture, [Mask(from_dense(m)) for m in drawn])
    Dataset.from_iterable([item]).export(tmp_path / "o", "segment_anything")
    (file,) = (tmp_path / "o").rglob("sa_1.json")
    content = json.loads(file.read_text())
    assert (content["image"]["height"], content["image"]["width"]) == SIZE
    for found, mask in zip(content["annotations"], drawn, strict=True):
        segmentation = found["segmentation"]
        assert np.array_equal(coco_mask.decode(segmentation), mask)
        assert found["area"] == coco_mask.area(segmentation) == mask.sum()
        assert found["bbox"] == coco_mask.toBbox(segmentation).tolist()
