"""Boxes and frames: the worked example, and properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsk.annotations import Cuboid3d
from dsk.rotations import angles_of, corners, matrix_of, quaternion_matrix, quaternion_of
from dsk_pointcloud.calib import Calibration, identity_calibration
from dsk_pointcloud.frames import bottom_of, centre_of, turned, wrap
from dsk_pointcloud.kitti3d.labels import parse_line, to_camera, to_lidar
from dsk_pointcloud.kitti_raw.convention import from_box, to_box

BOX = Cuboid3d((10.0, 2.0, -1.0), (0.0, 0.0, 0.5), (4.0, 1.8, 1.5))
RECT = """0.9999239 0.00983776 -0.007445048 -0.009869795 0.9999421 -0.004278459 0.007402527
0.004351614 0.9999631"""
VELO = """0.007533745 -0.9999714 -0.000616602 -0.004069766 0.01480249 0.0007280733 -0.9998902
-0.07631618 0.9998621 0.00752379 0.01480755 -0.2717806"""
# Whether a test passes must not depend on how busy the machine is.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
angles = st.tuples(*[st.floats(-3, 3)] * 3)


def calibration():
    rect = np.array(RECT.split(), dtype=float).reshape(3, 3)
    return Calibration({}, rect, np.array(VELO.split(), dtype=float).reshape(3, 4))


def test_corners_of_the_worked_example():
    found = corners(BOX)
    assert found.min(axis=0) == pytest.approx([7.813352, 0.251325, -1.75], abs=1e-6)
    assert found.max(axis=0) == pytest.approx([12.186648, 3.748675, -0.25], abs=1e-6)
    assert found[0] == pytest.approx([11.323682, 3.748675, -0.25], abs=1e-6)


def test_a_tracklet_of_the_worked_example():
    translation, size = from_box("kitti", BOX.position, BOX.rotation, BOX.scale)
    assert translation == (10, 2, -1.75)
    assert size == (1.5, 1.8, 4.0)
    assert to_box("datumaro", translation, BOX.rotation, size) == ((10, 2, -1.75), (1.8, 1.5, 4.0))
    assert to_box("datumaro-hwl", translation, BOX.rotation, size)[1] == (1.5, 1.8, 4.0)


@pytest.mark.parametrize("convention", ["kitti", "datumaro", "datumaro-hwl"])
@given(rotation=angles)
def test_conventions_come_back(convention, rotation):
    translation, size = from_box(convention, BOX.position, rotation, BOX.scale)
    position, scale = to_box(convention, translation, rotation, size)
    assert position == pytest.approx(BOX.position)
    assert scale == BOX.scale


def test_forward_y_of_the_worked_example():
    box = turned(BOX, "+y")
    assert box.scale == (1.8, 4.0, 1.5)
    assert box.rotation[2] == pytest.approx(-1.070796, abs=1e-6)


@given(rotation=angles)
def test_turning_keeps_the_solid_and_the_heading(rotation):
    box = Cuboid3d((1.0, 2.0, 3.0), rotation, (4.0, 1.8, 1.5))
    other = turned(box, "+y")
    ahead, there = matrix_of(box.rotation)[:, 0], matrix_of(other.rotation)[:, 1]
    assert there == pytest.approx(ahead, abs=1e-9)
    mine = sorted(map(tuple, np.round(corners(box), 6)))
    assert np.array(mine) == pytest.approx(
        np.array(sorted(map(tuple, np.round(corners(other), 6)))), abs=1e-5
    )
    back = turned(other, "+x")
    assert matrix_of(back.rotation) == pytest.approx(matrix_of(box.rotation), abs=1e-9)


def test_the_order_of_angles():
    first = matrix_of((0.1, 0.2, 0.3))[0]
    assert first == pytest.approx([0.9363, -0.2751, 0.2184], abs=1e-4)


@given(rotation=angles)
def test_angles_and_quaternions_give_their_matrix(rotation):
    matrix = matrix_of(rotation)
    assert matrix_of(angles_of(matrix)) == pytest.approx(matrix, abs=1e-7)
    assert quaternion_matrix(quaternion_of(matrix)) == pytest.approx(matrix, abs=1e-9)


def test_angles_at_the_pole():
    matrix = matrix_of((0.3, math.pi / 2, 0.1))
    assert matrix_of(angles_of(matrix)) == pytest.approx(matrix, abs=1e-9)


def test_the_quaternion_of_the_worked_example():
    assert quaternion_of(matrix_of((0, 0, 0.5))) == pytest.approx(
        (0.968912, 0, 0, 0.247404), abs=1e-6
    )


@given(angle=st.floats(-1e3, 1e3))
def test_wrapped_angles_are_the_same(angle):
    assert -math.pi <= wrap(angle) <= math.pi
    assert math.cos(wrap(angle)) == pytest.approx(math.cos(angle), abs=1e-9)


@given(rotation=angles)
def test_bottom_and_centre(rotation):
    assert centre_of(bottom_of((1, 2, 3), rotation, 1.5), rotation, 1.5) == pytest.approx((1, 2, 3))


def test_camera_labels_of_ideal_axes():
    location, ry, _ = to_camera(BOX, identity_calibration().to_camera)
    assert location == pytest.approx((-2, 1.75, 10))
    assert ry == pytest.approx(-2.070796, abs=1e-6)


def test_camera_labels_of_a_real_calibration():
    matrix = calibration().to_camera
    location, ry, alpha = to_camera(BOX, matrix)
    assert location == pytest.approx((-1.989774, 1.800406, 9.717119), abs=1e-5)
    assert ry == pytest.approx(-2.070586, abs=1e-5)
    assert alpha == pytest.approx(-1.868609, abs=1e-5)
    line = parse_line("Car 0 0 0 0 0 1 1 1.5 1.8 4.0 0 0 0 0")
    line.location, line.rotation_y = location, ry
    centre, scale, heading = to_lidar(line, np.linalg.inv(matrix))
    assert centre == pytest.approx((10, 2, -1), abs=1e-9)
    assert scale == (4.0, 1.8, 1.5)
    assert heading == pytest.approx(0.499939, abs=1e-6)
