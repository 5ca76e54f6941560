"""Extra fields of formats come from files that anybody may edit: no value may break a run."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dsk import Bbox, Categories, Dataset, DatasetItem, Label, Mask, Polygon
from dsk.categories import LabelCategory
from dsk.errors import DskError
from dsk.media import Image
from dsk.registry import registry
from dsk.rle import from_dense

if TYPE_CHECKING:
    from pathlib import Path

FAMILIES = sorted({e.capabilities.family for e in registry().exporters} - {"", "*"})
NAMES = [
    *("actions", "area", "attributes", "bndbox", "box", "calib", "clicks", "coordinates", "ego"),
    *("date", "display_name", "file", "flags", "image", "label_name", "lidar", "name", "parts"),
    *("pose", "segments", "source", "space", "svg", "type", "values"),
]
ODD = [5, -1.5, "text", "\0<&\n", [1, 2], [[1]], [], {}, None, True, {"a": 5}, {"x": {"y": [None]}}]
ROUNDS = 4


def odd(rng: random.Random) -> dict[str, Any]:
    return {family: {name: rng.choice(ODD) for name in NAMES} for family in FAMILIES}


def dataset(rng: random.Random) -> Dataset:
    dense = np.zeros((20, 30), np.bool_)
    dense[2:9, 3:8] = True
    annotations = [
        Bbox(1, 2, 3, 4, label=0, id=1, extra=odd(rng)),
        Polygon([[1, 1, 5, 1, 5, 5]], label=1, id=2, extra=odd(rng)),
        Mask(from_dense(dense), label=1, id=3, extra=odd(rng)),
        Label(label=0, extra=odd(rng)),
    ]
    picture = Image.from_array(np.zeros((20, 30, 3), np.uint8), "a.png")
    labels = tuple(LabelCategory(name, extra=odd(rng)) for name in ("a", "b"))
    items = [DatasetItem("a", "train", picture, annotations, {"frame": 1}, odd(rng))]
    return Dataset.from_iterable(items, categories=Categories(labels=labels))


@pytest.mark.parametrize("name", [e.name for e in registry().exporters])
def test_odd_extra_fields_are_written_left_out_or_refused(name: str, tmp_path: Path) -> None:
    for seed in range(ROUNDS):
        with contextlib.suppress(DskError):  # a refusal is fine, any other exception is a bug
            dataset(random.Random(seed)).export(tmp_path / str(seed), name, save_media=True)
