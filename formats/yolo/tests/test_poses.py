"""Poses that no data.yaml tells of."""

import pytest
from wild import NAMES, PNG, make, read

from dsk.annotations import Polygon, Skeleton
from dsk.detect import choose
from dsk.errors import InputError, OptionError
from dsk.files import open_root

HEAD = "0 0.5 0.5 0.5 0.5 "
TWO = HEAD + "0.4 0.4 2 0.6 0.6 {}\n"
SIX = "0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9 0.5 0.5\n"


def pair(rows, **more):
    return {"images/a.png": PNG, "labels/a.txt": rows, **more}


def items_of(tmp_path, rows, **options):
    _, items, told = read(make(tmp_path, pair(rows)), **options)
    return items["default", "a"].annotations, told


@pytest.mark.parametrize(
    ("rows", "points"),
    [
        (TWO.format(1) + TWO.format(0), 2),
        (TWO.format("2.000000") + TWO.format("0.0"), 2),
        (HEAD + "0.5 0.5 2 " * 17, 17),
        (HEAD + "0.5 0.5 0 " * 16 + "0.5 0.5 1", 17),
        ((HEAD + "0.4 0.4 1 0.6 0.6 1\n") * 10, 2),
        ((HEAD + "0.4 0.4 2\n") * 10, 1),
    ],
)
def test_rows_of_points_with_visibilities_are_poses(rows, points, tmp_path):
    found, told = items_of(tmp_path, rows)
    assert {type(a) for a in found} == {Skeleton}
    assert {len(a.visibility) for a in found} == {points}
    assert [t for t in told if f"poses of {points} points" in t and "no names" in t]
    assert not [t for t in told if "reach out" in t]


@pytest.mark.parametrize(
    "rows",
    [
        TWO.format(1),  # a single row
        TWO.format(1) + TWO.format(0.5),
        TWO.format(1) + SIX,
        SIX * 3,
        "0 0 0 1 0 1 1 0 1 0 0\n" * 20,  # all of an image, closed
        "0 0.1 0.1 0.9 0.1 0.9 0.9 1\n" * 20,  # triangles with a score
        "0 0.1 0.1 0.9 0.1 0.9 0.9 2\n" * 20,  # triangles with a track id
        "0 0.5 0.5 0.9 0.9 0.4 0.6 1\n" * 9,
    ],
)
def test_outlines_are_no_poses(rows, tmp_path):
    found, told = items_of(tmp_path, rows)
    assert {type(a) for a in found} == {Polygon}
    assert not [t for t in told if "poses" in t]


def test_a_stated_task_counts_more_than_the_rows(tmp_path):
    found, told = items_of(tmp_path, TWO.format(1) * 2, task="segment")
    assert {type(a) for a in found} == {Polygon}
    assert not [t for t in told if "poses" in t]


@pytest.mark.parametrize("text", ["2,3", "[2, 3]", "2x3"])
def test_the_shape_may_be_stated(text, tmp_path):
    (pose,), told = items_of(tmp_path, TWO.format(1), kpt_shape=text)
    assert list(pose.visibility) == [2, 1]
    assert not [t for t in told if "poses" in t]


def test_two_values_a_point_may_be_stated(tmp_path):
    (pose,), _ = items_of(tmp_path, HEAD + "0.4 0.4 -1 -1\n", task="pose", kpt_shape="2,2")
    assert list(pose.visibility) == [2, 0]


def test_the_yaml_counts_more_than_the_option(tmp_path):
    files = pair(TWO.format(1), **{"data.yaml": f"train: images\nkpt_shape: [2, 3]\n{NAMES}"})
    _, items, _ = read(make(tmp_path, files), kpt_shape="17,3")
    assert list(items["train", "a"].annotations[0].visibility) == [2, 1]


@pytest.mark.parametrize("text", ["17", "17,4", "0,3", "a,3", "17,3,1"])
def test_a_bad_shape_is_refused(text, tmp_path):
    with pytest.raises(OptionError, match="kpt_shape"):
        items_of(tmp_path, TWO.format(1), kpt_shape=text)


def test_poses_of_unknown_shape_name_the_option(tmp_path):
    with pytest.raises(InputError, match="pose needs kpt_shape") as caught:
        items_of(tmp_path, TWO.format(1), task="pose")
    assert "-I kpt_shape=17,3" in caught.value.hint


def test_detection_tells_poses_by_their_rows(tmp_path):
    files = {"data.yaml": f"train: images\n{NAMES}", **pair(TWO.format(1) * 2)}
    assert choose(open_root(make(tmp_path, files))).reason.endswith("of keypoints: yolov8_pose")
