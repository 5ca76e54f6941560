"""The committed example dataset is what its script makes and what its README says."""

from __future__ import annotations

import json
from pathlib import Path

import make_shapes
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as oracle
from pycocotools.coco import COCO

SHAPES = Path(make_shapes.__file__).parent / "shapes"


@pytest.fixture(scope="module")
def redrawn(tmp_path_factory):
    output = tmp_path_factory.mktemp("shapes")
    make_shapes.write_subset(output, "train", make_shapes.TRAIN_NAMES, 1)
    make_shapes.write_subset(output, "val", make_shapes.VAL_NAMES, 101)
    return output


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_script_makes_the_committed_files(redrawn):
    assert names(redrawn) == names(SHAPES)
    for path in (redrawn / "annotations").iterdir():
        assert path.read_bytes() == (SHAPES / "annotations" / path.name).read_bytes(), path.name


def test_run_lengths_of_script_are_those_of_coco():
    rng = np.random.default_rng(1)
    for _ in range(50):
        mask = rng.random(rng.integers(1, 90, 2)) < rng.random()
        runs = make_shapes.run_lengths(mask)
        rle = {"size": list(mask.shape), "counts": make_shapes.compress(runs)}
        assert rle["counts"] == oracle.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()


@pytest.mark.parametrize("subset", ["train", "val"])
def test_instances_fit_their_images(subset):
    coco = COCO(SHAPES / "annotations" / f"instances_{subset}.json")
    for image in coco.imgs.values():
        with Image.open(SHAPES / "images" / subset / image["file_name"]) as file:
            assert file.size == (image["width"], image["height"])
    for record in coco.anns.values():
        image = coco.imgs[record["image_id"]]
        left, top, width, height = record["bbox"]
        assert 0 <= left < left + width <= image["width"]
        assert 0 <= top < top + height <= image["height"]
        if record["segmentation"]:
            area = int(coco.annToMask(record).sum(dtype=int))
            assert area == pytest.approx(record["area"], rel=0.1)


@pytest.mark.parametrize("subset", ["train", "val"])
def test_people_are_instances_with_keypoints(subset):
    instances, people = (
        json.loads((SHAPES / "annotations" / f"{task}_{subset}.json").read_text("utf-8"))
        for task in ("instances", "person_keypoints")
    )
    known = {record["id"]: record for record in instances["annotations"]}
    assert {flag for record in people["annotations"] for flag in record["keypoints"][2::3]} == {
        0,
        1,
        2,
    }
    for record in people["annotations"]:
        own = {"keypoints": record["keypoints"], "num_keypoints": record["num_keypoints"]}
        assert record == known[record["id"]] | own
        assert record["num_keypoints"] == sum(flag > 0 for flag in record["keypoints"][2::3])
